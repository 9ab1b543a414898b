"""The official client on this hub's catalog, where there is one (see official.py).

FLOE_TEST_FLOX_ROWS names a folder of rows files (`catalog import rows`), one page each in the order of their names, whose
outputs for this machine's system are in that client's store: what is installed is neither fetched nor built. On all pages are `hello`,
which prints its name and version and gets newer with the last page, and `curl`; on some there is `broken-tool`, which is marked as broken.
"""

import json
import os
from pathlib import Path

import pytest

from official import SCHEMA, alice, desk, manifest_of, needs_flox  # noqa: F401

ROWS = os.environ.get("FLOE_TEST_FLOX_ROWS")
pytestmark = [needs_flox, pytest.mark.skipif(not ROWS, reason="FLOE_TEST_FLOX_ROWS is not set: no packages in the official client's store")]
SEARCH, SHOW, RESOLVE = "GET /api/v1/catalog/search 200", "GET /api/v1/catalog/packages/{} {}", "POST /api/v1/catalog/resolve 200"


def put(hub, file):
    page = hub.data / file.name
    page.write_bytes(file.read_bytes())
    page.chmod(0o644)
    hub.admin("catalog", "import", "rows", page)


@pytest.fixture
def hub(fresh_hub):
    """With all pages but the last, which hub.last() brings."""
    *first, last = sorted(Path(ROWS).glob("*.jsonl"))
    for file in first:
        put(fresh_hub, file)
    fresh_hub.last = lambda: put(fresh_hub, last)
    rows = [json.loads(line) for line in last.read_text().splitlines()]
    fresh_hub.newest = next(r["version"] for r in rows if r["attr_path"] == "hello")
    return fresh_hub


def lock_of(folder):
    return (folder / ".flox/env/manifest.lock").read_text()


def version_of(folder):
    return next(p["version"] for p in json.loads(lock_of(folder))["packages"] if p["attr_path"] == "hello")


def test_it_searches_and_shows(hub, desk):
    flox = desk("a")
    found = json.loads(flox("search", "--json", "HELLO", cwd=desk.dir).stdout)
    assert [r["pkg_path"] for r in found] == ["hello"] and flox.asked == [SEARCH]
    assert "No packages matched this search term" in flox.fails("search", "nothinglikethis", cwd=desk.dir)
    shown = flox("show", "hello", cwd=desk.dir).stdout
    assert shown.startswith("hello - ") and "hello@" in shown and flox.asked == [SHOW.format("hello", 200)]
    assert "no packages matched this pkg-path" in flox.fails("show", "nothere", cwd=desk.dir)
    assert flox.asked == [SHOW.format("nothere", 404)]


def test_what_it_installs_runs_is_upgraded_pushed_and_runs_elsewhere(hub, desk, alice):
    one, two = desk("a", alice), desk("b", alice)
    web = one.made(desk.dir / "web")
    one("install", "hello", cwd=web)
    assert one.asked == [RESOLVE]
    older = version_of(web)
    assert one("activate", "-t", "--", "hello", cwd=web).stdout == f"hello {older}\n"
    one.wait()
    one("install", "hello", cwd=web)
    assert one.asked == [], "what is there is not asked for"
    hub.last()
    assert f"hello: {older} -> {hub.newest}" in one("upgrade", "--dry-run", cwd=web).stderr
    assert version_of(web) == older
    assert f"hello: {older} -> {hub.newest}" in one("upgrade", cwd=web).stderr and one.asked == [RESOLVE]
    one("push", cwd=web)
    copy = desk.folder("copy")
    two("pull", f"{alice.handle}/web", cwd=copy)
    assert two("activate", "-t", "--", "hello", cwd=copy).stdout == f"hello {hub.newest}\n"
    two.wait()


def test_it_and_floe_write_the_same_bytes(hub, desk, machine, alice):
    flox, floe = desk("a", alice), machine().login(alice)
    one, two = flox.made(desk.dir / "one/web", SCHEMA), desk.folder("two/web")
    floe.floe("init", cwd=two, check=True)
    floe.floe("edit", "-f", "-", cwd=two, input=SCHEMA, check=True)
    for args in (("install", "hello"), ("install", "curl^out"), ("uninstall", "hello"), ("install", "-i", "greeter", "hello"), ("upgrade",)):
        if args == ("upgrade",):
            hub.last()
        flox(*args, cwd=one)
        floe.floe(*args, cwd=two, check=True)
        assert manifest_of(two) == manifest_of(one), args
        assert lock_of(two) == lock_of(one), args


def test_what_cannot_be_installed_is_told_and_changes_nothing(hub, desk):
    flox = desk("a")
    web = flox.made(desk.dir / "web", SCHEMA)
    before = manifest_of(web), lock_of(web)
    for args, told in ((("helo",), "helo"), (("broken-tool",), "broken packages are not allowed"),
                       (("hello@9",), "No version compatible with '9' found for 'hello'")):
        assert told in flox.fails("install", *args, cwd=web), args
        assert flox.asked[0] == RESOLVE and (manifest_of(web), lock_of(web)) == before, args
    bad = desk.dir / "bad.toml"
    bad.write_text(SCHEMA + '[install]\nhello.pkg-path = "hello"\nhello.version = "=foo"\n')
    assert "422" in flox.fails("edit", "-f", bad, cwd=web) and (manifest_of(web), lock_of(web)) == before
