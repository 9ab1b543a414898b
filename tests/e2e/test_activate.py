"""floe activate in bash, by real processes."""

import os
import pty
import select
import signal
import time

import pytest

import bench

HEAD = 'schema-version = "1.15.0"\n'
FULL = HEAD + """
[vars]
B = "$A-x"
A = "1"
QUOTED = "it's ${NOTHING:-here} $(echo run)"

[hook]
on-activate = '''
echo the hook speaks
export FROM_HOOK="two
lines"
unset GOES_AWAY
local_only=1
'''

[profile]
common = '''
profiles="common"
'''
bash = '''
profiles="$profiles bash"
greet() { echo "greetings $A"; }
'''
"""


@pytest.fixture
def m(machine):
    laptop = machine("laptop")
    laptop.env["PATH"] = f"{laptop.workshop.bin}:/usr/local/bin:/usr/bin:/bin"
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


def test_a_command_gets_vars_hook_and_the_variables_of_the_environment(m):
    folder = env(m, "web")
    done = m.floe("activate", "--", "env", "-0", cwd=folder, check=True, env={"GOES_AWAY": "1", "MANPATH": ""})
    got, here = variables(done.stdout), link(folder, "web")
    assert (got["A"], got["B"], got["QUOTED"], got["FROM_HOOK"]) == ("1", "1-x", "it's here run", "two\nlines")
    assert "GOES_AWAY" not in got and "local_only" not in got and "the hook speaks" in done.stderr
    assert (got["FLOX_ENV"], got["FLOX_ENV_DIRS"], got["FLOX_ENV_DESCRIPTION"]) == (here, here, "web")
    assert (got["FLOX_ENV_PROJECT"], got["FLOX_ENV_CACHE"]) == (str(folder), f"{folder}/.flox/cache")
    assert got["PATH"] == f"{here}/bin:" + m.env["PATH"] and got["MANPATH"] == f"{here}/share/man:"
    assert got["FLOX_PROMPT_ENVIRONMENTS"] == "web" and os.path.isdir(here)
    assert "_" not in got or "bash" not in got["_"]


def test_the_exit_status_is_that_of_the_command(m):
    folder = env(m, "web", HEAD)
    assert m.floe("activate", "--", "sh", "-c", "exit 42", cwd=folder).returncode == 42
    assert m.floe("activate", "-c", "exit 43", cwd=folder).returncode == 43
    missing = m.floe("activate", "--", "no-such-program", cwd=folder)
    assert missing.returncode == 127 and "no-such-program: command not found" in missing.stderr
    assert m.floe("activate", "--", cwd=folder).returncode == 1
    assert m.floe("activate", "--", "sh", "-c", "kill -TERM $$", cwd=folder).returncode == -signal.SIGTERM
    assert m.floe("activate", "--", "printf", "%s|", "a b", "$A", "-d", cwd=folder).stdout == "a b|$A|-d|"


def test_profile_scripts_run_with_c_and_not_with_dashes(m):
    folder = env(m, "web")
    assert m.floe("activate", "-c", 'greet; echo "$profiles"', cwd=folder, check=True).stdout == "greetings 1\ncommon bash\n"
    assert m.floe("activate", "--", "bash", "-c", "greet", cwd=folder).returncode == 127


def test_in_place_code_works_under_set_u_and_on_one_line(m):
    folder = env(m, "web")
    code = m.floe("activate", cwd=folder, check=True, env={"FLOX_SHELL": "bash", "GOES_AWAY": "1"})
    assert "the hook speaks" in code.stderr and "the hook speaks" not in code.stdout
    for text in (code.stdout, code.stdout.replace("\n", " ")):
        script = f"set -eu; GOES_AWAY=1; eval \"$1\"; greet; echo \"$profiles|$B|$FROM_HOOK|${{GOES_AWAY-gone}}|$PATH\""
        done = m.run("bash", "--norc", "-c", script, "bash", text, check=True)
        assert done.stdout == f"greetings 1\ncommon bash|1-x|two\nlines|gone|{link(folder, 'web')}/bin:{m.env['PATH']}\n"
    own = m.run("bash", "--norc", "-c", 'eval "$(floe activate)"; eval "$(floe activate)"; greet; echo $FLOX_ENV_DIRS', cwd=folder, check=True)
    assert own.stdout == f"greetings 1\n{link(folder, 'web')}\n"


WILD = r"""[hook]
on-activate = '''
export WILD=$(printf 'a\047b"c\134d\n\te$HOME`x`\001\303\251; exit')
'''
"""


def test_values_survive_whatever_is_in_them(m):
    folder = env(m, "web", HEAD + WILD)
    done = m.run("bash", "--norc", "-c", 'eval "$(floe activate)"; printf %s "$WILD"', cwd=folder, check=True)
    assert done.stdout == m.floe("activate", "--", "printenv", "WILD", cwd=folder, check=True).stdout[:-1]
    assert done.stdout.startswith("a'b\"c")


def test_nested_activations_put_the_inner_first_and_keep_the_outer(m):
    outer, inner = env(m, "outer"), env(m, "inner", HEAD + "[vars]\nINNER = \"$A in\"\n")
    floe = m.workshop.bin / "floe"
    script = f"cd {inner}; {floe} activate -c 'greet; echo $INNER; echo $FLOX_ENV_DIRS; echo $PATH; echo $FLOX_PROMPT_ENVIRONMENTS'; echo $FLOX_ENV"
    done = m.floe("activate", "-c", script, cwd=outer, check=True).stdout.splitlines()
    a, b = link(outer, "outer"), link(inner, "inner")
    assert done == ["greetings 1", "1 in", f"{b}:{a}", f"{b}/bin:{a}/bin:{m.env['PATH']}", "inner outer", a]


@pytest.mark.parametrize("hook, told", [
    ("return 3", "Running hook.on-activate failed"),
    ("false", "Running hook.on-activate failed"),
    ("exit 0", "did not complete normally"),
    ("exec true", "did not complete normally"),
    ("if", "Running hook.on-activate failed"),
])
def test_a_hook_that_fails_or_leaves_stops_the_activation(m, hook, told):
    folder = env(m, "web", HEAD + f"[hook]\non-activate = '''\n{hook}\n'''\n")
    done = m.floe("activate", "--", "echo", "in", cwd=folder)
    assert done.returncode == 1 and told in done.stderr and done.stdout == ""


def test_a_hook_may_leave_something_running_and_use_floe_itself(m):
    folder = env(m, "web", HEAD + "[hook]\non-activate = '''\nsleep 30 </dev/null >/dev/null 2>&1 & echo $! > sleeper; floe list -c > listed 2>/dev/null\n'''\n")
    begun = time.monotonic()
    m.floe("activate", "--", "true", cwd=folder, check=True)
    assert time.monotonic() - begun < 10 * bench.SLOW
    os.kill(int((folder / "sleeper").read_text()), signal.SIGTERM)
    assert "on-activate" in (folder / "listed").read_text()


def test_a_second_activation_runs_the_hook_again(m):
    """Where flox attaches to the first one: a difference that docs/internals/activate.md tells of."""
    folder = env(m, "web", HEAD + "[hook]\non-activate = 'echo the hook speaks'\n")
    done = m.floe("activate", "--", "floe", "activate", "--", "true", cwd=folder, check=True)
    assert done.stderr.count("the hook speaks") == 2


def test_a_cycle_in_vars_and_an_odd_name_are_refused(m):
    folder = m.folder("web")
    m.floe("init", "-b", cwd=folder, check=True)
    for text, told in (('A = "$B"\nB = "$A"\n', "cycle"), ('"A;id" = "1"\n', "A;id"), ('BASH_ENVTRACE_X = "1"\n', "BASH_ENVTRACE_X")):
        (folder / ".flox/env/manifest.toml").write_text(HEAD + "[vars]\n" + text)
        done = m.floe("activate", "--", "true", cwd=folder)
        assert done.returncode == 1 and told in done.stderr


def test_environments_of_others_need_trust(hub, machine, owner):
    author, bob = machine("author").login(owner), machine("bob").login(hub.new_user())
    folder = env(author, "web")
    author.floe("push", cwd=folder, check=True)
    ref = f"{owner.handle}/web"
    refused = bob.floe("activate", "-r", ref, "--", "printenv", "B")
    assert refused.returncode == 1 and f"The environment {ref} is not trusted." in refused.stderr and "hook speaks" not in refused.stderr
    assert bob.floe("activate", "-r", ref, "-t", "--", "printenv", "B", check=True).stdout == "1-x\n"
    assert author.floe("activate", "-r", ref, "--", "printenv", "FLOX_ENV_DESCRIPTION", check=True).stdout == f"{ref} (local)\n"
    config = bob.home / ".config/floe/config"
    with open(config, "a") as f:
        f.write(f"trust.{owner.handle}/* = trust\ntrust.{ref} = deny\n")
    assert bob.floe("activate", "-r", ref, "--", "true").returncode == 1, "what is said of one environment counts more"
    config.write_text(config.read_text().replace("deny", "trust"))
    where = bob.floe("activate", "-r", ref, "--", "printenv", "FLOX_ENV_PROJECT", check=True, cwd=bob.folder("elsewhere"))
    assert where.stdout == f"{bob.folder('elsewhere')}\n"
    missing = bob.floe("activate", "-r", f"{owner.handle}/none", "-t", "--", "true")
    assert missing.returncode == 1 and "Environment not found in FloxHub." in missing.stderr


def test_an_environment_for_other_systems_is_refused(m):
    folder = env(m, "web", HEAD + '[options]\nsystems = ["aarch64-darwin"]\n')
    done = m.floe("activate", "--", "true", cwd=folder)
    assert done.returncode == 1 and "This environment is not yet compatible with your system" in done.stderr


def test_a_hand_edited_manifest_is_locked_anew_and_a_read_only_project_activates(m):
    folder = env(m, "web", HEAD)
    (folder / ".flox/env/manifest.toml").write_text(HEAD + '[vars]\nNEW = "yes"\n')
    assert m.floe("activate", "--", "printenv", "NEW", cwd=folder, check=True).stdout == "yes\n"
    assert '"NEW": "yes"' in (folder / ".flox/env/manifest.lock").read_text()
    (folder / ".flox/env/manifest.toml").write_text(HEAD + '[vars]\nNEW = "again"\n')
    assert m.floe("activate", "--", "printenv", "NEW", cwd=folder, check=True).stdout == "again\n"


class Terminal:
    """A program on a pseudo-terminal, whose screen text can be waited for."""

    def __init__(self, m, argv, cwd):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], argv, {**m.env, "PS1": "$ "})
        self.seen = ""

    def until(self, text, seconds=15):
        end = time.monotonic() + seconds * bench.SLOW
        while text not in self.seen:
            assert time.monotonic() < end, f"still waiting for {text!r} in {self.seen!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, line):
        os.write(self.fd, line.encode() + b"\r")

    def status(self, seconds=15):
        end = time.monotonic() + seconds * bench.SLOW
        while (ended := os.waitpid(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                raise AssertionError(f"it does not end: {self.seen!r}")
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
                except OSError:
                    pass
        return os.waitstatus_to_exitcode(ended[1])


def test_a_subshell_on_a_terminal(m):
    folder = env(m, "web")
    (m.home / ".bashrc").write_text("PATH=/first:$PATH; PS1='$ '; from_rc=yes\n")
    t = Terminal(m, [str(m.workshop.bin / "floe"), "activate"], folder)
    t.until("You are now using the environment 'web'")
    t.until("[web]")
    t.type('greet; echo "rc=$from_rc"; echo "path=$PATH"; floe activate; echo "again=$?"')
    t.until("greetings 1")
    t.until("rc=yes")
    t.until(f"path={link(folder, 'web')}/bin:/first:")
    t.until("is already active")
    t.until("again=1")
    t.type("sleep 100")
    time.sleep(0.5 * bench.SLOW)
    os.write(t.fd, b"\x1a")  # Ctrl-Z: job control is the shell's own
    t.until("Stopped")
    t.type("fg")
    t.until("sleep 100")
    time.sleep(0.5 * bench.SLOW)
    os.write(t.fd, b"\x03")  # Ctrl-C ends the program, not the shell
    t.until("^C")
    t.until("[web]")  # the prompt again: what is typed before it is thrown away with the signal
    t.type("exit 6")
    assert t.status() == 6


def test_the_token_prompt_shows_nothing(hub, machine, owner):
    m = machine("prompt").at(hub)
    t = Terminal(m, [str(m.workshop.bin / "floe"), "auth", "login"], m.work)
    t.until("Token for")
    time.sleep(0.3)
    t.type(owner.token)
    shown = t.until(f"Logged in as {owner.handle}")
    assert owner.token not in shown and t.status() == 0
