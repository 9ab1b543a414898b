"""floe's verbs in full: flags, files, messages and exit codes as people and scripts of flox know them."""

import json
import os
import pty
import re
import select
import time

import pytest

import bench
from test_client import EMPTY, PACKAGE, VARS, clone_of, env_lock, files, laptop, made, names, other, pushed  # noqa: F401


def registry(m):
    return json.loads((m.home / ".local/share/flox/env-registry.json").read_text())


def on_terminal(m, *args, cwd, type="", env=None, width=80, timeout=20):
    """Runs floe on a terminal of its own; what it showed, and its status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(str(m.workshop.bin / "floe"), ["floe", *map(str, args)], {**m.env, "COLUMNS": str(width), **(env or {})})
    import fcntl
    import struct
    import termios
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    shown, sent, end = b"", False, time.monotonic() + timeout * bench.SLOW
    while time.monotonic() < end:
        if type and not sent and b"?" in shown:
            os.write(fd, type.encode())
            sent = True
        ready, _, _ = select.select([fd], [], [], 0.1)
        if not ready:
            continue
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        shown += got
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return shown.decode(errors="replace"), os.waitstatus_to_exitcode(status)


# -- auth, config


def test_auth_token_prints_the_token_and_nothing_else(hub, laptop, owner):
    done = laptop.floe("auth", "token", check=True)
    assert done.stdout == owner.token + "\n" and done.stderr == ""
    done = laptop.floe("auth", "token", env={"FLOE_TOKEN": ""})
    assert done.returncode == 1 and done.stdout == "" and "You are not currently logged in to FloxHub." in done.stderr


def test_config_lists_sets_deletes_and_resets_floes_own_file(hub, machine, owner):
    m = machine().at(hub)
    del m.env["FLOE_HUB"]
    m.floe("config", "--set", "hub", "HTTPS://Hub.Example.org", check=True)
    config = m.home / ".config/floe/config"
    assert config.read_text() == "hub = https://hub.example.org/\n"
    m.floe("config", "--set", "trusted_environments.alice/web", "trust", check=True)
    m.floe("config", "--set", "trust.bob/*", "deny", check=True)
    listed = json.loads(m.floe("config", "--json", check=True).stdout)
    assert listed["hub"] == {"value": "https://hub.example.org/", "from": str(config)}
    assert listed["trust.alice/web"]["value"] == "trust" and listed["trust.bob/*"]["value"] == "deny"
    assert "FLOE_HUB" in m.floe("config", env={"FLOE_HUB": hub.url}, check=True).stdout
    m.floe("config", "--delete", "trust.alice/web", check=True)
    assert "alice" not in config.read_text()
    for bad in (("--set", "hub", "nonsense"), ("--set", "colour", "red"), ("--set", "trust.alice/web", "maybe"),
                ("--set", "trust.../x", "trust"), ("--set", "token", owner.token)):
        before = config.read_text()
        done = m.floe("config", *bad)
        assert done.returncode == 1 and config.read_text() == before, bad
    assert m.floe("config", "--set", "hub").returncode == 2 and m.floe("config", "hub").returncode == 2
    m.floe("config", "--reset", check=True)
    assert not config.exists()


def test_a_config_that_does_not_load_can_be_repaired_with_config(machine):
    m = machine()
    config = m.home / ".config/floe/config"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\nhub = gopher://x\n")
    assert m.floe("config").returncode == 1
    m.floe("config", "--delete", "hub", check=True)
    assert config.read_text() == "# mine\n" and m.floe("config").returncode == 0


def test_config_never_shows_the_token_and_never_writes_floxs_file(hub, machine, owner):
    m = machine()
    folder = m.home / ".config/flox"
    folder.mkdir(parents=True)
    text = f'floxhub_url = "{hub.url}"\nfloxhub_token = "{owner.token}"\n\n[trusted_environments]\n"acme/x" = "trust"\n'
    (folder / "flox.toml").write_text(text)
    for words in ((), ("--json",)):
        done = m.floe("config", *words, check=True)
        assert owner.token not in done.stdout + done.stderr and "acme/x" in done.stdout and "flox.toml" in done.stdout
    m.floe("config", "--set", "trust.acme/x", "deny", check=True)
    m.floe("config", "--delete", "hub", check=True)
    assert (folder / "flox.toml").read_text() == text


# -- init


@pytest.mark.parametrize("folder, name", [("My Project", "my-project"), ("x86_64", "x86-64"), ("--odd--", "odd"), ("Ünï", "n"),
                                          ("a.b_c", "a-b-c")])
def test_the_default_name_is_the_folders_as_a_slug(machine, folder, name):
    m = machine()
    there = m.folder(folder)
    assert f"Created environment '{name}'" in m.floe("init", "-b", cwd=there, check=True).stderr
    assert json.loads((there / ".flox/env.json").read_text())["name"] == name


def test_the_environment_of_a_home_folder_is_the_default_one_and_for_running(machine):
    m = machine()
    m.floe("init", cwd=m.home, check=True)
    assert json.loads((m.home / ".flox/env.json").read_text())["name"] == "default"
    assert json.loads((m.home / ".flox/env/manifest.lock").read_text())["manifest"]["options"] == {"activate": {"mode": "run"}}


def test_init_names_push_outside_git_only(machine):
    m = machine()
    outside, inside = m.folder("outside"), m.folder("inside/deep")
    m.git("init", "-q", m.work / "inside", check=True)
    assert "floe push" in m.floe("init", cwd=outside, check=True).stderr
    assert "floe push" not in m.floe("init", cwd=inside, check=True).stderr


def test_init_makes_the_folder_it_is_told_and_removes_it_when_it_fails(machine):
    m = machine()
    m.floe("init", "-n", "web", "-d", m.work / "new/deep", check=True)
    assert (m.work / "new/deep/.flox/env.json").exists()
    assert m.floe("init", "-n", "a b", "-d", m.work / "other").returncode == 1 and not (m.work / "other").exists()


def test_init_with_a_reference_makes_an_environment_on_the_hub(hub, laptop, other, owner):
    ref = f"{owner.handle}/made"
    start = len(hub.access_log())
    done = laptop.floe("init", "-r", ref, check=True)
    assert f"Created environment '{ref}'" in done.stderr
    assert len(hub.access_log()) - start == 2, "an advertisement and a push"
    checkout = laptop.home / f".cache/flox/remote/{owner.handle}/made/.flox"
    assert json.loads((checkout / "env.lock").read_text())["local_rev"] is None
    assert laptop.floe("activate", "-r", ref, "--", "true").returncode == 0
    there = other.folder("made")
    other.floe("pull", ref, cwd=there, check=True)
    history = json.loads(other.floe("generations", "history", "--json", cwd=there, check=True).stdout)
    assert [h["kind"] for h in history] == ["initialize"]
    assert json.loads((there / ".flox/env/manifest.lock").read_text())["manifest"]["options"] == {"activate": {"mode": "run"}}
    for m in (laptop, other):
        again = m.floe("init", "--ref", ref, "--bare")
        assert again.returncode == 1 and ("already exists" in again.stderr or "already, in" in again.stderr)
    assert not (other.home / f".cache/flox/remote/{owner.handle}/made").exists() or not list(
        (other.home / f".cache/flox/remote/{owner.handle}/made").iterdir())
    assert laptop.floe("init", "-r", ref, "-n", "x").returncode == 2
    assert laptop.floe("init", "-r", ref, env={"FLOE_TOKEN": ""}).returncode == 1


# -- edit


def test_an_environment_is_renamed_here_but_not_one_of_a_hub(hub, laptop, owner):
    folder = made(laptop, "web")
    done = laptop.floe("edit", "--name", "site", cwd=folder, check=True)
    assert "renamed environment 'web' to 'site'" in done.stderr
    assert (folder / ".flox/env.json").read_text() == '{\n  "name": "site",\n  "version": 1\n}\n'
    assert "environment already named 'site'" in laptop.floe("edit", "-n", "site", cwd=folder).stderr
    assert laptop.floe("edit", "-n", "a/b", cwd=folder).returncode == 1
    laptop.floe("push", cwd=folder, check=True)
    before = files(folder)
    done = laptop.floe("edit", "-n", "other", cwd=folder)
    assert done.returncode == 1 and f"{hub.url}/{owner.handle}/site/settings" in done.stderr and files(folder) == before


def test_sync_and_reset_are_for_environments_of_a_hub(laptop):
    folder = made(laptop, "web")
    for flag in ("--sync", "-s", "--reset"):
        done = laptop.floe("edit", flag, cwd=folder)
        assert done.returncode == 1 and "Generations are only available for environments pushed to FloxHub" in done.stderr
    assert laptop.floe("edit", "--sync", "--reset", cwd=folder).returncode == 2
    laptop.floe("push", cwd=folder, check=True)
    assert "No local changes to sync." in laptop.floe("edit", "--sync", cwd=folder, check=True).stderr


def test_edit_with_a_file_replaces_edits_by_hand_and_the_editor_refuses_them(laptop):
    folder = pushed(laptop, "web")
    manifest = folder / ".flox/env/manifest.toml"
    manifest.write_text(VARS + "# by hand\n")
    done = laptop.floe("edit", cwd=folder, env={"EDITOR": "true"})
    assert done.returncode == 1 and "not yet synced" in done.stderr and manifest.read_text().endswith("# by hand\n")
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    assert manifest.read_text() == EMPTY
    assert laptop.floe("edit", "-f", laptop.work / "absent", cwd=folder).returncode == 1


def test_edits_inside_an_activated_environment_say_that_it_has_to_be_entered_again(laptop):
    folder = made(laptop, "web")
    (folder / "new.toml").write_text(EMPTY)
    done = laptop.floe("activate", "--", laptop.workshop.bin / "floe", "edit", "-f", "new.toml", cwd=folder, check=True)
    assert "cannot be automatically applied" in done.stderr and (folder / ".flox/env/manifest.toml").read_text() == EMPTY


def test_an_edit_of_a_reference_is_local_until_it_is_pushed_with_the_reference(hub, laptop, other, owner):
    pushed(laptop, "web")
    ref = f"{owner.handle}/web"
    done = other.floe("push", "-r", ref)
    assert done.returncode == 1 and "not found in local cache" in done.stderr and f"floe activate -r {ref}" in done.stderr
    other.floe("edit", "-r", ref, "-f", "-", input=EMPTY, check=True)
    assert other.floe("list", "-r", ref, "-c", check=True).stdout == EMPTY
    assert other.floe("list", "-r", ref, "-c", "--upstream", check=True).stdout == VARS
    assert "2" not in json.loads(other.floe("generations", "list", "-r", ref, "--json", "--upstream", check=True).stdout)
    assert other.floe("push", "-r", ref, "-o", owner.handle).returncode == 1
    assert "Updates to web successfully pushed" in other.floe("push", "-r", ref, check=True).stderr
    assert "No changes to push for web" in other.floe("push", "-r", ref, check=True).stderr
    assert "2" in json.loads(other.floe("generations", "list", "-r", ref, "--json", "-u", check=True).stdout)
    done = other.floe("pull", "-r", ref, check=True)
    assert f"{ref} is already up to date" in done.stderr and done.stderr.startswith("ℹ")
    other.floe("generations", "rollback", "-r", ref, check=True)
    other.floe("push", "-r", ref, check=True)
    assert laptop.floe("pull", "-r", ref, check=True).returncode == 0
    other.floe("generations", "switch", "2", "-r", ref, check=True)
    other.floe("push", "-r", ref, check=True)
    assert f"floe activate -r {ref}" in laptop.floe("pull", "-r", ref, check=True).stderr


# -- list


def packaged(hub, m, owner, name="tools"):
    manifest = EMPTY + '\n[install]\nhello.pkg-path = "hello"\nzed = { pkg-path = "zed", priority = 4, outputs = ["man"] }\n'
    zed = dict(PACKAGE, install_id="zed", pname="zed", version="2", priority=4, license=None, unfree=True,
               outputs={"out": PACKAGE["outputs"]["out"], "man": PACKAGE["outputs"]["out"]})
    lock = json.dumps({"lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "install": {
        "hello": {"pkg-path": "hello"}, "zed": {"pkg-path": "zed", "priority": 4, "outputs": ["man"]}}, "options": {}},
        "packages": [dict(p, system=s) for p in (PACKAGE, zed) for s in ("aarch64-darwin", "aarch64-linux", "x86_64-linux")]},
        indent=2)
    env = bench.Environment(m, name, lock=lock)
    env.generation(manifest)
    m.push(hub, owner.handle, env.repo, f"HEAD:{name}", owner.token, check=True)


def test_the_modes_of_list(hub, laptop, other, owner):
    packaged(hub, laptop, owner)
    there = other.folder("tools")
    other.floe("pull", f"{owner.handle}/tools", cwd=there, check=True)
    assert other.floe("list", cwd=there, check=True).stdout == "hello: hello (2.12.3)\nzed: zed (2)\n"
    assert other.floe("list", "-e", cwd=there, check=True).stdout == "hello: hello (2.12.3)\nzed: zed (2)\n"
    assert other.floe("list", "--name", cwd=there, check=True).stdout == "hello\nzed\n"
    assert other.floe("list", "-a", cwd=there, check=True).stdout.split("\n\n") == ["""zed:
  Description:          a greeting
  Package Path:         zed
  Package Name:         zed
  Priority:             4
  Version:              2
  License:              N/A
  Unfree:               true
  Broken:               false
  Available Outputs:    [ "man", "out" ]
  Installed Outputs:    [ "man" ]""", """hello:
  Description:          a greeting
  Package Path:         hello
  Package Name:         hello
  Priority:             5
  Version:              2.12.3
  License:              GPL-3.0-or-later
  Unfree:               false
  Broken:               false
  Available Outputs:    [ "out" ]
  Installed Outputs:    [ "out" ]
"""]
    assert [p["install_id"] for p in json.loads(other.floe("list", "--json", cwd=there, check=True).stdout)] == ["hello", "zed"]


def test_list_of_the_hubs_state_asks_it_and_leaves_the_folder_as_it_is(hub, laptop, other, owner):
    folder = pushed(laptop, "web")
    there = other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    laptop.floe("push", cwd=folder, check=True)
    before = files(there)
    assert other.floe("list", "-c", cwd=there, check=True).stdout == VARS
    assert other.floe("list", "-c", "--upstream", cwd=there, check=True).stdout == EMPTY
    assert files(there) == before
    local = made(other, "local")
    done = other.floe("list", "-u", cwd=local)
    assert done.returncode == 1 and "'--upstream' cannot be used with path environments" in done.stderr


def test_an_empty_list_says_so_on_standard_error_and_is_no_failure(machine):
    m = machine()
    folder = made(m, "web")
    done = m.floe("list", cwd=folder, check=True)
    assert done.stdout == "" and re.search(r"No packages are installed for your current system \('\w+-linux'\)", done.stderr)
    assert m.floe("list", "--json", cwd=folder, check=True).stdout == "[]\n"


# -- generations


def test_generations_are_drawn_as_a_tree(hub, laptop, owner):
    folder = pushed(laptop, "web", EMPTY)

    def edit(n):
        laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY + f'[vars]\nN = "{n}"\n', check=True)

    edit(2)
    edit(3)
    laptop.floe("generations", "switch", "2", cwd=folder, check=True)
    edit(4)
    laptop.floe("generations", "switch", "1", cwd=folder, check=True)
    edit(5)
    drawn = laptop.floe("generations", "list", "--tree", cwd=folder, check=True).stdout
    assert [line[:6].rstrip() for line in drawn.splitlines()] == [
        "5  (li", "│  cre", "│  las", "│ 4  m", "│ │  c", "│ │  l", "│ │ 3", "│ ├─╯", "│ │", "│ 2  m", "├─╯  c", "│    l",
        "1  imp", "│  cre", "~  las"], drawn
    assert drawn.splitlines()[0].startswith("5  (live) manually edited")
    assert laptop.floe("generations", "list", "--no-pager", cwd=folder, check=True).stdout.count("Generation:") == 5


def test_switching_refuses_the_live_generation_and_ones_that_do_not_exist(laptop):
    folder = pushed(laptop, "web")
    before = files(folder)
    for n, status in (("1", 1), ("2", 1), ("0", 2), ("x", 2), ("99999999999999999999", 1)):
        assert laptop.floe("generations", "switch", n, cwd=folder).returncode == status and files(folder) == before
    done = laptop.floe("generations", "rollback", cwd=folder)
    assert done.returncode == 1 and "generation" in done.stderr.lower() and files(folder) == before


# -- push and pull


def test_a_first_push_needs_an_owner_and_says_how_to_give_one(hub, machine, laptop, owner):
    folder = made(laptop, "web")
    before = files(folder)
    done = laptop.floe("push", cwd=folder, env={"FLOE_TOKEN": "flox_pat_nonsense"})
    assert done.returncode == 1 and "floe push --owner <OWNER>" in done.stderr and files(folder) == before
    done = laptop.floe("push", "-o", hub.new_user().handle, cwd=folder)
    assert done.returncode == 1 and "You do not have permission to write to" in done.stderr and files(folder) == before
    done = laptop.floe("push", cwd=folder, env={"FLOE_TOKEN": ""})
    assert done.returncode == 1 and "floe auth login" in done.stderr and files(folder) == before


def test_pulling_ones_own_environment_that_is_not_there_says_how_to_make_it(hub, laptop, owner):
    done = laptop.floe("pull", f"{owner.handle}/nothing", "-d", laptop.work / "n")
    assert done.returncode == 1 and f"The environment {owner.handle}/nothing does not exist." in done.stderr
    assert "floe init --name nothing" in done.stderr and not (laptop.work / "n").exists()


def test_a_folder_lets_go_of_the_hub_and_keeps_what_was_changed(hub, laptop, owner):
    folder = pushed(laptop, "web")
    (folder / ".flox/env/manifest.toml").write_text(EMPTY)
    start = len(hub.access_log())
    laptop.floe("pull", "--copy", cwd=folder, check=True)
    assert len(hub.access_log()) == start, "it asks nothing"
    assert (folder / ".flox/env/manifest.toml").read_text() == EMPTY and (folder / ".flox/env.json").read_text() == '{"name":"web","version":1}'
    assert laptop.git("-C", clone_of(laptop, owner.handle), "for-each-ref", "refs/heads/web.*", check=True).stdout == ""
    assert laptop.floe("pull", "--copy", cwd=folder).returncode == 1
    done = laptop.floe("pull", cwd=folder)
    assert done.returncode == 1 and "is not connected to FloxHub" in done.stderr
    assert laptop.floe("pull", "-g", "1", f"{owner.handle}/web", cwd=folder).returncode == 2


# -- envs, delete


def test_the_list_of_environments_has_floxs_form_and_follows_what_is_done(hub, laptop, owner):
    one, two = made(laptop, "one"), pushed(laptop, "two")
    entries = {e["path"]: e for e in registry(laptop)["entries"]}
    assert registry(laptop)["version"] == 1 and set(entries) == {str(one / ".flox"), str(two / ".flox")}
    repo = clone_of(laptop, owner.handle)
    branch = laptop.git("-C", repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/two.*", check=True).stdout.strip()
    assert entries[str(two / ".flox")]["hash"] == branch.split(".")[1]
    pointers = [e["pointer"] for e in entries[str(two / ".flox")]["envs"]]
    assert pointers == [{"name": "two", "version": 1},
                        {"owner": owner.handle, "name": "two", "floxhub_url": hub.url + "/", "version": 1}]
    assert all(isinstance(e["created_at"], int) for e in entries[str(one / ".flox")]["envs"])
    text = (laptop.home / ".local/share/flox/env-registry.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2), "as serde writes it"
    laptop.floe("edit", "-n", "uno", cwd=one, check=True)
    listed = json.loads(laptop.floe("envs", "--json", check=True).stdout)
    assert listed["active"] == [] and listed["inactive"] == [
        {"type": "dot-flox", "path": str(one / ".flox"), "pointer": {"name": "uno", "version": 1}},
        {"type": "dot-flox", "path": str(two / ".flox"), "pointer": pointers[1]}]
    laptop.floe("pull", "--copy", cwd=two, check=True)
    assert json.loads(laptop.floe("envs", "--json", check=True).stdout)["inactive"][1]["pointer"] == {"name": "two", "version": 1}
    laptop.floe("delete", "-f", "-d", one, check=True)
    left = {e["path"]: [v["pointer"]["name"] for v in e["envs"]] for e in registry(laptop)["entries"]}
    assert left == {str(one / ".flox"): ["one"], str(two / ".flox"): ["two"]}, "what was renamed is left, as flox leaves it"
    assert str(one) not in laptop.floe("envs", check=True).stdout


def test_what_was_made_elsewhere_is_listed_once_it_was_used(laptop, other, owner):
    pushed(laptop, "web")
    there, bare = other.folder("web"), other.folder("bare")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    other.floe("list", "-c", "-r", f"{owner.handle}/web", check=True)
    (bare / ".flox/env").mkdir(parents=True)
    (bare / ".flox/env.json").write_text('{"name":"bare","version":1}')
    (bare / ".flox/env/manifest.toml").write_text(EMPTY)
    assert "bare" not in other.floe("envs", check=True).stdout
    other.floe("list", "-d", bare, check=True)
    assert sorted(e["path"] for e in registry(other)["entries"]) == sorted(
        map(str, (bare / ".flox", there / ".flox", other.home / f".cache/flox/remote/{owner.handle}/web/.flox")))
    assert set(other.floe("envs", "--references", check=True).stdout.split()) == {f"{owner.handle}/web"}


def test_envs_shows_what_this_shell_is_in_first(machine):
    m = machine()
    web, zoo = made(m, "zoo"), made(m, "attic")
    floe = m.workshop.bin / "floe"
    shown = m.floe("activate", "--", floe, "envs", cwd=web, check=True).stdout.splitlines()
    assert shown[0].split() == ["NAME", "FOLDER", "ON", "THE", "HUB", "STATE"]
    assert shown[1].split() == ["zoo", str(web), "active"] and shown[2].split() == ["attic", str(zoo)]
    active = json.loads(m.floe("activate", "--", floe, "envs", "--active", "--json", cwd=web, check=True).stdout)
    assert [(a["environment"]["path"], a["mode"]) for a in active] == [(str(web / ".flox"), "dev")]
    assert "No active environments" in m.floe("envs", "--active", check=True).stderr
    assert "No environments known" in machine("new").floe("envs", check=True).stderr


def test_a_list_of_environments_that_does_not_read_stops_only_the_verb_that_needs_it(machine):
    m = machine()
    folder = made(m, "web")
    path = m.home / ".local/share/flox/env-registry.json"
    for text in ("{", "[]", '{"version":2,"entries":[]}', '{"version":1,"entries":[1,{"path":5},{"path":"/x","envs":[{}]}]}'):
        path.write_text(text)
        assert m.floe("list", cwd=folder).returncode == 0
        done = m.floe("envs")
        assert done.returncode == (0 if "[1" in text else 1) and ("env-registry.json" in done.stderr or done.returncode == 0)


def test_many_folders_at_once_are_all_in_the_list(machine):
    import concurrent.futures
    m = machine()
    folders = [m.folder(f"f{i}") for i in range(24)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda f: m.floe("init", "-b", cwd=f), folders))
    assert [d.returncode for d in done] == [0] * len(done)
    assert len(registry(m)["entries"]) == len(folders)


def test_delete_removes_the_folder_and_the_branches_of_this_machine_and_nothing_of_the_hub(hub, laptop, other, owner):
    folder, local = pushed(laptop, "web"), made(laptop, "local")
    (local / "mine").write_text("kept")
    assert "environment 'local' deleted" in laptop.floe("delete", cwd=local, check=True).stderr
    assert sorted(p.name for p in local.iterdir()) == ["mine"]
    start = len(hub.access_log())
    done = laptop.floe("delete", "--force", "-d", folder, check=True)
    assert "is linked with a FloxHub environment" in done.stderr and f"environment '{owner.handle}/web' deleted" in done.stderr
    assert len(hub.access_log()) == start and not list(folder.iterdir())
    assert laptop.git("-C", clone_of(laptop, owner.handle), "for-each-ref", check=True).stdout == ""
    other.floe("pull", f"{owner.handle}/web", cwd=other.folder("web"), check=True)
    done = laptop.floe("delete", "-d", folder)
    assert done.returncode == 1 and "Did not find an environment in" in done.stderr


def test_delete_does_not_lose_what_is_on_no_hub_without_being_told(laptop, owner):
    folder = pushed(laptop, "web")
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    before = files(folder)
    done = laptop.floe("delete", cwd=folder)
    assert done.returncode == 1 and "generations that were not pushed" in done.stderr and files(folder) == before
    laptop.floe("push", cwd=folder, check=True)
    (folder / ".flox/env/manifest.toml").write_text(VARS)
    done = laptop.floe("delete", cwd=folder)
    assert done.returncode == 1 and "changes that are in no generation" in done.stderr
    laptop.floe("delete", "-f", cwd=folder, check=True)
    assert not (folder / ".flox").exists()


def test_delete_asks_on_a_terminal(machine):
    m = machine()
    folder = made(m, "web")
    shown, status = on_terminal(m, "delete", cwd=folder, type="n\n")
    assert "You are about to delete your environment 'web'. Are you sure?" in shown and status == 1 and (folder / ".flox").exists()
    shown, status = on_terminal(m, "delete", cwd=folder, type="\n")
    assert status == 1 and (folder / ".flox").exists(), "no is the default"
    shown, status = on_terminal(m, "delete", cwd=folder, type="y\n")
    assert status == 0 and not (folder / ".flox").exists()


def test_delete_works_where_the_clone_is_gone_and_follows_no_link(laptop, owner):
    import shutil
    folder = pushed(laptop, "web")
    shutil.rmtree(clone_of(laptop, owner.handle))
    precious = laptop.folder("precious")
    (precious / "file").write_text("kept")
    (folder / ".flox/cache").symlink_to(precious)
    laptop.floe("delete", cwd=folder, check=True)
    assert not list(folder.iterdir()) and (precious / "file").read_text() == "kept"


# -- output


def test_output_is_plain_in_a_pipe_and_coloured_on_a_terminal_unless_told_not_to(machine):
    m = machine()
    folder = made(m, "web")
    assert "\x1b" not in m.floe("envs", check=True).stdout and "\x1b" not in m.floe("list", cwd=folder, check=True).stderr
    shown, _ = on_terminal(m, "envs", cwd=folder)
    assert "\x1b[1m" in shown
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        shown, _ = on_terminal(m, "envs", cwd=folder, env=env)
        assert "\x1b" not in shown and "web" in shown


def test_tables_fit_the_terminal(machine):
    m = machine()
    deep = m.folder("/".join(["a-rather-long-folder"] * 6))
    m.floe("init", "-b", "-n", "web", cwd=deep, check=True)
    for width in (60, 100):
        shown, _ = on_terminal(m, "envs", cwd=deep, width=width)
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown.splitlines() if line]
        assert all(len(line) <= width for line in lines) and "…" in lines[1], lines
    assert str(deep) in m.floe("envs", check=True).stdout, "a pipe gets all of it"


def test_quiet_says_only_what_went_wrong(machine):
    m = machine()
    folder = m.folder("web")
    done = m.floe("init", "-q", cwd=folder, check=True)
    assert done.stdout + done.stderr == ""
    assert "Found an existing environment" in m.floe("init", "-q", cwd=folder).stderr


# -- completion


def completed(m, shell, line, cwd):
    """What the shell itself offers for a command line, the script loaded as a person would load it."""
    words = line.split(" ")
    if shell == "bash":
        script = (f'source <(floe completion bash); COMP_WORDS=({" ".join(w or chr(39) * 2 for w in words)}); '
                  f'COMP_CWORD={len(words) - 1}; _floe; printf "%s\\n" "${{COMPREPLY[@]}}"')
        return set(m.run("bash", "--norc", "-c", script, cwd=cwd, check=True).stdout.split())
    assert shell == "fish"
    script = f"floe completion fish | source; complete -C '{line}'"
    return {row.split("\t")[0] for row in m.run("fish", "--no-config", "-c", script, cwd=cwd, check=True).stdout.splitlines() if row}


@pytest.mark.parametrize("shell", ["bash", "fish"])
def test_verbs_options_values_and_known_environments_are_completed(laptop, owner, shell):
    import shutil
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    folder = pushed(laptop, "web")
    made(laptop, "local")
    ref = f"{owner.handle}/web"
    assert {"envs", "delete", "config", "auth", "generations"} <= completed(laptop, shell, "floe ", folder)
    assert completed(laptop, shell, "floe del", folder) == {"delete"}
    assert {"list", "history", "rollback", "switch"} <= completed(laptop, shell, "floe generations ", folder)
    assert {"login", "logout", "status", "token"} == completed(laptop, shell, "floe auth ", folder)
    assert {"start", "stop", "status", "restart", "logs", "persist"} == completed(laptop, shell, "floe services ", folder)
    assert {"--tree"} == completed(laptop, shell, "floe generations list --tr", folder)
    assert {"dev", "run"} <= completed(laptop, shell, "floe activate --mode ", folder)
    for line in ("floe activate -r ", "floe list --reference ", "floe push -r ", "floe pull "):
        assert completed(laptop, shell, line, folder) == {ref}, line
    assert completed(laptop, shell, "floe completion ", folder) == {"bash", "zsh", "fish"}
    assert completed(laptop, shell, "floe pull other", folder) == set()


def test_zsh_offers_known_environments(laptop, owner):
    import shutil
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    folder = pushed(laptop, "web")
    script = laptop.work / "complete.zsh"
    script.write_text("""autoload -Uz compinit; compinit -u -D
compadd() { shift; print -l -- "$@" }
_message() {}
source <(floe completion zsh)
words=(floe "$@"); CURRENT=${#words}
_floe
""")
    for words in (("activate", "-r", ""), ("pull", "")):
        assert laptop.run("zsh", "-f", script, *words, cwd=folder).stdout.split() == [f"{owner.handle}/web"]
