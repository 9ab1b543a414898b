"""The isolation matrix: every route of the hub × every kind of caller × every visibility.

The routes come from the hub's own table (floe-server config routes --json), the answers from the table below, written by
hand from docs/decisions/0002-access.md; a route without a row fails. The letters of an answer:

    .  done      ?  as if it did not exist      !  denied      L  log in

    a  anonymous         o  an owner of the organisation     x  an expired token of an owner
    S  a stranger        H  an administrator of the hub      v  a revoked token of an owner
    r  a reader          s  an owner's token of scope read   d  a token of an owner whose account is disabled
    w  a writer

Where something must look absent, and always for a stranger and a private thing, the same request is made about what does
not exist: status and body must be the same."""

import hashlib
import itertools
import json
import re

import pytest

import bench
from shelf import Shelf
from test_rest import call

CALLERS = "aSrwoHxvsd"
VISIBILITIES = ("public", "internal", "unlisted", "private")
NOT_THERE = "no-such-org"
ADDRESSED = {"git.info_refs", "git.upload_pack", "git.receive_pack"}
ABOUT = {"rest.envs", "rest.tokens", "rest.token_create", "rest.env_create", "catalog.search", "catalog.lookup", "catalog.resolve", "catalog.explain"}  # an owner in the query or the body

OPEN = ("..........",) * 4
ANYONE = ("......LL.L",) * 4
ACCOUNT = ("L.....LL.L",) * 4
SEE = ("......LL.L", "?.....LL.L", "??....LL.L", "??....LL.L")  # it appears in a list
READ = ("......LL.L", "?.....LL.L", "......LL.L", "??....LL.L")  # it is named exactly
WRITE = ("L!!...LL!L", "L!!...LL!L", "L!!...LL!L", "L?!...LL!L")
ADMIN = ("L!!!..LL!L", "L!!!..LL!L", "L!!!..LL!L", "L?!!..LL!L")
CREATE = ("L!!...LL!L",) * 4
OWNER_READ = ("L?....LL.L",) * 4
OWNER_ADMIN = ("L?!!..LL!L",) * 4
HUB_ADMIN = ("L!!!!.LL!L",) * 4
# git reads with a token that is not valid are anonymous ones
GIT_LIST = ("..........", "?.....??.?", "??....??.?", "??....??.?")
GIT_NAMED = ("..........", "?.....??.?", "..........", "??....??.?")

TABLE = {
    "health.live": OPEN,
    "health.ready": OPEN,
    "openapi.json": OPEN,
    "openapi.page": OPEN,
    "ui.home": OPEN,
    "ui.style": OPEN,
    "ui.icon": OPEN,
    "ui.env": READ,
    "ui.settings": READ,
    "accounts.me": ACCOUNT,
    "git.info_refs": GIT_LIST,
    "git.upload_pack": GIT_NAMED,
    "git.receive_pack": CREATE,  # what may not be seen cannot be told from what is not there yet
    "rest.me": ACCOUNT,
    "rest.owner": SEE,
    "rest.owner_patch": OWNER_ADMIN,
    "rest.audit": OWNER_ADMIN,
    "rest.orgs": ("L?...?LL.L",) * 4,
    "rest.org_create": ("L.....LL!L",) * 4,
    "rest.members": OWNER_READ,
    "rest.member_put": OWNER_ADMIN,
    "rest.member_delete": OWNER_ADMIN,
    "rest.tokens": OWNER_READ,
    "rest.token_create": OWNER_ADMIN,
    "rest.token_delete": OWNER_ADMIN,
    "rest.envs": SEE,
    "rest.env_create": CREATE,
    "rest.env": READ,
    "rest.env_patch": ADMIN,
    "rest.env_delete": ADMIN,
    "rest.env_restore": ADMIN,
    "rest.generations": READ,
    "rest.generation_create": WRITE,
    "rest.generation": READ,
    "rest.manifest": READ,
    "rest.lock": READ,
    "rest.history": READ,
    "rest.diff": READ,
    "rest.rollback": WRITE,
    "rest.switch": WRITE,
    "catalog.search": SEE,
    "catalog.packages": READ,
    "catalog.lookup": READ,
    "catalog.resolve": READ,
    "catalog.explain": READ,
    "catalog.locked_sources": READ,
    "catalog.published": SEE,
    "catalog.by_command": ANYONE,
    "catalog.base": ANYONE,
    "catalog.pkg_paths": ANYONE,
    "catalog.health": ANYONE,
    "catalog.state": ANYONE,
    "catalog.service": ANYONE,
    "catalog.sbom_package": SEE,  # a derivation's name names no catalog
    "catalog.sbom_environment": ANYONE,
    "catalog.dependencies": HUB_ADMIN,
    "catalog.dependencies_spdx": HUB_ADMIN,
    "catalog.nar": ("L!!!!?LL!L",) * 4,  # nothing is known of any
}

MANIFEST = "version = 1\n"
STALE = {"If-Match": '"never"'}  # asked only of who may change it: 412 says that nothing else stood in the way
_fresh = itertools.count(1)


class World:
    """For each visibility an organisation with one environment and one catalog of it, and everybody's tokens."""

    def __init__(self, hub):
        self.hub = hub
        people = {who: hub.new_user(f"iso-{who}") for who in ("stranger", "reader", "writer", "owner", "dora", "victim")}
        boss = hub.new_user("iso-boss", "--admin")
        self.orgs = {v: f"org-{v}" for v in VISIBILITIES}
        self.tips = {}
        for v, org in self.orgs.items():
            hub.new_org(people["owner"], org)
            for who, role in (("reader", "reader"), ("writer", "writer"), ("dora", "owner")):
                hub.admin("member", "set", org, people[who].handle, role)
            for manifest in (MANIFEST, MANIFEST + "# 2\n"):
                first = manifest == MANIFEST
                made = call(hub, "POST", "/environments" if first else f"/environments/{org}/web/generations", people["owner"].token,
                            {"owner": org, "name": "web", "visibility": v, "manifest": manifest} if first else {"manifest": manifest})
                assert made.status == 201, made.text
            self.tips[v] = made.json["tip"]
        shelf = Shelf(hub)
        shelf.page(100, ["stable"], [shelf.row("hello", "2.12")])
        for v, org in self.orgs.items():
            shelf.catalog(org, v)
            shelf.build(org, f"tool-of-{org}", "1.0", source="https://example.com/tool")
        shelf.publish()
        admin = {who: hub.token(p.handle, "--scope", "admin") for who, p in people.items()}
        self.owner_token = admin["owner"]
        revoked = hub.token("iso-owner", "--scope", "admin")
        hub.admin("token", "revoke", call(hub, "GET", "/me", revoked).json["token_id"])
        expired = hub.token("iso-owner", "--scope", "admin", "--expires", "1s")
        hub.admin("user disable iso-dora")
        self.tokens = {"a": None, "S": admin["stranger"], "r": admin["reader"], "w": admin["writer"], "o": admin["owner"], "H": boss.token,
                       "x": expired, "v": revoked, "s": hub.token("iso-owner", "--scope", "read"), "d": admin["dora"]}
        bench.wait_for(lambda: call(hub, "GET", "/me", expired).status == 401)

    def robot(self, org):
        """The number of a new token of an organisation."""
        return call(self.hub, "POST", "/tokens", self.owner_token, {"owner": org, "scope": "read"}).json["id"]


class Ask:
    """One request: a cell of the matrix, or its twin about what does not exist."""

    def __init__(self, world, route, caller, visibility, twin=False):
        self.world, self.hub, self.route, self.visibility, self.twin = world, world.hub, route, visibility, twin
        self.token = world.tokens[caller]
        self.org = NOT_THERE if twin else world.orgs[visibility]
        self.name = route["name"]

    def path(self, **more):
        tool = Shelf.row(f"tool-of-{self.org}", "1.0")
        names = {"attr_path*": f"{self.org}/tool-of-{self.org}", "derivation": Shelf.drv(tool)[11:], "storepath": Shelf.output(tool)[11:],
                 "nar_file": f"{self.org}.nar", "owner": self.org, "org": self.org, "name": "web", "n": "1", "user": "iso-victim", **more}
        return self.route["pattern"].format(**names)

    def http(self, path, body=None, headers=None, method=None):
        headers = dict(headers or {})
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        basic = (self.token or "") if self.name in ADDRESSED else None
        return self.hub.http(path, method=method or self.route["methods"][0], data=data, headers=headers,
                             token=None if basic is not None else self.token, basic=basic)

    def send(self):
        special = getattr(self, "send_" + self.name.replace(".", "_"), None)
        return special() if special else self.http(self.path())

    def send_rest_owner_patch(self):
        return self.http(self.path(), {"default_visibility": "private"})

    def send_rest_org_create(self):
        return self.http(self.path(), {"handle": f"made-{next(_fresh)}"})

    def send_rest_member_put(self):
        return self.http(self.path(), {"role": "reader"})

    def send_rest_member_delete(self):
        if not self.twin:
            call(self.hub, "PUT", f"/orgs/{self.org}/members/iso-victim", self.world.owner_token, {"role": "reader"})
        return self.http(self.path())

    def send_rest_tokens(self):
        return self.http(self.path() + "?owner=" + self.org)

    def send_rest_token_create(self):
        return self.http(self.path(), {"owner": self.org, "scope": "read"})

    def send_rest_token_delete(self):
        return self.http(self.path(id=99999999 if self.twin else self.world.robot(self.org)))

    def send_rest_envs(self):
        return self.http(self.path() + f"?owner={self.org}&q=web")

    def send_rest_env_create(self):
        return self.http(self.path(), {"owner": self.org, "name": f"made{next(_fresh)}", "manifest": MANIFEST, "visibility": "private"})

    def send_rest_env_patch(self):
        return self.http(self.path(), {"visibility": "public", "name": "stolen"}, STALE)

    def send_rest_env_delete(self):
        return self.http(self.path(), headers=STALE)

    def send_rest_env_restore(self):
        return self.http(self.path(), {"tip": self.world.tips[self.visibility]}, STALE)

    def send_rest_generation_create(self):
        return self.http(self.path(), {"manifest": MANIFEST + "# 3\n"}, STALE)

    def send_rest_rollback(self):
        return self.http(self.path(), {}, STALE)

    def send_rest_switch(self):
        return self.http(self.path(), {"generation": 1}, STALE)

    def send_rest_diff(self):
        return self.http(self.path() + "?from=1&to=2")

    def send_catalog_search(self):
        return self.http(self.path() + f"?system=x86_64-linux&search_term=tool-of-{self.org}")

    def send_catalog_by_command(self):
        return self.http(self.path() + "?system=x86_64-linux&name=tool")

    def send_catalog_locked_sources(self):
        return self.http(self.path(name=self.org))

    def send_catalog_lookup(self):
        return self.http(self.path(), {"stability": "stable", "groups": [{"key": "all", "references": [f"{self.org}.*", f"{self.org}.tool-of-{self.org}"]}]})

    def send_catalog_resolve(self):
        wanted = {"install_id": "tool", "attr_path": f"{self.org}/tool-of-{self.org}", "systems": ["x86_64-linux"]}
        return self.http(self.path(), {"items": [{"name": "toplevel", "descriptors": [wanted]}]})

    send_catalog_explain = send_catalog_resolve

    def send_catalog_sbom_package(self):
        return self.http(self.path(), {})

    def send_catalog_sbom_environment(self):
        lock = {"lockfile-version": 1, "packages": []}
        return self.http(self.path(), {"lockfile": lock, "system": "x86_64-linux", "environment_name": "web", "environment_owner": self.org})

    def send_git_info_refs(self):
        return self.http(self.path() + "?service=git-upload-pack")

    def send_git_upload_pack(self):
        return self.http(self.path(), b"".join((pkt("command=ls-refs\n"), b"0001", pkt("ref-prefix refs/heads/web\n"), b"0000")),
                         {"Content-Type": "application/x-git-upload-pack-request", "Git-Protocol": "version=2"})

    def send_git_receive_pack(self):
        command = f"{'1' * 40} {self.world.tips[self.visibility]} refs/heads/web\0report-status"
        pack = b"PACK" + (2).to_bytes(4, "big") + (0).to_bytes(4, "big")
        return self.http(self.path(), pkt(command) + b"0000" + pack + hashlib.sha1(pack).digest(),
                         {"Content-Type": "application/x-git-receive-pack-request"})

    # -- what an answer means

    def letter(self, a):
        if a.status in (401, 403, 404):
            return {401: "L", 403: "!", 404: "?"}[a.status]
        judge = getattr(self, "judge_" + self.name.replace(".", "_"), None)
        if judge:
            return judge(a)
        wanted = (412,) if self.name in ("rest.env_patch", "rest.env_delete", "rest.env_restore", "rest.generation_create", "rest.rollback",
                                         "rest.switch") else (200, 201, 204)
        return "." if a.status in wanted else f"[{a.status}]"

    def judge_rest_orgs(self, a):
        return "." if self.org in [o["handle"] for o in a.json["items"]] else "?"

    def judge_rest_envs(self, a):
        return "." if [e["name"] for e in a.json["items"]] == ["web"] else "?" if a.json == {"items": [], "next": None} else a.text

    def judge_catalog_search(self, a):
        return "." if [i["catalog"] for i in a.json["items"]] == [self.org] else "?" if a.json == {"items": [], "total_count": 0} else a.text

    def judge_catalog_lookup(self, a):
        return "." if a.json["groups"]["all"]["lock"] else "?"

    def judge_catalog_resolve(self, a):
        types = [m["type"] for m in a.json["items"][0]["messages"] if m["level"] == "error"]
        return "." if a.json["items"][0]["page"] else "?" if types == ["attr_path_not_found.not_in_catalog"] else a.text

    def judge_catalog_explain(self, a):
        return "." if a.json["items"][0]["resolved"] else "?" if not a.json["items"][0]["packages"][0]["in_catalog"] else a.text

    def judge_catalog_published(self, a):
        return "." if self.org in [c["name"] for c in a.json["catalogs"]] else "?"

    def judge_git_info_refs(self, a):
        return "." if b"refs/heads/web" in a.body else "?"

    judge_git_upload_pack = judge_git_info_refs

    def judge_git_receive_pack(self, a):
        return "!" if b"DENIED" in a.body else "." if b"ng refs/heads/web" in a.body else a.text


def pkt(text):
    return f"{len(text.encode()) + 4:04x}".encode() + text.encode()


@pytest.fixture(scope="module")
def world(workshop):
    with bench.Hub(workshop) as hub:
        yield World(hub)


def route_table(hub):
    return json.loads(hub.admin("config routes --json").stdout)


def test_every_route_has_a_row(world):
    assert {r["name"] for r in route_table(world.hub)} <= set(TABLE), "write down who may call a new route: TABLE"


def seen(a, org):
    """An answer as far as a caller could learn from it: all but the name, and the hash in a store path, that it asked about."""
    return a.status, a.headers.get("Content-Type"), a.headers.get("ETag"), re.sub(rb"[0-9a-f]{32}-", b"HASH-", a.body.replace(org.encode(), b"ORG"))


@pytest.mark.timeout(900)
def test_every_route_answers_every_caller_at_every_visibility_as_the_table_says(world):
    wrong = []
    for route in route_table(world.hub):
        for visibility, want in zip(VISIBILITIES, TABLE.get(route["name"], ())):
            got = ""
            for caller, expected in zip(CALLERS, want):
                ask = Ask(world, route, caller, visibility)
                answer = ask.send()
                got += ask.letter(answer)
                hidden = expected == "?" or (visibility == "private" and caller in "aS")
                if hidden and ("{" in route["pattern"] or route["name"] in ABOUT):
                    absent = Ask(world, route, caller, visibility, twin=True).send()
                    of_it, of_nothing = seen(answer, ask.org), seen(absent, NOT_THERE)
                    if of_it != of_nothing:
                        wrong.append(f"{route['name']} as {caller} on {visibility}: {of_it}, but of nothing {of_nothing}")
            if got != want:
                wrong.append(f"{route['name']} ({route['pattern']}) on {visibility}: {got}, not {want}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_matrix_left_everything_as_it_was(world):
    """What was refused was not done all the same."""
    for v, org in world.orgs.items():
        env = call(world.hub, "GET", f"/environments/{org}/web", world.owner_token).json
        assert (env["visibility"], env["tip"], env["live"]) == (v, world.tips[v], 2)
        members = call(world.hub, "GET", f"/orgs/{org}/members", world.owner_token).json["items"]
        assert {m["user"]: m["role"] for m in members if m["user"] != "iso-victim"} == {
            "iso-reader": "reader", "iso-writer": "writer", "iso-owner": "owner", "iso-dora": "owner"}
        assert call(world.hub, "GET", f"/owners/{org}/audit?action=env.delete", world.owner_token).json["items"] == []
