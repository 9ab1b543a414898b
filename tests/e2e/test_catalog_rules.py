"""What the catalog answers, held against the protocol's rules (catalog-read-api 4 to 7) in a slow reference of their own, over rows of
the public service and variations of them; and every answer against the description from which the official client is made.

Rows and description stand beside the repository (../shared); where they are absent this file is skipped.
"""
import datetime
import json
import random
import re
import urllib.parse

import jsonschema
import pytest

import bench
from test_catalog_properties import FILTERS, passes
from test_catalog_read import World, lookup
from test_version_range import oracle

SEED, REQUESTS, TERMS = 20261128, 1500, 300
CATALOG = "/api/v1/catalog"
SYSTEMS = ("aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux")
FLAGS = ("broken", "insecure", "unfree", "missing_builds")
TIMES = ("rev_date", "scrape_date")
SHOWN = ("catalog", "attr_path", "pkg_path", "derivation", "name", "pname", "version", "system", "outputs", "outputs_to_install", "description",
         "license", "locked_url", "rev", "rev_count", "rev_date", *FLAGS, "stabilities", "scrape_date", "cache_uri")
STAGES = ("1: Only allow missing builds for packages without current locked derivations.",
          "2: Unlock existing derivations but require known builds.", "3: Unlock existing derivations and allow missing builds.")


# -- the description

def plain(node):
    """OpenAPI 3.0's nullable, also beside a $ref, as JSON Schema has it."""
    if isinstance(node, list):
        return [plain(n) for n in node]
    if not isinstance(node, dict):
        return node
    out = {k: plain(v) for k, v in node.items() if k != "nullable"}
    return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out


class Official:
    """The answers that the official client can read."""

    def __init__(self, doc):
        self.paths, self.components = doc["paths"], plain(doc["components"])
        self.formats = jsonschema.FormatChecker(())
        rfc3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
        self.formats.checks("date-time")(lambda t: not isinstance(t, str) or bool(rfc3339.fullmatch(t)))
        self.validators, self.seen = {}, set()

    def check(self, pattern, answer, method="get"):
        responses = self.paths[CATALOG + pattern][method]["responses"]
        described = responses.get(str(answer.status))
        schema = described["content"]["application/json"]["schema"] if described else {"$ref": "#/components/schemas/ErrorResponse"}
        assert described or answer.status in (400, 401), f"{pattern}: {answer.status} {answer.text[:300]}"
        key = json.dumps(schema)
        if key not in self.validators:
            self.validators[key] = jsonschema.Draft202012Validator({**schema, "components": self.components}, format_checker=self.formats)
        assert answer.headers["Content-Type"] == "application/json"
        body = answer.json
        for error in self.validators[key].iter_errors(body):
            raise AssertionError(f"{pattern} {answer.status} {'/'.join(map(str, error.absolute_path))}: {error.message[:500]}")
        self.seen.add((pattern, answer.status))
        return body


@pytest.fixture(scope="module")
def official():
    return Official(json.loads(bench.need_shared("data/api/catalog-v1.openapi.json").read_text()))


# -- the rules

def error(kind, text, **context):
    return {"level": "error", "type": kind, "message": text, "context": context}


def traces(name):
    for stage in STAGES:
        text = f"Group '{name}' could not be resolved with strategy: Stage {stage}"
        yield {"level": "trace", "type": "resolution_logic", "message": "TRACE (GROUP): " + text, "context": {"install_id": "GROUP", "message": text}}


def lacks_builds(row):
    return bool(row["missing_builds"]) and not (row["broken"] or row["unfree"] or row["insecure"])


def warning(install_id):
    return {"level": "warning", "type": "missing_builds", "context": {"install_id": install_id}, "message":
            f"The package for install_id = {install_id} expected to have known build info, but no build can be confirmed. Flox may "
            "attempt to build locally, possibly taking a long time, and possibly still fail."}


class Rules:
    def __init__(self, rows):
        self.rows, self.tags = {}, {}
        for r in rows:
            self.rows.setdefault(r["attr_path"], {})[r["rev_count"], r["system"]] = r
            self.tags[r["rev_count"]] = r["stabilities"]

    def pages(self, stability=None):
        return sorted((p for p, t in self.tags.items() if t and (stability is None or stability in t)), reverse=True)

    def of(self, attr):
        return self.rows.get(attr, {})

    def is_there(self, attr):
        return any(self.tags[p] for p, _ in self.of(attr))

    def fit(self, page, descriptors, pins, relaxed):
        out = []
        for d in descriptors:
            pin, builds = pins and d.get("derivation"), d.get("allow_missing_builds")
            for s in d["systems"]:
                r = self.of(d["attr_path"]).get((page, s))
                if not r or not all(passes(r, d, f) for f in FILTERS) or (pin and r["derivation"] != pin):
                    return None
                if lacks_builds(r) and builds is not True and not (relaxed and not pin and builds is not False):
                    return None
                out.append((d, r, relaxed and lacks_builds(r) and builds is None and not pin))
        return out

    def resolve(self, group, further=0):
        ds, tagged = group["descriptors"], self.pages(group.get("stability"))
        attempts = [(False, False, tagged), (False, True, tagged)]
        if any(d.get("derivation") for d in ds):
            everywhere = [] if group.get("stability") else sorted(self.tags, reverse=True)
            attempts = [(True, False, tagged), (True, True, tagged), (True, False, everywhere), (True, True, everywhere)] + attempts
        answer = {"name": group["name"], "page": None, "candidate_pages": None}
        for pins, relaxed, pages in attempts:
            found = [(p, rows) for p in pages for rows in [self.fit(p, ds, pins, relaxed)] if rows is not None]
            if found:
                page = {"url": "", "messages": [], "complete": True, "packages": None}
                rows = found[0][1]
                answer["page"] = dict(page, page=found[0][0], packages=[dict(shown(r), install_id=d["install_id"]) for d, r, _ in rows],
                                      messages=[warning(d["install_id"]) for d, _, warns in rows if warns])
                if further:
                    answer["candidate_pages"] = [dict(page, page=p) for p, _ in found[1:1 + further]]
                return dict(answer, messages=[])
        return dict(answer, messages=self.why(group) + list(traces(group["name"])))

    def why(self, group):
        packages, out, stability = {}, [], group.get("stability")
        if stability and not self.pages(stability):
            return [error("general", f"No page of the catalog has the stability '{stability}'.", stability=stability)]
        for d in group["descriptors"]:
            packages.setdefault((d["install_id"], d["attr_path"]), []).append(d)
        for (install_id, attr), ds in packages.items():
            where = {"attr_path": attr, "install_id": install_id}
            out += self.why_package(attr, ds, where, set(self.pages()), set(self.pages(stability)), stability)
        return out or [error("constraints_too_tight", "Resolution constraints are too tight.")]

    def why_package(self, attr, ds, where, everywhere, here, stability):
        rows, wanted = self.of(attr), sorted({s for d in ds for s in d["systems"]})
        valid = [s for s in wanted if any((p, s) in rows for p in everywhere)]
        if not self.is_there(attr):
            return [error("attr_path_not_found.not_in_catalog", f"The package '{attr}' is not found in the catalog.", **where)]
        if valid != wanted:
            return [error("attr_path_not_found.not_found_for_all_systems", f"The package '{attr}' is not found for all the requested systems, "
                          f"suggest limiting systems to ({','.join(valid)}).", valid_systems=",".join(valid), **where)]
        sets = {tuple(s for s in wanted if (p, s) in rows) for p in here} - {()}
        if all(any((p, s) in rows for p in here) for s in wanted) and tuple(wanted) not in sets:
            text = ", ".join(f"({','.join(x)})" for x in sorted(sets, key=lambda x: (-len(x), ",".join(x))))
            return [error("attr_path_not_found.systems_not_on_same_page", f"The package '{attr}' is not found for all requested systems on the "
                          f"same page, consider package groups with the following system groupings: {text}.", system_groupings=text, **where)]
        out = []
        for s in wanted:
            there = [r for (p, t), r in rows.items() if t == s and p in here]
            said = [m for d in ds if s in d["systems"] for m in self.why_system(attr, s, d, there, dict(where, system=s), stability)]
            out += [m for i, m in enumerate(said) if m not in said[:i]]
        return out

    @staticmethod
    def why_system(attr, system, d, rows, where, stability):
        texts = {"license": ("unacceptable_licenses", "has a license that is not among the allowed licenses")}
        if not rows:
            yield error("general", f"The package '{attr}' for {system} is on no page with the stability '{stability}'.", **where)
            return
        for f in FILTERS:
            kind, what = texts.get(f, (f, f"is {f} and {f} packages are not allowed"))
            if any(passes(r, d, f) for r in rows):
                continue
            if f == "version":
                yield error("version_not_found", f"No version compatible with '{d['version']}' found for '{attr}' on '{system}'.", **where)
            else:
                yield error(kind, f"The package '{attr}' for {system} {what}.", **where)
        if d.get("allow_missing_builds") is False and all(map(lacks_builds, rows)):
            yield error("general", f"The package '{attr}' for {system} has no known build, and packages without one are not allowed.", **where)

    def search(self, term, system):
        hits, t = [], term.lower()
        for attr, rows in self.rows.items():
            at = [(-p, s) for p, s in rows if self.tags[p]]
            if not at:
                continue
            row = rows[-min(at)[0], min(at)[1]]
            in_name = t in (attr if "." in term or "/" in term else attr.rsplit(".", 1)[-1]).lower()
            if in_name or t in (row["description"] or "").lower():
                hits.append((not in_name, len(attr), attr, row))
        return [dict(attr_path=attr, catalog=None, pkg_path=attr, name=r["name"], pname=attr.rsplit(".", 1)[-1], version=r["version"],
                     description=r["description"], stabilities=[], system=system, deprecation=None) for _, _, attr, r in sorted(hits, key=lambda h: h[:3])]

    def show(self, attr):
        newest = {}
        for (p, s), r in self.of(attr).items():
            if self.tags[p] and newest.get((r["version"], s), r)["rev_count"] <= p:
                newest[r["version"], s] = r
        return sorted(map(shown, newest.values()), key=in_show)


def shown(row):
    out = {k: row.get(k) for k in SHOWN}
    out["stabilities"] = row["stabilities"] or None
    out["outputs_to_install"] = row["outputs_to_install"] and sorted(set(row["outputs_to_install"]))
    return out


def in_show(row):
    """Of one page in any order."""
    return -row["rev_count"], row["system"], row["version"]


def instants(node):
    if isinstance(node, list):
        return [instants(n) for n in node]
    if not isinstance(node, dict):
        return node
    return {k: datetime.datetime.fromisoformat(v.replace("Z", "+00:00")) if k in TIMES and v else instants(v) for k, v in node.items()}


# -- the rows, and what is asked of them

def vary(rows, r):
    """With flags, gaps, nulls and pages that lost their tags, of which the recordings have few."""
    tags, out = {}, []
    for row in rows:
        row = dict(row)
        tags.setdefault(row["rev_count"], [] if r.random() < 0.1 else row["stabilities"])
        row["stabilities"] = tags[row["rev_count"]]
        for flag in FLAGS:
            row[flag] = r.choice([True, True, None]) if r.random() < 0.15 else row[flag]
        if r.random() < 0.1:
            row["license"] = r.choice([None, "MIT", "[ MIT ]"])
        if r.random() < 0.1:
            row["description"] = r.choice([None, "", 'Ünïcode ÄÖ, 100% of_it "q" \\ <b>\u2028'])
        for field in ("outputs_to_install", "scrape_date"):
            row[field] = None if r.random() < 0.05 else row[field]
        if r.random() > 0.1:
            out.append(row)
    return out


class Questions:
    def __init__(self, rules, r):
        self.rules, self.r, self.attrs = rules, r, sorted(rules.rows)

    def version(self, versions):
        r, v = self.r, self.r.choice(versions)
        numbers = [str(int(n)) for n in re.findall(r"\d+", v)[:3]] or ["1"]
        numbers = numbers[:r.randint(1, 3)]
        if r.random() < 0.3:
            numbers[-1] = str(int(numbers[-1]) + 1)
        text = r.choice(["", "", "<", "<=", "=", "==", ">=", ">", "!=", "^", "~", "~="]) + ".".join(numbers)
        return r.choice([v, v, text, text, text, f"{text},<99", text + ".*", v[:-1] or "1", "latest", "^0.0.0", "v1.2", "1.2 - 1.4", ""])

    def package(self, number):
        r, attr = self.r, self.r.choice(self.attrs) if self.r.random() < 0.97 else self.r.choice(["badpkg", "Hello", "o'hare"])
        rows = self.rules.of(attr)
        systems = sorted(r.sample(SYSTEMS, r.choice([1, 2, 3, 3, 4])))
        if r.random() < 0.8:
            systems = [s for s in systems if any(s == t for _, t in rows)] or systems[:1]
        d = {"install_id": r.choice([attr.rsplit(".", 1)[-1], f"i{number}"]), "attr_path": attr}
        if rows and r.random() < 0.3:
            d["version"] = self.version([x["version"] for x in rows.values()])
        for flag in ("allow_broken", "allow_insecure", "allow_pre_releases", "allow_unfree", "allow_missing_builds"):
            if r.random() < 0.3:
                d[flag] = r.choice([None, True, False])
        if r.random() < 0.1:
            d["allowed_licenses"] = r.sample(sorted({x["license"] for x in rows.values() if x["license"]} | {"MIT"}), 1)
        pins = {}
        if rows and r.random() < 0.3:
            page = r.choice(sorted({p for p, _ in rows}))
            pins = {s: rows[page, s]["derivation"] for s in systems if (page, s) in rows}
        if pins or r.random() < 0.6:
            return [dict(d, systems=[s], **({"derivation": pins[s]} if s in pins else {})) for s in systems]
        r.shuffle(systems)
        return [dict(d, systems=systems)]

    def request(self):
        r, groups = self.r, []
        for i in range(r.choice([1, 1, 2])):
            ds = [d for n in range(r.choice([1, 1, 2, 2, 3])) for d in self.package(n)]
            if r.random() < 0.1:
                r.shuffle(ds)
            groups.append({"name": r.choice(["toplevel", f"it's {i}"]), "descriptors": ds})
            if r.random() < 0.1:
                groups[-1]["stability"] = r.choice(["lts", "stable", "unstable", "weird"])
        return {"items": groups}


class Shop:
    """A hub with those rows, and the rules over them."""

    def __init__(self, hub, workshop):
        r, rows = random.Random(SEED), {}
        for line in bench.need_shared("data/recorded/catalog-rows.jsonl").read_text().splitlines():
            row = json.loads(line)
            if not row["rev"].endswith("deadbeef"):  # made by hand
                rows.setdefault((row["rev_count"], row["attr_path"], row["system"]), row)
        rows = vary(rows.values(), r)
        self.hub, self.rules, self.r = hub, Rules(rows), r
        file = workshop.folder("rules") / "rows.jsonl"
        file.parent.chmod(0o755)
        r.shuffle(rows)
        for part in (rows[::2], rows[1::2]):
            file.write_text("".join(json.dumps(row) + "\n" for row in part))
            file.chmod(0o644)
            hub.admin("catalog", "import", "rows", "--strict", file)


@pytest.fixture(scope="module")
def shop(official, workshop):
    bench.need_shared("data/recorded/catalog-rows.jsonl")
    with bench.Hub(workshop) as hub:
        yield Shop(hub, workshop)


def post(hub, path, body, token=None):
    return hub.http(CATALOG + path, method="POST", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}, token=token)


def test_every_resolve_is_answered_by_the_rules_word_for_word(shop, official):
    questions, kinds = Questions(shop.rules, shop.r), set()
    for _ in range(REQUESTS):
        request, further = questions.request(), shop.r.choice([0, 0, 1, 50])
        answer = official.check("/resolve", post(shop.hub, f"/resolve?candidate_pages={further}", request), "post")
        refused = [d["version"] for g in request["items"] for d in g["descriptors"] if oracle(d.get("version") or "", "1", False) == "refused"]
        if refused:
            assert f"bad version spec: Invalid simple block '{refused[0]}'" in answer["detail"]
            continue
        assert instants(answer["items"]) == instants([shop.rules.resolve(g, further) for g in request["items"]]), json.dumps(request)
        kinds |= {m["type"] for g in answer["items"] for m in g["messages"] + (g["page"] or g)["messages"]}
    assert kinds == {"resolution_logic", "constraints_too_tight", "attr_path_not_found.not_in_catalog", "missing_builds", "general", "insecure",
                     "attr_path_not_found.systems_not_on_same_page", "attr_path_not_found.not_found_for_all_systems", "unacceptable_licenses",
                     "unfree", "broken", "version_not_found"}


def test_every_search_is_answered_by_the_rules(shop, official):
    r, texts = shop.r, [t for a, rows in shop.rules.rows.items() for t in (a, next(iter(rows.values()))["description"]) if t]
    terms = ["he", "HELLO", "nodejs_", "100%", "of_", "äö", "Ü", '"q"', "\u2028", "in Go", "3.", "s.", "..", "  ", "nonexistent", "x" * 200]
    while len(terms) < TERMS:
        text = r.choice(texts)
        start = r.randint(0, len(text) - 2)
        terms.append(r.choice([str.lower, str.upper, str])(text[start:start + r.randint(2, 8)]))
    for term in terms:
        size, system = r.choice([1, 3, 10, 1000]), r.choice(SYSTEMS)
        rows = shop.rules.search(term, system)
        for page in (0, 1, 1 + len(rows) // size):
            query = urllib.parse.urlencode({"system": system, "search_term": term, "page": page, "pageSize": size})
            answer = official.check("/search", shop.hub.http(f"{CATALOG}/search?{query}"))
            if len(term) < 2:
                assert isinstance(answer["detail"], str)
                continue
            assert answer == {"items": rows[page * size:][:size], "total_count": len(rows)}, (term, page, size)


def test_every_show_is_answered_by_the_rules(shop, official):
    for attr in [*shop.rules.rows, "nope", "Hello", "hello.", "no/pe", "nodePackages.@no/pe", "%", '"', "ä"]:
        path, rows = f"{CATALOG}/packages/{urllib.parse.quote(attr, safe='')}", shop.rules.show(attr)
        answer = official.check("/packages/{attr_path}", shop.hub.http(path + "?pageSize=1000"))
        if not rows:
            assert answer["detail"] == f"Unable to locate attr_path '{attr}'"
            continue
        assert [i["rev_count"] for i in answer["items"]] == sorted((r["rev_count"] for r in rows), reverse=True)
        assert instants(sorted(answer["items"], key=in_show)) == instants(rows)
        assert answer["total_count"] == len(rows) and answer["deprecation"] is None
        pages = [official.check("/packages/{attr_path}", shop.hub.http(f"{path}?pageSize=3&page={n}")) for n in range(len(rows) // 3 + 2)]
        assert [i for p in pages for i in p["items"]] == answer["items"] and {p["total_count"] for p in pages} == {len(rows)}


def test_what_else_is_answered_can_be_read_by_the_official_client(official, workshop):
    with bench.Hub(workshop) as hub:
        for name in ("info/base-catalog", "info/pkg-paths", "info/published-catalogs", "status/healthcheck", "status/catalog", "status/service"):
            official.check("/" + name, hub.http(f"{CATALOG}/{name}"))  # of an empty catalog
        world = World(hub)
        for token in (None, "flox_pat_no", *(a.token for a in (world.alice, world.bob, world.stranger))):
            def get(path, pattern=None, hub=hub, token=token):
                return official.check(pattern or path.partition("?")[0], hub.http(CATALOG + path, token=token))

            for name in ("info/base-catalog", "info/pkg-paths", "info/published-catalogs", "status/healthcheck", "status/catalog", "status/service"):
                get("/" + name)
            for query in ("system=x86_64-linux&search_term=hello&pageSize=1000", "system=invalid&search_term=hello", "system=x86_64-linux&catalogs=alice",
                          "system=x86_64-linux&search_term=javaCup", "system=x86_64-linux&search_term=h", "system=vax&search_term=hello", "page=-1"):
                get("/search?" + query)
            for path in ("hello", "alice%2Ftool", "acme%2Frocket", "quiet%2Fhello", "javaCup", "curl", "nodePackages.%40angular%2Fcli", "none"):
                get("/packages/" + path, "/packages/{attr_path}")
            for query in ("system=x86_64-linux&name=gcc", "system=x86_64-linux&name=g", "name=gcc"):
                get("/by-command?" + query)
            for name in ("alice", "acme", "quiet", "nobody", "x"):
                get(f"/catalogs/{name}/locked-sources?pageSize=100", "/catalogs/{catalog_name}/locked-sources")
            references = ["alice.*", "alice.tool.version", "alice.set.*", 'alice."with.dot"', "acme.hello", "nobody.nothing", "alice.leans"]
            answer = lookup(hub, {"default": references, "empty": []}, token)
            groups = official.check("/build-inputs/lookup", answer, "post").get("groups", {})
            assert all(set(g["matched"]) <= set(g["lock"]) for g in groups.values())
            official.check("/build-inputs/lookup", lookup(hub, {"default": ["x" * 2000]}, token), "post")
            packages = [("hello", None), ("alice/tool", "1.0"), ("acme/rocket", None), ("quiet/hello", None), ("unfreeThing", None), ("none", None), ("hello", "=unstable-1")]
            for attr, version in packages:
                descriptor = {"install_id": "i", "attr_path": attr, "systems": ["x86_64-linux"], "version": version}
                official.check("/resolve", post(hub, "/resolve", {"items": [{"name": "g", "descriptors": [descriptor]}]}, token), "post")
        wanted = {(p, s) for p in ("/resolve", "/search", "/build-inputs/lookup", "/by-command") for s in (200, 401, 422)}
        assert not (wanted | {("/packages/{attr_path}", 404), ("/catalogs/{catalog_name}/locked-sources", 404)}) - official.seen
