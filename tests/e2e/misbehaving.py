"""Servers that are not what a hub should be, for tests of what the client does then. Each remembers what it was asked."""

import base64
import http.client
import http.server
import threading
import time


class Quiet(http.server.BaseHTTPRequestHandler):
    """Every method is handle_any; nothing is logged."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_any(self):
        raise NotImplementedError

    def do_GET(self):
        self.handle_any()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


class Server:
    """Serves on a port of its own, with `with`."""

    def __init__(self, handler):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Misbehaving(Server):
    """Answers every request with what `answer(method, path, headers, body)` returns: (status, headers, body) or None to hang up."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(Quiet):
            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                told = answer(self.command, self.path, self.headers, body)
                if told is None:
                    self.close_connection = True
                    return
                status, headers, data = told
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                if int(headers.get("Content-Length", len(data))) != len(data):
                    self.close_connection = True

        super().__init__(Handler)

    def credentials(self):
        """Every secret that came with a request."""
        found = []
        for _, _, headers, _ in self.requests:
            value = {k.lower(): v for k, v in headers.items()}.get("authorization", "")
            kind, _, rest = value.partition(" ")
            if kind.lower() == "basic":
                rest = base64.b64decode(rest).decode().partition(":")[2]
            if rest:
                found.append(rest)
        return found


def pkt(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%04x" % (len(data) + 4) + data


def html(*_):
    return 200, {"Content-Type": "text/html"}, b"<html><body>Sign in to the network</body></html>"


def v2_hub(ls_refs, fetch=b""):
    """A hub that speaks v2 well enough, with the given answers to the two commands; also answers /me as eve."""

    def answer(method, path, headers, body):
        if path.endswith("/accounts/me"):
            return 200, {"Content-Type": "application/json"}, b'{"user_id":"1","handle":"eve","expires_at":null}'
        if method == "GET":
            lines = pkt("version 2\n") + pkt("ls-refs\n") + pkt("fetch\n") + pkt("object-format=sha1\n") + b"0000"
            return 200, {"Content-Type": "application/x-git-upload-pack-advertisement"}, lines
        data = ls_refs if b"command=ls-refs" in body else fetch
        return 200, {"Content-Type": "application/x-git-upload-pack-result"}, data

    return answer


class Between(Server):
    """Stands between a client and a hub and passes everything on, until `fault(handler, n, forward)` is set: it is called for
    the nth request since then, and may answer itself (then it returns True)."""

    def __init__(self, hub):
        self.fault, self.count, self.seen = None, 0, []
        outer = self

        class Handler(Quiet):
            def forward(self):
                there = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
                headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                there.request(self.command, self.path, self.body, {**headers, "Host": self.headers["Host"]})
                answer = there.getresponse()
                body = answer.read()
                there.close()
                kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection", "content-length")]
                return answer.status, kept, body

            def answer(self, status, headers, body, promised=None):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) if promised is None else promised))
                self.end_headers()
                self.wfile.write(body)

            def handle_any(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                n, outer.count = outer.count, outer.count + 1
                outer.seen.append((self.command, self.path))
                if outer.fault and outer.fault(self, n, self.forward):
                    self.close_connection = True
                    return
                self.answer(*self.forward())

        super().__init__(Handler)

    def set(self, fault):
        self.fault, self.count, self.seen = fault, 0, []


def says(status, headers, body, promised=None):
    def fault(handler, n, forward):
        handler.answer(status, headers, body, promised)
        return True
    return fault


def hangs_up(handler, n, forward):
    return True


def cuts(handler, n, forward):
    """Half of the true answer."""
    status, headers, body = forward()
    handler.answer(status, headers, body[:len(body) // 2], promised=len(body))
    return True


def stalls(handler, n, forward):
    """Takes the request and says nothing more than a head."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.flush()
    time.sleep(6)
    return True


def loses_the_answer(handler, n, forward):
    """The hub did it; nobody hears of it."""
    forward()
    return True


def drips(handler, n, forward):
    """The true answer, slowly."""
    status, headers, body = forward()
    time.sleep(1.3)
    handler.answer(status, headers, body)
    return True


FAULTS = {
    "500": (says(500, [("Content-Type", "text/plain")], b"out of order"), "cannot do that now (status 500): out of order"),
    "503": (says(503, [("Content-Type", "text/plain"), ("Retry-After", "90")], b"maintenance"), "Try again in 90 seconds."),
    "429": (says(429, [("Retry-After", "1")], b""), "too many requests). Try again in 1 second."),
    "502": (says(502, [("Content-Type", "text/html")], b"<h1>Bad Gateway</h1>"), "cannot reach the hub now (status 502)"),
    "407": (says(407, [("Proxy-Authenticate", "Basic"), ("Content-Type", "text/html")], b"<p>no"), "asks for a login (status 407)"),
    "page": (says(200, [("Content-Type", "text/html; charset=utf-8")], b"<html>Sign in to the network"), "sent a web page"),
    "blocked": (says(403, [("Content-Type", "text/html")], b"<html>Blocked by policy"), "sent a web page (status 403)"),
    "hang-up": (hangs_up, "broke off"),
    "cut": (cuts, "broke off"),
    "stall": (stalls, "did not answer in time"),
    "redirect": (says(302, [("Location", "http://127.0.0.1:9/git")], b""), "floe follows no redirects"),
}
