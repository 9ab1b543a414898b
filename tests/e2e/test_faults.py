"""What is acknowledged stays: kill -9 of the hub and of PostgreSQL at random instants, a lost cache, a full disk."""

import base64
import os
import random
import shutil
import socket
import subprocess
import threading
import time

import pytest

import bench
from shelf import Shelf

ROUNDS = int(os.environ.get("FLOE_ROUNDS", "20"))


def tip_of(m, hub, owner, branch):
    out = m.git("ls-remote", f"{hub.git_url}/{owner.handle}/floxmeta", f"refs/heads/{branch}", hub=hub, owner=owner.handle,
                token=owner.token, check=True).stdout
    return out.split()[0] if out else None


class Pusher(threading.Thread):
    """Pushes one generation after the other and remembers what was acknowledged."""

    def __init__(self, m, hub, owner, env):
        super().__init__()
        self.m, self.hub, self.owner, self.env = m, hub, owner, env
        self.acknowledged, self.tried, self.stop = env.tip, env.tip, threading.Event()

    def run(self):
        while not self.stop.is_set():
            self.tried = self.env.edit()
            done = self.m.push(self.hub, self.owner.handle, self.env.repo, f"HEAD:{self.env.name}", self.owner.token)
            if done.returncode != 0:
                return
            self.acknowledged = self.tried


def crash_rounds(hub, machine, strike, recover):
    owner, m = hub.new_user(), machine()
    env = bench.Environment(m, "web")
    env.generation()
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    rng = random.Random(7)
    for round_ in range(ROUNDS):
        pusher = Pusher(m, hub, owner, env)
        pusher.start()
        time.sleep(rng.uniform(0.02, 0.5))
        struck = strike(hub)
        pusher.stop.set()
        recover(hub, struck)
        pusher.join()
        # The branch is where the last acknowledged push, or the one whose answer was lost, put it. Nothing between.
        now = tip_of(m, hub, owner, "web")
        assert now in (pusher.acknowledged, pusher.tried), (round_, now, pusher.acknowledged, pusher.tried)
        into = m.work / f"check{round_}.git"
        m.clone(hub, owner.handle, "web", into, owner.token, check=True)
        m.git("-C", into, "fsck", "--strict", check=True)
        shutil.rmtree(into)
        m.git("-C", env.repo, "reset", "-q", "--hard", now, check=True)
        sync(env, now)
    hub.admin("fsck", "--deep")


def sync(env, tip):
    """Sets the environment's own idea of its history back to what the tip says."""
    metadata = bench.json.loads(env._git("show", f"{tip}:metadata.json"))
    env.history, env.total = metadata["history"], metadata["total_generations"]
    env.live = int(env.history[-1]["current_generation"])


def test_killing_the_hub_at_random_instants_loses_no_acknowledged_push(fresh_hub, machine):
    def strike(hub):
        hub.kill()

    def recover(hub, _):
        hub.start()

    crash_rounds(fresh_hub, machine, strike, recover)


def test_killing_postgresql_at_random_instants_loses_no_acknowledged_push(fresh_hub, machine):
    def strike(hub):
        return hub.kill_postgres()

    def recover(hub, killed):
        # A backend outlives its postmaster for a moment and could still answer /readyz.
        bench.wait_for(lambda: hub.postgres_pid() not in (None, killed), 60)
        hub.wait_ready(60)

    crash_rounds(fresh_hub, machine, strike, recover)


def test_the_live_database_is_durable(hub):
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert hub.sql(f"show {setting}") == "on"
    roles = hub.sql("select distinct setting from pg_settings where name in ('fsync','full_page_writes','synchronous_commit')")
    assert roles == "on"


def test_a_lost_cache_loses_nothing(fresh_hub, machine):
    hub, m = fresh_hub, machine()
    owner = hub.new_user()
    env = bench.Environment(m, "web")
    env.generation()
    env.edit(5)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    for running in (True, False):
        if not running:
            hub.stop()
        for folder in ("git", "cache", "tmp"):
            shutil.rmtree(hub.data / folder, ignore_errors=True)
        if not running:
            hub.start()
        into = m.work / f"after-{running}.git"
        m.clone(hub, owner.handle, "web", into, owner.token, check=True)
        assert m.git("-C", into, "rev-parse", "web", check=True).stdout.strip() == env.tip
        env.edit()
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)


def test_a_push_that_is_cut_off_in_the_middle_leaves_no_trace(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "cut")
    env.generation()
    pack = subprocess.run(["git", "-C", env.repo, "pack-objects", "--revs", "--stdout", "-q"], input=f"{env.tip}\n".encode(),
                          capture_output=True, check=True).stdout
    command = f"{'0' * 40} {env.tip} refs/heads/cut\0 report-status side-band-64k"
    body = f"{len(command) + 4:04x}{command}0000".encode() + pack
    authorization = "Basic " + bench.base64.b64encode(f"oauth:{owner.token}".encode()).decode()
    head = (f"POST /git/{owner.handle}/floxmeta/git-receive-pack HTTP/1.1\r\nHost: hub\r\nAuthorization: {authorization}\r\n"
            f"Content-Type: application/x-git-receive-pack-request\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    packs = hub.sql("select count(*) from git_pack")
    for share in (0.3, 0.6, 0.99):
        hub.raw(head + body[:int(len(body) * share)], close=True, timeout=5)
    assert tip_of(m, hub, owner, "cut") is None
    assert hub.sql("select count(*) from git_pack") == packs
    left = [p for p in (hub.data / "tmp").rglob("*")] if (hub.data / "tmp").exists() else []
    bench.wait_for(lambda: not [p for p in left if p.exists()], 5)


@pytest.fixture
def small_disk(workshop):
    """small_disk("180m"): a folder on a file system of that size, which is gone after the test."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can only be mounted by root")
    made = []

    def mount(size):
        data = workshop.folder("small")
        options = "size=%s,mode=700,uid=%d,gid=%d" % (size, data.stat().st_uid, data.stat().st_gid)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", data], capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip("no file system can be mounted here: " + mounted.stderr.strip())
        made.append(data)
        return data

    yield mount
    for data in made:
        subprocess.run(["umount", "-l", data])


def test_on_a_full_disk_pushes_are_refused_with_a_reason_and_work_again_when_there_is_room(small_disk, new_hub, machine):
    data = small_disk("180m")
    try:
        hub = new_hub(data=data)
        owner, m = hub.new_user(), machine()
        env = bench.Environment(m, "web")
        env.generation()
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
        acknowledged = env.tip
        filler = data / "filler"
        with open(filler, "wb") as f:
            try:
                while True:
                    f.write(b"x" * 65536)
                    f.flush()
            except OSError:
                pass
        env.generation(lock=bench.EMPTY_LOCK + "\n" + "".join(random.Random(1).choices("abcdefgh", k=3_000_000)))
        done = m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token)
        assert done.returncode != 0, (done.stdout, done.stderr)
        filler.unlink()
        hub.wait_ready(60)
        assert tip_of(m, hub, owner, "web") == acknowledged
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
        assert tip_of(m, hub, owner, "web") == env.tip
        hub.admin("fsck", "--deep")
    finally:
        hub.stop()


def test_bodies_that_are_still_coming_do_not_take_the_last_room_on_the_disk(small_disk, new_hub, machine):
    data = small_disk("240m")
    slow = []
    try:
        hub = new_hub(data=data)
        owner, stranger, m = hub.new_user(), hub.new_user(), machine()
        head = (f"POST /git/{owner.handle}/floxmeta/git-receive-pack HTTP/1.1\r\nHost: h\r\nContent-Length: 62000000\r\n"
                f"Authorization: Basic {base64.b64encode(f'oauth:{stranger.token}'.encode()).decode()}\r\n\r\n").encode()
        for _ in range(6):
            s = socket.create_connection(("127.0.0.1", hub.port), timeout=10)
            slow.append(s)
            try:
                s.sendall(head + bytes(61_000_000))
            except OSError:
                pass
        assert os.statvfs(data).f_bavail * os.statvfs(data).f_frsize > 30_000_000
        env = bench.Environment(m, "web")
        env.generation()
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    finally:
        for s in slow:
            s.close()
        hub.stop()


def test_answers_that_wait_for_their_client_do_not_take_the_last_room_on_the_disk(small_disk, new_hub):
    data = small_disk("240m")
    slow = []
    try:
        hub = new_hub(data=data)
        shelf = Shelf(hub)
        shelf.page(100, ["stable"], [shelf.row(f"item{i}", "1", systems=["x86_64-linux"], description="d" * 8000) for i in range(1200)])
        shelf.publish()
        ask = "GET /api/v1/catalog/search?system=x86_64-linux&search_term=item&pageSize=10000 HTTP/1.1\r\nHost: h\r\n\r\n"
        for _ in range(30):  # ten megabytes each, of which the kernel takes some
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", hub.port))
            s.sendall(ask.encode())
            slow.append(s)
        bench.wait_for(lambda: hub.log().count('"route":"catalog.search"') > 0 and '"status":503' in hub.log(), timeout=60)
        assert os.statvfs(data).f_bavail * os.statvfs(data).f_frsize > 40_000_000
        # What is small needs no room.
        assert hub.http("/api/v1/catalog/search?system=x86_64-linux&search_term=item&pageSize=1").status == 200
        refused = hub.http("/api/v1/catalog/search?system=x86_64-linux&search_term=item&pageSize=10000")
        assert refused.status == 503 and "disk is full" in refused.json["detail"]
        hub.new_user()
    finally:
        for s in slow:
            s.close()
        hub.stop()


def test_a_second_hub_on_the_same_folder_is_refused(hub, workshop):
    second = bench.Hub(workshop, start=False, data=hub.data)
    second.log_path = workshop.dir / "second.log"
    second.start(wait=False)
    assert second.process.wait(30) == 1
    second.process = None
    assert "another floe-server is using the data folder" in second.log().lower(), second.log()


def test_sigterm_drains_and_stops_within_its_time(new_hub, machine):
    hub = new_hub()
    owner, m = hub.new_user(), machine()
    env = bench.Environment(m, "web")
    env.generation()
    env.edit(3)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    postgres = hub.postgres_pid()
    t = time.monotonic()
    assert hub.stop() == 0
    assert time.monotonic() - t < 15 * bench.SLOW
    assert not os.path.exists(f"/proc/{postgres}"), "PostgreSQL was left running"
