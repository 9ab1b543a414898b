"""The pages for people: GET /<owner>/<name>, its settings, the hub's root."""

import concurrent.futures
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

import bench
from bench import Environment

MANIFEST = 'schema-version = "1.15.0"\n\n# for <everybody> & "all"\n[vars]\nGREETING = "gr\u00fc\u00df"\n'
SAFETY = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
          "Cross-Origin-Resource-Policy": "same-origin"}
HOSTILE = "\"'><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


class Page(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def addresses(self):
        return [v for _, a in self.elements for k, v in a.items() if k in ("href", "src")]


def pushed(machine, hub, owner, name, token=None, manifest=MANIFEST, **kwargs):
    """An environment on the hub, as git made it."""
    m = machine()
    env = Environment(m, name, user=kwargs.pop("author", "alice"))
    env.generation(manifest, **kwargs)
    m.push(hub, getattr(owner, "handle", owner), env.repo, f"HEAD:{name}", token or owner.token, check=True)
    return m, env


def page_of(hub, path, status=200, **kwargs):
    a = hub.http(path, **kwargs)
    assert a.status == status, (path, a.status, a.text)
    assert a.headers["Content-Type"] == "text/html; charset=utf-8"
    assert_safe(a)
    page = Page(a.text)
    assert not {"script", "form", "iframe", "style", "object", "base"} & {tag for tag, _ in page.elements}
    assert not any(k.startswith("on") or k == "style" for _, attributes in page.elements for k in attributes)
    page.answer = a
    return page


def assert_safe(a):
    policy = a.headers["Content-Security-Policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe" not in policy and "script-src" not in policy and "*" not in policy
    for name, value in SAFETY.items():
        assert a.headers[name] == value


def test_a_public_environment_has_a_page_for_anybody(hub, machine, owner):
    m, env = pushed(machine, hub, owner, "web")
    env.generation(MANIFEST + "# second\n", kind="edit")
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    page = page_of(hub, f"/{owner.handle}/web")
    for text in (MANIFEST + "# second\n", "Generation 2 is live", "manually edited the manifest", "public", f"flox activate -r {owner.handle}/web",
                 f"flox pull {owner.handle}/web", f"floe pull {owner.handle}/web", f"flox config --set floxhub_url {hub.base}\n",
                 f"FLOE_HUB={hub.base}\n", "It installs no packages."):
        assert text in page.text, text
    assert f"/{owner.handle}/web/settings" in page.addresses()
    head = hub.http(f"/{owner.handle}/web", method="HEAD")
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) == len(page.answer.body)


def test_the_settings_page_says_how_names_and_visibility_are_changed(hub, machine, owner):
    pushed(machine, hub, owner, "conf")
    page = page_of(hub, f"/{owner.handle}/conf/settings")
    for verb in ("rename", "visibility", "delete", "restore"):
        assert f"floe env {verb} {owner.handle}/conf" in page.text
    assert f"{hub.base}/api/v1/environments/{owner.handle}/conf" in page.text


def test_the_root_says_what_this_is_and_names_no_version(hub):
    page = page_of(hub, "/")
    assert "hub for flox environments" in page.text and f"floxhub_url {hub.base}\n" in page.text
    assert not re.search(r"\d+\.\d+\.\d+(?!\.)", page.text.replace("127.0.0.1", ""))
    assert page_of(hub, "//").text == page.text


def test_what_the_caller_may_not_see_is_the_page_of_what_does_not_exist(hub, machine, owner):
    org, stranger, member = hub.new_org(owner), hub.new_user(), hub.new_user()
    hub.admin("member", "set", org, member.handle, "reader")
    machine_token, expired = hub.token(org, "--scope", "read"), hub.token(stranger.handle, "--expires", "1h")
    hub.sql(f"UPDATE token SET expires_at = now() - interval '1 hour' WHERE owner_id = (SELECT id FROM owner WHERE handle = '{stranger.handle}') "
            "AND expires_at IS NOT NULL")
    absent = hub.http(f"/{org}/absent")
    assert absent.status == 404
    assert hub.http("/nobody-here/absent").body == absent.body and hub.http(f"/{stranger.handle}/x").body == absent.body
    for visibility, seen in {"public": "anonymous stranger member machine", "internal": "stranger member machine",
                             "unlisted": "anonymous stranger member machine", "private": "member machine"}.items():
        pushed(machine, hub, org, visibility, token=owner.token)
        hub.admin("env", "visibility", f"{org}/{visibility}", visibility)
        for who, token in {"anonymous": None, "stranger": stranger.token, "member": member.token, "machine": machine_token}.items():
            for tail in ("", "/settings"):
                a = hub.http(f"/{org}/{visibility}{tail}", token=token)
                assert a.status == (200 if who in seen else 404), (visibility, who, tail)
                assert_safe(a)
                if who not in seen:
                    assert a.body == absent.body
        # a browser's way to send a token, and a token that is none any more
        assert hub.http(f"/{org}/{visibility}", basic=member.token).status == 200
        refused = page_of(hub, f"/{org}/{visibility}", status=401, token=expired)
        assert "expired" in refused.text and refused.answer.headers["WWW-Authenticate"]
    assert "floe auth login" in Page(absent.text).text
    assert_safe(absent)


def test_a_hub_that_wants_a_login_shows_its_root_and_nothing_else(new_hub, machine):
    hub = new_hub("--require-login", "true")
    user = hub.new_user()
    pushed(machine, hub, user, "web")
    for path in (f"/{user.handle}/web", f"/{user.handle}/absent", "/nobody/x", f"/{user.handle}/web/settings"):
        page = page_of(hub, path, status=401)
        assert "floe auth login" in page.text
    assert page_of(hub, f"/{user.handle}/web", token=user.token)
    assert page_of(hub, "/") and hub.http("/static/floe.css").status == 200


def test_a_page_is_asked_for_again_and_answered_in_full_only_when_it_changed(hub, machine, owner):
    m, env = pushed(machine, hub, owner, "etag")
    path = f"/{owner.handle}/etag"
    seen = set()

    def changed():
        a = hub.http(path, token=owner.token)
        tag = a.headers["ETag"]
        assert a.status == 200 and tag not in seen and a.headers["Cache-Control"] == "private, no-cache" and "Authorization" in a.headers["Vary"]
        seen.add(tag)
        for match in (tag, f'"other", W/{tag}', "*"):
            b = hub.http(path, token=owner.token, headers={"If-None-Match": match})
            assert b.status == 304 and b.body == b"" and b.headers["ETag"] == tag, match
        for match in ('"other"', tag[:-1], tag.strip('"'), ""):
            assert hub.http(path, token=owner.token, headers={"If-None-Match": match}).status == 200
        return tag

    changed()
    env.generation(MANIFEST + "# more\n", kind="edit")
    m.push(hub, owner.handle, env.repo, "HEAD:etag", owner.token, check=True)
    changed()
    hub.admin("env", "visibility", f"{owner.handle}/etag", "private")
    tag = changed()
    for match in (tag, "*"):
        assert hub.http(path, headers={"If-None-Match": match}).status == 404
    assert hub.http(f"{path}/settings", token=owner.token).headers["ETag"] != tag


def test_style_and_icon_are_kept_by_browsers_and_named_by_what_they_are(hub):
    page = page_of(hub, "/")
    files = [a for a in page.addresses() if "/static/" in a]
    assert len(set(files)) == 2
    assert hub.http("/favicon.ico").body == hub.http("/static/floe.svg").body  # asked for unasked, beside texts
    for address in files:
        a = hub.http(address)
        assert a.status == 200 and "immutable" in a.headers["Cache-Control"] and a.headers["Content-Type"] in ("text/css", "image/svg+xml")
        assert_safe(a)
        assert hub.http(address, headers={"If-None-Match": a.headers["ETag"]}).status == 304
        assert "immutable" not in hub.http(address.split("?")[0]).headers["Cache-Control"]


def test_links_stay_below_the_path_prefix(new_hub, machine):
    hub = new_hub(prefix="/floxhub")
    user = hub.new_user()
    pushed(machine, hub, user, "web")
    for path in ("", "/", f"/{user.handle}/web", f"/{user.handle}/web/settings", "/nobody/x"):
        a = hub.http(path)
        addresses = Page(a.text).addresses()
        assert len(addresses) >= 4 and all(x.startswith(("/floxhub/", "https://flox.dev")) for x in addresses), path
        for address in addresses:
            if "/static/" in address:
                assert bench.http(f"http://127.0.0.1:{hub.port}{address}").status == 200
    assert bench.http(f"http://127.0.0.1:{hub.port}/{user.handle}/web").status == 404


def test_pages_never_stand_where_the_hub_has_paths_of_its_own(hub, owner):
    table = (bench.REPO / "server/routes.c").read_text()
    first = {m.split("/")[1] for m in re.findall(r'WEB_[A-Z]+, +"(/[^"]*)"', table)} - {"", "{owner}"}
    assert {"git", "healthz", "static", "accounts"} <= first
    for word in first:
        for path in (f"/{word}/x", f"/{word}/x/settings", f"/{word.upper()}/x"):
            a = hub.http(path, token=owner.token)
            assert a.status in (404, 405) and a.headers["Content-Type"].startswith("application/"), path
        refused = hub.admin("user", "create", word, check=False)
        assert refused.returncode != 0 and re.search("is reserved|A handle is made of", refused.stderr), f"a user may be called {word}"
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        a = hub.http(f"/{owner.handle}/web", method=method, token=owner.token)
        assert a.status == 405 and "GET" in a.headers["Allow"]


def test_a_broken_history_or_lock_is_a_note_on_a_page_that_stands(hub, machine, owner):
    _, env = pushed(machine, hub, owner, "lock", lock="{ this is no lock")
    page = page_of(hub, f"/{owner.handle}/lock")
    assert "The lock cannot be read" in page.text and MANIFEST in page.text
    m = machine()
    for name, metadata in {"v9": '{"version":9}', "odd": '{"version":2,"history":[{"kind":"what"}],"total_generations":1}',
                           "gone": '{"version":2,"history":[{"kind":"import","author":"a","hostname":"h","command":null,"timestamp":1,'
                                   '"current_generation":"7","previous_generation":null}],"total_generations":7}'}.items():
        env = Environment(m, name)
        env.generation(MANIFEST)
        (env.repo / "metadata.json").write_text(metadata)
        env._git("commit", "-qam", "break it")
        done = m.push(hub, owner.handle, env.repo, f"HEAD:{name}", owner.token)
        assert done.returncode == 0, done.stderr
        page = page_of(hub, f"/{owner.handle}/{name}")
        assert "cannot be read" in page.text, (name, page.text)
        assert page_of(hub, f"/{owner.handle}/{name}/settings")


def test_raw_links_give_the_stored_bytes_and_nothing_a_browser_would_run(hub, machine, owner):
    _, env = pushed(machine, hub, owner, "raw", manifest=MANIFEST + f"# {HOSTILE}\n")
    page = page_of(hub, f"/{owner.handle}/raw")
    raw = [a for a in page.addresses() if "/api/v1/" in a]
    assert len(raw) == 2
    for address, text in zip(raw, (MANIFEST + f"# {HOSTILE}\n", env.lock)):
        a = hub.http(address)
        assert a.status == 200 and a.text == text and a.headers["X-Content-Type-Options"] == "nosniff"
        assert a.headers["Content-Type"].split(";")[0] in ("text/plain", "application/json", "application/toml", "application/octet-stream")


def test_a_large_environment_has_a_bounded_page_that_arrives_whole(hub, machine, owner):
    def package(i, system):
        return {"install_id": f"package-with-a-name-{i:05}", "store_path": f"/nix/store/{i:032}-x", "system": system, "priority": 5}

    lock = bench.EMPTY_LOCK.replace('"packages": []', '"packages": ' + bench.json.dumps(
        [package(i, f"cpu{s}-linux") for s in range(6) for i in range(1000)]))
    manifest = MANIFEST + "# a comment\n" * 60000
    pushed(machine, hub, owner, "large", manifest=manifest, lock=lock)
    page = page_of(hub, f"/{owner.handle}/large")
    size = len(page.answer.body)
    assert 128 * 1024 < size < 1024 * 1024 and int(page.answer.headers["Content-Length"]) == size
    assert page.answer.text.endswith("</html>\n") and "800 more packages are not shown." in page.text and "more bytes are not shown." in page.text
    pushed(machine, hub, owner, "larger", lock=lock.replace('"packages"', '"x": "' + "y" * (5 << 20) + '", "packages"'))
    assert "too large to list" in page_of(hub, f"/{owner.handle}/larger").text
    # Many who ask for it at once keep no worker waiting: who is not served is asked to come again.
    with concurrent.futures.ThreadPoolExecutor(32) as many:
        answers = [many.submit(hub.http, f"/{owner.handle}/larger") for _ in range(64)]
        assert hub.http(f"/{owner.handle}/absent").status == 404
    answers = [a.result() for a in answers]
    assert {a.status for a in answers} <= {200, 503} and any(a.status == 200 for a in answers)
    assert all(a.headers["Retry-After"] == "1" and "Ask again" in a.text for a in answers if a.status == 503)


def test_what_a_page_shows_is_what_a_pull_brings(hub, machine, owner):
    """Manifest confusion (attack class 11): the tip's own bytes are shown, whatever else was pushed or said."""
    m, env = pushed(machine, hub, owner, "truth", manifest=MANIFEST + "# one\n")
    env.generation(MANIFEST + "# two\n", kind="edit")
    (env.repo / "manifest.toml").write_text("# a decoy\n")
    (env.repo / "README.md").write_text("# another decoy\n")
    env._git("add", "-A")
    env._git("commit", "-qm", "decoys")
    m.push(hub, owner.handle, env.repo, "HEAD:truth", owner.token, check=True)
    page = page_of(hub, f"/{owner.handle}/truth")
    m.login(owner).floe("pull", f"{owner.handle}/truth", "-d", m.folder("truth"), check=True)
    pulled = (m.work / "truth/.flox/env/manifest.toml").read_text()
    assert pulled == MANIFEST + "# two\n" and pulled in page.text and "decoy" not in page.text and "# one" not in page.text


def test_text_from_others_is_text_and_nothing_else(hub, machine, owner):
    """Cross-site scripting and terminal escapes (attack class 21)."""
    lock = bench.EMPTY_LOCK.replace('"packages": []', '"packages": ' + bench.json.dumps([
        {"install_id": HOSTILE, "store_path": "/nix/store/" + HOSTILE, "system": HOSTILE, "priority": 5}]))
    pushed(machine, hub, owner, "xss", manifest=MANIFEST + f"# {HOSTILE}\n# \x1b]0;owned\x07 \x9b31m \u202e\n", lock=lock,
           author="\x1b[31m" + HOSTILE, kind="install", targets=[HOSTILE])
    page = page_of(hub, f"/{owner.handle}/xss")
    assert page.text.count("document.title='owned'") == 12  # six texts with two each, shown as text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page.answer.text)
    assert page_of(hub, f"/{owner.handle}/{bench.urllib.parse.quote(HOSTILE.replace('/', ''), safe='')}", status=404)


@pytest.fixture
def browser(workshop):
    """Chromium without a window: its DOM of an address after loading, and what its console said."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("chromium is not installed")

    def dom(address):
        profile = workshop.dir / "chromium"
        done = subprocess.run([program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server",
                               f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom", address],
                              capture_output=True, text=True, timeout=120 * bench.SLOW)
        assert done.returncode == 0, done.stderr[-2000:]
        console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return done.stdout, console

    return dom


def test_a_browser_runs_nothing_on_a_hostile_page_and_misses_nothing_of_ours(hub, machine, owner, browser):
    pushed(machine, hub, owner, "seen", manifest=MANIFEST + f"# {HOSTILE}\n", author=HOSTILE, kind="install", targets=[HOSTILE])
    dom, console = browser(f"{hub.base}/{owner.handle}/seen")
    assert f"<title>{owner.handle}/seen \u00b7 Floe</title>" in dom and "<script" not in dom
    assert console == []  # no violation of the policy, so the stylesheet and the icon were allowed
    asked = {line["path"]: line["status"] for line in hub.access_log()}
    assert asked["/static/floe.css"] == asked["/static/floe.svg"] == asked.get("/favicon.ico", 200) == 200


def test_a_page_is_not_shown_inside_of_another(hub, machine, owner, browser, workshop):
    """Clickjacking (attack class 22)."""
    pushed(machine, hub, owner, "caught")
    trap = workshop.dir / "trap.html"
    trap.write_text(f'<!DOCTYPE html><title>trap</title><iframe src="{hub.base}/{owner.handle}/caught"></iframe>')
    _, console = browser(f"file://{trap}")
    assert len(console) == 1 and "Framing" in console[0] and "has been blocked" in console[0], console
