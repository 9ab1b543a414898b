#!/usr/bin/env python3
"""Measures imports into the embedded database: rows a second of a page that is all new, of one on which a twentieth is, and
of one that is imported again; the disk that the second takes of the first's; and what readers notice meanwhile.

    tests/bench/catalog_import.py            by itself; tests/run bench runs it too

The catalog is catalog_data.py's, of 30,000 names (FLOE_BENCH_NAMES for another number: nixpkgs has 120,000).
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import bench  # noqa: E402
import catalog_data  # noqa: E402

NAMES = int(os.environ.get("FLOE_BENCH_NAMES", "30000"))
TABLES = "'package', 'derivation', 'page_run', 'page_scrape', 'catalog_page', 'catalog_page_system', 'catalog_page_tag'"


def size(hub):
    return int(hub.sql(f"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN ({TABLES}) AND relkind = 'r'"))


def run(hub, files):
    """Rows a second, by the clock on the wall, the command's start included."""
    t = time.perf_counter()
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "--json", "--data", str(hub.data), *map(str, files)]
    done = subprocess.run(argv, capture_output=True, text=True, env=hub.environment(), cwd="/", **hub.workshop.service())
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rows"] / (time.perf_counter() - t)


class Reader(threading.Thread):
    """Asks for an attribute's rows on all pages, again and again; how long the slowest of a hundred took, in ms."""

    ASK = ("\\timing on\n" + "SELECT m.page_id, d.version FROM package p JOIN page_package m ON m.package_id = p.id "
           "JOIN derivation d ON d.id = m.derivation_id WHERE p.attr_path = 'hello';\n")

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.times, self.stop = hub, [], False
        self.start()

    def run(self):
        while not self.stop:
            out = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-h", str(self.hub.data / "postgres-run"), "-U", "floe", "-d", "floe"], input=self.ASK * 20,
                                 capture_output=True, text=True, env=self.hub.environment(), cwd="/", **self.hub.workshop.service()).stdout
            self.times += [float(line.split()[1]) for line in out.splitlines() if line.startswith("Time:")]
            time.sleep(0.2)

    def p99(self):
        self.stop = True
        self.join()
        return sorted(self.times)[len(self.times) * 99 // 100 - 1] if self.times else 0


def catalog_imports(workshop, row, pattern=""):
    if pattern not in "catalog import":
        return
    folder = workshop.folder("rows")
    folder.chmod(0o755)
    files = []
    for number, (text, _) in enumerate(catalog_data.pages(NAMES, 4, 0.05), 1):
        files.append(folder / f"page-{number}.jsonl")
        files[-1].write_bytes(text)
        files[-1].chmod(0o644)
    with bench.Hub(workshop) as hub:
        empty = size(hub)
        whole_rate = run(hub, files[:1])
        whole = size(hub) - empty
        reader = Reader(hub)
        next_rate = run(hub, files[1:3])
        late = reader.p99()
        part = (size(hub) - empty - whole) / 2
        again = run(hub, files[:3])
        row("catalog import, rows/s, all new", whole_rate, 20_000, f"{NAMES:,} names, {whole / 1e6:,.0f} MB")
        row("catalog import, rows/s, a twentieth new", next_rate, 20_000, "two pages in one command")
        row("catalog import, rows/s, imported again", again, 20_000, "three pages in one command")
        row("catalog import, disk of a twentieth / of all", part / whole, 0.2, f"{part / 1e6:,.1f} MB a page", most=True)
        row("catalog import, a read beside it, p99 ms", late, 50, "all rows of an attribute, by psql", most=True)


if __name__ == "__main__":
    def show(name, value, bar, note, most=False):
        print(f"{name:<48} {value:12,.2f}  (bar {'<=' if most else '>='} {bar})  {note}", flush=True)

    with bench.Workshop(where=None) as shop:
        catalog_imports(shop, show)
