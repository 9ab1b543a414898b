"""A hub without a base catalog of its own asks another: two hubs, and between them something that can be made to fail."""

import itertools
import json
import http.server
import threading
import time
import urllib.error
import urllib.request

import pytest

import bench
from shelf import Shelf
from test_catalog_read import CATALOG, lookup, names, search, show

OPERATORS = "flox_pat_the-operators-own"


class Between:
    """Passes requests on to a hub, and notes them; `how` is what it does instead."""

    def __init__(self, to):
        self.to, self.how, self.seen = to, "pass", []
        between = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                between.answer(self, None)

            def do_POST(self):
                between.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, h, body):
        self.seen.append((h.path, dict(h.headers.items()), body))
        if self.how == "close":
            h.close_connection = True
            return h.connection.close()
        if self.how == "slow":
            time.sleep(60)
        if self.how == "redirect":
            return self.send(h, 302, b"", Location=self.elsewhere + h.path)
        if self.how in ("garbage", "list", "empty"):
            return self.send(h, 200, {"garbage": b'{"items": [', "list": b"[]", "empty": b""}[self.how])
        if self.how == "page":
            return self.send(h, 200, b"<html>maintenance</html>", Type="text/html")
        if self.how == "error":
            return self.send(h, 500, b'{"detail": "it broke"}')
        if self.how.isdigit():
            return self.send(h, int(self.how), b'{"detail": "not this"}')
        if self.how == "refused":
            return self.send(h, 401, b'{"detail": "who are you"}')
        if self.how == "short":
            return self.send(h, 200, b'{"items"', length=1000)
        if self.how == "huge":
            return self.send(h, 200, b'{"x": "' + b"x" * (40 << 20) + b'"}')
        request = urllib.request.Request(self.to + h.path, data=body, headers={k: v for k, v in h.headers.items() if k.lower() not in ("host", "authorization")})
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                self.send(h, r.status, r.read())
        except urllib.error.HTTPError as e:
            self.send(h, e.code, e.read())

    def send(self, h, status, body, Type="application/json", length=None, **headers):
        try:
            h.send_response(status)
            for k, v in {"Content-Type": Type, "Content-Length": str(length or len(body)), **headers}.items():
                h.send_header(k, v)
            h.end_headers()
            h.wfile.write(body)
            if length:
                h.close_connection = True
                h.connection.close()
        except OSError:
            pass  # it did not wait for the end


def base(shelf):
    shelf.page(100, ["lts", "stable", "unstable"], [shelf.row("hello", "2.10", description="Greets"), shelf.row("python310Packages.flask", "2.0")])
    shelf.page(110, ["stable", "unstable"], [
        shelf.row("hello", "2.12", description="Greets"), shelf.row("hello-go", "1"), shelf.row("nwg-hello", "0.3"), shelf.row("haskellPackages.hello", "1.0"),
        shelf.row("nodePackages.@angular/cli", "17"), shelf.row("greeter", "1", description="Says hello")] + [shelf.row(f"many.item{i:03}", "1") for i in range(130)])


def owned(hub, shelf):
    """Two owners' catalogs, one of them private; the user who sees both."""
    user = hub.new_user("alice")
    hub.new_org(user, "acme")
    shelf.catalog("alice", "public")
    shelf.catalog("acme", "private")
    for owner, attr in (("alice", "hello"), ("alice", "item"), ("acme", "rocket"), ("acme", "item-of-a-longer-name"), ("acme", "hello-world-of-ours")):
        shelf.build(owner, attr, "1", base=110, description="an item" if attr == "rocket" else None, source="https://example.com/s")
    return user


class World:
    def __init__(self, workshop):
        self.hubs = [bench.Hub(workshop, "--rate-limit", "0").__enter__() for _ in range(2)]
        self.far, self.whole = self.hubs
        for hub in (self.far, self.whole):
            shelf = Shelf(hub)
            base(shelf)
            if hub is self.whole:
                self.whole_user = owned(hub, shelf)
            else:
                hub.new_user("faraway")
                shelf.catalog("faraway", "public")
                shelf.build("faraway", "tool", "1", base=100, source="https://far.example.com")
            shelf.publish()
        self.between = Between(self.far.url)
        self.near = bench.Hub(workshop, "--rate-limit", "0", "--catalog-upstream", self.between.url + "/", "--catalog-upstream-age", "1",
                              env={"FLOE_CATALOG_UPSTREAM_TOKEN": OPERATORS}).__enter__()
        self.hubs.append(self.near)
        shelf = Shelf(self.near)
        self.user = owned(self.near, shelf)
        shelf.sql += ["UPDATE catalog_version SET version = version + 1", "SELECT pg_notify('floe_catalog', version::text) FROM catalog_version"]
        self.near.sql("BEGIN;" + ";".join(shelf.sql) + ";COMMIT")
        bench.wait_for(lambda: names(search(self.near, None, catalogs="alice")))

    def close(self):
        self.between.close()
        for hub in self.hubs:
            hub.__exit__(None, None, None)

    def metric(self, line):
        return float(next(x for x in self.near.metrics().splitlines() if x.startswith(line + " ")).split()[1])


@pytest.fixture(scope="module")
def world(workshop):
    w = World(workshop)
    yield w
    w.close()


@pytest.fixture(autouse=True)
def healthy(world):
    """Each test begins with an upstream that answers and is not thought to be down."""
    world.between.how = "pass"
    bench.wait_for(lambda: world.near.http(f"{CATALOG}/info/base-catalog").headers.get("Floe-Upstream") == "fresh" and world.metric("floe_upstream_up") == 1,
                   timeout=20, step=0.3)
    world.between.seen.clear()
    yield
    world.between.how = "pass"


def test_a_search_of_both_is_the_search_of_one_hub_that_has_all(world):
    """Ranking, pages and totals, whoever asks."""
    for term in ("hello", "item", "ITEM0", "rocket", "packages.", "an item", "nothing-at-all", "@angular/cli"):
        for ours, theirs in ((None, None), (world.user.token, world.whole_user.token)):
            whole = search(world.whole, term, token=theirs, pageSize=1000).json
            assert search(world.near, term, token=ours, pageSize=1000).json == whole
            for size in (1, 3, 7, 10, 60):
                for page in range(min(6, whole["total_count"] // size + 2)):
                    got = search(world.near, term, token=ours, page=page, pageSize=size).json
                    assert got == {"items": whole["items"][page * size:(page + 1) * size], "total_count": whole["total_count"]}, (term, size, page)


def test_show_and_info_are_the_upstreams_and_owners_packages_are_ours(world):
    near, far = world.near, world.far
    for path in ("hello", "python310Packages.flask", "nodePackages.@angular/cli"):
        assert show(near, path).json == show(far, path).json
    assert show(near, "hello", page=1, pageSize=3).json == show(far, "hello", page=1, pageSize=3).json
    assert near.http(f"{CATALOG}/info/base-catalog").json == far.http(f"{CATALOG}/info/base-catalog").json
    assert near.http(f"{CATALOG}/info/pkg-paths").json == far.http(f"{CATALOG}/info/pkg-paths").json
    assert near.http(f"{CATALOG}/info/pkg-paths?page=2&pageSize=7").json == far.http(f"{CATALOG}/info/pkg-paths?page=2&pageSize=7").json
    missing = show(near, "no-such-thing")
    assert missing.status == 404 and missing.json["detail"] == "Unable to locate attr_path 'no-such-thing'"
    assert show(near, "alice/hello").json["items"][0]["catalog"] == "alice"
    assert show(near, "acme/rocket").status == 404 and show(near, "acme/rocket", token=world.user.token).status == 200


def test_no_callers_token_and_no_name_of_an_owner_here_leaves(world):
    near, token = world.near, world.user.token
    search(near, "hello", token=token)
    search(near, "acme/rock", token=token)
    assert names(search(near, "acme/rocket", token=token)) == ["acme/rocket"]
    search(near, "hello", token=token, catalogs="acme")
    show(near, "hello", token=token)
    show(near, "acme/rocket", token=token)
    show(near, "acme/unknown")
    lookup(near, {"a": ["acme.rocket", "acme.*", "alice.hello"]}, token=token)
    assert world.between.seen
    for path, headers, body in world.between.seen:
        assert headers["Authorization"] == f"bearer {OPERATORS}"
        text = path + json.dumps(headers) + (body or b"").decode()
        assert token not in text and "acme" not in text and "alice" not in text, text
    assert OPERATORS not in near.log() and OPERATORS not in near.metrics() and OPERATORS not in near.admin("config print").stdout


def resolve(hub, groups, token=None):
    """groups: {name: [(install_id, attr_path, systems, version)]}"""
    body = {"items": [{"name": name, "descriptors": [{"install_id": i, "attr_path": p, "systems": s, "version": v} for i, p, s, v in ds]}
                      for name, ds in groups.items()]}
    return hub.http(f"{CATALOG}/resolve", method="POST", data=json.dumps(body).encode(), token=token, headers={"Content-Type": "application/json"})


LINUX = ["x86_64-linux"]


def without_tags(answer):
    """The tags of the page that an owner's build was made on are not known where there is no such page."""
    for group in answer["items"]:
        for package in (group["page"] or {}).get("packages", []):
            if package["catalog"] != "nixpkgs":
                del package["stabilities"]
    return answer


def test_a_resolve_of_both_is_one_answer_and_the_one_of_a_hub_that_has_all(world):
    two = ["aarch64-linux", "x86_64-linux"]
    for groups in ({"toplevel": [("hello", "hello", two, None)]}, {"toplevel": [("h", "hello", LINUX, "2.10")]},
                   {"a": [("hello", "hello", LINUX, None)], "ours": [("mine", "alice/hello", LINUX, None)], "b": [("no", "no-such", LINUX, None)]},
                   {"none": [("x", "no-such", two, None)]}, {"hidden": [("x", "acme/none", LINUX, None)]},
                   {"x": [("old", "hello", LINUX, "9")]}, {}):
        for ours, theirs in ((None, None), (world.user.token, world.whole_user.token)):
            got, want = resolve(world.near, groups, ours), resolve(world.whole, groups, theirs)
            assert got.status == want.status == 200
            assert without_tags(got.json) == without_tags(want.json), groups


def test_a_group_of_both_has_the_upstreams_page_and_all_packages_in_their_order(world):
    group = {"mixed acme": [("rocket", "acme/rocket", LINUX, None), ("hello", "hello", LINUX, None), ("item", "alice/item", LINUX, None)]}
    got = resolve(world.near, group, world.user.token).json["items"]
    assert len(got) == 1 and got[0]["name"] == "mixed acme" and got[0]["page"]["page"] == 110
    assert [(p["install_id"], p["catalog"]) for p in got[0]["page"]["packages"]] == [("rocket", "acme"), ("hello", "nixpkgs"), ("item", "alice")]
    hidden = resolve(world.near, group).json["items"][0]  # to whom acme is nothing
    assert hidden["page"] is None and [m["type"] for m in hidden["messages"] if m["level"] == "error"]
    assert not [1 for path, _, body in world.between.seen if b"acme" in (body or b"") or "acme" in path]


def test_lookups_of_owners_that_are_not_here_go_on_and_the_others_do_not(world):
    answer = lookup(world.near, {"default": ["alice.hello", "faraway.tool", "acme.rocket", "nobody.x"], "own": ["alice.item"]}).json
    group = answer["groups"]["default"]
    assert set(group["lock"]) == set(group["matched"]) == {"alice/hello", "faraway/tool"}
    assert {u["reference"] for u in group["unresolvable"]} == {"acme.rocket", "nobody.x"}
    assert set(answer["groups"]["own"]["lock"]) == {"alice/item"}
    bodies = [body.decode() for path, _, body in world.between.seen if path.endswith("/lookup")]
    assert len(bodies) == 1 and "faraway" in bodies[0] and "acme" not in bodies[0] and "alice" not in bodies[0] and "default" not in bodies[0]
    world.between.how = "close"
    assert lookup(world.near, {"a": ["faraway.other"]}).status == 503
    assert lookup(world.near, {"a": ["alice.hello"]}).status == 200


def test_whether_an_owner_is_here_but_hidden_shows_in_no_answer_and_in_no_question(world):
    near, seen = world.near, world.between.seen
    build = {"reference_point": {"as_of_build": {"catalog": "OWNER", "attr_path": "WHAT", "rev": "1"}}}
    for references, more in ((["OWNER.WHAT"], {}), (["OWNER.WHAT.*", "OWNER.bWHAT"], {}), (["faraway.other"], build),
                             (["alice.nope", "OWNER.WHAT", "nobody.x", "alice.nope2", "OWNER.cWHAT", "faraway.tool"], {})):
        told = set()
        for owner, what in itertools.product(("acme", "abcd"), ("uno", "due")):
            def real(value, owner=owner, what=what):
                return json.loads(json.dumps(value).replace("OWNER", owner).replace("WHAT", what))

            seen.clear()
            got = lookup(near, {"g": real(references)}, **real(more))
            told.add((got.status, got.text.replace(owner, "OWNER").replace(what, "WHAT"), got.headers["Floe-Upstream"], got.headers["Age"], len(seen)))
            assert not [1 for path, _, body in seen if "acme" in path + (body or b"").decode()]
        assert len(told) == 1 and told.pop()[4] == 1, told
    world.between.how = "close"
    assert lookup(near, {"g": ["acme.other"]}).status == 503  # as of one that is not here


def test_what_an_upstream_says_of_owners_it_was_not_asked_about_is_passed_over(world):
    evil = {"lock": {}, "matched": {"acme/rocket": ["acme.rocket"], "faraway/tool": ["faraway.tool", "acme.rocket"]}, "unresolvable": []}
    world.between.answer, answer = lambda h, body: world.between.send(h, 200, json.dumps({"version": 1, "groups": {"0": evil}}).encode()), world.between.answer
    try:
        group = lookup(world.near, {"a": ["acme.rocket", "faraway.tool"]}).json["groups"]["a"]
    finally:
        world.between.answer = answer
    assert group["matched"] == {"faraway/tool": ["faraway.tool"]} and [u["reference"] for u in group["unresolvable"]] == ["acme.rocket"]


def test_an_answer_is_given_again_for_as_long_as_it_is_fresh(world):
    near = world.near
    first = show(near, "hello-go")
    assert (first.headers["Floe-Upstream"], first.headers["Age"]) == ("fresh", "0")
    asked = len(world.between.seen)
    again = show(near, "hello-go")
    assert again.body == first.body and len(world.between.seen) == asked
    time.sleep(1.2)
    show(near, "hello-go")
    assert len(world.between.seen) == asked + 1


@pytest.mark.parametrize("how", ["close", "redirect", "garbage", "list", "empty", "page", "error", "refused", "short", "huge"])
def test_while_the_upstream_fails_the_last_good_answer_is_given_and_said_to_be_old(world, how):
    near, other = world.near, Between(world.far.url)
    world.between.elsewhere = other.url
    good = {path: near.http(CATALOG + path).body for path in ("/packages/hello?pageSize=9", "/search?system=x86_64-linux&search_term=hello", "/info/base-catalog")}
    world.between.how = how
    time.sleep(1.2)
    stale = world.metric('floe_upstream_answers_total{how="stale"}')
    began = time.monotonic()
    for path, body in good.items():
        got = near.http(CATALOG + path)
        assert (got.status, got.body) == (200, body)
        assert got.headers["Floe-Upstream"] == "stale" and int(got.headers["Age"]) >= 1
    never, is_there = show(near, f"never-asked-{how}"), how == "huge"  # what is too large for one is no sign that it is away
    if is_there:
        assert never.status == 422 and "cannot answer this" in never.json["detail"]
    else:
        assert never.status == 503 and "does not answer" in never.json["detail"] and never.headers["Retry-After"]
    assert time.monotonic() - began < 10
    assert world.metric("floe_upstream_up") == is_there and world.metric('floe_upstream_answers_total{how="stale"}') >= stale + 3
    assert names(search(near, None, catalogs="alice")) == ["alice/item", "alice/hello"]
    assert show(near, "alice/hello").status == 200  # what is ours is answered as ever
    assert not other.seen  # nothing followed it there
    other.close()


def test_what_one_caller_asks_too_much_of_leaves_the_upstream_to_the_others(world):
    """What is refused for its size, or answered with more than is taken, is no sign that the upstream is away."""
    near, between = world.near, world.between
    questions = [lambda: lookup(near, {str(g): [f"nobody{g}x{i}.x" for i in range(1024)] for g in range(256)}),  # some twenty megabytes of answer
                 lambda: show(near, "@" * 2600), lambda: search(near, "no-such-thing")]
    for i, (how, question, status) in enumerate([("pass", questions[0], 422), ("pass", questions[1], 404), *[(str(s), questions[2], 422) for s in (400, 413, 414, 431)]]):
        between.how = how
        assert question().status == status, how
        between.how = "pass"
        fresh = search(near, f"otherwise{i}")
        assert fresh.status == 200 and fresh.headers["Floe-Upstream"] == "fresh", how
        assert world.metric("floe_upstream_up") == 1


def test_a_slow_upstream_keeps_nobody_waiting_for_long_and_the_rest_of_the_hub_goes_on(world):
    near = world.near
    good = show(near, "hello").body
    world.between.how = "slow"
    time.sleep(1.2)
    results = []

    def ask(n):
        began = time.monotonic()
        results.append((show(near, f"hello{n or ''}"), time.monotonic() - began))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert near.http("/readyz").status == 200 and show(near, "alice/hello").status == 200
    assert time.monotonic() - began < 5
    for t in threads:
        t.join()
    for answer, took in results:
        assert took < 28 and (answer.status == 503 or answer.body == good)
    assert good in [a.body for a, _ in results]


def test_two_hubs_that_name_each_other_do_not_ask_for_ever(workshop):
    port = bench.free_port()
    with bench.Hub(workshop, "--catalog-upstream", f"http://127.0.0.1:{port}") as one, bench.Hub(workshop, "--catalog-upstream", one.url, start=False) as two:
        two.port, two.base = port, f"http://127.0.0.1:{port}"
        two.start()
        for hub in (one, two):
            assert search(hub, "hello").json == {"items": [], "total_count": 0}
            assert show(hub, "hello").status == 404


def test_a_hub_with_a_base_catalog_of_its_own_asks_nobody(new_hub):
    hub = new_hub("--catalog-upstream", "http://127.0.0.1:9")
    assert search(hub, "hello").status == 503
    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("hello", "1")])
    hub.sql("BEGIN;" + ";".join(shelf.sql) + "; UPDATE catalog_version SET version = version + 1; SELECT pg_notify('floe_catalog', '2'); COMMIT")
    bench.wait_for(lambda: search(hub, "hello").status == 200)
    assert names(search(hub, "hello")) == ["hello"]


def test_an_upstream_must_be_the_base_url_of_a_hub(workshop):
    for url in ("ftp://x", "hub.example.org", "http://user:pw@hub", "http://hub/?x=1", "file:///etc/passwd"):
        done = bench.Hub(workshop, start=False).admin("config", "check", "--catalog-upstream", url, check=False)
        assert done.returncode != 0 and "catalog_upstream must be like" in done.stderr
