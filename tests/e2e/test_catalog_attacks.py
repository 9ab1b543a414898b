"""The catalog's routes against callers who want to know what is hidden (answers, and the time that they take), or to keep others from theirs."""

import concurrent.futures
import json
import time

import pytest

import bench
from shelf import Shelf, digest
from test_attacks import pace, peak_rss

CATALOG = "/api/v1/catalog"
LINUX = ["x86_64-linux"]


@pytest.fixture(scope="module")
def shelf(hub):
    """hidden has a private catalog of many packages, quiet an account and no catalog; nobody is nobody."""
    hub.new_user("hidden")
    hub.new_user("quiet")
    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("hello", "2.12")])
    shelf.catalog("hidden", "private")
    for i in range(1500):
        shelf.build("hidden", f"rocket{i}", "1.0", base=100, source="https://example.com/rocket")
    shelf.publish()
    hub.sql("ANALYZE")  # as autovacuum does some time after an import
    return shelf


def json_post(path, body):
    return "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"}


def of_owner(owner):
    """A question of each kind about an owner's package."""
    descriptor = {"install_id": "r", "attr_path": f"{owner}/rocket7", "systems": LINUX}
    return {
        "search": ("GET", f"{CATALOG}/search?system=x86_64-linux&search_term=rocket7&catalogs={owner}", None, {}),
        "show": ("GET", f"{CATALOG}/packages/{owner}/rocket7", None, {}),
        "sources": ("GET", f"{CATALOG}/catalogs/{owner}/locked-sources", None, {}),
        "resolve": json_post(f"{CATALOG}/resolve", {"items": [{"name": "g", "descriptors": [descriptor]}]}),
        "explain": json_post("/api/v1/explain", {"items": [{"name": "g", "descriptors": [descriptor]}]}),
        "lookup": json_post(f"{CATALOG}/build-inputs/lookup", {"stability": "stable", "groups": [{"key": "k", "references": [f"{owner}.rocket7", f"{owner}.*"]}]}),
    }


def take_as_long(hub, requests, ratio):
    """Of a difference that is there every turn tells; of a noisy machine's, none of several need."""
    told = []
    for _ in range(4):
        told.append(pace(hub, requests, rounds=150))
        if max(told[-1]) < ratio * min(told[-1]):
            return
    raise AssertionError(told)


@pytest.mark.parametrize("what", of_owner("x"))
def test_neither_answer_nor_time_tells_a_hidden_catalog_from_none(hub, shelf, what):
    asked = {owner: of_owner(owner)[what] for owner in ("hidden", "quiet", "nobody")}
    answers = {owner: hub.http(path, method=method, data=data, headers=headers) for owner, (method, path, data, headers) in asked.items()}
    assert len({(a.status, a.text.replace(owner, "X")) for owner, a in answers.items()}) == 1
    take_as_long(hub, list(asked.values()), 1.2)


def test_neither_answer_nor_time_tells_a_hidden_derivation_from_none(hub, shelf):
    names = [hub.sql(f"SELECT drv_path FROM derivation WHERE name = 'rocket{i}-1.0'").rsplit("/", 1)[1] for i in (7, 700)]
    absent = digest("absent")[:32] + names[0][32:]
    take_as_long(hub, [json_post(f"{CATALOG}/sbom/package/{name}", {}) for name in (*names, absent)], 1.2)
    assert hub.http(f"{CATALOG}/sbom/package/{names[0]}", method="POST", data=b"").status == 404


# -- bodies made to hurt

def test_locks_of_huge_texts_make_documents_in_memory_of_their_size(hub, shelf):
    before = peak_rss(hub)
    flake = {"install_id": "i", "locked-url": "u", "locked-flake-attr-path": "a", "derivation": "d", "package-system": "x86_64-linux", "system": "x86_64-linux",
             "name": "n", "outputs": {"out": "x"}, "licenses": ["l" * 130_000] * 64}
    old = {"x86_64-linux": {"a": {"attr-path": ["p" * 130_000] * 64, "info": {}, "input": {"url": "u", "attrs": {"owner": "NixOS", "repo": "nixpkgs"}}}}}
    for version, packages in ((1, [flake]), (0, old)):
        body = {"lockfile": {"lockfile-version": version, "packages": packages}, "system": "x86_64-linux", "environment_name": "w", "environment_owner": "acme"}
        method, path, data, headers = json_post(f"{CATALOG}/sbom/environment", body)
        assert hub.http(path, method=method, data=data, headers=headers).status == 200
    assert peak_rss(hub) - before < 250


def test_resolves_and_lookups_at_their_ceilings_keep_nobody_else_waiting(hub, shelf):
    same = [{"install_id": f"i{i}", "attr_path": "hello", "systems": [], "version": ",".join([">=0.0.0-rc.1"] * 32)} for i in range(3000)]
    far = [{"install_id": f"i{i}", "attr_path": f"python312Packages.misspelt{i}", "systems": LINUX} for i in range(3000)]
    bodies = [json_post(path, {"items": [{"name": "g", "descriptors": d}]}) for path in (f"{CATALOG}/resolve", "/api/v1/explain") for d in (same, far)]
    bodies.append(json_post(f"{CATALOG}/build-inputs/lookup", {"stability": "s", "groups": [{"key": str(g), "references": [f"nobody{i}.x" for i in range(1024)]}
                                                                                           for g in range(100)]}))
    slowest = []

    def ask(question):
        method, path, data, headers = question
        assert hub.http(path, method=method, data=data, headers=headers, timeout=60).status == 200

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        running = [pool.submit(ask, b) for b in bodies]
        while not all(r.done() for r in running):
            began = time.monotonic()
            assert hub.http("/healthz").status == 200
            slowest.append(time.monotonic() - began)
            time.sleep(0.01)
        [r.result() for r in running]
    assert max(slowest) < 2 * bench.SLOW
