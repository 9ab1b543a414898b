"""Servers that are not what a hub should be, for tests of what the client does then. Each remembers what it was asked."""

import base64
import http.server
import threading


class Misbehaving:
    """Answers every request with what `answer(method, path, headers, body)` returns: (status, headers, body) or None to hang up."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

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

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

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
