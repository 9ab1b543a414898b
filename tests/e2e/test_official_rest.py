"""The official client on what REST made: environments, generations and switches of the hub are its own to list, pull, run and go on from."""

import json
import re

import pytest

from official import FETCH, GREET, LS, M1, M2, M3, ME, PUSH, SCHEMA, alice, bob, desk, manifest_of, needs_flox, needs_newest_schema  # noqa: F401
from test_rest import call
from test_rest_env import PACKAGE, add, get, lock_of, make

pytestmark = needs_flox


def switch(hub, user, name, to=None):
    """A rollback, or a switch to a generation, by the hub."""
    verb, body = ("rollback", None) if to is None else ("switch", {"generation": to})
    a = call(hub, "POST", f"/environments/{user.handle}/{name}/{verb}", user.token, body)
    assert a.status == 200, a.text
    return a.json


def added(hub, user, name, manifest, **more):
    a = add(hub, user, name, manifest, **more)
    assert a.status == 201, a.text
    return a.json


def told(hub, user, name):
    """The history as the hub tells it, newest first."""
    return get(hub, f"/{user.handle}/{name}/history", user.token).json["items"]


def history(flox, folder):
    return json.loads(flox("generations", "history", "--json", cwd=folder).stdout)


def live(flox, folder):
    listed = flox("generations", "list", cwd=folder).stdout
    numbers = re.findall(r"(\d+) \(live\)", listed)
    assert len(numbers) == 1, listed
    return int(numbers[0])


def asked(flox):
    """What the client asked, without our own requests, which the log may have a moment later."""
    return [said for said in flox.asked if "/api/v1/" not in said]


def greeting(flox, folder, *options):
    said = flox("activate", "-t", *options, *GREET, cwd=folder).stdout
    flox.wait()
    return said


def test_an_environment_made_over_rest_is_pulled_run_and_pushed_on_top_of(hub, desk, alice, bob):
    made = make(hub, alice, "web", M1).json
    one, two, stranger = desk("a", alice), desk("b", alice), desk("c", bob)
    here, name = desk.folder("here"), f"{alice.handle}/web"
    assert f"Pulled {name}" in one("pull", name, cwd=here).stderr
    assert asked(one) == FETCH + LS
    assert manifest_of(here) == M1
    assert (here / ".flox/env/manifest.lock").read_bytes() == get(hub, f"/{name}/generations/1/lock").body
    assert json.loads((here / ".flox/env.lock").read_text())["rev"] == made["tip"], "the hub tells the tip that git shows"
    assert one("list", "-c", cwd=here).stdout == M1 + "\n"
    assert live(one, here) == 1 and "initialized new environment" in one("generations", "list", cwd=here).stdout
    assert greeting(one, here) == "hello\n" and greeting(stranger, desk.dir, "-r", name) == "hello\n"
    one.edit(here, M2)
    one("push", cwd=here)
    assert asked(one) == ME + LS + PUSH + LS
    now = get(hub, f"/{name}").json
    assert (now["live"], now["generations"], now["manifest"]) == (2, 2, M2)
    there = desk.folder("there")
    two("pull", name, cwd=there)
    two("generations", "rollback", cwd=there)
    assert manifest_of(there) == M1, "back to what the hub made"
    assert (there / ".flox/env/manifest.lock").read_bytes() == get(hub, f"/{name}/generations/1/lock").body
    two("push", cwd=there)
    assert [c["kind"] for c in told(hub, alice, "web")] == ["switch_generation", "edit", "initialize"]


def test_the_lock_that_the_hub_makes_is_the_one_the_official_client_makes(hub, desk, alice):
    """Else the first command on a machine would find a lock that does not fit, and write another."""
    needs_newest_schema(desk)
    flox = desk("a", alice)
    manifests = {
        "vars": M1,
        "bare": SCHEMA,
        "comment": "# first\n" + M2 + "\n# last\n",
        "full": SCHEMA + '[vars]\nA = "1"\nB = "$A"\n[hook]\non-activate = """\n  export C=3\n"""\n[profile]\ncommon = "true"\nbash = "true"\n'
                         '[options]\nsystems = ["x86_64-linux", "aarch64-linux"]\nallow.unfree = true\n'
                         '[containerize.config]\nexposed-ports = ["80/tcp"]\nlabels = { b = "2", a = "1" }\n',
        "old": 'version = 1\n[vars]\nGREETING = "hello"\n',
        "schema": 'schema-version = "1.10.0"\n[vars]\nGREETING = "hello"\n[options]\n',
        "newer": 'schema-version = "1.15.0"\n[hook]\non-deactivate = "true"\n',
    }
    for name, text in manifests.items():
        make(hub, alice, name, text)
        here = desk.folder(name)
        flox("pull", f"{alice.handle}/{name}", cwd=here)
        theirs = flox.made(desk.dir / "own" / name, text)
        assert manifest_of(here) == text
        assert (here / ".flox/env/manifest.lock").read_text() == (theirs / ".flox/env/manifest.lock").read_text(), name
        flox("list", cwd=here)
        assert "No changes to push" in flox("push", cwd=here).stderr, name


def test_generations_made_over_rest_are_pulled_run_and_rolled_back_over(hub, desk, alice):
    one, other = desk("a", alice), desk("b")
    web, name = one.pushed(desk.dir / "web"), f"{alice.handle}/web"
    copy = desk.folder("copy")
    other("pull", name, cwd=copy)
    added(hub, alice, "web", M2)
    added(hub, alice, "web", M3, change={"kind": "other", "summary": "nightly update"})
    assert "No changes to push" not in one("pull", cwd=web).stderr
    assert asked(one) == FETCH
    assert manifest_of(web) == M3 and live(one, web) == 3
    assert greeting(one, web) == "good night\n"
    listed = one("generations", "list", cwd=web).stdout
    assert "imported environment" in listed and "manually edited the manifest" in listed and "nightly update" in listed
    changes = history(one, web)
    assert [(c["author"], c["hostname"], c.get("command")) for c in changes][-2:] == [(alice.handle, "127.0.0.1", None)] * 2
    assert greeting(one, web, "-g", "2") == "good day\n", "a generation of the hub that is not live"
    one("generations", "rollback", cwd=web)
    assert manifest_of(web) == M2 and live(one, web) == 2, "over the hub's last generation to the one before"
    one("push", cwd=web)
    assert asked(one) == ME + LS + PUSH + LS
    assert switch(hub, alice, "web")["live"] == 3, "and the hub rolls back over that"
    assert switch(hub, alice, "web", 1)["live"] == 1
    one("pull", cwd=web)
    assert manifest_of(web) == M1 and live(one, web) == 1 and greeting(one, web) == "hello\n"
    one("generations", "switch", "3", cwd=web)
    assert manifest_of(web) == M3
    one("generations", "rollback", cwd=web)
    assert manifest_of(web) == M1, "what was live before, by the hub's doing"
    one.edit(web, M1 + "# on top\n")
    one("push", cwd=web)
    assert live(one, web) == 4
    now = get(hub, f"/{name}").json
    assert (now["live"], now["generations"], now["manifest"]) == (4, 4, M1 + "# on top\n")
    assert added(hub, alice, "web", M2)["live"] == 5, "the hub goes on from the client's"
    other("pull", cwd=copy)
    assert manifest_of(copy) == M2 and greeting(other, copy) == "good day\n"
    assert [c["summary"] for c in told(hub, alice, "web")][:2] == ["manually edited the manifest"] * 2


def test_copies_and_references_of_what_the_hub_made(hub, desk, alice):
    make(hub, alice, "web", M1)
    added(hub, alice, "web", M2)
    switch(hub, alice, "web", 1)
    flox, name = desk("a", alice), f"{alice.handle}/web"
    for n, text in (("1", M1), ("2", M2)):
        into = desk.folder(f"copy{n}")
        flox("pull", "--copy", "-g", n, name, cwd=into)
        assert manifest_of(into) == text
    assert greeting(flox, desk.dir, "-r", name) == "hello\n"
    switch(hub, alice, "web")
    flox("pull", "-r", name, cwd=desk.dir)
    assert greeting(flox, desk.dir, "-r", name) == "good day\n"
    text = desk.dir / "m.toml"
    text.write_text(M3)
    flox("edit", "-r", name, "-f", text, cwd=desk.dir)
    flox("push", "-r", name, cwd=desk.dir)
    assert get(hub, f"/{name}").json["manifest"] == M3


def test_what_a_change_was_is_told_in_the_words_of_the_official_client(hub, desk, alice):
    flox = desk("a", alice)
    make(hub, alice, "web", M1)
    for n, change in enumerate(({"kind": "edit"}, {"kind": "install", "targets": ["hello (hello)"]},
                                {"kind": "install", "targets": ["a (a)", "b (b)"]}, {"kind": "uninstall", "targets": ["hello (hello)"]},
                                {"kind": "upgrade", "targets": ["a", "b"]}, {"kind": "include_upgrade", "targets": ["inc"]},
                                {"kind": "include_upgrade", "targets": []}, {"kind": "other", "summary": "Grüße ✓"})):
        a = add(hub, alice, "web", M1 + f"# {n}\n", change=change)
        assert a.status in (201, 422), a.text
        if a.status == 422:
            assert change["targets"] == [], a.text
    switch(hub, alice, "web")
    here = desk.folder("here")
    flox("pull", f"{alice.handle}/web", cwd=here)
    said = flox("generations", "history", "--no-pager", cwd=here).stdout
    summaries = [line.split("Summary:", 1)[1].strip() for line in said.splitlines() if line.startswith("Summary:")]
    ours = [c["summary"] for c in told(hub, alice, "web")]
    assert summaries in (ours, ours[::-1]), (summaries, ours)
    descriptions = {g["generation"]: g["description"] for g in
                    get(hub, f"/{alice.handle}/web/generations", alice.token).json["items"]}
    listed = flox("generations", "list", cwd=here).stdout
    for n, words in descriptions.items():
        assert words in listed, (n, words, listed)


def test_packages_of_a_generation_made_over_rest_are_listed(hub, desk, alice):
    text = SCHEMA + '\n[install]\nhello.pkg-path = "hello"\n'
    lock = lock_of({"schema-version": "1.14.0", "install": {"hello": {"pkg-path": "hello"}}, "options": {}}, [PACKAGE])
    make(hub, alice, "web", M1)
    added(hub, alice, "web", text, lock=lock, change={"kind": "install", "targets": ["hello (hello)"]})
    flox, here = desk("a", alice), desk.folder("here")
    flox("pull", "--force", f"{alice.handle}/web", cwd=here)
    assert "hello: hello (2.12.3)" in flox("list", cwd=here).stdout
    assert (here / ".flox/env/manifest.lock").read_text() == lock, "not locked anew"
    flox("generations", "rollback", cwd=here)
    assert manifest_of(here) == M1
    flox("push", cwd=here)
    assert get(hub, f"/{alice.handle}/web").json["live"] == 1


def test_a_generation_of_the_hub_that_came_between_is_a_divergence(hub, desk, alice):
    flox, name = desk("a", alice), f"{alice.handle}/web"
    web = flox.pushed(desk.dir / "web")
    flox.edit(web, M2)
    added(hub, alice, "web", M3, change={"kind": "other", "summary": "nightly update"})
    for words in (("push",), ("pull",)):
        said = flox.fails(*words, cwd=web)
        assert "diverged" in said and ("nightly update" in said or words == ("pull",)), said
    flox("pull", "--force", cwd=web)
    assert manifest_of(web) == M3
    flox.edit(web, M1)
    switch(hub, alice, "web", 1)
    assert "diverged" in flox.fails("push", cwd=web)
    flox("push", "--force", cwd=web)
    now = get(hub, f"/{name}").json
    assert (now["manifest"], now["live"]) == (M1, 3)
    old = get(hub, f"/{name}").headers["ETag"]
    flox.edit(web, M2)
    flox("push", cwd=web)
    assert add(hub, alice, "web", M3, headers={"If_Match": old}).status == 412, "a push of the client makes a script's tag stale"


def test_an_include_that_the_hub_changed_is_upgraded(hub, desk, alice):
    make(hub, alice, "inc", M1)
    added(hub, alice, "inc", M2)
    flox, remote = desk("a", alice), f'remote = "{alice.handle}/inc"'
    comp = flox.made(desk.dir / "comp", SCHEMA + f"[include]\nenvironments = [{{ {remote} }}]\n")
    pinned = flox.made(desk.dir / "pinned", SCHEMA + f"[include]\nenvironments = [{{ {remote}, generation = 1 }}]\n")
    assert greeting(flox, comp) == "good day\n" and greeting(flox, pinned) == "hello\n"
    added(hub, alice, "inc", M3)
    assert greeting(flox, comp) == "good day\n", "what is locked stays"
    flox("include", "upgrade", cwd=comp)
    assert greeting(flox, comp) == "good night\n"
    flox("push", cwd=comp)
    assert get(hub, f"/{alice.handle}/comp").json["live"] == 1


@pytest.mark.parametrize("who", ["owner", "organisation"])
def test_what_rest_renames_hides_deletes_and_restores_is_so_for_the_official_client(hub, desk, alice, bob, who):
    owner = alice.handle if who == "owner" else hub.new_org(alice)
    made = call(hub, "POST", "/environments", alice.token, {"owner": owner, "name": "web", "manifest": M1, "visibility": "private"})
    assert made.status == 201, made.text
    path = f"/environments/{owner}/web"
    flox, other = desk("a", alice), desk("b", bob)
    web, gone = desk.folder("web"), desk.folder("gone")
    flox("pull", f"{owner}/web", cwd=web)
    assert "does not exist" in " ".join(other.fails("pull", f"{owner}/web", cwd=gone).split())
    assert call(hub, "PATCH", path, hub.token(alice.handle, "--scope", "admin"), {"visibility": "public"}).status == 200
    other("pull", f"{owner}/web", cwd=gone)
    assert call(hub, "PATCH", path, hub.token(alice.handle, "--scope", "admin"), {"name": "site"}).status == 200
    assert "not found in FloxHub" in " ".join(flox.fails("pull", cwd=web).split())
    flox("pull", f"{owner}/site", cwd=desk.folder("site"))
    admin = hub.token(alice.handle, "--scope", "admin")
    assert call(hub, "DELETE", f"/environments/{owner}/site", admin).status == 204
    assert "not found in FloxHub" in " ".join(flox.fails("push", cwd=desk.dir / "site").split())
    restored = call(hub, "POST", f"/environments/{owner}/site/restore", admin)
    assert restored.status == 200, restored.text
    flox.edit(desk.dir / "site", M2)
    flox("push", cwd=desk.dir / "site")
    assert get(hub, f"/{owner}/site", alice.token).json["manifest"] == M2
