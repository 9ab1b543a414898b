#!/usr/bin/env python3
"""Measures resolves over the wire: groups of 60 packages for three systems, over a catalog of 50 pages in which a twentieth
of the rows is new on each, asked by 8 connections at once.

    tests/bench/resolves.py            by itself; tests/run bench runs it too

Two hundred groups are asked for in turn, so that what the hub keeps of packages helps. What a hub has never been asked for
is measured too, one by one.
"""

import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import bench  # noqa: E402
from catalog_data import pages  # noqa: E402
from load import load  # noqa: E402

NAMES = int(os.environ.get("FLOE_BENCH_NAMES", "3000"))  # nixpkgs has 120,000; filling it takes some ten minutes
PAGES, PACKAGES, GROUPS, CONNECTIONS, SECONDS = 50, 60, 200, 8, 5
SYSTEMS = ["aarch64-darwin", "aarch64-linux", "x86_64-linux"]
ROUTE = "/api/v1/catalog/resolve"


def fill(hub):
    """Imports all pages; the packages of the newest that nothing speaks against."""
    argv, last = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "-", "--data", str(hub.data)], b""
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=hub.environment(), cwd="/",
                         **hub.workshop.service())
    for last, _ in pages(NAMES, PAGES, 0.05):
        p.stdin.write(last)
    p.stdin.close()
    assert p.wait() == 0
    found = {}
    for row in map(json.loads, last.splitlines()):
        if not (row["broken"] or row["insecure"] or row["missing_builds"]):
            found.setdefault(row["attr_path"], set()).add(row["system"])
    return sorted(a for a, systems in found.items() if systems >= set(SYSTEMS))


def body(attrs):
    """As the official client sends it: a descriptor for each system."""
    flags = dict.fromkeys(("allow_broken", "allow_insecure", "allow_pre_releases", "allow_unfree"))
    descriptors = [{"install_id": a, "attr_path": a, "systems": [s], **flags} for a in attrs for s in SYSTEMS]
    return json.dumps({"items": [{"name": "toplevel", "descriptors": descriptors}]}).encode()


def ask(connection, what):
    t = time.perf_counter()
    connection.request("POST", ROUTE, what, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    ms = (time.perf_counter() - t) * 1e3
    assert answer.status == 200, text[:300]
    return ms, text


def connect(hub):
    return http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)


def p99(times):
    return sorted(times)[max(0, len(times) * 99 // 100 - 1)]


def resolves(workshop, row, pattern=""):
    name = f"resolve of {PACKAGES} packages over {PAGES} pages"
    if pattern not in name:
        return
    with bench.Hub(workshop) as hub:
        attrs, r = fill(hub), random.Random(1)
        r.shuffle(attrs)
        connection = connect(hub)
        ask(connection, body(attrs[:1]))  # the pages are known then, as after any resolve
        fresh = [ask(connection, body(attrs[i:i + PACKAGES])) for i in range(1, min(len(attrs) - PACKAGES, 200 * PACKAGES), PACKAGES)]
        for _, text in fresh:
            group = json.loads(text)["items"][0]
            assert group["page"] and len(group["page"]["packages"]) == PACKAGES * len(SYSTEMS), group["messages"]
        row(f"{name}, never asked for, ms", p99([ms for ms, _ in fresh]), 100,
            f"p99 of {len(fresh)}, one by one; median {statistics.median(ms for ms, _ in fresh):.2f}", most=True)
        bodies = [body(r.sample(attrs, PACKAGES)) for _ in range(GROUPS)]
        request = dict(method="POST", bodies=bodies, headers={"Content-Type": "application/json"})
        load(workshop, hub.base + ROUTE, CONNECTIONS, 1, **request)
        rate, late = load(workshop, hub.base + ROUTE, CONNECTIONS, SECONDS, **request)
        row(f"{name}, {CONNECTIONS} at once, ms", late, 50, f"p99 of {rate * SECONDS:.0f}; {rate:.0f} a second", most=True)


def main():
    short = []

    def row(name, value, bar, note, most=False):
        met = value <= bar if most else value >= bar
        short.extend([] if met else [name])
        print(f"{'ok   ' if met else 'SHORT'} {name:<60} {value:8.2f}  (bar <= {bar})  {note}", flush=True)

    with bench.Workshop(where=None) as workshop:
        resolves(workshop, row)
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
