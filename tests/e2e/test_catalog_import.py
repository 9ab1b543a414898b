"""Rows and nixpkgs that an operator imports: what is taken, what is refused and how it is told, and that nobody sees a half."""

import gzip
import hashlib
import json
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import bench

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import catalog_data  # noqa: E402

NIXPKGS = Path(__file__).resolve().parent / "nixpkgs"


def row(attr="hello", version="2.12", page=1000, system="x86_64-linux", **more):
    """A row as the service answers it; the same arguments give the same derivation."""
    last = attr.rsplit(".", 1)[-1]
    rev = hashlib.sha1(b"page %d" % page).hexdigest()
    what = catalog_data.hash32(f"{attr} {version} {system}")
    r = {"attr_path": attr, "broken": False, "cache_uri": None, "catalog": "nixpkgs", "derivation": f"/nix/store/{what}-{last}-{version}.drv",
         "description": f"A package called {last}", "insecure": False, "license": "MIT", "locked_url": f"https://github.com/flox/nixpkgs?rev={rev}",
         "missing_builds": False, "name": f"{last}-{version}", "outputs": [{"name": "out", "store_path": f"/nix/store/{what[::-1]}-{last}-{version}"}],
         "outputs_to_install": ["out"], "pkg_path": attr, "pname": last, "rev": rev, "rev_count": page, "rev_date": "2026-01-31T12:00:00Z",
         "scrape_date": "2026-02-01T01:02:03.456789Z", "stabilities": ["unstable"], "system": system, "unfree": False, "version": version}
    return {**r, **more}


def lines(*rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


@pytest.fixture
def place(workshop):
    folder = workshop.folder("rows")
    folder.chmod(0o755)
    return folder


def write(place, text, name="rows.jsonl"):
    file = place / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(0o644)
    return file


def rows_of(hub, page):
    """{attribute: version} of a page, all systems."""
    out = hub.sql("SELECT p.attr_path, d.version FROM page_package m JOIN catalog_page g ON g.id = m.page_id "
                  "JOIN package p ON p.id = m.package_id JOIN derivation d ON d.id = m.derivation_id "
                  f"WHERE g.rev_count = {page} AND g.complete_at IS NOT NULL")
    return dict(line.split("|") for line in out.splitlines())


def of_derivation(hub, attr, column):
    return hub.sql(f"SELECT d.{column} FROM package p JOIN derivation d ON d.id = p.newest WHERE p.attr_path = '{attr}'")


def version(hub):
    return int(hub.sql("SELECT version FROM catalog_version"))


def imported(hub, *args, **kwargs):
    return json.loads(hub.admin("catalog", "import", "rows", "--json", *args, **kwargs).stdout)


def test_rows_are_imported_once_and_again_without_a_change(hub, place):
    file = write(place, lines(row("once.hello", "2.10", 1), row("once.hello", "2.12", 2), row("once.fish", "3", 2)))
    first, before = imported(hub, file), version(hub)
    again = imported(hub, file)
    assert (first["pages"], first["added"], first["refused"]) == (2, 3, 0)
    assert (again["added"], again["changed"], again["unchanged"]) == (0, 0, 3)
    assert version(hub) == before and before > 1
    assert rows_of(hub, 2) == {"once.hello": "2.12", "once.fish": "3"}


def test_an_order_of_the_keys_and_spaces_make_no_other_row(hub, place):
    r = row("keys", page=5)
    imported(hub, write(place, lines(r)))
    turned = json.dumps(dict(reversed(r.items())), indent=None, separators=(" ,  ", " :\t"))
    assert imported(hub, write(place, turned))["unchanged"] == 1


PACKED = ["plain", "gzip", "xz", "zstd", "two gzips", "two zstds"]


@pytest.mark.parametrize("packed", PACKED)
def test_what_is_compressed_is_known_by_its_bytes_and_not_by_its_name(hub, place, packed):
    page = 20 + PACKED.index(packed)
    text = lines(*(row(f"packed{i}", page=page) for i in range(500)))
    half = text.index("\n", len(text) // 2) + 1

    def zstd(t):
        return subprocess.run(["zstd", "-q", "-c"], input=t.encode(), capture_output=True, check=True).stdout

    data = {"plain": text.encode(), "gzip": gzip.compress(text.encode()), "xz": lzma.compress(text.encode()), "zstd": zstd(text),
            "two gzips": gzip.compress(text[:half].encode()) + gzip.compress(text[half:].encode()), "two zstds": zstd(text[:half]) + zstd(text[half:])}
    assert imported(hub, write(place, data[packed], "rows.txt"))["added"] == 500
    assert len(rows_of(hub, page)) == 500


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, "zstd"])
def test_what_is_cut_off_or_damaged_is_refused_as_a_whole(hub, place, pack):
    text = lines(*(row(f"cut{i}", page=40) for i in range(2000))).encode()
    whole = subprocess.run(["zstd", "-q", "-c"], input=text, capture_output=True, check=True).stdout if pack == "zstd" else pack(text)
    before = version(hub)
    cut = hub.admin("catalog", "import", "rows", write(place, whole[:len(whole) * 2 // 3]), check=False)
    assert cut.returncode == 1 and "ends in the middle" in cut.stderr
    damaged = hub.admin("catalog", "import", "rows", write(place, whole[:300] + b"\0" * 200 + whole[500:]), check=False)
    assert damaged.returncode == 1 and ("damaged" in damaged.stderr or "middle" in damaged.stderr)
    assert version(hub) == before and hub.sql("SELECT count(*) FROM catalog_page WHERE rev_count = 40") == "0"


def test_what_would_take_much_memory_to_decompress_is_refused_with_what_to_do(hub, place):
    large = subprocess.run(["zstd", "-q", "-c", "--long=31", "-19"], input=os.urandom(1 << 20) * 80, capture_output=True)
    if large.returncode != 0:
        pytest.skip("this zstd knows no long windows: " + large.stderr.decode())
    done = hub.admin("catalog", "import", "rows", write(place, large.stdout), check=False)
    assert done.returncode == 1 and "without \"--long\"" in done.stderr


def test_text_for_people_may_have_lines_and_names_their_slashes(hub, place):
    rows = [row("prose", page=43, description="One\nTwo\tthree \u05d0\u200f"), {**row("angular", page=43), "attr_path": "nodePackages.@angular/cli"}]
    assert imported(hub, write(place, lines(*rows)))["added"] == 2


def test_standard_input_and_several_files_are_one_import(hub, place):
    first, second = write(place, lines(row("many.a", page=50)), "a"), write(place, lines(row("many.b", page=50)), "b")
    done = imported(hub, first, "-", second, input=lines(row("many.c", page=50), row("many.c", "2.13", page=50)))
    assert done["added"] == 3 and done["refused"] == 1
    assert rows_of(hub, 50) == {"many.a": "2.12", "many.b": "2.12", "many.c": "2.12"}


BAD = [
    ("", "not JSON", lambda r: '{"attr_path": "x"'),
    ("missing", '"version" is missing', lambda r: {k: v for k, v in r.items() if k != "version"}),
    ("null", '"name" is missing', lambda r: {**r, "name": None}),
    ("kind", '"rev_count" is of a wrong kind', lambda r: {**r, "rev_count": "7"}),
    ("twice", '"system" is there twice', lambda r: json.dumps(r)[:-1] + ', "system": "x86_64-linux"}'),
    ("system", "its system is none", lambda r: {**r, "system": "riscv64-linux"}),
    ("rev", "40 hexadecimal digits", lambda r: {**r, "rev": "main"}),
    ("date", '"rev_date" is no time', lambda r: {**r, "rev_date": "2026-02-30T00:00:00Z"}),
    ("scrape", '"scrape_date" is no time', lambda r: {**r, "scrape_date": "yesterday"}),
    ("catalog", "of another catalog", lambda r: {**r, "catalog": "alice"}),
    ("attr", "attr_path has an empty part", lambda r: {**r, "attr_path": "a..b"}),
    ("space", "holds a space or a control character", lambda r: {**r, "attr_path": "a b"}),
    ("c1", "holds a space or a control character", lambda r: {**r, "attr_path": "a\u009b31m"}),
    ("direction", "holds a space or a control character", lambda r: {**r, "attr_path": "a\u202eb"}),
    ("owner", "begins like that of an owner's package", lambda r: {**r, "attr_path": "alice/rocket.x"}),
    ("escape", "its description holds a control character", lambda r: {**r, "description": "a\x1b[2J"}),
    ("escape-version", "its version holds a control character", lambda r: {**r, "version": "1\u009b"}),
    ("drv", "its derivation is no store path", lambda r: {**r, "derivation": "/tmp/x.drv"}),
    ("drv-line", "its derivation is no store path", lambda r: {**r, "derivation": r["derivation"] + "\n"}),
    ("path", "at no store path", lambda r: {**r, "outputs": [{"name": "out", "store_path": "/nix/store/../../etc"}]}),
    ("path-dots", "at no store path", lambda r: {**r, "outputs": [{"name": "out", "store_path": "/nix/store/.."}]}),
    ("path-none", "at no store path", lambda r: {**r, "outputs": [{"name": "out", "store_path": ""}]}),
    ("output", "its name holds a space", lambda r: {**r, "outputs": [{"name": "o\nt", "store_path": "/nix/store/x"}]}),
    ("long", "description is longer than", lambda r: {**r, "description": "x" * 9000}),
    ("longer", "longer than any row", lambda r: {**r, "description": "x" * 300000}),
    ("outputs", '"name" and "store_path"', lambda r: {**r, "outputs": [{"name": "out"}]}),
    ("out", "list is wanted", lambda r: {**r, "outputs": {"out": "/nix/store/x"}}),
    ("tags", "stabilities", lambda r: {**r, "stabilities": ["Stable!"]}),
    ("deprecation", '"deprecation" is no object', lambda r: {**r, "deprecation": "gone"}),
    ("deprecation-kind", '"deprecation" is no object with a "kind"', lambda r: {**r, "deprecation": {"kind": "old", "message": None}}),
    ("deprecation-text", '"deprecation" is no object with a "kind"', lambda r: {**r, "deprecation": {"kind": "removed", "message": 1}}),
    ("deprecation-none", '"deprecation" is no object with a "kind"', lambda r: {**r, "deprecation": {"message": "gone"}}),
    ("utf8", "not UTF-8", lambda r: json.dumps(r).encode().replace(b"called", b"c\xffll")),
    ("nul", "NUL", lambda r: json.dumps(r).replace("called", "c\\u0000lled")),
    ("behind", "behind its end", lambda r: json.dumps(r) + " {}"),
    ("list", "object is wanted", lambda r: "[]"),
]


@pytest.mark.parametrize("what, why, spoil", BAD, ids=[b[0] or "json" for b in BAD])
def test_a_bad_line_is_told_with_its_number_and_reason_and_left_out(hub, place, what, why, spoil):
    page = 1000 + [b[0] for b in BAD].index(what)
    bad = spoil(row("bad", page=page))
    bad = bad if isinstance(bad, (str, bytes)) else json.dumps(bad)
    bad = bad if isinstance(bad, bytes) else bad.encode()
    file = write(place, lines(row("good", page=page)).encode() + b"\n" + bad + b"\n" + lines(row("better", page=page)).encode())
    done = hub.admin("catalog", "import", "rows", file)
    assert re.search(re.escape(f"{file}:3: ") + ".*" + re.escape(why), done.stderr), done.stderr
    assert "1 line could not be taken" in done.stderr and "2 rows are new" in done.stderr
    assert set(rows_of(hub, page)) == {"good", "better"}


def test_strict_stops_at_a_bad_line_and_nothing_is_seen(hub, place):
    before = version(hub)
    file = write(place, lines(row("strict", page=60)) + "nonsense\n")
    done = hub.admin("catalog", "import", "rows", "--strict", file, check=False)
    assert done.returncode == 1 and f"{file}:2: " in done.stderr and "none was" in done.stderr
    assert version(hub) == before and hub.sql("SELECT count(*) FROM catalog_page WHERE rev_count = 60") == "0"


def test_input_without_a_row_is_an_error(hub, place):
    for text, why in (("", "no rows"), ("\n\n", "no rows"), ("x\n", "Not one line")):
        done = hub.admin("catalog", "import", "rows", write(place, text), check=False)
        assert done.returncode == 1 and why in done.stderr
    done = hub.admin("catalog", "import", "rows", place / "nothing", check=False)
    assert done.returncode == 1 and "cannot be opened" in done.stderr


def test_importing_a_page_again_replaces_what_may_change(hub, place):
    imported(hub, write(place, lines(row("again", page=70), row("stays", page=70))))
    fresh = row("again", page=70, missing_builds=True, insecure=True, broken=True, cache_uri="https://cache.example.com", description="Anew",
                stabilities=["stable", "lts"], deprecation={"message": None, "x": [1], "kind": "renamed"}, rev_date="2026-01-31T13:00:00Z")
    done = imported(hub, write(place, lines(fresh)))
    assert (done["changed"], done["added"]) == (1, 0)
    assert of_derivation(hub, "again", "flags") == str(1 + 2 + 8)
    assert of_derivation(hub, "again", "cache_uri") == "https://cache.example.com" and of_derivation(hub, "again", "description") == "Anew"
    assert json.loads(hub.sql("SELECT deprecation FROM package WHERE attr_path = 'again'")) == {
        "kind": "renamed", "replacement": None, "message": None}
    shown = json.loads(hub.admin("catalog", "page", "show", "70", "--json").stdout)
    assert shown["stabilities"] == ["lts", "stable"] and shown["rows"] == {"x86_64-linux": 2} and shown["rev_date"] == "2026-01-31T13:00:00Z"
    assert {i["rev_date"] for i in hub.http("/api/v1/catalog/packages/stays").json["items"]} == {"2026-01-31T13:00:00Z"}


@pytest.mark.parametrize("what, change", [("derivation", {"derivation": "/nix/store/00000000000000000000000000000000-other.drv"}),
                                          ("version", {"version": "9"}), ("outputs", {"outputs": [{"name": "out", "store_path": "/nix/store/other"}]})])
def test_another_derivation_version_or_outputs_on_a_page_is_an_error_that_names_the_row(hub, place, what, change):
    page = 80 + len(what)
    imported(hub, write(place, lines(row("same", page=page))))
    file = write(place, lines(row("new", page=page), row("same", page=page, **change)))
    done = hub.admin("catalog", "import", "rows", file)
    assert f"{file}:2: same on x86_64-linux of page {page} has " in done.stderr and what in done.stderr, done.stderr
    assert rows_of(hub, page) == {"same": "2.12", "new": "2.12"}
    strict = hub.admin("catalog", "import", "rows", "--strict", write(place, lines(row("newer", page=page), row("same", page=page, **change))), check=False)
    assert strict.returncode == 1 and "newer" not in rows_of(hub, page)


def test_a_page_is_one_revision(hub, place):
    imported(hub, write(place, lines(row(page=90))))
    other = hub.admin("catalog", "import", "rows", write(place, lines({**row(page=90), "rev": "f" * 40})), check=False)
    assert "page 90 is revision" in other.stderr and other.returncode == 1
    again = hub.admin("catalog", "import", "rows", write(place, lines({**row(page=91), "rev": row(page=90)["rev"]})), check=False)
    assert "is page 90, not 91" in again.stderr and again.returncode == 1


def test_times_keep_their_microseconds_and_offsets(hub, place):
    imported(hub, write(place, lines(row("when.a", page=95, scrape_date="2026-02-01T03:02:03.5+02:00"), row("when.b", page=95, scrape_date=None))))
    got = hub.sql("SELECT p.attr_path, m.scraped_at FROM page_package m JOIN package p ON p.id = m.package_id WHERE p.attr_path LIKE 'when.%'")
    assert dict(x.split("|") for x in got.splitlines()) == {"when.a": "1769907723500000", "when.b": "0"}


def big(count, page, version="1"):
    """Rows enough that an import takes its time."""
    return lines(*(row(f"big.p{i}", version, page) for i in range(count)))


def test_readers_see_the_old_state_until_all_is_in(fresh_hub, place):
    hub, seen, stop = fresh_hub, set(), threading.Event()
    imported(hub, write(place, big(3000, 10)))

    def look():
        while not stop.is_set():
            seen.add(hub.sql("SELECT (SELECT version FROM catalog_version), count(*), count(DISTINCT d.description) FROM page_package m "
                             "JOIN derivation d ON d.id = m.derivation_id JOIN catalog_page g ON g.id = m.page_id WHERE g.complete_at IS NOT NULL"))

    reader = threading.Thread(target=look)
    reader.start()
    changed = big(3000, 10).replace('"broken": false', '"broken": true') + big(4000, 11)
    imported(hub, write(place, changed))
    stop.set()
    reader.join()
    assert {s.split("|")[1] for s in seen} <= {"3000", "7000"} and len(seen) <= 2, seen


def test_a_page_that_is_removed_while_more_of_it_is_imported_is_made_anew(fresh_hub):
    hub, both = fresh_hub, [row("first", page=50), row("second", page=50)]
    hub.admin("catalog", "import", "rows", "-", input=lines(both[0]))
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "-", "--data", str(hub.data)]
    half = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=hub.environment(), cwd="/", **hub.workshop.service())
    half.stdin.write(lines(both[1]) + " " * 300_000 + "\n")
    half.stdin.flush()
    bench.wait_for(lambda: hub.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0")
    time.sleep(0.3)  # the row is taken
    hub.admin("catalog", "page", "remove", "50")
    _, told = half.communicate()
    assert half.returncode == 0 and "1 row" in told, told
    assert list(rows_of(hub, 50)) == ["second"]
    assert hub.admin("fsck").returncode == 0


def test_an_import_that_is_killed_is_seen_by_nobody_and_can_be_done_again(fresh_hub, place):
    hub, file = fresh_hub, write(place, big(20000, 10) + big(20000, 11, "2"))
    before = version(hub)
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", str(file), "--data", str(hub.data)]
    for after in (0.05, 0.3, 0.6, 0.9, 1.2):
        p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=hub.environment(), cwd="/", **hub.workshop.service())
        time.sleep(after)
        done = p.poll() is not None
        p.send_signal(signal.SIGKILL)
        p.wait()
        # What the database was at when its client died it ends or takes back by itself.
        bench.wait_for(lambda: hub.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'floe-server admin'") == "0", 60)
        counts = hub.sql("SELECT count(*) FROM page_package")
        assert counts in ("0", "40000") and (counts == "0" or version(hub) == before + 1)
        if done or counts != "0":
            break
    result = imported(hub, file)
    assert result["added"] + result["unchanged"] == 40000
    assert len(rows_of(hub, 10)) == 20000 and set(rows_of(hub, 11).values()) == {"2"}
    assert json.loads(hub.admin("fsck", "--json").stdout)["faults"] == []


def test_two_imports_at_once_are_one_after_the_other(fresh_hub, place):
    hub = fresh_hub
    files = [write(place, big(6000, 10) + big(3000, 11 + n), f"f{n}") for n in range(3)]
    results = [None] * 3

    def run(n):
        results[n] = imported(hub, files[n])

    threads = [threading.Thread(target=run, args=(n,)) for n in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(r["added"] for r in results) == [3000, 3000, 9000]
    assert [len(rows_of(hub, p)) for p in (10, 11, 12, 13)] == [6000, 3000, 3000, 3000]
    assert hub.sql("SELECT count(*) FROM (SELECT digest FROM derivation GROUP BY 1 HAVING count(*) > 1) x") == "0"


def peak_of(argv, **kwargs):
    """The largest resident size of a command, in MB. Read while it runs: what wait4 tells counts what this process had when it
    was forked."""
    peak = 0
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **kwargs)
    while p.poll() is None:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{p.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.005)
    assert p.returncode == 0, p.stderr.read()
    return peak / 1024


@pytest.mark.skipif(bench.SLOW > 1, reason="a sanitizer's memory is its own")
def test_memory_does_not_grow_with_the_input(fresh_hub, place):
    hub, peaks = fresh_hub, []
    for number, pages in enumerate((3, 12)):
        file = write(place, b"".join(text for text, _ in catalog_data.pages(4000, pages, 0.4, seed=number)), f"pages{pages}")
        peaks.append(peak_of([str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", str(file), "--data", str(hub.data)],
                             env=hub.environment(), cwd="/", **hub.workshop.service()))
    assert peaks[1] < peaks[0] * 1.25 + 8, peaks


def test_a_line_without_an_end_takes_no_memory(hub):
    argv = [str(hub.workshop.bin / "floe-server"), "catalog", "import", "rows", "-", "--data", str(hub.data)]
    p = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=hub.environment(), cwd="/", **hub.workshop.service())
    for _ in range(64):
        p.stdin.write(b"[" * (1 << 20))
    rss = int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{p.pid}/status").read_text())[1]) / 1024
    _, err = p.communicate()
    assert p.returncode == 1 and b":1: it is longer than any row" in err
    assert bench.SLOW > 1 or rss < 100, rss


# -- owners' catalogs


def build(attr="tool", version="1.0", system="x86_64-linux", **more):
    r = row(attr, version, 12, system)
    return {**r, "catalog": None, "locked_url": "https://git.example.com/tool?rev=" + r["rev"], "rev": "0" * 39 + "a", "rev_count": 4, **more}


def test_builds_go_into_an_owners_catalog_that_is_private_at_first(hub, place):
    owner = hub.new_user()
    imported(hub, write(place, lines(row("base-of-builds", page=300))))
    base = row(page=300)["locked_url"]
    file = write(place, lines(build(locked_base_catalog_url=base, catalog=owner.handle), build(version="1.1"), build("set.other", base_rev_count=300)))
    done = imported(hub, "--catalog", owner.handle, file)
    assert (done["added"], done["refused"]) == (3, 0)
    assert imported(hub, "--catalog", owner.handle, file)["unchanged"] == 3
    got = hub.sql("SELECT p.attr_path, b.base_rev_count, b.rev_count, b.locked_url FROM package_build b JOIN package p ON p.id = b.package_id "
                  f"JOIN catalog c ON c.id = p.catalog_id JOIN owner o ON o.id = c.owner_id WHERE o.handle = '{owner.handle}' ORDER BY b.id")
    assert [line.split("|")[1] for line in got.splitlines()] == ["300", "", "300"]
    assert hub.admin("catalog", "visibility", owner.handle).stdout.strip() == "private"
    hub.admin("catalog", "visibility", owner.handle, "internal")
    listed = json.loads(hub.admin("catalog", "list", "--json").stdout)
    assert [c["visibility"] for c in listed if c["owner"] == owner.handle] == ["internal"]
    changed = imported(hub, "--catalog", owner.handle, write(place, lines(build(description="Better told"))))
    assert changed["changed"] == 1


def test_an_owners_build_may_have_a_word_for_a_derivation(hub, place):
    owner = hub.new_user()
    done = imported(hub, "--catalog", owner.handle, write(place, lines(build(derivation="dummy"))))
    assert (done["added"], done["refused"]) == (1, 0)
    done = hub.admin("catalog", "import", "rows", "--catalog", owner.handle, write(place, lines(build("b", derivation="a\x1b[2J"))), check=False)
    assert done.returncode == 1 and "its derivation is no store path" in done.stderr


def test_a_build_of_another_owner_or_page_or_with_other_outputs_is_refused(hub, place):
    owner = hub.new_user()
    imported(hub, "--catalog", owner.handle, write(place, lines(build())))
    for bad, why in ((build(catalog="somebody-else"), "of another catalog"),
                     (build("late", locked_base_catalog_url="https://github.com/flox/nixpkgs?rev=" + "9" * 40), "is no page of this hub"),
                     (build(outputs=[]), "other outputs")):
        done = hub.admin("catalog", "import", "rows", "--catalog", owner.handle, write(place, lines(bad)), check=False)
        assert ":1: " in done.stderr and why in done.stderr, done.stderr
    assert hub.admin("catalog", "import", "rows", "--catalog", "nobody-here", write(place, lines(build())), check=False).returncode == 1
    assert hub.admin("catalog", "visibility", hub.new_user().handle, check=False).returncode == 1


def test_the_newest_build_is_that_of_the_newest_source_whatever_it_was_built_on_and_whenever_it_came(hub, place):
    owner = hub.new_user()
    imported(hub, write(place, lines(row("page-of-builds", page=310), row("page-of-builds", page=320))))
    new = {"rev_date": "2026-03-02T00:00:00Z", "rev_count": 9}
    rows = [build(version="2.0", base_rev_count=310, **new), build(version="1.9", base_rev_count=320),
            build("same", base_rev_count=320), build("same", base_rev_count=310, derivation="/nix/store/" + "0" * 32 + "-same.drv")]
    for part in (rows[:1] + rows[2:3], rows[1:2] + rows[3:]):  # the older ones come last
        imported(hub, "--catalog", owner.handle, write(place, lines(*part)))
    body = {"items": [{"name": n, "descriptors": [{"install_id": n, "attr_path": f"{owner.handle}/{n}", "systems": ["x86_64-linux"]}]} for n in ("tool", "same")]}
    tool, same = (g["page"] for g in hub.http("/api/v1/catalog/resolve", method="POST", data=json.dumps(body).encode(),
                                              headers={"Content-Type": "application/json"}, token=owner.token).json["items"])
    assert (tool["page"], tool["packages"][0]["version"]) == (310, "2.0")
    found = hub.http("/api/v1/catalog/search?system=x86_64-linux&search_term=tool", token=owner.token).json["items"]
    assert [i["version"] for i in found if i["catalog"] == owner.handle] == ["2.0"]
    shown = hub.http(f"/api/v1/catalog/packages/{owner.handle}%2Fsame", token=owner.token).json["items"]
    assert same["page"] == 320 and [i["derivation"] for i in shown] == [same["packages"][0]["derivation"]] == [rows[2]["derivation"]]


# -- pages


def test_pages_are_listed_shown_tagged_and_removed(fresh_hub, place):
    hub = fresh_hub
    imported(hub, write(place, lines(*(row(a, v, p, s) for p, v in ((100, "1"), (200, "2"), (300, "2")) for a in ("a", "b", "c")
                                       for s in ("x86_64-linux", "aarch64-linux")), row("only", "1", 300))))
    pages = json.loads(hub.admin("catalog", "page", "list", "--json").stdout)
    assert [p["page"] for p in pages] == [300, 200, 100] and pages[0]["systems"] == ["aarch64-linux", "x86_64-linux"]
    assert "300" in hub.admin("catalog", "page", "list").stdout
    assert json.loads(hub.admin("catalog", "page", "show", pages[0]["rev"][:7], "--json").stdout)["rows"] == {"aarch64-linux": 3, "x86_64-linux": 4}
    hub.admin("catalog page tag 300 stable --add")
    hub.admin("catalog page tag 300 unstable --remove")
    assert json.loads(hub.admin("catalog page show 300 --json").stdout)["stabilities"] == ["stable"]
    hub.admin("catalog page tag 300")
    assert of_derivation(hub, "only", "version") == "" and of_derivation(hub, "a", "version") == "2"
    hub.admin("catalog page tag 300 lts unstable")
    assert of_derivation(hub, "only", "version") == "1"
    before = version(hub)
    hub.admin("catalog page remove 300 200")
    assert version(hub) == before + 1 and [p["page"] for p in json.loads(hub.admin("catalog", "page", "list", "--json").stdout)] == [100]
    assert rows_of(hub, 100) == {"a": "1", "b": "1", "c": "1"} and of_derivation(hub, "a", "version") == "1"
    # What only they had is gone; what they shared is not.
    assert hub.sql("SELECT count(*) FROM derivation WHERE version = '2'") == "0" and hub.sql("SELECT count(*) FROM package WHERE attr_path = 'only'") == "0"
    assert json.loads(hub.admin("fsck", "--json").stdout)["faults"] == []
    assert imported(hub, write(place, lines(row("a", "3", 400), row("b", "1", 400), row("c", "1", 400))))["added"] == 3
    assert rows_of(hub, 400) == {"a": "3", "b": "1", "c": "1"} and rows_of(hub, 100)["a"] == "1"
    for words in ("catalog page show 5", "catalog page tag 5 x", "catalog page remove 5"):
        assert "There is no page 5" in hub.admin(words, check=False).stderr
    assert hub.admin("catalog page tag 100 Stable!", check=False).returncode == 2


def test_stats_and_status_tell_what_the_catalog_holds_and_when_it_is_empty(fresh_hub, place):
    hub = fresh_hub
    assert "catalog import rows" in hub.admin("status").stderr
    assert any("catalog import rows" in w for w in json.loads(hub.admin("status", "--json").stdout)["warnings"])
    imported(hub, write(place, lines(row("a", page=1), row("b", page=2))))
    assert "catalog import rows" not in hub.admin("status").stderr and "2 pages, 2 packages" in hub.admin("status").stdout
    stats = json.loads(hub.admin("catalog", "stats", "--json").stdout)
    assert (stats["pages"], stats["newest_page"], stats["packages"], stats["derivations"]) == (2, 2, 2, 2) and stats["bytes"] > 0
    assert "the newest 2" in hub.admin("catalog", "stats").stdout


def test_a_backup_has_the_catalog_too(fresh_hub, new_hub, place):
    hub, owner = fresh_hub, fresh_hub.new_user("alice")
    imported(hub, write(place, lines(row("a", page=1), row("a", "3", page=2, deprecation={"kind": "removed"}))))
    imported(hub, "--catalog", owner.handle, write(place, lines(build())))
    file = hub.workshop.folder("backup") / "hub.dump"
    hub.admin("backup", file)
    empty = new_hub(start=False)
    empty.admin("restore", file)
    empty.start()
    everything = ("SELECT p.attr_path, m.system, g.rev_count, d.version, m.scraped_at FROM page_package m JOIN catalog_page g ON g.id = m.page_id "
                  "JOIN package p ON p.id = m.package_id JOIN derivation d ON d.id = m.derivation_id ORDER BY 1, 2, 3")
    assert empty.sql(everything) == hub.sql(everything) != ""
    assert empty.sql("SELECT count(*) FROM package_build") == "1"
    assert imported(empty, write(place, lines(row("a", "4", page=3))))["added"] == 1
    assert json.loads(empty.admin("fsck", "--json").stdout)["faults"] == []


def test_fsck_finds_rows_of_the_catalog_that_no_import_wrote(fresh_hub, place):
    hub = fresh_hub
    imported(hub, write(place, lines(row("a", "1", page=1), row("a", "2", page=2), row("b", page=2))))
    for damage, text in (("UPDATE page_run SET past = 2147483647", "two derivations on one page"),
                         ("UPDATE page_run SET derivation_id = 999999 WHERE package_id = (SELECT id FROM package WHERE attr_path = 'b')", "not stored"),
                         ("INSERT INTO page_run VALUES (424242, 4, 1, 2, 1)", "has no name")):
        hub.sql(damage)
        done = hub.admin("fsck", check=False)
        assert done.returncode == 1 and text in done.stdout, done.stdout


# -- nixpkgs


PAGE = ["--rev", "1" * 40, "--rev-count", "77", "--rev-date", "2026-01-31T12:00:00+01:00"]


def nix_env(place, system):
    """What nix-env prints of the package set in nixpkgs/, with the .drv paths that newer ones than Debian's print, too."""
    env = {**os.environ, "HOME": str(place), "NIX_REMOTE": ""}
    base = ["nix-env", "--store", str(place / "store"), "-f", str(NIXPKGS), "--argstr", "system", system, "-qaP"]
    told = json.loads(subprocess.run([*base, "--json", "--meta", "--out-path", "--drv-path"], env=env, capture_output=True, check=True).stdout)
    paths = subprocess.run([*base, "--no-name", "--drv-path"], env=env, capture_output=True, text=True, check=True).stdout
    for line in paths.splitlines():
        attr, path = line.split()
        told[attr]["drvPath"] = path
    return told


needs_nix = pytest.mark.skipif(not shutil.which("nix-env"), reason="nix-bin is not installed")


@needs_nix
def test_what_nix_env_prints_is_a_page(fresh_hub, place):
    hub, told = fresh_hub, {s: nix_env(place, s) for s in ("x86_64-linux", "aarch64-darwin")}
    assert len(told["x86_64-linux"]) == 8
    first = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "x86_64-linux", "--stability", "unstable", "--stability", "lts", "--more", "-",
                      input=json.dumps(told["x86_64-linux"], indent=2))
    assert "not seen yet" in first.stderr and rows_of(hub, 77) == {}
    assert "not complete" in hub.admin("catalog page list").stdout
    hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "aarch64-darwin", "-", input=json.dumps(told["aarch64-darwin"]))
    shown = json.loads(hub.admin("catalog page show 77 --json").stdout)
    assert shown["rows"] == {"aarch64-darwin": 8, "x86_64-linux": 8} and shown["stabilities"] == ["lts", "unstable"] and shown["rev_date"] == "2026-01-31T11:00:00Z"
    assert rows_of(hub, 77) == {"hello": "2.12.1", "netcat": "4.3.2", "rust-lib-src": "rust-lib-src", "one-license": "1", "by-name": "2026-04-14",
                                "closed": "7.5", "python3Packages.flask": "3.0.3", "python3Packages.inner.deep": "1"}
    licenses = {a: of_derivation(hub, a, "license") for a in rows_of(hub, 77)}
    assert licenses == {"hello": "GPL-3.0-or-later", "netcat": "[ MIT, Apache-2.0 ]", "rust-lib-src": "", "one-license": "[ MIT ]", "by-name": "Public Domain",
                        "closed": "Unfree", "python3Packages.flask": "BSD-3-Clause", "python3Packages.inner.deep": ""}
    assert of_derivation(hub, "closed", "flags") == str(1 + 2 + 4 + 128) and of_derivation(hub, "hello", "flags") == "128"
    hello = told["aarch64-darwin"]["hello"]
    assert json.loads(of_derivation(hub, "hello", "outputs")) == [{"name": n, "store_path": hello["outputs"][n]} for n in ("man", "out", "debug")]
    assert of_derivation(hub, "hello", "outputs_to_install") == '["man","out"]' and of_derivation(hub, "hello", "drv_path") == hello["drvPath"]
    again = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "aarch64-darwin", "--json", "-", input=json.dumps(told["aarch64-darwin"]))
    assert json.loads(again.stdout)["unchanged"] == 8 and hub.sql("SELECT count(*) FROM page_scrape") == "0"


@needs_nix
def test_a_nix_that_prints_no_drv_paths_is_told_so(hub, place):
    told = nix_env(place, "x86_64-linux")
    for entry in told.values():
        del entry["drvPath"]
    done = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "x86_64-linux", "-", input=json.dumps(told), check=False)
    assert done.returncode == 1 and '"drvPath" is missing' in done.stderr and "hello: " in done.stderr


JOBS = [
    {"attr": "hello", "attrPath": ["hello"], "drvPath": "/nix/store/0c5jaqxhqhxcz7z5c8dp8pw9wyzjdx5g-hello-2.12.1.drv", "inputDrvs": {}, "isCached": True,
     "meta": {"description": "Greets", "license": [{"spdxId": "NCSA"}, [{"fullName": "Apache-2.0 LLVM-exception"}]], "outputsToInstall": ["out"], "broken": False},
     "name": "hello-2.12.1", "outputs": {"out": "/nix/store/v0qc7d5713af0nndgibcn4kvyvbbzxq0-hello-2.12.1"}, "system": "x86_64-linux"},
    {"attr": "ruby.gem", "attrPath": ["ruby", "gem"], "cacheStatus": "notBuilt", "drvPath": "/nix/store/1c5jaqxhqhxcz7z5c8dp8pw9wyzjdx5g-ruby3.3-gem-0.9.5.drv",
     "meta": {"license": {"free": False, "fullName": "Unfree"}}, "name": "ruby3.3-gem-0.9.5", "outputs": {"out": "/nix/store/w0qc7-gem"}, "system": "x86_64-linux"},
    {"attr": "gone", "attrPath": ["gone"], "error": "error: attribute 'x' missing\n\n       at /nixpkgs/default.nix:1:1"},
    {"attr": 'a."b.c"', "attrPath": ["a", "b.c"], "drvPath": "/nix/store/x.drv", "name": "x-1", "outputs": {"out": "/nix/store/x"}, "system": "x86_64-linux"},
    {"attr": "darwin-only", "attrPath": ["darwin-only"], "drvPath": "/nix/store/y.drv", "name": "y-1", "outputs": {"out": "/nix/store/y"}, "system": "aarch64-darwin"},
]


def test_what_nix_eval_jobs_prints_is_a_page(fresh_hub):
    hub = fresh_hub
    done = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "x86_64-linux", "--stability", "unstable", "-", input=lines(*JOBS))
    assert "1 attribute did not evaluate" in done.stderr and "2 lines could not be taken" in done.stderr
    assert "a part with a dot" in done.stderr and "darwin-only: it is for another system" in done.stderr
    assert rows_of(hub, 77) == {"hello": "2.12.1", "ruby.gem": "0.9.5"}
    hostile = [{**JOBS[0], "attr": "e", "attrPath": ["e"], "outputs": {"out": "/etc"}}, {**JOBS[0], "attr": "f", "attrPath": ["alice/f"]},
               {**JOBS[0], "attr": "g", "attrPath": ["g"], "outputs": {"o\x1bt": "/nix/store/x"}}, {**JOBS[0], "attr": "h", "attrPath": ["h"], "drvPath": "x.drv"}]
    done = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "x86_64-linux", "-", input=lines(*hostile), check=False)
    assert done.returncode == 1 and "Not one line can be taken" in done.stderr and "\x1b" not in done.stderr
    assert of_derivation(hub, "hello", "flags") == "0" and of_derivation(hub, "ruby.gem", "flags") == str(4 + 8)
    assert of_derivation(hub, "hello", "license") == "[ NCSA, [ Apache-2.0 LLVM-exception ] ]"


@pytest.mark.parametrize("text, why", [('{"hello": {"name": "hello-1"', "ends in the middle"), ("{}", "no rows"), ("[1]", "not JSON as nix-env"),
                                       ('{"a": {}} x', "stands behind"), ('{"a": ' + "[" * 100, "nested deeper")])
def test_a_page_that_is_cut_off_or_something_else_is_none(hub, text, why):
    done = hub.admin("catalog", "import", "nixpkgs", *PAGE, "--system", "x86_64-linux", "-", input=text, check=False)
    assert done.returncode == 1 and why in done.stderr and hub.sql("SELECT count(*) FROM catalog_page WHERE rev_count = 77") == "0"


@pytest.mark.parametrize("leave", ["--rev", "--rev-count", "--rev-date", "--system"])
def test_a_page_needs_all_that_names_it(hub, leave):
    words = [*PAGE, "--system", "x86_64-linux"]
    at = words.index(leave)
    assert hub.admin("catalog", "import", "nixpkgs", *words[:at], *words[at + 2:], "-", input="{}", check=False).returncode == 2
    words[at + 1] = "?"
    assert hub.admin("catalog", "import", "nixpkgs", *words, "-", input="{}", check=False).returncode == 2
