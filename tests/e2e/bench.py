"""Hubs, users and machines for the tests. See conftest.py."""

import base64
import itertools
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SHARED = REPO.parent / "shared"
BUILD = Path(os.environ.get("FLOE_BUILD", REPO / "build" / "release")).resolve()
SLOW = 4 if "san" in BUILD.name else 1  # sanitizers make everything slower
SERVICE_USER = "nobody"  # what hubs run as when the tests run as root: PostgreSQL refuses root

_names = itertools.count(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, timeout=20.0, step=0.02):
    """Calls what until it is true; the last value, or fails."""
    end = time.monotonic() + timeout * SLOW
    while True:
        value = what()
        if value or time.monotonic() > end:
            assert value, f"still waiting for {what} after {timeout * SLOW:.0f} s"
            return value
        time.sleep(step)


def scratch():
    """Where the tests keep their hubs: in memory where there is plenty, for each writes some 40 MB durably at its first
    start. Faults are processes that are killed, so it makes no difference to what is tested; benches use a disk."""
    if "TMPDIR" not in os.environ:
        try:
            if shutil.disk_usage("/dev/shm").free > 4 << 30:
                return "/dev/shm"
        except OSError:
            pass
    return None


class Workshop:
    """One temporary folder for a run, with copies of the programs that an unprivileged user can reach."""

    def __init__(self, where=scratch()):
        self.where = where

    def __enter__(self):
        self.as_root = os.geteuid() == 0
        self.dir = Path(tempfile.mkdtemp(prefix="floe-e2e-", dir=self.where))
        self.dir.chmod(0o755)
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        for program in ("server/floe-server", "client/floe"):
            shutil.copy2(BUILD / program, self.bin)
        self.template = None
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def folder(self, name):
        """A new folder that belongs to the service user."""
        path = self.dir / f"{name}-{next(_names)}"
        path.mkdir(mode=0o700)
        if self.as_root:
            user = pwd.getpwnam(SERVICE_USER)
            os.chown(path, user.pw_uid, user.pw_gid)
        return path

    def service(self):
        """Popen arguments that make a process the service user's."""
        if not self.as_root:
            return {}
        user = pwd.getpwnam(SERVICE_USER)
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def http(url, method="GET", data=None, headers=None, token=None, basic=None, timeout=30):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if token is not None:
        request.add_header("Authorization", f"bearer {token}")
    if basic is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(f"oauth:{basic}".encode()).decode())
    try:
        with _opener.open(request, timeout=timeout * SLOW) as r:
            return Answer(r.status, r.headers, r.read())
    except urllib.error.HTTPError as e:
        return Answer(e.code, e.headers, e.read())


class Hub:
    """A floe-server on a data folder of its own. `prefix` puts it below a path; `settings` are more flags of serve."""

    def __init__(self, workshop, *settings, prefix="", start=True, data=None, env=None):
        self.workshop, self.settings, self.prefix = workshop, settings, prefix
        self.data = data or workshop.folder("hub")
        self.port, self.metrics_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}{prefix}"
        self.env = env or {}
        self.log_path = self.data.parent / f"{self.data.name}.log"
        self.process = None
        self.tokens = {}
        self._start = start

    def __enter__(self):
        if self._start:
            self.start()
        return self

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            self.check_log()

    @property
    def url(self):
        return self.base

    @property
    def git_url(self):
        return self.base + "/git"

    def environment(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("FLOE_", "FLOX_", "GIT_"))}
        env.update(HOME=str(self.data), ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:halt_on_error=1",
                   UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1",
                   TSAN_OPTIONS="halt_on_error=0:exitcode=66:second_deadlock_stack=1:suppressions="
                   + str(REPO / "tests" / "tsan.supp"))
        env.update(self.env)
        return env

    def start(self, wait=True):
        assert self.process is None
        argv = [self.workshop.bin / "floe-server", "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                "--metrics-listen", f"127.0.0.1:{self.metrics_port}", "--base-url", self.base,
                *([] if "--rate-limit" in self.settings else ["--rate-limit", "0"]), *self.settings]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment(), cwd="/", **self.workshop.service())
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=30):
        def ready():
            assert self.process.poll() is None, f"the hub ended with {self.process.returncode}:\n{self.log()[-4000:]}"
            try:
                return http(self.base + "/readyz", timeout=5).status == 200
            except OSError:
                return False

        wait_for(ready, timeout)

    def stop(self, sig=signal.SIGTERM):
        if self.process is None:
            return None
        self.process.send_signal(sig)
        try:
            code = self.process.wait(30 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the hub did not stop:\n" + self.log()[-4000:])
        finally:
            self.process = None
        return code

    def kill(self):
        """kill -9, as a machine that loses its power would."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def kill_postgres(self):
        pid = self.postgres_pid()
        os.kill(pid, signal.SIGKILL)
        return pid

    def postgres_pid(self):
        """The pid of the postmaster; None while there is none."""
        try:
            return int((self.data / "postgres" / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def check_log(self):
        for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
            assert word not in self.log(), self.log()[-20000:]

    def access_log(self):
        """The request lines of the log, as dicts."""
        lines = (line for line in self.log().splitlines() if line.startswith("{"))
        return [d for d in map(json.loads, lines) if "route" in d]

    # -- administration

    def admin(self, *args, check=True, input=None, env=None):
        """floe-server ARGS; a single string is split at spaces."""
        if len(args) == 1:
            args = args[0].split()
        argv = [str(self.workshop.bin / "floe-server"), *map(str, args), "--data", str(self.data)]
        done = subprocess.run(argv, input=input, capture_output=True, text=True, env={**self.environment(), **(env or {})},
                              timeout=120 * SLOW, cwd="/", **self.workshop.service())
        assert "Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, done.stderr
        if check:
            assert done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def token(self, handle, *options):
        """A new token of an owner."""
        return self.admin("token", "create", handle, *options).stdout.strip()

    def new_user(self, handle=None, *options):
        handle = handle or f"user{next(_names)}"
        self.admin("user", "create", handle, *options)
        return Account(self, handle, self.token(handle, *(["--scope", "admin"] if "--admin" in options else [])))

    def new_org(self, owner, handle=None):
        handle = handle or f"org{next(_names)}"
        self.admin("org", "create", handle, "--owner", getattr(owner, "handle", owner))
        return handle

    def sql(self, statement):
        """Runs SQL straight on the embedded database, for tests that look behind the hub."""
        sockets = [d for d in (self.data / "postgres-run",) if d.exists()]
        psql = subprocess.run(["psql", "-X", "-A", "-t", "-h", str(sockets[0]), "-U", "floe", "-d", "floe", "-v", "ON_ERROR_STOP=1",
                               "-c", statement], capture_output=True, text=True, env=self.environment(), cwd="/",
                              timeout=60, **self.workshop.service())
        assert psql.returncode == 0, psql.stderr
        return psql.stdout.strip()

    # -- HTTP

    def http(self, path, **kwargs):
        return http(self.base + path, **kwargs)

    def metrics(self):
        return http(f"http://127.0.0.1:{self.metrics_port}/metrics").text

    def raw(self, data, timeout=10, close=False, tls=None):
        """Sends bytes as they are and returns all that comes back until the hub closes or is silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout * SLOW) as s:
            if tls:
                s = tls.wrap_socket(s, server_hostname="localhost")
            s.sendall(data)
            if close:
                s.shutdown(socket.SHUT_WR)
            out = b""
            s.settimeout(timeout * SLOW)
            try:
                while True:
                    got = s.recv(65536)
                    if not got:
                        break
                    out += got
                    if b"\r\n\r\n" in out and not close and complete(out):
                        break
            except (TimeoutError, ConnectionResetError):
                pass
            return out


def complete(answer):
    """Is this one whole HTTP answer with a Content-Length?"""
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


class Account:
    """A user of a hub with a token."""

    def __init__(self, hub, handle, token):
        self.hub, self.handle, self.token = hub, handle, token

    def __repr__(self):
        return f"<{self.handle}>"


class Machine:
    """A machine of its own: home, data, cache and configuration folders; the programs on PATH."""

    def __init__(self, workshop, name):
        self.workshop = workshop
        self.dir = workshop.dir / f"machine-{name}-{next(_names)}"
        self.home = self.dir / "home"
        self.work = self.home / "work"
        self.work.mkdir(parents=True)
        self.env = {k: v for k, v in os.environ.items()
                    if not k.startswith(("FLOE_", "FLOX_", "_FLOX", "GIT_", "XDG_")) and k not in ("SHLVL", "VISUAL", "EDITOR")}
        self.env.update(HOME=str(self.home), XDG_CONFIG_HOME=str(self.home / ".config"),
                        XDG_DATA_HOME=str(self.home / ".local/share"), XDG_CACHE_HOME=str(self.home / ".cache"),
                        XDG_STATE_HOME=str(self.home / ".local/state"), XDG_RUNTIME_DIR=str(self.dir / "run"),
                        PATH=f"{workshop.bin}:{os.environ['PATH']}", LANG="C.UTF-8", TERM="xterm", SHELL="/bin/bash",
                        GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null", GIT_TERMINAL_PROMPT="0",
                        ASAN_OPTIONS="detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        (self.dir / "run").mkdir(mode=0o700)
        (self.home / ".gitconfig").touch()  # libgit2 wants one
        self.remind(told=True)

    def remind(self, told=False):
        """Whether its person was just reminded that resolving may want a login one day, which is told every eight hours."""
        stamp = self.home / ".cache/flox/resolve-auth-warning-timestamp.json"
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps({"last_warning": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}) if told else "")
        return stamp

    def run(self, *argv, cwd=None, input=None, check=False, env=None, timeout=60):
        done = subprocess.run([str(a) for a in argv], cwd=cwd or self.work, input=input, capture_output=True,
                              text=not isinstance(input, bytes), env={**self.env, **(env or {})}, timeout=timeout * SLOW)
        noise = done.stderr if isinstance(done.stderr, str) else done.stderr.decode("utf-8", "replace")
        assert "Sanitizer" not in noise and "runtime error:" not in noise, noise
        if check:
            assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    # -- the client

    def login(self, account):
        self.env["FLOE_HUB"] = account.hub.url
        self.floe("auth", "login", "--token-file", "-", input=account.token, check=True)
        return self

    def at(self, hub):
        """Points the machine at a hub without logging in."""
        self.env["FLOE_HUB"] = hub.url
        return self

    def floe(self, *args, **kwargs):
        return self.run(self.workshop.bin / "floe", *args, **kwargs)

    def folder(self, name):
        path = self.work / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    # -- git as the official client runs it (git-environments §5)

    def git_options(self, hub, owner, token):
        helper = '!f(){ echo "username=oauth"; echo "password=$FLOX_FLOXHUB_TOKEN"; }; f'
        return ["-c", f"credential.{hub.git_url}.helper={helper}", "-c", "http.userAgent=flox-cli/1.14.1",
                "-c", f"remote.dynamicorigin.url={hub.git_url}/{owner}/floxmeta",
                "-c", "user.email=floxuser@example.invalid", "-c", "user.name=Flox User",
                "-c", "http.extraHeader=flox-device-uuid: 00000000-0000-4000-8000-000000000000",
                "-c", "http.extraHeader=flox-invocation-source: ci"]

    def git(self, *args, hub=None, owner="nobody", token="", cwd=None, check=False, env=None, config=(), input=None):
        options = self.git_options(hub, owner, token) if hub else ["-c", "user.email=floxuser@example.invalid",
                                                                   "-c", "user.name=Flox User"]
        for c in config:
            options += ["-c", c]
        return self.run("git", *options, *args, cwd=cwd, check=check, input=input,
                        env={"FLOX_FLOXHUB_TOKEN": token, **(env or {})})

    def clone(self, hub, owner, branch, into, token="", **kwargs):
        return self.git("clone", "--quiet", "--single-branch", "--no-tags", "--branch", branch,
                        f"{hub.git_url}/{owner}/floxmeta", into, "--bare", hub=hub, owner=owner, token=token, **kwargs)

    def push(self, hub, owner, repo, refspec, token, *options, **kwargs):
        return self.git("-C", repo, "push", "--porcelain", f"{hub.git_url}/{owner}/floxmeta", refspec, *options, hub=hub,
                        owner=owner, token=token, **kwargs)


class Environment:
    """A branch of generations made with real git, as the official client makes it (git-environments §3)."""

    def __init__(self, machine, name, lock=None, user="alice", host="laptop", at=1760000000):
        self.machine, self.name, self.user, self.host, self.at = machine, name, user, host, at
        self.repo = machine.work / f"floxmeta-{name}-{next(_names)}"
        self.total, self.history = 0, []
        self.live = None
        self.lock = lock or EMPTY_LOCK
        self._git("init", "-q", "-b", name, self.repo, repo=False)
        self._commit(f"Initialize generations branch for environment '{name}'", {})

    def _git(self, *args, repo=True, **kwargs):
        where = ["-C", self.repo] if repo else []
        return self.machine.git(*where, *args, check=True, **kwargs).stdout

    def _commit(self, message, files):
        metadata = {"version": 2, "history": self.history, "total_generations": self.total}
        files = {**files, "metadata.json": json.dumps(metadata, separators=(",", ":"))}
        for path, text in files.items():
            target = self.repo / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self._git("add", "-A")
        date = f"{self.at} +0000"
        self._git("commit", "-q", "-m", message, env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
        return self.tip

    @property
    def tip(self):
        return self._git("rev-parse", "HEAD").strip()

    def _entry(self, kind, command, current, **fields):
        self.history.append({"kind": kind, **fields, "author": self.user, "hostname": self.host, "command": command,
                             "timestamp": self.at, "current_generation": str(current),
                             "previous_generation": str(self.live) if self.live else None})
        self.live = current

    def generation(self, manifest='schema-version = "1.15.0"\n', lock=None, kind="import", summary="imported environment",
                   command=("flox", "push"), at=None, **fields):
        self.at = at or self.at
        self.total += 1
        self._entry(kind, list(command), self.total, **fields)
        self.lock = lock or self.lock
        return self._commit(f"Create generation {self.total}\n\n{summary}",
                            {f"{self.total}/env/manifest.toml": manifest, f"{self.total}/env/manifest.lock": self.lock})

    def edit(self, n=1):
        """n more generations, each with a change."""
        for _ in range(n):
            self.at += 60
            self.generation(f'schema-version = "1.15.0"\n\n[vars]\nn = "{self.total + 1}"\n', kind="edit",
                            summary="manually edited the manifest", command=("flox", "edit"))
        return self.tip

    def switch(self, to, at=None):
        self.at = at or self.at + 60
        previous = self.live
        self._entry("switch_generation", ["flox", "generations", "rollback"], to)
        return self._commit(f"changed current generation {previous} -> {to}", {})


EMPTY_LOCK = """{
  "lockfile-version": 1,
  "manifest": {
    "schema-version": "1.15.0",
    "hook": {},
    "profile": {},
    "options": {}
  },
  "packages": []
}"""


def need_shared(path=""):
    """The recordings beside the project; a test that wants them skips, saying so, where they are absent."""
    import pytest

    if not (SHARED / path).exists():
        pytest.skip(f"../shared/{path} is not here")
    return SHARED / path


def from_pypi(name, *requirements):
    """The programs of packages of PyPI: the bin folder of build/NAME, a venv that the first test makes and later ones use. A
    test that wants it skips, saying so, where PyPI cannot be reached."""
    import pytest

    venv = REPO / "build" / name
    stamp, wanted = venv / "installed", " ".join(requirements)
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run(["/usr/bin/python3", "-m", "venv", "--clear", str(venv)], check=True, capture_output=True)
        done = subprocess.run([str(venv / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *requirements],
                              capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            pytest.skip(f"PyPI cannot be reached, where {name} comes from: " + done.stderr.strip()[-200:])
        stamp.write_text(wanted)
    return venv / "bin"


if __name__ == "__main__":
    sys.exit("this is a module of the tests; run tests/run e2e")
