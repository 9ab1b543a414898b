"""Resolve and explain over the wire: what is refused, what changes reach, whom names are shown, and a database that fails.

Which page is chosen is held against a reference in test_catalog_properties.py and against recordings in
test_catalog_replay.py; here is what those do not ask."""

import json
import threading
import time

import pytest

import bench
from shelf import Shelf

RESOLVE, EXPLAIN = "/api/v1/catalog/resolve", "/api/v1/explain"
LINUX = "x86_64-linux"


def ask(hub, groups, token=None, route=RESOLVE, query=""):
    """groups: lists of (attr_path, members) or attr_paths; the answer's groups."""
    items = []
    for i, group in enumerate(groups):
        wanted = [(d, {}) if isinstance(d, str) else d for d in group]
        items.append({"name": f"g{i}", "descriptors": [{"install_id": a.split("/")[-1], "attr_path": a, "systems": [LINUX], **more} for a, more in wanted]})
    a = post(hub, {"items": items}, token, route, query)
    assert a.status == 200, a.text
    return a.json["items"]


def post(hub, body, token=None, route=RESOLVE, query="", kind="application/json"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return hub.http(route + query, method="POST", data=data, headers={"Content-Type": kind}, token=token)


def errors(group):
    return [m["type"] for m in group["messages"] if m["level"] == "error"]


def one(**more):
    return {"items": [{"name": "g", "descriptors": [{"install_id": "i", "attr_path": "hello", "systems": [LINUX], **more}]}]}


@pytest.fixture(scope="module")
def shelf(hub):
    shelf = Shelf(hub)
    shelf.page(100, ["stable", "unstable"], [shelf.row("hello", "1.0.0"), shelf.row("ripgrep", "13.0.0"), shelf.row("python3Packages.flask", "2.0")])
    shelf.page(200, ["unstable"], [shelf.row("hello", "2.0.0"), shelf.row("ripgrep", "14.0.0", insecure=True), shelf.row("old", "1", broken=True)])
    shelf.publish()
    return shelf


BAD = {
    "no JSON": b"{", "not UTF-8": b'{"items":["\xff"]}', "nothing": b"", "a list": [], "no items": {}, "items is null": {"items": None},
    "a group that is none": {"items": [1]}, "no name": {"items": [{"descriptors": []}]}, "no descriptors": {"items": [{"name": "g"}]},
    "a system that is none": one(systems=["riscv64-linux"]), "a system of another type": one(systems=[1]), "no systems": one(systems=None),
    "systems as text": one(systems=LINUX), "a flag of another type": one(allow_broken="yes"), "a version of another type": one(version=2),
    "a version that begins like a range": one(version="=unstable-2023-03-23"), "a license of another type": one(allowed_licenses=[None]),
    "a name that is too long": one(attr_path="a" * 1025), "too many systems": one(systems=[LINUX] * 17),
    "a member twice": b'{"items":[{"name":"g","name":"g","descriptors":[]}]}',
    "too many rows": {"items": [{"name": "g", "descriptors": one(systems=[LINUX] * 16)["items"][0]["descriptors"] * 513}]},
    "too many groups": {"items": [{"name": "g", "descriptors": []}] * 1025},
}


@pytest.mark.parametrize("route", [RESOLVE, EXPLAIN])
@pytest.mark.parametrize("what", BAD)
def test_a_body_that_is_wrong_is_422_with_one_sentence(hub, shelf, route, what):
    a = post(hub, BAD[what], route=route)
    assert a.status == 422 and a.headers["Content-Type"].startswith("application/json"), a.text
    assert isinstance(a.json["detail"], str) and a.json["detail"].strip(), a.text


def test_a_version_that_cannot_be_read_is_named_as_the_service_does(hub, shelf):
    detail = post(hub, one(version="=unstable-2023-03-23", install_id="foo", attr_path="bar")).json["detail"]
    assert "'foo'" in detail and "'bar'" in detail and detail.endswith("bad version spec: Invalid simple block '=unstable-2023-03-23'")


def test_other_refusals(hub, shelf):
    for query in ("?candidate_pages=-1", "?candidate_pages=x", "?candidate_pages=10001"):
        assert post(hub, one(), query=query).status == 422
    assert post(hub, one(), kind="text/plain").status == 415
    assert post(hub, b'{"items":[' + b" " * (4 << 20) + b"]}").status == 413
    assert hub.http(RESOLVE).status == 405
    assert post(hub, one(), token="flox_pat_" + "x" * 49).status == 401


def test_what_is_not_known_is_ignored_and_null_is_absent(hub, shelf):
    plain = post(hub, one()).body
    flags = dict.fromkeys(("version", "derivation", "allow_broken", "allow_insecure", "allow_unfree", "allow_pre_releases", "allowed_licenses",
                           "allow_missing_builds"))
    assert post(hub, one(**flags)).body == plain
    assert post(hub, one(allow_broken=False, allow_insecure=False, allow_unfree=True, allow_pre_releases=False)).body == plain
    assert post(hub, {**one(color="red"), "more": {"x": [1, {"y": None}]}}, query="?colour=red").body == plain


def test_empty_groups_are_answered(hub, shelf):
    assert post(hub, {"items": []}).json == {"items": []}
    group = post(hub, {"items": [{"name": "none", "descriptors": []}]}).json["items"][0]
    assert group["page"]["page"] == 200 and group["page"]["packages"] == [] and group["page"]["complete"]


def test_candidate_pages_are_named_when_they_are_asked_for(hub, shelf):
    assert ask(hub, [["hello"]])[0]["candidate_pages"] is None
    further = ask(hub, [["hello"], ["nope"]], query="?candidate_pages=5")
    assert further[0]["candidate_pages"] == [{"page": 100, "url": "", "packages": None, "messages": [], "complete": True}]
    assert further[1]["candidate_pages"] is None


def test_a_change_is_in_the_next_answer_though_rows_are_kept_in_memory(fresh_hub):
    hub, shelf = fresh_hub, Shelf(fresh_hub)
    first = ask(hub, [["hello"]])[0]
    assert errors(first) == ["attr_path_not_found.not_in_catalog"]
    assert any("catalog import" in m["message"] for m in first["messages"]), "an empty catalog says how it is filled"
    shelf.page(100, ["unstable"], [shelf.row("hello", "1.0.0")])
    shelf.publish()
    for _ in range(2):
        assert ask(hub, [["hello"]])[0]["page"]["packages"][0]["version"] == "1.0.0"
    shelf.page(200, ["unstable"], [shelf.row("hello", "2.0.0")])
    shelf.publish()
    assert ask(hub, [["hello"]])[0]["page"]["packages"][0]["version"] == "2.0.0"
    hub.sql("DELETE FROM catalog_page_tag WHERE page_id = (SELECT id FROM catalog_page WHERE rev_count = 200);"
            "UPDATE catalog_version SET version = version + 1")  # nobody is told, and yet
    group = ask(hub, [["hello"]])[0]
    assert group["page"]["page"] == 100 and group["page"]["packages"][0]["stabilities"] == ["unstable"]


def test_a_database_that_fails_is_never_an_answer_that_something_is_not_there(fresh_hub):
    hub, shelf = fresh_hub, Shelf(fresh_hub)
    shelf.page(100, ["unstable"], [shelf.row("hello", "1.0.0")])
    shelf.publish()
    statuses, end = set(), time.monotonic() + 6 * bench.SLOW

    def walk(route):
        while time.monotonic() < end:
            a = post(hub, one(), route=route)
            statuses.add(a.status)
            if a.status == 200:
                group = a.json["items"][0]
                assert group["page"] and group.get("resolved", True), a.text
            else:
                assert a.status in (500, 503) and isinstance(a.json["detail"], str), a.text

    failed = []

    def guarded(route):
        try:
            walk(route)
        except AssertionError as e:
            failed.append(e)

    threads = [threading.Thread(target=guarded, args=(r,)) for r in (RESOLVE, RESOLVE, EXPLAIN)]
    for t in threads:
        t.start()
    hub.kill_postgres()
    for t in threads:
        t.join()
    assert not failed, failed[0]
    bench.wait_for(lambda: post(hub, one()).status == 200, 60)
    for table in ("page_run", "derivation"):
        hub.sql(f"ALTER TABLE {table} RENAME TO hidden; UPDATE catalog_version SET version = version + 1")
        for route in (RESOLVE, EXPLAIN):
            assert post(hub, one(), route=route).status == 500
        hub.sql(f"ALTER TABLE hidden RENAME TO {table}")
    assert post(hub, one()).json["items"][0]["page"]


# -- explain


def test_explain_says_which_demand_is_not_met_and_where_each_would_be(hub, shelf):
    told = ask(hub, [["ripgrep"]], route=EXPLAIN)[0]
    system = told["packages"][0]["systems"][0]
    assert told["resolved"] and told["page"]["page"] == 100 and told["page"]["stabilities"] == ["stable", "unstable"]
    assert (system["version"], system["newest_page"], system["newest_version"], system["alone_page"]) == ("13.0.0", 200, "14.0.0", 100)
    assert system["unmet"] == [{"constraint": "insecure", "possible": True, "page": 100}]
    assert told["newer_pages"] == [{"page": 200, "prevented": 1, "prevented_by": [
        {"install_id": "ripgrep", "attr_path": "ripgrep", "system": LINUX, "reason": "insecure"}]}]
    assert "'ripgrep' fits on no newer one" in told["why"]


def test_explain_says_why_nothing_fits(hub, shelf):
    old, apart, version = ask(hub, [["old"], [("hello", {"version": "2"}), ("ripgrep", {})], [("hello", {"version": "9"})]], route=EXPLAIN)
    assert not old["resolved"] and "broken" in old["why"] and old["page"] is None
    assert old["packages"][0]["systems"][0]["unmet"] == [{"constraint": "broken", "possible": False, "page": None}]
    assert [p["alone_page"] for p in apart["packages"]] == [200, 100] and "groups of their own" in apart["why"]
    assert {(n["page"], b["attr_path"], b["reason"]) for n in apart["newer_pages"] for b in n["prevented_by"]} == {
        (200, "ripgrep", "insecure"), (100, "hello", "version")}
    assert version["packages"][0]["systems"][0]["unmet"][0] == {"constraint": "version", "possible": False, "page": None}
    assert errors(version) == ["version_not_found"]


def test_explain_knows_the_names_that_are_nearest(hub, shelf):
    for wrong, right in (("helo", "hello"), ("hlelo", "hello"), ("HELLO2", "hello"), ("rigrep", "ripgrep"), ("flask", "python3Packages.flask")):
        package = ask(hub, [[wrong]], route=EXPLAIN)[0]["packages"][0]
        assert not package["in_catalog"] and package["similar"] and package["similar"][0] == right, package
    assert ask(hub, [["zzzzzz"], ["hello"]], route=EXPLAIN)[0]["packages"][0]["similar"] == []
    assert ask(hub, [["hello"]], route=EXPLAIN)[0]["packages"][0]["similar"] == []


def test_explain_names_only_what_the_caller_finds_in_a_search(hub, shelf):
    owner, stranger = hub.new_user("near-owner"), hub.new_user()
    for name, visibility in (("near-public", "public"), ("near-private", "private"), ("near-unlisted", "unlisted")):
        hub.new_org(owner, name)
        shelf.catalog(name, visibility)
        shelf.build(name, "widget", "1.0")
    shelf.publish()

    def near(path, token):
        return ask(hub, [[path]], token, EXPLAIN)[0]["packages"][0]["similar"]

    for name, visible in (("near-public", True), ("near-private", False), ("near-unlisted", False)):
        for token in (None, stranger.token):
            assert near(f"{name}/wdget", token) == ([f"{name}/widget"] if visible else [])
        assert f"{name}/widget" in near(f"{name}/wdget", owner.token)
    assert near("near-publik/widget", None) == ["near-public/widget"]
    # A private name is in no catalog, in the same words as one that nobody has; and no other catalog stands in for it.
    shelf.page(300, ["unstable"], [shelf.row("widget", "0.1")])
    shelf.publish()
    hidden, absent = (ask(hub, [[f"{o}/widget"]], stranger.token)[0] for o in ("near-private", "near-nobodyx"))
    assert errors(hidden) == ["attr_path_not_found.not_in_catalog"]
    assert json.dumps(hidden).replace("near-private", "X") == json.dumps(absent).replace("near-nobodyx", "X")
    assert ask(hub, [["near-private/widget"]], owner.token)[0]["page"]["packages"][0]["catalog"] == "near-private"
