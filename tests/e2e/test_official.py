"""The official client itself, where there is one (see official.py): the life of environments on this hub."""

import json

import bench
from official import (FETCH, GREET, LS, M1, M2, M3, ME, PUSH, alice, bob, desk, manifest_of, needs_flox, needs_newest_schema)  # noqa: F401

pytestmark = needs_flox


def test_the_official_client_pushes_pulls_diverges_and_forces(hub, desk, alice, bob):
    one, two, other = desk("a1", alice), desk("a2", alice), desk("b1", bob)
    web = one.made(desk.dir / "web")
    copy, bobs = desk.folder("copy"), desk.folder("bob")
    pushed = one("push", cwd=web).stderr
    assert "web successfully pushed to FloxHub as public" in pushed and f"{hub.url}/{alice.handle}/web" in pushed
    assert "web" in hub.admin("env", "list", alice.handle).stdout
    assert "No changes to push" in one("push", cwd=web).stderr
    one.edit(web, M2)
    assert "Updates to web successfully pushed" in one("push", cwd=web).stderr
    assert f"Pulled {alice.handle}/web" in two("pull", f"{alice.handle}/web", cwd=copy).stderr
    assert two("activate", "-t", *GREET, cwd=copy).stdout == "good day\n"
    two.wait()
    listed = two("generations", "list", cwd=copy).stdout
    assert "2 (live)" in listed and "imported environment" in listed and "manually edited the manifest" in listed
    two("generations", "rollback", cwd=copy)
    two("push", cwd=copy)
    one.edit(web, M1 + "# divergent\n")
    told = one.fails("push", cwd=web)
    assert "diverged" in told and "changed current generation 2 -> 1" in told, "both last changes are shown"
    assert "force pushed" in one("push", "--force", cwd=web).stderr
    assert "diverged" in two.fails("pull", cwd=copy)
    assert "(forced)" in two("pull", "--force", cwd=copy).stderr
    assert "already up to date" in two("pull", cwd=copy).stderr
    other("pull", f"{alice.handle}/web", cwd=bobs)
    assert manifest_of(bobs) == M1 + "# divergent\n"


def test_generations_are_switched_rolled_back_and_pushed(hub, desk, alice):
    one, two = desk("a", alice), desk("b", alice)
    web = one.pushed(desk.dir / "web")
    for text in (M2, M3):
        one.edit(web, text)
    one("generations", "switch", "1", cwd=web)
    one("generations", "rollback", cwd=web)
    one("generations", "switch", "2", cwd=web)
    one("push", cwd=web)
    copy = desk.folder("copy")
    two("pull", f"{alice.handle}/web", cwd=copy)
    assert manifest_of(copy) == M2 and "2 (live)" in two("generations", "list", cwd=copy).stdout
    assert two("generations", "history", cwd=copy).stdout.count("Generation:") == 6
    for n, text in (("1", M1), ("3", M3)):
        into = desk.folder(f"copy{n}")
        two("pull", "--copy", "-g", n, f"{alice.handle}/web", cwd=into)
        assert manifest_of(into) == text and not (into / ".flox/env.lock").exists()
        assert two.asked == LS
    assert two("activate", "-t", "-g", "1", *GREET, cwd=copy).stdout == "hello\n"
    two.wait()
    two.edit(copy, M1 + "# the fourth\n")
    two("push", cwd=copy)
    one("pull", cwd=web)
    assert "4 (live)" in one("generations", "list", cwd=web).stdout


def test_a_push_of_more_than_a_mebibyte_arrives_whole(hub, desk, alice):
    one, two = desk("a", alice), desk("b", alice)
    big = M1 + "# " + bench.os.urandom(1_200_000).hex() + "\n"
    first = one.made(desk.dir / "first", big)
    one("push", cwd=first)
    assert one.asked == ME + ["refs 401", "refs", "receive", "receive"] + FETCH + LS, "a probe of four bytes, then the push"
    later = one.pushed(desk.dir / "later")
    one.edit(later, big.replace("hello", "HELLO"))
    one("push", cwd=later)
    assert one.asked == ME + LS + ["refs 401", "refs", "receive", "receive"] + LS
    for name, text in (("first", big), ("later", big.replace("hello", "HELLO"))):
        into = desk.folder(f"into-{name}")
        two("pull", f"{alice.handle}/{name}", cwd=into)
        assert manifest_of(into) == text


def test_a_hub_below_a_path(new_hub, desk):
    sub = new_hub(prefix="/floxhub")
    carol = sub.new_user()
    one, two = desk("a", carol, sub), desk("b", carol, sub)
    one.hub.base = sub.base + "/"
    try:
        web = one.pushed(desk.dir / "web")
        pointer = json.loads((web / ".flox/env.json").read_text())
        assert pointer["floxhub_url"] == sub.url
        one.edit(web, M2)
        one("push", cwd=web)
        assert one.asked == ME + LS + PUSH + LS
        into = desk.folder("into")
        two("pull", f"{carol.handle}/web", cwd=into)
        assert two("activate", "-t", "-r", f"{carol.handle}/web", *GREET, cwd=into).stdout == "good day\n"
        two.wait()
    finally:
        sub.base = sub.base.rstrip("/")
    without = desk("c", carol, sub)
    into = desk.folder("plain")
    without("pull", f"{carol.handle}/web", cwd=into)
    without.edit(into, M3)
    without("push", cwd=into)


def test_a_copy_becomes_an_environment_of_ones_own(hub, desk, alice, bob):
    one, other = desk("a", alice), desk("b", bob)
    web = one.pushed(desk.dir / "web")
    into = desk.folder("into")
    other("pull", "--copy", f"{alice.handle}/web", cwd=into)
    assert json.loads((into / ".flox/env.json").read_text()).keys() == {"name", "version"}
    other("push", cwd=into)
    assert f"{bob.handle}/web" in hub.admin("env", "list", bob.handle).stdout
    hub.admin("env", "delete", f"{alice.handle}/web")
    one("pull", "--copy", cwd=web)
    one("push", cwd=web)
    assert one.asked == ME + PUSH + FETCH + ["upload"], "pushed as new; nothing that the clone has is there, which takes a round of NAK"


def test_references_are_edited_and_pushed_and_the_folder_pulls_them(hub, desk, alice):
    one, nobody = desk("a", alice), desk("n")
    inc = one.pushed(desk.dir / "inc")
    name = f"{alice.handle}/inc"
    assert nobody("activate", "-t", "-r", name, *GREET, cwd=desk.dir).stdout == "hello\n"
    nobody.wait()
    text = desk.dir / "m.toml"
    text.write_text(M2)
    one("edit", "-r", name, "-f", text, cwd=desk.dir)
    one("push", "-r", name, cwd=desk.dir)
    one("pull", cwd=inc)
    assert one("activate", *GREET, cwd=inc).stdout == "good day\n"
    one.wait()
    nobody("pull", "-r", name, cwd=desk.dir)
    assert nobody("activate", "-t", "-r", name, *GREET, cwd=desk.dir).stdout == "good day\n"
    nobody.wait()
    told = one.fails("activate", "-r", name, "--", "true", cwd=desk.dir)
    assert "not trusted" in told, "with an opaque token one's own environments too need -t"


def test_histories_of_older_clients_and_other_hands_are_pulled(hub, desk, alice, machine):
    needs_newest_schema(desk)
    m = machine()
    made = bench.Environment(m, "old", user="somebody")
    made.generation(M1)
    v1 = {"currentGen": "1", "version": 1, "generations": {"1": {"created": 1700000000, "lastActive": None, "description": "made"}}}
    (made.repo / "metadata.json").write_text(json.dumps(v1))
    made._git("commit", "-q", "-a", "-m", "as older clients kept it")
    m.push(hub, alice.handle, made.repo, "HEAD:refs/heads/old", alice.token, check=True)
    odd = bench.Environment(m, "odd")
    odd.generation(M1)
    odd.generation(M2, kind="future_kind", extra={"a": 1}, summary="something new")
    m.push(hub, alice.handle, odd.repo, "HEAD:refs/heads/odd", alice.token, check=True)
    one = desk("a", alice)
    for name, live in (("old", "made [metadata migrated]"), ("odd", "performed unknown future_kind operation")):
        into = desk.folder(name)
        one("pull", f"{alice.handle}/{name}", cwd=into)
        assert live in one("generations", "list", cwd=into).stdout
        one.edit(into, M3)
        one("push", cwd=into)
    said = hub.admin("env", "list", alice.handle).stdout
    assert "old" in said and "odd" in said


def test_login_status_and_a_bad_token(hub, desk, alice):
    fresh = desk("login")
    token = desk.dir / "token"
    token.write_text(alice.token + "\n")
    told = fresh("auth", "login", "--token-file", token, cwd=desk.dir).stderr
    assert f"Logged in as {alice.handle}" in told
    said = fresh("auth", "status", cwd=desk.dir)
    assert f"logged in as {alice.handle} on {hub.url}" in said.stdout + said.stderr
    web = fresh.made(desk.dir / "web")
    fresh("push", cwd=web)
    assert fresh.asked[:4] == ME + PUSH, "with the login that was kept"
    token.write_text("flox_pat_bad\n")
    assert "expired" in desk("bad").fails("auth", "login", "--token-file", token, cwd=desk.dir)
