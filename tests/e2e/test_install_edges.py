"""Odd words, odd files and odd folders: what the verbs of packages make of them."""

import json
import os

import pytest

from stand_in import package
from test_install import HEAD, NEW, PAGES, TAIL, catalog, laptop, lock, locked, made, manifest, nothing_changes, state  # noqa: F401

ODD_IDS = ("a.b", "c d", 'q"q', "it's", "x@1", "y^out", "./z", "/abs", "github:a/b", "ä")


# -- words


@pytest.mark.parametrize("word, told", [
    ("hello@", "couldn't parse descriptor 'hello@': Expected version requirement after '@'.\nTry adding quotes around the argument."),
    ("hello^", "couldn't parse descriptor 'hello^': expected output specification after '^'"),
    ("^out,dev", "couldn't parse descriptor '^out,dev': attribute path is empty"), ("", "attribute path is empty"), (".", "attribute path is empty"),
    ('"a.b', "couldn't parse descriptor '\"a.b': unclosed quote"), ("@", "Could not find package '@'."), ("@^1.2", "Could not find package '@^1.2'."),
    ("curl^*", "'curl' does not have an output '*'"), ("curl^out,,dev", "'curl' does not have an output ''"),
    ("hello@2.10^out", "No version compatible with '2.10^out' found for 'hello'"), ("/tmp", "store path must be in the '/nix/store' directory"),
    ("./nosuch", "cannot resolve path"), ("/nix/store/abc", "store path must contain a package name"),
    ("github:a/b", "'github:a/b' is a flake, which only Nix can evaluate."), ("https://x.org/y#z", "is a flake, which only Nix can evaluate."),
])
def test_a_word_that_is_no_package_is_refused_and_changes_nothing(laptop, word, told):
    folder = made(laptop, "web", HEAD + TAIL)
    nothing_changes(laptop, folder, "install", word, told=told)


def test_versions_and_quoted_paths_reach_the_catalog_as_they_were_typed(laptop, catalog):
    catalog.pages[3] = {'"a.b".c': package(), "nodePackages.@angular/cli": package("1")}
    folder = made(laptop, "web", HEAD + TAIL)
    laptop.floe("install", '"a.b".c', "nodePackages.@angular/cli@1", cwd=folder, check=True)
    assert manifest(folder) == HEAD + "c.pkg-path = '\"a.b\".c'\n" + 'cli.pkg-path = "nodePackages.@angular/cli"\ncli.version = "1"\n' + TAIL
    for word in ("hello@^1.2", "hello@>=2,<3", "hello@ 2"):
        catalog.questions.clear()
        laptop.floe("install", word, cwd=folder)
        version = word.partition("@")[2]
        assert {d.get("version") for g in catalog.questions[0]["items"] for d in g["descriptors"] if d["install_id"] == "hello"} == {version}


def test_two_words_for_one_id_are_refused_whatever_they_ask_for(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    for other in ("curl@8.0", "curl^dev", "curl^.."):
        nothing_changes(laptop, folder, "install", "curl", other, told=(
            f"✘ ERROR: 'curl' and '{other}' would both have the id 'curl'. Name one of them, or give one another id with --id.\n"))
    nothing_changes(laptop, folder, "install", "-i", "x", "vim", "-i", "x", "hello", told="would both have the id 'x'")
    assert laptop.floe("install", "curl^dev", "curl^dev", cwd=folder, check=True).stderr == "✔ 'curl' installed to environment 'web'\n"
    assert manifest(folder) == HEAD + 'curl.pkg-path = "curl"\ncurl.outputs = ["dev"]\n' + TAIL


def test_an_id_may_look_like_anything_and_is_uninstalled_by_it(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    words = [w for i in ODD_IDS for w in ("-i", i, "hello")]
    laptop.floe("install", *words, cwd=folder, check=True)
    assert {i for i, _ in locked(folder)} == set(ODD_IDS)
    assert set(laptop.floe("list", "-n", cwd=folder, check=True).stdout.splitlines()) == set(ODD_IDS)
    for i in ODD_IDS:
        assert laptop.floe("uninstall", i, cwd=folder).stderr == f"━ '{i}' uninstalled from environment 'web'\n"
    assert manifest(folder) == HEAD + TAIL and lock(folder)["packages"] == []
    nothing_changes(laptop, folder, "install", "-i", "", "hello", told="✘ ERROR: The id of 'hello' cannot be empty.\n")


def test_a_store_path_is_locked_without_a_question_and_is_never_upgraded(laptop, catalog):
    folder = made(laptop, "web", HEAD + TAIL)
    path = "/nix/store/abcdefghijklmnopqrstuvwxyz012345-my-tool-1.0"
    catalog.seen.clear()
    laptop.floe("install", f"{path}/bin/my-tool", cwd=folder, check=True)
    assert manifest(folder) == HEAD + f'my-tool.store-path = "{path}"\n' + TAIL
    assert [list(p) for p in lock(folder)["packages"]] == [["install_id", "store_path", "system", "priority"]] * 3
    assert laptop.floe("list", cwd=folder, check=True).stdout == f"my-tool: {path}\n"
    for words in (("upgrade",), ("upgrade", "my-tool")):
        nothing_changes(laptop, folder, *words, code=0, told="No upgrades available")
    laptop.floe("uninstall", "my-tool", cwd=folder, check=True)
    assert manifest(folder) == HEAD + TAIL and catalog.seen == []


def test_one_way_of_listing_at_a_time(laptop):
    folder = made(laptop, "web", HEAD + TAIL)
    for words in (("-n", "-a"), ("-c", "-n"), ("-e", "-a"), ("-c", "--json")):
        done = laptop.floe("list", *words, cwd=folder)
        assert (done.returncode, done.stdout) == (2, "") and "Give one of" in done.stderr, words


# -- files


def test_an_environment_without_a_lock_gets_one_from_whatever_asks_for_it(laptop, catalog):
    text = NEW + '[install]\nhello.pkg-path = "hello"\n'
    folder = made(laptop, "web", text)
    path = folder / ".flox/env/manifest.lock"
    whole = path.read_bytes()
    for words in (("list",), ("list", "-a"), ("upgrade",), ("install", "hello"), ("activate", "--", "true")):
        path.unlink()
        catalog.seen.clear()
        laptop.floe(*words, cwd=folder, check=True)
        if words[0] != "install":
            assert path.read_bytes() == whole and len(catalog.seen) == 1, words
            nothing_changes(laptop, folder, "list", code=0)
            assert len(catalog.seen) == 1, words
    path.unlink()
    laptop.floe("upgrade", "--dry-run", cwd=folder, check=True)
    assert not path.exists()
    laptop.floe("list", cwd=folder, check=True)
    (folder / ".flox/env/manifest.toml").write_text(text + 'vim.pkg-path = "vim"\n')
    assert "No upgrades available" in laptop.floe("upgrade", cwd=folder, check=True).stderr
    assert {i for i, _ in locked(folder)} == {"hello", "vim"}, "an edit by hand is locked"


@pytest.mark.parametrize("how, told", [
    (lambda t: "", "manifest.lock:1:"), (lambda t: t[:-40], "manifest.lock:"), (lambda t: "<<<<<<< HEAD\n" + t, "manifest.lock:1:"),
    (lambda t: t.replace('"lockfile-version": 1', '"lockfile-version": 2'), "manifest.lock has lockfile-version 2; only version 1 is known."),
    (lambda t: t.replace('"packages": [', '"packages": [3,'), "manifest.lock"),
])
def test_a_lock_that_does_not_read_is_not_replaced(laptop, catalog, how, told):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\n')
    path = folder / ".flox/env/manifest.lock"
    path.write_text(how(path.read_text()))
    catalog.seen.clear()
    for words in (("list",), ("install", "vim"), ("uninstall", "hello"), ("upgrade",), ("upgrade", "--dry-run"), ("edit", "-f", "-"), ("activate", "--", "true")):
        done = nothing_changes(laptop, folder, *words, input=NEW, told=(f"✘ ERROR: {told}", "A lock that does not read is not replaced"))
        assert "Failed to parse manifest" not in done.stderr
    assert catalog.seen == []
    path.unlink()
    assert laptop.floe("list", cwd=folder, check=True).stdout == "hello: hello (2.12.3)\n"


def test_a_lock_of_another_manifest_is_the_start_of_the_new_one(laptop, catalog):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\nhello.version = "2.10"\nhello.pkg-group = "old"\n')
    (folder / ".flox/env/manifest.toml").write_text(manifest(folder) + 'vim.pkg-path = "vim"\nvim.pkg-group = "editors"\n')
    catalog.questions.clear()
    laptop.floe("install", "curl", cwd=folder, check=True)
    assert [[g["name"] for g in q["items"]] for q in catalog.questions] == [["editors"], ["toplevel"]]
    assert locked(folder)[("hello", "x86_64-linux")] == "2.10"


def test_a_folder_that_cannot_be_written_is_listed_and_not_changed(laptop, catalog):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\n')
    (folder / ".flox/env/manifest.lock").unlink()
    before = sorted(p.name for p in (folder / ".flox/env").iterdir())
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    for p in [laptop.home, *laptop.home.rglob("*")]:
        if os.geteuid() == 0 and folder not in [p, *p.parents]:
            os.lchown(p, user, user)
    for p in (folder / ".flox/env", folder / ".flox", folder):
        p.chmod(0o555)
    run = lambda *words: laptop.run("setpriv", f"--reuid={user}", *(["--clear-groups", f"--regid={user}"] if os.geteuid() == 0 else []),
                                    laptop.workshop.bin / "floe", *words, cwd=folder, input=NEW)
    try:
        assert run("list").stdout == "hello: hello (2.12.3)\n"
        for words in (("install", "vim"), ("uninstall", "hello"), ("edit", "-f", "-"), ("upgrade",)):
            done = run(*words)
            assert done.returncode == 1 and "Permission denied" in done.stderr, (words, done.stderr)
        assert run("upgrade", "--dry-run").returncode == 0
    finally:
        for p in (folder, folder / ".flox", folder / ".flox/env"):
            p.chmod(0o755)
    assert sorted(p.name for p in (folder / ".flox/env").iterdir()) == before


def test_systems_and_priorities_of_packages_and_environment_go_together(laptop, catalog):
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\nhello.priority = 3\nhello.systems = ["x86_64-linux"]\n[options]\n'
                                       'systems = ["x86_64-linux", "aarch64-linux"]\n')
    assert locked(folder) == {("hello", "x86_64-linux"): "2.12.3"} and lock(folder)["packages"][0]["priority"] == 3
    laptop.floe("install", "linuxonly", cwd=folder, check=True)
    assert "linuxonly.systems" not in manifest(folder), "every system of the environment has it"
    assert {s for i, s in locked(folder) if i == "linuxonly"} == {"x86_64-linux", "aarch64-linux"}
    nothing_changes(laptop, folder, "edit", "-f", "-", input=manifest(folder).replace('["x86_64-linux", "aarch64-linux"]', '["aarch64-linux"]'), told=(
        "✘ ERROR: 'hello' specifies disabled or unknown system 'x86_64-linux' (enabled systems: aarch64-linux).\n\n"
        "Add 'x86_64-linux' to 'options.systems' in manifest.toml\n"))
    laptop.floe("edit", "-f", "-", cwd=folder, check=True, input=NEW + 'options.systems = ["aarch64-linux"]\n[install]\nhello.pkg-path = "hello"\n')
    for words in ((), ("-n",), ("-a",)):
        done = laptop.floe("list", *words, cwd=folder, check=True)
        assert done.stdout == "" and "No packages are installed for your current system ('x86_64-linux')." in done.stderr
    laptop.floe("install", "vim", cwd=folder, check=True)
    assert locked(folder) == {("hello", "aarch64-linux"): "2.12.3", ("vim", "aarch64-linux"): "9.0"}


def test_an_upgrade_of_a_composed_environment_brings_what_it_includes_too(laptop, catalog):
    tools = made(laptop, "tools", NEW + '[install]\nhello.pkg-path = "hello"\nvim.pkg-path = "vim"\nvim.pkg-group = "editors"\n')
    top = made(laptop, "top", NEW + '[include]\nenvironments = [{ dir = "../tools" }]\n')
    theirs = state(tools)
    catalog.pages[3] = {"hello": package("2.13"), "vim": package("9.1")}
    for name in ("hello", "editors"):
        nothing_changes(laptop, top, "upgrade", name, told=f"no package or group named '{name}' in the manifest")
    laptop.floe("upgrade", "toplevel", cwd=top, check=True)
    assert (locked(top)[("hello", "x86_64-linux")], locked(top)[("vim", "x86_64-linux")]) == ("2.13", "9.0")
    assert "- vim: 9.0 -> 9.1\n" in laptop.floe("upgrade", cwd=top, check=True).stderr
    assert state(tools) == theirs
    assert json.loads((top / ".flox/env/manifest.lock").read_text())["compose"]["include"][0]["name"] == "tools"
