"""The HTTP layer from outside: paths, proxies, TLS, health, metrics, the log."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

import bench


def test_unknown_paths_and_the_factory_api_are_404_with_a_string_detail(hub, owner):
    for path in ("/api/v1/factory/builds", "/nothing", "/api/v1/nothing", "/git", "/git/alice"):
        for token in (owner.token, None):
            a = hub.http(path, token=token)
            assert a.status == 404, (path, a.status)
            assert isinstance(a.json["detail"], str) and a.json["detail"]
            assert a.headers["Content-Type"].startswith("application/")


def test_a_wrong_method_is_405_and_says_which_are_right(hub):
    a = hub.http("/healthz", method="DELETE")
    assert a.status == 405 and "GET" in a.headers["Allow"] and isinstance(a.json["detail"], str)


def test_me_answers_the_handle_and_nothing_but_200_or_401(hub):
    user = hub.new_user()
    for scheme in ("bearer", "Bearer", "BEARER"):
        a = hub.http("/accounts/api/v1/accounts/me", headers={"Authorization": f"{scheme} {user.token}"})
        assert a.status == 200 and a.json["handle"] == user.handle and a.json["expires_at"] is None and "user_id" in a.json
    timed = hub.token(user.handle, "--expires", "90d")
    expires = hub.http("/accounts/api/v1/accounts/me", token=timed).json["expires_at"]
    assert expires.endswith("Z") or "+" in expires
    for bad in ("flox_pat_nothing", "x", "", "a b", "flox_" + "y" * 5000, timed[:-1], timed + "x"):
        a = hub.http("/accounts/api/v1/accounts/me", token=bad)
        assert a.status == 401 and isinstance(a.json["detail"], str), bad
    assert hub.http("/accounts/api/v1/accounts/me").status == 401
    assert hub.http("/accounts/api/v1/accounts/me", basic=user.token).json["handle"] == user.handle


def test_doubled_slashes_are_collapsed_and_nothing_is_redirected(hub, owner):
    for path in (f"//git/{owner.handle}/floxmeta/info/refs", f"/git//{owner.handle}/floxmeta/info/refs",
                 f"///git///{owner.handle}//floxmeta//info//refs"):
        a = hub.http(path + "?service=git-upload-pack", basic=owner.token)
        assert a.status == 200, (path, a.status)


def test_head_is_get_without_a_body(hub):
    a = hub.http("/healthz", method="HEAD")
    assert a.status == 200 and a.body == b""
    assert int(a.headers["Content-Length"]) == len(hub.http("/healthz").body)


def test_a_connection_serves_many_requests(hub):
    c = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=20)
    c.connect()
    port = c.sock.getsockname()[1]
    for _ in range(200):
        c.request("GET", "/healthz")
        assert c.getresponse().read()
        assert c.sock.getsockname()[1] == port


def test_expect_100_continue_is_answered_before_the_body_or_refused_without_it(hub, owner):
    auth = "Basic " + bench.base64.b64encode(f"oauth:{owner.token}".encode()).decode()
    head = (f"POST /git/{owner.handle}/floxmeta/git-receive-pack HTTP/1.1\r\nHost: h\r\nAuthorization: %s\r\nExpect: 100-continue\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\nContent-Length: 4\r\n\r\n")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as s:
        s.sendall((head % auth).encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 100")
        s.sendall(b"0000")
        assert b" 200 " in s.recv(4096)
    with socket.create_connection(("127.0.0.1", hub.port), timeout=10) as s:
        s.sendall((head % "Basic b2F1dGg6").encode())
        assert b" 401 " in s.recv(4096).split(b"\r\n")[0] + b" "


def test_an_authorization_header_of_several_kilobytes_is_read(hub):
    a = hub.http("/accounts/api/v1/accounts/me", token="eyJ" + "a" * 6000)
    assert a.status == 401


def test_no_answer_is_compressed(hub, owner):
    a = hub.http(f"/git/{owner.handle}/floxmeta/info/refs?service=git-upload-pack", basic=owner.token,
                 headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert a.status == 200 and "Content-Encoding" not in a.headers


def test_a_path_prefix_works_on_every_surface(new_hub, machine):
    hub = new_hub(prefix="/floxhub")
    user, m = hub.new_user(), machine()
    assert hub.http("/accounts/api/v1/accounts/me", token=user.token).json["handle"] == user.handle
    env = bench.Environment(m, "web")
    env.generation()
    m.push(hub, user.handle, env.repo, "HEAD:web", user.token, check=True)
    m.clone(hub, user.handle, "web", m.work / "c.git", user.token, check=True)
    assert bench.http(f"http://127.0.0.1:{hub.port}/accounts/api/v1/accounts/me", token=user.token).status == 404


@pytest.fixture
def certificate(workshop):
    folder = workshop.folder("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)
    for p in folder.iterdir():
        shutil.chown(p, folder.owner()) if os.geteuid() == 0 else None
    return folder


def test_tls_from_a_certificate_and_key(new_hub, machine, certificate):
    hub = new_hub("--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem", start=False)
    hub.base = f"https://127.0.0.1:{hub.port}"
    hub.start(wait=False)
    context = ssl.create_default_context(cafile=certificate / "cert.pem")

    def answers():
        try:
            c = http.client.HTTPSConnection("127.0.0.1", hub.port, context=context, timeout=5)
            c.request("GET", "/readyz")
            return c.getresponse().status == 200
        except OSError:
            return False

    bench.wait_for(answers, 30)
    user, m = hub.new_user(), machine()
    m.env["GIT_SSL_CAINFO"] = str(certificate / "cert.pem")
    env = bench.Environment(m, "web")
    env.generation()
    m.push(hub, user.handle, env.repo, "HEAD:web", user.token, check=True)
    m.clone(hub, user.handle, "web", m.work / "c.git", user.token, check=True)


def test_a_missing_certificate_is_a_clear_error(new_hub, workshop):
    hub = new_hub("--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem", start=False)
    hub.start(wait=False)
    assert hub.process.wait(30) != 0
    hub.process = None
    assert "/nowhere/" in hub.log()


@pytest.fixture
def nginx(workshop):
    """nginx in front of a hub, as an operator would set it up."""
    running = []

    def start(hub, location="/"):
        port, folder = bench.free_port(), workshop.folder("nginx")
        conf = folder / "nginx.conf"
        conf.write_text(f"""
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; {"user root;" if os.geteuid() == 0 else ""}
events {{ worker_connections 256; }}
http {{ access_log off; client_max_body_size 0; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; location {location} {{ proxy_pass http://127.0.0.1:{hub.port}; proxy_http_version 1.1;
    proxy_request_buffering off; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme; }} }} }}""")
        running.append(subprocess.Popen(["nginx", "-p", str(folder), "-c", str(conf)]))

        def up():
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1)
            except OSError:
                return None

        bench.wait_for(up).close()
        return port

    yield start
    for p in running:
        p.terminate()
        p.wait(10)


def test_behind_nginx_git_pushes_and_clones_and_the_real_address_is_logged(new_hub, machine, nginx):
    hub = new_hub("--trusted-proxies", "127.0.0.1", start=False)
    port = nginx(hub)
    direct = hub.base
    hub.start()
    hub.base = f"http://127.0.0.1:{port}"
    user, m = hub.new_user(), machine()
    env = bench.Environment(m, "web")
    env.generation(lock=bench.EMPTY_LOCK + " " * 10)
    noise = os.urandom(1_500_000).hex()
    env.generation(manifest='schema-version = "1.15.0"\n# ' + noise + "\n", kind="edit", summary="manually edited the manifest")
    m.push(hub, user.handle, env.repo, "HEAD:web", user.token, check=True)
    m.clone(hub, user.handle, "web", m.work / "c.git", user.token, check=True)
    assert m.git("-C", "c.git", "rev-parse", "web", check=True).stdout.strip() == env.tip
    hub.base = direct
    # A client at 127.0.0.2, which is no proxy, says that it is somebody else.
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10, source_address=("127.0.0.2", 0))
    c.request("GET", "/nothing", headers={"X-Forwarded-For": "198.51.100.77"})
    assert c.getresponse().status == 404
    bench.wait_for(lambda: any(d["status"] == 404 for d in hub.access_log()))
    assert [d["remote"] for d in hub.access_log() if d["status"] == 404] == ["127.0.0.2"]


def test_health_is_of_the_process_and_readiness_of_what_it_depends_on(new_hub):
    hub = new_hub()
    assert hub.http("/healthz").status == 200 and hub.http("/readyz").status == 200
    os.kill(hub.postgres_pid(), bench.signal.SIGSTOP)
    children = subprocess.run(["pgrep", "-P", str(hub.postgres_pid())], capture_output=True, text=True).stdout.split()
    for child in children:
        os.kill(int(child), bench.signal.SIGSTOP)
    try:
        assert hub.http("/healthz").status == 200
        t = time.monotonic()
        a = hub.http("/readyz", timeout=30)
        assert a.status == 503 and isinstance(a.json["detail"], str)
        assert time.monotonic() - t < 15
    finally:
        for pid in (*children, hub.postgres_pid()):
            os.kill(int(pid), bench.signal.SIGCONT)
    bench.wait_for(lambda: hub.http("/readyz").status == 200, 30)


def test_metrics_are_prometheus_text_on_their_own_listener_without_names(hub, owner):
    hub.http(f"/git/{owner.handle}/floxmeta/info/refs?service=git-upload-pack", basic=owner.token)
    text = hub.metrics()
    assert "floe_build_info{" in text and 'route="git.info_refs"' in text
    assert owner.handle not in text and owner.token not in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) is not None
    assert hub.http("/metrics").status == 404


def test_the_log_has_one_json_line_for_each_request(hub, owner):
    before = len(hub.access_log())
    for _ in range(5):
        hub.http(f"/git/{owner.handle}/floxmeta/info/refs?service=git-upload-pack", basic=owner.token)
    bench.wait_for(lambda: len(hub.access_log()) >= before + 5)
    line = hub.access_log()[-1]
    assert {"time", "id", "route", "status", "ms", "bytes", "actor"} <= set(line), line
    assert line["route"] == "git.info_refs" and line["status"] == 200 and line["actor"] > 0
    assert all(json.loads(x) for x in hub.log().splitlines() if x.startswith("{"))


def test_a_full_queue_is_503_with_retry_after(new_hub):
    hub = new_hub("--workers", "1", "--db-connections", "1")
    os.kill(hub.postgres_pid(), 0)
    answers = []

    def ask():
        try:
            answers.append(bench.http(hub.base + "/readyz", timeout=60))
        except OSError as e:
            answers.append(e)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert all(isinstance(a, bench.Answer) and a.status in (200, 503) for a in answers), answers
    assert all("Retry-After" in a.headers for a in answers if a.status == 503)


def test_sighup_reloads_without_dropping_anybody(hub, owner):
    hub.process.send_signal(bench.signal.SIGHUP)
    for _ in range(20):
        assert hub.http("/accounts/api/v1/accounts/me", token=owner.token).status == 200


def test_an_unknown_setting_is_an_error_that_names_the_nearest(workshop, tmp_path):
    conf = workshop.folder("conf") / "floe.conf"
    conf.write_text("listne = 127.0.0.1:1\n")
    conf.chmod(0o644)
    done = subprocess.run([workshop.bin / "floe-server", "config", "check", "--config", conf], capture_output=True, text=True)
    assert done.returncode in (1, 2) and "listne" in done.stderr and "listen" in done.stderr
    done = subprocess.run([workshop.bin / "floe-server", "config", "check"], capture_output=True, text=True,
                          env={**os.environ, "FLOE_LISTNE": "x"})
    assert done.returncode in (1, 2) and "FLOE_LISTEN" in done.stderr
    done = subprocess.run([workshop.bin / "floe-server", "serve", "--listn", "x"], capture_output=True, text=True)
    assert done.returncode == 2 and "listen" in done.stderr
