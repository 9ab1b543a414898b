"""floe between machines and a hub: log in, make, push, pull, edit, diverge, list."""

import concurrent.futures
import json
import os
import re
import signal
import subprocess
import time

import pytest

import bench

EMPTY = 'schema-version = "1.15.0"\n'
VARS = EMPTY + '\n[vars]\nGREETING = "hello"\n'
PACKAGE = {"attr_path": "hello", "broken": False, "derivation": "/nix/store/pna804ff5bq9rh3v47da2ia9fvjmnvqh-hello-2.12.3.drv",
           "description": "a greeting", "install_id": "hello", "license": "GPL-3.0-or-later",
           "locked_url": "https://github.com/flox/nixpkgs?rev=0123456789012345678901234567890123456789", "name": "hello-2.12.3",
           "pname": "hello", "rev": "0123456789012345678901234567890123456789", "rev_count": 1, "rev_date": "2026-01-01T00:00:00Z",
           "scrape_date": "2026-01-02T00:00:00Z", "stabilities": ["stable"], "unfree": False, "version": "2.12.3",
           "outputs_to_install": ["out"], "outputs": {"out": "/nix/store/0000000000000000000000000000absent-hello-2.12.3"},
           "system": "x86_64-linux", "group": "toplevel", "priority": 5}


@pytest.fixture
def laptop(hub, machine, owner):
    return machine("laptop").login(owner)


@pytest.fixture
def other(hub, machine, owner):
    """A second machine of the same person."""
    return machine("desk").login(owner)


def made(m, name, manifest=VARS):
    """A folder with a path environment."""
    folder = m.folder(name)
    m.floe("init", "-b", cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)
    return folder


def pushed(m, name, manifest=VARS):
    folder = made(m, name, manifest)
    m.floe("push", cwd=folder, check=True)
    return folder


def env_lock(folder):
    return json.loads((folder / ".flox/env.lock").read_text())


def clone_of(m, owner):
    return m.home / ".local/share/flox/meta" / owner


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and "/run/" not in str(p)}


def names(folder):
    return sorted(p.relative_to(folder / ".flox").as_posix() for p in (folder / ".flox").rglob("*") if p.is_file())


# -- auth


def test_login_keeps_the_token_in_a_file_of_ones_own_and_logout_forgets_it(hub, machine, owner):
    m = machine().at(hub)
    assert m.floe("auth", "status").returncode == 1
    done = m.floe("auth", "login", "--token-file", "-", input=owner.token + "\n", check=True)
    assert f"Logged in as {owner.handle}" in done.stderr and owner.token not in done.stderr + done.stdout
    config = m.home / ".config/floe/config"
    assert config.stat().st_mode & 0o777 == 0o600 and owner.token in config.read_text()
    assert f"You are logged in as {owner.handle} on {hub.url}" in m.floe("auth", "status", check=True).stderr
    m.floe("auth", "logout", check=True)
    assert owner.token not in config.read_text() and m.floe("auth", "status").returncode == 1


def test_login_reads_a_token_file_and_refuses_a_token_the_hub_does_not_know(hub, machine, owner):
    m = machine().at(hub)
    (m.work / "token").write_text(f"  {owner.token}\n")
    m.floe("auth", "login", "--token-file", "token", check=True)
    bad = m.floe("auth", "login", "--token-file", "-", input="flox_pat_nonsense")
    assert bad.returncode == 1 and "expired" in bad.stderr
    assert m.floe("auth", "status").returncode == 0, "a failed login leaves the old one"
    assert m.floe("auth", "login", input="").returncode == 1, "no prompt without a terminal"


def test_floe_uses_what_flox_has(hub, machine, owner):
    m = machine()
    config = m.home / ".config/flox"
    config.mkdir(parents=True)
    (config / "flox.toml").write_text(f'floxhub_url = "{hub.url}"\nfloxhub_token = "{owner.token}"\n')
    assert owner.handle in m.floe("auth", "status", check=True).stderr
    assert m.floe("auth", "status", env={"FLOE_TOKEN": ""}).returncode == 1, "set but empty masks"


# -- init


def test_init_writes_the_files_flox_writes(machine):
    m = machine()
    folder = m.folder("My Project")
    m.floe("init", cwd=folder, check=True)
    assert names(folder) == [".gitattributes", ".gitignore", "env.json", "env/manifest.lock", "env/manifest.toml", "telemetry_id"]
    assert (folder / ".flox/env.json").read_text() == '{\n  "name": "my-project",\n  "version": 1\n}\n'
    assert (folder / ".flox/.gitignore").read_text() == "run/\ncache/\nlib/\nlog/\n!env/\n"
    lock = json.loads((folder / ".flox/env/manifest.lock").read_text())
    assert lock["manifest"] == {"schema-version": "1.15.0", "hook": {}, "profile": {}, "options": {}} and lock["packages"] == []
    before = files(folder)
    again = m.floe("init", cwd=folder)
    assert again.returncode == 1 and "Found an existing environment at" in again.stderr and files(folder) == before


def test_an_environment_is_found_from_below_inside_a_git_work_tree_only(machine):
    m = machine()
    top = m.folder("tree")
    below = m.folder("tree/a/b")
    m.floe("init", "-b", "-n", "up", cwd=top, check=True)
    assert m.floe("list", "-c", cwd=below).returncode == 1
    m.git("init", "-q", top, check=True)
    assert m.floe("list", "-c", cwd=below, check=True).stdout == EMPTY
    assert m.floe("list", "-d", top / "a").returncode == 1


# -- edit


@pytest.mark.parametrize("text, told", [
    (EMPTY + "[vars]\nX = 1\n", "3"),
    (EMPTY + "[installs]\n", "installs"),
    ("[vars]\n", "schema"),
    (EMPTY + "[vars\n", "2:"),
    ('schema-version = "9.0.0"\n', "9.0.0"),
])
def test_a_manifest_that_is_wrong_is_refused_with_its_place_and_nothing_is_written(machine, text, told):
    m = machine()
    folder = made(m, "web")
    before = files(folder)
    done = m.floe("edit", "-f", "-", cwd=folder, input=text)
    assert done.returncode == 1 and told in done.stderr and "manifest.toml" in done.stderr
    assert files(folder) == before


def test_without_the_hub_no_new_package_is_locked_and_nothing_is_written(machine):
    m = machine()
    m.env["FLOE_HUB"] = "http://127.0.0.1:9"
    folder = made(m, "web")
    before = files(folder)
    done = m.floe("edit", "-f", "-", cwd=folder, input=EMPTY + '[install]\nhello.pkg-path = "hello"\n')
    assert done.returncode == 1 and "http://127.0.0.1:9" in done.stderr and "Nothing was changed." in done.stderr
    assert files(folder) == before


def test_edit_opens_the_editor_on_a_copy(machine):
    m = machine()
    folder = made(m, "web", EMPTY)
    script = m.work / "editor"
    script.write_text('#!/bin/sh\nprintf \'[vars]\\nX = "1"\\n\' >> "$1"\n')
    script.chmod(0o755)
    done = m.floe("edit", cwd=folder, env={"EDITOR": str(script)}, check=True)
    assert "Environment successfully updated." in done.stderr
    assert (folder / ".flox/env/manifest.toml").read_text() == EMPTY + '[vars]\nX = "1"\n'
    before = files(folder)
    assert "No changes made" in m.floe("edit", cwd=folder, env={"VISUAL": "true"}, check=True).stderr
    assert m.floe("edit", cwd=folder, env={"VISUAL": "false"}).returncode == 1 and files(folder) == before


def test_many_edits_at_once_in_one_folder_all_count(laptop):
    folder = pushed(laptop, "busy")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        texts = [EMPTY + f'[vars]\nN = "{i}"\n' for i in range(6)]
        done = list(pool.map(lambda t: laptop.floe("edit", "-f", "-", cwd=folder, input=t), texts))
    assert [d.returncode for d in done] == [0] * 6, [d.stderr for d in done]
    assert len(json.loads(laptop.floe("generations", "list", "--json", cwd=folder, check=True).stdout)) == 7
    assert (folder / ".flox/env/manifest.toml").read_text() in texts
    assert "No changes" not in laptop.floe("push", cwd=folder, check=True).stderr


# -- push and pull


def test_a_first_push_links_the_folder_and_a_pull_brings_the_same_files(hub, laptop, other, owner):
    folder = pushed(laptop, "web")
    tip = env_lock(folder)["rev"]
    assert env_lock(folder) == {"version": 1, "rev": tip, "local_rev": None}
    base = hub.url if hub.url.count("/") > 2 else hub.url + "/"
    assert (folder / ".flox/env.json").read_text() == json.dumps(
        {"owner": owner.handle, "name": "web", "floxhub_url": base, "version": 1}, separators=(",", ":"))
    there = other.folder("copy")
    done = other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    assert f"Pulled {owner.handle}/web from {base}." in done.stderr
    assert names(there) == [".gitignore", "env.json", "env.lock", "env/manifest.lock", "env/manifest.toml"]
    for name in ("env/manifest.toml", "env/manifest.lock", "env.lock"):
        assert (there / ".flox" / name).read_bytes() == (folder / ".flox" / name).read_bytes()
    assert "already up to date" in other.floe("pull", cwd=there, check=True).stderr
    repo = clone_of(other, owner.handle)
    other.git("-C", repo, "fsck", "--strict", check=True)
    assert other.git("-C", repo, "log", "--format=%an %ae %s", "web", check=True).stdout.splitlines() == [
        "Flox User floxuser@example.invalid Create generation 1",
        "Flox User floxuser@example.invalid Initialize generations branch for environment 'web'"]


def test_what_floe_commits_is_what_git_would_make(hub, laptop, owner):
    """Root and first generation against commits made by git itself, byte for byte."""
    at = {"SOURCE_DATE_EPOCH": "1760000000", "FLOE_AUTHOR": "alice", "FLOE_HOSTNAME": "laptop"}
    folder = made(laptop, "web", EMPTY)
    laptop.floe("push", cwd=folder, check=True, env=at)
    repo = clone_of(laptop, owner.handle)
    log = laptop.git("-C", repo, "rev-list", "web", check=True).stdout.split()
    assert log[1] == "1a80df07c70667d2ce0b8136a5c76594e44a7e6f", "the root commit of the protocol's worked example"
    reference = bench.Environment(laptop, "web", at=1760000000, lock=(folder / ".flox/env/manifest.lock").read_text())
    assert log[0] == reference.generation(EMPTY)


def test_a_rollback_by_floe_has_the_id_of_the_worked_example(hub, laptop, other, owner):
    import test_example
    env = test_example.example(laptop)
    laptop.push(hub, owner.handle, env.repo, f"{test_example.SECOND}:refs/heads/web", owner.token, check=True)
    there = other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    at = {"SOURCE_DATE_EPOCH": "1760007200", "FLOE_AUTHOR": "alice", "FLOE_HOSTNAME": "laptop"}
    assert "Switched to generation 1" in other.floe("generations", "rollback", cwd=there, check=True, env=at).stderr
    assert env_lock(there)["local_rev"] == test_example.ROLLBACK and env_lock(there)["rev"] == test_example.SECOND
    other.floe("push", cwd=there, check=True)
    assert env_lock(there) == {"version": 1, "rev": test_example.ROLLBACK, "local_rev": None}


def test_generations_are_local_until_pushed_and_then_reach_the_other_machine(hub, laptop, other, owner):
    folder = pushed(laptop, "web")
    there = other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    before = env_lock(folder)["rev"]
    laptop.floe("edit", "-f", "-", cwd=folder, input=VARS.replace("hello", "bye"), check=True)
    assert env_lock(folder)["rev"] == before and env_lock(folder)["local_rev"] not in (None, before)
    assert "already up to date" in other.floe("pull", cwd=there, check=True).stderr
    laptop.floe("push", cwd=folder, check=True)
    assert "No changes to push" in laptop.floe("push", cwd=folder, check=True).stderr
    other.floe("pull", cwd=there, check=True)
    assert "bye" in (there / ".flox/env/manifest.toml").read_text()
    listed = json.loads(other.floe("generations", "list", "--json", cwd=there, check=True).stdout)
    assert [(n, g["last_live"] is None, g["parent"], g["description"]) for n, g in listed.items()] == [
        ("1", False, None, "imported environment"), ("2", True, "1", "manually edited the manifest")]
    assert "Command:    flox push" in other.floe("generations", "history", cwd=there, check=True).stdout


def test_diverged_machines_are_told_both_sides_and_either_may_force(hub, laptop, other, owner):
    folder = pushed(laptop, "web")
    there = other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    laptop.floe("edit", "-f", "-", cwd=folder, input=VARS.replace("hello", "one"), check=True)
    laptop.floe("push", cwd=folder, check=True)
    other.floe("edit", "-f", "-", cwd=there, input=VARS.replace("hello", "two"), check=True, env={"FLOE_AUTHOR": "second"})
    before = files(there)
    for verb in ("push", "pull"):
        done = other.floe(verb, cwd=there)
        assert done.returncode == 1 and "diverged" in done.stderr and "Upstream:" in done.stderr
        assert "second manually edited the manifest" in done.stderr and files(there) == before
    other.floe("push", "--force", cwd=there, check=True)
    assert laptop.floe("pull", cwd=folder).returncode == 1
    laptop.floe("pull", "--force", cwd=folder, check=True)
    assert "two" in (folder / ".flox/env/manifest.toml").read_text()
    assert env_lock(folder)["rev"] == env_lock(there)["rev"] and env_lock(folder)["local_rev"] is None


def test_edits_by_hand_stop_push_and_pull_until_synced_or_reset(laptop, owner):
    folder = pushed(laptop, "web")
    manifest = folder / ".flox/env/manifest.toml"
    original = manifest.read_text()
    manifest.write_text(original.replace("hello", "by hand"))
    for verb in ("push", "pull"):
        done = laptop.floe(verb, cwd=folder)
        assert done.returncode == 1 and "not yet synced" in done.stderr
    laptop.floe("edit", "--sync", cwd=folder, check=True)
    laptop.floe("push", cwd=folder, check=True)
    manifest.write_text("rubbish")
    laptop.floe("edit", "--reset", cwd=folder, check=True)
    assert "by hand" in manifest.read_text()


def test_an_existing_name_is_an_error_with_a_way_out_and_force_replaces_it(hub, laptop, other, owner):
    pushed(laptop, "web")
    rival = made(other, "web", EMPTY)
    before = files(rival)
    done = other.floe("push", cwd=rival)
    assert done.returncode == 1 and f"An environment named {owner.handle}/web already exists!" in done.stderr
    assert files(rival) == before
    other.floe("push", "-f", cwd=rival, check=True)
    third = other.folder("third")
    other.floe("pull", f"{owner.handle}/web", cwd=third, check=True)
    assert (third / ".flox/env/manifest.toml").read_text() == EMPTY


def test_pull_copy_makes_an_environment_of_its_own_for_another_owner(hub, laptop, owner):
    pushed(laptop, "web")
    org = hub.new_org(owner)
    copy = laptop.folder("copy")
    laptop.floe("pull", "--copy", f"{owner.handle}/web", "-d", copy, check=True)
    assert names(copy) == [".gitignore", "env.json", "env/manifest.lock", "env/manifest.toml"]
    assert (copy / ".flox/env.json").read_text() == '{"name":"web","version":1}'
    laptop.floe("push", "--org", org, cwd=copy, check=True)
    assert json.loads((copy / ".flox/env.json").read_text())["owner"] == org
    refused = laptop.floe("push", "-o", owner.handle, cwd=copy)
    assert refused.returncode == 1 and "--owner" in refused.stderr
    laptop.floe("pull", "--copy", cwd=copy, check=True)
    assert "env.lock" not in names(copy) and laptop.floe("generations", "list", cwd=copy).returncode == 1


def test_pull_copy_of_an_older_generation(laptop, owner):
    folder = pushed(laptop, "web")
    laptop.floe("edit", "-f", "-", cwd=folder, input=VARS.replace("hello", "later"), check=True)
    laptop.floe("push", cwd=folder, check=True)
    old = laptop.folder("old")
    laptop.floe("pull", "--copy", "-g", "1", f"{owner.handle}/web", "-d", old, check=True)
    assert (old / ".flox/env/manifest.toml").read_text() == VARS
    assert laptop.floe("pull", "--copy", "-g", "9", f"{owner.handle}/web", "-d", laptop.folder("x")).returncode == 1


def test_pull_refuses_what_is_there_and_leaves_nothing_half_made(hub, laptop, owner):
    folder = pushed(laptop, "web")
    before = files(folder)
    done = laptop.floe("pull", f"{owner.handle}/none", cwd=folder)
    assert done.returncode == 1 and "already exists at" in done.stderr
    done = laptop.floe("pull", "-f", f"{owner.handle}/none", cwd=folder)
    assert done.returncode == 1 and "does not exist" in done.stderr and files(folder) == before
    done = laptop.floe("pull", f"{owner.handle}/none", "-d", laptop.work / "new")
    assert done.returncode == 1 and not (laptop.work / "new").exists()
    for bad in ("..//x", "../up", "a/..", "a/b/c", "a b/c", "nothing", "-x/y"):
        assert laptop.floe("pull", "--", bad, cwd=laptop.folder("bad")).returncode in (1, 2)
    assert not list(laptop.folder("bad").iterdir())


def test_what_is_private_is_absent_for_strangers_and_writing_needs_the_right(hub, laptop, machine, owner):
    folder = pushed(laptop, "secret")
    hub.admin("env", "visibility", f"{owner.handle}/secret", "private")
    eve = machine("eve").login(hub.new_user())
    nobody = machine("nobody").at(hub)
    for m in (eve, nobody):
        done = m.floe("pull", f"{owner.handle}/secret", "-d", m.work / "s")
        assert done.returncode == 1 and "does not exist" in done.stderr and not (m.work / "s").exists()
    hub.admin("env", "visibility", f"{owner.handle}/secret", "public")
    nobody.floe("pull", f"{owner.handle}/secret", "-d", nobody.work / "s", check=True)
    eve.floe("pull", f"{owner.handle}/secret", "-d", eve.work / "s", check=True)
    eve.floe("edit", "-f", "-", "-d", eve.work / "s", input=EMPTY, check=True)
    done = eve.floe("push", "-d", eve.work / "s")
    assert done.returncode == 1 and f"You do not have permission to write to {owner.handle}/secret" in done.stderr
    assert nobody.floe("push", "-d", nobody.work / "s").returncode == 1
    assert env_lock(folder)["local_rev"] is None


def test_an_environment_with_packages_is_pulled_edited_and_pushed_and_its_packages_are_named(hub, laptop, other, owner):
    manifest = EMPTY + '\n[install]\nhello.pkg-path = "hello"\n'
    lock = json.dumps({"lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}},
                                                           "options": {}},
                       "packages": [dict(PACKAGE, system=s) for s in ("aarch64-darwin", "aarch64-linux", "x86_64-linux")]}, indent=2)
    env = bench.Environment(laptop, "tools", lock=lock)
    env.generation(manifest)
    laptop.push(hub, owner.handle, env.repo, "HEAD:tools", owner.token, check=True)
    there = other.folder("tools")
    done = other.floe("pull", f"{owner.handle}/tools", cwd=there, check=True)
    assert "1 package of this environment is not on this machine" in done.stderr and "hello" in done.stderr
    assert (there / ".flox/env/manifest.lock").read_text() == lock
    assert other.floe("list", cwd=there, check=True).stdout == "hello: hello (2.12.3)\n"
    assert other.floe("list", "-n", cwd=there, check=True).stdout == "hello\n"
    assert "License:              GPL" in other.floe("list", "-a", cwd=there, check=True).stdout
    ran = other.floe("activate", "--", "sh", "-c", "echo $FLOX_ENV_DESCRIPTION", cwd=there, check=True)
    assert ran.stdout == f"{owner.handle}/tools\n" and "hello" in ran.stderr
    other.floe("edit", "-f", "-", cwd=there, input=manifest + '[vars]\nA = "1"\n', check=True)
    assert len(json.loads((there / ".flox/env/manifest.lock").read_text())["packages"]) == 3
    other.floe("push", cwd=there, check=True)


def test_a_push_of_several_mebibytes_arrives_whole(laptop, other, owner):
    big = "".join(f'V{i} = "{os.urandom(300).hex()}"\n' for i in range(1500))
    folder = pushed(laptop, "big", EMPTY + "[vars]\n" + big)
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY + "[vars]\n" + big.replace("V1", "W1"), check=True)
    laptop.floe("push", cwd=folder, check=True)
    there = other.folder("big")
    other.floe("pull", f"{owner.handle}/big", cwd=there, check=True)
    assert (there / ".flox/env/manifest.toml").read_bytes() == (folder / ".flox/env/manifest.toml").read_bytes()


def test_a_project_with_only_its_pointers_gets_its_files_back(laptop, other, owner):
    folder = pushed(laptop, "web")
    there = other.folder("web")
    (there / ".flox").mkdir()
    for name in ("env.json", "env.lock"):
        (there / ".flox" / name).write_bytes((folder / ".flox" / name).read_bytes())
    assert other.floe("list", "-c", cwd=there, check=True).stdout == VARS


def test_an_older_lock_still_opens_after_later_pushes(laptop, other, owner):
    folder = pushed(laptop, "web")
    old = (folder / ".flox/env.lock").read_bytes()
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    laptop.floe("push", cwd=folder, check=True)
    there = other.folder("web")
    (there / ".flox").mkdir()
    (there / ".flox/env.json").write_bytes((folder / ".flox/env.json").read_bytes())
    (there / ".flox/env.lock").write_bytes(old)
    assert other.floe("list", "-c", cwd=there, check=True).stdout == VARS


def test_what_is_here_works_without_the_hub(laptop, owner):
    folder = pushed(laptop, "web")
    away = {"FLOE_HUB": laptop.env["FLOE_HUB"], "http_proxy": "http://127.0.0.1:9"}
    for words in (("list",), ("generations", "list"), ("activate", "--", "true"), ("edit", "-f", "-")):
        done = laptop.floe(*words, cwd=folder, env=away, input=EMPTY)
        assert done.returncode == 0, done.stderr
    done = laptop.floe("push", cwd=folder, env=away)
    assert done.returncode == 1 and "127.0.0.1" in done.stderr
    laptop.floe("push", cwd=folder, check=True)


def test_checkouts_and_branches_are_where_flox_looks_for_them(laptop, owner):
    folder = pushed(laptop, "web")
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    repo = clone_of(laptop, owner.handle)
    branches = laptop.git("-C", repo, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads", check=True).stdout.split("\n")
    found = dict(line.split() for line in branches if line)
    project = [b for b in found if re.fullmatch(r"web\.[0-9a-f]{8}", b)]
    assert len(project) == 1 and found[project[0]] == env_lock(folder)["local_rev"] and found["web"] == env_lock(folder)["rev"]
    assert (repo.parent / f"{owner.handle}.lock").exists()
    assert laptop.git("-C", repo, "rev-parse", "--is-bare-repository", check=True).stdout == "true\n"


def test_a_pull_that_is_killed_leaves_no_half_made_folder(hub, laptop, owner, machine):
    pushed(laptop, "web")
    m = machine("killed").login(owner)
    complete = [".gitignore", "env.json", "env.lock", "env/manifest.lock", "env/manifest.toml"]
    for i in range(20):
        folder = m.folder(f"k{i}")
        started = subprocess.Popen([str(m.workshop.bin / "floe"), "pull", f"{owner.handle}/web"], cwd=folder, env=m.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.004 * i * bench.SLOW)
        started.send_signal(signal.SIGKILL)
        started.wait()
        assert not (folder / ".flox").exists() or names(folder) == complete
        m.floe("pull", "-f", f"{owner.handle}/web", cwd=folder, check=True)
        assert names(folder) == complete
