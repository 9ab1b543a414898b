#!/usr/bin/env python3
"""Measures search and show over the wire, on a base catalog of 120,000 names, and what the hub takes in memory for it.

    tests/bench/catalog_read.py            by itself; tests/run bench runs it too

Search is asked by 8 connections for some 400 terms in turn: words, two letters, what is nowhere. Beside it stands the best
query for the same answer that we know of over the same rows in the hub's own PostgreSQL: trigram indexes on both
columns (pg_trgm), the ranking and the exact total in one statement, prepared, asked over the socket by as many connections.
Then the same searches from the first to the last moment of an import of another page, a twentieth of which is new.

FLOE_BENCH_NAMES=120000 shows packages of a catalog with as many names on all 50 pages, as nixpkgs has; filling it takes
some ten minutes.
"""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import bench  # noqa: E402

NAMES, CONNECTIONS, SECONDS = 120_000, 8, 4
SHOWN, PAGES = int(os.environ.get("FLOE_BENCH_NAMES", "1500")), 50
SEARCH, SHOW = "/api/v1/catalog/search?system=x86_64-linux&search_term=", "/api/v1/catalog/packages/"
_scripts = itertools.count()


def fill(hub, names, pages):
    """As an operator would; gives the attribute paths."""
    data = subprocess.Popen([sys.executable, str(Path(__file__).with_name("catalog_data.py")), "--names", str(names), "--pages", str(pages)],
                            stdout=subprocess.PIPE)
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "-", "--data", str(hub.data)]
    done = subprocess.run(argv, stdin=data.stdout, capture_output=True, text=True, env=hub.environment(), cwd="/", **hub.workshop.service())
    assert data.wait() == 0 and done.returncode == 0, done.stderr
    hub.sql("VACUUM ANALYZE")
    return hub.http("/api/v1/catalog/info/pkg-paths").json["items"]


def importing(hub, file):
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "--data", str(hub.data), str(file)]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=hub.environment(), cwd="/", **hub.workshop.service())


def made_pages(workshop, names, count):
    """A file for each page of a catalog."""
    folder = workshop.folder("pages")
    subprocess.run([sys.executable, str(Path(__file__).with_name("catalog_data.py")), "--names", str(names), "--pages", str(count), "--out", str(folder)],
                   check=True, stderr=subprocess.DEVNULL)
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
    return sorted(folder.iterdir())


def terms(rng, names):
    """Words that are there, two letters, and what is nowhere."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [n.rsplit(".", 1)[-1].split("-")[0][:rng.randint(3, 9)] for n in rng.sample(names, 160)]
    pairs = [rng.choice(letters) + rng.choice(letters) for _ in range(120)]
    nowhere = ["".join(rng.choice(letters) for _ in range(rng.randint(6, 14))) + "qz" for _ in range(100)]
    mixed = [t for t in words + pairs + nowhere + ["in Go", "nodejs_", "python", "python312Packages.", "library for"] if len(t) >= 2]
    rng.shuffle(mixed)
    return {"mixed": mixed, "two letters": pairs, "nowhere": nowhere}


def wrk(hub, paths, connections, beside=None):
    """Requests a second, and p50 and p99 in ms; as long as another process runs, where there is one."""
    script = Path(hub.workshop.dir) / f"catalog-{next(_scripts)}.lua"
    script.write_text("local paths, at = {" + ",".join(f"'{p}'" for p in paths) + "}, 0\n"
                      "function request() at = at % #paths + 1; return wrk.format('GET', paths[at]) end\n"
                      "function done(s, l, r) io.write(string.format('RESULT %d %d %d %d %d\\n', s.requests, s.duration, l:percentile(50),"
                      " l:percentile(99), s.errors.status + s.errors.read + s.errors.connect + s.errors.timeout)) end\n")
    asking = subprocess.Popen(["wrk", "-t", "1", "-c", str(connections), "-d", f"{600 if beside else SECONDS}s", "-s", str(script), hub.url],
                              stdout=subprocess.PIPE, text=True)
    if beside:
        beside.wait()
        asking.send_signal(signal.SIGINT)
    out = asking.communicate()[0]
    n, us, p50, p99, errors = (int(x) for x in next(line for line in out.splitlines() if line.startswith("RESULT")).split()[1:])
    assert n > 0 and errors == 0, out
    return n / us * 1e6, p50 / 1e3, p99 / 1e3


# The same answer by trigrams: matches, ranked as the protocol says, the total with them.
TRIGRAMS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE peer AS SELECT p.id, p.attr_path, regexp_replace(p.attr_path, '^.*\\.', '') AS last, d.name, d.version, coalesce(d.description, '') AS about
    FROM package p JOIN derivation d ON d.id = p.newest;
CREATE INDEX peer_last ON peer USING gin (last gin_trgm_ops);
CREATE INDEX peer_about ON peer USING gin (about gin_trgm_ops);
VACUUM ANALYZE peer;
"""
QUERY = """
SELECT attr_path, name, version, about, count(*) OVER () FROM peer WHERE last ILIKE :pattern OR about ILIKE :pattern
ORDER BY (last ILIKE :pattern) DESC, length(attr_path), attr_path COLLATE "C" LIMIT 10;
"""


def trigrams(hub, some):
    """p99 in ms of pgbench, each client with its own share of the terms; None where pg_trgm or pgbench is not installed."""
    found = subprocess.run(["bash", "-c", "ls /usr/lib/postgresql/*/bin/pgbench /usr/share/postgresql/*/extension/pg_trgm.control"], capture_output=True, text=True)
    if found.returncode != 0:
        return None
    for statement in TRIGRAMS.strip().split(";\n"):
        hub.sql(statement.rstrip(";"))
    files = []
    for term in some:
        pattern = "%" + term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        file = Path(hub.workshop.dir) / f"term-{next(_scripts)}.sql"
        file.write_text("SELECT attr_path, name, version, about, count(*) OVER () FROM peer " + QUERY.split("FROM peer ")[1].replace(":pattern", f"'{pattern}'"))
        files += ["-f", str(file)]
    prefix = Path(hub.workshop.dir) / f"pgbench-{next(_scripts)}"
    subprocess.run([found.stdout.split()[0], "-n", "-h", str(hub.data / "postgres-run"), "-U", "floe", "-c", str(CONNECTIONS), "-j", "1", "-T", str(SECONDS),
                    "-l", f"--log-prefix={prefix}", *files, "floe"], capture_output=True, text=True, check=True, env=hub.environment(), cwd=hub.workshop.dir)
    times = sorted(int(line.split()[2]) / 1e3 for log in Path(hub.workshop.dir).glob(prefix.name + ".*") for line in log.read_text().splitlines())
    return times[max(0, len(times) * 99 // 100 - 1)]


def resident(pid):
    return int(next(line for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS")).split()[1]) / 1024


def private(pids):
    """MB that these processes have, shared pages counted once."""
    total = 0
    for pid in pids:
        try:
            total += int(next(line for line in open(f"/proc/{pid}/smaps_rollup") if line.startswith("Pss:")).split()[1])
        except OSError:
            pass  # it ended
    return total / 1024


def catalog_read(workshop, row, pattern=""):
    if pattern not in "catalog: search, show, memory":
        return
    rng = random.Random(4)
    with bench.Hub(workshop, "--rate-limit", "0") as hub:
        first, second = made_pages(workshop, NAMES, 2)
        assert importing(hub, first).wait() == 0
        hub.sql("VACUUM ANALYZE")
        names = hub.http("/api/v1/catalog/info/pkg-paths").json["items"]
        assert len(names) > NAMES * 0.98  # some are on no system
        asked = terms(rng, names)
        for kind, some in asked.items():
            ours = wrk(hub, [SEARCH + urllib.parse.quote(t, safe="") for t in some], CONNECTIONS)
            peer = trigrams(hub, rng.sample(some, min(100, len(some)))) if kind == "mixed" else None
            beside = f", pg_trgm {peer:.0f} ms" if peer else ""
            row(f"catalog: search of {NAMES:,} names, {kind}, {CONNECTIONS} connections, ms", ours[2], 25,
                f"p99; median {ours[1]:.2f}, {ours[0]:.0f} a second{beside}", most=True)
        postgres = subprocess.run(["pgrep", "-P", str(hub.postgres_pid())], capture_output=True, text=True).stdout.split() + [hub.postgres_pid()]
        row("catalog: floe-server with it in memory, MB", resident(hub.process.pid), 128, f"resident; PostgreSQL {private(postgres):.0f}", most=True)
        paths = [SEARCH + urllib.parse.quote(t, safe="") for t in asked["mixed"]]
        quiet = wrk(hub, paths, CONNECTIONS)[2]
        started, other = time.perf_counter(), importing(hub, second)
        late = wrk(hub, paths, CONNECTIONS, other)[2]
        took = time.perf_counter() - started
        assert other.returncode == 0
        row("catalog: search beside an import, times as long as without", late / quiet, 3, f"p99 {late:.2f} and {quiet:.2f} ms; it took {took:.0f} s", most=True)
    with bench.Hub(workshop, "--rate-limit", "0") as hub:
        names = fill(hub, SHOWN, PAGES)
        paths = [SHOW + urllib.parse.quote(n, safe="") + "?pageSize=1000" for n in rng.sample(names, 1000)]
        one, many = wrk(hub, paths, 1), wrk(hub, paths, CONNECTIONS)
        row(f"catalog: show over {PAGES} pages, {CONNECTIONS} connections, ms", many[2], 5, f"p99; median {many[1]:.2f}; of 1 connection p99 {one[2]:.2f}", most=True)


def main():
    short = []

    def row(name, value, bar, note, most=False):
        met = value <= bar if most else value >= bar
        short.extend([] if met else [name])
        print(f"{'ok   ' if met else 'SHORT'} {name:<72} {value:8.2f}  (bar <= {bar})  {note}", flush=True)

    with bench.Workshop(where=None) as workshop:
        catalog_read(workshop, row)
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
