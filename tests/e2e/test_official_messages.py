"""What people at the official client are told when something does not work (the hub has no say but by what git prints)."""

import json
import subprocess
import time

import pytest

import bench
from official import FETCH, GREET, LS, M1, M2, ME, PUSH, REFS, SCHEMA, alice, bob, desk, needs_flox  # noqa: F401

pytestmark = needs_flox
NO_PERMISSION = "You do not have permission to write to"


def one_line(text):
    return " ".join(text.split())


def test_pushing_where_one_may_only_read(hub, desk, alice, bob):
    flox, other = desk("a", alice), desk("b", bob)
    flox.pushed(desk.dir / "web")
    into, name = desk.folder("into"), f"{alice.handle}/web"
    other("pull", name, cwd=into)
    other.edit(into, M2)
    told = one_line(other.fails("push", cwd=into))
    assert NO_PERMISSION in told and name in told, told
    assert other.asked == ME + LS + ["refs 401", "refs 403"]
    told = one_line(other.fails("push", "--force", cwd=into))
    assert NO_PERMISSION in told, told
    mine = other.made(desk.dir / "mine")
    told = one_line(other.fails("push", "-o", alice.handle, cwd=mine))
    assert NO_PERMISSION in told and f"{alice.handle}/mine" in told, told
    assert other.asked == ME + ["refs 401", "refs 403"]
    told = one_line(other.fails("push", "-o", "nobody-of-that-name", cwd=mine))
    assert NO_PERMISSION in told, told
    told = one_line(other.fails("init", "-r", f"{alice.handle}/new", cwd=into))
    assert "Access denied to the remote environment" in told, told
    text = desk.dir / "m.toml"
    text.write_text(M2)
    other("edit", "-r", name, "-f", text, cwd=into)
    told = one_line(other.fails("push", "-r", name, cwd=into))
    assert "Access denied to the remote environment" in told, told


def test_roles_in_an_organisation(hub, desk, alice, bob):
    flox, other = desk("a", alice), desk("b", bob)
    org = hub.new_org(alice)
    flox.pushed(desk.dir / "priv", M1, "-o", org)
    into, more = desk.folder("into"), other.made(desk.dir / "more")
    assert f"{org}/priv" in other.fails("pull", f"{org}/priv", cwd=into)
    assert not (into / ".flox").exists()
    hub.admin("member", "set", org, bob.handle, "reader")
    other("pull", f"{org}/priv", cwd=into)
    other.edit(into, M2)
    assert NO_PERMISSION in one_line(other.fails("push", cwd=into))
    assert NO_PERMISSION in one_line(other.fails("push", "-o", org, cwd=more))
    hub.admin("member", "set", org, bob.handle, "writer")
    other("push", cwd=into)
    other("push", "-o", org, cwd=more)
    hub.admin("member", "remove", org, bob.handle)
    assert other.fails("pull", cwd=into)
    assert other("activate", *GREET, cwd=into).stdout == "good day\n", "what is here still works"


def test_a_machine_with_the_token_of_an_organisation_pushes_and_pulls(hub, desk, alice):
    org = hub.new_org(alice)
    robot, reader, nobody = desk("r"), desk("r2"), desk("n")
    robot.token, reader.token = hub.token(org), hub.token(org, "--scope", "read")
    web = robot.pushed(desk.dir / "web")
    assert robot.asked == ME + PUSH + FETCH + LS and f"{org}/web" in hub.admin("env", "list", org).stdout
    into = desk.folder("into")
    reader("pull", f"{org}/web", cwd=into)
    reader.edit(into, M2)
    assert f"{NO_PERMISSION} {org}/web" in one_line(reader.fails("push", cwd=into))
    desk("a", alice)("pull", f"{org}/web", cwd=desk.folder("hers"))
    assert "does not exist" in nobody.fails("pull", f"{org}/web", cwd=desk.folder("n")), "what is an organisation's is private"
    robot("push", cwd=web)


def test_a_hub_that_wants_a_login_for_everything(new_hub, desk):
    closed = new_hub("--require-login", "true")
    carol, dave = closed.new_user(), closed.new_user()
    flox = desk("c", carol, closed)
    flox.pushed(desk.dir / "web")
    into = desk.folder("into")
    nobody = desk("n", None, closed)
    told = nobody.fails("pull", f"{carol.handle}/web", cwd=into)
    assert "You are not logged in" in told and "Access denied to the remote environment" in told
    assert nobody.asked == ["refs 401", "refs 401"], "also for what is not there"
    nobody.fails("pull", f"{carol.handle}/absent", cwd=into)
    assert nobody.asked == ["refs 401", "refs 401"]
    desk("d", dave, closed)("pull", f"{carol.handle}/web", cwd=into)


def test_what_is_not_there_and_what_one_may_not_see_are_told_alike(hub, desk, alice, bob):
    flox, other, nobody = desk("a", alice), desk("b", bob), desk("n")
    flox.pushed(desk.dir / "secret")
    hub.admin("env", "visibility", f"{alice.handle}/secret", "private")
    for n, who in enumerate((other, nobody)):
        into, told = desk.folder(f"into{n}"), []
        for name in ("secret", "absent"):
            for words in (("pull",), ("activate", "-t", "-r"), ("generations", "list", "-r"), ("list", "-r"), ("pull", "-r")):
                text = who.fails(*words, f"{alice.handle}/{name}", cwd=into).replace(name, "NAME")
                assert not (into / ".flox").exists()
                told.append((words, one_line(text), who.asked))
        half = len(told) // 2
        assert told[:half] == told[half:]
        pull = LS + ME if who.token else LS  # perhaps the login has expired
        assert [a for _, _, a in told] == [pull, LS, LS, LS, LS] * 2
        assert "does not exist" in told[0][1], told[0]
        assert "Environment not found in FloxHub" in told[1][1], told[1]
    unknown = other.fails("pull", "nobody-of-that-name/secret", cwd=desk.dir / "into0")
    assert "does not exist" in unknown
    own = one_line(flox.fails("pull", f"{alice.handle}/absent", cwd=desk.dir / "into0"))
    assert f"The environment {alice.handle}/absent does not exist." in own, own
    hub.admin("env", "visibility", f"{alice.handle}/secret", "public")
    nobody("pull", f"{alice.handle}/secret", cwd=desk.dir / "into1")


def test_an_unlisted_environment_is_found_by_who_knows_its_name_and_an_internal_one_by_who_is_logged_in(hub, desk, alice, bob):
    flox = desk("a", alice)
    web = flox.pushed(desk.dir / "web")
    name = f"{alice.handle}/web"
    hub.admin("env", "visibility", name, "unlisted")
    for n, who in enumerate((desk("b", bob), desk("n"))):
        into = desk.folder(f"into{n}")
        who("pull", name, cwd=into)
        assert who.asked == FETCH + LS
        who("pull", cwd=into)
        assert who("activate", "-t", "-r", name, *GREET, cwd=into).stdout == "hello\n"
        who.wait()
    flox.edit(web, M2)
    flox("push", cwd=web)
    desk("n")("pull", cwd=desk.dir / "into1")
    hub.admin("env", "visibility", name, "internal")
    desk("b", bob)("pull", cwd=desk.dir / "into0")
    assert desk("n").fails("pull", cwd=desk.dir / "into1")
    assert "does not exist" in desk("n2").fails("pull", name, cwd=desk.folder("into2"))


def test_tokens_that_are_revoked_expired_read_only_or_nonsense(hub, desk, alice):
    flox = desk("a", alice)
    web = flox.pushed(desk.dir / "web")
    flox.edit(web, M2)
    gone = hub.token(alice.handle, "--name", "gone")
    listed = hub.admin("token", "list", alice.handle, "--json")
    rows = json.loads(listed.stdout)
    ids = [r["id"] for r in (rows if isinstance(rows, list) else rows["tokens"]) if r["name"] == "gone"]
    hub.admin("token", "revoke", ids[0])
    old, past = hub.token(alice.handle), hub.token(alice.handle, "--expires", "1s")
    time.sleep(1.5)
    for n, (token, status) in enumerate(((gone, 401), (past, 401), ("flox_nonsense", 401),
                                         (hub.token(alice.handle, "--scope", "read"), 403))):
        told = one_line(flox.fails("push", cwd=web, token=token))
        assert NO_PERMISSION in told and ("could not be verified" in told) == (status == 401), told
        assert "receive" not in flox.asked
        into = desk.folder(f"into{n}")
        desk(f"m{n}")("pull", f"{alice.handle}/web", cwd=into, token=token)
    hub.admin("env", "visibility", f"{alice.handle}/web", "private")
    into = desk.folder("late")
    for token in (gone, past):
        assert "does not exist" in desk("m9").fails("pull", f"{alice.handle}/web", cwd=into, token=token)
    desk("m9")("pull", f"{alice.handle}/web", cwd=into, token=old)
    flox("push", cwd=web)


def test_who_is_logged_out_is_asked_to_log_in_before_anything_is_sent(hub, desk, alice):
    nobody = desk("n")
    web = nobody.made(desk.dir / "web")
    for words in (("push",), ("init", "-r", f"{alice.handle}/x"), ("edit", "-r", f"{alice.handle}/x", "-f", "/dev/null")):
        told = nobody.fails(*words, cwd=web)
        assert "logged in" in told or "log in" in told or "auth login" in told, told
        assert nobody.asked == []


def test_a_taken_name_an_odd_name_and_one_that_differs_in_case(hub, desk, alice):
    flox, other = desk("a", alice), desk("b", alice)
    flox.pushed(desk.dir / "same")
    q = other.made(desk.dir / "q" / "same", M2)
    assert "already exists" in other.fails("push", cwd=q) and other.asked == ME + REFS
    up = desk.folder("up")
    other("init", "-n", "Same", cwd=up)
    told = one_line(other.fails("push", cwd=up))
    assert "An environment named same exists" in told and other.asked == ME + PUSH, told
    odd = desk.folder("odd")
    other("init", "-n", "odd{name}", cwd=odd)
    told = one_line(other.fails("push", cwd=odd))
    assert "failed to push environment" in told and "is made of the letters A to Z" in told and other.asked == ME + PUSH, told
    assert hub.admin("env", "list", alice.handle).stdout.count(alice.handle) == 1
    other("push", "--force", cwd=q)


def test_an_environment_that_was_renamed_or_deleted(hub, desk, alice):
    flox, other = desk("a", alice), desk("b", alice)
    web, gone = flox.pushed(desk.dir / "web"), flox.pushed(desk.dir / "gone")
    here = desk.folder("here")
    other("pull", f"{alice.handle}/web", cwd=here)
    hub.admin("env", "rename", f"{alice.handle}/web", "site")
    hub.admin("env", "delete", f"{alice.handle}/gone")
    for folder in (web, gone):
        for words in (("pull",), ("push",)):
            told = one_line(flox.fails(*words, cwd=folder))
            assert "Environment not found in FloxHub." in told and ("flox push" in told) == (words == ("push",)), told
            assert flox.asked[-3:] == LS
        assert flox("activate", *GREET, cwd=folder).stdout == "hello\n", "local copies go on working"
        flox.wait()
    assert "does not exist" in desk("c", alice).fails("pull", f"{alice.handle}/web", cwd=desk.folder("x"))
    desk("c", alice)("pull", f"{alice.handle}/site", cwd=desk.dir / "x")
    flox("pull", "--copy", cwd=gone)
    assert flox.asked == []
    flox("push", cwd=gone)
    hub.admin("env", "rename", f"{alice.handle}/site", "web")
    other("pull", cwd=here)
    assert other.asked == LS, "under its old name again it is the same environment"


def test_includes_of_other_environments(hub, desk, alice, bob):
    flox, other = desk("a", alice), desk("b", bob)
    inc = flox.pushed(desk.dir / "inc")
    flox.edit(inc, M2)
    flox("push", cwd=inc)
    remote = f'remote = "{alice.handle}/inc"'
    comp = other.made(desk.dir / "comp", SCHEMA + f"[include]\nenvironments = [{{ {remote} }}]\n")
    assert other("activate", "-t", *GREET, cwd=comp).stdout == "good day\n"
    pinned = other.made(desk.dir / "pinned", SCHEMA + f"[include]\nenvironments = [{{ {remote}, generation = 1 }}]\n")
    assert other("activate", "-t", *GREET, cwd=pinned).stdout == "hello\n"
    flox.edit(inc, M1 + '[options]\nsystems = ["x86_64-linux"]\n')
    flox("push", cwd=inc)
    other("include", "upgrade", cwd=comp)
    assert other("activate", "-t", *GREET, cwd=comp).stdout == "hello\n"
    other.wait()
    other("push", cwd=comp)
    nobody = desk("n")
    assert nobody("activate", "-t", "-r", f"{bob.handle}/comp", *GREET, cwd=desk.dir).stdout == "hello\n"
    nobody.wait()
    hub.admin("env", "visibility", f"{alice.handle}/inc", "private")
    text = desk.dir / "m.toml"
    text.write_text(SCHEMA + f'[include]\nenvironments = [{{ {remote}, name = "hidden" }}]\n')
    told = one_line(other.fails("edit", "-f", text, cwd=comp))
    assert "failed to fetch environment 'hidden'" in told and "ref not found" in told, told
    flox.edit(flox.made(desk.dir / "own"), text.read_text())
    assert flox("activate", "-t", *GREET, cwd=desk.dir / "own").stdout == "hello\n"


def test_a_hub_that_is_over_its_quota_or_away(new_hub, desk):
    small = new_hub("--owner-quota", "200K")
    carol = small.new_user()
    flox = desk("c", carol, small)
    web = flox.pushed(desk.dir / "web")
    flox.edit(web, M1 + "# " + bench.os.urandom(300_000).hex() + "\n")
    told = one_line(flox.fails("push", cwd=web))
    assert "failed to push environment" in told and "204800 are allowed" in told and "Nothing was changed." in told, told
    small.stop()
    started = time.monotonic()
    assert "onnect" in flox.fails("pull", cwd=web) and time.monotonic() - started < 30
    assert flox("activate", *GREET, cwd=web).stdout == "hello\n", "offline"


@pytest.mark.parametrize("many", [4])
def test_of_pushers_at_once_one_wins_and_the_others_are_told_that_branches_diverged(hub, desk, alice, many):
    first = desk("a", alice)
    first.pushed(desk.dir / "busy")
    there = []
    for n in range(many):
        flox = desk(f"p{n}", alice)
        folder = desk.folder(f"p{n}")
        flox("pull", f"{alice.handle}/busy", cwd=folder)
        flox.edit(folder, M1 + f"# {n}\n")
        there.append((flox, folder))
    running = [subprocess.Popen([bench.os.environ["FLOE_TEST_FLOX"], str(f.machine), hub.url, alice.token, "push"], cwd=folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for f, folder in there]
    done = [(p.communicate(timeout=120), p.returncode) for p in running]
    won = [n for n, (_, code) in enumerate(done) if code == 0]
    assert len(won) == 1, done
    for n, ((_, told), code) in enumerate(done):
        assert code == 0 or "diverged" in told, told
    first("pull", cwd=desk.dir / "busy")
    assert f"# {won[0]}\n" in (desk.dir / "busy/.flox/env/manifest.toml").read_text()
