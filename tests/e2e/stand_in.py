"""A catalog that stands in for a hub's, for tests of what the client asks and makes of the answers. It knows the pages that
a test gives it; what is not the catalog's goes on to a real hub, where one is given."""

import hashlib
import json
import urllib.parse

from misbehaving import Between

SYSTEMS = ("aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux")


def path_of(*parts):
    return "/nix/store/" + hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:32]


def package(version="1.0", systems=SYSTEMS, outputs=("out",), install=None, build=0, license="MIT", description="A test package",
            broken=False, unfree=False):
    """`build` tells rebuilds of one version apart."""
    return dict(version=version, systems=systems, outputs=outputs, install=install or outputs, build=build, license=license,
                description=description, broken=broken, unfree=unfree)


class Catalog(Between):
    """pages = {number: {path: package(…)}}; the newest page that has a whole group answers it. Of one system that a page
    lacks, nothing is said but what the protocol says."""

    class NoHub:
        port = 9

    def __init__(self, pages, hub=None):
        self.pages, self.hub, self.trouble, self.questions, self.explanation = dict(pages), hub, None, [], None
        self.credentials = set()
        super().__init__(hub or self.NoHub)
        self.fault = self.take

    def take(self, handler, n, forward):
        """Between's hook: true when the request was answered here."""
        if not handler.path.startswith(("/api/v1/catalog/", "/api/v1/explain")):
            if self.hub is None:
                handler.answer(404, *self.json({"detail": "nothing here"}))
            return self.hub is None
        if handler.headers["Authorization"]:
            self.credentials.add(handler.headers["Authorization"])
        if self.trouble:
            return self.trouble(handler, n, lambda: self.truth(handler))
        handler.answer(*self.truth(handler))
        return True

    def truth(self, handler):
        where = urllib.parse.urlsplit(handler.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(where.query).items()}
        if where.path.endswith("/resolve"):
            self.questions.append(json.loads(handler.body))
            return 200, *self.json({"items": [self.resolve(g) for g in self.questions[-1]["items"]]})
        if where.path.endswith("/explain"):
            return 200 if self.explanation else 404, *self.json(self.explanation or {"detail": "Not found"})
        if where.path.endswith("/search"):
            return 200, *self.json(self.paged(self.search(query["search_term"], query["system"]), query))
        rows = self.versions(urllib.parse.unquote(where.path.partition("/packages/")[2]))
        if not rows:
            return 404, *self.json({"detail": "Unable to locate attr_path"})
        return 200, *self.json(self.paged(rows, query))

    @staticmethod
    def json(body):
        return [("Content-Type", "application/json")], json.dumps(body).encode()

    @staticmethod
    def paged(rows, query):
        page, size = int(query["page"]), int(query["pageSize"])
        return {"items": rows[page * size:(page + 1) * size], "total_count": len(rows)}

    def row(self, number, path, system):
        p = self.pages[number][path]
        owner, _, attr = path.rpartition("/")
        name = f"{attr.rpartition('.')[2]}-{p['version']}"
        key = (path, p["version"], p["build"], system)
        return {"attr_path": attr, "broken": p["broken"], "cache_uri": None, "catalog": owner or "nixpkgs",
                "derivation": f"{path_of(*key)}-{name}.drv", "description": p["description"], "insecure": False,
                "license": p["license"], "locked_url": f"https://github.com/flox/nixpkgs?rev={number:040x}",
                "missing_builds": False, "name": name,
                "outputs": [{"name": o, "store_path": f"{path_of(*key, o)}-{name}{'' if o == 'out' else '-' + o}"}
                            for o in sorted(p["outputs"], key=lambda o: (len(o), o))],
                "outputs_to_install": sorted(p["install"]), "pkg_path": path, "pname": attr.rpartition(".")[2],
                "rev": f"{number:040x}", "rev_count": number, "rev_date": f"2026-01-{number:02}T00:00:00Z",
                "scrape_date": f"2026-01-{number:02}T05:00:42.752526Z", "stabilities": ["unstable"], "system": system,
                "unfree": p["unfree"], "version": p["version"]}

    def newest_first(self):
        return sorted(self.pages, reverse=True)

    def search(self, term, system):
        paths = {p for page in self.pages.values() for p in page}
        found = sorted((p for p in paths if term.lower() in p.rpartition(".")[2].lower()), key=lambda p: (len(p), p))
        rows = [self.row(next(n for n in self.newest_first() if p in self.pages[n]), p, system) for p in found]
        return [{k: r[k] for k in ("attr_path", "pkg_path", "name", "pname", "version", "description", "system")} |
                {"catalog": None, "stabilities": [], "deprecation": None} for r in rows]

    def versions(self, path):
        rows, seen = [], set()
        for n in self.newest_first():
            for system in SYSTEMS:
                p = self.pages[n].get(path)
                if p and system in p["systems"] and (p["version"], system) not in seen:
                    seen.add((p["version"], system))
                    rows.append(self.row(n, path, system))
        return rows

    def fits(self, number, d, pinned):
        p = self.pages[number].get(d["attr_path"])
        if not p or any(s not in p["systems"] for s in d["systems"]):
            return False
        wanted = d.get("version")
        return (not wanted or p["version"] == wanted or p["version"].startswith(wanted + ".")) and \
            (not pinned or not d.get("derivation") or self.row(number, d["attr_path"], d["systems"][0])["derivation"] == d["derivation"])

    def resolve(self, group):
        descriptors = group["descriptors"]
        for pinned in (True, False):
            for n in self.newest_first():
                if all(self.fits(n, d, pinned) for d in descriptors):
                    rows = [{**self.row(n, d["attr_path"], s), "install_id": d["install_id"]} for d in descriptors for s in d["systems"]]
                    return {"name": group["name"], "page": {"page": n, "url": "", "packages": rows, "messages": [], "complete": True},
                            "candidate_pages": None, "messages": []}
        return {"name": group["name"], "page": None, "candidate_pages": None, "messages": self.explain(descriptors)}

    def explain(self, descriptors):
        def error(kind, message, **context):
            return {"level": "error", "type": kind, "message": message, "context": context}

        told = []
        for path, ident in dict.fromkeys((d["attr_path"], d["install_id"]) for d in descriptors):
            asked = sorted(s for d in descriptors if d["install_id"] == ident for s in d["systems"])
            have = {s for page in self.pages.values() if path in page for s in page[path]["systems"]}
            valid = [s for s in asked if s in have]
            if not valid:
                told.append(error("attr_path_not_found.not_in_catalog", f"The package '{path}' is not found in the catalog.",
                                  attr_path=path, install_id=ident))
            elif valid != asked:
                told.append(error("attr_path_not_found.not_found_for_all_systems",
                                  f"The package '{path}' is not found for all the requested systems, suggest limiting systems to "
                                  f"({','.join(valid)}).", attr_path=path, install_id=ident, valid_systems=",".join(valid)))
            for d in descriptors:
                if valid == asked and d["install_id"] == ident and not any(self.fits(n, d, False) for n in self.pages):
                    told.append(error("version_not_found", f"No version compatible with '{d['version']}' found for '{path}' on "
                                      f"'{d['systems'][0]}'.", attr_path=path, install_id=ident, system=d["systems"][0]))
        return told or [error("constraints_too_tight", "Resolution constraints are too tight.")]
