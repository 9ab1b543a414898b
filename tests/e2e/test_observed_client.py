"""What the official client was seen to ask and to say, command by command: floe, given the same answers, asks and says the
same, but for its own name. The recordings lie beside the project; skipped where they are absent."""

import json
import urllib.parse

import pytest

import bench
from misbehaving import Misbehaving

NAMES = ("11-search", "87-show-published", "12b-show-missing", "13-install", "13b-install-missing", "14-list")
TEMPLATE_WITHOUT = ("greet.",)


@pytest.fixture(scope="module")
def recorded():
    return {c["name"]: c for c in map(json.loads, bench.need_shared("data/observed/commands.jsonl").read_text().splitlines())}


class Replay(Misbehaving):
    """Answers the requests of one command in the order in which the official client made them."""

    def __init__(self):
        self.expected, self.wrong = [], []
        super().__init__(self.reply)

    def load(self, command):
        self.expected = [r for r in command["hub_requests"] if "/api/v1/catalog/" in r["path"] and not r["path"].endswith("/store")]
        self.wrong.clear()
        self.requests.clear()

    def reply(self, method, path, headers, body):
        where = urllib.parse.urlsplit(path)
        if where.path == "/api/v1/explain":  # which that client does not know
            return 404, {"Content-Type": "application/json"}, b'{"detail":"Not Found"}'
        if not self.expected:
            self.wrong.append(f"one more: {method} {path}")
            return 500, {}, b""
        r = self.expected.pop(0)
        asked = (method, where.path, sorted(urllib.parse.parse_qsl(where.query)), json.loads(body) if body else None)
        want = (r["method"], r["path"], sorted(urllib.parse.parse_qsl(r["query"] or "")), r["body"])
        if asked != want:
            self.wrong.append(f"asked {asked}\nnot {want}")
        return r["status"], {"Content-Type": r["response_type"]}, json.dumps(r["response"]).encode()


@pytest.fixture
def replay():
    with Replay() as r:
        yield r


def same_as(m, replay, command, *words, cwd):
    replay.load(command)
    done = m.floe(*words, cwd=cwd, env={"FLOE_TOKEN": command["token"] or ""})
    assert replay.wrong == [] and replay.expected == [], replay.wrong
    assert done.returncode == int(command["exit"]), done.stderr
    theirs = command["stderr"].replace("flox", "floe").rstrip("\n")
    assert done.stderr.rstrip("\n") == theirs
    return done


def test_searching_showing_installing_and_listing(machine, recorded, replay):
    m = machine()
    m.env["FLOE_HUB"] = replay.url
    folder = m.folder("web")
    m.floe("init", cwd=folder, check=True)
    for name in NAMES:
        command = recorded[name]
        done = same_as(m, replay, command, *command["command"].split()[1:], cwd=folder)
        assert done.stdout.rstrip("\n") == command["stdout"].rstrip("\n"), name


def test_a_published_package_is_asked_for_twice_and_locked_as_theirs(machine, recorded, replay, tmp_path):
    m = machine()
    m.env["FLOE_HUB"] = replay.url
    m.run("tar", "-xf", bench.need_shared("data/observed/dot-flox-folders.tar"), "-C", tmp_path, check=True)
    theirs = tmp_path / "cons/.flox/env"
    text = (theirs / "manifest.toml").read_text()
    folder = m.folder("cons")
    m.floe("init", cwd=folder, check=True)
    m.floe("edit", "-f", "-", cwd=folder, check=True,
           input="".join(line for line in text.splitlines(True) if not line.startswith(TEMPLATE_WITHOUT)))
    same_as(m, replay, recorded["85-install-published"], "install", "alice/greet", cwd=folder)
    assert (folder / ".flox/env/manifest.toml").read_text() == text
    ours, real = (json.loads((f / "manifest.lock").read_text()) for f in (folder / ".flox/env", theirs))
    ours["packages"][0]["scrape_date"] = real["packages"][0]["scrape_date"]  # the moment, where the hub does not say
    assert json.dumps(ours, indent=2) + "\n" == (theirs / "manifest.lock").read_text()


def test_who_resolves_without_a_login_is_told_so_as_theirs_tells(machine, recorded, replay):
    m = machine()
    m.env["FLOE_HUB"] = replay.url
    folder = m.folder("cons")
    m.floe("init", "-b", cwd=folder, check=True)
    m.remind()
    command = recorded["95-install-published-anonymous"]
    replay.load(command)
    done = m.floe("install", "alice/greet", cwd=folder, check=True)
    assert replay.wrong == [] and replay.expected == [] and replay.credentials() == []
    theirs, ours = command["stderr"].splitlines(), done.stderr.splitlines()
    assert "Resolving packages will require authentication" in theirs[1] and "without a login" in ours[0]
    assert theirs[-1] == ours[-1] and len(ours) == 3


def test_an_edit_locks_byte_for_byte_what_theirs_locked(machine, recorded, replay, tmp_path):
    m = machine()
    m.env["FLOE_HUB"] = replay.url
    m.run("tar", "-xf", bench.need_shared("data/observed/dot-flox-folders.tar"), "-C", tmp_path, check=True)
    theirs = tmp_path / "proj/.flox/env"
    folder = m.folder("proj")
    m.floe("init", cwd=folder, check=True)
    same_as(m, replay, recorded["80-edit-build"], "edit", "-f", theirs / "manifest.toml", cwd=folder)
    for name in ("manifest.toml", "manifest.lock"):
        assert (folder / ".flox/env" / name).read_bytes() == (theirs / name).read_bytes()
    replay.load({"hub_requests": []})
    m.floe("list", cwd=folder, check=True)
    m.floe("edit", "-f", theirs / "manifest.toml", cwd=folder, check=True)
    assert replay.requests == []


def test_a_bad_token_is_told_as_the_hub_tells_it(machine, recorded, replay):
    m = machine()
    m.env["FLOE_HUB"] = replay.url
    replay.load(recorded["11b-search-badtoken"])
    done = m.floe("search", "hello", env={"FLOE_TOKEN": "flox_bad"})
    assert (done.returncode, done.stdout) == (1, "") and "Unauthorized" in done.stderr and replay.credentials() == ["flox_bad"]
