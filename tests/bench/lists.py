#!/usr/bin/env python3
"""Measures lists of environments in pages over the wire: an owner of 10,000, as seen by those who may see all, a tenth
or nothing of them, and what one environment costs beside so many.

    tests/bench/lists.py            by itself; tests/run bench runs it too

Environments are rows here: a list reads nothing else. Their count must not show in what a page costs, so the same is
measured with an owner of a hundred.
"""

import http.client
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import bench  # noqa: E402

MANY, FEW, WALKS = 10_000, 100, 5


def fill(hub, owner, n):
    """One in ten is public, the rest private; each with its generations, as a push leaves them."""
    hub.sql(f"""with o as (select id from owner where handle = '{owner}'),
                made as (insert into environment (owner_id, name, visibility, tip)
                         select o.id, 'env-' || i, case when i % 10 = 0 then 1 else 4 end, substr(sha256(i::text::bytea), 1, 20)
                         from o, generate_series(1, {n}) i returning id, tip)
                insert into generation_metadata (env_id, tip, version, total, live) select id, tip, 2, 3, 3 from made""")
    hub.sql("analyze")


def ask(connection, path, token):
    t = time.perf_counter()
    connection.request("GET", path, headers={"Authorization": f"bearer {token}"} if token else {})
    answer = connection.getresponse()
    body = answer.read()
    ms = (time.perf_counter() - t) * 1e3
    assert answer.status == 200, (path, answer.status, body[:300])
    return ms, json.loads(body)


def walk(hub, owner, token, limit, extra=""):
    """The time of every page, and how many environments they showed."""
    connection, times, seen = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60), [], 0
    for _ in range(WALKS):
        seen, cursor = 0, ""
        while True:
            ms, page = ask(connection, f"/api/v1/environments?owner={owner}&limit={limit}{extra}{cursor}", token)
            times.append(ms)
            seen += len(page["items"])
            if page["next"] is None:
                break
            cursor = "&cursor=" + page["next"]
    return times, seen


def p99(times):
    return sorted(times)[max(0, len(times) * 99 // 100 - 1)]


def lists(workshop, row, pattern=""):
    if pattern not in "page of 10,000 environments":
        return
    with bench.Hub(workshop) as hub:
        many, few, stranger = hub.new_user(), hub.new_user(), hub.new_user()
        fill(hub, many.handle, MANY)
        fill(hub, few.handle, FEW)
        for who, token, seen in (("the owner", many.token, MANY), ("who sees a tenth", stranger.token, MANY // 10), ("anybody", None, MANY // 10)):
            for limit in (50, 200):
                times, shown = walk(hub, many.handle, token, limit)
                assert shown == seen, (who, shown)
                small, _ = walk(hub, few.handle, few.token if token == many.token else token, limit)
                row(f"page of 10,000 environments, {limit}, {who}, ms", p99(times), 20,
                    f"p99 of {len(times)} pages; median {statistics.median(times):.2f}, with 100 environments {statistics.median(small):.2f}", most=True)
        hub.sql("update environment set visibility = 4")
        connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=60)
        times = [ask(connection, f"/api/v1/environments?owner={many.handle}", stranger.token) for _ in range(500)]
        assert all(page["items"] == [] for _, page in times)
        row("page of 10,000 environments, none to be seen, ms", p99([ms for ms, _ in times]), 20, "p99 of 500", most=True)
        times, shown = walk(hub, many.handle, many.token, 50, "&q=env-99")
        row("page of 10,000 environments, by part of the name, ms", p99(times), 20, f"p99 of {len(times)}, {shown} found", most=True)


def main():
    short = []

    def row(name, value, bar, note, most=False):
        met = value <= bar if most else value >= bar
        short.extend([] if met else [name])
        print(f"{'ok   ' if met else 'SHORT'} {name:<60} {value:8.2f}  (bar <= {bar})  {note}", flush=True)

    with bench.Workshop(where=None) as workshop:
        lists(workshop, row)
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
