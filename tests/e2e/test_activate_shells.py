"""floe activate in bash, zsh, fish and tcsh: every form in every shell, by real processes in real terminals."""

import os
import signal
import time

import pytest

import bench
from terminal import EVAL, PLAIN, SHELLS, Terminal, user_files

HEAD = 'schema-version = "1.15.0"\n'
FULL = HEAD + """
[vars]
B = "$A-x"
A = "one two"

[hook]
on-activate = '''
echo the hook speaks
export ODD=$(printf 'a\\047b"c\\134d!$HOME`x` * ~ %% {x} \\303\\251')
export LINES2=$(printf 'first\\nsecond\\nthird')
unset GOES_AWAY
'''

[profile]
common = "echo common"
bash = "greet() { echo greetings bash $A; }"
zsh = "greet() { echo greetings zsh $A; }"
fish = "function greet; echo greetings fish $A; end"
tcsh = "alias greet 'echo greetings tcsh $A'"

[profile.deactivate]
common = "echo common goes"
bash = "unset -f greet; echo bash goes $A"
zsh = "unset -f greet; echo zsh goes $A"
fish = "functions -e greet; echo fish goes $A"
tcsh = "unalias greet; echo tcsh goes $A"
"""
ODD = "a'b\"c\\d!$HOME`x` * ~ % {x} é"


@pytest.fixture
def m(machine):
    laptop = machine("laptop")
    laptop.env["PATH"] = f"{laptop.workshop.bin}:/usr/local/bin:/usr/bin:/bin"
    user_files(laptop)
    return laptop


def env(m, name, manifest=FULL):
    folder = m.folder(name)
    m.floe("init", "-b", "-n", name, cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)
    return folder


def link(folder, name):
    return f"{folder}/.flox/run/floe/{os.uname().machine}-linux.{name}-dev"


def variables(text):
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def variables_between(text, mark="----"):
    """What "env -0" printed behind the mark."""
    return variables(text.split(mark, 1)[1].lstrip("\n"))


def script(m, shell, text, cwd, **kwargs):
    """Runs a script file in a shell without start-up files."""
    file = m.dir / f"script-{time.monotonic_ns()}"
    file.write_text(text)
    return m.run(*PLAIN[shell], file, cwd=cwd, **kwargs)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_has_the_environment_its_profile_scripts_and_its_exit_status(m, shell):
    folder = env(m, "web")
    by = {"FLOX_SHELL": shell, "GOES_AWAY": "1"}
    done = m.floe("activate", "-c", "echo ----; env -0", cwd=folder, env=by, check=True)
    got = variables_between(done.stdout)
    assert done.stdout.startswith("common\n") and "the hook speaks" in done.stderr
    assert (got["A"], got["B"], got["ODD"]) == ("one two", "one two-x", ODD) and "GOES_AWAY" not in got
    assert got["LINES2"] == "first\nsecond\nthird"
    assert got["PATH"].startswith(f"{link(folder, 'web')}/bin:") and got["FLOX_ENV_DIRS"] == link(folder, "web")
    assert got["PATH"].split(":").count(f"{link(folder, 'web')}/bin") == 1
    assert got["MANPATH"] == f"{link(folder, 'web')}/share/man:"
    assert got["HOME"] == str(m.home) and "ZDOTDIR" not in got and "_FLOE_START" not in got and "_FLOE_HOME" not in got
    assert m.floe("activate", "-c", "greet", cwd=folder, env=by, check=True).stdout == f"common\ngreetings {shell} one two\n"
    assert m.floe("activate", "-c", "exit 43", cwd=folder, env=by).returncode == 43
    assert m.floe("activate", "-c", "sh -c 'exit 7'", cwd=folder, env=by).returncode == 7


@pytest.mark.parametrize("shell", SHELLS)
def test_the_user_s_shell_is_taken_from_shell_and_from_the_parent(m, shell):
    folder = env(m, "web")
    path = m.run("sh", "-c", f"command -v {shell}").stdout.strip()
    assert f"greetings {shell}" in m.floe("activate", "-c", "greet", cwd=folder, env={"SHELL": path}, check=True).stdout
    # In place the parent counts, not SHELL.
    got = script(m, shell, EVAL[shell] % "floe activate" + "\ngreet\n", folder, env={"SHELL": "/bin/false"}, check=True)
    assert f"greetings {shell} one two" in got.stdout


def test_a_shell_that_is_not_supported_is_named(m):
    refused = m.floe("activate", "-c", "true", cwd=env(m, "web"), env={"FLOX_SHELL": "/bin/ksh"})
    assert refused.returncode == 1 and "/bin/ksh" in refused.stderr and "bash, zsh, fish and tcsh" in refused.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_in_place_the_shell_gets_everything_and_loses_it_again(m, shell):
    folder = env(m, "web")
    text = "\n".join(["env -0", "echo ----", EVAL[shell] % "floe activate", "greet", "env -0", "echo @@@@",
                      EVAL[shell] % "floe deactivate", "echo ++++", "env -0"])
    done = script(m, shell, text + "\n", folder, env={"GOES_AWAY": "1", "MANPATH": "/m"}, check=True)
    first, rest = done.stdout.split("----\n")
    inside, rest = rest.split("@@@@\n")
    said, after = rest.split("++++\n")
    assert inside.startswith(f"common\ngreetings {shell} one two\n") and "the hook speaks" in done.stderr
    got = variables(inside.split("\n", 2)[2])
    assert (got["A"], got["B"], got["ODD"], got["LINES2"]) == ("one two", "one two-x", ODD, "first\nsecond\nthird")
    assert got["PATH"] == f"{link(folder, 'web')}/bin:" + m.env["PATH"] and got["MANPATH"] == f"{link(folder, 'web')}/share/man:/m:"
    assert said == f"{shell} goes one two\ncommon goes\n"
    drop = ("_", "SHLVL", "PWD", "OLDPWD")
    clean = lambda text: {k: v for k, v in variables(text).items() if k not in drop}
    assert clean(after) == clean(first)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_in_place_code_works_under_set_eu_and_on_one_line(m, shell):
    folder = env(m, "web")
    code = m.floe("activate", cwd=folder, check=True, env={"FLOX_SHELL": shell, "GOES_AWAY": "1"}).stdout
    for text in (code, code.replace("\n", " ")):
        done = m.run(*PLAIN[shell], "-c", 'set -eu; eval "$1"; greet; echo "$B|${GOES_AWAY-gone}|$LINES2"', shell, text,
                     env={"GOES_AWAY": "1"}, check=True)
        assert done.stdout == f"common\ngreetings {shell} one two\none two-x|gone|first\nsecond\nthird\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_same_environment_twice_in_place_is_one_layer_with_one_profile(m, shell):
    folder = env(m, "web")
    text = "\n".join([EVAL[shell] % "floe activate"] * 2 + ["echo $FLOX_ENV_DIRS", EVAL[shell] % "floe deactivate", "env"])
    done = script(m, shell, text + "\n", folder, check=True)
    assert done.stdout.count("common\n") == 1 and f"\n{link(folder, 'web')}\n" in done.stdout
    assert "FLOX_ENV" not in done.stdout.split("common goes")[1] and "LINES2" not in done.stdout


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_to_leave_is_no_error(m, shell):
    done = script(m, shell, EVAL[shell] % "floe deactivate" + "\n", m.work, check=True)
    assert "No environment active!" in done.stderr and done.stdout == ""


def paths(shell):
    return 'echo "path=$PATH"' if shell != "fish" else "echo path=(string join : $PATH)"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_subshell_on_a_terminal(m, shell):
    folder = env(m, "web")
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        shown = t.until("floe [web] $")
        assert "You are now using the environment 'web'" in shown and "common" in shown
        t.ask("greet", f"greetings {shell} one two")
        t.ask('echo "rc=$from_rc home=$HOME"', f"rc=yes home={m.home}")
        t.ask('test "$ODD" = "`printenv ODD`" && echo same' if shell in ("bash", "zsh") else "echo same", "same")
        t.type(paths(shell))
        t.until(f"path={link(folder, 'web')}/bin:/first:")
        t.type("floe activate")
        t.until("is already active")
        t.type("sh -c 'exit 6'")
        t.type("exit 6" if shell != "fish" else "exit 6")
        assert t.status() == 6


@pytest.mark.parametrize("shell", SHELLS)
def test_job_control_and_interrupts_are_the_shell_s(m, shell):
    folder = env(m, "web", HEAD)
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        t.until("floe [web] $")
        t.type("sleep 100")
        bench.wait_for(lambda: "sleep 100" in running(t))
        t.key("C-z")
        t.until("floe [web] $", 2)
        assert "T" in running(t)["sleep 100"]
        t.type("fg")
        bench.wait_for(lambda: "T" not in running(t)["sleep 100"])
        t.key("C-c")
        t.until("floe [web] $", 3)
        assert "sleep 100" not in running(t)
        t.key("C-c")  # at the prompt too; what is typed before the next one is thrown away with it
        if shell == "fish":  # draws the same prompt again
            time.sleep(bench.SLOW)
        else:
            t.until("floe [web] $", 4)
        t.ask("echo still here", "still here")


def running(t):
    """Command line -> state of what runs on the terminal."""
    tty = t.tmux("list-panes", "-F", "#{pane_tty}").strip()
    done = t.m.run("ps", "-t", tty.removeprefix("/dev/"), "-o", "stat=,args=")
    return {line.split(None, 1)[1]: line.split()[0] for line in done.stdout.splitlines()}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGKILL])
def test_a_signal_to_the_command_reports_as_without_floe(m, shell, sig):
    folder = env(m, "web", HEAD)
    kill = f"kill -{sig.name.removeprefix('SIG')} $$"
    plain = m.run("sh", "-c", kill, cwd=folder).returncode
    assert m.floe("activate", "--", "sh", "-c", kill, cwd=folder).returncode == plain == -sig
    # Through a shell: as that shell reports it by itself.
    alone = m.run(*PLAIN[shell], "-c", f"sh -c '{kill}'", cwd=folder).returncode
    assert m.floe("activate", "-c", f"sh -c '{kill}'", cwd=folder, env={"FLOX_SHELL": shell}).returncode in (alone, 128 + sig)


def test_a_reader_that_goes_away_ends_the_command_as_in_a_plain_pipe(m):
    folder = env(m, "web", HEAD)
    done = m.run("bash", "-c", "floe activate -- yes | head -n 1; echo ${PIPESTATUS[0]}", cwd=folder, check=True)
    assert done.stdout == "y\n141\n" and done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_an_activation_within_another_comes_first_and_both_are_left_in_turn(m, shell):
    outer, inner = env(m, "outer"), env(m, "inner", HEAD + '[vars]\nINNER = "$A in"\n')
    with Terminal(m, ["floe", "activate"], outer, {"FLOX_SHELL": shell}) as t:
        t.until("floe [outer] $")
        t.type(f"cd {inner}")
        t.type("floe activate")
        t.until("floe [inner outer] $")
        t.ask('echo "in=$INNER dirs=$FLOX_ENV_DIRS"', f"in=one two in dirs={link(inner, 'inner')}:{link(outer, 'outer')}")
        t.type(paths(shell))
        t.until(f"path={link(inner, 'inner')}/bin:{link(outer, 'outer')}/bin:")
        t.ask("greet", f"greetings {shell} one two")  # the outer's profile, in this shell too
        t.type("exit")
        t.ask('echo "env=$FLOX_ENV dirs=$FLOX_ENV_DIRS"', f"env={link(outer, 'outer')} dirs={link(outer, 'outer')}")
        assert "floe [outer] $" in t.screen().rstrip().splitlines()[-1]
        t.type("exit")
        t.status()


@pytest.mark.parametrize("shell", SHELLS)
def test_in_place_layers_on_a_terminal_change_the_prompt_and_put_it_back(m, shell):
    outer, inner = env(m, "outer", HEAD + '[vars]\nV = "outer"\n'), env(m, "inner", HEAD + '[vars]\nV = "inner"\n')
    leave = "floe deactivate" if shell != "tcsh" else EVAL[shell] % "floe deactivate"
    with Terminal(m, [shell], m.work) as t:
        t.until("$ ")
        t.type(EVAL[shell] % f"floe activate -d {outer}")
        t.until("floe [outer] $")
        t.type(EVAL[shell] % f"floe activate -d {inner}")
        t.until("floe [inner outer] $")
        t.ask("printenv V", "inner")
        t.type(leave)
        bench.wait_for(lambda: t.screen().rstrip().splitlines()[-1] == "floe [outer] $")
        t.ask("printenv V", "outer")
        t.type(leave)
        bench.wait_for(lambda: t.screen().rstrip().splitlines()[-1] == "$")
        t.ask("printenv V || echo none", "none")
        t.ask("printenv PATH", "/first:" + m.env["PATH"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_floe_deactivate_ends_a_subshell(m, shell):
    folder = env(m, "web", HEAD)
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        t.until("floe [web] $")
        t.type("floe deactivate")
        t.status()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_within_the_subshell_is_left_in_place(m, shell):
    folder = env(m, "web", HEAD + '[vars]\nV = "v"\n')
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        t.until("floe [web] $")
        t.type(shell)
        t.ask("echo second $V", "second v")
        t.type(EVAL[shell] % "command floe deactivate" if shell != "tcsh" else EVAL[shell] % "floe deactivate")
        t.ask("printenv V || echo none", "none")
        t.type("exit")
        t.ask("echo first $V", "first v")


def test_a_terminal_is_told_how_to_leave(m):
    folder = env(m, "web", HEAD)
    with Terminal(m, ["tcsh"], folder) as t:
        t.until("$ ")
        t.type('eval "`floe activate`"')
        shown = t.until("floe [web] $")
        assert "run 'eval \"`floe deactivate`\"'" in shown
        t.type("floe deactivate")
        t.until("A program cannot change the shell that started it.")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_prompt_of_two_lines_gets_the_names_on_the_second(m, shell):
    folder = env(m, "web", HEAD)
    user_files(m, r"top\n> " if shell == "bash" else "top\n> ")
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        t.until("\ntop\nfloe [web] >")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_name_means_nothing_to_the_prompt(m, shell):
    """A .flox that somebody else made may have any name."""
    folder = env(m, "web", HEAD)
    (folder / ".flox/env.json").write_text('{"name":"$(id)`id`!%n\\\\w","version":1}')
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
        shown = t.until("floe [??id")
        assert "uid=" not in shown


@pytest.mark.parametrize("shell", SHELLS)
def test_colours_and_the_label_are_the_user_s(m, shell):
    folder = env(m, "web", HEAD + '[vars]\nFLOX_PROMPT = "acme"\nFLOX_PROMPT_COLOR_1 = "33"\n')
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell, "NO_COLOR": ""}) as t:
        t.until("acme [web] $")
        assert "[38;5;33m" in t.tmux("capture-pane", "-p", "-e")


def test_zsh_finds_the_user_s_files_where_zdotdir_says(m):
    folder = env(m, "web", HEAD)
    (m.home / "z").mkdir()
    (m.home / "z/.zshrc").write_text("PS1='$ '; from_rc=z\n")
    for text in (f"export ZDOTDIR={m.home}/z\n", f"ZDOTDIR={m.home}/z\n"):
        (m.home / ".zshenv").write_text(text)
        with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": "zsh"}) as t:
            t.until("floe [web] $")
            t.ask('echo "rc=$from_rc $ZDOTDIR"', f"rc=z {m.home}/z")
    (m.home / ".zshenv").unlink()
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": "zsh", "ZDOTDIR": f"{m.home}/z"}) as t:
        t.until("floe [web] $")
        t.ask('echo "rc=$from_rc $ZDOTDIR"', f"rc=z {m.home}/z")


def test_tcsh_reads_cshrc_where_there_is_no_tcshrc_and_one_that_stops_early(m):
    folder = env(m, "web")
    (m.home / ".tcshrc").unlink()
    (m.home / ".cshrc").write_text("set from_rc = cshrc\nif ( ! $?prompt ) exit\nset prompt = '$ '\n")
    got = m.floe("activate", "-c", "echo $from_rc; greet", cwd=folder, env={"FLOX_SHELL": "tcsh"}, check=True).stdout
    assert got == "common\ncshrc\ngreetings tcsh one two\n"
    with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": "tcsh"}) as t:
        t.until("floe [web] $")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_start_up_file_may_activate_another_environment_in_place(m, shell):
    always, folder = env(m, "always", HEAD + '[vars]\nALWAYS = "yes"\n'), env(m, "web", HEAD + '[vars]\nV = "v"\n')
    rc = {"bash": ".bashrc", "zsh": ".zshrc", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc"}[shell]
    with open(m.home / rc, "a") as f:
        f.write(EVAL[shell] % f"floe activate -d {always}" + "\n")
    with Terminal(m, [shell], m.work, {"SHELL": shell}) as t:
        t.until("floe [always] $")
        t.type(f"cd {folder}; floe activate")
        t.until("floe [web always] $")
        t.ask("echo $ALWAYS $V $FLOX_ENV", f"yes v {link(folder, 'web')}")
        t.type(paths(shell))
        t.until(f"path={link(folder, 'web')}/bin:{link(always, 'always')}/bin:")


def test_nothing_is_left_behind_by_a_start(m):
    folder = env(m, "web")
    for shell in SHELLS:
        with Terminal(m, ["floe", "activate"], folder, {"FLOX_SHELL": shell}) as t:
            t.until("floe [web] $")
            t.ask("ls -l /proc/self/fd | grep -c memfd || echo none", "none")
            t.type("exit")
            t.status()
    start = m.home / ".cache/floe/start"
    assert list(start.iterdir()) == [], "files that shells read at their start"
