"""Composed environments: [include] of local ones and of the hub's, what locks of them hold, and include upgrade."""

import json

import pytest

import bench

NEW = 'schema-version = "1.15.0"\n'


@pytest.fixture
def laptop(hub, machine, owner):
    return machine("laptop").login(owner)


@pytest.fixture
def other(hub, machine, stranger):
    """Another person's machine."""
    return machine("desk").login(stranger)


@pytest.fixture
def stranger(hub):
    return hub.new_user()


def vars_of(**values):
    return NEW + "[vars]\n" + "".join(f'{k} = "{v}"\n' for k, v in values.items())


def including(*entries, more=""):
    return NEW + "[include]\nenvironments = [\n" + "".join(f"  {{ {e} }},\n" for e in entries) + "]\n" + more


def edit(m, folder, manifest, check=True):
    return m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=check)


def made(m, name, manifest):
    folder = m.folder(name)
    m.floe("init", "-b", cwd=folder, check=True)
    edit(m, folder, manifest)
    return folder


def pushed(m, name, manifest):
    folder = made(m, name, manifest)
    m.floe("push", cwd=folder, check=True)
    return folder


def lock(folder):
    return json.loads((folder / ".flox/env/manifest.lock").read_text())


def state(*roots):
    """Every file below, for 'nothing was written'. Empty folders and lock files do not count."""
    return {p: p.read_bytes() for root in roots for p in sorted(root.rglob("*"))
            if p.is_file() and not p.is_symlink() and p.suffix != ".lock" or p.name in ("env.lock", "manifest.lock")}


def values(m, folder, *names):
    script = "printf '%s\\n' " + " ".join(f'"${n}"' for n in names)
    return m.floe("activate", "-c", script, cwd=folder, check=True).stdout.split("\n")[:len(names)]


# -- local includes


def test_a_local_environment_is_merged_below_the_one_that_includes_it(machine):
    m = machine()
    made(m, "low", vars_of(A="low", B="low", C="low") + '[hook]\non-activate = "export ORDER=${ORDER}low,"\n')
    made(m, "high", vars_of(B="high", C="high") + '[hook]\non-activate = "export ORDER=${ORDER}high,"\n')
    top = m.folder("top")
    m.floe("init", "-b", cwd=top, check=True)
    done = edit(m, top, including('dir = "../low"', 'dir = "../high", name = "upper"',
                                  more='[vars]\nC = "top"\n[hook]\non-activate = "export ORDER=${ORDER}top"\n'))
    assert done.stderr == ("✔ Environment successfully updated.\n"
                           "ℹ The following manifest fields were overridden during merging:\n"
                           "- Environment 'upper' set:\n  - vars.B\n- This environment set:\n  - vars.C\n"
                           "ℹ Run 'floe list -c' to see merged manifest.\n")
    assert values(m, top, "A", "B", "C", "ORDER") == ["low", "high", "top", "low,high,top"]
    compose = lock(top)["compose"]
    assert compose["composer"]["include"] == {"environments": [{"dir": "../low"}, {"dir": "../high", "name": "upper"}]}
    assert [i["name"] for i in compose["include"]] == ["low", "upper"]
    assert compose["include"][1] == {"manifest": lock(m.work / "high")["manifest"], "name": "upper",
                                     "descriptor": {"dir": "../high", "name": "upper"}}
    assert compose["warnings"] == [
        {"warning": {"Overriding": ["vars", "B"]}, "higher_priority_name": "upper"},
        {"warning": {"Overriding": ["vars", "C"]}, "higher_priority_name": "upper"},
        {"warning": {"Overriding": ["vars", "C"]}, "higher_priority_name": "Current manifest"}]
    assert "include" not in lock(top)["manifest"]


def test_list_shows_the_merged_manifest_of_a_composed_environment(machine):
    m = machine()
    made(m, "low", vars_of(A="1", B="x\\ny") + '[options]\nsystems = ["x86_64-linux"]\nallow.unfree = true\n')
    top = made(m, "top", including('dir = "../low"', more='[vars]\nA = "2"\n'))
    done = m.floe("list", "-c", cwd=top, check=True)
    assert done.stdout == (NEW + '\n[vars]\nA = "2"\nB = """\nx\ny"""\n\n[options]\nsystems = ["x86_64-linux"]\n'
                           "allow.unfree = true\n")
    assert done.stderr == ("ℹ Displaying merged manifest.\nℹ The following manifest fields were overridden during merging:\n"
                           "- This environment set:\n  - vars.A\n")
    copy = made(m, "copy", done.stdout)
    assert lock(copy)["manifest"] == lock(top)["manifest"]


def test_what_an_include_includes_comes_with_it(machine):
    m = machine()
    made(m, "inner", vars_of(A="inner", B="inner"))
    made(m, "middle", including('dir = "../inner"', more='[vars]\nB = "middle"\n'))
    top = made(m, "top", including('dir = "../middle"'))
    assert values(m, top, "A", "B") == ["inner", "middle"]
    assert [i["name"] for i in lock(top)["compose"]["include"]] == ["middle"]


def test_an_include_stays_as_it_was_locked_until_it_is_upgraded_or_its_entry_changes(machine):
    m = machine()
    one, two = made(m, "one", vars_of(ONE="1")), made(m, "two", vars_of(TWO="1"))
    top = made(m, "top", including('dir = "../one"', 'dir = "../two"'))
    before = lock(top)
    assert "No included environments have changes." in m.floe("include", "upgrade", cwd=top, check=True).stderr
    assert lock(top) == before
    edit(m, one, vars_of(ONE="2"))
    edit(m, two, vars_of(TWO="2"))
    edit(m, top, including('dir = "../one"', 'dir = "../two"', more='[vars]\nX = "1"\n'))
    assert values(m, top, "ONE", "TWO", "X") == ["1", "1", "1"]
    done = m.floe("include", "upgrade", "one", cwd=top, check=True)
    assert done.stderr == "✔ Upgraded 'top' with latest changes to:\n- 'one'\n"
    assert values(m, top, "ONE", "TWO") == ["2", "1"]
    done = m.floe("include", "upgrade", "one", "two", "-d", top, check=True)
    assert done.stderr == "✔ Upgraded 'top' with latest changes to:\n- 'two'\nℹ Included environment 'one' has no changes.\n"
    edit(m, one, vars_of(ONE="3"))
    edit(m, top, including('dir = "../one", name = "first"', 'dir = "../two"'))
    assert values(m, top, "ONE", "TWO") == ["3", "2"]


def test_a_locked_include_need_not_be_there_any_more(machine):
    m = machine()
    made(m, "one", vars_of(ONE="1"))
    top = made(m, "top", including('dir = "../one"'))
    (m.work / "one").rename(m.work / "gone")
    assert values(m, top, "ONE") == ["1"]
    edit(m, top, including('dir = "../one"', more='[vars]\nTWO = "2"\n'))
    assert values(m, top, "ONE", "TWO") == ["1", "2"]
    before = state(top)
    failed = m.floe("include", "upgrade", cwd=top)
    assert failed.returncode == 1 and "failed to fetch environment '../one': Did not find an environment in" in failed.stderr
    assert state(top) == before


def test_include_upgrade_tells_what_it_cannot_find(machine):
    m = machine()
    plain = made(m, "plain", NEW)
    failed = m.floe("include", "upgrade", cwd=plain)
    assert failed.returncode == 1 and "environment has no included environments" in failed.stderr
    made(m, "one", vars_of(ONE="1"))
    top = made(m, "top", including('dir = "../one"'))
    before = state(top)
    failed = m.floe("include", "upgrade", "nope", cwd=top)
    assert failed.returncode == 1 and "unknown included environment to check for changes 'nope'" in failed.stderr
    assert state(top) == before


def test_an_older_manifest_takes_the_newest_schema_only_where_an_include_needs_it(machine):
    m = machine()
    made(m, "plain", "version = 1\n[vars]\nA = '1'\n")
    leaving = made(m, "leaving", NEW + "[hook]\non-deactivate = 'true'\n")
    text = "# mine\nversion = 1 # old\n\n[vars] # v\n  B = '2'\n\n[include]\nenvironments = [ { dir = '../plain' } ]"
    top = made(m, "top", text)
    assert (top / ".flox/env/manifest.toml").read_text() == text
    assert lock(top)["manifest"]["version"] == 1
    edit(m, top, text.replace("../plain", "../leaving"))
    assert (top / ".flox/env/manifest.toml").read_text() == text.replace("version = 1", 'schema-version = "1.15.0"').replace(
        "../plain", "../leaving")
    assert lock(top)["compose"]["composer"]["schema-version"] == "1.15.0"
    assert leaving.exists() and m.floe("edit", "-f", top / ".flox/env/manifest.toml", cwd=top,
                                       check=True).stderr == "! No changes made to environment.\n"


# -- local includes that cannot be


def refused(m, folder, manifest, *said, also=()):
    """The edit fails with these words and nothing is written."""
    before = state(folder, *also)
    failed = edit(m, folder, manifest, check=False)
    assert failed.returncode == 1
    for words in said:
        assert words in failed.stderr
    assert state(folder, *also) == before, "nothing may be written"
    return failed


def test_a_local_include_has_to_be_locked_and_in_sync(machine):
    m = machine()
    top, one = made(m, "top", NEW), made(m, "one", vars_of(ONE="1"))
    (one / ".flox/env/manifest.toml").write_text(vars_of(ONE="2"))
    text = ("failed to fetch environment '../one': cannot include environment since its manifest and lockfile are out of sync\n\n"
            f"To resolve this issue run 'floe edit -d {one}' and retry")
    refused(m, top, including('dir = "../one"'), text, also=[one])
    (one / ".flox/env/manifest.lock").unlink()
    refused(m, top, including('dir = "../one"'), text, also=[one])
    edit(m, one, vars_of(ONE="2"))
    edit(m, top, including('dir = "../one"'))
    assert values(m, top, "ONE") == ["2"]


def test_an_include_that_is_not_there_is_named(machine):
    m = machine()
    top = made(m, "top", NEW)
    refused(m, top, including('dir = "../none", name = "n"'), "failed to fetch environment 'n'", "Did not find an environment in")


def test_two_includes_may_not_have_one_name(machine):
    m = machine()
    made(m, "one", vars_of(ONE="1")), made(m, "two", vars_of(TWO="1"))
    top = made(m, "top", NEW)
    refused(m, top, including('dir = "../one"', 'dir = "../two", name = "one"'),
            "multiple environments in include.environments have the name 'one'\n"
            "A unique name can be provided with the 'name' field.")
    edit(m, top, including('dir = "../one"', 'dir = "../two", name = "other"'))


def test_an_environment_cannot_include_itself_or_one_that_leads_back(machine):
    m = machine()
    top = made(m, "top", vars_of(A="1"))
    refused(m, top, including('dir = "."'), "an environment cannot include itself")
    refused(m, top, including('dir = "../top"'), "an environment cannot include itself")
    made(m, "a", including('dir = "../top"'))
    refused(m, top, including('dir = "../a"'), "failed to fetch environment '../a'", "a cycle")
    made(m, "b", including('dir = "../a"'))
    refused(m, top, including('dir = "../b"'), "failed to fetch environment '../b'", "a cycle")


def test_packages_of_an_include_need_the_catalog(machine):
    m = machine()
    m.env["FLOE_HUB"] = "http://127.0.0.1:9"
    one, top = made(m, "one", NEW), made(m, "top", NEW)
    manifest = NEW + '[install]\nhello.pkg-path = "hello"\n[options]\nsystems = ["x86_64-linux"]\n'
    (one / ".flox/env/manifest.toml").write_text(manifest)
    (one / ".flox/env/manifest.lock").write_text(json.dumps({
        "lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}},
                                            "options": {"systems": ["x86_64-linux"]}}, "packages": []}))
    refused(m, top, including('dir = "../one"'), "http://127.0.0.1:9", "Nothing was changed")


# -- includes of the hub


def test_an_environment_of_the_hub_is_included_at_its_newest_state(hub, laptop, other, owner, stranger):
    web = pushed(laptop, "web", vars_of(WEB="1"))
    top = made(other, "top", including(f'remote = "{owner.handle}/web"'))
    assert lock(top)["compose"]["include"] == [{"manifest": lock(web)["manifest"], "name": "web",
                                                "descriptor": {"remote": f"{owner.handle}/web"}}]
    edit(laptop, web, vars_of(WEB="2"))
    assert "No included environments have changes." in other.floe("include", "upgrade", cwd=top, check=True).stderr, "not pushed yet"
    laptop.floe("push", cwd=web, check=True)
    assert other.floe("include", "upgrade", "web", cwd=top, check=True).stderr == "✔ Upgraded 'top' with latest changes to:\n- 'web'\n"
    assert lock(top)["manifest"]["vars"] == {"WEB": "2"}
    other.floe("push", cwd=top, check=True)
    laptop.floe("pull", f"{stranger.handle}/top", "-d", laptop.folder("theirs"), check=True)
    assert (laptop.work / "theirs/.flox/env/manifest.lock").read_bytes() == (top / ".flox/env/manifest.lock").read_bytes()


def test_a_generation_can_be_included(hub, laptop, other, owner):
    web = pushed(laptop, "web", vars_of(WEB="1"))
    edit(laptop, web, vars_of(WEB="2"))
    laptop.floe("push", cwd=web, check=True)
    top = made(other, "top", including(f'remote = "{owner.handle}/web", generation = 1'))
    assert lock(top)["manifest"]["vars"] == {"WEB": "1"}
    assert lock(top)["compose"]["include"][0]["descriptor"] == {"remote": f"{owner.handle}/web", "generation": 1}
    edit(other, top, including(f'remote = "{owner.handle}/web", generation = 2'))
    assert lock(top)["manifest"]["vars"] == {"WEB": "2"}
    for n in (0, 3):
        refused(other, top, including(f'remote = "{owner.handle}/web", generation = {n}'), f"generation {n} not found")


def test_a_managed_environment_records_an_include_upgrade(hub, laptop, owner):
    """The clone of the owner is that of the included one, too: it is locked already."""
    web = pushed(laptop, "web", vars_of(WEB="1"))
    top = pushed(laptop, "top", including(f'remote = "{owner.handle}/web"'))
    edit(laptop, web, vars_of(WEB="2"))
    laptop.floe("push", cwd=web, check=True)
    laptop.floe("include", "upgrade", "web", cwd=top, check=True)
    entry = json.loads(laptop.floe("generations", "history", "--json", cwd=top, check=True).stdout)[-1]
    assert entry["kind"] == "include_upgrade" and entry["targets"] == ["web"] and entry["command"] == ["flox", "include", "upgrade", "web"]
    assert "upgraded included environment 'web'" in laptop.floe("generations", "history", cwd=top, check=True).stdout
    assert "No included environments have changes." in laptop.floe("include", "upgrade", cwd=top, check=True).stderr
    laptop.floe("push", cwd=top, check=True)
    (top / ".flox/env/manifest.toml").write_text(vars_of(MINE="1"))
    failed = laptop.floe("include", "upgrade", cwd=top)
    assert failed.returncode == 1 and "changes that are not yet synced to a generation" in failed.stderr


def test_the_local_copy_of_a_remote_environment_is_upgraded_with_r(hub, laptop, other, owner, stranger):
    web = pushed(laptop, "web", vars_of(WEB="1"))
    pushed(other, "top", including(f'remote = "{owner.handle}/web"'))
    edit(laptop, web, vars_of(WEB="2"))
    laptop.floe("push", cwd=web, check=True)
    reference = f"{stranger.handle}/top"
    done = other.floe("include", "upgrade", "-r", reference, check=True)
    assert f"Upgraded '{reference}' with latest changes to:\n- 'web'\n" in done.stderr
    other.floe("push", "-r", reference, check=True)
    assert 'WEB = "2"' in other.floe("list", "-c", "-r", reference, check=True).stdout


def test_an_environment_of_the_hub_cannot_include_folders(hub, laptop, owner):
    made(laptop, "one", vars_of(ONE="1"))
    top = made(laptop, "top", including('dir = "../one"'))
    failed = laptop.floe("push", cwd=top)
    assert failed.returncode == 1 and "includes local environments" in failed.stderr
    assert not (top / ".flox/env.lock").exists()
    pushed(laptop, "web", NEW)
    failed = laptop.floe("edit", "-r", f"{owner.handle}/web", "-f", "-", input=including('dir = "../one"'))
    assert failed.returncode == 1 and "remote environments cannot include local environments" in failed.stderr


def test_a_managed_local_include_must_be_synced(hub, laptop, owner):
    web = pushed(laptop, "web", vars_of(WEB="1"))
    top = made(laptop, "top", including('dir = "../web"'))
    assert lock(top)["manifest"]["vars"] == {"WEB": "1"}
    (web / ".flox/env/manifest.toml").write_text(vars_of(WEB="2"))
    before = state(top)
    failed = laptop.floe("include", "upgrade", cwd=top)
    assert failed.returncode == 1 and state(top) == before
    assert ("cannot include environment since it has changes not yet synced to a generation.\n\nTo resolve this issue, run either\n"
            f"* 'floe edit -d {web} --sync'") in failed.stderr
    laptop.floe("edit", "--sync", "-d", web, check=True)
    laptop.floe("include", "upgrade", cwd=top, check=True)
    assert lock(top)["manifest"]["vars"] == {"WEB": "2"}


def test_a_private_environment_is_included_only_by_who_may_read_it(hub, laptop, other, owner, machine):
    pushed(laptop, "web", vars_of(WEB="1"))
    hub.admin("env", "visibility", f"{owner.handle}/web", "private")
    manifest = including(f'remote = "{owner.handle}/web"')
    made(laptop, "mine", manifest)
    theirs = made(other, "theirs", NEW)
    data = other.home / ".local/share"
    said = refused(other, theirs, manifest, f"failed to fetch environment '{owner.handle}/web'", also=[data]).stderr
    nobody = machine("cafe").at(hub)
    folder = made(nobody, "folder", NEW)
    refused(nobody, folder, manifest, "you are not logged in", also=[nobody.home / ".local/share"] if (nobody.home / ".local/share").exists() else [])
    absent = refused(other, theirs, including(f'remote = "{owner.handle}/none"'), "failed to fetch environment", also=[data]).stderr
    assert absent.replace("/none", "/web") == said, "private and absent look the same"


def test_a_deleted_environment_stays_in_the_locks_that_have_it(hub, laptop, other, owner):
    web = pushed(laptop, "web", vars_of(WEB="1"))
    top = made(other, "top", including(f'remote = "{owner.handle}/web"'))
    hub.admin("env", "delete", f"{owner.handle}/web")
    before = state(top)
    failed = other.floe("include", "upgrade", cwd=top)
    assert failed.returncode == 1 and "does not exist on the hub" in failed.stderr and state(top) == before
    edit(other, top, including(f'remote = "{owner.handle}/web"', more='[vars]\nA = "1"\n'))
    assert lock(top)["manifest"]["vars"] == {"A": "1", "WEB": "1"} and web.exists()


def test_an_unreachable_hub_changes_nothing(hub, laptop, other, owner):
    pushed(laptop, "web", vars_of(WEB="1"))
    top = made(other, "top", including(f'remote = "{owner.handle}/web"'))
    hub.stop()
    before = state(top, other.home)
    failed = other.floe("include", "upgrade", cwd=top)
    assert failed.returncode == 1 and f"failed to fetch environment '{owner.handle}/web'" in failed.stderr
    refused(other, top, including(f'remote = "{owner.handle}/web", name = "w"'), "failed to fetch environment 'w'")
    assert state(top, other.home) == before
    hub.start()


def test_an_environment_of_the_hub_cannot_include_itself(hub, laptop, other, owner, stranger):
    top = pushed(laptop, "top", vars_of(A="1"))
    refused(laptop, top, including(f'remote = "{owner.handle}/top"'), "an environment cannot include itself")
    pushed(other, "back", including(f'remote = "{owner.handle}/top"'))
    refused(laptop, top, including(f'remote = "{stranger.handle}/back"'), "a cycle")


def test_two_owners_clones_do_not_wait_for_each_other_for_ever(hub, laptop, owner, stranger):
    """alice/a includes bob/b while bob/b includes alice/c: each command holds one clone's lock and wants the other's."""
    import concurrent.futures

    c = pushed(laptop, "c", vars_of(C="1"))
    org = hub.new_org(owner)
    b = made(laptop, "b", including(f'remote = "{owner.handle}/c"'))
    laptop.floe("push", "--owner", org, cwd=b, check=True)
    a = pushed(laptop, "a", including(f'remote = "{org}/b"'))
    edit(laptop, c, vars_of(C="2"))
    laptop.floe("push", cwd=c, check=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(laptop.floe, "include", "upgrade", cwd=f, timeout=60) for f in (a, b)]
        done = [r.result() for r in runs]
    assert any(d.returncode == 0 for d in done), [d.stderr for d in done]
    for d in done:
        assert d.returncode == 0 or "Another command is using" in d.stderr


def test_names_out_of_a_foreign_lock_are_harmless_to_a_terminal(hub, laptop, owner):
    """A lock as a hostile hub could hand it out: what it calls its includes and fields goes to the screen."""
    evil = "\x1b]0;title\x07\x1b[31mred\x9b2J"
    manifest = {"schema-version": "1.15.0", "options": {}}
    entry = {"remote": f"{owner.handle}/none"}
    composer = {**manifest, "include": {"environments": [entry]}}
    text = json.dumps({
        "lockfile-version": 1, "manifest": {**manifest, "vars": {evil: "1"}}, "packages": [],
        "compose": {"composer": composer, "include": [{"manifest": manifest, "name": evil, "descriptor": entry}],
                    "warnings": [{"warning": {"Overriding": ["vars", evil]}, "higher_priority_name": evil}]}})
    env = bench.Environment(laptop, "evil", lock=text)
    env.generation(including(f'remote = "{owner.handle}/none"'))
    laptop.push(hub, owner.handle, env.repo, "HEAD:refs/heads/evil", owner.token, check=True)
    folder = laptop.folder("evil")
    laptop.floe("pull", f"{owner.handle}/evil", cwd=folder, check=True)
    shown = laptop.floe("list", "-c", cwd=folder, check=True)
    assert "Environment 'red2J' set:\n  - vars.red2J\n" in shown.stderr
    failed = [laptop.floe("include", "upgrade", cwd=folder), laptop.floe("include", "upgrade", "x", cwd=folder),
              edit(laptop, folder, including(f'remote = "{owner.handle}/none"', more='[install]\nx.pkg-path = "x"\n'), check=False)]
    for done in [shown, *failed]:
        assert not set(done.stdout + done.stderr) & set("\x1b\x07"), done
        assert "\x9b" not in done.stderr
    assert all(f.returncode == 1 for f in failed)
