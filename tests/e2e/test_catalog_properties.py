"""What holds of every resolve, over generated catalogs: held against a slow and obvious reference, and against itself.

A world is a few pages with a few packages of its own, and some builds of an owner's; many worlds stand in one hub, each
with pages and names that no other has. A second hub has the same rows, which came in another order and in other files.
"""
import hashlib
import json
import random

import pytest

import bench
from test_version_range import oracle

SEED, WORLDS, QUESTIONS = 20261127, 30, 16
SYSTEMS = ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"]
VERSIONS = ["0.3.1", "1", "1.0.0", "1.1.0", "1.2", "2.0.0-rc.1", "2.0.0", "2.34-210", "unstable-2023-03-23"]
WANTED = ["1", "1.2", "^1.0.0", ">=1.1", "<2", "2.0.0", "~=1.0", ">=1,<2", "!=1.2", "*", "2.34-210", "9", "^0.3", "unstable-2023-03-23"]
LICENSES = ["MIT", "GPL-3.0-or-later", "[ MIT ]", None]
FLAGS = ("broken", "insecure", "unfree", "missing_builds")
OWNER = "prop-acme"


def store(text):
    """32 characters that Nix would write."""
    n = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return "".join("0123456789abcdfghijklmnpqrsvwxyz"[n >> 5 * i & 31] for i in range(32))


def sometimes(r, chance):
    return r.random() < chance


class World:
    def __init__(self, r, number):
        self.number, self.r = number, r
        self.pages = {1000 * (number + 1) + 10 * i: self.tags() for i in range(r.randint(2, 6))}
        self.attrs = [f"w{number}a{i}" for i in range(4)]
        self.builds = [f"w{number}b{i}" for i in range(2)]
        self.rows = {}  # (attr, system, page)
        self.published = []
        for attr in self.attrs:
            for system in SYSTEMS:
                if sometimes(r, 0.85):
                    self.history(attr, system)
        for attr in self.builds:
            for system in r.sample(SYSTEMS, r.randint(1, 4)):
                for version in r.sample(VERSIONS, r.randint(1, 3)):
                    self.published.append(self.build(attr, system, version))

    def tags(self):
        return self.r.choice([[], ["unstable"], ["unstable"], ["unstable"], ["stable", "unstable"], ["lts", "stable", "unstable"]])

    def describe(self, attr, system, version, variant):
        name = f"{attr}-{version}"
        key = f"{attr} {system} {version} {variant}"
        row = dict(attr_path=attr, pkg_path=attr, system=system, name=name, pname=attr, version=version,
                   derivation=f"/nix/store/{store(key)}-{name}.drv", description=f"About {attr}", license=self.r.choice(LICENSES),
                   outputs=[{"name": "out", "store_path": f"/nix/store/{store(key + ' out')}-{name}"}], outputs_to_install=["out"],
                   cache_uri=None)
        row.update({f: sometimes(self.r, 0.15) for f in FLAGS})
        return row

    def history(self, attr, system):
        row = None
        for page in self.pages:
            if row is None or sometimes(self.r, 0.5):
                row = self.describe(attr, system, self.r.choice(VERSIONS), self.r.randint(0, 1))
            elif sometimes(self.r, 0.2):  # the same, found broken or built meanwhile
                row = dict(row, **{self.r.choice(FLAGS): sometimes(self.r, 0.5)})
            if sometimes(self.r, 0.85):
                self.rows[attr, system, page] = dict(row, **self.place(page, system))

    def place(self, page, system):
        rev = hashlib.sha1(str(page).encode()).hexdigest()
        return dict(catalog="nixpkgs", rev=rev, rev_count=page, rev_date=f"2026-01-{page // 1000 % 28 + 1:02}T00:00:{page % 60:02}Z",
                    locked_url="https://github.com/flox/nixpkgs?rev=" + rev, stabilities=self.pages[page],
                    scrape_date=f"2026-02-01T00:00:00.{SYSTEMS.index(system) + 1:06}Z")

    def build(self, attr, system, version):
        count = self.r.randint(1, 50)
        rev = hashlib.sha1(f"source {count}".encode()).hexdigest()
        row = self.describe(attr, system, version, 0)
        return dict(row, catalog=OWNER, pkg_path=f"{OWNER}/{attr}", rev=rev, rev_count=count, rev_date=f"2026-03-{count % 28 + 1:02}T00:00:00Z",
                    locked_url=f"https://example.com/acme.git?rev={rev}", scrape_date=None, stabilities=None,
                    base_rev_count=self.r.choice([None, *self.pages]))


FILTERS = ("insecure", "broken", "unfree", "license", "version")


def passes(row, d, name):
    if name == "version":
        return oracle(d.get("version") or "", row["version"], bool(d.get("allow_pre_releases"))) == "1"
    if name == "license":
        return d.get("allowed_licenses") is None or row["license"] is None or row["license"] in d["allowed_licenses"]
    return not row[name] or (d.get("allow_unfree") is not False if name == "unfree" else bool(d.get("allow_" + name)))


class Reference:
    """The documented rules, one after the other, over all rows of one world."""

    def __init__(self, world, tags, builds=True):
        self.pages = sorted(tags, reverse=True)
        self.tags = tags
        self.rows = world.rows
        self.builds = {}
        for b in world.published if builds else ():
            self.builds.setdefault((b["pkg_path"], b["system"]), []).append(b)

    def newest_first(self, attr, system):
        return sorted(self.builds.get((attr, system), ()), key=lambda b: (b["rev_date"], b["rev_count"], b["base_rev_count"] or -1, b["derivation"]), reverse=True)

    def taken(self, row, d, pins, relaxed):
        if not all(passes(row, d, f) for f in FILTERS):
            return False
        pinned = pins and d.get("derivation")
        if pinned and row["derivation"] != d["derivation"]:
            return False
        built = not row["missing_builds"] or row["broken"] or row["unfree"] or row["insecure"] or d.get("allow_missing_builds")
        return bool(built) or (relaxed and not pinned and d.get("allow_missing_builds") is not False)

    def candidates(self, d, system, page):
        """Rows that there are on a page (None: anywhere, for builds), the best first."""
        if "/" not in d["attr_path"]:
            row = self.rows.get((d["attr_path"], system, page))
            return [row] if row else []
        return [b for b in self.newest_first(d["attr_path"], system) if page is None or (b["base_rev_count"] or -1) <= page]

    def fit(self, page, descriptors, pins, relaxed):
        out = []
        for d in descriptors:
            for s in d["systems"]:
                row = next((r for r in self.candidates(d, s, page) if self.taken(r, d, pins, relaxed)), None)
                if row is None:
                    return None
                out.append((d, row))
        return out

    def resolve(self, group):
        ds = group["descriptors"]
        only_builds = bool(ds) and all("/" in d["attr_path"] for d in ds)
        tagged = [p for p in self.pages if self.tags[p] and (not group.get("stability") or group["stability"] in self.tags[p])]
        pinned, any_page = any(d.get("derivation") for d in ds), not group.get("stability")
        attempts = [(True, False, tagged), (True, True, tagged)] if pinned else []
        attempts += [(True, False, self.pages), (True, True, self.pages)] if pinned and any_page and not only_builds else []
        attempts += [(False, False, tagged), (False, True, tagged)]
        for pins, relaxed, pages in attempts:
            for page in [None] if only_builds else pages:
                rows = self.fit(page, ds, pins, relaxed)
                if rows is not None:
                    if only_builds:
                        page = max((r["base_rev_count"] or -1 for _, r in rows), default=-1)
                    return page, rows, relaxed
        return None, self.explain(group, only_builds, tagged), None

    def explain(self, group, only_builds, pages):
        wanted, out = {}, []
        for d in group["descriptors"]:
            wanted.setdefault((d["install_id"], d["attr_path"]), []).extend((s, d) for s in d["systems"])
        everywhere = [p for p in self.pages if self.tags[p]]
        for (iid, attr), asked in wanted.items():
            ctx = {"attr_path": attr, "install_id": iid}
            systems = sorted({s for s, _ in asked})

            def rows(system, on):
                d = {"attr_path": attr}
                if "/" in attr and (only_builds or on is everywhere):
                    return self.candidates(d, system, None)
                return [r for p in on for r in self.candidates(d, system, p)]

            have = [s for s in systems if rows(s, everywhere)]
            if not any(rows(s, everywhere) for s in SYSTEMS):
                out.append(("attr_path_not_found.not_in_catalog", ctx))
            elif have != systems:
                out.append(("attr_path_not_found.not_found_for_all_systems", dict(ctx, valid_systems=",".join(have))))
            elif not (only_builds or any(all(rows(s, [p]) for s in systems) for p in pages)) and all(rows(s, pages) for s in systems):
                out.append(("attr_path_not_found.systems_not_on_same_page", ctx))
            else:
                for s, d in sorted(asked, key=lambda x: SYSTEMS.index(x[0])):
                    there = rows(s, pages)
                    said = [] if there else [("general", dict(ctx, system=s))]
                    for f in FILTERS if there else ():
                        if not any(passes(r, d, f) for r in there):
                            kind = {"version": "version_not_found", "license": "unacceptable_licenses"}.get(f, f)
                            said.append((kind, dict(ctx, system=s)))
                    if there and d.get("allow_missing_builds") is False and not any(
                            not r["missing_builds"] or r["broken"] or r["unfree"] or r["insecure"] for r in there):
                        said.append(("general", dict(ctx, system=s)))
                    out += said
        return out or [("constraints_too_tight", {})]


class Questions:
    def __init__(self, world, r):
        self.world, self.r = world, r

    def descriptor(self, number, build=None):
        r, w = self.r, self.world
        build = sometimes(r, 0.2) if build is None else build
        attr = r.choice(w.builds) if build else r.choice(w.attrs) if sometimes(r, 0.97) else f"w{w.number}none"
        d = {"install_id": f"i{number}", "attr_path": f"{OWNER}/{attr}" if build else attr, "systems": r.sample(SYSTEMS, r.choice([1, 1, 2, 3]))}
        if sometimes(r, 0.35):
            d["version"] = r.choice(WANTED)
        for flag in ("allow_broken", "allow_insecure", "allow_unfree", "allow_pre_releases", "allow_missing_builds"):
            if sometimes(r, 0.3):
                d[flag] = r.choice([True, False, None])
        if sometimes(r, 0.1):
            d["allowed_licenses"] = r.sample([x for x in LICENSES if x], 2)
        if sometimes(r, 0.25):
            rows = w.published if build else [v for k, v in w.rows.items() if k[0] == attr]
            mine = [x["derivation"] for x in rows if x["attr_path"] == attr and x["system"] in d["systems"]]
            d["derivation"] = r.choice(mine + ["/nix/store/" + store("gone") + "-gone.drv"])
            d["systems"] = d["systems"][:1]
        return d

    def group(self, name):
        only_builds = sometimes(self.r, 0.1) or None
        ds = [self.descriptor(i, only_builds) for i in range(self.r.choice([1, 1, 2, 3, 4]))]
        g = {"name": name, "descriptors": ds}
        if sometimes(self.r, 0.15):
            g["stability"] = self.r.choice(["stable", "lts", "unstable"])
        return g

    def request(self):
        return {"items": [self.group(f"g{i}") for i in range(self.r.choice([1, 1, 2]))]}


class Bench:
    """Two hubs with the same rows."""

    def __init__(self, workshop, first, second):
        r = random.Random(SEED)
        self.worlds = [World(r, i) for i in range(WORLDS)]
        base = [row for w in self.worlds for row in w.rows.values()]
        builds = [row for w in self.worlds for row in w.published]
        self.tokens = {}
        self.first, self.second = first, second
        self.fill(workshop, first, [base], [builds])
        # Another order: pages from the newest to the oldest and among each other, half of their rows first.
        mixed = sorted(base, key=lambda row: r.random())
        cut = len(mixed) // 2
        self.fill(workshop, second, [mixed[:cut], mixed[cut:]], [list(reversed(builds))])

    def fill(self, workshop, hub, files, builds):
        self.tokens[hub] = hub.new_user(OWNER).token
        for kind, parts in ((), files), (("--catalog", OWNER), builds):
            for rows in parts:
                path = workshop.folder("rows") / "rows.jsonl"
                path.write_text("".join(json.dumps(row) + "\n" for row in rows))
                path.chmod(0o644)
                hub.admin("catalog", "import", "rows", "--strict", *kind, path)

    def ask(self, request, hub=None, token=True, query="", route="/api/v1/catalog/resolve"):
        hub = hub or self.first
        a = hub.http(route + query, method="POST", data=json.dumps(request).encode(),
                     headers={"Content-Type": "application/json"}, token=self.tokens[hub] if token is True else token)
        assert a.status == 200, a.text
        return a

    def questions(self, n=QUESTIONS, salt=0):
        for w in self.worlds:
            q = Questions(w, random.Random(f"{SEED} {w.number} {salt}"))
            for _ in range(n):
                yield w, q, q.request()


@pytest.fixture(scope="module")
def catalogs(workshop):
    with bench.Hub(workshop) as first, bench.Hub(workshop) as second:
        yield Bench(workshop, first, second)


def summary(group):
    """What the reference says too."""
    if group["page"] is None:
        drop = ("system_groupings", "stability")
        return None, [(m["type"], {k: v for k, v in m["context"].items() if k not in drop}) for m in group["messages"] if m["level"] == "error"]
    page = group["page"]
    return (page["page"], [(p["install_id"], p["pkg_path"], p["system"], p["derivation"], p["broken"], p["missing_builds"])
                           for p in page["packages"]], [m["context"]["install_id"] for m in page["messages"]])


def expected(world, group, newest, builds=True):
    page, rows, relaxed = Reference(world, newest.tags, builds).resolve(group)
    if page is None:
        if group.get("stability") and not any(group["stability"] in tags for tags in newest.tags.values()):
            return None, [("general", {})]
        return None, rows
    warned = [d["install_id"] for d, r in rows if relaxed and d.get("allow_missing_builds") is None and r["missing_builds"] and not (r["broken"] or r["unfree"] or r["insecure"])]
    number = newest.number if page == -1 else page
    return number, [(d["install_id"], r["pkg_path"], r["system"], r["derivation"], r["broken"], r["missing_builds"]) for d, r in rows], warned


class Newest:
    """Of all worlds together: what a group of builds that know no page is given."""

    def __init__(self, worlds):
        self.tags = {p: t for w in worlds for p, t in w.pages.items()}
        self.number = max(p for p, t in self.tags.items() if t)


def test_every_group_is_answered_as_the_reference_says(catalogs):
    newest, found, failed = Newest(catalogs.worlds), 0, 0
    for world, _, request in catalogs.questions():
        answer = catalogs.ask(request).json["items"]
        assert [g["name"] for g in answer] == [g["name"] for g in request["items"]]
        for asked, group in zip(request["items"], answer):
            assert summary(group) == expected(world, asked, newest), json.dumps(asked)
            found, failed = found + bool(group["page"]), failed + (not group["page"])
    assert found > 100 and failed > 100, (found, failed)


def test_all_rows_of_a_group_are_of_one_page_and_as_requested(catalogs):
    for _, _, request in catalogs.questions(6, salt=1):
        for asked, group in zip(request["items"], catalogs.ask(request).json["items"]):
            levels = [m["level"] for m in group["messages"]]
            assert levels == sorted(levels, key=["error", "trace"].index)
            if group["page"] is None:
                assert "error" in levels
                continue
            rows = group["page"]["packages"]
            assert [(p["install_id"], p["system"]) for p in rows] == [(d["install_id"], s) for d in asked["descriptors"] for s in d["systems"]]
            assert {p["rev_count"] for p in rows if p["catalog"] == "nixpkgs"} <= {group["page"]["page"]}
            assert group["page"]["complete"] is True and group["page"]["url"] == "" and group["messages"] == []


def freed(d):
    """Without a pin, and with builds that may miss: otherwise a demand that no built row meets is met by others."""
    return dict(d, derivation=None, allow_missing_builds=True, allow_broken=True, allow_insecure=True, allow_unfree=True, allowed_licenses=None)


def test_more_constraints_never_give_a_newer_page(catalogs):
    narrowed = 0
    for world, q, request in catalogs.questions(6, salt=2):
        for g in request["items"]:
            g["descriptors"] = [freed(d) for d in g["descriptors"]]
        wide = catalogs.ask(request).json["items"]
        for g in request["items"]:
            g["descriptors"] += [freed(q.descriptor(9, build=False))]
        for g, before, after in zip(request["items"], wide, catalogs.ask(request).json["items"]):
            if all("/" in d["attr_path"] for d in g["descriptors"][:-1]):
                continue  # its page said only where builds came from
            if after["page"]:
                assert before["page"] and before["page"]["page"] >= after["page"]["page"]
                narrowed += before["page"]["page"] > after["page"]["page"]
    assert narrowed > 5


def test_what_resolve_chooses_stands_in_show(catalogs):
    shown = {}
    for _, _, request in catalogs.questions(4, salt=3):
        for group in catalogs.ask(request).json["items"]:
            for p in group["page"]["packages"] if group["page"] else ():
                if not p["stabilities"] and p["catalog"] == "nixpkgs":
                    continue  # a pin to a page that lost its tags
                path = p["pkg_path"]
                if path not in shown:
                    a = catalogs.first.http(f"/api/v1/catalog/packages/{path.replace('/', '%2F')}?pageSize=1000", token=catalogs.tokens[catalogs.first])
                    shown[path] = {(x["version"], x["system"]) for x in a.json["items"]}
                assert (p["version"], p["system"]) in shown[path]
    assert len(shown) > 20


def test_a_failing_group_leaves_the_others_alone(catalogs):
    for _, _, request in catalogs.questions(3, salt=4):
        request["items"] += [{"name": "bad", "descriptors": [{"install_id": "x", "attr_path": "no-such-package", "systems": SYSTEMS[:1]}]}]
        together = catalogs.ask(request).json["items"]
        for group, answer in zip(request["items"], together):
            assert catalogs.ask({"items": [group]}).json["items"] == [answer]
        assert together[-1]["page"] is None


def test_the_same_question_is_answered_with_the_same_bytes_in_whatever_order_rows_came(catalogs):
    for _, _, request in catalogs.questions(6, salt=5):
        first = catalogs.ask(request, query="?candidate_pages=3").body
        assert catalogs.ask(request, query="?candidate_pages=3").body == first
        assert catalogs.ask(request, catalogs.second, query="?candidate_pages=3").body == first


def test_an_owners_builds_are_for_nobody_else(catalogs):
    """To others a private catalog's packages are in no catalog, in the same bytes as those of an owner that does not exist."""
    newest, stranger, builds = Newest(catalogs.worlds), catalogs.first.new_user().token, 0
    for world, _, request in catalogs.questions(4, salt=6):
        text = json.dumps(request)
        builds += OWNER in text
        for token in (None, stranger):
            answer = catalogs.ask(request, token=token)
            for asked, group in zip(request["items"], answer.json["items"]):
                assert summary(group) == expected(world, asked, newest, builds=False), json.dumps(asked)
            nobody = catalogs.ask(json.loads(text.replace(OWNER, "prop-nobd")), token=token)
            assert nobody.body == answer.body.replace(OWNER.encode(), b"prop-nobd")
            why = catalogs.ask(request, token=token, route="/api/v1/explain")
            nobody = catalogs.ask(json.loads(text.replace(OWNER, "prop-nobd")), token=token, route="/api/v1/explain")
            assert nobody.body == why.body.replace(OWNER.encode(), b"prop-nobd")
    assert builds > 10


def test_explain_agrees_with_resolve(catalogs):
    for _, _, request in catalogs.questions(6, salt=7):
        answer, why = catalogs.ask(request).json["items"], catalogs.ask(request, route="/api/v1/explain").json["items"]
        for asked, group, told in zip(request["items"], answer, why):
            assert told["resolved"] == (group["page"] is not None) and told["messages"] == group["messages"] and told["why"]
            systems = {(p["install_id"], p["attr_path"], s["system"]): s for p in told["packages"] for s in p["systems"]}
            for p in group["page"]["packages"] if group["page"] else ():
                s = systems[p["install_id"], p["pkg_path"], p["system"]]
                assert s["version"] is not None
            # By itself each package is found exactly where explain says.
            for p in told["packages"]:
                alone = {"items": [{"name": "alone", "stability": asked.get("stability"), "descriptors": [
                    dict(d, derivation=None) for d in asked["descriptors"] if d["install_id"] == p["install_id"]]}]}
                found = catalogs.ask(alone).json["items"][0]["page"]
                if "/" not in p["attr_path"]:
                    assert (found["page"] if found else None) == p["alone_page"], json.dumps(alone)
