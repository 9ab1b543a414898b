"""floe and a hub with something in between that goes wrong: proxies, cuts, silence, lost answers. Each failure is a sentence
that names the way out, exit 1, and a folder as it was; the next try works."""

import json
import shutil
import ssl
import subprocess
import threading
import time

import pytest

import bench
from misbehaving import FAULTS, Between, Misbehaving, drips, html, loses_the_answer
from test_client import EMPTY, VARS, env_lock, files, made
from test_client_verbs import on_terminal

SOON = {"FLOE_TIMEOUT": "2"}


@pytest.fixture(scope="module")
def between(hub):
    with Between(hub) as b:
        yield b


@pytest.fixture
def m(between, machine, owner):
    between.set(None)
    m = machine("behind").at(between)
    m.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
    return m


def pushed(m, name):
    folder = made(m, name)
    m.floe("push", cwd=folder, check=True)
    return folder


def edited(m, folder, text=EMPTY):
    m.floe("edit", "-f", "-", cwd=folder, input=text, check=True)
    return folder


def prepare(m, verb, owner, name="web"):
    """A folder in which the verb has something to do, and the command."""
    ref = f"{owner.handle}/{name}"
    if verb == "push, first":
        return made(m, name), ("push",)
    if verb == "push":
        return edited(m, pushed(m, name)), ("push",)
    if verb == "pull":
        folder, there = pushed(m, name), m.folder(f"there-{name}")
        m.floe("pull", ref, cwd=there, check=True)
        m.floe("push", cwd=edited(m, folder), check=True)
        return there, ("pull",)
    if verb == "pull, new":
        pushed(m, name)
        shutil.rmtree(m.home / ".local/share/flox/meta" / owner.handle)
        return m.folder(f"there-{name}"), ("pull", ref)
    if verb == "list -u":
        return pushed(m, name), ("list", "-c", "--upstream")
    if verb == "init -r":
        return m.folder(f"there-{name}"), ("init", "-r", ref)
    assert verb == "auth status"
    return m.folder(f"there-{name}"), ("auth", "status")


# How many requests each makes. The clone of an owner is shared, so that "pull" has the new commit already.
VERBS = {"push, first": 2, "push": 4, "pull": 2, "pull, new": 3, "list -u": 2, "init -r": 2, "auth status": 1}
PUSHES = ("push, first", "push", "init -r")


@pytest.mark.parametrize("verb", VERBS)
def test_a_fault_in_any_request_is_one_sentence_and_changes_nothing(m, between, owner, verb):
    folder, words = prepare(m, verb, owner)
    before, asks = files(folder), VERBS[verb]
    for name, (fault, told) in FAULTS.items():
        for k in range(asks) if name != "stall" else (asks - 1,):
            if name == "cut" and verb in PUSHES and k == asks - 1:
                continue  # half of the answer to a push, after which the hub has it: told further down
            between.set(lambda handler, n, forward: n >= k and fault(handler, n, forward))
            done = m.floe(*words, cwd=folder, env=SOON)
            assert between.count in (k + 1, k + 2), between.seen  # curl tries again where a used connection ends
            assert done.returncode == 1 and done.stdout == "", (name, verb, k, done)
            assert told in done.stderr, (name, verb, k, done.stderr)
            assert done.stderr.count("ERROR") <= 1 and owner.token not in done.stderr
            assert files(folder) == before and not list(folder.glob(".flox.*"))
    between.set(None)
    assert m.floe(*words, cwd=folder).returncode == 0
    assert between.count == asks, between.seen


def test_a_push_whose_answer_is_lost_is_found_to_be_done(m, between, owner):
    """On a connection that was used before, at once; on a new one, and when half of the answer came, by the next push."""
    folder = pushed(m, "web")
    for n, fault in enumerate((loses_the_answer, loses_the_answer, FAULTS["cut"][0])):
        m.floe("edit", "-f", "-", cwd=folder, input=EMPTY + f"# {n}\n", check=True)
        before = env_lock(folder)
        between.set(lambda handler, k, forward: (k == 3 if n == 0 else k >= 3) and fault(handler, k, forward))
        done = m.floe("push", cwd=folder)
        if n == 0:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode == 1 and "broke off" in done.stderr and env_lock(folder) == before
            between.set(None)
            assert "No changes to push" in m.floe("push", cwd=folder, check=True).stderr


def test_a_first_push_whose_answer_is_lost_can_be_taken_over_or_repeated(m, between, owner):
    folder = made(m, "lost")
    between.set(lambda handler, n, forward: n >= 1 and loses_the_answer(handler, n, forward))
    assert m.floe("push", cwd=folder).returncode == 1
    assert json.loads((folder / ".flox/env.json").read_text()) == {"name": "lost", "version": 1}
    between.set(None)
    done = m.floe("push", cwd=folder)
    assert done.returncode == 1 and "already exists!" in done.stderr and "floe push --force" in done.stderr
    m.floe("push", "-f", cwd=folder, check=True)


def test_what_takes_over_a_second_shows_so_on_a_terminal_and_nowhere_else(m, between, owner):
    for i, verb in enumerate(VERBS):
        folder, words = prepare(m, verb, owner, f"slow{i}")
        between.set(drips)
        shown, status = on_terminal(m, *words, cwd=folder, timeout=40)
        between.set(None)
        assert status == 0, shown
        assert any(word in shown for word in ("Asking the hub", "Fetching", "Pushing")), (verb, shown)
        assert "\r\x1b[K" in shown and "1s" in shown.split("\r\x1b[K", 1)[1], (verb, shown)
    folder = pushed(m, "piped")
    between.set(drips)
    done = m.floe("list", "-c", "--upstream", cwd=folder, check=True)
    assert done.stderr == "" and "\r" not in done.stdout


def test_quiet_shows_no_progress(m, between, owner):
    folder = pushed(m, "web")
    between.set(drips)
    shown, status = on_terminal(m, "list", "-q", "-c", "--upstream", cwd=folder, timeout=30)
    assert status == 0 and "Asking" not in shown and shown.replace("\r", "") == VARS


# -- reaching nobody


def fails(m, url, told, verb=("pull", "eve/web"), **env):
    folder = m.folder("p")
    done = m.floe(*verb, cwd=folder, env={"FLOE_HUB": url, "FLOE_TOKEN": "flox_pat_x", **SOON, **env})
    assert done.returncode == 1 and told in done.stderr, done.stderr
    assert done.stderr.count("\n") <= 2 and not list(folder.iterdir())
    return done.stderr


def test_a_name_that_does_not_resolve(machine):
    assert "floe config" in fails(machine(), "http://no-such-host.invalid", "Cannot reach the hub at http://no-such-host.invalid")


def test_a_port_that_nothing_listens_on(machine):
    text = fails(machine(), f"http://127.0.0.1:{bench.free_port()}", "Is it running")
    assert "floe config" in text


def test_a_server_that_speaks_no_tls(machine):
    with Misbehaving(html) as server:
        assert "begins with http://" in fails(machine(), server.url.replace("http://", "https://"), "No secure connection to")


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    return tmp_path


def test_a_certificate_nobody_signed(machine, certificate):
    with Misbehaving(html) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        server.server.socket = context.wrap_socket(server.server.socket, server_side=True)
        url = f"https://localhost:{server.server.server_port}"
        assert "SSL_CERT_FILE" in fails(machine(), url, "cannot be trusted")
        assert server.requests == [], "and no credential was sent"
        fails(machine(), url, "sent a web page", SSL_CERT_FILE=str(certificate / "cert.pem"))
        fails(machine(), url.replace("localhost", "127.0.0.1"), "cannot be trusted", SSL_CERT_FILE=str(certificate / "cert.pem"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_login(machine, scheme):
    def answer(method, path, headers, body):
        return 407, {"Proxy-Authenticate": "Basic realm=x", "Content-Type": "text/html"}, b"<p>login"

    with Misbehaving(answer) as proxy:
        proxy.server.RequestHandlerClass.do_CONNECT = proxy.server.RequestHandlerClass.do_GET
        text = fails(machine(), f"{scheme}://hub.example", "asks for a login (status 407)", **{f"{scheme}_proxy": proxy.url})
        assert f"{scheme}_proxy" in text and "no_proxy" in text and proxy.requests


def test_a_proxy_that_cannot_reach_the_hub_and_one_that_is_not_there(machine):
    with Misbehaving(lambda *_: (502, {"Content-Type": "text/html"}, b"<p>no")) as proxy:
        fails(machine(), "http://hub.example", "cannot reach the hub now (status 502)", http_proxy=proxy.url)
        m = machine()
        (m.work / "token").write_text("flox_pat_x")
        fails(m, "http://hub.example", "cannot reach the hub now (status 502)", ("auth", "login", "--token-file", "../token"),
              http_proxy=proxy.url)
    fails(machine(), "http://hub.example", "http_proxy", http_proxy="http://no-such-proxy.invalid:3128")


def test_a_hub_that_takes_the_connection_and_says_nothing(machine):
    import socket
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kept = []
        threading.Thread(target=lambda: kept.append(silent.accept()), daemon=True).start()
        assert "FLOE_TIMEOUT" in fails(machine(), f"http://127.0.0.1:{silent.getsockname()[1]}", "did not answer in time")


def test_a_token_that_expired_or_was_revoked_says_to_log_in_again(hub, machine, owner):
    m = machine().login(owner)
    folder = made(m, "web")
    m.floe("push", cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    before = files(folder)
    soon = hub.token(owner.handle, "--expires", "1s")
    config = m.home / ".config/floe/config"
    config.write_text(config.read_text().replace(owner.token, soon))
    time.sleep(1.5)
    for words in (("push",), ("push", "-f"), ("auth", "status"), ("init", "-r", f"{owner.handle}/x")):
        done = m.floe(*words, cwd=folder)
        assert done.returncode == 1 and "floe auth login" in done.stderr, done.stderr
        assert files(folder) == before
    assert m.floe("pull", cwd=folder).returncode == 0, "what is public can still be read"


# -- folders that cannot be written


def test_a_folder_that_may_not_be_written(hub, machine, owner):
    m = machine("readonly").login(owner)
    folder = made(m, "web")
    m.floe("push", cwd=folder, check=True)
    locked = m.folder("locked")
    script = f"""cd {locked} && for words in 'init -b' 'pull {owner.handle}/web'; do {m.workshop.bin}/floe $words; echo "status $?"; done
cd {folder} && echo | {m.workshop.bin}/floe edit -f {m.work}/new.toml; echo "status $?" """
    (m.work / "new.toml").write_text(EMPTY)
    if m.run("unshare", "-rm", "true").returncode != 0:
        pytest.skip("no private mounts here")
    before = files(folder)
    mounts = f"mount -t tmpfs none {locked} && mount -o remount,ro {locked} && mount --bind {folder} {folder} && mount -o remount,ro,bind {folder} && "
    done = m.run("unshare", "-rm", "sh", "-c", mounts + script)
    assert done.stdout.count("status 1") == 3, done.stdout + done.stderr
    assert done.stderr.count("Read-only file system") == 3 and done.stderr.count("use a folder that can be written") == 3
    assert files(folder) == before and not list(locked.iterdir())


@pytest.mark.parametrize("verb", ["init", "pull", "edit", "push"])
def test_a_full_disk_leaves_everything_as_it_was_whatever_is_done(hub, machine, owner, verb):
    """Folder and data are on a tiny file system of their own, filled to a different height each time."""
    m = machine("full").login(owner)
    if m.run("unshare", "-rm", "true").returncode != 0:
        pytest.skip("no private mounts here")
    folder = made(m, "web", EMPTY + "[vars]\n" + "".join(f'V{i} = "{i:0100}"\n' for i in range(40)))
    m.floe("push", cwd=folder, check=True)
    small = m.folder("small")
    floe = m.workshop.bin / "floe"
    start = {"init": "mkdir p", "pull": "mkdir p", "edit": f"mkdir p && cd p && {floe} pull {owner.handle}/web && cd ..",
             "push": f"mkdir p && cd p && {floe} pull {owner.handle}/web && {floe} edit -f {m.work}/new.toml && cd .."}[verb]
    act = {"init": "init", "pull": f"pull {owner.handle}/web", "edit": f"edit -f {m.work}/new.toml", "push": "push"}[verb]
    (m.work / "new.toml").write_text(EMPTY + "[vars]\n" + "".join(f'W{i} = "{i:0100}"\n' for i in range(60)))
    script = f"""set -e
mount -t tmpfs -o size=8m,nr_inodes=4k none {small}; cd {small}; export XDG_DATA_HOME={small}/data
{start} >/dev/null 2>&1
shot() {{ cd {small}/p; find . -type f -not -name env-registry.json | LC_ALL=C sort | xargs -r sha256sum | sha256sum; cd ..; }}
before=$(shot); worked=0; refused=0
for kb in 0 4 8 12 16 24 32 48 64 128; do
  rm -f filler; free=$(df --output=avail -k . | tail -1); dd if=/dev/zero of=filler bs=1k count=$((free - kb)) 2>/dev/null || true
  cd p; if {floe} {act} >../out 2>&1; then worked=1; break; fi; cat ../out >&2 || true; cd ..
  refused=$((refused + 1)); [ "$(shot)" = "$before" ] || {{ echo "changed at $kb"; find p -type f; exit 3; }}
done
cd {small}; rm -f filler
[ $worked = 1 ] || {{ cd p; {floe} {act}; cd ..; }}
echo "refused $refused times"
cd p; {floe} list -c >/dev/null; {floe} push >/dev/null 2>&1 || true; ls -A .flox"""
    done = m.run("unshare", "-rm", "sh", "-c", script, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split("refused ")[1].split()[0]) > 0, "at some height it must fail"
    assert "env.json" in done.stdout
