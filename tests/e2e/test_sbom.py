"""Documents of what software there is (SPDX 2.3), and what is told of store paths: /sbom/…, /info/dependencies, /info/nar.

Every document is given to spdx-tools, the reference reader of the format. It comes from PyPI into a venv under build/; where PyPI
cannot be reached those tests are skipped."""

import json
import re
import subprocess

import pytest

import bench
from shelf import SYSTEMS, Shelf, digest
from test_catalog_import import row
from test_catalog_rules import Official
from test_install_hub import import_rows

CATALOG = "/api/v1/catalog"
SPDX_TOOLS = ("spdx-tools==0.8.5", "license-expression==30.4.4")
VALIDATE = """
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
for path in sys.argv[1:]:
    for message in validate_full_spdx_document(parse_file(path), "SPDX-2.3"):
        print(path, message.validation_message)
"""
KNOWN = """
from spdx_tools.common.spdx_licensing import spdx_licensing
print(*(s.key for s in spdx_licensing.known_symbols.values() if not s.is_exception and not s.key.startswith("LicenseRef-") and " " not in s.key))
"""
LICENSES = ("MIT", "mit", "[ MIT ]", "GPL-2.0", "GPL-2.0+", "MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0",
            "(MIT AND (BSD-3-Clause OR ISC)) AND Zlib", "Unfree", "[ MIT, Apache-2.0 ]", "MIT OR", "(MIT", "MIT WITH MIT", "NOASSERTION", "Apache-2.0+",
            "LicenseRef-x", "", None, 'odd "text"\twith \\ and é')
DECLARED = ("MIT", "MIT", "MIT", "GPL-2.0", "GPL-2.0+", "MIT OR Apache-2.0", "GPL-2.0-only WITH Classpath-exception-2.0",
            "(MIT AND (BSD-3-Clause OR ISC)) AND Zlib") + ("NOASSERTION",) * 11


@pytest.fixture(scope="module")
def validate():
    """validate(documents): fails with what the reference reader has to say against them."""
    python = bench.from_pypi("spdx-tools", *SPDX_TOOLS) / "python"

    def check(folder, *documents):
        files = []
        for i, document in enumerate(documents):
            files.append(folder / f"{i}.spdx.json")
            files[-1].write_text(document)
        done = subprocess.run([str(python), "-c", VALIDATE, *map(str, files)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr

    return check


def post(hub, path, body=None, token=None, headers=None):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    return hub.http(CATALOG + path, method="POST", data=b"" if data is None else data, token=token,
                    headers=headers or ({} if data is None else {"Content-Type": "application/json"}))


def of_package(hub, drv, token=None, query=""):
    return post(hub, f"/sbom/package/{drv.rsplit('/', 1)[1]}{query}", {}, token)


def of_environment(hub, lock, token=None, system="x86_64-linux", **more):
    return post(hub, "/sbom/environment", {"lockfile": lock, "system": system, "environment_name": "web", "environment_owner": "acme", **more}, token)


def refs(package):
    return [(r["referenceType"], r["referenceLocator"]) for r in package["externalRefs"]]


class World:
    """A base catalog, one page of which no tag shows; catalogs of alice (public), acme (private, bob reads), quiet (unlisted)."""

    def __init__(self, hub):
        self.hub = hub
        self.alice, self.bob, self.stranger, self.boss = hub.new_user("alice"), hub.new_user("bob"), hub.new_user("stranger"), hub.new_user("boss", "--admin")
        for org in ("acme", "quiet"):
            hub.new_org(self.alice, org)
        hub.admin("member", "set", "acme", "bob", "reader")
        s = self.shelf = Shelf(hub)
        self.old = s.row("hello", "1.0", description="of a page that no tag shows")
        self.hello = s.row("hello", "2.12", description="A program that greets")
        self.curl = s.row("curl", "8", outputs=("bin", "dev", "man", "out", "dev-doc"))
        self.odd = s.row('nodePackages."@angular/cli"', "17~b c", name="angular-cli-17")
        self.licensed = [s.row(f"licensed{i}", str(i), license=text) for i, text in enumerate(LICENSES)]
        s.page(90, [], [self.old])
        s.page(100, ["stable"], [self.hello])
        s.page(110, ["unstable"], [self.hello, self.curl, self.odd, *self.licensed], date="2026-02-03T04:05:06Z")
        for owner, visibility in (("alice", "public"), ("acme", "private"), ("quiet", "unlisted")):
            s.catalog(owner, visibility)
        s.build("alice", "tool", "1.0")
        s.build("acme", "rocket", "9")
        s.build("quiet", "whisper", "5")
        s.publish()

    def drv(self, attr_path, version):
        return Shelf.drv(Shelf.row(attr_path, version))


@pytest.fixture(scope="module")
def world(workshop):
    with bench.Hub(workshop, "--rate-limit", "0") as hub:
        yield World(hub)


# -- of a package

def test_a_derivation_is_a_package_with_what_the_catalog_knows_of_it(world):
    answer = of_package(world.hub, Shelf.drv(world.hello))
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    document = answer.json
    namespace = document.pop("documentNamespace")
    assert re.fullmatch(re.escape(world.hub.base) + "/api/v1/catalog/sbom/[0-9a-f]{32}", namespace)
    version = world.hub.admin("--version").stdout.split()[-1]
    assert document == {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "hello-2.12",
        "creationInfo": {"created": "2026-05-28T20:26:40Z", "creators": [f"Tool: floe-server-{version}"],
                         "comment": "Dated by when the catalog's description of the package was made."},
        "packages": [{
            "SPDXID": "SPDXRef-Package-1", "name": "hello", "versionInfo": "2.12", "supplier": "NOASSERTION", "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "MIT", "copyrightText": "NOASSERTION",
            "sourceInfo": f"hello of https://github.com/flox/nixpkgs?rev={digest('page 110')}", "summary": "A program that greets",
            "externalRefs": [
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                 "referenceLocator": f"pkg:nix/nixpkgs/hello@2.12?commit={digest('page 110')}"},
                {"referenceCategory": "OTHER", "referenceType": "nix-derivation", "referenceLocator": Shelf.drv(world.hello)},
                {"referenceCategory": "OTHER", "referenceType": "nix-store-path", "referenceLocator": Shelf.output(world.hello), "comment": "output out"}]}],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-Package-1"},
                          {"spdxElementId": "SPDXRef-Package-1", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NOASSERTION"}]}


def test_the_same_question_has_the_same_bytes_and_another_one_another_namespace(world):
    drv = Shelf.drv(world.curl)
    assert of_package(world.hub, drv).text == of_package(world.hub, drv).text
    namespaces = {of_package(world.hub, d, query=q).json["documentNamespace"] for d, q in
                  ((drv, ""), (drv, "?outputs=man"), (drv, "?outputs=man,dev"), (Shelf.drv(world.curl, "aarch64-linux"), ""))}
    assert len(namespaces) == 4


def test_every_package_makes_a_document_that_the_reference_reader_takes(world, validate, tmp_path):
    rows = [world.old, world.hello, world.curl, world.odd, *world.licensed]
    answers = [of_package(world.hub, Shelf.drv(r, s)) for r in rows for s in SYSTEMS]
    answers += [of_package(world.hub, world.drv("tool", "1.0")), of_package(world.hub, world.drv("rocket", "9"), world.bob.token)]
    answers += [of_environment(world.hub, {"lockfile-version": 1, "packages": []}), of_environment(world.hub, mixed_lock(), generation=3)]
    assert {a.status for a in answers} == {200}
    validate(tmp_path, *(a.text for a in answers))


def test_a_license_is_declared_where_it_is_one_and_told_where_it_is_not(world, validate, tmp_path):
    packages = [of_package(world.hub, Shelf.drv(r)).json["packages"][0] for r in world.licensed]
    assert tuple(p["licenseDeclared"] for p in packages) == DECLARED
    for text, package in zip(LICENSES, packages):
        told = package["licenseDeclared"] == "NOASSERTION" and text
        assert package.get("licenseComments") == (f"As given: {text}" if told else None)


def test_licenses_are_those_of_the_reference_reader_whatever_their_case(world, validate, tmp_path):
    known = subprocess.run([str(bench.from_pypi("spdx-tools", *SPDX_TOOLS) / "python"), "-c", KNOWN], capture_output=True, text=True, check=True).stdout.split()
    template = mixed_lock()["packages"][0]
    for change in (str, str.lower, str.upper):
        answer = of_environment(world.hub, {"lockfile-version": 1, "packages": [{**template, "license": change(text)} for text in known]})
        assert [p["licenseDeclared"] for p in answer.json["packages"][1:]] == known
        validate(tmp_path, answer.text)


def test_outputs_are_those_asked_for_or_those_that_are_installed(world):
    def outputs(query):
        answer = of_package(world.hub, Shelf.drv(world.curl), query=query)
        assert answer.status == 200, answer.text
        return [r["referenceLocator"].rsplit("-", 1)[1] for r in answer.json["packages"][0]["externalRefs"] if r["referenceType"] == "nix-store-path"]

    assert outputs("") == ["bin"]
    assert outputs("?outputs=man,dev") == ["dev", "man"] and outputs("?outputs=out&format=spdx-2.3-json") == ["8"]


def test_a_wrong_parameter_or_body_is_422_with_a_sentence(world):
    drv = Shelf.drv(world.curl)
    for query in ("?outputs=", "?outputs=a,,b", "?outputs=,a", "?outputs=a,", "?outputs=a-b", "?outputs=a%20b", "?outputs=" + "a" * 101, "?outputs=nope",
                  "?outputs=out,nope", "?outputs=ou", "?format=", "?format=spdx-3.0", "?format=SPDX-2.3-JSON"):
        answer = of_package(world.hub, drv, query=query)
        assert answer.status == 422 and answer.json["detail"].endswith("."), query
    path = f"/sbom/package/{drv.rsplit('/', 1)[1]}"
    for body in (b"{", b"[]", b"1", b"\xff"):
        answer = post(world.hub, path, body)
        assert answer.status == 422 and isinstance(answer.json["detail"], str), body
    assert post(world.hub, path, b"{}", headers={"Content-Type": "text/plain"}).status == 415
    assert post(world.hub, path, b'{"later": {"x": [1]}}').status == 200
    assert post(world.hub, path).status == 200  # nothing need be sent
    assert of_package(world.hub, drv, query="?unknown=1&outputs=" + ",".join(["out"] * 25)).status == 200


def test_a_derivation_that_one_may_not_see_is_as_if_it_were_not_there(world):
    hub = world.hub
    tool, rocket, whisper = world.drv("tool", "1.0"), world.drv("rocket", "9"), world.drv("whisper", "5")
    for token in (None, world.stranger.token, world.bob.token, world.boss.token):
        package = of_package(hub, tool, token).json["packages"][0]
        assert package["name"] == "tool" and refs(package)[0] == ("nix-derivation", tool)  # it is not of nixpkgs, so it has no purl
        assert package["sourceInfo"] == "tool of git+https://example.com/alice"
    for drv, may in ((rocket, (world.bob, world.alice, world.boss)), (whisper, (world.alice, world.boss))):
        for who in (None, world.stranger, world.bob, world.alice, world.boss):
            answer = of_package(hub, drv, who and who.token)
            assert answer.status == (200 if who in may else 404), (drv, who)
        nothing = drv.replace("/nix/store/", "/nix/store/0")[:44] + drv[43:]
        hidden, absent = of_package(hub, drv), of_package(hub, nothing)
        assert absent.status == 404 and hidden.text.replace(drv.rsplit("/", 1)[1], "X") == absent.text.replace(nothing.rsplit("/", 1)[1], "X")
    for odd in ("hello.drv", "x", "hello-2.12", "a" * 600, "%00", "%C3%A9.drv", "%FF.drv", digest("x")[:32] + "-hello-2.12.drv"):
        assert post(hub, f"/sbom/package/{odd}", {}).status in (400, 404), odd


def test_what_no_page_or_build_has_any_more_or_has_yet_is_not_found(world):
    hub, shelf = world.hub, world.shelf
    assert of_package(hub, Shelf.drv(world.old)).status == 200  # without a tag it can still be what something is pinned to
    half = shelf.row("half", "1")
    shelf.page(95, ["stable"], [half])
    shelf.sql.append("UPDATE catalog_page SET complete_at = NULL WHERE rev_count = 95")
    yanked = shelf.row("yanked", "1")
    shelf.build("alice", "yanked", "1")
    shelf.sql.append("UPDATE package_build SET yanked_at = now() WHERE package_id = (SELECT id FROM package WHERE attr_path = 'yanked')")
    nobodys = shelf.row("nobodys", "1")
    shelf._derivation(nobodys, "x86_64-linux")
    shelf.publish()
    assert of_package(hub, Shelf.drv(half)).status == 404 and of_package(hub, Shelf.drv(nobodys)).status == 404
    assert of_package(hub, Shelf.drv(yanked)).status == 200  # the same: its pin finds it
    hub.sql("DELETE FROM page_run WHERE package_id = (SELECT id FROM package WHERE attr_path = 'half'); DELETE FROM catalog_page_system WHERE page_id = "
            "(SELECT id FROM catalog_page WHERE rev_count = 95); DELETE FROM catalog_page WHERE rev_count = 95")


def test_of_several_attributes_that_are_one_derivation_the_first_tells_and_when_it_is_gone_the_newest_of_the_others(new_hub):
    hub = new_hub()
    drv = {"derivation": "/nix/store/" + "a" * 32 + "-same-1.drv", "outputs": [{"name": "out", "store_path": "/nix/store/" + "b" * 32 + "-same-1"}],
           "version": "1", "name": "same-1", "description": "The same"}
    other = {"version": "2"}
    import_rows(hub, [row("zfirst", page=1, **drv), row("set.same", page=1, **drv), row("fish", page=1)])
    import_rows(hub, [row("zfirst", page=2, **drv), row("set.same", page=2, **drv), row("same", page=2, **drv), row("fish", page=2), row("cat", page=2)])
    package = of_package(hub, drv["derivation"]).json["packages"][0]
    assert package["name"] == "zfirst" and package["sourceInfo"].endswith(row("x", page=2)["rev"])
    import_rows(hub, [row("zfirst", page=3, **other), row("same", page=3, **drv), row("set.same", page=3, **drv), row("fish", page=3), row("cat", page=3)])
    assert of_package(hub, drv["derivation"]).json["packages"][0] == package
    hub.admin("catalog", "page", "remove", "1", "2")
    package = of_package(hub, drv["derivation"]).json["packages"][0]
    assert package["name"] == "same" and package["sourceInfo"].endswith(row("x", page=3)["rev"])


def test_what_an_owner_builds_and_a_page_has_are_found_apart(new_hub):
    """The very same description: who may not see the owner's catalog finds the page's, in whatever order they came."""
    hub = new_hub()
    user, stranger = hub.new_user(), hub.new_user()
    hub.new_org(user, "acme")
    built = [{**row(f"thing{i}"), "catalog": "acme"} for i in range(2)]
    page = [row(f"thing{i}") for i in range(2)]
    import_rows(hub, page[:1])
    import_rows(hub, built, "--catalog", "acme")
    assert [of_package(hub, r["derivation"], stranger.token).status for r in page] == [200, 404]
    assert [of_package(hub, r["derivation"], user.token).status for r in page] == [200, 200]
    import_rows(hub, page)
    found = [of_package(hub, r["derivation"], who.token).json["packages"][0]["sourceInfo"] for r in page for who in (user, stranger)]
    assert found == [f"thing{i} of {row()['locked_url']}" for i in (0, 0, 1, 1)]


def test_imported_derivations_are_found_on_the_newest_page_and_on_older_ones(new_hub):
    """The keys that an import writes are those that are looked for; runs that go on and runs that ended."""
    hub = new_hub()
    newer, older = row("hello", "2.12", 2), row("hello", "2.10", 1)
    renamed = row("poetry", "2.4", 2, derivation="/nix/store/" + "c" * 32 + "-python3.14-poetry-2.4.drv",
                  outputs=[{"name": n, "store_path": "/nix/store/" + "d" * 32 + f"-python3.14-poetry-2.4{s}"} for n, s in (("out", ""), ("dev-doc", "-dev-doc"))])
    import_rows(hub, [older, row("fish", "1", 1), newer, row("fish", "1", 2), renamed])
    boss = hub.new_user("boss", "--admin").token
    for r in (newer, older, renamed):
        assert of_package(hub, r["derivation"]).json["packages"][0]["versionInfo"] == r["version"]
        for output in r["outputs"]:
            answer = hub.http(f"{CATALOG}/info/dependencies/{output['store_path'][11:]}/raw", token=boss)
            assert answer.json == {"storepath": output["store_path"], "dependencies": {output["store_path"]: None}}
    assert of_package(hub, older["derivation"]).json["creationInfo"]["created"] == "2026-02-01T01:02:03Z"
    assert "catalog" not in hub.admin("fsck").stdout


def test_derivations_of_an_older_floe_are_found_and_stay_one_with_what_is_imported(new_hub):
    hub = new_hub()
    rows = [row("hello", "2.12", 1), row("fish", "3", 1, system="aarch64-linux")]
    import_rows(hub, rows)
    counted = hub.sql("SELECT count(*) FROM derivation")
    before = hub.sql("SELECT string_agg(encode(digest, 'hex') || attr_path, ' ' ORDER BY id) FROM derivation")
    # migration 0010 taken back: a digest was of the fields alone
    hub.sql("UPDATE derivation SET digest = substring(digest FROM 5) || '\\x01020304'; ALTER TABLE derivation DROP COLUMN attr_path; "
            "DROP FUNCTION catalog_name_key; DROP INDEX package_build_derivation; "
            "DELETE FROM schema_migration WHERE version = 10")
    hub.stop()
    hub.start()
    assert hub.sql("SELECT string_agg(encode(digest, 'hex') || attr_path, ' ' ORDER BY id) FROM derivation") == before
    assert of_package(hub, rows[0]["derivation"]).status == of_package(hub, rows[1]["derivation"]).status == 200
    import_rows(hub, rows)
    assert hub.sql("SELECT count(*) FROM derivation") == counted


# -- of an environment

def mixed_lock():
    """What a lock can hold: packages of nixpkgs and of an owner, a flake, a store path, and one for another system."""
    def package(attr_path, system="x86_64-linux", **more):
        return {"attr_path": attr_path, "broken": False, "derivation": f"/nix/store/{digest(attr_path)[:32]}-{attr_path}-1.drv", "description": "Does things",
                "install_id": attr_path, "license": "MIT", "locked_url": "https://github.com/flox/nixpkgs?rev=" + "a" * 40, "name": f"{attr_path}-1",
                "pname": attr_path, "rev": "a" * 40, "rev_count": 7, "rev_date": "2026-01-01T00:00:00Z", "scrape_date": "2026-01-02T03:04:05.678Z",
                "unfree": False, "version": "1", "outputs_to_install": ["out"],
                "outputs": {"out": f"/nix/store/{digest('o' + attr_path)[:32]}-{attr_path}-1", "man": f"/nix/store/{digest('m' + attr_path)[:32]}-{attr_path}-1-man"},
                "system": system, "group": "toplevel", "priority": 5, **more}

    flake = {"install_id": "flaked", "locked-url": "github:NixOS/patchelf/0123456789abcdef", "locked-flake-attr-path": "packages.x86_64-linux.default",
             "derivation": "/nix/store/" + "e" * 32 + "-patchelf-1.drv", "outputs": {"out": "/nix/store/" + "f" * 32 + "-patchelf-1"},
             "output-names": ["out"], "package-system": "x86_64-linux", "system": "x86_64-linux", "name": "patchelf-1", "pname": None, "version": "1",
             "licenses": ["GPL-3.0-only", "MIT"], "priority": 5}
    return {"lockfile-version": 1, "manifest": {"anything": ["at", "all"]}, "packages": [
        package("hello"), package("hello", "aarch64-darwin"), flake,
        package("tool", locked_url="https://git.example.com/r?rev=1", scrape_date="2026-03-04T05:06:07Z", license="[ MIT, ISC ]"),
        {"install_id": "pathed", "store_path": "/nix/store/" + "9" * 32 + "-thing-1.2", "system": "x86_64-linux", "priority": 5}]}


def old_lock():
    attrs = {"lastModified": 1703581207, "narHash": "sha256-x", "owner": "NixOS", "repo": "nixpkgs", "rev": "b" * 40, "type": "github"}
    entry = {"attr-path": ["legacyPackages", "x86_64-linux", "python3Packages", "flask"], "group": "toplevel", "priority": 5,
             "info": {"broken": False, "license": "BSD-3-Clause", "pname": "flask", "unfree": False, "version": "2.3"},
             "input": {"attrs": attrs, "fingerprint": "x", "url": "github:NixOS/nixpkgs/" + "b" * 40}}
    return {"lockfile-version": 0, "manifest": {}, "registry": {}, "packages": {"x86_64-linux": {"flask": entry, "mac-only": None}}}


def test_an_environment_contains_the_packages_that_its_lock_has_for_the_system(world):
    answer = of_environment(world.hub, mixed_lock(), generation=3)
    document = answer.json
    assert document["name"] == "acme/web for x86_64-linux" and document["creationInfo"]["created"] == "2026-03-04T05:06:07Z"
    environment, hello, flaked, tool, pathed = document["packages"]
    assert (environment["SPDXID"], environment["name"], environment["versionInfo"]) == ("SPDXRef-Environment", "acme/web", "3")
    assert [p["name"] for p in (hello, flaked, tool, pathed)] == ["hello", "patchelf-1", "tool", "thing-1.2"]
    assert [p["comment"] for p in (hello, flaked, tool, pathed)] == [f"Installed as {i}" for i in ("hello", "flaked", "tool", "pathed")]
    assert [p["licenseDeclared"] for p in (hello, flaked, tool, pathed)] == ["MIT"] + ["NOASSERTION"] * 3
    assert flaked["licenseComments"] == "As given: [ GPL-3.0-only, MIT ]" and tool["licenseComments"] == "As given: [ MIT, ISC ]"
    assert hello["sourceInfo"] == "hello of https://github.com/flox/nixpkgs?rev=" + "a" * 40
    locked = mixed_lock()["packages"][0]
    assert refs(hello) == [("purl", f"pkg:nix/nixpkgs/hello@1?commit={'a' * 40}"), ("nix-derivation", locked["derivation"]),
                           ("nix-store-path", locked["outputs"]["man"]), ("nix-store-path", locked["outputs"]["out"])]
    assert refs(tool)[0][0] == "nix-derivation" and refs(pathed) == [("nix-store-path", "/nix/store/" + "9" * 32 + "-thing-1.2")]
    related = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in document["relationships"]]
    assert related[0] == ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Environment")
    assert [r[2] for r in related if r[1] == "CONTAINS"] == [p["SPDXID"] for p in (hello, flaked, tool, pathed)]
    assert [r[0] for r in related if r[1:] == ("DEPENDS_ON", "NOASSERTION")] == [p["SPDXID"] for p in (hello, flaked, tool, pathed)]
    assert [p["name"] for p in of_environment(world.hub, mixed_lock(), system="aarch64-darwin").json["packages"]] == ["acme/web", "hello"]


def test_a_lock_of_version_0_is_read_too(world, validate, tmp_path):
    answer = of_environment(world.hub, old_lock())
    _, flask = answer.json["packages"]
    assert (flask["name"], flask["versionInfo"], flask["licenseDeclared"]) == ("flask", "2.3", "BSD-3-Clause")
    assert refs(flask) == [("purl", f"pkg:nix/nixpkgs/python3Packages.flask@2.3?commit={'b' * 40}")]
    assert flask["sourceInfo"] == "python3Packages.flask of github:NixOS/nixpkgs/" + "b" * 40
    assert answer.json["creationInfo"]["created"] == "2023-12-26T09:00:07Z"
    none = of_environment(world.hub, old_lock(), system="aarch64-linux")
    assert [p["name"] for p in none.json["packages"]] == ["acme/web"]
    validate(tmp_path, answer.text, none.text)


def test_what_is_no_locator_is_left_out_of_the_references(world, validate, tmp_path):
    odd = {**mixed_lock()["packages"][0], "derivation": "with a space", "outputs": {"out": "/nix/store/a\tb", "man": "", "dev": "/nix/store/fine"}, "name": "", "pname": "",
           "version": "", "description": "two\nlines", "attr_path": "é.\"a b\"", "rev": ""}
    answer = of_environment(world.hub, {"lockfile-version": 1, "packages": [odd]})
    package = answer.json["packages"][1]
    assert package["name"] == "unknown" and "versionInfo" not in package
    assert refs(package) == [("purl", "pkg:nix/nixpkgs/%C3%A9.%22a%20b%22"), ("nix-store-path", "/nix/store/fine")]
    validate(tmp_path, answer.text)


def test_an_environments_document_is_of_its_body_alone(world, new_hub):
    """The same bytes on a hub without a catalog, but for the name among all documents, which begins with the hub's address."""
    empty = new_hub()
    here, again, there = of_environment(world.hub, mixed_lock()), of_environment(world.hub, mixed_lock(), world.bob.token), of_environment(empty, mixed_lock())
    assert here.text == again.text == there.text.replace(empty.base, world.hub.base)
    dateless = {"lockfile-version": 1, "packages": []}
    assert of_environment(empty, dateless).json["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    closed = new_hub("--catalog-anonymous", "false")
    assert of_environment(closed, dateless).status == 401 and of_environment(closed, dateless, closed.new_user().token).status == 200


def test_a_body_that_is_no_environment_is_422_with_a_sentence(world):
    good = {"lockfile": mixed_lock(), "system": "x86_64-linux", "environment_name": "web", "environment_owner": "acme"}
    wrong = [b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"system": "x86_64-linux", "system": "x86_64-linux"}']
    wrong += [{k: v for k, v in good.items() if k != gone} for gone in good]
    for key, values in {"lockfile": (None, 1, "x", [], {}, {"lockfile-version": "1"}, {"lockfile-version": 2}, {"lockfile-version": -1}, {"lockfile-version": 1},
                                     {"lockfile-version": 1, "packages": {}}, {"lockfile-version": 1, "packages": [1]},
                                     {"lockfile-version": 1, "packages": [{"install_id": "x"}]},
                                     {"lockfile-version": 1, "packages": [{**mixed_lock()["packages"][0], "outputs": {"out": 1}}]},
                                     {"lockfile-version": 0}, {"lockfile-version": 0, "packages": []}, {"lockfile-version": 0, "packages": {"x86_64-linux": []}},
                                     {"lockfile-version": 0, "packages": {"x86_64-linux": {"x": {}}}}, {"lockfile-version": 0, "packages": {"x86_64-linux": {"x": 1}}}),
                        "system": (None, 1, "", "x86_64-windows", "invalid"), "environment_name": (None, "", 1, "x" * 257), "environment_owner": ([], "", "é" * 257),
                        "generation": ("1", -1, 1.5, [], True)}.items():
        wrong += [{**good, key: value} for value in values]
    for body in wrong:
        answer = post(world.hub, "/sbom/environment", body)
        assert answer.status == 422 and isinstance(answer.json["detail"], str), (body, answer.text)
    assert post(world.hub, "/sbom/environment?format=cyclonedx", good).status == 422
    assert post(world.hub, "/sbom/environment", good, headers={"Content-Type": "text/plain"}).status == 415
    for fine in ({**good, "unknown": {"x": 1}}, {**good, "generation": None}, {**good, "generation": 0}, {**good, "environment_name": "é" * 256}):
        assert post(world.hub, "/sbom/environment", fine).status == 200


def test_locks_have_a_ceiling(world):
    many = lambda n: {"lockfile-version": 1, "packages": [{"install_id": f"p{i}", "store_path": f"/nix/store/{i}", "system": "x86_64-linux"} for i in range(n)]}
    answer = of_environment(world.hub, many(8192))
    assert answer.status == 200 and len(answer.json["packages"]) == 8193
    assert of_environment(world.hub, many(8193)).status == 422 and of_environment(world.hub, many(8193), system="aarch64-linux").status == 200
    assert of_environment(world.hub, {"lockfile-version": 1, "packages": [], "x": "y" * (9 << 20)}).status == 413


def test_what_floe_locked_from_a_hub_makes_the_documents_that_the_hub_makes_of_it(world, machine, validate, tmp_path):
    laptop = machine().login(world.alice)
    folder = laptop.folder("locked")
    laptop.floe("init", cwd=folder, check=True)
    laptop.floe("install", "hello", "alice/tool", cwd=folder, check=True)
    lock = json.loads((folder / ".flox/env/manifest.lock").read_text())
    answer = of_environment(world.hub, lock)
    mine = {p["name"]: p for p in answer.json["packages"][1:]}
    assert set(mine) == {"hello", "tool"}
    for name, drv in (("hello", Shelf.drv(world.hello)), ("tool", world.drv("tool", "1.0"))):
        theirs = of_package(world.hub, drv).json["packages"][0]
        assert mine[name].pop("comment") == f"Installed as {name}"
        assert {**mine[name], "SPDXID": 0} == {**theirs, "SPDXID": 0}
    validate(tmp_path, answer.text)


def test_locks_that_the_official_client_wrote_make_documents(world, validate, tmp_path):
    archive = bench.need_shared("data/observed/dot-flox-folders.tar")
    subprocess.run(["tar", "xf", str(archive), "-C", str(tmp_path)], check=True)
    texts, packages = [], 0
    for file in sorted(tmp_path.glob("*/.flox/env/manifest.lock")):
        lock = json.loads(file.read_text())
        for system in SYSTEMS:
            answer = of_environment(world.hub, lock, system=system)
            assert answer.status == 200 and len(answer.json["packages"]) == 1 + len([p for p in lock["packages"] if p["system"] == system])
            packages += len(answer.json["packages"]) - 1
            texts.append(answer.text)
    assert texts
    validate(tmp_path, *texts)


# -- for the hub's administrators

def test_a_store_path_of_the_catalog_is_told_with_what_it_refers_to_unknown(world, validate, tmp_path):
    hub, token = world.hub, world.boss.token
    documents = []
    for r, output in ((world.hello, "out"), (world.curl, "out"), (world.curl, "man"), (world.curl, "dev-doc"), (Shelf.row("rocket", "9"), "out")):
        path = Shelf.output(r, output)
        answer = hub.http(f"{CATALOG}/info/dependencies/{path[11:]}/raw", token=token)
        assert answer.status == 200 and answer.json == {"storepath": path, "dependencies": {path: None}}
        answer = hub.http(f"{CATALOG}/info/dependencies/{path[11:]}/spdx", token=token)
        assert answer.json["name"] == path[44:] and refs(answer.json["packages"][0])[-2:] == [("nix-derivation", Shelf.drv(r)), ("nix-store-path", path)]
        documents.append(answer.text)
    validate(tmp_path, *documents)
    for unknown in (digest("x")[:32] + "-hello-2.12", Shelf.output(world.hello)[11:] + "-man", Shelf.drv(world.hello)[11:], "hello", "x" * 700, '"'):
        for kind in ("raw", "spdx"):
            answer = hub.http(f"{CATALOG}/info/dependencies/{unknown.replace(chr(34), '%22')}/{kind}", token=token)
            assert answer.status == 404 and isinstance(answer.json["detail"], str), unknown
    answer = hub.http(f"{CATALOG}/info/nar/{'1' * 52}.nar.xz", token=token)
    assert answer.status == 404 and "1" * 52 in answer.json["detail"]


def test_nobody_else_learns_whether_a_store_path_is_there(world):
    hub, there, nowhere = world.hub, Shelf.output(world.hello)[11:], digest("x")[:32] + "-hello-2.12"
    weak = hub.token("boss")  # an administrator's power needs a token of scope admin
    for path in ("/info/dependencies/{}/raw", "/info/dependencies/{}/spdx", "/info/nar/{}"):
        for token, status in ((None, 401), (world.stranger.token, 403), (world.alice.token, 403), (weak, 403), (hub.token("alice", "--scope", "admin"), 403)):
            answers = [hub.http(CATALOG + path.format(name), token=token) for name in (there, nowhere)]
            assert [a.status for a in answers] == [status] * 2 and answers[0].text == answers[1].text


def test_answers_are_those_of_the_official_description(world):
    official = Official(json.loads(bench.need_shared("data/api/catalog-v1.openapi.json").read_text()))
    hub, boss, path = world.hub, world.boss.token, Shelf.output(world.hello)[11:]
    for token in (None, "flox_pat_no", world.boss.token):
        for query in ("", "?outputs=out", "?outputs=,"):
            official.check("/sbom/package/{derivation}", of_package(hub, Shelf.drv(world.hello), token, query), "post")
        for lock in (mixed_lock(), old_lock(), {}):
            official.check("/sbom/environment", of_environment(hub, lock, token), "post")
    for kind in ("raw", "spdx"):
        official.check("/info/dependencies/{storepath}/" + kind, hub.http(f"{CATALOG}/info/dependencies/{path}/{kind}", token=boss))
    official.check("/info/nar/{nar_file}", hub.http(f"{CATALOG}/info/nar/x.nar", token=boss))
    assert {(p, s) for p in ("/sbom/package/{derivation}", "/sbom/environment") for s in (200, 401, 422)} <= official.seen


def test_settings_and_what_raises_errors_are_as_unknown_as_any_other_path(world):
    hub = world.hub
    for token in (None, world.stranger.token, world.boss.token, "flox_pat_nobody"):
        for method, path in (("POST", "/settings/plan?value=3"), ("POST", "/settings/other?value=3"), ("GET", "/settings/plan"), ("GET", "/status/sentry-debug")):
            unknown = "/no-such-thing" + ("/plan?value=3" if path.startswith("/settings") else "")
            answers = [hub.http(CATALOG + p, method=method, data=b"{}" if method == "POST" else None, token=token) for p in (path, unknown)]
            assert [a.status for a in answers] == [404, 404] and answers[0].text == answers[1].text, (token, path)
    patterns = {r["pattern"] for r in json.loads(hub.admin("config routes --json").stdout)}
    assert not [p for p in patterns if "settings/{key}" in p or "sentry" in p]
