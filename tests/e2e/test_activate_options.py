"""The options of floe activate, over two machines where the hub is concerned; what it costs."""

import json
import os
import resource
import statistics
import subprocess
import time

import pytest

import bench
from terminal import Terminal, user_files

HEAD = 'schema-version = "1.15.0"\n'
HOOKED = HEAD + "[vars]\nV = \"1\"\n[hook]\non-activate = 'echo the hook speaks'\n"


@pytest.fixture
def m(machine):
    laptop = machine("laptop")
    laptop.env["PATH"] = f"{laptop.workshop.bin}:/usr/local/bin:/usr/bin:/bin"
    return laptop


def env(m, name, manifest=HEAD):
    folder = m.folder(name)
    m.floe("init", "-b", "-n", name, cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)
    return folder


def edit(m, folder, manifest):
    m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)


def system():
    return f"{os.uname().machine}-linux"


@pytest.mark.parametrize("answer, runs, again", [("n", False, False), ("", False, False), ("y", True, False), ("a", True, True), ("o", True, True)])
def test_somebody_else_s_environment_is_asked_about_before_anything_of_it_runs(hub, machine, owner, answer, runs, again):
    author, bob = machine("author").login(owner), machine("bob").login(hub.new_user())
    author.floe("push", cwd=env(author, "web", HOOKED), check=True)
    ref = f"{owner.handle}/web"
    user_files(bob)
    with Terminal(bob, ["floe", "activate", "-r", ref], bob.work) as t:
        shown = t.until("Trust it?")
        assert ref in shown and "the hook speaks" not in shown
        t.type(answer)
        if runs:
            t.until("floe [web] $")
            t.ask("echo V=$V", "V=1")
            t.type("exit")
            assert t.status() == 0 and "the hook speaks" in t.screen()
        else:
            t.until("is not trusted")
            assert t.status() == 1 and "the hook speaks" not in t.screen()
    later = bob.floe("activate", "-r", ref, "--", "printenv", "V")
    assert (later.returncode == 0) == again and ("the hook speaks" in later.stderr) == again
    config = (bob.home / ".config/floe/config").read_text()
    assert (f"trust.{ref} = trust" in config) == (answer == "a") and (f"trust.{owner.handle}/* = trust" in config) == (answer == "o")


def test_the_question_is_not_asked_for_one_s_own_or_without_a_terminal(hub, machine, owner):
    author, bob = machine("author").login(owner), machine("bob").login(hub.new_user())
    author.floe("push", cwd=env(author, "web", HOOKED), check=True)
    ref = f"{owner.handle}/web"
    assert author.floe("activate", "-r", ref, "--", "printenv", "V", check=True).stdout == "1\n"
    refused = bob.floe("activate", "-r", ref, "-c", "echo ran", input="y\n")
    assert refused.returncode == 1 and refused.stdout == "" and "the hook speaks" not in refused.stderr
    assert "environments need to be trusted to be activated" in refused.stderr
    # In place too: no code at all.
    assert bob.floe("activate", "-r", ref).stdout == ""


def test_default_is_one_s_own_environment_of_that_name(hub, machine, owner):
    author, other = machine("author").login(owner), machine("other").login(owner)
    author.floe("push", cwd=env(author, "default", HEAD + '[vars]\nV = "default"\n'), check=True)
    assert other.floe("activate", "-D", "--", "printenv", "V", check=True).stdout == "default\n"
    assert other.floe("activate", "--default", "-c", "echo $FLOX_ENV_DESCRIPTION", check=True).stdout == f"{owner.handle}/default (local)\n"
    nobody = machine("nobody").at(hub).floe("activate", "-D", "--", "true")
    assert nobody.returncode == 1 and "You are not logged in to FloxHub." in nobody.stderr


def test_a_generation_is_activated_and_the_checkout_stays_as_it_is(hub, machine, owner):
    author = machine("author").login(owner)
    folder = env(author, "web", HEAD + '[vars]\nV = "one"\n')
    author.floe("push", cwd=folder, check=True)
    edit(author, folder, HEAD + '[vars]\nV = "two"\n')
    before = (folder / ".flox/env/manifest.toml").read_bytes(), (folder / ".flox/env.lock").read_bytes()
    for number, value in ((1, "one"), (2, "two")):
        done = author.floe("activate", "-g", str(number), "--", "env", cwd=folder, check=True)
        assert f"\nV={value}\n" in done.stdout and f"FLOX_ENV={folder}/.flox/run/floe/{system()}.web.gen{number}-dev\n" in done.stdout
        active = json.loads(done.stdout.split("_FLOX_ACTIVE_ENVIRONMENTS=")[1].split("\n")[0])
        assert active[0]["generation"] == number and active[0]["environment"]["pointer"]["name"] == "web"
    assert author.floe("activate", "--", "printenv", "V", cwd=folder, check=True).stdout == "two\n"
    assert before == ((folder / ".flox/env/manifest.toml").read_bytes(), (folder / ".flox/env.lock").read_bytes())
    author.floe("push", cwd=folder, check=True)
    other = machine("other").login(owner)
    ref = f"{owner.handle}/web"
    assert other.floe("activate", "-r", ref, "-g", "1", "--", "printenv", "V", check=True).stdout == "one\n"
    active = other.floe("activate", "-r", ref, "--", "printenv", "_FLOX_ACTIVE_ENVIRONMENTS", check=True).stdout
    entry = json.loads(active)[0]["environment"]  # flat, as flox reads a reference
    assert (entry["type"], entry["owner"], entry["name"], entry["version"]) == ("remote", owner.handle, "web", 1)
    missing = author.floe("activate", "-g", "7", "--", "true", cwd=folder)
    assert missing.returncode == 1 and "has no generation 7" in missing.stderr
    assert author.floe("activate", "-g", "x", "--", "true", cwd=folder).returncode == 2


def test_a_generation_of_an_environment_without_any_is_refused(m):
    refused = m.floe("activate", "-g", "1", "--", "true", cwd=env(m, "web"))
    assert refused.returncode == 1 and "floe push" in refused.stderr


def test_modes(m):
    folder = env(m, "web", HEAD + '[options]\nactivate.mode = "run"\n')
    run = m.floe("activate", "--", "env", cwd=folder, check=True).stdout
    assert f"FLOX_ENV={folder}/.flox/run/floe/{system()}.web-run\n" in run and "CPATH=" not in run and "XDG_DATA_DIRS=" in run
    dev = m.floe("activate", "-m", "dev", "--", "env", cwd=folder, check=True).stdout
    assert f"FLOX_ENV={folder}/.flox/run/floe/{system()}.web-dev\n" in dev and "CPATH=" in dev and '"mode":"dev"' in dev
    assert m.floe("activate", "-m", "test", "--", "true", cwd=folder).returncode == 2


def test_sbin_is_on_path_only_where_asked_for(m):
    outer, inner = env(m, "outer"), env(m, "inner")
    a, b = (f"{f}/.flox/run/floe/{system()}.{f.name}-dev" for f in (outer, inner))
    done = m.floe("activate", "--add-sbin", "-c", f"floe activate -d {inner} -- env", cwd=outer, check=True).stdout
    assert f"\nPATH={b}/bin:{a}/bin:{a}/sbin:{m.env['PATH']}\n" in done and f"\n_FLOX_ENV_DIRS_ADD_SBIN={a}\n" in done
    assert f"\nMANPATH={b}/share/man:{a}/share/man:\n" in done
    plain = m.floe("activate", "--", "env", cwd=inner, check=True).stdout
    assert "/sbin" not in plain and "\n_FLOX_ENV_DIRS_ADD_SBIN=empty\n" in plain


SERVICES = HEAD + '[services]\ndb.command = "db"\nweb.command = "web"\nmac.command = "mac"\nmac.systems = ["aarch64-darwin"]\n'


STARTED = SERVICES.replace("[services]", "[services]\nauto-start = true")
HOOK = "[hook]\non-activate = 'echo the hook speaks'\n"


def test_services_are_refused_by_name_when_asked_for_by_hand(m):
    folder = env(m, "web", SERVICES + HOOK)
    for option in ("-s", "--start-services"):
        refused = m.floe("activate", option, "--", "echo", "in", cwd=folder)
        assert refused.returncode == 1 and refused.stdout == "" and "the hook speaks" not in refused.stderr
        assert "(db, web)" in refused.stderr and "does not run services" in refused.stderr
    assert m.floe("activate", "-s", cwd=folder).stdout == ""  # no code to eval either
    assert m.floe("activate", "-s", "--no-start-services", "--", "true", cwd=folder).returncode == 2
    none = m.floe("activate", "-s", "--", "echo", "in", cwd=env(m, "none"), check=True)
    assert "does not have any services" in none.stderr and none.stdout == "in\n"


def test_services_are_refused_by_name_when_the_manifest_wants_them_started(m):
    folder = env(m, "web", STARTED + HOOK)
    for how in (("--", "echo", "in"), ("-c", "echo in"), ()):
        refused = m.floe("activate", *how, cwd=folder)
        assert refused.returncode == 1 and refused.stdout == "" and "the hook speaks" not in refused.stderr
        assert "(db, web)" in refused.stderr and "services.auto-start" in refused.stderr and "--no-start-services" in refused.stderr
    # Who goes in without them may enter again: nothing would be started by that.
    again = "floe activate -- echo in; floe activate -s -- echo never"
    entered = m.floe("activate", "--no-start-services", "--", "bash", "-c", again, cwd=folder)
    assert entered.stdout == "in\n" and entered.returncode == 1 and "(db, web)" in entered.stderr
    edit(m, folder, HEAD + '[services]\nauto-start = true\nmac.command = "mac"\nmac.systems = ["aarch64-darwin"]\n')
    assert m.floe("activate", "--", "echo", "in", cwd=folder, check=True).stderr == ""


def test_services_that_nobody_asked_for_are_named_once_on_a_terminal_and_not_in_a_pipe(m):
    folder = env(m, "web", SERVICES)
    user_files(m)
    assert m.floe("activate", "--", "echo", "in", cwd=folder, check=True).stderr == ""
    note = "The services of this environment (db, web) are not started"
    with Terminal(m, ["floe", "activate"], folder) as t:
        assert t.until("floe [web] $").count(note) == 1
        t.ask("floe activate -- echo again", "again")
        t.type("exit")
        assert t.status() == 0 and t.screen().count(note) == 1
    for quiet in (["floe", "-q", "activate", "--", "echo", "in"], ["floe", "activate", "--no-start-services", "--", "echo", "in"]):
        with Terminal(m, quiet, folder) as t:
            assert t.status() == 0 and "in" in t.screen() and note not in t.screen()


@pytest.mark.parametrize("verb", ["start", "stop", "status", "restart", "logs", "persist"])
def test_every_services_command_of_flox_is_refused_with_the_names_of_the_services(m, verb):
    folder = env(m, "web", SERVICES)
    before = sorted(str(p) for p in folder.rglob("*"))
    for words in ((), ("db",), ("--", "db")):
        refused = m.floe("services", verb, *words, cwd=folder)
        assert refused.returncode == 1 and refused.stdout == ""
        assert f"'floe services {verb}'" in refused.stderr and "(db, web) yet" in refused.stderr
    assert "(db, web)" in m.floe("services", verb, "-d", folder).stderr
    assert "(db, web)" in m.floe("activate", "--", "floe", "services", verb, cwd=folder).stderr
    assert "floe does not run services yet" in m.floe("services", verb).stderr
    assert m.floe("services", verb, "-r", "nobody/nothing").returncode == 1  # no hub is asked: there is none
    assert sorted(str(p) for p in folder.rglob("*") if "/run" not in str(p) and "/cache" not in str(p)) == \
        [p for p in before if "/run" not in p and "/cache" not in p]


def test_options_of_flox_s_services_are_known_and_other_words_are_not(m):
    folder = env(m, "web", SERVICES)
    for words in (["status", "--json"], ["logs", "--follow", "db"], ["logs", "-n", "3"], ["logs", "--tail", "3", "db", "web"], []):
        assert m.floe("services", *words, cwd=folder).returncode == 1
    assert m.floe("services", "dance", cwd=folder).returncode == 2
    shown = m.floe("--help", check=True).stdout
    assert "services start|stop|status|restart|logs|persist" in shown and "refused" in shown


def test_a_lock_with_packages_activates_and_names_those_that_are_not_here(m):
    folder = env(m, "web")
    manifest = {"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}}, "options": {}}
    package = {"attr_path": "hello", "broken": False, "derivation": "/nix/store/x-hello.drv", "description": "d", "install_id": "hello",
               "license": "MIT", "locked_url": "https://example.invalid/x", "name": "hello-1", "pname": "hello", "rev": "0" * 40, "rev_count": 1,
               "rev_date": "2026-08-01T10:00:00Z", "scrape_date": "2026-08-01T10:05:00Z", "unfree": False, "version": "1",
               "outputs_to_install": ["out"], "outputs": {"out": "/nix/store/v953s1650bpjdv5hva7xryl7bbaac7sw-hello-1"}, "system": system(),
               "group": "toplevel", "priority": 5}
    (folder / ".flox/env/manifest.toml").write_text(HEAD + '[install]\nhello.pkg-path = "hello"\n')
    (folder / ".flox/env/manifest.lock").write_text(json.dumps({"lockfile-version": 1, "manifest": manifest, "packages": [package]}))
    done = m.floe("activate", "--", "echo", "in", cwd=folder, check=True)
    assert done.stdout == "in\n" and "1 package of this environment is not on this machine" in done.stderr and "hello" in done.stderr


@pytest.mark.parametrize("shell, line", [("bash", "export FLOX_ENV="), ("zsh", "export FLOX_ENV="), ("fish", "set -gx FLOX_ENV "), ("tcsh", "setenv FLOX_ENV ")])
def test_print_script_prints_on_a_terminal_too(m, shell, line):
    folder = env(m, "web")
    user_files(m)
    with Terminal(m, ["floe", "activate", "--print-script"], folder, {"FLOX_SHELL": shell}) as t:
        t.until(line)
        assert t.status() == 0


def test_an_activation_that_flox_rendered_is_used_and_its_completions_reach_zsh(m):
    """The layout of flox: .flox/run/<system>.<name>-dev, with the lock's bytes in it."""
    folder = env(m, "web")
    m.floe("activate", "--", "true", cwd=folder, check=True)
    store = m.folder("store")
    (store / "share/zsh/site-functions").mkdir(parents=True)
    (store / "share/zsh/site-functions/_hi").write_text("#compdef hi\n_arguments '--loud[loud]'\n")
    (store / "activate.d").mkdir()
    (store / "activate.d/profile-common").write_text("echo from flox\n")
    (store / "bin").mkdir()
    (store / "bin/hi").write_text("#!/bin/sh\necho hi\n")
    (store / "bin/hi").chmod(0o755)
    (store / "manifest.lock").write_bytes((folder / ".flox/env/manifest.lock").read_bytes())
    (folder / f".flox/run/{system()}.web-dev").symlink_to(store)
    user_files(m)
    with open(m.home / ".zshrc", "a") as f:
        f.write("autoload -Uz compinit; compinit -D -u\n")
    assert m.floe("activate", "-c", "hi", cwd=folder, check=True).stdout == "from flox\nhi\n"
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": "zsh"}) as t:
        t.until("floe [web] $")
        t.tmux("send-keys", "-l", "hi --lo\t")
        t.until("hi --loud")


def test_activation_costs_little(m):
    """The bar: 30 ms over `bash -c true`. Medians of runs in turns; where other work makes waiting longer than working,
    the processor's time is what can be measured."""
    folder = env(m, "web")
    floe = [str(m.workshop.bin / "floe"), "activate", "--", "true"]
    m.run(*floe, cwd=folder, check=True)

    def once(argv):
        def used():
            usage = resource.getrusage(resource.RUSAGE_CHILDREN)
            return usage.ru_utime + usage.ru_stime

        begun, before = time.monotonic(), used()
        subprocess.run(argv, cwd=folder, env=m.env, check=True)
        return time.monotonic() - begun, used() - before

    pairs = [(once(floe), once(["bash", "-c", "true"])) for _ in range(25)]
    waited, worked = (statistics.median((a[i] - b[i]) * 1000 for a, b in pairs) for i in (0, 1))
    print(f"activate -- true over bash -c true: {waited:.1f} ms, of processor time {worked:.1f} ms")
    if "san" not in bench.BUILD.name:
        assert min(waited, worked) <= 30
