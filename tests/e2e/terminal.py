"""A real terminal (tmux) to type in and to read the screen of."""

import os
import shlex
import subprocess
import time

import bench

SHELLS = ("bash", "zsh", "fish", "tcsh")
EVAL = {"bash": 'eval "$(%s)"', "zsh": 'eval "$(%s)"', "fish": "%s | source", "tcsh": 'eval "`%s`"'}
# Runs a script file without the user's start-up files.
PLAIN = {"bash": ["bash", "--norc"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"], "tcsh": ["tcsh", "-f"]}


def user_files(m, prompt="$ "):
    """Start-up files as people have them: each puts a folder in front of PATH, sets a prompt and a variable."""
    (m.home / ".bashrc").write_text(f"PATH=/first:$PATH; PS1='{prompt}'; from_rc=yes\n")
    (m.home / ".zshenv").write_text("from_zshenv=yes\n")
    (m.home / ".zshrc").write_text(f"path=(/first $path); PS1='{prompt}'; from_rc=$from_zshenv\n")
    (m.home / ".tcshrc").write_text(f"setenv PATH /first:$PATH\nset prompt = '{prompt}'\nset from_rc = yes\n")
    fish = m.home / ".config/fish"
    fish.mkdir(parents=True, exist_ok=True)
    (fish / "config.fish").write_text("set fish_greeting\nset -gx PATH /first $PATH\nset from_rc yes\n"
                                      f"function fish_prompt; printf '%s' '{prompt}'; end\n")


class Terminal:
    """A program on a terminal of 400 columns. Closed with `with`."""

    def __init__(self, m, argv, cwd, env=None):
        self.m = m
        self.socket = m.dir / f"tmux-{time.monotonic_ns()}"
        self.status_file = m.dir / f"{self.socket.name}.status"
        env = {**m.env, "NO_COLOR": "1", **(env or {})}
        # What the program ends with, as its parent sees it.
        inner = f"{shlex.join(map(str, argv))}; echo $? > {shlex.quote(str(self.status_file))}"
        wrapper = ["/usr/bin/env", "-i", *[f"{k}={v}" for k, v in env.items()], "TERM=screen-256color", "/bin/sh", "-c", inner]
        self.tmux("-f", "/dev/null", "set", "-g", "remain-on-exit", "on", ";", "new-session", "-d", "-x", "400", "-y", "50", "-c", str(cwd), shlex.join(wrapper))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)

    def tmux(self, *args, check=True):
        done = subprocess.run(["tmux", "-S", str(self.socket), *args], capture_output=True, text=True,
                              env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.m.home)})
        assert not check or done.returncode == 0, (args, done.stderr)
        return done.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J", "-S", "-", check=False)

    def until(self, text, count=1, seconds=15):
        """Waits until text is on the screen `count` times; the screen."""
        end = time.monotonic() + seconds * bench.SLOW
        while (shown := self.screen()).count(text) < count:
            assert time.monotonic() < end, f"still waiting for {count} times {text!r} on:\n{shown}"
            time.sleep(0.05)
        return shown

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.tmux("send-keys", "Enter")

    def key(self, name):
        self.tmux("send-keys", name)

    def ask(self, line, answer, seconds=15):
        """Types a line and waits for a line of the screen that is the answer."""
        self.type(line)
        end = time.monotonic() + seconds * bench.SLOW
        while answer not in [shown.rstrip() for shown in self.screen().splitlines()]:
            assert time.monotonic() < end, f"still waiting for the line {answer!r} on:\n{self.screen()}"
            time.sleep(0.05)

    def pid(self):
        return int(self.tmux("list-panes", "-F", "#{pane_pid}"))

    def status(self, seconds=15):
        bench.wait_for(lambda: self.status_file.exists() and self.status_file.read_text(), seconds)
        return int(self.status_file.read_text())
