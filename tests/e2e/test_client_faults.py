"""floe against servers that are not what a hub should be: nothing is half-made, nothing secret goes elsewhere, nothing
they say reaches the terminal as more than text."""

import json
import shutil

import pytest

import bench
from misbehaving import Misbehaving, html, pkt, v2_hub

TOKEN = "flox_pat_a_secret_of_this_test"
TIP = "1" * 40


@pytest.fixture
def m(machine):
    return machine("victim")


def pull(m, server, **kwargs):
    folder = m.folder("p")
    done = m.floe("pull", "eve/web", cwd=folder, env={"FLOE_HUB": server.url, "FLOE_TOKEN": TOKEN, **kwargs.pop("env", {})}, **kwargs)
    assert TOKEN not in done.stderr + done.stdout
    assert not list(folder.iterdir()), "nothing stays of a pull that failed"
    return done


def test_a_web_page_is_recognised_as_no_hub(m):
    with Misbehaving(html) as server:
        done = pull(m, server)
    assert done.returncode == 1 and "does not answer like a Floe/FloxHub hub" in done.stderr


@pytest.mark.parametrize("status, told", [(404, "does not answer like"), (500, "cannot do that now"), (503, "cannot do that now"),
                                          (429, "cannot do that now"), (401, "did not accept your credential"), (403, "Access denied")])
def test_every_status_has_a_sentence(m, status, told):
    with Misbehaving(lambda *_: (status, {"Content-Type": "text/plain"}, b"a reason")) as server:
        done = pull(m, server)
    assert done.returncode == 1 and told in done.stderr


def test_a_hub_that_hangs_up_or_is_not_there(m):
    with Misbehaving(lambda *_: None) as server:
        assert "127.0.0.1" in pull(m, server).stderr
    done = pull(m, server)  # its port is closed now
    assert done.returncode == 1 and "Cannot reach the hub at http://127.0.0.1" in done.stderr


def test_a_redirect_is_not_followed_and_takes_no_credential_along(m):
    with Misbehaving(html) as thief:
        with Misbehaving(lambda *_: (302, {"Location": thief.url + "/git/eve/floxmeta/info/refs"}, b"")) as server:
            done = pull(m, server)
    assert done.returncode == 1 and "redirect" in done.stderr and not thief.requests


def test_a_token_goes_only_to_the_hub_it_is_for(m):
    """A project may name any hub in its env.json; the token kept for another one stays at home."""
    with Misbehaving(v2_hub(b"0000")) as mine, Misbehaving(v2_hub(b"0000")) as thief:
        m.floe("auth", "login", "--token-file", "-", input=TOKEN, env={"FLOE_HUB": mine.url}, check=True)
        folder = m.folder("trap")
        (folder / ".flox/env").mkdir(parents=True)
        pointer = {"owner": "eve", "name": "web", "floxhub_url": thief.url + "/", "version": 1}
        for trap in (pointer, dict(pointer, floxhub_url=mine.url + "/", floxhub_git_url_override=thief.url + "/git")):
            (folder / ".flox/env.json").write_text(json.dumps(trap))
            for words in (("pull",), ("push",), ("activate", "--", "true")):
                assert m.floe(*words, cwd=folder).returncode == 1
        m.floe("pull", "eve/web", "-d", m.work / "x", env={"FLOE_HUB": thief.url})
        assert thief.requests and thief.credentials() == []
        assert set(mine.credentials()) <= {TOKEN}


@pytest.mark.parametrize("listing", [b"", b"00", b"zzzz", b"0005", b"0003", pkt("nonsense"), pkt(TIP + " refs/heads/web\n"),
                                     pkt("x" * 40 + " refs/heads/web\n") + b"0000", b"ffff" + b"x" * 70000])
def test_a_listing_that_is_cut_or_wrong_is_an_error(m, listing):
    with Misbehaving(v2_hub(listing)) as server:
        assert pull(m, server).returncode == 1


PACK_ANSWERS = {
    "empty": b"",
    "no pack": pkt("packfile\n") + b"0000",
    "rubbish": pkt("packfile\n") + pkt(b"\x01" + b"not a pack at all, this") + b"0000",
    "cut": pkt("packfile\n") + pkt(b"\x01PACK\x00\x00\x00\x02\x00\x00\x00\x01"),
    "no objects": pkt("packfile\n") + pkt(b"\x01PACK\x00\x00\x00\x02\x00\x00\x00\x00" + bytes.fromhex("029d08823bd8a8eab510ad6ac75c823cfd3ed31e")) + b"0000",
    "huge count": pkt("packfile\n") + pkt(b"\x01PACK\x00\x00\x00\x02\xff\xff\xff\xff") + b"0000",
    "refusal": pkt("packfile\n") + pkt(b"\x03no \x1b[31mway\n") + b"0000",
}


@pytest.mark.parametrize("name", PACK_ANSWERS)
def test_a_pack_that_is_cut_or_wrong_leaves_nothing(m, name):
    with Misbehaving(v2_hub(pkt(TIP + " refs/heads/web\n") + b"0000", PACK_ANSWERS[name])) as server:
        done = pull(m, server)
    assert done.returncode == 1 and "\x1b" not in done.stderr
    meta = m.home / ".local/share/flox/meta"
    assert [p.name for p in meta.iterdir()] == ["eve.lock"], "no half-made clone either"


def test_what_a_server_says_cannot_drive_the_terminal(m):
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m DENIED \u202e"
    with Misbehaving(v2_hub(pkt("ERR " + evil) + b"0000")) as server:
        done = pull(m, server)
    assert done.returncode == 1 and "DENIED" in done.stderr
    for bad in ("\x1b", "\x07", "\x9b"):
        assert bad not in done.stderr


def test_a_body_shorter_than_promised_is_an_error(m):
    def answer(method, path, headers, body):
        told = v2_hub(pkt(TIP + " refs/heads/web\n") + b"0000")(method, path, headers, body)
        return told[0], {**told[1], "Content-Length": str(len(told[2]) + 10)}, told[2]

    with Misbehaving(answer) as server:
        done = pull(m, server)
    assert done.returncode == 1 and "broke off" in done.stderr


def hostile(hub, m, owner, machine, name, **change):
    """An environment on the hub whose history was made by hand."""
    env = bench.Environment(m, name)
    for key, value in change.items():
        setattr(env, key, value)
    env.generation()
    m.push(hub, owner.handle, env.repo, f"HEAD:refs/heads/{name}", owner.token, check=True)


def test_names_in_a_history_are_shown_without_their_escapes(hub, machine, owner):
    author, victim = machine("author"), machine("victim").login(owner)
    hostile(hub, author, owner, machine, "web", user="\x1b[31mred\x07", host="h\x9bo\nst")
    folder = victim.folder("web")
    victim.floe("pull", f"{owner.handle}/web", cwd=folder, check=True)
    shown = victim.floe("generations", "history", cwd=folder, check=True).stdout
    assert "red" in shown and "\x1b" not in shown and "\x07" not in shown and "\x9b" not in shown


def test_a_full_disk_is_an_error_and_leaves_what_was_there(hub, machine, owner):
    """The file system of a tiny tmpfs, where this run may mount one."""
    m = machine("full").login(owner)
    if shutil.which("unshare") is None or m.run("unshare", "-rm", "true").returncode != 0:
        pytest.skip("no private mounts here")
    small = m.folder("small")
    script = f"""mount -t tmpfs -o size=64k none {small} && cd {small} && {m.workshop.bin}/floe init -b -n web 2>&1 || exit 9
before=$(find .flox -type f | sort | xargs cat | sha256sum)
dd if=/dev/zero of=filler bs=1k count=64 2>/dev/null
printf 'schema-version = "1.15.0"\\n[vars]\\nA = "%s"\\n' "$(head -c 20000 /dev/zero | tr '\\0' x)" | {m.workshop.bin}/floe edit -f - 2>&1
echo "status $?"
after=$(find .flox -type f | sort | xargs cat | sha256sum)
[ "$before" = "$after" ] && echo unchanged"""
    done = m.run("unshare", "-rm", "sh", "-c", script)
    assert "status 1" in done.stdout and "unchanged" in done.stdout and "No space left" in done.stdout, done.stdout + done.stderr
