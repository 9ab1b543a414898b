"""Leaving restores exactly what was there: property tests over values, layers and what the user does in between, in
every shell; and hook.on-deactivate, at whatever way of leaving."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import bench
from terminal import EVAL, PLAIN, SHELLS, Terminal, user_files

HEAD = 'schema-version = "1.15.0"\n'
# Takes whatever is in a file of NAME=VALUE entries, each ended by a NUL; "-NAME" unsets.
HOOK = HEAD + """[hook]
on-activate = '''
LC_ALL=C # or a byte that begins a letter takes the NUL with it
while IFS= read -r -d '' entry; do
  case $entry in -*) unset "${entry#-}";; *) export "$entry";; esac
done < "$FLOX_ENV_PROJECT/entries"
unset LC_ALL
'''
"""
OWN = (b"_", b"SHLVL", b"PWD", b"OLDPWD", b"ASAN_OPTIONS")
slow = settings(max_examples=10 if bench.SLOW == 1 else 6, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
                suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

any_value = st.one_of(
    st.binary(max_size=40).map(lambda b: b.replace(b"\0", b"")),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30).map(str.encode),
    st.lists(st.sampled_from([b"'", b'"', b"\\", b"!", b"$", b"`", b"\n", b"\r", b"\t", b" ", b"*", b"~", b"=", b"#", b"%", b"{", b"}", b"(",
                              b"[", b";", b"&", b"|", b"<", b"\x1b", b"\x7f", b"$(id)", b"a", b"-n", b"\\x41", b"!!", "é".encode(), b"\xff"]),
             max_size=12).map(b"".join),
)
folders = st.lists(st.sampled_from([b"/a", b"/b", b"/c c", b"/d'", b"", b"/usr/share"]), min_size=1, max_size=4).map(b":".join)


@pytest.fixture
def m(machine):
    laptop = machine("laptop")
    laptop.env["PATH"] = f"{laptop.workshop.bin}:/usr/local/bin:/usr/bin:/bin"
    user_files(laptop)
    return laptop


def env(m, name, manifest):
    folder = m.folder(name)
    m.floe("init", "-b", "-n", name, cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)
    return folder


def write_entries(folder, entries):
    (folder / "entries").write_bytes(b"".join((b"-" + k if v is None else k + b"=" + v) + b"\0" for k, v in entries.items()))


def parse(raw):
    found = dict(e.split(b"=", 1) for e in raw.split(b"\0") if b"=" in e)
    return {k: v for k, v in found.items() if k not in OWN}


def run(m, argv, cwd, environment=None):
    """A program with bytes for its environment and its output."""
    base = {k.encode(): v.encode() for k, v in m.env.items()}
    done = subprocess.run([os.fsencode(str(a)) for a in argv], cwd=cwd, env={**base, **(environment or {})}, capture_output=True,
                          timeout=60 * bench.SLOW)
    assert done.returncode == 0 and b"Sanitizer" not in done.stderr, (done.returncode, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout, done.stderr


def dumps(m, shell, lines, cwd, environment=None):
    """Runs lines in a shell; what "DUMP" finds in the environment at each place where it stands."""
    script, folder = m.dir / "script", m.dir / "dumps"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    n, text = 0, []
    for line in lines:
        if line == "DUMP":
            n += 1
            line = f"/usr/bin/env -0 > {folder}/{n}"
        text.append(line)
    script.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in text) + b"\n")
    run(m, [*PLAIN[shell], script], cwd, environment)
    return [parse((folder / str(i + 1)).read_bytes()) for i in range(n)]


@pytest.mark.parametrize("shell", SHELLS)
def test_any_value_reaches_the_shell_as_it_is_and_goes_again(m, shell):
    folder = env(m, "web", HOOK)

    @slow
    @given(st.lists(any_value, min_size=1, max_size=8))
    @example([b"", b"a\nb\n", b"a\rb", b"it's \"`id`\" $HOME \\ \\n !! !id", b"\xff\xc2", b"\xc3\xa9", b" * ~ =ls ", b"\x01\x1b\x7f\t"])
    @example([b"it's \"`id`\" $HOME \\ \\n !! !id", b"'", b"\\", b"!", b"-n"])
    def check(values):
        wanted = {b"V%d" % i: v for i, v in enumerate(values)}
        write_entries(folder, wanted)
        before, inside, after = dumps(m, shell, ["DUMP", EVAL[shell] % "floe activate", "DUMP", EVAL[shell] % "floe deactivate", "DUMP"], folder)
        assert {k: inside.get(k) for k in wanted} == wanted
        assert after == before
        # As a subshell has it: from its start-up code, and in fish and tcsh from a file.
        out, _ = run(m, ["floe", "activate", "-c", f"/usr/bin/env -0 > {m.dir}/inside"], folder, {b"FLOX_SHELL": shell.encode()})
        assert {k: v for k, v in parse((m.dir / "inside").read_bytes()).items() if k in wanted} == wanted

    check()


@pytest.mark.parametrize("shell", SHELLS)
def test_layers_left_in_turn_lead_back_whatever_they_changed(m, shell):
    environments = [env(m, name, HOOK) for name in ("one", "two", "three")]
    names = st.sampled_from([b"X", b"Y", b"Z", b"FOOPATH", b"TIMES"])
    start = st.dictionaries(st.sampled_from([b"X", b"Y", b"FOOPATH", b"MANPATH", b"XDG_DATA_DIRS", b"CPATH", b"INFOPATH"]), st.one_of(any_value, folders))

    @slow
    @given(start, st.lists(st.dictionaries(names, st.one_of(st.none(), any_value, folders), max_size=4), min_size=1, max_size=3))
    def check(given_environment, layers):
        enter, leave = [], []
        for folder, changes in zip(environments, layers):
            write_entries(folder, changes)
            enter += [EVAL[shell] % f"floe activate -d {folder}", "DUMP"]
            leave += [EVAL[shell] % "floe deactivate", "DUMP"]
        got = dumps(m, shell, ["DUMP", *enter, *leave], m.work, given_environment)
        depth = len(layers)
        for i, changes in enumerate(layers):
            assert {k: got[i + 1].get(k) for k in changes} == changes
        assert got[depth + 1:] == got[:depth][::-1]

    check()


def assign(shell, name, value):
    if shell == "tcsh":
        return f"setenv {name} '{value}'"
    return f"set -gx {name} '{value}'" if shell == "fish" else f"export {name}='{value}'"


def unset(shell, name):
    return {"tcsh": f"unsetenv {name}", "fish": f"set -e {name}"}.get(shell, f"unset {name}")


@pytest.mark.parametrize("shell", SHELLS)
def test_what_the_user_changed_in_between_stays(m, shell):
    folder = env(m, "web", HOOK)
    write_entries(folder, {b"SET": b"by hook", b"CHANGED": b"by hook", b"GONE": None, b"KEPT": b"by hook", b"FOOPATH": b"/env:/was", b"UNSET": b"by hook"})
    front = {"tcsh": "setenv PATH /mine:${PATH}:/last", "fish": "set -gx PATH /mine $PATH /last"}.get(shell, "export PATH=/mine:$PATH:/last")
    lines = ["DUMP", EVAL[shell] % "floe activate", assign(shell, "CHANGED", "by me"), assign(shell, "GONE", "back"), assign(shell, "NEW", "mine"),
             assign(shell, "FOOPATH", "/more:/env:/was:/end"), unset(shell, "UNSET"), assign(shell, "FLOX_ENV", "nonsense"), front,
             EVAL[shell] % "floe deactivate", "DUMP"]
    start = {b"CHANGED": b"1", b"GONE": b"2", b"KEPT": b"3", b"FOOPATH": b"/was", b"UNSET": b"4"}
    before, after = dumps(m, shell, lines, folder, start)
    assert after.pop(b"PATH") == b"/mine:" + before.pop(b"PATH") + b":/last", "its own folders go, what was added stays in order"
    assert after.pop(b"FOOPATH") == b"/more:/was:/end" and before.pop(b"FOOPATH") == b"/was"
    assert (after.pop(b"CHANGED"), after.pop(b"GONE"), after.pop(b"NEW")) == (b"by me", b"back", b"mine")
    assert b"UNSET" not in after
    for name in (b"CHANGED", b"GONE", b"UNSET"):
        before.pop(name)
    assert after == before and after[b"KEPT"] == b"3"


def test_what_flox_or_something_else_entered_is_not_floe_s_to_leave(m):
    folder = env(m, "web", HEAD)
    other = m.run("bash", "--norc", "-c", 'eval "$(floe activate)"; export FLOX_ENV_DIRS=/other:$FLOX_ENV_DIRS; floe deactivate', cwd=folder)
    assert other.returncode == 1 and "not activated by floe" in other.stderr and other.stdout == ""
    broken = m.run("bash", "--norc", "-c", 'eval "$(floe activate)"; export _FLOE_LAYERS="1,%zz"; floe deactivate', cwd=folder)
    assert broken.returncode == 1 and "changed by something else" in broken.stderr and broken.stdout == ""


def test_more_than_can_be_remembered_is_entered_with_a_warning(m):
    folder = env(m, "web", HOOK)
    write_entries(folder, {b"BIG": b"\x01" * 60000})
    out, err = run(m, ["floe", "activate", "-c", "echo ${#BIG}"], folder)
    assert out == b"60000\n" and b"more than can be remembered" in err


@pytest.mark.parametrize("shell", SHELLS)
def test_names_that_a_shell_keeps_for_itself_do_not_stop_the_rest(m, shell):
    folder = env(m, "web", HEAD + '[vars]\nargv = "a"\npath = "b"\nstatus = "c"\nversion = "d"\nZZZ = "z"\n')
    for line in (EVAL[shell] % "floe activate", EVAL[shell] % "floe deactivate", "true"):
        script = m.dir / "script"
        script.write_text(f"{EVAL[shell] % 'floe activate'}\n{line}\nprintenv ZZZ; printenv PATH\n")
        done = m.run(*PLAIN[shell], script, cwd=folder, check=True)
        assert ("z\n" in done.stdout) == ("deactivate" not in line) and m.env["PATH"] in done.stdout
    m.floe("activate", "-c", "printenv ZZZ", cwd=folder, env={"FLOX_SHELL": shell}, check=True)


# -- hook.on-deactivate

LEFT = HEAD + """
[vars]
WHO = "me"

[hook]
on-activate = "export FROM_HOOK=seen"
on-deactivate = '''
echo "$WHO $FROM_HOOK $PWD" >> "$FLOX_ENV_PROJECT/left"
echo told
'''
"""


@pytest.fixture
def left(m):
    """An environment whose on-deactivate leaves a line, and how many it has left."""
    folder = env(m, "web", LEFT)
    line = f"me seen {folder}\n"

    def count():
        text = (folder / "left").read_text() if (folder / "left").exists() else ""
        assert text == line * text.count("\n")
        return text.count("\n")

    folder_and_count = (folder, count)
    yield folder_and_count


def settled(count, wanted):
    """Exactly so many, also a moment later."""
    bench.wait_for(lambda: count() >= wanted)
    time.sleep(0.3 * bench.SLOW)
    assert count() == wanted


def test_the_hook_runs_after_a_command_without_holding_up_who_reads_from_it(m, left):
    folder, count = left
    begun = time.monotonic()
    done = m.floe("activate", "--", "sh", "-c", "echo out; exit 5", cwd=folder)
    assert (done.stdout, done.returncode) == ("out\n", 5) and time.monotonic() - begun < 10 * bench.SLOW
    settled(count, 1)
    assert (folder / ".flox/log/on-deactivate.log").read_text() == "told\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_hook_runs_once_in_every_form(m, left, shell):
    folder, count = left
    by = {"FLOX_SHELL": shell}
    m.floe("activate", "-c", "true", cwd=folder, env=by, check=True)
    settled(count, 1)
    with Terminal(m, ["floe", "activate"], folder, by) as t:
        t.until("floe [web] $")
        assert count() == 1, "not before it is left"
        t.type("exit")
        t.status()
    settled(count, 2)
    text = m.dir / "in-place"
    text.write_text("\n".join([EVAL[shell] % "floe activate", EVAL[shell] % "floe deactivate", "sleep 2", f"cat {folder}/left"]) + "\n")
    done = m.run(*PLAIN[shell], text, cwd=folder, check=True)
    assert done.stdout.count("\n") == 3, "left in place it runs at once, not with the end of the shell"
    settled(count, 3)
    text.write_text(EVAL[shell] % "floe activate" + "\n")
    m.run(*PLAIN[shell], text, cwd=folder, check=True)
    settled(count, 4)


@pytest.mark.parametrize("how", ["kill -9", "hangup", "closed terminal"])
def test_the_hook_runs_when_the_shell_is_gone_for_good(m, left, how):
    folder, count = left
    with Terminal(m, ["floe", "activate"], folder) as t:
        t.until("floe [web] $")
        t.type("echo $$ > shell-pid")
        pid = bench.wait_for(lambda: (folder / "shell-pid").exists() and (folder / "shell-pid").read_text().strip())
        if how != "closed terminal":
            os.kill(int(pid), signal.SIGKILL if how == "kill -9" else signal.SIGHUP)
            t.status()
    settled(count, 1)


def test_only_the_last_of_several_activations_runs_it(m, left):
    folder, count = left
    with Terminal(m, ["floe", "activate"], folder) as one:
        one.until("floe [web] $")
        with Terminal(m, ["floe", "activate"], folder) as two:
            two.until("floe [web] $")
            m.floe("activate", "--", "true", cwd=folder, check=True)
            two.type("exit")
            two.status()
            time.sleep(0.5 * bench.SLOW)
            assert count() == 0
        one.type("exit")
        one.status()
    settled(count, 1)


def test_many_that_end_at_once_run_it_once(m, left):
    folder, count = left
    for round in range(1, 4):
        gate = folder / f"gate{round}"
        os.mkfifo(gate)
        all = [subprocess.Popen(["floe", "activate", "--", "sh", "-c", f"read x < {gate}"], cwd=folder, env=m.env) for _ in range(6)]
        watched = m.home / ".cache/floe/active"
        bench.wait_for(lambda: len(list(watched.glob("*/[0-9]*"))) == 6)
        with open(gate, "w") as f:
            time.sleep(0.2)
        for process in all:
            process.wait(20 * bench.SLOW)
        settled(count, round)


def test_nobody_waits_for_the_watcher_or_the_hook(m):
    folder = env(m, "web", HEAD + "[hook]\non-deactivate = 'echo $$ > hook-pid; sleep 60'\n")
    read, write = os.pipe()
    process = subprocess.Popen(["floe", "activate", "--", "sleep", "1"], cwd=folder, env=m.env, pass_fds=[write], stdout=write)
    os.close(write)
    begun = time.monotonic()
    assert os.read(read, 1) == b"" and time.monotonic() - begun < 10 * bench.SLOW
    os.close(read)
    assert process.wait() == 0
    os.kill(int(bench.wait_for(lambda: (folder / "hook-pid").exists() and (folder / "hook-pid").read_text())), signal.SIGKILL)


def test_a_child_shell_that_leaves_does_not_end_the_activation_of_its_parent(m, left):
    folder, count = left
    text = m.dir / "in-place"
    text.write_text('eval "$(floe activate)"\nbash --norc -c \'eval "$(floe deactivate)"; echo "gone:${WHO-}"\'\nsleep 1\ntest ! -e left && echo still\n')
    assert m.run("bash", "--norc", text, cwd=folder, check=True).stdout == "gone:\nstill\n"
    settled(count, 1)


def test_a_hook_that_fails_or_hangs_stops_nobody(m):
    folder = env(m, "web", HEAD + "[hook]\non-deactivate = '''\necho $$ > hook-pid; sleep 60\n'''\n")
    m.floe("activate", "--", "true", cwd=folder, check=True)
    pid = int(bench.wait_for(lambda: (folder / "hook-pid").exists() and (folder / "hook-pid").read_text()))
    begun = time.monotonic()
    again = m.floe("activate", "--", "echo", "in", cwd=folder, check=True)
    assert again.stdout == "in\n" and "Waiting for the environment's hook.on-deactivate" in again.stderr
    assert 5 < time.monotonic() - begun < 30 * bench.SLOW
    os.kill(pid, signal.SIGKILL)
    bench.wait_for(lambda: int((folder / "hook-pid").read_text()) != pid)
    os.kill(int((folder / "hook-pid").read_text()), signal.SIGKILL)
