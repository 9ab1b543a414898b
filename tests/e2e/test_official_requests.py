"""What the official client asks of the hub for each thing it does, request by request, as it was seen to ask elsewhere."""

from official import FETCH, GREET, LS, M1, M2, ME, PUSH, REFS, alice, bob, desk, needs_flox  # noqa: F401

pytestmark = needs_flox


def test_a_first_push_is_eleven_requests(desk, alice):
    flox = desk("a", alice)
    web = flox.made(desk.dir / "web")
    assert flox.asked == [], "editing what was not pushed is nobody's business"
    flox("push", cwd=web)
    assert flox.asked == ME + PUSH + FETCH + LS and len(flox.asked) == 11
    second = flox.made(desk.dir / "second")
    flox("push", cwd=second)
    assert flox.asked == ME + PUSH + FETCH + LS, "what the owner's clone has is acknowledged and packed in one answer"


def test_pushes_after_the_first(desk, alice):
    flox, other = desk("a", alice), desk("b", alice)
    web, copy = flox.pushed(desk.dir / "web"), desk.folder("copy")
    flox("push", cwd=web)
    assert flox.asked == ME + LS, "nothing to do"
    other("pull", f"{alice.handle}/web", cwd=copy)
    flox.edit(web, M2)
    assert flox.asked == []
    flox("push", cwd=web)
    assert flox.asked == ME + LS + PUSH + LS and len(flox.asked) == 10
    other("push", cwd=copy)
    assert other.asked == ME + FETCH, "behind is nothing to do"
    flox.edit(web, M1 + "# once more\n")
    flox("push", "--force", cwd=web)
    assert flox.asked == ME + LS + PUSH + LS


def test_a_push_that_diverged_stops_before_it_is_sent_and_force_sends_it(desk, alice):
    flox, other = desk("a", alice), desk("b", alice)
    web, copy = flox.pushed(desk.dir / "web"), desk.folder("copy")
    other("pull", f"{alice.handle}/web", cwd=copy)
    flox.edit(web, M2)
    flox("push", cwd=web)
    other.edit(copy, M1 + "# otherwise\n")
    other.fails("push", cwd=copy)
    assert other.asked == ME + FETCH
    other.fails("pull", cwd=copy)
    assert other.asked == LS
    other("push", "--force", cwd=copy)
    assert other.asked == ME + LS + PUSH + LS
    flox.fails("pull", cwd=web)
    assert flox.asked == FETCH
    flox("pull", "--force", cwd=web)
    assert flox.asked == LS


def test_pulls(desk, alice):
    flox, fresh, other = desk("a", alice), desk("n"), desk("b", alice)
    web = flox.pushed(desk.dir / "web")
    second = flox.pushed(desk.dir / "second")
    fresh("pull", f"{alice.handle}/web", cwd=desk.folder("x1"))
    assert fresh.asked == FETCH + LS and len(fresh.asked) == 7, "on a new machine, logged out"
    fresh("pull", f"{alice.handle}/web", cwd=desk.folder("x2"))
    assert fresh.asked == LS, "a clone of the owner is there"
    fresh("pull", f"{alice.handle}/second", cwd=desk.folder("x3"))
    assert fresh.asked == FETCH + LS, "a clone of the owner is there, this environment is not in it"
    other("pull", "--copy", f"{alice.handle}/web", cwd=desk.folder("x4"))
    assert other.asked == FETCH + LS
    fresh("pull", cwd=desk.dir / "x1")
    assert fresh.asked == LS
    flox.edit(second, M2)
    flox("push", cwd=second)
    fresh("pull", cwd=desk.dir / "x3")
    assert fresh.asked == FETCH
    fresh("pull", "--copy", cwd=desk.dir / "x3")
    assert fresh.asked == [], "taking a folder off the hub asks nothing"
    assert (web / ".flox/env.lock").exists()


def test_a_first_activation_of_a_reference_asks_and_later_ones_do_not(desk, alice, bob):
    flox, other = desk("a", alice), desk("b", bob)
    flox.pushed(desk.dir / "web")
    into = desk.folder("else")
    assert other("activate", "-t", "-r", f"{alice.handle}/web", *GREET, cwd=into).stdout == "hello\n"
    asked = other.asked + other.wait()
    assert asked == FETCH + LS + LS, "the last three are the check for upgrades in the background"
    other("activate", "-t", "-r", f"{alice.handle}/web", *GREET, cwd=into)
    assert other.asked + other.wait() == []


def test_references_are_edited_locally_and_pushed_on_demand(desk, alice):
    flox, other = desk("a", alice), desk("b", alice)
    flox.pushed(desk.dir / "web")
    here, name = desk.folder("else"), f"{alice.handle}/web"
    text = desk.dir / "m.toml"
    text.write_text(M2)
    other("edit", "-r", name, "-f", text, cwd=here)
    assert other.asked == ME + FETCH + LS
    text.write_text(M1 + "# again\n")
    other("edit", "-r", name, "-f", text, cwd=here)
    assert other.asked == ME
    other("push", "-r", name, cwd=here)
    assert other.asked == ME + LS + PUSH + LS
    other("pull", "-r", name, cwd=here)
    assert other.asked == LS
    other("list", "-r", name, cwd=here)
    assert other.asked == []
    other("list", "-r", name, "--upstream", cwd=here)
    assert other.asked == LS
    for words in (("list",), ("history",), ("rollback",), ("switch", "3")):
        other("generations", *words, "-r", name, cwd=here)
        assert other.asked == [], words
    other("generations", "list", "-r", name, "--upstream", cwd=here)
    assert other.asked == []


def test_an_environment_is_made_on_the_hub_with_a_reference(desk, alice):
    flox, here = desk("a", alice), desk.folder("here")
    flox("init", "-r", f"{alice.handle}/fresh", cwd=here)
    assert flox.asked[:8] == ME + PUSH + FETCH
    again = desk("b", alice)
    assert "already exists" in again.fails("init", "-r", f"{alice.handle}/fresh", cwd=here)
    assert again.asked == ME + REFS


def test_the_own_default_environment_is_found_by_asking_who_one_is(desk, alice):
    flox, here = desk("a", alice), desk.folder("here")
    flox("init", "-r", f"{alice.handle}/default", cwd=here)
    flox("activate", "-D", "-t", "--", "true", cwd=here)
    assert flox.asked[:1] == ME


def test_what_stays_on_the_machine_asks_nothing(desk, alice):
    flox = desk("a", alice)
    web = flox.pushed(desk.dir / "web")
    flox.edit(web, M2)
    for words in (("list",), ("generations", "list"), ("generations", "history"), ("generations", "rollback"),
                  ("generations", "switch", "2"), ("envs",), ("delete", "-f")):
        flox(*words, cwd=web)
        assert flox.asked == [], words


def test_the_login_is_checked_by_asking_who_one_is(desk, alice):
    flox, here = desk("a"), desk.folder("here")
    (desk.dir / "token").write_text(alice.token + "\n")
    flox("auth", "login", "--token-file", desk.dir / "token", cwd=here)
    assert flox.asked == ME
    said = flox("auth", "status", cwd=here)
    assert alice.handle in said.stdout + said.stderr and flox.asked == ME
    flox("auth", "logout", cwd=here)
    assert flox.asked == []
