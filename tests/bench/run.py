#!/usr/bin/env python3
"""Measures Floe against nginx + fcgiwrap + `git http-backend` on the same data in the same run.

    tests/run bench [PATTERN]       rows whose name contains PATTERN

Both sides are set up fairly: git's repository is fully repacked, fcgiwrap has four workers, both write durably
(fsync on), both are asked by the same wrk with the same request bodies over loopback, in alternating rounds. Floe checks
tokens and visibility on every request, git http-backend checks nothing. Figures are ratios of requests per second
(medians of the rounds); the machine runs client and servers on the same cores, so absolute figures mean little.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import bench  # noqa: E402
from catalog_import import catalog_imports  # noqa: E402
from catalog_read import catalog_read  # noqa: E402
from lists import lists  # noqa: E402
from load import load  # noqa: E402
from peer import GitPeer  # noqa: E402
from resolves import resolves  # noqa: E402

ROUNDS = int(os.environ.get("FLOE_BENCH_ROUNDS", "3"))
SECONDS = int(os.environ.get("FLOE_BENCH_SECONDS", "2"))
PATTERN = sys.argv[1] if len(sys.argv) > 1 else ""
LOCK_SIZE = 75_000
rows = []


def pkt(text):
    return f"{len(text) + 4:04x}{text}"


def fetch_body(wants, haves=(), done=True):
    """A protocol v2 fetch as git sends it."""
    out = pkt("command=fetch") + pkt("agent=git/2.47.3") + pkt("object-format=sha1") + "0001"
    out += pkt("thin-pack") + pkt("no-progress") + pkt("include-tag") + pkt("ofs-delta")
    out += "".join(pkt(f"want {w}\n") for w in wants) + "".join(pkt(f"have {h}\n") for h in haves)
    return (out + (pkt("done\n") if done else "") + "0000").encode()


LS_REFS = (pkt("command=ls-refs\n") + pkt("agent=git/2.47.3") + pkt("object-format=sha1") + "0001" + pkt("peel\n")
           + pkt("symrefs\n") + pkt("ref-prefix refs/heads/e1\n") + pkt("ref-prefix refs/tags/\n") + "0000").encode()


def wrk(url, connections, seconds, method="GET", bodies=(b"",), headers=None):
    return load(workshop, url, connections, seconds, method, bodies, headers)


def versus(name, bar, ours, theirs, connections=8, **request):
    """A row: the same request to both, in alternating rounds."""
    if PATTERN not in name:
        return
    a, b, p99 = [], [], []
    for side in (ours, theirs):
        wrk(connections=connections, seconds=1, url=side[0], headers={**request.get("headers", {}), **side[1]},
            method=request.get("method", "GET"), bodies=request.get("bodies", (b"",)))
    for _ in range(ROUNDS):
        for side, rates in ((ours, a), (theirs, b)):
            rate, late = wrk(side[0], connections, SECONDS, request.get("method", "GET"), request.get("bodies", (b"",)),
                             {**request.get("headers", {}), **side[1]})
            rates.append(rate)
            if side is ours:
                p99.append(late)
    ours_rate, theirs_rate = statistics.median(a), statistics.median(b)
    row(name, ours_rate / theirs_rate, bar, f"{ours_rate:,.0f}/s against {theirs_rate:,.0f}/s, p99 {statistics.median(p99):.1f} ms")


def row(name, value, bar, note, most=False):
    met = value <= bar if most else value >= bar
    rows.append({"name": name, "value": round(value, 2), "bar": bar, "kind": "at most" if most else "at least",
                 "met": bool(met), "note": note})
    print(f"{'ok   ' if met else 'SHORT'} {name:<44} {value:10.2f}  (bar {'<=' if most else '>='} {bar})  {note}", flush=True)


def big_lock(generation):
    """A lock of about 75 KB of which a generation changes a few packages, as an install or upgrade does."""
    packages = []
    for i in range(95):
        seed = i if i != generation % 95 else i + 1000 * generation
        digest = __import__("hashlib").sha256(str(seed).encode()).hexdigest()
        packages.append({"attr_path": f"package{i}", "broken": False, "derivation": f"/nix/store/{digest[:32]}-package{i}-1.{seed}.drv",
                         "description": f"The package number {i}, which does what its name says", "install_id": f"package{i}",
                         "license": "MIT", "locked_url": f"https://github.com/flox/nixpkgs?rev={digest[:40]}", "name": f"package{i}-1.{seed}",
                         "outputs": {"out": f"/nix/store/{digest[32:]}-package{i}-1.{seed}"}, "outputs_to_install": ["out"],
                         "pname": f"package{i}", "rev": digest[:40], "rev_count": 700000 + seed, "rev_date": "2026-08-01T00:00:00Z",
                         "scrape_date": "2026-08-02T00:00:00Z", "stabilities": ["stable", "unstable"], "system": "x86_64-linux",
                         "unfree": False, "version": f"1.{seed}"})
    return json.dumps({"lockfile-version": 1, "manifest": {"schema-version": "1.15.0", "options": {}}, "packages": packages}, indent=2)


def make_data(hub, peer, machine, user):
    """20 branches of 30 generations, and `big`: 100 generations with a 75 KB lock, each pushed by itself."""
    tips = {}
    for n in range(20):
        env = bench.Environment(machine, f"e{n}")
        env.generation()
        env.edit(28)
        before = env.tip
        tips[env.name] = (before, env.edit(1))
        for url, token in ((f"{hub.git_url}/{user.handle}/floxmeta", user.token), (peer.repo, "")):
            machine.git("-C", env.repo, "push", "-q", url, f"HEAD:refs/heads/{env.name}", hub=hub, owner=user.handle, token=token, check=True)
    env = bench.Environment(machine, "big")
    for n in range(100):
        env.generation(lock=big_lock(n), at=env.at + 60, manifest=f'schema-version = "1.15.0"\n# {n}\n')
        machine.push(hub, user.handle, env.repo, "HEAD:big", user.token, check=True)
    machine.git("-C", env.repo, "push", "-q", peer.repo, "HEAD:refs/heads/big", check=True)
    tips["big"] = (None, env.tip)
    subprocess.run(["git", "-C", peer.repo, "repack", "-adq"], check=True)
    return tips


def rss(pid):
    return int(next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS")).split()[1]) / 1024


class Peak(threading.Thread):
    """The largest resident size of a process while it is watched, and how late /healthz answers beside it."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.most, self.late, self.stop = hub, 0, [], False
        self.start()

    def run(self):
        c = http.client.HTTPConnection("127.0.0.1", self.hub.port, timeout=30)
        while not self.stop:
            self.most = max(self.most, rss(self.hub.process.pid))
            t = time.perf_counter()
            c.request("GET", "/healthz")
            c.getresponse().read()
            self.late.append((time.perf_counter() - t) * 1e3)
            time.sleep(0.01)

    def end(self):
        self.stop = True
        self.join()
        return self.most, sorted(self.late)[len(self.late) * 99 // 100]


def pushes(machine, user, hub, peer):
    """One commit after the other onto one branch: prepared bodies, replayed to both sides over one connection."""
    if PATTERN not in "push of one commit":
        return
    count = 150
    env = bench.Environment(machine, "pushed")
    env.generation()
    tips = [env.tip]
    for side in (f"{hub.git_url}/{user.handle}/floxmeta", peer.repo):
        machine.git("-C", env.repo, "push", "-q", side, "HEAD:refs/heads/pushed", hub=hub, owner=user.handle, token=user.token, check=True)
    bodies = []
    for _ in range(count):
        tips.append(env.edit(1))
        pack = subprocess.run(["git", "-C", env.repo, "pack-objects", "--revs", "--stdout", "-q"], capture_output=True,
                              input=f"{tips[-1]}\n^{tips[-2]}\n".encode(), check=True).stdout
        command = f"{tips[-2]} {tips[-1]} refs/heads/pushed\0 report-status side-band-64k object-format=sha1 agent=git/2.47.3"
        bodies.append(pkt(command).encode() + b"0000" + pack)
    sides = {"ours": (hub.port, f"/git/{user.handle}/floxmeta/git-receive-pack", basic(user.token)),
             "theirs": (peer.port, "/git/floxmeta.git/git-receive-pack", {})}
    connections = {k: http.client.HTTPConnection("127.0.0.1", v[0], timeout=60) for k, v in sides.items()}
    times = {"ours": [], "theirs": []}
    for body in bodies:
        for name, (_, path, auth) in sides.items():
            c = connections[name]
            t = time.perf_counter()
            c.request("POST", path, body, {"Content-Type": "application/x-git-receive-pack-request", **auth})
            answer = c.getresponse()
            text = answer.read()
            times[name].append(time.perf_counter() - t)
            assert answer.status == 200 and b"ok refs/heads/pushed" in text, (name, answer.status, text[:500])
    ours, theirs = (statistics.median(times[k]) * 1e3 for k in ("ours", "theirs"))
    row("push of one commit", theirs / ours, 5, f"{ours:.2f} ms against {theirs:.2f} ms, fsync on both sides")


def basic(token):
    import base64
    return {"Authorization": "Basic " + base64.b64encode(f"oauth:{token}".encode()).decode()}


def first_clone_bytes(machine, hub, user, peer):
    if PATTERN not in "bytes of a first clone":
        return
    machine.clone(hub, user.handle, "big", "ours.git", user.token, check=True)
    machine.git("clone", "-q", "--bare", "--single-branch", "--branch", "big", f"file://{peer.repo}", "theirs.git", check=True)
    machine.git("-C", "theirs.git", "repack", "-adq", check=True)
    size = {k: sum(p.stat().st_size for p in (machine.work / f"{k}.git/objects/pack").glob("*.pack")) for k in ("ours", "theirs")}
    row("bytes of a first clone / git repack -ad", size["ours"] / size["theirs"], 1.5,
        f"{size['ours']:,} against {size['theirs']:,}", most=True)


def memory(hub, user, tips):
    if PATTERN not in "memory":
        return
    time.sleep(12)  # idle: what a burst took is given back within some seconds
    row("memory idle, MB", rss(hub.process.pid), 32, "floe-server, after the rows above", most=True)
    peak = Peak(hub)
    wrk(f"{hub.git_url}/{user.handle}/floxmeta/git-upload-pack", 64, 5, "POST", [fetch_body([tips["big"][1]])],
        {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2", **basic(user.token)})
    most, late = peak.end()
    row("memory under 64 concurrent clones, MB", most, 256, f"/healthz p99 {late:.1f} ms", most=True)


def largest_pushes(workshop_):
    """64 pushes at once, each as large as a push may be: incompressible blobs in a pack of just under the limit."""
    if PATTERN not in "memory under 64 concurrent pushes":
        return
    import hashlib
    import struct
    import zlib
    with bench.Hub(workshop_, "--owner-quota", "0") as hub:
        user = hub.new_user()
        machine = bench.Machine(workshop_, "large")
        env = bench.Environment(machine, "large")
        env.generation()
        blobs = [os.urandom(15_500_000) for _ in range(4)]
        oids = [hashlib.sha1(b"blob %d\0" % len(b) + b).hexdigest() for b in blobs]
        for n, oid in enumerate(oids):
            machine.git("-C", env.repo, "update-index", "--add", "--cacheinfo", f"100644,{oid},big{n}", check=True, env={})
        tree = machine.git("-C", env.repo, "write-tree", "--missing-ok", check=True).stdout.strip()
        commit = machine.git("-C", env.repo, "commit-tree", tree, "-m", "large", check=True).stdout.strip()
        objects = machine.git("-C", env.repo, "rev-list", "--objects", "--missing=allow-any", commit, check=True).stdout.split("\n")
        small = [o.split()[0] for o in objects if o and o.split()[0] not in oids]
        pack = subprocess.run(["git", "-C", env.repo, "pack-objects", "--stdout", "-q"], input="\n".join(small).encode(),
                              capture_output=True, check=True).stdout
        count = struct.unpack(">I", pack[8:12])[0] + len(blobs)
        body = b"PACK" + struct.pack(">II", 2, count) + pack[12:-20]
        for b in blobs:
            size, head = len(b), []
            byte = 3 << 4 | size & 15
            size >>= 4
            while size:
                head.append(byte | 0x80)
                byte, size = size & 0x7F, size >> 7
            body += bytes([*head, byte]) + zlib.compress(b, 0)
        body += hashlib.sha1(body).digest()

        def push(n, out):
            command = pkt(f"{'0' * 40} {commit} refs/heads/large{n}\0 report-status side-band-64k object-format=sha1")
            c = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=600)
            try:
                c.request("POST", f"/git/{user.handle}/floxmeta/git-receive-pack", command.encode() + b"0000" + body,
                          {"Content-Type": "application/x-git-receive-pack-request", **basic(user.token)})
                a = c.getresponse()
                out.append((a.status, a.read()))
            except OSError as e:
                out.append((0, str(e).encode()))

        answers, threads = [], []
        peak = Peak(hub)
        for n in range(64):
            threads.append(threading.Thread(target=push, args=(n, answers)))
            threads[-1].start()
        for t in threads:
            t.join()
        most, late = peak.end()
        fine = sum(1 for s, text in answers if s == 200 and b"ok refs/heads/large" in text)
        busy = sum(1 for s, _ in answers if s == 503)
        other = {(s, t[:120]) for s, t in answers if not (s == 503 or (s == 200 and b"ok refs/heads/large" in t))}
        row("memory under 64 concurrent pushes, MB", most, 256,
            f"{len(body) / 1e6:.0f} MB each, {fine} accepted, {busy} told to come again, other {other or 0}; /healthz p99 {late:.1f} ms", most=True)


def start_times(workshop_):
    if PATTERN not in "start":
        return
    hub = bench.Hub(workshop_, start=False)
    t = time.perf_counter()
    hub.start()
    row("start, the very first, s", time.perf_counter() - t, 10, "to the first answer of /readyz", most=True)
    times = []
    for _ in range(3):
        hub.stop()
        t = time.perf_counter()
        hub.start()
        times.append(time.perf_counter() - t)
    hub.stop()
    row("start, with an existing database, s", statistics.median(times), 1, "to the first answer of /readyz", most=True)


def git_rows(machine, hub, small_cache, user, peer):
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert hub.sql(f"show {setting}") == "on", setting
    tips = make_data(hub, peer, machine, user)
    token = basic(user.token)
    up = {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"}
    ours, theirs = f"{hub.git_url}/{user.handle}/floxmeta", f"http://127.0.0.1:{peer.port}/git/floxmeta.git"
    versus("info/refs, v2", 20, (f"{ours}/info/refs?service=git-upload-pack", token),
           (f"{theirs}/info/refs?service=git-upload-pack", {}), headers={"Git-Protocol": "version=2"})
    versus("info/refs, v0", 20, (f"{ours}/info/refs?service=git-upload-pack", token),
           (f"{theirs}/info/refs?service=git-upload-pack", {}))
    post = {"method": "POST", "headers": up}
    pair = lambda: ((f"{ours}/git-upload-pack", token), (f"{theirs}/git-upload-pack", {}))  # noqa: E731
    versus("ls-refs, v2", 20, *pair(), bodies=[LS_REFS], **post)
    history = {name: machine.git("-C", peer.repo, "rev-list", name, check=True).stdout.split() for name in tips}
    ones = [fetch_body([new], [old], done=False) for name in tips if name != "big" for new, old in zip(history[name], history[name][1:])]
    clones = [fetch_body([commit]) for commit in history["big"][:60]]
    versus("fetch of one new commit, repeated", 25, *pair(), bodies=ones[:1], **post)
    versus("first clone of 100 generations, repeated", 25, *pair(), bodies=clones[:1], **post)
    # First answers: many requests in turn, and a cache of built packs that is too small to still have them.
    hub.stop()
    hub.settings = small_cache
    hub.start()
    versus("fetch of one new commit", 5, *pair(), bodies=ones, **post)
    versus("first clone after a push", 2, *pair(), bodies=clones, **post)
    hub.stop()
    hub.settings = ()
    hub.start()
    first_clone_bytes(machine, hub, user, peer)
    pushes(machine, user, hub, peer)
    memory(hub, user, tips)


if __name__ == "__main__":
    with bench.Workshop(where=None) as workshop:
        shown = subprocess.run(["nproc"], capture_output=True, text=True).stdout.strip()
        print(f"{shown} cores, client and servers together; {ROUNDS} rounds of {SECONDS} s; ratios are Floe / git http-backend")
        machine = bench.Machine(workshop, "bench")
        with GitPeer(workshop) as peer, bench.Hub(workshop) as hub:
            git_rows(machine, hub, ("--cache-size", "1M"), hub.new_user(), peer)
        lists(workshop, row, PATTERN)
        catalog_imports(workshop, row, PATTERN)
        resolves(workshop, row, PATTERN)
        catalog_read(workshop, row, PATTERN)
        start_times(workshop)
        largest_pushes(workshop)
    out = bench.BUILD / "bench.json"
    out.write_text(json.dumps(rows, indent=1))
    short = [r["name"] for r in rows if not r["met"]]
    print(f"{len(rows) - len(short)} of {len(rows)} bars met" + (f"; short: {', '.join(short)}" if short else ""))
    sys.exit(bool(short) or not rows)
