"""The official client on simulated machines, and what it asked of the hub.

FLOE_TEST_FLOX names a program that runs it, called as PROGRAM MACHINE-FOLDER HUB-URL TOKEN ARGUMENTS… with the project as
working folder: home, configuration, data (data/flox/meta/<owner>), cache and state are to be kept below MACHINE-FOLDER.
An empty TOKEN leaves the login of `auth login` in effect.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

import bench

PROGRAM = os.environ.get("FLOE_TEST_FLOX")
needs_flox = pytest.mark.skipif(not PROGRAM, reason="FLOE_TEST_FLOX is not set: no official client here")

SCHEMA = 'schema-version = "1.14.0"\n'
M1 = SCHEMA + '\n[vars]\nGREETING = "hello"\n'
M2 = M1.replace("hello", "good day")
M3 = M1.replace("hello", "good night")
GREET = ("--", "sh", "-c", "echo $GREETING")

# How `requests` spells them. The log has no queries, so what info/refs was for shows in what follows it.
ME = ["me"]
REFS = ["refs 401", "refs"]
LS = REFS + ["upload"]
FETCH = LS + ["upload"]
PUSH = REFS + ["receive"]


NEWEST = "1.15.0"


def needs_newest_schema(desk):
    """The release 1.14.1 knows no schema that came after it, which the project's main branch had a fortnight later."""
    folder = desk.folder("probe")
    desk("probe")("init", cwd=folder)
    if NEWEST not in manifest_of(folder):
        pytest.skip(f"this official client knows no schema {NEWEST}")


class Flox:
    """One user on one machine: flox("push", cwd=folder)."""

    def __init__(self, hub, machine, token):
        self.hub, self.machine, self.token = hub, machine, token
        self.asked = []

    def __call__(self, *args, cwd, check=True, input=None, token=None):
        start = len(self.hub.access_log())
        done = subprocess.run([PROGRAM, str(self.machine), self.hub.url, self.token if token is None else token, *map(str, args)],
                              cwd=cwd, input=input, capture_output=True, text=True, timeout=120 * bench.SLOW)
        self.asked = requests(self.hub, start)
        if check:
            assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        else:
            assert "panicked" not in done.stderr, done.stderr
        return done

    def fails(self, *args, cwd, **kwargs):
        done = self(*args, cwd=cwd, check=False, **kwargs)
        assert done.returncode != 0, (args, done.stdout, done.stderr)
        return done.stderr

    def edit(self, folder, text):
        path = self.machine.parent / f"{self.machine.name}.toml"
        path.write_text(text)
        return self("edit", "-f", path, cwd=folder)

    def made(self, folder, text=M1):
        """A path environment named like its folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self("init", cwd=folder)
        self.edit(folder, text)
        return folder

    def pushed(self, folder, text=M1, *options):
        self.made(folder, text)
        self("push", *options, cwd=folder)
        return folder

    def wait(self):
        """Until nothing that the command left behind asks any more; what was asked after it came back."""
        start = len(self.hub.access_log())
        seen, since = start, time.monotonic()
        while time.monotonic() - since < 1.5 * bench.SLOW:
            time.sleep(0.1)
            now = len(self.hub.access_log())
            if now != seen:
                seen, since = now, time.monotonic()
        return requests(self.hub, start)

    def clone(self, owner):
        return self.machine / "data/flox/meta" / getattr(owner, "handle", owner)


def requests(hub, start):
    """What the hub was asked since its log had `start` requests, in a few words each; 200 goes without saying."""
    said = []
    for r in hub.access_log()[start:]:
        word = {"accounts.me": "me", "git.info_refs": "refs", "git.upload_pack": "upload",
                "git.receive_pack": "receive"}.get(r["route"])
        if word:
            said.append(word if r["status"] == 200 else f"{word} {r['status']}")
        elif r["route"] not in ("health.ready", "health.live"):
            said.append(f"{r['method']} {r['path']} {r['status']}")
    return said


@pytest.fixture
def desk(hub):
    """Machines of one test: desk("a", alice) is the client of alice's first machine; desk.dir is a folder for projects."""

    class Desk:
        dir = Path(tempfile.mkdtemp(prefix="fx", dir="/tmp"))  # short: a socket lives below a machine's folder
        hub_ = hub

        def __call__(self, name, who=None, hub=None):
            return Flox(hub or self.hub_, self.dir / "m" / name, who.token if who else "")

        def folder(self, name):
            path = self.dir / name
            path.mkdir(parents=True)
            return path

    d = Desk()
    (d.dir / "m").mkdir()
    yield d
    shutil.rmtree(d.dir, ignore_errors=True)


@pytest.fixture
def alice(hub):
    return hub.new_user()


@pytest.fixture
def bob(hub):
    return hub.new_user()


def manifest_of(folder):
    return (folder / ".flox/env/manifest.toml").read_text()
