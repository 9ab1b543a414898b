"""The official client itself, where there is one: FLOE_TEST_FLOX names a program that runs it on a simulated machine,
called as PROGRAM MACHINE-FOLDER HUB-URL TOKEN ARGUMENTS…, with the project as working folder."""

import os
import subprocess

import pytest

import bench

FLOX = os.environ.get("FLOE_TEST_FLOX")
pytestmark = pytest.mark.skipif(not FLOX, reason="FLOE_TEST_FLOX is not set: no official client here")

M1 = 'schema-version = "1.14.0"\n\n[vars]\nGREETING = "hello"\n'
M2 = M1.replace("hello", "good day")


class Flox:
    def __init__(self, hub, folder, token):
        self.hub, self.folder, self.token = hub, folder, token

    def __call__(self, *args, cwd, check=True, input=None):
        done = subprocess.run([FLOX, str(self.folder), self.hub.url, self.token, *map(str, args)], cwd=cwd, input=input,
                              capture_output=True, text=True, timeout=120)
        if check:
            assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        return done


@pytest.fixture
def people(hub, tmp_path_factory):
    short = bench.Path(bench.tempfile.mkdtemp(prefix="fx", dir="/tmp"))
    alice, bob = hub.new_user(), hub.new_user()
    yield (lambda who, name: Flox(hub, short / name, who.token)), alice, bob, short
    bench.shutil.rmtree(short, ignore_errors=True)


def manifest(folder, text):
    path = folder / "m.toml"
    path.write_text(text)
    return path


def test_the_official_client_pushes_pulls_diverges_and_forces(hub, people):
    client, alice, bob, base = people
    one, two, other = client(alice, "a1"), client(alice, "a2"), client(bob, "b1")
    p1, p2, p3 = (base / n for n in ("web", "copy", "bob"))
    for p in (p1, p2, p3):
        p.mkdir()
    one("init", cwd=p1)
    one("edit", "-f", manifest(base, M1), cwd=p1)
    one("push", cwd=p1)
    assert "web" in hub.admin("env", "list", alice.handle).stdout
    again = one("push", cwd=p1)
    assert again.returncode == 0
    one("edit", "-f", manifest(base, M2), cwd=p1)
    one("push", cwd=p1)
    two("pull", f"{alice.handle}/web", cwd=p2)
    assert "good day" in two("activate", "--", "sh", "-c", "echo $GREETING", cwd=p2).stdout
    assert "2" in two("generations", "list", cwd=p2).stdout
    two("generations", "rollback", cwd=p2)
    two("push", cwd=p2)
    one("edit", "-f", manifest(base, M1 + "# divergent\n"), cwd=p1)
    diverged = one("push", cwd=p1, check=False)
    assert diverged.returncode != 0 and "diverged" in diverged.stderr
    one("push", "--force", cwd=p1)
    assert two("pull", cwd=p2, check=False).returncode != 0
    two("pull", "--force", cwd=p2)
    assert two("pull", cwd=p2).returncode == 0
    other("pull", f"{alice.handle}/web", cwd=p3)
    other("edit", "-f", manifest(base, M2), cwd=p3)
    denied = other("push", cwd=p3, check=False)
    assert denied.returncode != 0 and "permission" in denied.stderr.lower(), denied.stderr


def test_what_is_private_is_not_found_by_others_and_readable_by_its_people(hub, people):
    client, alice, bob, base = people
    one, other, nobody = client(alice, "a"), client(bob, "b"), client(bench.Account(hub, "-", ""), "n")
    p = base / "priv"
    p.mkdir()
    org = hub.new_org(alice)
    one("init", cwd=p)
    one("push", "-o", org, cwd=p)
    for who in (other, nobody):
        into = base / f"x{id(who)}"
        into.mkdir()
        missing = who("pull", f"{org}/priv", cwd=into, check=False)
        assert missing.returncode != 0 and not (into / ".flox").exists(), missing.stderr
    hub.admin("member", "set", org, bob.handle, "reader")
    into = base / "allowed"
    into.mkdir()
    other("pull", f"{org}/priv", cwd=into)
    other("edit", "-f", manifest(base, M1), cwd=into)
    assert other("push", cwd=into, check=False).returncode != 0
    hub.admin("member", "set", org, bob.handle, "writer")
    other("push", cwd=into)


def test_first_push_of_a_taken_name_and_a_large_push(hub, people):
    client, alice, _, base = people
    one, two = client(alice, "a"), client(alice, "b")
    p, q = base / "same", base / "q" / "same"
    p.mkdir()
    q.mkdir(parents=True)
    one("init", cwd=p)
    one("push", cwd=p)
    two("init", cwd=q)
    two("edit", "-f", manifest(base, M2), cwd=q)
    taken = two("push", cwd=q, check=False)
    assert taken.returncode != 0 and "already exists" in taken.stderr, taken.stderr
    two("push", "--force", cwd=q)
    big = M1 + "# " + os.urandom(1_200_000).hex() + "\n"
    two("edit", "-f", manifest(base, big), cwd=q)
    two("push", cwd=q)
    into = base / "big"
    into.mkdir()
    one("pull", f"{alice.handle}/same", cwd=into)
    assert (into / ".flox/env/manifest.toml").read_text() == big


def test_remote_environments_composition_and_anonymous_reading(hub, people):
    client, alice, bob, base = people
    one, nobody = client(alice, "a"), client(bench.Account(hub, "-", ""), "n")
    p = base / "inc"
    p.mkdir()
    one("init", cwd=p)
    one("edit", "-f", manifest(base, M1), cwd=p)
    one("push", cwd=p)
    assert "hello" in nobody("activate", "-t", "-r", f"{alice.handle}/inc", "--", "sh", "-c", "echo $GREETING", cwd=base).stdout
    one("edit", "-r", f"{alice.handle}/inc", "-f", manifest(base, M2), cwd=base)
    one("push", "-r", f"{alice.handle}/inc", cwd=base)
    one("pull", cwd=p)
    assert "good day" in one("activate", "--", "sh", "-c", "echo $GREETING", cwd=p).stdout
    c = base / "comp"
    c.mkdir()
    one("init", cwd=c)
    one("edit", "-f", manifest(base, f'schema-version = "1.14.0"\n[include]\nenvironments = [{{ remote = "{alice.handle}/inc" }}]\n'), cwd=c)
    assert "good day" in one("activate", "--", "sh", "-c", "echo $GREETING", cwd=c).stdout
    one("push", cwd=c)
    missing = one("pull", f"{alice.handle}/nothere", cwd=base / "q", check=False) if (base / "q").mkdir() is None else None
    assert missing.returncode != 0


def test_login_status_and_a_bad_token(hub, people):
    client, alice, _, base = people
    fresh = client(bench.Account(hub, "-", ""), "login")
    tok = base / "tok"
    tok.write_text(alice.token + "\n")
    fresh("auth", "login", "--token-file", tok, cwd=base)
    assert alice.handle in fresh("auth", "status", cwd=base).stderr
    tok.write_text("flox_pat_bad\n")
    assert client(bench.Account(hub, "-", ""), "bad")("auth", "login", "--token-file", tok, cwd=base, check=False).returncode != 0


def test_floe_and_flox_continue_each_other(hub, people, machine):
    client, alice, _, base = people
    one = client(alice, "a")
    m = machine().login(alice)
    p = base / "shared"
    p.mkdir()
    one("init", cwd=p)
    one("edit", "-f", manifest(base, M1), cwd=p)
    one("push", cwd=p)
    m.floe("pull", f"{alice.handle}/shared", "-d", m.work / "s", check=True)
    m.floe("edit", "-d", m.work / "s", "-f", manifest(base, M2), check=True)
    m.floe("push", "-d", m.work / "s", check=True)
    one("pull", cwd=p)
    assert "good day" in one("activate", "--", "sh", "-c", "echo $GREETING", cwd=p).stdout
    lock = (p / ".flox/env/manifest.lock").read_bytes()
    one("list", cwd=p)
    assert (p / ".flox/env/manifest.lock").read_bytes() == lock
