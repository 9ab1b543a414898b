"""What floe tells about packages besides: upgrades that are known of, a reminder to log in; and where the catalog is."""

import json
import time

import pytest

from misbehaving import Misbehaving
from stand_in import Catalog, package
from terminal import Terminal, user_files
from test_client_verbs import on_terminal
from test_install import HEAD, NEW, PAGES, TAIL, catalog, laptop, lock, locked, made, state  # noqa: F401

REMINDER = "! Packages are resolved without a login. A hub may want one for that one day.\nRun 'floe auth login' to log in.\n"


# -- upgrades that are known of


@pytest.fixture
def stale(laptop, catalog):
    """A folder whose packages have newer ones since, of which nobody has asked yet."""
    folder = made(laptop, "web", NEW + '[install]\nhello.pkg-path = "hello"\nvim.pkg-path = "vim"\nvim.pkg-group = "editors"\ncurl.pkg-path = "curl"\n'
                                       'curl.pkg-group = "net"\n')
    catalog.pages[3] = {"hello": package("2.13"), "vim": package("9.0", build=2)}
    return folder


PLAIN = "curl: curl (8.1)\nhello: hello (2.12.3)\nvim: vim (9.0)\n"
MARKED = "curl: curl (8.1)\nhello: hello (2.12.3 - upgrade available)\nvim: vim (9.0 - upgrade available)\n"


def shown(m, folder, *words):
    return m.floe("list", *words, cwd=folder, check=True).stdout


def test_a_list_marks_upgrades_once_they_were_asked_for_and_asks_nothing_itself(laptop, catalog, stale):
    catalog.seen.clear()
    assert shown(laptop, stale) == PLAIN and catalog.seen == []
    before = state(stale)
    laptop.floe("upgrade", "--dry-run", "net", cwd=stale, check=True)
    assert shown(laptop, stale) == PLAIN, "only some were asked for"
    laptop.floe("upgrade", "--dry-run", cwd=stale, check=True)
    catalog.seen.clear()
    assert shown(laptop, stale) == MARKED
    assert shown(laptop, stale, "-n") == "curl\nhello\nvim\n"
    everything = shown(laptop, stale, "-a")
    assert "hello: (upgrade available)\n" in everything and "curl:\n" in everything
    assert json.loads(shown(laptop, stale, "--json")) == [p for i in ("curl", "hello", "vim") for p in lock(stale)["packages"]
                                                          if (p["install_id"], p["system"]) == (i, "x86_64-linux")]
    assert catalog.seen == [] and state(stale) == before
    laptop.floe("upgrade", "editors", cwd=stale, check=True)
    assert "available" not in shown(laptop, stale), "of another lock nobody asked"
    laptop.floe("upgrade", "--dry-run", cwd=stale, check=True)
    assert shown(laptop, stale) == MARKED.replace("9.0 - upgrade available", "9.0")
    del catalog.pages[3]
    laptop.floe("upgrade", "--dry-run", cwd=stale)
    catalog.pages[3] = {"hello": package("2.12.3"), "vim": package("9.0", build=2)}
    laptop.floe("edit", "-f", "-", cwd=stale, input=NEW, check=True)
    assert "available" not in shown(laptop, stale)


def test_what_floxs_own_check_found_is_shown_and_ours_has_its_form(laptop, catalog, stale):
    old = lock(stale)
    laptop.floe("upgrade", "--dry-run", cwd=stale, check=True)
    path = stale / ".flox/cache/upgrade-checks.json"
    ours = json.loads(path.read_text())
    assert list(ours) == ["last_checked", "upgrade_result"] and list(ours["upgrade_result"]) == ["old_lockfile", "new_lockfile", "store_path"]
    assert ours["upgrade_result"]["old_lockfile"] == old and ours["upgrade_result"]["store_path"] is None
    assert {p["version"] for p in ours["upgrade_result"]["new_lockfile"]["packages"] if p["install_id"] == "hello"} == {"2.13"}
    assert abs(time.time() - time.mktime(time.strptime(ours["last_checked"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    # as flox writes it
    theirs = {"last_checked": "+002026-01-02T03:04:05.000000000Z", "upgrade_result": {
        "old_lockfile": old, "new_lockfile": json.loads(json.dumps(old).replace('-hello-2.12.3.drv"', '-hello-2.12.4.drv"')), "store_path": None}}
    path.write_text(json.dumps(theirs))
    assert shown(laptop, stale) == MARKED.replace("9.0 - upgrade available", "9.0")
    theirs["upgrade_result"]["old_lockfile"] = None
    for text in (json.dumps(theirs), json.dumps({}), "[]", "", "nonsense", "[" * 100_000, json.dumps({"upgrade_result": {"old_lockfile": old}})):
        path.write_text(text)
        done = laptop.floe("list", cwd=stale, check=True)
        assert (done.stdout, done.stderr) == (PLAIN, ""), text[:40]


def test_what_is_known_is_written_through_no_link_and_is_not_needed(laptop, catalog, stale):
    elsewhere = laptop.folder("elsewhere")
    (stale / ".flox/cache").symlink_to(elsewhere)
    assert "Dry run: 1 version change and 1 rebuild" in laptop.floe("upgrade", "--dry-run", cwd=stale, check=True).stderr
    assert list(elsewhere.iterdir()) == [] and shown(laptop, stale) == PLAIN
    (stale / ".flox/cache").unlink()
    (stale / ".flox/cache").write_text("in the way")
    assert "Dry run" in laptop.floe("upgrade", "--dry-run", cwd=stale, check=True).stderr
    assert shown(laptop, stale) == PLAIN


def test_an_activation_tells_of_upgrades_that_are_known_of(laptop, catalog, stale):
    user_files(laptop)
    told = "ℹ 1 version change and 1 rebuild available in 'web'."
    enter = lambda *words: Terminal(laptop, [laptop.workshop.bin / "floe", "activate", *words], cwd=stale)
    with enter() as t:
        assert "available" not in t.until("You are now using the environment")
    laptop.floe("upgrade", "--dry-run", cwd=stale, check=True)
    catalog.seen.clear()
    with enter() as t:
        assert f"{told}\nUse 'floe upgrade --dry-run' for details." in t.until("You are now using the environment")
    with enter("-d", stale) as t:
        assert f"Use 'floe upgrade --dry-run -d {stale}' for details." in t.until("You are now using the environment")
    for words in (("--", "true"), ("--print-script",)):
        assert "available" not in laptop.floe("activate", *words, cwd=stale, check=True).stderr
    config = laptop.home / ".config/flox"
    config.mkdir(parents=True)
    (config / "flox.toml").write_text("upgrade_notifications = false\n")
    with enter() as t:
        assert "available" not in t.until("You are now using the environment")
    assert catalog.seen == []


# -- the reminder


def test_who_resolves_without_a_login_is_reminded_of_it_every_eight_hours(laptop, catalog):
    folder = made(laptop, "web", NEW)
    stamp = laptop.remind()
    assert laptop.floe("search", "hello", check=True).stderr.count("login") == 0
    done = laptop.floe("install", "hello", cwd=folder, check=True)
    assert done.stderr == REMINDER + "✔ 'hello' installed to environment 'web'\n"
    assert abs(time.time() - time.mktime(time.strptime(json.loads(stamp.read_text())["last_warning"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 60
    assert laptop.floe("install", "curl^out", cwd=folder, check=True).stderr == "✔ 'curl' installed to environment 'web'\n"
    ago = lambda hours, form="%Y-%m-%dT%H:%M:%SZ": json.dumps({"last_warning": time.strftime(form, time.gmtime(time.time() - hours * 3600))})
    catalog.pages[3] = {**PAGES[2], "x0": package(), "x1": package(), "x2": package(), "x3": package(), "x4": package(), "x5": package()}
    for i, (text, reminded) in enumerate([(ago(7.9), False), (ago(8.1), True), (ago(-2), True), ("nonsense", True), ('{"last_warning":7}', True),
                                          (ago(1, "+00%Y-%m-%dT%H:%M:%S.123456789Z"), False)]):
        stamp.write_text(text)
        assert (REMINDER in laptop.floe("install", f"x{i}", cwd=folder, check=True).stderr) == reminded, text
    laptop.floe("uninstall", "x5", cwd=folder, check=True)
    stamp.unlink()
    laptop.floe("install", "-q", "x5", cwd=folder, check=True)
    assert not stamp.exists(), "what was not told does not count"
    assert laptop.floe("list", cwd=folder, check=True).stderr == "", "nothing is resolved"


def test_who_is_logged_in_or_has_no_login_for_that_catalog_is_not_reminded(laptop, catalog):
    folder = made(laptop, "web", NEW)
    laptop.remind()
    assert "login" not in laptop.floe("install", "hello", cwd=folder, check=True, env={"FLOE_TOKEN": "flox_pat_x"}).stderr
    laptop.env.update(FLOE_HUB="http://127.0.0.1:9", FLOE_CATALOG=catalog.url)
    assert "login" not in laptop.floe("install", "curl", cwd=folder, check=True).stderr


# -- the address of the catalog


def test_packages_come_from_the_catalog_that_was_named_and_everything_else_from_the_hub(machine, catalog):
    def hub(method, path, headers, body):
        return 200, {"Content-Type": "application/json"}, b'{"handle":"alice","user_id":"1","expires_at":null}'

    with Misbehaving(hub) as h:
        m = machine()
        m.env.update(FLOE_HUB=h.url, FLOE_CATALOG=catalog.url + "/")
        m.floe("auth", "login", "--token-file", "-", input="flox_pat_secret", check=True)
        folder = made(m, "web", NEW)
        assert m.floe("search", "hello", check=True).stdout.startswith("hello ")
        assert m.floe("show", "hello", check=True).stdout.startswith("hello - ")
        m.floe("install", "--explain", "hello", cwd=folder, check=True)
        m.floe("install", "nosuchpkg", cwd=folder)
        assert {s[1].partition("?")[0] for s in catalog.seen} == {
            "/api/v1/catalog/search", "/api/v1/catalog/packages/hello", "/api/v1/catalog/resolve", "/api/v1/explain"}
        assert catalog.credentials == set(), "the login is the hub's"
        m.floe("auth", "status", check=True)
        assert {path for _, path, _, _ in h.requests} == {"/accounts/api/v1/accounts/me"} and set(h.credentials()) == {"flox_pat_secret"}
        # a path of the hub's own server
        m.env["FLOE_CATALOG"] = h.url + "/other/"
        m.floe("search", "hello")
        assert h.requests[-1][1].startswith("/other/api/v1/catalog/search?") and h.credentials()[-1] == "flox_pat_secret"


def test_the_catalogs_address_is_a_setting_by_floxs_name_too(machine, catalog):
    m = machine()
    m.env["FLOE_HUB"] = "http://127.0.0.1:9"
    find = lambda **env: m.floe("search", "hello", env=env).returncode == 0
    assert not find() and find(FLOE_CATALOG=catalog.url) and find(FLOX_CATALOG_URL=catalog.url)
    assert not find(FLOE_CATALOG="http://127.0.0.1:9", FLOX_CATALOG_URL=catalog.url)
    config = m.home / ".config/flox"
    config.mkdir(parents=True)
    (config / "flox.toml").write_text(f'catalog_url = "{catalog.url}"\n')
    assert find() and not find(FLOX_CATALOG_URL="http://127.0.0.1:9")
    (config / "flox.toml").unlink()
    m.floe("config", "--set", "catalog_url", catalog.url, check=True)
    assert (m.home / ".config/floe/config").read_text() == f"catalog = {catalog.url}/\n" and find()
    assert find(FLOX_CATALOG_URL="http://127.0.0.1:9") and not find(FLOE_CATALOG="http://127.0.0.1:9")
    assert json.loads(m.floe("config", "--json", check=True).stdout)["catalog"] == {
        "value": catalog.url + "/", "from": str(m.home / ".config/floe/config")}
    before = (m.home / ".config/floe/config").read_text()
    assert m.floe("config", "--set", "catalog", "nonsense").returncode == 1 and (m.home / ".config/floe/config").read_text() == before
    m.floe("config", "--delete", "catalog", check=True)
    assert not find() and "catalog" not in m.floe("config", check=True).stdout
    done = m.floe("search", "hello", env={"FLOE_CATALOG": "gopher://x"})
    assert done.returncode == 1 and "is not the address of a hub" in done.stderr


def test_a_catalog_elsewhere_that_wants_a_login_is_told_of(machine):
    refuse = lambda *_: (401, {"Content-Type": "application/json"}, b'{"detail":"Log in to do this."}')
    with Misbehaving(refuse) as other:
        m = machine()
        m.env.update(FLOE_HUB="http://127.0.0.1:9", FLOE_CATALOG=other.url, FLOE_TOKEN="flox_pat_x")
        done = m.floe("search", "hello")
        assert done.returncode == 1 and other.credentials() == []
        assert done.stderr == (f"✘ ERROR: Log in to do this.\nThe catalog at {other.url} is asked without your login, which is for http://127.0.0.1:9/.\n")
        m.env["FLOE_HUB"] = other.url
        assert "Use 'floe auth login' with a fresh token." in m.floe("search", "hello").stderr


# -- which environment


def test_on_a_terminal_it_is_asked_whether_the_active_environment_or_the_folders_is_meant(laptop, catalog):
    web, tools = made(laptop, "web", HEAD + TAIL), made(laptop, "tools", HEAD + TAIL)
    floe = laptop.workshop.bin / "floe"
    active = laptop.floe("activate", "--", "printenv", "_FLOX_ACTIVE_ENVIRONMENTS", cwd=tools, check=True).stdout.strip()
    env = {"_FLOX_ACTIVE_ENVIRONMENTS": active}
    ids = lambda folder: {i for i, _ in locked(folder)}
    assert laptop.floe("install", "hello", cwd=web, env=env).returncode == 0 and (ids(web), ids(tools)) == ({"hello"}, set()), "no terminal"
    shown, status = on_terminal(laptop, "install", "curl^out", cwd=web, env=env, type="2\n")
    assert status == 0 and (ids(web), ids(tools)) == ({"hello"}, {"curl"})
    assert f"Which environment?\r\n  1  'web', of '{web}'\r\n  2  'tools', which is active\r\n" in shown
    shown, status = on_terminal(laptop, "install", "vim", cwd=web, env=env, type="\n")
    assert status == 0 and (ids(web), ids(tools)) == ({"hello", "vim"}, {"curl"})
    shown, status = on_terminal(laptop, "install", "jdk", cwd=web, env=env, type="3\n")
    assert status == 1 and "No environment was chosen." in shown and (ids(web), ids(tools)) == ({"hello", "vim"}, {"curl"})
    for words, cwd in ((("-d", web), laptop.work), ((), tools)):
        shown, status = on_terminal(laptop, "list", *words, cwd=cwd, env=env)
        assert status == 0 and "Which" not in shown, words
    done = laptop.floe("activate", "--", floe, "install", "jdk", cwd=tools, check=True)
    assert "installed to environment 'tools'" in done.stderr


def test_an_environment_named_default_gives_way_to_the_other_and_the_folders_to_none(laptop, catalog):
    folders = {name: made(laptop, name, NEW) for name in ("web", "tools", "one", "two")}
    for name in ("one", "two"):
        laptop.floe("edit", "-n", "default", cwd=folders[name], check=True)

    def lands(cwd, active):
        where = laptop.floe("activate", "--", "printenv", "_FLOX_ACTIVE_ENVIRONMENTS", cwd=folders[active], check=True).stdout.strip()
        laptop.floe("install", "hello", cwd=folders[cwd], env={"_FLOX_ACTIVE_ENVIRONMENTS": where}, check=True)
        found = [name for name, folder in folders.items() if locked(folder)]
        for folder in folders.values():
            laptop.floe("edit", "-f", "-", cwd=folder, input=NEW)
        return found

    assert lands("web", "one") == ["web"] and lands("one", "web") == ["web"] and lands("one", "two") == ["one"]


def test_ones_own_default_environment_is_named_by_a_letter_in_every_verb(hub, machine, owner):
    with Catalog(PAGES, hub) as catalog:
        m, ref = machine("laptop"), f"{owner.handle}/default"
        m.env["FLOE_HUB"] = catalog.url
        for words in (("install", "-D", "hello"), ("uninstall", "-D", "hello"), ("upgrade", "-D"), ("edit", "-D"), ("list", "-D"), ("include", "upgrade", "-D")):
            done = m.floe(*words)
            assert done.returncode == 1 and "You are not logged in to FloxHub." in done.stderr, words
        m.floe("auth", "login", "--token-file", "-", input=owner.token, check=True)
        assert "Environment not found in FloxHub." in m.floe("list", "-D").stderr
        m.floe("init", "-r", ref, "-b", check=True)
        assert m.floe("install", "-D", "hello@2.10", "curl^out", check=True).stderr.startswith(f"✔ 'hello', 'curl' installed to environment '{ref}' (local)\n")
        assert m.floe("list", "--default", check=True).stdout == m.floe("list", "-r", ref, check=True).stdout == "curl: curl (8.0)\nhello: hello (2.10)\n"
        m.floe("uninstall", "-D", "hello", check=True)
        m.floe("upgrade", "-D", "--dry-run", check=True)
        assert m.floe("list", "-D", check=True).stdout == "curl: curl (8.0 - upgrade available)\n"
        m.floe("upgrade", "-D", check=True)
        m.floe("edit", "-D", "-f", "-", input=NEW, check=True)
        history = m.floe("generations", "history", "-D", check=True).stdout
        assert all(told in history for told in ("installed packages", "uninstalled package 'hello'", "upgraded package 'curl'", "manually edited"))
        m.floe("push", "-r", ref, check=True)
        assert hub.http(f"/api/v1/environments/{ref}", token=owner.token).status == 200


def test_an_environment_is_named_in_one_way_at_a_time(laptop):
    folder = made(laptop, "web", NEW)
    for words in (("install", "-d", folder, "-r", "a/b", "hello"), ("list", "-D", "-d", folder), ("upgrade", "-r", "a/b", "-D"), ("push", "-d", folder, "-r", "a/b"),
                  ("activate", "-D", "-r", "a/b", "--", "true")):
        done = laptop.floe(*words)
        assert (done.returncode, done.stdout) == (2, "") and "Several options say which environment is meant" in done.stderr, words
    assert laptop.floe("install", "-d", folder, "-r", "a/b", "--help", check=True).stdout.startswith("Usage: floe install")
