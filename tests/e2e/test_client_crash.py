"""floe killed at any instant, many of them at once, and folders that flox left: the folder is usable and nothing is lost."""

import concurrent.futures
import json
import os
import random
import re
import shutil
import subprocess
import time

import pytest

import bench
from test_client import EMPTY, VARS, clone_of, env_lock, files, laptop, made, names, other, pushed  # noqa: F401

ROUNDS = int(os.environ.get("FLOE_ROUNDS", "20"))


def manifest(n):
    return EMPTY + f'[vars]\nN = "{n}"\n' + "".join(f'PAD{i} = "{i:080}"\n' for i in range(200))


class Killer:
    """Runs floe and kills it at an instant that wanders over all the time it takes."""

    def __init__(self, m, seed):
        self.m, self.rng, self.takes, self.killed, self.finished = m, random.Random(seed), None, 0, 0

    def __call__(self, *args, cwd, stdin=None):
        """True: it had ended by itself."""
        if self.takes is None:
            self.takes = 0.02 * bench.SLOW
        began = time.monotonic()
        process = subprocess.Popen([str(self.m.workshop.bin / "floe"), *map(str, args)], cwd=cwd, env=self.m.env,
                                   stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(self.rng.uniform(0, 1.1) * self.takes)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.killed += 1
            self.takes *= 1.03 if process.returncode == -9 else 1
            return False
        self.takes = (self.takes + time.monotonic() - began) / 2
        self.finished += process.returncode == 0
        return process.returncode == 0


def shown(m, folder):
    """The manifest and how many generations and changes there are, as floe sees them afterwards."""
    text = m.floe("list", "-c", cwd=folder, check=True).stdout
    history = json.loads(m.floe("generations", "history", "--json", cwd=folder, check=True).stdout)
    return text, history


def check_folder(folder):
    assert (folder / ".flox/env.json").exists() and (folder / ".flox/env/manifest.lock").exists()
    assert not list((folder / ".flox/run/floe").glob("moving")), "the next command has finished it"


def test_an_edit_that_is_killed_happened_or_did_not(hub, laptop, owner):
    folder = pushed(laptop, "web", manifest(0))
    kill, done = Killer(laptop, 1), 0
    for i in range(1, ROUNDS + 1):
        before, history = shown(laptop, folder)
        (laptop.work / "new.toml").write_text(manifest(i))
        ended = kill("edit", "-f", laptop.work / "new.toml", cwd=folder)
        text, after = shown(laptop, folder)
        assert after[:len(history)] == history and len(after) in (len(history), len(history) + 1), i
        assert text == (manifest(i) if len(after) > len(history) else before), (i, "manifest and generation belong together")
        assert not ended or len(after) > len(history)
        done += len(after) > len(history)
        check_folder(folder)
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    assert sorted(p.name for p in (folder / ".flox/env").iterdir()) == ["manifest.lock", "manifest.toml"], "nothing is left lying about"
    laptop.floe("push", cwd=folder, check=True)
    assert len(shown(laptop, folder)[1]) == done + 2 and kill.killed > 0


def test_a_rollback_that_is_killed_happened_or_did_not(hub, laptop, owner):
    folder = pushed(laptop, "web", manifest(0))
    laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(1), check=True)
    kill = Killer(laptop, 2)
    for i in range(ROUNDS):
        _, history = shown(laptop, folder)
        kill("generations", "rollback", cwd=folder)
        text, after = shown(laptop, folder)
        assert len(after) in (len(history), len(history) + 1)
        assert text == manifest(int(after[-1]["current_generation"]) - 1)
        check_folder(folder)
    laptop.floe("push", cwd=folder, check=True)
    assert kill.killed > 0


def test_a_push_that_is_killed_loses_nothing_and_is_done_by_the_next(hub, laptop, other, owner):
    folder, there = pushed(laptop, "web", manifest(0)), other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    kill = Killer(laptop, 3)
    for i in range(1, ROUNDS + 1):
        laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(i), check=True)
        before = shown(laptop, folder)
        kill("push", cwd=folder)
        assert shown(laptop, folder) == before, "also what was not pushed"
        laptop.floe("push", cwd=folder, check=True)
        other.floe("pull", cwd=there)
        assert shown(other, there) == before
    assert kill.killed > 0


def test_a_first_push_that_is_killed_leaves_a_folder_that_can_be_pushed(hub, laptop, owner):
    kill = Killer(laptop, 4)
    for i in range(ROUNDS):
        folder = made(laptop, f"e{i}", manifest(i))
        kill("push", cwd=folder)
        assert laptop.floe("list", "-c", cwd=folder, check=True).stdout == manifest(i)
        done = laptop.floe("push", cwd=folder)
        if done.returncode != 0:  # the hub has it and the folder does not know
            assert "already exists!" in done.stderr
            laptop.floe("push", "--force", cwd=folder, check=True)
        assert "No changes to push" in laptop.floe("push", cwd=folder, check=True).stderr
    assert kill.killed > 0


def test_a_pull_that_is_killed_happened_or_did_not(hub, laptop, other, owner):
    folder, there = pushed(laptop, "web", manifest(0)), other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    kill = Killer(other, 5)
    for i in range(1, ROUNDS + 1):
        before = shown(other, there)
        laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(i), check=True)
        laptop.floe("push", cwd=folder, check=True)
        ended = kill("pull", cwd=there)
        now = shown(other, there)
        assert now in (before, shown(laptop, folder)) and (not ended or now != before)
        check_folder(there)
        other.floe("pull", cwd=there, check=True)
        assert shown(other, there) == shown(laptop, folder)
    assert kill.killed > 0


def test_a_first_pull_or_init_that_is_killed_leaves_a_whole_folder_or_none(hub, laptop, other, owner):
    pushed(laptop, "web")
    kill = Killer(other, 6)
    meta = other.home / ".local/share/flox/meta"
    for i in range(ROUNDS):
        shutil.rmtree(meta, ignore_errors=True)
        folder = other.folder(f"p{i}")
        kill(*(("pull", f"{owner.handle}/web") if i % 2 else ("init", "-b")), cwd=folder)
        if (folder / ".flox").exists():
            other.floe("list", "-c", cwd=folder, check=True)
        else:
            other.floe("pull", f"{owner.handle}/web", cwd=folder, check=True)
    assert kill.killed > 0


def killed_at(m, n, *args, cwd):
    """Kills floe when it is about to give a file its nth name: the instants between which a state can be half made."""
    calls = "rename,renameat,renameat2"
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={n}",
                           str(m.workshop.bin / "floe"), *map(str, args)], cwd=cwd, env={**m.env, "ASAN_OPTIONS": "detect_leaks=0"},
                          stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode in (0, -9, 137), (args, done.returncode, done.stderr)
    return done.returncode != 0


@pytest.fixture(scope="module")
def can_trace():
    if shutil.which("strace") is None or subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed, or may not trace here")


def test_killed_between_any_two_files_a_command_is_finished_or_did_not_begin(can_trace, hub, laptop, other, owner):
    folder, there = pushed(laptop, "web", manifest(0)), other.folder("web")
    other.floe("pull", f"{owner.handle}/web", cwd=there, check=True)
    n = done = points = 0
    for words in (("edit", "-f", laptop.work / "new.toml"), ("generations", "rollback"), ("push",)):
        for at in range(1, 40):
            n += 1
            (laptop.work / "new.toml").write_text(manifest(n))
            if words == ("push",):
                laptop.floe("edit", "-f", laptop.work / "new.toml", cwd=folder, check=True)
            text, history = shown(laptop, folder)
            was_killed = killed_at(laptop, at, *words, cwd=folder)
            now, after = shown(laptop, folder)
            assert after[:len(history)] == history and (now == text) == (after == history), (words, at)
            check_folder(folder)
            assert laptop.floe("push", cwd=folder).returncode == 0, (words, at)
            done += after != history
            points += was_killed
            if not was_killed:
                break
        else:
            pytest.fail("it never ends")
    assert done > 3 and points > 8, "some were finished by the next command"
    for at in range(1, 40):
        laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(n + at), check=True)
        laptop.floe("push", cwd=folder, check=True)
        before = shown(other, there)
        was_killed = killed_at(other, at, "pull", cwd=there)
        assert shown(other, there) in (before, shown(laptop, folder)), at
        check_folder(there)
        other.floe("pull", cwd=there, check=True)
        assert shown(other, there) == shown(laptop, folder)
        if not was_killed:
            break


def test_what_a_killed_command_left_is_swept_away_but_not_what_is_in_use(hub, laptop, owner):
    pushed(laptop, "web")
    folder, meta = laptop.folder("x"), laptop.home / ".local/share/flox/meta"
    old, young, other_name = folder / ".flox.aB3dE6", folder / ".flox.Zz9yX8", folder / ".flox.backup"
    for path in (old, young, other_name, meta / f".{owner.handle}.aB3dE6", meta / f"{owner.handle}.aB3dE6"):
        (path / "deep").mkdir(parents=True)
    os.utime(old, (0, 0))
    shutil.rmtree(clone_of(laptop, owner.handle))
    laptop.floe("pull", f"{owner.handle}/web", cwd=folder, check=True)
    assert sorted(p.name for p in folder.iterdir()) == [".flox", ".flox.Zz9yX8", ".flox.backup"]
    assert sorted(p.name for p in meta.iterdir()) == sorted([owner.handle, f"{owner.handle}.aB3dE6", f"{owner.handle}.lock"])
    junk = folder / ".flox/env/manifest.toml.aB3dE6"
    junk.write_text("x")
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    assert not junk.exists()


def test_an_edit_by_hand_after_a_crash_is_kept(laptop, owner):
    """The note of a move that a crash left names the manifest before it: another one is somebody's work."""
    folder = pushed(laptop, "web", manifest(0))
    laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(1), check=True)
    note = folder / ".flox/run/floe/moving"
    toml = folder / ".flox/env/manifest.toml"
    for text, rest in (("0" * 64, manifest(2)), ("-" * 64, manifest(3))):
        toml.write_text(rest)
        note.write_text(f"{env_lock(folder)['local_rev']} {text}")
        assert laptop.floe("list", "-c", cwd=folder, check=True).stdout == rest and not note.exists()
    for rubbish in ("", "x" * 5000, "\0" * 105):
        note.write_text(rubbish)
        laptop.floe("list", "-c", cwd=folder, check=True)
        assert not note.exists() and toml.read_text() == manifest(3)


# -- at once


def test_many_commands_at_once_in_one_folder_wait_for_each_other(hub, laptop, owner):
    folder = pushed(laptop, "busy", manifest(0))
    commands = [("edit", "-f", laptop.work / f"m{i}.toml") for i in range(8)] + [("push",), ("pull",), ("list",), ("generations", "rollback"),
                ("generations", "list"), ("envs",), ("activate", "--", "true"), ("push",)] * 2
    for i in range(8):
        (laptop.work / f"m{i}.toml").write_text(manifest(i + 1))
    random.Random(8).shuffle(commands)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda c: (c, laptop.floe(*c, cwd=folder)), commands))
    for words, d in done:
        assert d.returncode == 0 or words == ("generations", "rollback"), (words, d.stderr)
    text, history = shown(laptop, folder)
    assert sum(h["kind"] == "edit" for h in history) == 8, "none was lost"
    made = [h for h in history if h["kind"] == "edit"]
    assert text in [manifest(i) for i in range(9)] and len({h["current_generation"] for h in made}) == 8
    laptop.floe("push", cwd=folder, check=True)
    laptop.git("-C", clone_of(laptop, owner.handle), "fsck", "--strict", check=True)


def test_of_many_inits_and_pulls_into_one_folder_one_wins(hub, laptop, owner):
    pushed(laptop, "web")
    for n, words in enumerate((("init", "-b"), ("pull", f"{owner.handle}/web"))):
        folder = laptop.folder(f"race{n}")
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            done = list(pool.map(lambda _: laptop.floe(*words, cwd=folder), range(10)))
        assert sorted(d.returncode for d in done) == [0] + [1] * 9, [d.stderr for d in done]
        assert [p.name for p in folder.iterdir()] == [".flox"]
        laptop.floe("list", "-c", cwd=folder, check=True)


def test_many_folders_of_one_owner_at_once_share_its_clone(hub, laptop, owner):
    folders = [made(laptop, f"n{i}", manifest(i)) for i in range(10)]
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        done = list(pool.map(lambda f: laptop.floe("push", cwd=f), folders))
    assert [d.returncode for d in done] == [0] * 10, [d.stderr for d in done]
    laptop.git("-C", clone_of(laptop, owner.handle), "fsck", "--strict", check=True)
    assert [env_lock(f)["local_rev"] for f in folders] == [None] * 10


# -- folders that flox left


@pytest.fixture(scope="module")
def left(hub, workshop):
    """What the official client left on its machines, with a hub that has the same environments."""
    where = bench.need_shared("data/observed")
    m = bench.Machine(workshop, "observed")
    alice = hub.new_user("alice")
    hub.new_org(alice, "acme")
    for owner in ("alice", "acme"):
        m.run("git", "clone", "-q", "--mirror", where / f"floxmeta-{owner}.bundle", m.work / f"{owner}.git", check=True)
    m.run("tar", "-xf", where / "dot-flox-folders.tar", "-C", m.folder("folders"), check=True)
    return m, alice


def commits(m, owner, branch):
    return m.git("-C", m.work / f"{owner}.git", "rev-list", "--reverse", branch, check=True).stdout.split()


def place(left, machine, name, hub):
    m, alice = left
    laptop = machine("continued").login(alice)
    folder = laptop.folder(name)
    shutil.copytree(m.work / "folders" / name, folder, dirs_exist_ok=True)
    pointer = folder / ".flox/env.json"
    pointer.write_text(pointer.read_text().replace("http://hub.example/", hub.url + "/"))
    return laptop, folder


def test_unpushed_generations_of_flox_are_continued_and_pushed(hub, left, machine):
    """web: rev is what the hub had, local_rev what flox committed since; the paths in the recorded commits were renamed, so the
    ids are those of the bundle."""
    m, alice = left
    laptop, folder = place(left, machine, "web", hub)
    history = commits(m, "alice", "web")
    at = [c for c in history if m.git("-C", m.work / "alice.git", "show", f"{c}:4/env/manifest.toml").stdout
          == (folder / ".flox/env/manifest.toml").read_text()][0]
    rev = history[history.index(at) - 1]
    laptop.git("-C", m.work / "alice.git", "push", "-q", f"{hub.git_url}/alice/floxmeta", f"{rev}:refs/heads/web", hub=hub, owner="alice",
               token=alice.token, check=True)
    (folder / ".flox/env.lock").write_text(json.dumps({"version": 1, "rev": rev, "local_rev": at}, indent=2))
    lock = m.git("-C", m.work / "alice.git", "show", f"{at}:4/env/manifest.lock", check=True).stdout
    (folder / ".flox/env/manifest.lock").write_text(lock)
    # The clone as flox has it: the hub's branch, and the checkout's own.
    clone = clone_of(laptop, "alice")
    clone.parent.mkdir(parents=True)
    laptop.clone(hub, "alice", "web", clone, alice.token, check=True)
    laptop.git("-C", clone, "fetch", "-q", m.work / "alice.git", at, check=True)
    laptop.floe("list", "-c", cwd=folder, check=True)
    before = files(folder)
    listed = json.loads(laptop.floe("generations", "list", "--json", cwd=folder, check=True).stdout)
    assert list(listed) == ["1", "2", "3", "4"] and listed["4"]["last_live"] is None
    upstream = json.loads(laptop.floe("generations", "list", "--json", "-u", cwd=folder, check=True).stdout)
    assert list(upstream) == ["1", "2", "3"]
    assert files(folder) == before, "reading changes nothing"
    laptop.floe("edit", "-f", "-", cwd=folder, input=VARS, check=True)
    laptop.floe("push", cwd=folder, check=True)
    fresh = machine("fresh").login(alice)
    there = fresh.folder("web")
    fresh.floe("pull", "alice/web", cwd=there, check=True)
    seen = json.loads(fresh.floe("generations", "history", "--json", cwd=there, check=True).stdout)
    assert len(seen) == 7 and seen[-1]["command"][0] == "flox" and (there / ".flox/env/manifest.toml").read_text() == VARS
    # And what floe leaves is what flox looks for: rev alone, the branch by the path's hash, the old commits reachable.
    branches = laptop.git("-C", clone, "for-each-ref", "--format=%(refname:short)", "refs/heads", check=True).stdout.split()
    assert len([b for b in branches if re.fullmatch(r"web\.[0-9a-f]{8}", b)]) == 1
    laptop.git("-C", clone, "merge-base", "--is-ancestor", at, env_lock(folder)["rev"], check=True)


def test_checkouts_of_flox_without_changes_are_opened_edited_and_pushed(hub, left, machine):
    m, alice = left
    for owner, name in (("acme", "tools"), ("alice", "second"), ("alice", "default")):
        laptop = machine("pushes").login(alice)
        laptop.git("-C", m.work / f"{owner}.git", "push", "-q", f"{hub.git_url}/{owner}/floxmeta", f"{name}:{name}", hub=hub, owner=owner,
                   token=alice.token, check=True)
        folder = laptop.folder("w")
        laptop.floe("pull", f"{owner}/{name}", cwd=folder, check=True)
        recorded = m.git("-C", m.work / f"{owner}.git", "show", f"{name}:1/env/manifest.lock", check=True).stdout
        assert (folder / ".flox/env/manifest.lock").read_text() == recorded
        laptop.floe("edit", "-f", "-", cwd=folder, input=VARS, check=True)
        laptop.floe("push", cwd=folder, check=True)
    laptop, folder = place(left, machine, "org", hub)
    tools = commits(m, "acme", "tools")[-1]
    (folder / ".flox/env.lock").write_text(json.dumps({"version": 1, "rev": tools, "local_rev": None}, indent=2))
    before = files(folder)
    laptop.floe("list", cwd=folder, check=True)
    assert "acme" in laptop.floe("envs", check=True).stdout and files(folder) == before
    assert "Pulled acme/tools" in laptop.floe("pull", cwd=folder, check=True).stderr, "what was pushed since"


@pytest.mark.parametrize("name", ["bob2", "cons", "proj"])
def test_path_environments_of_flox_are_read_and_edited_without_touching_what_is_not_edited(hub, left, machine, name):
    laptop, folder = place(left, machine, name, hub)
    before = files(folder)
    for words in (("list",), ("list", "-c"), ("list", "-a"), ("list", "--json"), ("activate", "-t", "--", "true")):
        assert laptop.floe(*words, cwd=folder).returncode == 0, words
    assert files(folder) == before, "no lock was written again, no file was added"
    text = (folder / ".flox/env/manifest.toml").read_text()
    done = laptop.floe("edit", "-f", "-", cwd=folder, input=text + "\n# one more line\n")
    assert done.returncode == 0, done.stderr
    lock = json.loads((folder / ".flox/env/manifest.lock").read_text())
    assert lock["packages"] == json.loads(before[".flox/env/manifest.lock"])["packages"]


# -- round trips


def test_push_and_pull_ask_no_more_than_two_requests_over_what_the_protocol_needs(hub, laptop, other, owner):
    """What it needs: an advertisement and a request each for what is sent, what is listed and what is fetched. See
    docs/internals/client.md for the numbers."""
    counts = {}

    def count(what, m, *words, cwd):
        start = len(hub.access_log())
        m.floe(*words, cwd=cwd, check=True)
        bench.wait_for(lambda: len(hub.access_log()) > start or what == "nothing")
        time.sleep(0.1)
        counts[what] = len(hub.access_log()) - start

    folder, there, again = made(laptop, "web"), other.folder("web"), other.folder("again")
    count("first push", laptop, "push", cwd=folder)
    count("push of nothing", laptop, "push", cwd=folder)
    count("first pull", other, "pull", f"{owner.handle}/web", cwd=there)
    count("first pull, clone there", other, "pull", f"{owner.handle}/web", cwd=again)
    count("pull of nothing", other, "pull", cwd=there)
    laptop.floe("edit", "-f", "-", cwd=folder, input=EMPTY, check=True)
    count("push of a generation", laptop, "push", cwd=folder)
    count("pull of a generation", other, "pull", cwd=there)
    needed = {"first push": 2, "push of nothing": 2, "first pull": 3, "first pull, clone there": 2, "pull of nothing": 2,
              "push of a generation": 2, "pull of a generation": 3}
    assert counts == {"first push": 2, "push of nothing": 2, "first pull": 3, "first pull, clone there": 2, "pull of nothing": 2,
                      "push of a generation": 4, "pull of a generation": 3}
    assert all(counts[what] <= needed[what] + 2 for what in needed)
