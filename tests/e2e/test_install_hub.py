"""Packages from a hub's own catalog: imported by its operator, installed by its people, locked as the official client locks."""

import json

import pytest

import bench
from stand_in import Catalog, package
from test_install import NEW, PAGES, lock, locked, made, manifest, nothing_changes, state

RECORDED = "data/observed/commands.jsonl"
FOLDERS = "data/observed/dot-flox-folders.tar"


def rows_of(*pages, only=lambda path: "/" not in path):
    c = Catalog({n: PAGES[n] for n in pages})
    c.server.server_close()
    return [c.row(n, path, s) for n in pages for path in PAGES[n] if only(path) for s in PAGES[n][path]["systems"]]


def import_rows(hub, rows, *options):
    path = hub.data / f"rows-{len(rows)}.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    path.chmod(0o644)
    return hub.admin("catalog", "import", "rows", path, *options)


@pytest.fixture
def stocked(fresh_hub):
    """A hub with the older of the two pages."""
    import_rows(fresh_hub, rows_of(1))
    return fresh_hub


def test_from_an_import_to_a_rollback_on_another_machine(stocked, machine):
    hub, person = stocked, stocked.new_user()
    laptop, desk = machine("laptop").login(person), machine("desk").login(person)
    assert laptop.floe("search", "hel", check=True).stdout == "hello  A test package\n"
    assert laptop.floe("show", "hello", check=True).stdout.startswith("hello - A test package\nCatalog: nixpkgs\nLatest:  hello@2.10\n")
    folder = made(laptop, "web")
    assert laptop.floe("install", "hello", "curl", cwd=folder, check=True).stderr.startswith("✔ 'hello', 'curl' installed to environment 'web'\n")
    text = (folder / ".flox/env/manifest.lock").read_text()
    asked = len([r for r in hub.access_log() if r["route"].startswith("catalog.")])
    nothing_changes(laptop, folder, "install", "hello", code=0, told="already installed")
    nothing_changes(laptop, folder, "edit", "-f", "-", input=manifest(folder), code=0, told="No changes made")
    laptop.floe("push", cwd=folder, check=True)
    there = desk.folder("there")
    desk.floe("pull", f"{person.handle}/web", "-d", there, check=True)
    assert (there / ".flox/env/manifest.lock").read_text() == text
    assert desk.floe("list", cwd=there, check=True).stdout == "curl: curl (8.0)\nhello: hello (2.10)\n"
    assert len([r for r in hub.access_log() if r["route"].startswith("catalog.")]) == asked, "what is locked is not asked for"
    import_rows(hub, rows_of(1, 2))
    told = "- curl: 8.0 -> 8.1\n- hello: 2.10 -> 2.12.3\n"
    nothing_changes(desk, there, "upgrade", "--dry-run", code=0, told=f"Dry run: 2 version changes in '{person.handle}/web':\n{told}")
    assert desk.floe("upgrade", cwd=there, check=True).stderr == f"✔ Upgraded 2 version changes in '{person.handle}/web':\n{told}"
    desk.floe("push", cwd=there, check=True)
    laptop.floe("pull", cwd=folder, check=True)
    assert laptop.floe("list", cwd=folder, check=True).stdout == "curl: curl (8.1)\nhello: hello (2.12.3)\n"
    laptop.floe("generations", "rollback", cwd=folder, check=True)
    assert (folder / ".flox/env/manifest.lock").read_text() == text
    history = laptop.floe("generations", "history", cwd=folder, check=True).stdout
    assert "upgraded packages 'curl', 'hello'" in history


def test_what_one_machine_takes_out_the_other_no_longer_has(stocked, machine):
    person = stocked.new_user()
    laptop, desk = machine("laptop").login(person), machine("desk").login(person)
    folder = made(laptop, "web")
    laptop.floe("install", "hello", "curl", cwd=folder, check=True)
    laptop.floe("push", cwd=folder, check=True)
    there = desk.folder("there")
    desk.floe("pull", f"{person.handle}/web", "-d", there, check=True)
    desk.floe("uninstall", "curl", cwd=there, check=True)
    desk.floe("push", cwd=there, check=True)
    laptop.floe("pull", cwd=folder, check=True)
    assert laptop.floe("list", cwd=folder, check=True).stdout.startswith("hello: hello (")
    assert "curl" not in (folder / ".flox/env/manifest.lock").read_text() + (folder / ".flox/env/manifest.toml").read_text()


def test_a_reference_is_changed_here_and_pushed_later(stocked, machine):
    person = stocked.new_user()
    m, ref = machine().login(person), f"{person.handle}/web"
    m.floe("init", "-b", "-r", ref, check=True)
    m.floe("install", "-r", ref, "hello", "vim", check=True)
    m.floe("uninstall", "-r", ref, "vim", check=True)
    import_rows(stocked, rows_of(1, 2))
    m.floe("upgrade", "-r", ref, check=True)
    live = json.loads(stocked.http(f"/api/v1/environments/{ref}", token=person.token).text)
    assert live["live"]["number"] == 1 if isinstance(live["live"], dict) else live["live"] == 1
    m.floe("push", "-r", ref, check=True)
    live = json.loads(stocked.http(f"/api/v1/environments/{ref}", token=person.token).text)
    assert [(p["install_id"], p["version"]) for p in json.loads(live["lock"])["packages"]] == [("hello", "2.12.3")] * 3
    other = machine("other").login(person)  # where nothing of it is yet
    done = other.floe("install", "-r", ref, "curl@8.0", check=True)
    assert done.stderr.endswith("ℹ Resolved together with them, these packages changed, too:\n- hello: 2.12.3 -> 2.10\n")
    assert other.floe("list", "-r", ref, check=True).stdout == "curl: curl (8.0)\nhello: hello (2.10)\n", "one page for both"
    other.floe("push", "-r", ref, check=True)
    m.floe("pull", "-r", ref, check=True)
    assert m.floe("list", "-n", "-r", ref, check=True).stdout == "curl\nhello\n"


def test_anybody_may_install_from_the_base_catalog_and_is_told_of_what_they_may_not_see(stocked, machine):
    hub, owner, other = stocked, stocked.new_user(), stocked.new_user()
    private = [{**r, "catalog": owner.handle, "pkg_path": f"{owner.handle}/greeter", "attr_path": "greeter"}
               for r in rows_of(2, only=lambda path: path == "acme/greeter")]
    import_rows(hub, private, "--catalog", owner.handle)
    ref = f"{owner.handle}/greeter"
    nobody, member, stranger = machine().at(hub), machine().login(owner), machine().login(other)
    folders = {m: made(m, "web") for m in (nobody, member, stranger)}
    nobody.floe("install", "hello", cwd=folders[nobody], check=True)
    assert member.floe("install", ref, cwd=folders[member], check=True).stderr == (
        "! 'greeter' installed only for the following systems: x86_64-linux\n")
    assert lock(folders[member])["packages"][0]["version"] == "1.2.3"
    assert member.floe("search", "greet", check=True).stdout.startswith(ref)
    for m in (nobody, stranger):
        nothing_changes(m, folders[m], "install", ref, told=f"Could not find package '{ref}'.")
        assert m.floe("search", "greeter").returncode == 1 and m.floe("show", ref).returncode == 1


def test_where_resolving_wants_a_login_everybody_searches_and_the_logged_in_install(new_hub, machine):
    hub = new_hub("--catalog-resolve-anonymous", "false")
    import_rows(hub, rows_of(1))
    m = machine().at(hub)
    folder = made(m, "web")
    assert m.floe("search", "hel", check=True).stdout == "hello  A test package\n"
    assert m.floe("show", "hello", check=True).stdout.startswith("hello - ")
    for words in (("install", "hello"), ("edit", "-f", "-")):
        nothing_changes(m, folder, *words, input=NEW + 'install.hello.pkg-path = "hello"\n', told="Log in to do this.\nUse 'floe auth login' with a fresh token.")
    m.login(hub.new_user())
    m.floe("install", "hello", cwd=folder, check=True)
    assert locked(folder)[("hello", "x86_64-linux")] == "2.10"


def test_what_cannot_be_resolved_is_explained_on_request(stocked, machine):
    import_rows(stocked, rows_of(1, 2))
    m = machine().at(stocked)
    folder = made(m, "web")
    done = nothing_changes(m, folder, "install", "--explain", "old", "jdk", told=(
        "constraints for group 'toplevel' are too tight", "ℹ Group 'toplevel': Each package fits on some page, but no page has all of them"))
    assert "    'old' (old) would be of page 1 by itself\n" in done.stderr
    assert "    page 2: 'old' (absent on aarch64-darwin, aarch64-linux, x86_64-linux)\n" in done.stderr
    done = nothing_changes(m, folder, "install", "vim@8", "--explain", told=("No version compatible with '8'", "not that for its version"))
    done = m.floe("install", "--explain", "hello@2.10", cwd=folder, check=True)
    assert "✔ 'hello' installed" in done.stderr and "Taken from page 1 of 2026-01-01." in done.stderr
    assert "      aarch64-darwin, aarch64-linux, x86_64-linux: 2.10 (newest 2.12.3; not that for its version)\n" in done.stderr
    assert "  What keeps the group from newer pages:\n    page 2: 'hello' (version on aarch64-darwin, aarch64-linux, x86_64-linux)\n" in done.stderr
    done = m.floe("upgrade", "--explain", cwd=folder, check=True)
    assert "Taken from page 1" in done.stderr
    nothing_changes(m, folder, "install", "helo", told="Here are a few other similar options:\n  $ floe install hello\n")


def test_a_hub_without_packages_tells_how_it_gets_some(fresh_hub, machine):
    m = machine().at(fresh_hub)
    folder = made(m, "web")
    for words in (("install", "hello"), ("edit", "-f", "-")):
        nothing_changes(m, folder, *words, input=NEW + 'install.hello.pkg-path = "hello"\n',
                        told=("find package 'hello'.", "\n\nThis hub has no pages of the base catalog yet", "catalog import"))
    assert "The hub's catalog has no packages of nixpkgs yet" in m.floe("search", "hello").stderr


def commands():
    return {c["name"]: c for c in map(json.loads, bench.need_shared(RECORDED).read_text().splitlines())}


def test_the_official_clients_lock_is_made_of_the_same_rows_byte_by_byte(fresh_hub, machine, tmp_path):
    recorded = commands()
    rows = [p for r in recorded["80-edit-build"]["hub_requests"] if "/resolve" in r["path"]
            for p in r["response"]["items"][0]["page"]["packages"]]
    import_rows(fresh_hub, [{k: v for k, v in r.items() if k != "install_id"} for r in rows])
    m = machine().at(fresh_hub)
    m.run("tar", "-xf", bench.need_shared(FOLDERS), "-C", tmp_path, check=True)
    theirs = tmp_path / "proj/.flox/env"
    folder = made(m, "proj")
    m.floe("edit", "-f", theirs / "manifest.toml", cwd=folder, check=True)
    assert (folder / ".flox/env/manifest.toml").read_bytes() == (theirs / "manifest.toml").read_bytes()
    assert (folder / ".flox/env/manifest.lock").read_bytes() == (theirs / "manifest.lock").read_bytes()
    before = state(folder)
    m.floe("list", cwd=folder, check=True)
    assert state(folder) == before


def test_published_packages_are_locked_as_the_official_client_locks_them(fresh_hub, machine, tmp_path):
    recorded = commands()
    rows = [p for r in recorded["85-install-published"]["hub_requests"] if "/resolve" in r["path"] and r["response"]["items"][0]["page"]
            for p in r["response"]["items"][0]["page"]["packages"]]
    alice = fresh_hub.new_user("alice")
    import_rows(fresh_hub, [{k: v for k, v in r.items() if k != "install_id"} for r in rows], "--catalog", "alice")
    m = machine().login(alice)
    m.run("tar", "-xf", bench.need_shared(FOLDERS), "-C", tmp_path, check=True)
    theirs = tmp_path / "cons/.flox/env"
    text = (theirs / "manifest.toml").read_text()
    without = "".join(line for line in text.splitlines(True) if not line.startswith("greet."))
    folder = made(m, "cons", without)
    done = m.floe("install", "alice/greet", cwd=folder, check=True)
    assert done.stderr == recorded["85-install-published"]["stderr"].rstrip("\n") + "\n"
    assert manifest(folder) == text
    ours, real = lock(folder), json.loads((theirs / "manifest.lock").read_text())
    for p in ours["packages"] + real["packages"]:
        p.pop("scrape_date"), p.pop("stabilities", None)  # when the hub learned of it, and the tags of its page
    assert json.dumps(ours) == json.dumps(real), "the order of keys, too"
    assert locked(folder) == {("greet", "x86_64-linux"): "1.2.3"}


def test_shown_and_searched_as_the_official_client_shows_and_searches(fresh_hub, machine):
    rows = [json.loads(line) for line in bench.need_shared("data/recorded/catalog-rows.jsonl").read_text().splitlines()]
    import_rows(fresh_hub, rows)
    m = machine().at(fresh_hub)
    shown = m.floe("show", "hello", check=True).stdout.splitlines()
    assert shown[0] == "hello - Program that produces a familiar, friendly greeting" and shown[1] == "Catalog: nixpkgs"
    assert [line.split()[0] for line in shown[shown.index("Other versions:") + 1:]][:2] == ["hello@2.12.3", "hello@2.12.2"]
    found = m.floe("search", "hello", check=True).stdout.splitlines()
    assert found[0].split("  ")[0].strip() == "hello"
    folder = made(m, "web")
    m.floe("install", "hello@2.10", "-i", "py", "python3", cwd=folder)
    m.floe("install", "hello", "curl^out,man", "vim", cwd=folder, check=True)
    assert len(lock(folder)["packages"]) == 9
    assert {p["group"] for p in lock(folder)["packages"]} == {"toplevel"}
    assert len({p["rev_count"] for p in lock(folder)["packages"]}) == 1, "one page for the group"


def test_a_lock_of_sixty_packages_is_one_question(fresh_hub, machine):
    names = [f"p{i:02}" for i in range(60)]
    c = Catalog({1: {n: package() for n in names}})
    c.server.server_close()
    import_rows(fresh_hub, [c.row(1, n, s) for n in names for s in PAGES[1]["hello"]["systems"]])
    m = machine().at(fresh_hub)
    folder = made(m, "web")
    m.floe("install", *names, cwd=folder, check=True)
    assert len(lock(folder)["packages"]) == 180
    assert manifest(folder) == NEW + "\n[install]\n" + "".join(f'{n}.pkg-path = "{n}"\n' for n in names)
    assert [r["route"] for r in fresh_hub.access_log() if r["route"].startswith("catalog.")] == ["catalog.resolve"]
