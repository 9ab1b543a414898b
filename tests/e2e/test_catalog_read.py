"""The catalog's read side over the wire, by the points of the protocol's checklist: search, show, info, lookups, status."""

import itertools
import json
import subprocess
import threading
import time
import urllib.parse

import pytest

import bench
from shelf import SYSTEMS, Shelf, digest

CATALOG = "/api/v1/catalog"
WORDS = ("hello", "nodejs_20", "greeter", "jdk", "kernel")


def search(hub, term, token=None, system="x86_64-linux", **more):
    query = urllib.parse.urlencode({"system": system, **({} if term is None else {"search_term": term}), **more})
    return hub.http(f"{CATALOG}/search?{query}", token=token)


def names(answer):
    assert answer.status == 200, answer.text
    return [i["pkg_path"] for i in answer.json["items"]]


def show(hub, path, token=None, **more):
    query = urllib.parse.urlencode({"pageSize": 1000, **more})
    return hub.http(f"{CATALOG}/packages/{urllib.parse.quote(path, safe='')}?{query}", token=token)


def lookup(hub, groups, token=None, **more):
    body = {"stability": "stable", "groups": [{"key": k, "references": r} for k, r in groups.items()], **more}
    return hub.http(f"{CATALOG}/build-inputs/lookup", method="POST", data=json.dumps(body).encode(), token=token,
                    headers={"Content-Type": "application/json"})


class World:
    """A base catalog of three pages, and catalogs of alice (public), acme (private, bob reads), quiet (unlisted)."""

    def __init__(self, hub):
        self.hub, self.shelf = hub, Shelf(hub)
        self.alice, self.bob, self.stranger = (hub.new_user(h) for h in ("alice", "bob", "stranger"))
        for org in ("acme", "quiet"):
            hub.new_org(self.alice, org)
        hub.admin("member", "set", "acme", "bob", "reader")
        s = self.shelf
        s.page(90, [], [s.row("hello", "1.0", description="of a page that no tag shows")])
        s.page(100, ["lts", "stable", "staging", "unstable"], [
            s.row("hello", "2.10", description="A program that greets"), s.row("python310Packages.flask", "2.0", broken=True, missing_builds=True),
            s.row("javaCup", "1", deprecation={"kind": "renamed", "replacement": "java-cup", "message": "'javaCup' has been renamed to 'java-cup'"})])
        s.page(110, ["stable", "unstable"], [
            s.row("hello", "2.12", description="A program that greets"),
            s.row("hello", "2.12", systems=()),
            s.row("hello-go", "hello-go", name="hello-go", description="Prints hello world in Go"), s.row("nwg-hello", "0.3"),
            s.row("haskellPackages.hello", "1.0"), s.row("othello", "3", insecure=True), s.row("greeter", "1", description="Says HELLO, 100% of the time"),
            s.row("nodejs_20", "20.1"), s.row("nodejsX20", "1"), s.row("nodePackages.foo", "1"), s.row("nodePackages.@angular/cli", "17"),
            s.row("linuxOnly", "1", systems=("x86_64-linux", "aarch64-linux")), s.row("unfreeThing", "1", unfree=True, broken=None),
            s.row("curl", "8", outputs=("bin", "dev", "man", "out", "devdoc"))] + [s.row(f"many.item{i:03}", "1") for i in range(25)])
        s.page(120, ["unstable"], [s.row("hello", "2.12", description="A program that greets well")], date="2026-02-03T04:05:06Z")
        s.catalog("alice", "public")
        s.catalog("acme", "private")
        s.catalog("quiet", "unlisted")
        s.build("alice", "tool", "1.0", base=100, description="hello from alice", source="https://example.com/tool")
        s.build("alice", "tool", "1.1", base=110, rev_count=7, source="https://example.com/tool")
        s.build("alice", "set.hello", "3", system="aarch64-linux", source="https://example.com/set")
        s.build("acme", "hello", "9", source="https://example.com/secret")
        s.build("acme", "rocket", "", name="rocket", description="codename hello")
        s.build("quiet", "hello", "5", source="https://example.com/quiet")
        secret = {"acme/hello": {"catalog": "acme", "attr_path": ["hello"], "build_type": "nef", "inputs": [], "locked_inputs_hash": "sha256-x",
                                 "source": {"type": "git", "url": "u", "rev": "r", "ref": "main", "dir": ".flox"}}}
        open_input = {"alice/tool": {"catalog": "alice", "attr_path": ["tool"], "build_type": "nef", "inputs": ["acme/hello"], "locked_inputs_hash": "sha256-old",
                                     "source": {"type": "git", "url": "u", "rev": "old", "ref": "main", "dir": ".flox", "narHash": "kept"}}}
        s.build("alice", "leans", "1", source="https://example.com/leans", inputs=["alice/tool"], closure={**open_input, **secret})
        s.build("alice", '"with.dot"', "1", source="https://example.com/dot")
        s.publish()


@pytest.fixture(scope="module")
def world(workshop):
    with bench.Hub(workshop, "--rate-limit", "0") as hub:
        yield World(hub)


# -- search

def test_names_come_first_then_the_shorter_path_then_bytes_and_descriptions_last(world):
    got = search(world.hub, "hello", pageSize=100)
    assert names(got) == ["hello", "othello", "hello-go", "nwg-hello", "alice/set.hello", "haskellPackages.hello", "greeter"]
    assert got.json["total_count"] == 7
    row = got.json["items"][0]
    assert row == {"attr_path": "hello", "catalog": None, "pkg_path": "hello", "name": "hello-2.12", "pname": "hello", "version": "2.12",
                   "description": "A program that greets well", "stabilities": [], "system": "x86_64-linux", "deprecation": None}
    assert got.headers["Content-Type"] == "application/json"


def test_case_does_not_count_and_every_system_shows_the_same(world):
    for term in ("hello", "HELLO", "hElLo"):
        for system in SYSTEMS + ("invalid",):
            got = search(world.hub, term, system=system, pageSize=100)
            assert names(got) == names(search(world.hub, "hello", pageSize=100))
            assert {i["system"] for i in got.json["items"]} == {system}
    assert names(search(world.hub, "linuxOnly", system="aarch64-darwin")) == ["linuxOnly"]


def test_a_term_has_two_to_two_hundred_characters(world):
    for term, status in (("", 422), ("h", 422), ("é", 422), ("éé", 200), ("x" * 200, 200), ("é" * 200, 200), ("x" * 201, 422), (None, 422)):
        answer = search(world.hub, term)
        assert answer.status == status, term
        if status == 422:
            assert isinstance(answer.json["detail"], str) and "search_term" in answer.json["detail"]
    assert search(world.hub, "surely_doesnt_exist").json == {"items": [], "total_count": 0}


def test_a_wrong_or_missing_system_and_a_wrong_page_are_422_with_a_sentence(world):
    for query in ("search_term=hello", "search_term=hello&system=", "search_term=hello&system=x86_64-windows", "search_term=hello&system=x86_64-linux&page=-1",
                  "search_term=hello&system=x86_64-linux&pageSize=x", "search_term=hello&system=x86_64-linux&pageSize=10001"):
        answer = world.hub.http(f"{CATALOG}/search?{query}")
        assert answer.status == 422 and answer.json["detail"].endswith("."), query
    assert world.hub.http(f"{CATALOG}/search?search_term=hello&system=x86_64-linux&unknown=1&page=").status == 200


def test_characters_stand_for_themselves_and_sets_need_a_dot(world):
    hub = world.hub
    assert names(search(hub, "nodejs_")) == ["nodejs_20"]
    assert names(search(hub, "100%")) == ["greeter"]
    assert names(search(hub, "in Go")) == ["hello-go"]
    assert names(search(hub, "packages")) == []
    assert names(search(hub, "nodePackages.")) == ["nodePackages.foo", "nodePackages.@angular/cli"]
    assert names(search(hub, "nodepackages.fo")) == ["nodePackages.foo"]
    assert names(search(hub, "@angular/cli")) == ["nodePackages.@angular/cli"]
    assert names(search(hub, "alice/to")) == ["alice/tool"]


def test_pages_put_together_are_the_list_and_the_total_stays(world):
    whole = search(world.hub, "item", pageSize=1000).json
    assert whole["total_count"] == len(whole["items"]) == 25
    parts = []
    for page in itertools.count():
        got = search(world.hub, "item", page=page, pageSize=10).json
        assert got["total_count"] == 25
        parts += got["items"]
        if len(got["items"]) < 10:
            break
    assert parts == whole["items"]
    assert search(world.hub, "item", page=3, pageSize=10).json == {"items": [], "total_count": 25}
    assert search(world.hub, "item").json["items"] == whole["items"][:10]  # ten when nothing is said
    assert search(world.hub, "item", pageSize=0).json == {"items": [], "total_count": 25}


def test_one_row_for_each_path_and_deprecation_is_shown(world):
    assert names(search(world.hub, "javaCup")) == ["javaCup"]
    assert search(world.hub, "javaCup").json["items"][0]["deprecation"] == {
        "kind": "renamed", "replacement": "java-cup", "message": "'javaCup' has been renamed to 'java-cup'"}
    assert names(search(world.hub, "flask")) == ["python310Packages.flask"]


def test_a_private_catalog_is_in_the_lists_and_totals_of_its_members_alone(world):
    hub = world.hub
    for token, extra in ((None, 0), (world.stranger.token, 0), (world.bob.token, 2), (world.alice.token, 3)):
        got = search(hub, "hello", token=token, pageSize=100)
        assert [i["catalog"] for i in got.json["items"]].count("acme") == (2 if extra else 0)
        assert got.json["total_count"] == search(hub, "hello", pageSize=100).json["total_count"] + extra
    row = next(i for i in search(hub, "rocket", token=world.bob.token).json["items"])
    assert (row["catalog"], row["pkg_path"], row["attr_path"], row["version"]) == ("acme", "acme/rocket", "rocket", None)
    for token in (None, world.stranger.token):
        assert search(hub, "rocket", token=token).json == {"items": [], "total_count": 0}


def test_catalogs_may_be_named_and_an_unlisted_one_is_found_that_way_alone(world):
    hub = world.hub
    assert not [n for n in names(search(hub, "hello", pageSize=100)) if n.startswith("quiet/")]
    assert names(search(hub, "hello", catalogs="quiet")) == ["quiet/hello"]
    assert names(search(hub, "hello", catalogs="nixpkgs,quiet,quiet", pageSize=100))[0] == "hello"
    assert names(search(hub, None, catalogs="alice")) == ["alice/tool", "alice/leans", "alice/set.hello", 'alice/"with.dot"']
    assert names(search(hub, "hello", catalogs="acme")) == names(search(hub, "hello", catalogs="no-such")) == []
    assert search(hub, None, catalogs="nixpkgs").status == 422


# -- show

def test_show_has_one_row_for_each_version_and_system_newest_first(world):
    got = show(world.hub, "hello").json
    assert [(i["rev_count"], i["version"], i["system"]) for i in got["items"]] == [
        (120, "2.12", s) for s in SYSTEMS] + [(100, "2.10", s) for s in SYSTEMS]
    assert got["total_count"] == 8 and got["deprecation"] is None
    row = got["items"][3]
    rev = digest("page 120")
    assert row == {
        "catalog": "nixpkgs", "attr_path": "hello", "pkg_path": "hello", "derivation": row["derivation"], "name": "hello-2.12", "pname": "hello",
        "version": "2.12", "system": "x86_64-linux", "outputs": row["outputs"], "outputs_to_install": ["out"], "description": "A program that greets well",
        "license": "MIT", "locked_url": "https://github.com/flox/nixpkgs?rev=" + rev, "rev": rev, "rev_count": 120, "rev_date": "2026-02-03T04:05:06Z",
        "broken": False, "insecure": False, "unfree": False, "missing_builds": False, "stabilities": ["unstable"],
        "scrape_date": "2026-05-28T20:26:40.123456Z", "cache_uri": None}
    assert row["derivation"].startswith("/nix/store/") and row["outputs"][0]["name"] == "out"
    assert show(world.hub, "hello").json["items"][4]["stabilities"] == ["lts", "stable", "staging", "unstable"]


def test_show_pages_and_shows_what_is_broken_insecure_and_unfree(world):
    hub = world.hub
    whole = show(hub, "hello").json["items"]
    assert [i for p in range(3) for i in show(hub, "hello", page=p, pageSize=3).json["items"]] == whole
    assert show(hub, "hello", page=9, pageSize=3).json == {"items": [], "total_count": 8, "deprecation": None}
    assert show(hub, "hello", page=-1).status == 422
    row = show(hub, "python310Packages.flask").json["items"][0]
    assert (row["broken"], row["missing_builds"], row["insecure"]) == (True, True, False)
    row = show(hub, "unfreeThing").json["items"][0]
    assert (row["unfree"], row["broken"]) == (True, None)
    assert [o["name"] for o in show(hub, "curl").json["items"][0]["outputs"]] == ["bin", "dev", "man", "out", "devdoc"]
    assert show(hub, "javaCup").json["deprecation"]["kind"] == "renamed"
    assert len(show(hub, "nodePackages.@angular/cli").json["items"]) == 4


def test_what_is_unknown_is_404_in_the_words_of_the_client(world):
    for path in ("search_term", "Hello", "hello.x", "alice/no", "no-such/hello", "acme/hello", "many", "", "x" * 290):
        answer = show(world.hub, path)
        assert answer.status == 404, path
        if path:
            assert answer.json["detail"] == f"Unable to locate attr_path '{path}'"
    assert show(world.hub, "é" * 290).json["detail"].startswith("Unable to locate attr_path 'é")  # cut, in the middle of one or not
    assert show(world.hub, "x" + "é" * 290).json["detail"].startswith("Unable to locate attr_path 'xé")
    assert show(world.hub, "python310Packages.flask").status == 200


def test_an_owners_package_is_found_with_its_slash_encoded_or_not(world):
    hub = world.hub
    for path in ("alice%2Ftool", "alice/tool", "alice%2ftool"):
        got = hub.http(f"{CATALOG}/packages/{path}").json
        assert [(i["version"], i["rev_count"]) for i in got["items"]] == [("1.1", 7), ("1.0", 1)]
    row = hub.http(f"{CATALOG}/packages/alice%2Ftool").json["items"][0]
    assert (row["catalog"], row["attr_path"], row["pkg_path"], row["pname"]) == ("alice", "tool", "alice/tool", "tool")
    assert (row["locked_url"], row["stabilities"], row["scrape_date"]) == ("git+https://example.com/alice", ["stable", "unstable"], None)
    assert show(hub, "alice/set.hello").json["items"][0]["stabilities"] is None
    assert show(hub, "quiet/hello").status == 200  # unlisted: by its name
    assert show(hub, "acme/hello", token=world.bob.token).status == 200
    for path in ("/api/v1/catalog%2Fpackages/hello", "/api/v1/catalog/packages%2Fhello", "/api/v1/catalog/catalogs/a%2Fb/locked-sources"):
        assert hub.http(path).status == 400
    for path in ("alice%2F..%2Ftool", "..%2Fhello", "alice%2F.", "a/../hello"):
        assert hub.http(f"{CATALOG}/packages/{path}").status == 404


# -- who asks

def test_a_token_that_is_not_valid_is_401_everywhere_and_the_schemes_case_does_not_count(world):
    hub = world.hub
    routes = [r for r in json.loads(hub.admin("config routes --json").stdout) if r["pattern"].startswith(CATALOG)]
    assert len(routes) >= 11
    for route in routes:
        path = route["pattern"].format(**{"attr_path*": "hello", "name": "alice", "storepath": "x-hello", "nar_file": "x.nar", "derivation": "x-hello.drv"})
        answer = hub.http(path, method=route["methods"][0], data=b"{}" if route["body"] else None, token="flox_pat_nobody",
                          headers={"Content-Type": "application/json"} if route["body"] else {})
        assert answer.status == 401 and isinstance(answer.json["detail"], str), path
    for scheme in ("bearer", "Bearer", "BEARER"):
        answer = hub.http(f"{CATALOG}/packages/acme%2Fhello", headers={"Authorization": f"{scheme} {world.bob.token}"})
        assert answer.status == 200


def test_where_the_operator_forbids_it_nobody_anonymous_is_answered(new_hub):
    hub = new_hub("--catalog-anonymous", "false")
    user, shelf = hub.new_user(), Shelf(hub)
    hub.sql("SELECT 1")
    for path in ("/search?system=x86_64-linux&search_term=hello", "/packages/hello", "/info/base-catalog", "/status/service", "/by-command?system=x86_64-linux&name=curl"):
        assert hub.http(CATALOG + path).status == 401, path
    assert search(hub, "hello", token=user.token).json == {"items": [], "total_count": 0}
    assert shelf.sql == []


def test_where_the_operator_forbids_it_nobody_anonymous_resolves_and_everybody_searches(new_hub):
    hub = new_hub("--catalog-resolve-anonymous", "false")
    user, shelf = hub.new_user(), Shelf(hub)
    shelf.page(100, ["unstable"], [shelf.row("hello", "2.12")])
    shelf.publish()
    body = json.dumps({"items": [{"name": "g", "descriptors": [{"install_id": "hello", "attr_path": "hello", "systems": ["x86_64-linux"]}]}]}).encode()
    for path in (f"{CATALOG}/resolve", "/api/v1/explain"):
        ask = lambda token=None: hub.http(path, method="POST", data=body, token=token, headers={"Content-Type": "application/json"})
        assert ask().status == 401 and ask().json["detail"] == "Log in to do this.", path
        assert ask("flox_pat_nobody").status == 401
        assert ask(user.token).status == 200
    assert search(hub, "hello").json["total_count"] == 1 and show(hub, "hello").status == 200
    for path in ("/info/base-catalog", "/status/service", "/by-command?system=x86_64-linux&name=curl"):
        assert hub.http(CATALOG + path).status == 200, path


def test_a_hub_below_a_path_answers_there(workshop):
    with bench.Hub(workshop, prefix="/hub") as hub:
        assert hub.base.endswith("/hub")
        assert hub.http(f"{CATALOG}/info/base-catalog").json == {"base_url": "https://github.com/flox/nixpkgs", "scraped_pages": [], "stabilities": []}
        assert show(hub, "alice/tool").status == 404


# -- info, status

def test_the_base_catalogs_pages_are_newest_first_without_those_that_no_tag_shows(world):
    got = world.hub.http(f"{CATALOG}/info/base-catalog").json
    assert got["base_url"] == "https://github.com/flox/nixpkgs"
    assert [(p["rev_count"], p["stability_tags"]) for p in got["scraped_pages"]] == [
        (120, ["unstable"]), (110, ["stable", "unstable"]), (100, ["lts", "stable", "staging", "unstable"])]
    assert got["scraped_pages"][0]["rev"] == digest("page 120")
    assert got["stabilities"] == [{"name": n, "ref": n} for n in ("unstable", "staging", "stable", "lts")]


def test_paths_counts_and_published_catalogs_tell_nothing_of_what_is_private(world):
    hub = world.hub
    paths = hub.http(f"{CATALOG}/info/pkg-paths").json
    assert paths["total_count"] == len(paths["items"]) and "hello" in paths["items"] and "rocket" not in paths["items"]
    assert hub.http(f"{CATALOG}/info/pkg-paths?page=1&pageSize=5").json == {"items": paths["items"][5:10], "total_count": paths["total_count"]}
    state = hub.http(f"{CATALOG}/status/catalog").json
    assert state["attribute_path_ct"] == state["search_index_ct"] == paths["total_count"]
    assert state["pages_ct"] == 4 and state["systems"] == list(SYSTEMS) and state["latest_rev"] == "2026-02-03T04:05:06Z"
    assert state["tags"]["lts"] == [digest("page 100")] and state["schema_version"].isdigit()
    published = {c["name"]: c for c in hub.http(f"{CATALOG}/info/published-catalogs").json["catalogs"]}
    assert set(published) == {"alice"}
    assert published["alice"]["package_ct"] == 4 and published["alice"]["package_builds_ct"] == 5
    assert sorted(published["alice"]["per_package_builds_ct"]) == [1, 1, 1, 2]
    mine = {c["name"] for c in hub.http(f"{CATALOG}/info/published-catalogs", token=world.bob.token).json["catalogs"]}
    assert mine == {"alice", "acme"}


def test_the_service_tells_how_it_is(world):
    hub = world.hub
    health = hub.http(f"{CATALOG}/status/healthcheck").json
    assert health["check_parameters"] == {"show_term": "hello", "search_term": "in Go", "search_system": "x86_64-linux", "resolve_package": "cowsay",
                                          "resolve_systems": ["x86_64-linux"]}
    assert (health["search_ok"], health["show_ok"], health["resolve_ok"]) == (True, True, False)  # there is no cowsay here
    assert all(isinstance(health[f"{k}_elapsed_ms"], int) for k in ("search", "show", "resolve"))
    service = hub.http(f"{CATALOG}/status/service").json
    assert service["service_version"] and service["uptime_seconds"] >= 0 and service["start_tm"].endswith("Z")
    command = hub.http(f"{CATALOG}/by-command?system=x86_64-linux&name=curl").json
    assert command == {"command_name": "curl", "providers": [], "total_count": 0, "listing_known": False}
    assert hub.http(f"{CATALOG}/by-command?system=x86_64-linux&name=c").status == 422


def test_what_has_no_answer_here_is_404(world):
    for method, path in (("POST", "/settings/plan?value=3"), ("GET", "/status/sentry-debug"), ("GET", "/packages/by-binary/hello")):  # see test_sbom.py for /info and /sbom
        answer = world.hub.http(CATALOG + path, method=method, data=b"{}" if method == "POST" else None, headers={"Content-Type": "application/json"})
        assert answer.status == 404 and isinstance(answer.json["detail"], str), path


# -- lookups

def test_a_lookup_answers_every_group_with_sources_matches_and_what_is_missing(world):
    got = lookup(world.hub, {"default": ["alice.tool", "alice.tool.readVersion", "alice.set.hello"], "other": ["alice.nope"], "empty": []}).json
    assert got["version"] == 1 and set(got["groups"]) == {"default", "other", "empty"}
    group = got["groups"]["default"]
    assert group["matched"] == {"alice/tool": ["alice.tool", "alice.tool.readVersion"], "alice/set.hello": ["alice.set.hello"]}
    assert group["unresolvable"] == []
    entry = group["lock"]["alice/tool"]
    rev = digest("tool 1.1")
    assert entry == {"catalog": "alice", "attr_path": ["tool"], "build_type": "nef", "inputs": [], "locked_inputs_hash": "sha256-" + digest(rev),
                     "source": {"type": "git", "url": "https://example.com/tool", "rev": rev, "ref": "main", "dir": ".flox"}}
    assert group["lock"]["alice/set.hello"]["attr_path"] == ["set", "hello"]
    assert got["groups"]["other"] == {"lock": {}, "matched": {}, "unresolvable": [
        {"reference": "alice.nope", "chain": ["alice.nope"], "leaf": {"unresolvable": {}}}]}
    assert got["groups"]["empty"] == {"lock": {}, "matched": {}, "unresolvable": []}


def test_wildcards_and_quotes_are_understood(world):
    group = lookup(world.hub, {"a": ["alice.set.*", 'alice."with.dot"', "quiet.*"]}).json["groups"]["a"]
    assert set(group["matched"]) == {"alice/set.hello", 'alice/"with.dot"', "quiet/hello"}
    assert group["lock"]['alice/"with.dot"']["attr_path"] == ["with.dot"]
    for odd in ("alice", "*", "alice..tool", "alice.*.tool", "alice.\"", "", "alice.tool.", ".", "alice.\"\"", "alice.nothing.*"):
        group = lookup(world.hub, {"a": [odd]}).json["groups"]["a"]
        assert group["lock"] == {} and [u["reference"] for u in group["unresolvable"]] == [odd], odd


def test_hidden_unknown_and_expired_references_cannot_be_told_apart(world):
    hub = world.hub
    bodies = set()
    for owner, name in (("acme", "hello"), ("nobody", "hello"), ("alice", "hello")):
        text = lookup(hub, {"a": [f"{owner}.{name}"]}).text
        bodies.add(text.replace(owner, "OWNER"))
    assert len(bodies) == 1
    early = lookup(hub, {"a": ["alice.tool"]}, reference_point={"as_of_date": "2001-01-01T00:00:00Z"})
    assert early.text.replace("alice.tool", "OWNER.hello") in bodies
    late = lookup(hub, {"a": ["alice.tool"]}, reference_point={"as_of_date": "2099-01-01T00:00:00+02:00"}).json["groups"]["a"]
    assert "alice/tool" in late["lock"]
    hidden = {"as_of_build": {"catalog": "acme", "attr_path": "hello", "rev": digest("hello 9")}}
    absent = {"as_of_build": {"catalog": "acme", "attr_path": "hello", "rev": "0" * 40}}
    assert lookup(hub, {"a": ["alice.tool"]}, reference_point=hidden).text == lookup(hub, {"a": ["alice.tool"]}, reference_point=absent).text
    seen = {"as_of_build": {"catalog": "alice", "attr_path": "tool", "rev": digest("tool 1.1")}}
    assert "alice/tool" in lookup(hub, {"a": ["alice.tool"]}, reference_point=seen).json["groups"]["a"]["lock"]


def test_recorded_inputs_come_along_unless_hidden_or_in_conflict(world):
    group = lookup(world.hub, {"a": ["alice.leans"]}).json["groups"]["a"]
    assert set(group["lock"]) == {"alice/leans", "alice/tool"} and set(group["matched"]) == {"alice/leans"}
    assert group["lock"]["alice/tool"]["source"]["narHash"] == "kept" and group["lock"]["alice/leans"]["inputs"] == ["alice/tool"]
    assert group["unresolvable"] == [{"reference": "acme/hello", "chain": ["alice.leans", "alice/tool", "acme/hello"], "leaf": {"unresolvable": {}}}]
    group = lookup(world.hub, {"a": ["alice.leans"]}, token=world.bob.token).json["groups"]["a"]
    assert set(group["lock"]) == {"alice/leans", "alice/tool", "acme/hello"} and group["unresolvable"] == []
    both = lookup(world.hub, {"a": ["alice.leans", "alice.tool"], "b": ["alice.tool"]}, token=world.bob.token).json["groups"]
    assert [u["reference"] for u in both["a"]["unresolvable"]] == ["alice.tool"]  # of another revision than the one that leans is built with
    assert both["b"]["unresolvable"] == []


def test_lookups_have_limits_and_say_what_is_wrong(world):
    hub = world.hub
    assert lookup(hub, {str(i): [] for i in range(256)}).status == 200
    assert lookup(hub, {str(i): [] for i in range(257)}).status == 422
    assert lookup(hub, {"a": ["a.b"] * 1024}).status == 200
    assert lookup(hub, {"a": ["a.b"] * 1025}).status == 422
    assert lookup(hub, {"a": ["é" * 1024]}).status == 200
    assert lookup(hub, {"a": ["é" * 1025]}).status == 422
    for body in (b"", b"{", b"[]", b"{}", b'{"stability":"","groups":[]}', b'{"stability":"stable"}', b'{"stability":"s","groups":{}}', b'{"stability":1,"groups":[]}',
                 b'{"stability":"s","groups":[{"key":"a"}]}', b'{"stability":"s","groups":[{"key":"a","references":[1]}]}',
                 b'{"stability":"s","groups":[{"key":"a","references":[]},{"key":"a","references":[]}]}',
                 b'{"stability":"s","groups":[],"reference_point":{"as_of_date":"yesterday"}}',
                 b'{"stability":"s","groups":[],"reference_point":{"as_of_date":"2026-01-01T00:00:00Z","as_of_build":{"catalog":"a","attr_path":"b","rev":"c"}}}'):
        answer = hub.http(f"{CATALOG}/build-inputs/lookup", method="POST", data=body, headers={"Content-Type": "application/json"})
        assert answer.status == 422 and isinstance(answer.json["detail"], str), body
    fine = b'{"stability":"s","groups":[],"reference_point":null,"unknown":{"x":1}}'
    assert hub.http(f"{CATALOG}/build-inputs/lookup", method="POST", data=fine, headers={"Content-Type": "application/json"}).json == {"version": 1, "groups": {}}


def test_a_lookup_asks_the_database_of_no_catalog_that_is_not_seen_and_of_each_other_once(world):
    def statements():
        time.sleep(1.2)  # PostgreSQL counts late
        return int(world.hub.sql("SELECT sum(xact_commit) FROM pg_stat_database"))

    groups = {str(g): [f"nobody-{i}.x" for i in range(900)] + ["alice.tool", "quiet.*", "acme.hello"] * 40 for g in range(30)}
    before = statements()
    answer = lookup(world.hub, groups)
    assert answer.status == 200 and set(answer.json["groups"]["29"]["lock"]) == {"alice/tool", "quiet/hello"}
    assert len(answer.json["groups"]["0"]["unresolvable"]) == 940
    assert statements() - before < 2000


def test_stars_that_mean_very_much_are_refused(new_hub):
    hub = new_hub()
    hub.new_user("alice")
    shelf = Shelf(hub)
    shelf.catalog("alice", "public")
    for i in range(40):
        shelf.build("alice", f"set.p{i}", "1", source="https://example.com/p")
    shelf.publish()
    bench.wait_for(lambda: lookup(hub, {"a": ["alice.set.*"]}).json["groups"]["a"]["lock"])
    assert len(lookup(hub, {"a": ["alice.set.*"] * 400}).json["groups"]["a"]["matched"]) == 40
    refused = lookup(hub, {str(i): ["alice.set.*"] * 200 for i in range(3)})
    assert refused.status == 422 and "at a time" in refused.json["detail"]
    assert lookup(hub, {str(i): ["alice.set.p1"] * 1000 for i in range(30)}).status == 200


def test_locked_sources_are_those_that_are_known_of_a_catalog_one_may_see(world):
    got = world.hub.http(f"{CATALOG}/catalogs/alice/locked-sources?pageSize=2").json
    assert got["total_count"] == 4 and len(got["items"]) == 2
    every = world.hub.http(f"{CATALOG}/catalogs/alice/locked-sources?pageSize=100").json["items"]
    assert {tuple(i["attr_path_components"]) for i in every} == {("tool",), ("set", "hello"), ("leans",), ("with.dot",)}
    assert every[-1]["source"]["dir"] == ".flox" and every[-1]["build_type"] == "nef"
    acme = world.hub.http(f"{CATALOG}/catalogs/acme/locked-sources", token=world.bob.token).json
    assert [i["attr_path"] for i in acme["items"]] == ["hello"]  # of the other nobody said where its source is
    hidden, absent = (world.hub.http(f"{CATALOG}/catalogs/{name}/locked-sources") for name in ("acme", "none"))
    assert hidden.status == absent.status == 404 and hidden.text.replace("acme", "none") == absent.text


# -- what is in memory is never older than what was said to be done

def nix32(text):
    alphabet = "0123456789abcdfghijklmnpqrsvwxyz"
    return "".join(alphabet[int(c, 16)] for c in digest(text)[:32])


def test_after_an_import_returned_every_search_and_show_has_it(new_hub):
    hub = new_hub("--rate-limit", "0")
    for n in range(8):
        row = {"attr_path": f"fresh{n}", "broken": False, "cache_uri": None, "catalog": "nixpkgs", "derivation": f"/nix/store/{nix32(str(n))}-fresh-{n}.drv",
               "description": None, "insecure": False, "license": None, "locked_url": "https://github.com/flox/nixpkgs?rev=" + digest(f"page {n}"),
               "missing_builds": False, "name": f"fresh{n}-1", "outputs": [{"name": "out", "store_path": f"/nix/store/{nix32('o' + str(n))}-fresh-{n}"}],
               "outputs_to_install": ["out"], "pkg_path": f"fresh{n}", "pname": f"fresh{n}", "rev": digest(f"page {n}"), "rev_count": 1000 + n,
               "rev_date": "2026-01-01T00:00:00Z", "scrape_date": None, "stabilities": ["unstable"], "system": "x86_64-linux", "unfree": False, "version": "1"}
        hub.admin("catalog", "import", "rows", "-", input=json.dumps(row) + "\n")
        assert names(search(hub, f"fresh{n}")) == [f"fresh{n}"]
        assert show(hub, f"fresh{n}").json["total_count"] == 1


def test_searches_while_a_catalog_changes_are_whole_and_go_forward(world):
    """Each step adds one package and takes another name for it: a search never shows fewer than before, nor half a step."""
    hub, shelf, stop, wrong = world.hub, world.shelf, threading.Event(), []

    def watch():
        most = 0
        while not stop.is_set():
            total = search(hub, "steadily", pageSize=100).json["total_count"]
            if total < most:
                wrong.append((total, most))
            most = max(most, total)

    watchers = [threading.Thread(target=watch) for _ in range(3)]
    for w in watchers:
        w.start()
    for n in range(6):
        shelf.build("alice", f"steadily{n}", "1")
        shelf.publish()
        assert search(hub, "steadily", pageSize=100).json["total_count"] == n + 1
    stop.set()
    for w in watchers:
        w.join()
    assert not wrong
    hub.sql("DELETE FROM package_build WHERE package_id IN (SELECT id FROM package WHERE attr_path LIKE 'steadily%');"
            "DELETE FROM package WHERE attr_path LIKE 'steadily%'")


def test_a_renamed_owners_catalog_is_found_under_its_new_name_alone(new_hub):
    hub = new_hub()
    user, shelf = hub.new_user(), Shelf(hub)
    hub.new_org(user, "before")
    shelf.catalog("before", "public")
    shelf.build("before", "moving", "1")
    shelf.publish()
    assert names(search(hub, "moving")) == ["before/moving"]
    hub.admin("org", "rename", "before", "behind")
    assert names(search(hub, "moving")) == ["behind/moving"]
    assert show(hub, "before/moving").status == 404 and show(hub, "behind/moving").status == 200


def test_the_systems_of_an_owners_version_come_in_the_order_of_their_names(new_hub):
    hub = new_hub()
    user, shelf = hub.new_user(), Shelf(hub)
    shelf.catalog(user.handle, "public")
    for system in ("x86_64-linux", "aarch64-darwin", "x86_64-darwin", "aarch64-linux"):
        shelf.build(user.handle, "tool", "1", system=system)
    shelf.publish()
    assert [r["system"] for r in show(hub, f"{user.handle}/tool").json["items"]] == ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"]


def test_a_revoked_membership_holds_at_the_next_search(world):
    hub = world.hub
    hub.admin("member", "set", "acme", "stranger", "reader")
    assert names(search(hub, "rocket", token=world.stranger.token)) == ["acme/rocket"]
    hub.admin("member", "remove", "acme", "stranger")
    assert names(search(hub, "rocket", token=world.stranger.token)) == []


def test_a_hub_that_lost_its_listener_misses_no_change(new_hub):
    hub = new_hub("--rate-limit", "0")
    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("alpha", "1")])
    shelf.publish()
    pid = hub.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'floe listener'")
    subprocess.run(["kill", "-STOP", pid], check=True)  # it hears nothing, and the hub notices within seconds, and gets another
    try:
        bench.wait_for(lambda: "floe_database_live 0" in hub.metrics(), timeout=20)
        hub.sql("UPDATE package SET attr_path = 'omega' WHERE attr_path = 'alpha'; SELECT pg_notify('floe_catalog', '9')")
        bench.wait_for(lambda: names(search(hub, "omega")) == ["omega"], timeout=3)  # nobody was told that it is done
        assert names(search(hub, "alpha")) == []
    finally:
        subprocess.run(["kill", "-CONT", pid], check=True)


def test_what_was_kept_is_forgotten_when_the_database_was_away(new_hub):
    """It may have been set back to an earlier moment meanwhile, where the same numbers stand for something else."""
    hub = new_hub("--rate-limit", "0")
    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("alpha", "1")])
    shelf.publish()
    body = {"items": [{"name": "g", "descriptors": [{"install_id": "a", "attr_path": "omega", "systems": ["x86_64-linux"]}]}]}

    def resolves():
        return hub.http(f"{CATALOG}/resolve", method="POST", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}).json["items"][0]["page"]

    assert names(search(hub, "omega")) == [] and resolves() is None
    hub.sql("SET session_replication_role = replica; UPDATE package SET attr_path = 'omega' WHERE attr_path = 'alpha'")  # no number is another one
    assert names(search(hub, "omega")) == [] and resolves() is None
    hub.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'floe listener'")
    bench.wait_for(lambda: names(search(hub, "omega")) == ["omega"] and resolves())
    assert names(search(hub, "alpha")) == []


def test_metrics_tell_of_the_index(world):
    metrics = world.hub.metrics()
    assert "floe_search_index_packages " in metrics and "floe_search_index_builds_total " in metrics
    assert 'route="catalog.search"' in metrics
