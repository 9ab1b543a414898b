"""Catalogs for tests, put on the shelf as rows: pages of the base catalog, owners' catalogs and their builds.

    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("hello", "2.12", systems=["x86_64-linux"])])
    shelf.catalog("alice", "public"); shelf.build("alice", "tool", "1.0")
    shelf.publish()    # now every answer shows it
"""

import hashlib
import itertools
import json

import bench

SYSTEMS = ("aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux")
VISIBILITIES = ("public", "internal", "unlisted", "private")
FLAGS = {"broken": 1, "insecure": 2, "unfree": 4, "missing_builds": 8}
_marks = itertools.count(1)


def quote(value):
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def digest(text):
    return hashlib.sha1(text.encode()).hexdigest()


class Shelf:
    def __init__(self, hub):
        self.hub, self.sql = hub, []

    @staticmethod
    def row(attr_path, version, systems=SYSTEMS, name=None, description=None, license="MIT", outputs=("out",), deprecation=None, **flags):
        pname = attr_path.rsplit(".", 1)[-1]
        return dict(attr_path=attr_path, version=version, systems=systems, name=name or f"{pname}-{version}", description=description,
                    license=license, outputs=outputs, deprecation=deprecation, flags=flags)

    @staticmethod
    def drv(row, system="x86_64-linux"):
        return f"/nix/store/{digest(f'{row} {system}')[:32]}-{row['name']}.drv"

    @staticmethod
    def output(row, name="out", system="x86_64-linux"):
        return f"/nix/store/{digest(f'{name}{row} {system}')[:32]}-{row['name']}" + ("" if name == "out" else f"-{name}")

    def _derivation(self, row, system, attr_path=None):
        """attr_path: of the base catalog; None: a build."""
        what = f"{row} {system}"
        outputs = [{"name": o, "store_path": self.output(row, o, system)} for o in row["outputs"]]
        drv = self.drv(row, system)
        key = f"catalog_name_key({quote(drv)}) || '\\x{digest(what)[:31]}{int(attr_path is None)}'::bytea"
        flags = sum(FLAGS[f] if on else 0 for f, on in row["flags"].items() if on is not None)
        flags += sum(16 * FLAGS[f] for f, on in row["flags"].items() if on is None)
        self.sql.append(f"""INSERT INTO derivation (digest, drv_path, system, name, version, outputs, outputs_to_install, description, license, flags, attr_path)
            VALUES ({key}, {quote(drv)}, {SYSTEMS.index(system) + 1}, {quote(row['name'])},
                    {quote(row['version'])}, {quote(json.dumps(outputs))}, {quote(json.dumps(list(row['outputs'][:1])))}, {quote(row['description'])},
                    {quote(row['license'])}, {flags}, {quote(attr_path)}) ON CONFLICT DO NOTHING""")
        return f"(SELECT id FROM derivation WHERE digest = {key})"

    def _package(self, catalog, attr_path, derivation, deprecation=None):
        text = json.dumps(deprecation) if deprecation else None
        self.sql.append(f"""INSERT INTO package (catalog_id, attr_path, newest, deprecation) VALUES ({catalog}, {quote(attr_path)}, {derivation}, {quote(text)})
            ON CONFLICT (catalog_id, attr_path) DO UPDATE SET newest = excluded.newest, deprecation = excluded.deprecation""")
        return f"(SELECT id FROM package WHERE catalog_id = {catalog} AND attr_path = {quote(attr_path)})"

    def page(self, rev_count, tags, rows, date="2026-01-01T00:00:00Z"):
        """Pages come in the order of their counts."""
        rev = digest(f"page {rev_count}")
        page, base = f"(SELECT id FROM catalog_page WHERE rev_count = {rev_count})", "(SELECT id FROM catalog WHERE owner_id IS NULL)"
        self.sql.append(f"INSERT INTO catalog_page (rev, rev_count, rev_date, complete_at) VALUES ('{rev}', {rev_count}, '{date}', now())")
        self.sql += [f"INSERT INTO catalog_page_tag VALUES ({page}, '{tag}')" for tag in tags]
        for system in SYSTEMS:
            number = SYSTEMS.index(system) + 1
            self.sql.append(f"INSERT INTO catalog_page_system VALUES ({page}, {number}, nextval('catalog_place'), 1780000000123456)")
            place = f"(SELECT place FROM catalog_page_system WHERE page_id = {page} AND system = {number})"
            for row in rows:
                if system in row["systems"]:
                    derivation = self._derivation(row, system, row["attr_path"])
                    package = self._package(base, row["attr_path"], derivation, row["deprecation"])
                    self.sql.append(f"INSERT INTO page_run VALUES ({package}, {number}, {place}, {place} + 1, {derivation})")
        return rev

    def catalog(self, owner, visibility):
        self.sql.append(f"""INSERT INTO catalog (owner_id, visibility) SELECT id, {VISIBILITIES.index(visibility) + 1} FROM owner WHERE handle = '{owner}'
            ON CONFLICT (owner_id) DO UPDATE SET visibility = excluded.visibility""")

    def build(self, owner, attr_path, version, system="x86_64-linux", base=None, rev_count=1, source=None, inputs=(), closure=None, **more):
        """source: the URL that a lookup answers; inputs: keys of its direct inputs in closure, {key: entry}."""
        row = self.row(attr_path, version, **more)
        catalog = f"(SELECT c.id FROM catalog c JOIN owner o ON o.id = c.owner_id WHERE o.handle = '{owner}')"
        derivation, rev = self._derivation(row, system), digest(f"{attr_path} {version}")
        package = self._package(catalog, attr_path, derivation, row["deprecation"])
        self.sql.append(f"""INSERT INTO package_build (package_id, derivation_id, system, base_rev_count, locked_url, rev, rev_count, rev_date)
            VALUES ({package}, {derivation}, {SYSTEMS.index(system) + 1}, {quote(base)}, 'git+https://example.com/{owner}', '{rev}', {rev_count}, '2026-01-02T03:04:05Z')""")
        if source:
            place = {"type": "git", "url": source, "rev": rev, "ref": "main", "dir": ".flox"}
            self.sql.append(f"""INSERT INTO build_source SELECT max(id), 'nef', {quote(json.dumps(place))}, {quote(json.dumps(list(inputs)))},
                {quote(json.dumps(closure or {}))}, 'sha256-{digest(rev)}' FROM package_build WHERE package_id = {package}""")
        return rev

    def publish(self):
        """And waits until the hub has heard of it."""
        mark = f"mark-{next(_marks)}"
        self._package("(SELECT id FROM catalog WHERE owner_id IS NULL)", mark, self._derivation(self.row(mark, "0"), "x86_64-linux"))
        self.sql += ["UPDATE catalog_version SET version = version + 1", "SELECT pg_notify('floe_catalog', version::text) FROM catalog_version"]
        statements, self.sql = self.sql, []
        while statements:  # a command line has no room for all of them; the last ones make it seen
            n = next((i for i in range(1, len(statements)) if sum(map(len, statements[:i])) > 60_000), len(statements))
            self.hub.sql("BEGIN;" + ";".join(statements[:n]) + "; COMMIT")
            statements = statements[n:]
        bench.wait_for(lambda: self.hub.http(f"/api/v1/catalog/search?system=x86_64-linux&search_term={mark}").json["total_count"] == 1)
        self.hub.sql(f"DELETE FROM package WHERE attr_path = '{mark}'; UPDATE catalog_version SET version = version + 1;"
                     "SELECT pg_notify('floe_catalog', version::text) FROM catalog_version")
        bench.wait_for(lambda: self.hub.http(f"/api/v1/catalog/search?system=x86_64-linux&search_term={mark}").json["total_count"] == 0)
