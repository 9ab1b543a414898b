"""Packages: searched, shown, installed, locked, upgraded and uninstalled, with a catalog whose every answer the test knows."""

import concurrent.futures
import json
import tomllib
import urllib.parse

import pytest

from misbehaving import FAULTS, drips, says
from stand_in import SYSTEMS, Catalog, package
from test_client_crash import ROUNDS, Killer

NEW = 'schema-version = "1.15.0"\n'
DEFAULT = ("aarch64-darwin", "aarch64-linux", "x86_64-linux")
HEAD = NEW + "\n## packages\n[install] # here\n"
TAIL = '# gum.pkg-path = "gum"\n\n[vars]\nA = "1" # one\n'
PAGES = {
    1: {"hello": package("2.10"), "curl": package("8.0", outputs=("out", "man", "dev"), install=("out", "man")),
        "vim": package("9.0"), "old": package("0.1"), "set.deep": package("3"), "linuxonly": package("1", systems=("aarch64-linux", "x86_64-linux"))},
    2: {"hello": package("2.12.3"), "curl": package("8.1", outputs=("out", "man", "dev"), install=("out", "man")),
        "vim": package("9.0", build=1), "helloworld": package("1.0", description="two\nlines"), "broken": package(broken=True),
        "unfree": package(unfree=True), "linuxonly": package("2", systems=("aarch64-linux", "x86_64-linux")),
        "set.deep": package("3"), "acme/greeter": package("1.2.3", systems=("x86_64-linux",)), "jdk": package("21")},
}


@pytest.fixture
def catalog():
    with Catalog(PAGES) as c:
        yield c


@pytest.fixture
def laptop(machine, catalog):
    m = machine("laptop")
    m.env["FLOE_HUB"] = catalog.url
    return m


def made(m, name, manifest=None):
    folder = m.folder(name)
    m.floe("init", "-b", cwd=folder, check=True)
    if manifest is not None:
        m.floe("edit", "-f", "-", cwd=folder, input=manifest, check=True)
    return folder


def manifest(folder):
    return (folder / ".flox/env/manifest.toml").read_text()


def lock(folder):
    return json.loads((folder / ".flox/env/manifest.lock").read_text())


def locked(folder):
    return {(p["install_id"], p["system"]): p["version"] for p in lock(folder)["packages"]}


def state(folder):
    """Bytes and times of the files, so that a rewrite of the same shows, too."""
    return {p: (p.read_bytes(), p.stat().st_mtime_ns, p.stat().st_ino) for p in sorted((folder / ".flox/env").iterdir())}


def nothing_changes(m, folder, *words, told=(), code=1, input=None):
    before = state(folder)
    done = m.floe(*words, cwd=folder, input=input)
    assert done.returncode == code, done.stderr
    for part in [told] if isinstance(told, str) else told:
        assert part in done.stderr, done.stderr
    assert state(folder) == before
    return done


@pytest.mark.parametrize("name", FAULTS)
def test_a_hub_that_fails_while_it_is_asked_is_told_of_and_nothing_changes(laptop, catalog, name):
    folder = made(laptop, "web", HEAD + TAIL)
    laptop.floe("install", "hello", cwd=folder, check=True)
    fault, told = FAULTS[name]
    catalog.trouble, laptop.env["FLOE_TIMEOUT"] = fault, "2"
    patient = name == "429"  # which is asked again for half a minute
    for words in [("install", "curl"), ("upgrade",), ("edit", "-f", "-")][:1 if patient else 3]:
        nothing_changes(laptop, folder, *words, told=told, input=NEW + 'install.curl.pkg-path = "curl"\n')
    for words in [("search", "hello"), ("show", "hello")][:0 if patient else 2]:
        done = laptop.floe(*words)
        assert (done.returncode, done.stdout) == (1, "") and told in done.stderr, done
    catalog.trouble = None
    assert laptop.floe("install", "curl", cwd=folder).returncode == 0, "the way is free again"


def test_a_busy_hub_is_waited_for_and_asked_again(laptop, catalog):
    folder = made(laptop, "web", NEW)
    busy = says(503, [("Retry-After", "1"), ("Content-Type", "application/json")], b'{"detail":"busy"}')

    def once(handler, n, forward):
        catalog.trouble = drips
        return busy(handler, n, forward)

    catalog.trouble = once
    laptop.floe("install", "hello", cwd=folder, check=True)
    assert locked(folder)[("hello", "x86_64-linux")] == "2.12.3"


# -- search and show


def test_search_shows_paths_in_a_column_and_how_many_more_there_are(laptop, catalog):
    done = laptop.floe("search", "hello", check=True)
    assert done.stdout == "hello       A test package\nhelloworld  two lines\n"
    assert done.stderr == "\nUse 'floe show <package>' to see available versions\n\n"
    catalog.pages[2] = {f"x{i:03}": package() for i in range(12)}
    done = laptop.floe("search", "x0", check=True)
    assert done.stdout.count("\n") == 10
    assert done.stderr.startswith("\nShowing 10 of 12 results. Use `floe search x0 --all` to see the full list.\n\nUse 'floe show")
    assert laptop.floe("search", "-a", "x0", check=True).stdout.count("\n") == 12
    config = laptop.home / ".config/flox"
    config.mkdir(parents=True)
    (config / "flox.toml").write_text("search_limit = 3\n")
    assert laptop.floe("search", "x0", check=True).stdout.count("\n") == 3
    assert [x["attr_path"] for x in json.loads(laptop.floe("search", "--json", "x0", check=True).stdout)] == ["x000", "x001", "x002"]


def test_every_page_of_a_long_search_is_asked_for(laptop, catalog):
    catalog.pages = {1: {f"p{i:04}": package() for i in range(2500)}}
    assert laptop.floe("search", "--all", "p", check=False).returncode == 1, "too short"
    assert len(json.loads(laptop.floe("search", "--all", "--json", "p0", check=True).stdout)) == 1000
    catalog.seen.clear()
    catalog.pages = {1: {f"pp{i:04}": package() for i in range(2500)}}
    assert len(json.loads(laptop.floe("search", "--all", "--json", "pp", check=True).stdout)) == 2500
    assert [s[1].partition("page=")[2] for s in catalog.seen] == [f"{i}&pageSize=1000" for i in range(3)]


def test_a_search_says_what_is_wrong_with_the_term_and_what_may_be_meant(laptop, catalog):
    done = laptop.floe("search", "nothinglikeit")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "✘ ERROR: No packages matched this search term: 'nothinglikeit'\n")
    for term in ("h", "h" * 201):
        catalog.seen.clear()
        done = laptop.floe("search", term)
        assert done.returncode == 1 and "2 to 200 characters" in done.stderr and not catalog.seen
    assert laptop.floe("search", "é" * 150).returncode == 1  # characters, not bytes
    done = laptop.floe("search", "hello@2", check=True)
    assert done.stderr.startswith("! 'floe search' ignores version specifiers.\nTo see available versions of a package, use 'floe show'\n")
    assert done.stdout.startswith("hello ")
    done = laptop.floe("search", "java")
    assert done.returncode == 1 and "Related search results for 'jdk':\njdk  A test package\n" in done.stderr


def test_show_lists_versions_and_the_systems_that_have_them(laptop, catalog):
    assert laptop.floe("show", "hello", check=True).stdout == (
        "hello - A test package\nCatalog: nixpkgs\nLatest:  hello@2.12.3\nLicense: MIT\nOutputs: out* (* installed by default)\n"
        "Systems: aarch64-darwin, aarch64-linux, x86_64-darwin, x86_64-linux\n\nOther versions:\n    hello@2.12.3\n    hello@2.10\n")
    assert laptop.floe("show", "curl", check=True).stdout.splitlines()[4] == "Outputs: dev, man*, out* (* installed by default)"
    done = laptop.floe("show", "acme/greeter", check=True)
    assert done.stdout.splitlines()[-1] == "    acme/greeter@1.2.3 (x86_64-linux only)" and "Catalog: acme\n" in done.stdout
    assert catalog.seen[-1][1] == "/api/v1/catalog/packages/acme%2Fgreeter?page=0&pageSize=1000"
    assert len(json.loads(laptop.floe("show", "--json", "hello", check=True).stdout)) == 8
    done = laptop.floe("show", "nosuch")
    assert (done.returncode, done.stderr) == (1, "✘ ERROR: no packages matched this pkg-path: 'nosuch'\n")


# -- install


def test_install_adds_exactly_one_line_and_locks_every_system(laptop):
    folder = made(laptop, "web", HEAD + TAIL)
    done = laptop.floe("install", "hello", cwd=folder, check=True)
    assert (done.stdout, done.stderr) == ("", "✔ 'hello' installed to environment 'web'\n")
    assert manifest(folder) == HEAD + 'hello.pkg-path = "hello"\n' + TAIL
    assert locked(folder) == {("hello", s): "2.12.3" for s in DEFAULT}
    assert laptop.floe("list", cwd=folder, check=True).stdout == "hello: hello (2.12.3)\n"


def test_many_packages_go_in_at_once_with_versions_outputs_ids_and_groups(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    done = laptop.floe("i", "hello@2.10", "curl^out,dev", "-i", "deeper", "set.deep", cwd=folder, check=True)
    assert done.stderr == "✔ 'hello', 'curl', 'deeper' installed to environment 'web'\n"
    assert manifest(folder) == (HEAD + 'hello.pkg-path = "hello"\nhello.version = "2.10"\ncurl.pkg-path = "curl"\n'
                                'curl.outputs = ["out", "dev"]\ndeeper.pkg-path = "set.deep"\n' + TAIL)
    assert len(catalog.questions) == 1
    assert {v for (i, _), v in locked(folder).items() if i == "curl"} == {"8.0"}, "one page has the whole group"


def test_a_published_package_is_in_a_group_of_its_own_and_installed_where_it_is(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    done = laptop.floe("install", "acme/greeter", cwd=folder, check=True)
    assert done.stderr == "! 'greeter' installed only for the following systems: x86_64-linux\n"
    assert manifest(folder) == HEAD + ('greeter.pkg-path = "acme/greeter"\ngreeter.pkg-group = "greeter"\n'
                                       'greeter.systems = ["x86_64-linux"]\n') + TAIL
    assert [(q["items"][0]["name"], [d["systems"] for d in q["items"][0]["descriptors"]]) for q in catalog.questions] == [
        ("greeter", [[s] for s in DEFAULT]), ("greeter", [["x86_64-linux"]])]
    assert lock(folder)["packages"][0]["attr_path"] == "greeter"
    # the group of an install stays its own
    laptop.floe("install", "linuxonly", "hello", cwd=folder, check=True)
    assert [g["name"] for g in catalog.questions[-1]["items"]] == ["toplevel"]
    assert 'linuxonly.systems = ["aarch64-linux", "x86_64-linux"]\n' in manifest(folder)
    assert ("hello", "aarch64-darwin") in locked(folder)


def test_installing_twice_changes_no_byte_and_asks_nothing(laptop, catalog):
    folder = made(laptop, "web")
    laptop.floe("install", "hello", "curl", cwd=folder, check=True)
    catalog.seen.clear()
    nothing_changes(laptop, folder, "install", "hello", code=0, told="! Package with id 'hello' already installed to environment 'web'\n")
    nothing_changes(laptop, folder, "install", "hello", "curl^man", code=0,
                    told="! Packages with ids 'hello', 'curl' already installed to environment 'web'\n")
    nothing_changes(laptop, folder, "list", code=0)
    nothing_changes(laptop, folder, "edit", "-f", "-", input=manifest(folder), code=0, told="No changes made to environment.")
    assert catalog.seen == []


def test_outputs_are_added_to_and_taken_from_what_is_installed(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    done = laptop.floe("install", "curl", cwd=folder, check=True)
    assert done.stderr.splitlines() == ["✔ 'curl' installed to environment 'web'",
                                        "ℹ 'curl' has additional outputs, use 'floe list -a' to see more"]
    catalog.seen.clear()
    done = laptop.floe("install", "curl^dev", cwd=folder, check=True)
    assert done.stderr == "✔ 'curl' outputs updated to 'man,out,dev' in environment 'web'\n"
    assert manifest(folder) == HEAD + 'curl.pkg-path = "curl"\ncurl.outputs = ["man", "out", "dev"]\n' + TAIL
    done = laptop.floe("uninstall", "curl^man,dev", cwd=folder, check=True)
    assert done.stderr == "━ Updated outputs of curl to [out] from environment 'web'\n"
    done = laptop.floe("install", "curl^..", cwd=folder, check=True)
    assert done.stderr == "✔ 'curl' outputs updated to 'all' in environment 'web'\n"
    assert 'curl.outputs = "all"\n' in manifest(folder)
    nothing_changes(laptop, folder, "install", "curl^nope", code=0, told="already installed")
    nothing_changes(laptop, folder, "uninstall", "curl^nope", told="'curl' does not have an output 'nope'")
    laptop.floe("uninstall", "curl^dev,man", "curl^out", cwd=folder, check=True)
    assert manifest(folder) == HEAD + TAIL
    assert catalog.seen == []
    nothing_changes(laptop, folder, "install", "hello^nope", told="'hello' does not have an output 'nope'")


def test_a_misspelt_name_is_told_with_what_there_is(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    nothing_changes(laptop, folder, "install", "hell", told=(
        "✘ ERROR: resolution failed: \nCould not find package 'hell'.\n\nHere are a few other similar options:\n"
        "  $ floe install hello\n  $ floe install helloworld\n...or see up to 2 options with 'floe search hell'\n"))
    nothing_changes(laptop, folder, "install", "java", told=(
        "Could not find package 'java'.\nTry 'floe install jdk' instead.\n\nHere are a few other similar options:\n"
        "  $ floe install jdk\n...or see up to 1 options with 'floe search jdk'\n"))
    nothing_changes(laptop, folder, "install", "nosuchpkg", told=(
        "✘ ERROR: resolution failed: \nCould not find package 'nosuchpkg'.\nTry 'floe search' with a broader search term.\n"))
    assert [s[1] for s in catalog.seen][-3:] == [
        "/api/v1/catalog/resolve", "/api/v1/catalog/search?search_term=nosuchpkg&system=x86_64-linux&page=0&pageSize=3", "/api/v1/explain"]
    catalog.explanation = {"items": [{"packages": [{"similar": ["hello", "vim", "curl", "jdk"]}]}]}
    nothing_changes(laptop, folder, "install", "nosuchpkg", told=(
        "Could not find package 'nosuchpkg'.\n\nHere are a few other similar options:\n"
        "  $ floe install hello\n  $ floe install vim\n  $ floe install curl\n"))
    catalog.explanation = None
    nothing_changes(laptop, folder, "install", "nosuchpkg", "linuxonly", told=(
        "resolution failed: multiple resolution failures:\n- package 'linuxonly' not available for\n      - aarch64-darwin\n"
        "    but it is available for\n      - aarch64-linux\n      - x86_64-linux\n\n  For more on",
        "\n- Could not find package 'nosuchpkg'.\n  Try 'floe search' with a broader search term.\n"))


def test_a_failed_install_changes_no_byte(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    laptop.floe("install", "hello", cwd=folder, check=True)
    cases = {
        ("vim@8",): "resolution failed: multiple resolution failures:\n- No version compatible with '8' found for 'vim' on",
        ("old", "jdk"): "resolution failed: constraints for group 'toplevel' are too tight\n\n   Use 'floe edit' to adjust",
        ("broken",): "The package 'broken' is marked as broken.\n\nAllow broken packages by setting 'options.allow.broken = true'",
        (): "Must specify at least one package", ("foo@",): "Expected version requirement after '@'.\nTry adding quotes",
        ("curl^",): "expected output specification after '^'", ("github:a/b#c",): "is a flake, which only Nix can evaluate",
        ("./nowhere",): "cannot resolve path", ("set.deep", "-i", "deep", "curl"): "would both have the id 'deep'",
    }
    for words, told in cases.items():
        nothing_changes(laptop, folder, "install", *words, told=told)
    for trouble, told in ((says(500, [("Content-Type", "text/plain")], b"out of order"), "out of order"),
                          (says(200, [("Content-Type", "application/json")], b"[]"), "a list that is none"),
                          (says(200, [("Content-Type", "application/json")], b'{"items":[]}'), "asked for 1 groups and answered 0"),
                          (says(422, [("Content-Type", "application/json")], b'{"detail":"bad version spec"}'), "bad version spec"),
                          (says(401, [("Content-Type", "application/json")], b'{"detail":"Unauthorized"}'), "fresh token")):
        catalog.trouble = trouble
        nothing_changes(laptop, folder, "install", "curl", told=told)
        nothing_changes(laptop, folder, "upgrade", told=told)
        nothing_changes(laptop, folder, "edit", "-f", "-", input=NEW + 'install.curl.pkg-path = "curl"\n', told=told)
    catalog.trouble = None
    catalog.server.shutdown()
    catalog.server.server_close()
    nothing_changes(laptop, folder, "install", "curl")


def test_a_second_attempt_that_fails_is_told_with_the_first(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    catalog.pages[3] = {"linuxonly": package("3", systems=("x86_64-linux",), broken=True)}
    catalog.pages = {3: catalog.pages[3]}
    nothing_changes(laptop, folder, "install", "linuxonly", told=(
        "multiple resolution failures:\n- package 'linuxonly' not available for",
        "- While attempting to install for available systems, the following error occurred:\n"
        "  The package 'linuxonly' is marked as broken.\n\n  Allow broken packages"))


def test_unfree_and_broken_packages_are_warned_of_where_they_are_allowed(laptop):
    folder = made(laptop, "web", NEW + "options.allow.broken = true\n")
    done = laptop.floe("install", "unfree", "broken", cwd=folder, check=True)
    assert done.stderr.splitlines()[1:] == [
        "! The package 'unfree' has an unfree license, please verify the licensing terms of use",
        "! The package 'broken' is marked as broken, it may not behave as expected during runtime."]


def test_a_hub_that_does_not_explain_is_told_of(laptop, catalog):
    folder = made(laptop, "web", NEW)
    done = laptop.floe("install", "--explain", "hello", cwd=folder, check=True)
    assert done.stderr == "✔ 'hello' installed to environment 'web'\n! This hub does not explain what it resolves; a Floe does.\n"
    catalog.explanation = {"items": [1, {"packages": [None], "newer_pages": "x", "page": {}, "why": "\x1b[31mx"}]}
    done = laptop.floe("upgrade", "--explain", cwd=folder, check=True)
    assert "\x1b" not in done.stderr and "ℹ Group '?': x\n" in done.stderr


def test_a_store_path_needs_no_catalog(laptop, catalog):
    folder = made(laptop, "web", NEW)
    laptop.floe("install", "/nix/store/0wgbcxqvngwz6irw1b5sscw8j7g3zi91-hello-2.12.3/bin", cwd=folder, check=True)
    assert manifest(folder) == NEW + '\n[install]\nhello.store-path = "/nix/store/0wgbcxqvngwz6irw1b5sscw8j7g3zi91-hello-2.12.3"\n'
    assert [p["system"] for p in lock(folder)["packages"]] == list(DEFAULT) and catalog.seen == []


def test_without_an_environment_the_ways_to_one_are_told(laptop):
    nowhere = laptop.folder("nowhere")
    assert laptop.floe("install", "a", "b", cwd=nowhere).stderr == (
        "✘ ERROR: Did not find an environment in the current directory.\n\nCreate an environment with 'floe init' or install to an "
        "environment found elsewhere with 'floe install a b --dir <PATH>'\n")
    assert laptop.floe("uninstall", "a", cwd=nowhere).stderr == (
        "✘ ERROR: Did not find an environment in the current directory.\n\nCreate an environment with 'floe init' or uninstall packages "
        "from an environment found elsewhere with 'floe uninstall a --dir <path>'\n")
    assert "Did not find an environment in 'x'" in laptop.floe("install", "-d", "x", "a", cwd=nowhere).stderr
    assert laptop.floe("upgrade", cwd=nowhere).stderr == (
        "✘ ERROR: Did not find an active environment or an environment in the current directory.\n")


# -- a version 1 manifest


def test_a_version_1_manifest_stays_one_where_it_says_the_same(laptop, catalog):
    folder = made(laptop, "web")
    old = "version = 1 # old\n[install]\n"
    (folder / ".flox/env/manifest.toml").write_text(old)
    laptop.floe("install", "hello", cwd=folder, check=True)
    assert manifest(folder) == old + 'hello.pkg-path = "hello"\n' and lock(folder)["manifest"]["version"] == 1
    laptop.floe("install", "curl", cwd=folder, check=True)
    assert manifest(folder) == ('schema-version = "1.15.0" # old\n[install]\nhello.pkg-path = "hello"\ncurl.pkg-path = "curl"\n')
    assert lock(folder)["manifest"]["schema-version"] == "1.15.0"
    nothing_changes(laptop, folder, "edit", "-f", "-", input=manifest(folder), code=0, told="No changes made")


def test_all_outputs_of_a_version_1_manifest_stay_when_it_becomes_new(laptop, catalog):
    folder = made(laptop, "web")
    laptop.floe("edit", "-f", "-", cwd=folder, input='version = 1\n[install]\ncurl.pkg-path = "curl"\n', check=True)
    assert manifest(folder) == ('schema-version = "1.15.0"\n[install]\ncurl.pkg-path = "curl"\ncurl.outputs = "all"\n'), "as before"
    laptop.floe("install", "hello^out", cwd=folder, check=True)
    assert manifest(folder) == ('schema-version = "1.15.0"\n[install]\ncurl.pkg-path = "curl"\ncurl.outputs = "all"\n'
                                'hello.pkg-path = "hello"\nhello.outputs = ["out"]\n')
    # one that is locked as such already
    (folder / ".flox/env/manifest.toml").write_text('version = 1\n[install]\ncurl.pkg-path = "curl"\n')
    old = lock(folder)
    old["manifest"] = {"version": 1, "install": {"curl": {"pkg-path": "curl"}}, "options": {}}
    old["packages"] = [p for p in old["packages"] if p["install_id"] == "curl"]
    (folder / ".flox/env/manifest.lock").write_text(json.dumps(old))
    nothing_changes(laptop, folder, "install", "curl^man", code=0, told="already installed")
    laptop.floe("uninstall", "curl^man", cwd=folder, check=True)
    assert manifest(folder) == 'schema-version = "1.15.0"\n[install]\ncurl.pkg-path = "curl"\ncurl.outputs = ["dev", "out"]\n'


# -- locking


def test_a_changed_group_is_asked_for_with_pins_and_others_are_not(laptop, catalog):
    text = NEW + '[install]\nhello.pkg-path = "hello"\nvim.pkg-path = "vim"\nvim.pkg-group = "editors"\n'
    folder = made(laptop, "web", text)
    catalog.pages[3] = {**PAGES[2], "hello": package("2.13"), "vim": package("9.1")}
    catalog.questions.clear()
    laptop.floe("install", "curl", cwd=folder, check=True)
    assert [g["name"] for g in catalog.questions[0]["items"]] == ["toplevel"]
    assert [("derivation" in d, d["install_id"]) for d in catalog.questions[0]["items"][0]["descriptors"]] == \
        [(False, "curl")] * 3 + [(True, "hello")] * 3
    assert locked(folder)[("hello", "x86_64-linux")] == "2.12.3", "pinned"
    # priority and outputs need no catalog, a version does
    catalog.questions.clear()
    laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(folder) + "curl.priority = 4\n", check=True)
    assert catalog.questions == [] and {p["priority"] for p in lock(folder)["packages"] if p["install_id"] == "curl"} == {4}
    laptop.floe("edit", "-f", "-", cwd=folder, input=manifest(folder) + 'vim.version = "9.0"\n', check=True)
    assert [(g["name"], [d.get("version") for d in g["descriptors"]]) for g in catalog.questions[0]["items"]] == [("editors", ["9.0"] * 3)]
    catalog.questions.clear()
    laptop.floe("edit", "-f", "-", cwd=folder, check=True,
                input=manifest(folder) + f"[options]\nsystems = {json.dumps(SYSTEMS)}\n")
    assert [g["name"] for g in catalog.questions[0]["items"]] == ["editors", "toplevel"]
    assert [d["systems"][0] for g in catalog.questions[0]["items"] for d in g["descriptors"] if "derivation" not in d] == ["x86_64-darwin"] * 3


def test_an_edit_that_cannot_be_resolved_says_why_in_its_words(laptop):
    folder = made(laptop, "web", HEAD + TAIL)
    edit = lambda text, told: nothing_changes(laptop, folder, "edit", "-f", "-", input=text, told=told)
    edit(NEW + 'install.x.pkg-path = "nosuch"\n', "✘ ERROR: resolution failed: could not find package 'nosuch'.\n")
    edit(NEW + 'install.x.pkg-path = "linuxonly"\n', (
        "✘ ERROR: resolution failed: package 'linuxonly' not available for\n    - aarch64-darwin\n  but it is available for\n"
        "    - aarch64-linux\n    - x86_64-linux\n\nFor more on managing system-specific packages, visit the documentation:\n"))
    edit(NEW + 'install.x.pkg-path = "hello"\ninstall.x.systems = ["riscv64-linux"]\n', (
        "✘ ERROR: 'x' specifies disabled or unknown system 'riscv64-linux' (enabled systems: aarch64-darwin, aarch64-linux, x86_64-linux)."))
    edit(NEW + 'options.allow.unfree = false\ninstall.x.pkg-path = "unfree"\n', "✘ ERROR: The package 'x' has an unfree license.")
    edit(NEW + 'options.allow.licenses = ["X"]\ninstall.x.pkg-path = "hello"\n', "has license 'MIT' which is not in the list")
    edit(NEW + 'install.x.flake = "github:a/b"\n', "'x' cannot be locked: it is the flake 'github:a/b'")


def test_a_manifest_edited_by_hand_is_locked_by_the_next_command(laptop, catalog):
    folder = made(laptop, "web", NEW)
    (folder / ".flox/env/manifest.toml").write_text(NEW + 'install.hello.pkg-path = "hello"\n')
    assert laptop.floe("list", cwd=folder, check=True).stdout == "hello: hello (2.12.3)\n"
    assert laptop.floe("activate", "--", "true", cwd=folder).returncode == 0
    assert locked(folder)[("hello", "x86_64-linux")] == "2.12.3"
    catalog.seen.clear()
    laptop.floe("activate", "--", "true", cwd=folder, check=True)
    assert catalog.seen == []


def test_packages_of_includes_are_locked_with_ones_own(laptop, catalog):
    tools = made(laptop, "tools", NEW + '[install]\nhello.pkg-path = "hello"\nvim.pkg-path = "vim"\n')
    top = made(laptop, "top", NEW + '[include]\nenvironments = [{ dir = "../tools" }]\n')
    assert {i for i, _ in locked(top)} == {"hello", "vim"}
    done = laptop.floe("install", "hello@2.10", "curl", cwd=top, check=True)
    assert "ℹ This environment now overrides package with id 'hello'\n" in done.stderr
    assert locked(top)[("hello", "x86_64-linux")] == "2.10" and "vim" not in manifest(top)
    done = laptop.floe("uninstall", "hello", cwd=top, check=True)
    assert done.stderr == "━ 'hello' uninstalled from environment 'top'\nℹ 'hello' is still installed by environment 'tools'\n"
    nothing_changes(laptop, top, "uninstall", "vim", told=(
        "✘ ERROR: Cannot remove included package 'vim'\nRemove the package from environment 'tools' and then run 'floe include upgrade'\n"))
    laptop.floe("uninstall", "vim", cwd=tools, check=True)
    laptop.floe("include", "upgrade", cwd=top, check=True)
    assert {i for i, _ in locked(top)} == {"hello", "curl"}


# -- uninstall


def test_uninstall_takes_ids_and_paths_and_fails_for_all_if_for_one(laptop):
    folder = made(laptop, "web", HEAD + TAIL)
    laptop.floe("install", "hello", "vim", "-i", "d", "set.deep", cwd=folder, check=True)
    nothing_changes(laptop, folder, "uninstall", "vim", "nosuch", told="✘ ERROR: no package named 'nosuch' in the manifest\n")
    done = laptop.floe("rm", "set.deep", "vim", cwd=folder, check=True)
    assert done.stderr == "━ 'd' uninstalled from environment 'web'\n━ 'vim' uninstalled from environment 'web'\n"
    assert manifest(folder) == HEAD + 'hello.pkg-path = "hello"\n' + TAIL
    text = NEW + '[install]\na.pkg-path = "hello"\nb.pkg-path = "hello"\nb.pkg-group = "g"\nb.version = "2.10"\n'
    laptop.floe("edit", "-f", "-", cwd=folder, input=text, check=True)
    nothing_changes(laptop, folder, "uninstall", "hello", told=(
        "multiple packages match 'hello', please specify an install id from possible matches: [\"a\", \"b\"]"))
    laptop.floe("uninstall", "hello@2.10", cwd=folder, check=True)
    assert manifest(folder) == NEW + '[install]\na.pkg-path = "hello"\n'


# -- upgrade


def test_upgrade_brings_what_is_new_and_says_what_changed(laptop, catalog):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\nvim.pkg-path = "vim"\nvim.pkg-group = "editors"\n')
    nothing_changes(laptop, folder, "upgrade", code=0, told="No upgrades available for packages in 'web'.\n")
    text = manifest(folder)
    catalog.pages[3] = {"hello": package("2.13"), "vim": package("9.0", build=2)}
    nothing_changes(laptop, folder, "upgrade", "--dry-run", code=0, told=(
        "Dry run: 1 version change and 1 rebuild in 'web':\n- hello: 2.12.3 -> 2.13\n"
        "- vim: 9.0 (rebuild, rev 2026-01-02 -> 2026-01-03)\n\nTo apply these changes, run upgrade without the '--dry-run' flag.\n"))
    done = laptop.floe("upgrade", "editors", cwd=folder, check=True)
    assert done.stderr == "✔ Upgraded 1 rebuild in 'web':\n- vim: 9.0 (rebuild, rev 2026-01-02 -> 2026-01-03)\n"
    nothing_changes(laptop, folder, "upgrade", "vim", code=0, told="No upgrades available for the specified packages in 'web'.\n")
    done = laptop.floe("upgrade", "hello", cwd=folder, check=True)
    assert done.stderr == "✔ Upgraded 1 version change in 'web':\n- hello: 2.12.3 -> 2.13\n"
    assert manifest(folder) == text and locked(folder)[("hello", "x86_64-linux")] == "2.13"
    nothing_changes(laptop, folder, "upgrade", "nosuch", told="✘ ERROR: no package or group named 'nosuch' in the manifest\n")
    laptop.floe("install", "-i", "h10", "hello@2.13", cwd=folder, check=True)
    nothing_changes(laptop, folder, "upgrade", "hello", told=(
        "✘ ERROR: 'hello' is a package in the group 'toplevel' with multiple packages.\nTo upgrade the group, specify the group name:\n"
        "    $ floe upgrade toplevel\nTo upgrade all packages, run:\n    $ floe upgrade\n"))
    nothing_changes(laptop, folder, "upgrade", "toplevel", code=0, told="No upgrades available for the specified")


def test_an_upgrade_of_other_systems_alone_is_told_so(laptop, catalog):
    folder = made(laptop, "web", NEW + 'options.systems = ["aarch64-linux", "x86_64-linux"]\n[install]\nhello.pkg-path = "hello"\n')
    real = catalog.row
    catalog.row = lambda n, p, s: {**real(n, p, s), **({"derivation": "/nix/store/x.drv"} if s == "aarch64-linux" else {})}
    nothing_changes(laptop, folder, "upgrade", "--dry-run", code=0, told="Upgrades are not available for 'web' on this system")
    done = laptop.floe("upgrade", cwd=folder, check=True)
    assert done.stderr.startswith("✔ Upgraded 'web'.\nUpgrades were not available for this system, but upgrades were applied")


def test_systems_that_the_defaults_no_longer_have_are_told(laptop, catalog):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\n')
    path = folder / ".flox/env/manifest.lock"
    old = lock(folder)
    old["packages"].append({**old["packages"][0], "system": "x86_64-darwin"})
    path.write_text(json.dumps(old, indent=2) + "\n")
    done = laptop.floe("install", "curl", cwd=folder, check=True)
    assert ("! packages have been removed from lockfile for 'x86_64-darwin'\n"
            "To reinstall, add 'x86_64-darwin' to 'options.systems' with 'floe edit'\n") in done.stderr


# -- environments of a hub


def test_each_change_of_a_reference_is_a_generation_that_a_later_push_sends(hub, machine, owner):
    with Catalog(PAGES, hub) as catalog:
        m, other = machine("laptop").login(owner), machine("desk").login(owner)
        m.env["FLOE_HUB"] = other.env["FLOE_HUB"] = catalog.url
        m.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
        other.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
        ref = f"{owner.handle}/web"
        m.floe("init", "-r", ref, "-b", check=True)
        assert m.floe("install", "-r", ref, "hello@2.10", "curl", check=True).stderr.startswith(
            f"✔ 'hello', 'curl' installed to environment '{ref}' (local)\n")
        m.floe("install", "-r", ref, "hello", check=True)
        m.floe("upgrade", "-r", ref, check=True)
        assert m.floe("uninstall", "-r", ref, "curl", check=True).stderr == f"━ 'curl' uninstalled from environment '{ref}' (local)\n"
        m.floe("edit", "-r", ref, "-f", "-", input=NEW + '[install]\nhello.pkg-path = "hello"\n', check=True)
        history = m.floe("generations", "history", "-r", ref, check=True).stdout
        for told in ("installed packages 'hello (hello@2.10)', 'curl (curl)'", "uninstalled package 'curl'", "manually edited"):
            assert told in history, history
        assert history.count("uninstalled") == 1 and history.count("upgraded") == 0, "nothing was new"
        assert m.floe("list", "-r", ref, "-n", check=True).stdout == "hello\n"
        other.floe("pull", ref, "-d", other.folder("early"), check=True)
        assert other.floe("list", "-n", "-d", other.work / "early").stdout == "", "not pushed yet"
        m.floe("push", "-r", ref, check=True)
        folder = other.folder("late")
        other.floe("pull", ref, "-d", folder, check=True)
        assert other.floe("list", cwd=folder, check=True).stdout == "hello: hello (2.12.3)\n"
        catalog.pages[3] = {"hello": package("2.13")}
        assert "- hello: 2.12.3 -> 2.13" in other.floe("upgrade", cwd=folder, check=True).stderr
        assert "upgraded package 'hello'" in other.floe("generations", "history", cwd=folder, check=True).stdout
        other.floe("generations", "rollback", cwd=folder, check=True)
        assert other.floe("list", cwd=folder, check=True).stdout == "hello: hello (2.12.3)\n"


def test_a_managed_folder_with_edits_by_hand_is_not_installed_into(hub, machine, owner):
    with Catalog(PAGES, hub) as catalog:
        m = machine("laptop").login(owner)
        m.env["FLOE_HUB"] = catalog.url
        m.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
        folder = made(m, "web", HEAD + TAIL)
        m.floe("push", cwd=folder, check=True)
        m.floe("install", "hello", cwd=folder, check=True)
        (folder / ".flox/env/manifest.toml").write_text(HEAD + TAIL)
        for words in (("install", "curl"), ("uninstall", "hello"), ("upgrade",)):
            nothing_changes(m, folder, *words, told="Your environment has changes that are not yet synced to a generation.")


def test_an_install_that_is_killed_happened_or_did_not(hub, machine, owner):
    with Catalog(PAGES, hub) as catalog:
        m = machine("laptop").login(owner)
        m.env["FLOE_HUB"] = catalog.url
        m.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
        folder = made(m, "web", HEAD + 'hello.pkg-path = "hello"\n' + TAIL)
        m.floe("push", cwd=folder, check=True)
        kill, before, history = Killer(m, 7), manifest(folder), 1
        for i in range(ROUNDS):
            there = "curl." in before
            ended = kill("uninstall" if there else "install", "curl", cwd=folder)
            shown = m.floe("list", "-n", cwd=folder, check=True).stdout.split()  # finishes what was begun
            changes = json.loads(m.floe("generations", "history", "--json", cwd=folder, check=True).stdout)
            happened = len(changes) > history
            assert len(changes) - history in (0, 1) and (happened or not ended)
            assert shown == (["curl", "hello"] if there != happened else ["hello"]), i
            assert manifest(folder) == HEAD + 'hello.pkg-path = "hello"\n' + ('curl.pkg-path = "curl"\n' if "curl" in shown else "") + TAIL
            assert set(lock(folder)["manifest"]["install"]) == set(tomllib.loads(manifest(folder))["install"]) == set(shown)
            before, history = manifest(folder), len(changes)
        assert kill.killed > 0


def test_many_installs_at_once_in_one_folder_all_count(laptop):
    folder = made(laptop, "web", NEW)
    names = ("hello", "curl", "vim", "jdk", "set.deep", "helloworld")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for done in pool.map(lambda name: laptop.floe("install", name, cwd=folder), names):
            assert done.returncode == 0, done.stderr
    assert {i for i, _ in locked(folder)} == {n.rpartition(".")[2] for n in names}
    assert set(tomllib.loads(manifest(folder))["install"]) == {n.rpartition(".")[2] for n in names}


def test_without_a_login_a_reference_is_not_changed(machine, catalog):
    m = machine("laptop")
    m.env["FLOE_HUB"] = catalog.url
    for words in (("install", "-r", "a/b", "hello"), ("uninstall", "-r", "a/b", "hello"), ("upgrade", "-r", "a/b")):
        done = m.floe(*words)
        assert done.returncode == 1 and "You are not logged in to FloxHub." in done.stderr
    assert catalog.seen == []


# -- hostile answers


def test_what_a_catalog_says_drives_no_terminal(laptop, catalog):
    folder = made(laptop, "web", NEW)
    catalog.pages[2] = {**PAGES[2], "evil\x1b[31m": package("1\x1b]0;x\x07", description="\x1b[2Jd\u202e")}
    for done in (laptop.floe("search", "evil"), laptop.floe("show", "evil\x1b[31m"), laptop.floe("install", "evil\x1b[31m", cwd=folder),
                 laptop.floe("list", cwd=folder), laptop.floe("list", "-a", cwd=folder), laptop.floe("install", "evi", cwd=folder)):
        assert "\x1b" not in done.stdout + done.stderr and "\u202e" not in done.stdout + done.stderr, done


def test_a_catalog_of_very_many_versions_or_of_absurd_names_is_shown_in_bounded_time_and_width(laptop, catalog):
    def answer(rows):
        def take(handler, n, forward):
            query = {k: v[0] for k, v in urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query).items()}
            handler.answer(200, *catalog.json(catalog.paged(rows, query)))
            return True
        return take

    def row(version, system="x86_64-linux"):
        return {"pkg_path": "hello", "version": version, "system": system}

    catalog.trouble = answer([row(f"1.{i}") for i in range(19_000)])
    done = laptop.floe("show", "hello", check=True, timeout=30)
    assert done.stdout.count("(x86_64-linux only)") == 19_000
    catalog.trouble = answer([row("v" * 50_000)] + [row(f"1.{i}") for i in range(500)])
    done = laptop.floe("show", "hello", check=True)
    assert "    hello@1.0   (x86_64-linux only)" in done.stdout and len(done.stdout) < 200_000
    catalog.trouble = answer([{"pkg_path": "x" * 50_000}] + [{"pkg_path": f"p{i}"} for i in range(500)])
    assert len(laptop.floe("search", "hello", "--all", check=True).stdout) < 100_000


def test_an_endless_catalog_is_given_up(laptop, catalog):
    page = {"items": [{"pkg_path": f"p{i}", "description": None} for i in range(1000)], "total_count": 10 ** 9}
    catalog.trouble = says(200, [("Content-Type", "application/json")], json.dumps(page).encode())
    done = laptop.floe("search", "--all", "ppp")
    assert done.returncode == 1 and "does not end" in done.stderr
    done = laptop.floe("search", "ppp", check=True)
    assert done.stdout.count("\n") == 10 and "<no description provided>" in done.stdout
    wide = {"items": [{"pkg_path": f"p{i}", "description": "d" * 40_000} for i in range(1000)], "total_count": 10 ** 9}
    catalog.trouble = says(200, [("Content-Type", "application/json")], json.dumps(wide).encode())
    done = laptop.floe("search", "--all", "ppp")
    assert done.returncode == 1 and "does not end" in done.stderr
