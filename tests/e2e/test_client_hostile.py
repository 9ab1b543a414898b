"""floe against a hub that means harm: it cannot make the client write outside its folders, run anything, send a credential
elsewhere, or drive the terminal."""

import json
import os
import subprocess

import pytest

import bench
from misbehaving import Misbehaving, html, pkt, v2_hub
from test_client import EMPTY, VARS, files, made
from test_client_verbs import on_terminal

TOKEN = "flox_pat_a_secret_of_this_test"
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u2066evil\r\n\x1b[1A"
BAD = ("\x1b", "\x07", "\x9b", "\u009b", "\u202e", "\u2066", "\x08")
ZERO = "0" * 40


def harmless(text):
    assert not [c for c in BAD if c in text], text.encode("unicode_escape")


def git(repo, *args, input=None):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    for who in ("AUTHOR", "COMMITTER"):
        env.update({f"GIT_{who}_NAME": "eve", f"GIT_{who}_EMAIL": "eve@example.invalid", f"GIT_{who}_DATE": "1760000000 +0000"})
    done = subprocess.run(["git", "-C", str(repo), *args], input=input, capture_output=True, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def history(*changes, **fields):
    base = {"author": "eve", "hostname": "h", "command": ["flox", "push"], "timestamp": 1760000000}
    entries = [{"kind": "import", **base, "current_generation": "1", "previous_generation": None, **fields}]
    return json.dumps({"version": 2, "history": entries + list(changes), "total_generations": 1}).encode()


LOCK = json.dumps({"lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "options": {}}, "packages": []}, indent=2).encode()


def commit(repo, entries):
    """A commit with these (mode, path, bytes), made without git's checks of names."""
    def tree(items):
        here, below = [], {}
        for mode, path, data in items:
            first, _, rest = path.partition("/")
            if rest:
                below.setdefault(first, []).append((mode, rest, data))
            else:
                here.append((mode, first, git(repo, "hash-object", "-w", "--stdin", input=data).strip()))
        here += [("40000", name, tree(inner)) for name, inner in below.items()]
        here.sort(key=lambda i: i[1] + ("/" if i[0] == "40000" else ""))
        raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(oid.decode()) for mode, name, oid in here)
        return git(repo, "hash-object", "-w", "-t", "tree", "--literally", "--stdin", input=raw).strip()

    return git(repo, "commit-tree", tree(entries).decode(), "-m", "x").strip().decode()


def serving(repo, tip, me=b'{"user_id":"1","handle":"eve","expires_at":null}', headers=None):
    """A hub with one environment, eve/web, at tip; it takes no push."""
    pack = git(repo, "pack-objects", "--revs", "--stdout", input=f"{tip}\n".encode())
    body = pkt("packfile\n") + b"".join(pkt(b"\x01" + pack[i:i + 60000]) for i in range(0, len(pack), 60000)) + b"0000"
    inner = v2_hub(pkt(f"{tip} refs/heads/web\n") + b"0000", body)

    def answer(method, path, request, data):
        if path.endswith("/accounts/me"):
            return 200, {"Content-Type": "application/json", **(headers or {})}, me
        status, told, text = inner(method, path, request, data)
        return status, {**told, **(headers or {})}, text

    return answer


@pytest.fixture
def repo(tmp_path):
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "repo"], check=True)
    return tmp_path / "repo"


@pytest.fixture
def m(machine):
    return machine("victim")


def tree_of(m):
    """Every file of the machine and what it is, for "nothing was written elsewhere"."""
    found = {}
    for p in sorted(m.dir.rglob("*")):
        found[str(p.relative_to(m.dir))] = os.readlink(p) if p.is_symlink() else "dir" if p.is_dir() else p.read_bytes()
    return found


def good(manifest=VARS, meta=None):
    return [("100644", "metadata.json", meta or history()), ("100644", "1/env/manifest.toml", manifest.encode()),
            ("100644", "1/env/manifest.lock", LOCK)]


TREES = {
    "a manifest that is a link": [("100644", "metadata.json", history()), ("120000", "1/env/manifest.toml", b"../../../../secret"),
                                  ("100644", "1/env/manifest.lock", LOCK)],
    "a lock that is a link": [("100644", "metadata.json", history()), ("100644", "1/env/manifest.toml", EMPTY.encode()),
                              ("120000", "1/env/manifest.lock", b"/etc/passwd")],
    "a folder that is a link": [("100644", "metadata.json", history()), ("120000", "1", b"/etc")],
    "a history that is a link": [("120000", "metadata.json", b"/etc/passwd")],
    "no history": [("100644", "1/env/manifest.toml", EMPTY.encode())],
    "no generation": [("100644", "metadata.json", json.dumps({"version": 2, "history": [], "total_generations": 0}).encode())],
    "a generation of another place": good(meta=history(current_generation="../../1")),
    "a generation that is huge": good(meta=history(current_generation="99999999999999999999999")),
    "a generation that is not there": good(meta=history(current_generation="7")),
    "a negative generation": good(meta=history(current_generation="-1")),
    "a history of a newer time": good(meta=b'{"version":3}'),
    "a history that is no JSON": good(meta=b"\xff\xfe{"),
    "a deep history": good(meta=b"[" * 100000),
    "a large manifest": good(manifest="#" * (2 << 20)),
}


@pytest.mark.parametrize("name", TREES)
def test_a_tree_that_is_not_an_environments_is_refused_and_nothing_is_written(m, repo, name):
    secret = m.home / "secret"
    secret.write_text("secret")
    with Misbehaving(serving(repo, commit(repo, TREES[name]))) as hub:
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}
        folder = m.folder("p")
        done = m.floe("pull", "eve/web", cwd=folder, env=env)
        assert done.returncode == 1 and "✘ ERROR" in done.stderr and not list(folder.iterdir()), done.stderr
        assert m.floe("list", "-r", "eve/web", env=env).returncode == 1
        assert not list((m.home / ".cache").rglob(".flox*")) and "secret" not in done.stderr.replace("../../../../secret", "")


def test_other_entries_of_a_tree_are_written_nowhere(m, repo):
    """Only the live generation's two files are taken; names like these never become paths."""
    entries = good() + [("100644", "1/env/extra", b"x"), ("100755", ".git/hooks/post-checkout", b"#!/bin/sh\ntouch /tmp/owned"),
                        ("100644", "../outside", b"x"), ("100644", "1/../../up", b"x"), ("120000", "link", b"/etc")]
    tip = commit(repo, entries[:4] + entries[7:])
    with Misbehaving(serving(repo, tip)) as hub:
        folder = m.folder("p")
        done = m.floe("pull", "eve/web", cwd=folder, env={"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN})
        if done.returncode == 0:
            written = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
            assert written == [".flox/.gitignore", ".flox/env.json", ".flox/env.lock", ".flox/env/manifest.lock", ".flox/env/manifest.toml"]
    for odd in (entries[4:5], entries[5:6], entries[6:7]):
        with Misbehaving(serving(repo, commit(repo, good() + odd))) as hub:
            before = {k: v for k, v in tree_of(m).items() if ".local/share" not in k}
            folder = m.work / "q"
            done = m.floe("pull", "eve/web", "-d", folder, env={"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN})
            after = {k: v for k, v in tree_of(m).items() if ".local/share" not in k and not k.startswith("home/work/q")}
            assert after == before
            for p in list(m.dir.rglob("*")):
                assert p.name not in ("outside", "up", "post-checkout", "extra"), p
            subprocess.run(["rm", "-rf", folder, m.home / ".local/share/flox"], check=True)


def test_nothing_of_an_environment_runs_before_it_is_trusted(m, repo):
    owned = m.home / "owned"
    text = EMPTY + f"""[vars]
X = "$(touch {owned})`touch {owned}`"
[hook]
on-activate = '''touch {owned}'''
[profile]
common = '''touch {owned}'''
"""
    lock = json.loads(LOCK)
    lock["manifest"].update({"vars": {"X": f"$(touch {owned})`touch {owned}`"}, "hook": {"on-activate": f"touch {owned}"},
                             "profile": {"common": f"touch {owned}"}})
    entries = good(text)[:2] + [("100644", "1/env/manifest.lock", json.dumps(lock).encode())]
    with Misbehaving(serving(repo, commit(repo, entries))) as hub:
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": "flox_pat_of_bob"}
        folder = m.folder("p")
        m.floe("pull", "eve/web", cwd=folder, env=env, check=True)
        for words in (("list",), ("list", "-c"), ("list", "-a"), ("generations", "list"), ("generations", "history"), ("envs",), ("pull",),
                      ("push",), ("edit", "--sync"), ("list", "-r", "eve/web"), ("pull", "-r", "eve/web")):
            m.floe(*words, cwd=folder, env=env)
        other = m.folder("q")
        done = m.floe("activate", "-r", "eve/web", "--", "true", cwd=other, env={**env, "FLOE_TOKEN": ""})
        assert done.returncode == 1 and "trust" in done.stderr
        assert not owned.exists()


HEADERS = {"Alt-Svc": 'h2="127.0.0.1:9"', "Refresh": "0; url=%s", "Link": "<%s>; rel=preconnect", "Content-Location": "%s",
           "Set-Cookie": "a=b; Domain=127.0.0.1", "Strict-Transport-Security": "max-age=1"}


def test_no_credential_goes_anywhere_but_to_the_hub(m, repo):
    tip = commit(repo, good())
    folder = made(m, "mine")
    with Misbehaving(html) as thief:
        headers = {k: v % thief.url if "%s" in v else v for k, v in HEADERS.items()}
        with Misbehaving(serving(repo, tip, headers=headers)) as hub:
            env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}
            m.floe("pull", "eve/web", "-d", m.work / "a", env=env, check=True)
            for words in (("pull", "-d", m.work / "a"), ("list", "-c", "-u", "-d", m.work / "a"), ("push", "-d", m.work / "a"), ("push",),
                          ("auth", "status"), ("init", "-r", "eve/new")):
                m.floe(*words, cwd=folder, env=env)
            assert set(hub.credentials()) == {TOKEN}
            assert not [r for r in hub.requests if "cookie" in {k.lower() for k in r[2]}]
        for status in (301, 302, 303, 307, 308):
            def redirects(method, path, request, data):
                return status, {"Location": thief.url + path, "WWW-Authenticate": "Basic"}, b""
            with Misbehaving(redirects) as hub:
                env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}
                for words in (("pull", "eve/web"), ("push",), ("push", "-o", "eve"), ("auth", "status"), ("init", "-r", "eve/x"),
                              ("auth", "login", "--token-file", "-")):
                    done = m.floe(*words, cwd=folder, env=env, input=TOKEN)
                    assert done.returncode == 1 and TOKEN not in done.stderr + done.stdout
        assert thief.requests == []
    with Misbehaving(lambda *_: (401, {"WWW-Authenticate": "Negotiate, NTLM, Digest realm=x, nonce=y, Bearer"}, b"")) as hub:
        done = m.floe("push", "-o", "eve", cwd=folder, env={"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN})
        assert done.returncode == 1 and len(hub.requests) <= 2


def test_a_netrc_and_what_is_in_an_address_are_not_sent(m, repo):
    (m.home / ".netrc").write_text("default login x password netrc-secret\n")
    with Misbehaving(serving(repo, commit(repo, good()))) as hub:
        m.floe("pull", "eve/web", "-d", m.work / "a", env={"FLOE_HUB": hub.url, "FLOE_TOKEN": ""}, check=True)
        assert hub.credentials() == []
        done = m.floe("pull", "eve/web", "-d", m.work / "b", env={"FLOE_HUB": hub.url.replace("http://", "http://a:b@"), "FLOE_TOKEN": TOKEN})
        assert done.returncode == 1 and "not the address of a hub" in done.stderr


@pytest.mark.parametrize("handle", ["../../evil", "..", "a/b", "a b", EVIL, "", "-x", "x" * 5000, 7, None])
def test_a_handle_that_is_none_becomes_neither_a_path_nor_a_line(m, repo, handle):
    me = json.dumps({"user_id": "1", "handle": handle, "expires_at": EVIL}).encode()
    folder = made(m, "mine")
    before = files(folder)
    with Misbehaving(serving(repo, commit(repo, good()), me=me)) as hub:
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}
        for words in (("auth", "status"), ("auth", "login", "--token-file", "-"), ("push",)):
            done = m.floe(*words, cwd=folder, env=env, input=TOKEN)
            assert done.returncode == 1 and files(folder) == before
            harmless(done.stderr + done.stdout)
    assert not (m.home / ".config/floe/config").exists() and not (m.home / ".local/share/flox/meta").exists()


def test_everything_a_hub_has_to_say_is_shown_as_text(m, repo):
    evil = EVIL.replace("\r\n", "")
    change = {"kind": "install", "targets": [evil], "author": evil, "hostname": EVIL, "command": ["flox", evil], "timestamp": 1760000060,
              "current_generation": "1", "previous_generation": "1"}
    other = {"kind": "other", "summary": EVIL, "author": evil, "hostname": evil, "command": [EVIL], "timestamp": 1760000060,
             "current_generation": "1", "previous_generation": "1"}
    package = {"attr_path": evil, "broken": False, "derivation": "/nix/store/x.drv", "description": EVIL, "install_id": evil, "license": EVIL,
               "locked_url": "https://x?rev=1", "name": evil, "pname": evil, "rev": "1", "rev_count": 1, "rev_date": "2026-01-01T00:00:00Z",
               "scrape_date": "2026-01-02T00:00:00Z", "stabilities": ["stable"], "unfree": False, "version": EVIL, "outputs_to_install": [evil],
               "outputs": {evil: "/nix/store/x"}, "system": "x86_64-linux", "group": "toplevel", "priority": 5}
    lock = {"lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "install": {evil: {"pkg-path": evil}}, "options": {}},
            "packages": [package]}
    meta = json.dumps({"version": 2, "history": [json.loads(history(author=evil, hostname=EVIL))["history"][0], change, other],
                       "total_generations": 1}).encode()
    # As they are: the file is not even TOML.
    entries = good(f"# {EVIL}\n" + EMPTY, meta)[:2] + [("100644", "1/env/manifest.lock", json.dumps(lock).encode())]
    with Misbehaving(serving(repo, commit(repo, entries))) as hub:
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN, "NO_COLOR": "1"}
        folder = m.folder("p")
        done = m.floe("pull", "eve/web", cwd=folder, env=env, check=True)
        harmless(done.stderr)
        for words in (("generations", "history"), ("generations", "list"), ("generations", "list", "--tree"), ("list",), ("list", "-a"),
                      ("list", "-n"), ("list", "-c"), ("list", "-c", "-u"), ("envs",), ("push",), ("pull",), ("edit", "--sync"),
                      ("activate", "--", "true"), ("generations", "history", "--json"), ("generations", "list", "--json")):
            shown, _ = on_terminal(m, *words, cwd=folder, env=env)
            harmless(shown.replace("\r\x1b[K", ""))
        raw = m.floe("generations", "history", "--json", cwd=folder, env=env, check=True).stdout
        assert json.loads(raw)[0]["hostname"] == EVIL, "a pipe gets what is there"


@pytest.mark.parametrize("how", ["unpack", "ng", "band 2", "band 3", "403", "ERR", "500"])
def test_what_a_hub_says_to_a_push_is_shown_as_text(m, how):
    evil = EVIL.encode()
    folder = made(m, "mine")

    def report(text):
        return pkt(b"\x01" + text)

    bodies = {"unpack": report(pkt(b"unpack " + evil) + b"0000"), "ng": report(pkt(b"unpack ok\n") + pkt(b"ng refs/heads/mine " + evil) + b"0000"),
              "band 2": pkt(b"\x02" + evil) + report(pkt(b"unpack ok\n") + pkt(b"ok refs/heads/mine\n") + b"0000"), "band 3": pkt(b"\x03" + evil)}

    def answer(method, path, headers, body):
        if path.endswith("/accounts/me"):
            return 200, {"Content-Type": "application/json"}, b'{"user_id":"1","handle":"eve","expires_at":null}'
        if how in ("403", "500"):
            return int(how), {"Content-Type": "text/plain"}, evil
        kind = "application/x-git-receive-pack"
        if method == "GET" and how == "ERR":
            return 200, {"Content-Type": f"{kind}-advertisement"}, pkt("# service=git-receive-pack\n") + b"0000" + pkt(b"ERR " + evil) + b"0000"
        if method == "GET":
            refs = pkt(f"{ZERO} capabilities^{{}}\0report-status side-band-64k\n")
            return 200, {"Content-Type": f"{kind}-advertisement"}, pkt("# service=git-receive-pack\n") + b"0000" + refs + b"0000"
        return 200, {"Content-Type": f"{kind}-result"}, bodies[how] + b"0000"

    with Misbehaving(answer) as hub:
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}
        done = m.floe("push", cwd=folder, env=env)
        assert done.returncode == (0 if how == "band 2" else 1) and "evil" in done.stderr
        harmless(done.stderr)
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        assert all("evil" not in line or line.strip() != "evil" for line in lines), "its line ends make no lines of their own"


@pytest.mark.parametrize("pointer", [
    {"owner": "../../..", "name": "web"}, {"owner": "..", "name": "web"}, {"owner": "eve", "name": "../../x"}, {"owner": "eve", "name": ".."},
    {"owner": "eve", "name": "a/b"}, {"owner": "eve", "name": "-x"}, {"owner": "eve\u0000", "name": "web"}, {"owner": "eve", "name": EVIL}])
def test_a_projects_pointer_cannot_lead_outside(m, repo, pointer):
    with Misbehaving(serving(repo, commit(repo, good()))) as hub:
        folder = m.folder("trap")
        (folder / ".flox/env").mkdir(parents=True)
        (folder / ".flox/env.json").write_text(json.dumps({**pointer, "floxhub_url": hub.url + "/", "version": 1}))
        before = tree_of(m)
        for words in (("list",), ("pull",), ("push",), ("edit", "--reset"), ("generations", "list"), ("delete",), ("pull", "--copy")):
            done = m.floe(*words, cwd=folder, env={"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN})
            assert done.returncode == 1, words
            harmless(done.stderr)
        assert tree_of(m) == before and hub.requests == []


@pytest.mark.parametrize("link", ["env", "run"])
def test_a_projects_links_cannot_lead_outside(m, repo, link):
    with Misbehaving(serving(repo, commit(repo, good()))) as hub:
        folder, outside = m.folder("trap"), m.folder("outside")
        (folder / ".flox").mkdir()
        (folder / ".flox/env.json").write_text(json.dumps({"owner": "eve", "name": "web", "floxhub_url": hub.url + "/", "version": 1}))
        (folder / ".flox" / link).symlink_to(outside)
        for words in (("list",), ("pull",), ("edit", "--reset"), ("edit", "-f", "-")):
            done = m.floe(*words, cwd=folder, env={"FLOE_HUB": hub.url, "FLOE_TOKEN": TOKEN}, input=EMPTY)
            assert done.returncode == 1 and "is a link" in done.stderr
        assert not list(outside.iterdir())


def test_a_manifest_that_is_a_link_is_replaced_and_not_written_through(m):
    folder = made(m, "web")
    target = m.work / "target"
    target.write_text(VARS)
    toml = folder / ".flox/env/manifest.toml"
    toml.unlink()
    toml.symlink_to(target)
    m.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    assert target.read_text() == VARS and toml.read_text() == EMPTY and not toml.is_symlink()
