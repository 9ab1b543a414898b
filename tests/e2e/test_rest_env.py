"""REST on environments: every route over the wire, each refusal, and what real clients read of what REST made."""

import json
import threading

import bench
from test_rest import call

BARE = 'schema-version = "1.15.0"\n'
GREET = BARE + '\n[vars]\nGREETING = "hello"\n'
HELLO = BARE + '\n[install]\nhello.pkg-path = "hello"\n'
PACKAGE = {"attr_path": "hello", "broken": False, "derivation": "/nix/store/gfkn07cb1mav3sqfma0sj31xi89dvh0x-hello-2.12.3.drv",
           "description": "a greeting", "install_id": "hello", "license": "GPL-3.0-or-later",
           "locked_url": "https://github.com/flox/nixpkgs?rev=2fcb964de67fcf60b43471c55d5d99e61a9ccb5a", "name": "hello-2.12.3",
           "pname": "hello", "rev": "2fcb964de67fcf60b43471c55d5d99e61a9ccb5a", "rev_count": 1051473,
           "rev_date": "2026-08-10T17:52:38Z", "scrape_date": "2026-08-12T05:00:42Z", "version": "2.12.3",
           "outputs_to_install": ["out"], "outputs": {"out": "/nix/store/4z8ys247h2242760a0pw6y9akab2n09l-hello-2.12.3"},
           "system": "x86_64-linux", "group": "toplevel", "priority": 5}


def lock_of(manifest, packages=()):
    return json.dumps({"lockfile-version": 1, "manifest": manifest, "packages": list(packages)}, indent=2)


HELLO_LOCK = lock_of({"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}}, "options": {}}, [PACKAGE])


def make(hub, user, name, manifest=BARE, **more):
    a = call(hub, "POST", "/environments", user.token, {"owner": user.handle, "name": name, "manifest": manifest, **more})
    assert a.status == 201, a.text
    return a


def add(hub, user, name, manifest, owner=None, headers=None, **more):
    return call(hub, "POST", f"/environments/{owner or user.handle}/{name}/generations", user.token,
                {"manifest": manifest, **more}, **(headers or {}))


def get(hub, path, token=None, **headers):
    return call(hub, "GET", "/environments" + path, token, **headers)


def names(answer):
    assert answer.status == 200, answer.text
    return [i["name"] for i in answer.json["items"]]


# --- making and reading

def test_an_environment_is_made_and_read_back(hub, owner):
    made = make(hub, owner, "web", GREET)
    path = f"/{owner.handle}/web"
    assert made.headers["Location"] == f"{hub.base}/api/v1/environments{path}"
    env = made.json
    assert (env["owner"], env["name"], env["visibility"], env["generations"], env["live"], env["broken"], env["role"]) == (
        owner.handle, "web", "public", 1, 1, None, "owner")
    assert env["url"] == hub.base + path and env["created_at"].endswith("Z") and len(env["tip"]) == 40
    assert made.headers["ETag"] == f'"{env["tip"]}-public"'
    one = get(hub, path)
    assert one.json["manifest"] == GREET and json.loads(one.json["lock"])["manifest"]["vars"] == {"GREETING": "hello"}
    assert {k: one.json[k] for k in env if k != "role"} == {k: env[k] for k in env if k != "role"} and one.json["role"] is None
    assert one.headers["ETag"] == made.headers["ETag"]
    assert get(hub, path, If_None_Match=one.headers["ETag"]).status == 304
    listed = get(hub, f"{path}/generations", owner.token).json["items"]
    assert len(listed) == 1 and listed[0]["description"] == "initialized new environment" and listed[0]["live"] is True
    assert listed[0]["created_at"].endswith("Z") and listed[0]["last_live_at"] is None and listed[0]["parent"] is None
    change = get(hub, f"{path}/history").json["items"][0]
    assert (change["kind"], change["author"], change["hostname"], change["command"], change["generation"], change["previous"]) == (
        "initialize", owner.handle, "127.0.0.1", None, 1, None)


def test_generations_are_added_rolled_back_and_switched(hub, owner):
    make(hub, owner, "gens")
    path = f"/{owner.handle}/gens"
    second = add(hub, owner, "gens", GREET, change={"kind": "other", "summary": "nightly update"})
    assert second.status == 201 and second.json["generations"] == second.json["live"] == 2
    assert second.headers["Location"].endswith(f"{path}/generations/2")
    third = add(hub, owner, "gens", HELLO, lock=HELLO_LOCK, change={"kind": "install", "targets": ["hello (hello)"]})
    assert third.json["live"] == 3
    back = call(hub, "POST", f"/environments{path}/rollback", owner.token)
    assert back.status == 200 and back.json["live"] == 2 and back.json["generations"] == 3
    assert back.headers["ETag"] == f'"{back.json["tip"]}-public"'
    assert call(hub, "POST", f"/environments{path}/switch", owner.token, {"generation": 1}).json["live"] == 1
    assert get(hub, path).json["manifest"] == BARE
    history = get(hub, f"{path}/history").json["items"]
    assert [h["summary"] for h in history] == ["changed current generation 2 -> 1", "changed current generation 3 -> 2",
                                               "installed package 'hello (hello)'", "nightly update", "initialized new environment"]
    for n, detail in ((1, "Generation 1 is already live."), (9, "Generation 9 does not exist.")):
        a = call(hub, "POST", f"/environments{path}/switch", owner.token, {"generation": n})
        assert a.status == 422 and a.json["detail"] == detail
    fourth = add(hub, owner, "gens", GREET)
    assert fourth.json["live"] == 4
    listed = get(hub, f"{path}/generations").json["items"]
    assert [(g["generation"], g["live"], g["parent"]) for g in listed] == [(4, True, 1), (3, False, 2), (2, False, 1), (1, False, None)]


def test_the_stored_bytes_come_back_as_they_are(hub, owner):
    manifest = BARE + "# ümläut ✓\r\n" + "#" * 70_000 + "\n"  # over what is kept in memory
    make(hub, owner, "bytes", HELLO, lock=HELLO_LOCK + "  ")
    add(hub, owner, "bytes", manifest)
    base = f"/{owner.handle}/bytes/generations"
    lock = get(hub, f"{base}/1/lock")
    assert lock.body == (HELLO_LOCK + "  ").encode() and lock.headers["Content-Type"] == "application/json"
    toml = get(hub, f"{base}/2/manifest")
    assert toml.body == manifest.encode() and toml.headers["Content-Type"] == "application/toml"
    assert toml.headers["X-Content-Type-Options"] == "nosniff" and "attachment" in toml.headers["Content-Disposition"]
    assert get(hub, f"{base}/2").json["manifest"] == manifest
    assert get(hub, f"{base}/2/manifest", If_None_Match=toml.headers["ETag"]).status == 304
    for n in ("3", "0", "-1", "x", "1e3", "99999999999999999999"):
        for what in ("", "/manifest", "/lock"):
            assert get(hub, f"{base}/{n}{what}").status == 404, (n, what)
            assert get(hub, f"{base}/{n}{what}", If_None_Match="*").status == 404, (n, what)


def test_what_is_no_text_is_given_as_bytes_alone_and_a_missing_lock_is_absent(hub, owner, machine):
    m = machine()
    env = bench.Environment(m, "odd", user=owner.handle)
    env.generation()
    (env.repo / "1/env/manifest.toml").write_bytes(b"version = 1\n# \xff\xfe\n")
    (env.repo / "1/env/manifest.lock").unlink()
    env._git("add", "-A")
    env._git("commit", "-q", "-m", "odd")
    m.push(hub, owner.handle, env.repo, "HEAD:odd", owner.token, check=True)
    one = get(hub, f"/{owner.handle}/odd").json
    assert one["manifest"] is None and one["lock"] is None
    assert get(hub, f"/{owner.handle}/odd/generations/1/manifest").body == b"version = 1\n# \xff\xfe\n"
    assert get(hub, f"/{owner.handle}/odd/generations/1/lock").status == 404
    add(hub, owner, "odd", GREET)
    diff = get(hub, f"/{owner.handle}/odd/diff?from=1&to=2").json
    assert diff["packages"] is None and diff["manifest"] == {"diff": None, "complete": False}


def test_two_generations_are_compared(hub, owner):
    make(hub, owner, "diff", HELLO, lock=HELLO_LOCK)
    newer = {**PACKAGE, "version": "2.13", "derivation": "/nix/store/aaa-hello-2.13.drv"}
    other = {**PACKAGE, "install_id": "cowsay", "attr_path": "cowsay", "pname": "cowsay", "name": "cowsay-3", "version": "3"}
    manifest = HELLO + 'cowsay.pkg-path = "cowsay"\n'
    model = {"schema-version": "1.15.0", "install": {"cowsay": {"pkg-path": "cowsay"}, "hello": {"pkg-path": "hello"}}, "options": {}}
    assert add(hub, owner, "diff", manifest, lock=lock_of(model, [other, newer])).status == 201
    diff = get(hub, f"/{owner.handle}/diff/diff?from=1&to=2").json
    assert (diff["from"], diff["to"]) == (1, 2)
    assert diff["manifest"] == {"complete": True, "diff": '@@ -2,3 +2,4 @@\n \n [install]\n hello.pkg-path = "hello"\n+cowsay.pkg-path = "cowsay"\n'}
    assert [(p["id"], p["system"], p["version"]) for p in diff["packages"]["added"]] == [("cowsay", "x86_64-linux", "3")]
    assert diff["packages"]["removed"] == []
    assert [(p["id"], p["from"]["version"], p["to"]["version"]) for p in diff["packages"]["changed"]] == [("hello", "2.12.3", "2.13")]
    back = get(hub, f"/{owner.handle}/diff/diff?from=2&to=1").json
    assert [p["id"] for p in back["packages"]["removed"]] == ["cowsay"]
    same = get(hub, f"/{owner.handle}/diff/diff?from=2&to=2").json
    assert same["manifest"]["diff"] == "" and same["packages"] == {"added": [], "removed": [], "changed": []}
    for query, status in (("?from=1&to=9", 404), ("?from=1", 400), ("?from=1&to=x", 400), ("?from=1&to=2&x=1", 400), ("?from=1&from=2&to=2", 400)):
        assert get(hub, f"/{owner.handle}/diff/diff{query}").status == status, query


# --- documents that do not do

def refused(hub, user, **body):
    a = call(hub, "POST", "/environments", user.token, {"owner": user.handle, "name": "refused", **body})
    assert get(hub, f"/{user.handle}/refused", user.token).status == 404
    return a.status, a.json["detail"]


def test_a_manifest_is_held_against_the_schema_and_the_lock_against_the_manifest(hub, owner):
    status, detail = refused(hub, owner, manifest="schema-version = \"1.15.0\"\n[vars]\nA = 1\n")
    assert status == 422 and detail.startswith("manifest.toml:3:") and "vars.A" in detail
    status, detail = refused(hub, owner, manifest="[install\n")
    assert status == 422 and detail.startswith("manifest.toml:1:")
    status, detail = refused(hub, owner, manifest=HELLO)
    assert status == 422 and "'hello'" in detail and "send its manifest.lock" in detail
    status, detail = refused(hub, owner, manifest=GREET, lock=HELLO_LOCK)
    assert status == 422 and "made of another manifest" in detail
    status, detail = refused(hub, owner, manifest=BARE, lock=lock_of({"schema-version": "1.15.0", "options": {}}, [PACKAGE]))
    assert status == 422 and "the package 'hello', which the manifest does not install" in detail
    for lock in ("", "{}", "[]", "{", lock_of({"schema-version": "1.15.0", "options": {}})[:-3]):
        assert refused(hub, owner, manifest=BARE, lock=lock)[0] == 422, lock
    status, detail = refused(hub, owner, manifest=BARE + '[include]\nenvironments = [{ dir = "../other" }]\n')
    assert status == 422 and "../other" in detail
    assert refused(hub, owner, manifest=BARE + "#" * (1 << 20))[0] == 413
    narrow = '\n[options]\nsystems = ["x86_64-linux"]\n'
    model = {"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}}, "options": {"systems": ["x86_64-linux"]}}
    make(hub, owner, "kept", HELLO + narrow, lock=lock_of(model, [PACKAGE]))
    a = add(hub, owner, "kept", HELLO + "\n[vars]\nA = \"1\"\n" + narrow)
    assert a.status == 201, "what is locked serves again: " + a.text
    lock = json.loads(get(hub, f"/{owner.handle}/kept").json["lock"])
    assert lock["packages"] == [PACKAGE] and lock["manifest"]["vars"] == {"A": "1"}


def test_bodies_are_what_the_contract_says(hub, owner):
    make(hub, owner, "bodies")
    path = f"/environments/{owner.handle}/bodies"
    good = {"owner": owner.handle, "name": "x", "manifest": BARE}
    for body, status in ((b"", 400), (b"[]", 400), (b"{", 400), ({**good, "tip": "x"}, 400), ({**good, "role": "owner"}, 400),
                         ({**good, "owner": 1}, 400), ({**good, "visibility": "secret"}, 400), ({**good, "name": "a/b"}, 400),
                         ({**good, "name": "-x"}, 400), ({**good, "name": "x\n"}, 400), ({**good, "name": ""}, 400),
                         ({**good, "manifest": None}, 400), (b'{"a":1,"a":2}', 400), (b"\xff", 400)):
        assert call(hub, "POST", "/environments", owner.token, body).status == status, body
    for change in ({}, {"kind": "dance"}, {"kind": "edit", "targets": []}, {"kind": "install"}, {"kind": "install", "targets": [1]},
                   {"kind": "install", "targets": []}, {"kind": "install", "targets": ["x"] * 257}, {"kind": "other"},
                   {"kind": "other", "summary": "a\nb"}, {"kind": "other", "summary": "\x1b[31m"}, {"kind": "other", "summary": "\x9b31m"},
                   {"kind": "other", "summary": "x" * 1001}, {"kind": "other", "summary": "x", "targets": []}, {"kind": 1}, {"kind": "upgrade", "targets": "x"}):
        a = call(hub, "POST", path + "/generations", owner.token, {"manifest": GREET, "change": change})
        assert a.status == 400 and "change" in a.json["detail"], change
    assert call(hub, "POST", path + "/generations", owner.token, {"manifest": GREET, "change": "x"}).status == 400
    assert call(hub, "POST", path + "/switch", owner.token, {}).status == 400
    assert call(hub, "POST", path + "/rollback", owner.token, {"generation": 1}).status == 400
    assert call(hub, "POST", path + "/rollback", owner.token).status == 409, "there is no other"
    assert call(hub, "PATCH", path, owner.token, {"tip": "x"}).status == 400
    assert call(hub, "POST", path + "/restore", owner.token, {"tip": "x"}).status == 400
    assert call(hub, "POST", "/environments", owner.token, json.dumps(good).encode(), Content_Type="text/plain").status == 415
    assert get(hub, f"/{owner.handle}/bodies", owner.token).json["generations"] == 1


# --- lists

def test_a_list_is_walked_in_pages_while_others_write(hub):
    user = hub.new_user()
    for i in range(7):
        make(hub, user, f"e{i}")
    seen, cursor = [], ""
    while True:
        page = get(hub, f"?owner={user.handle}&limit=2{cursor}", user.token)
        seen += names(page)
        make(hub, user, f"late{len(seen)}") if len(seen) < 5 else None
        if len(seen) == 2:
            call(hub, "PATCH", f"/environments/{user.handle}/e0", user.token, {"name": "zz"})
            call(hub, "DELETE", f"/environments/{user.handle}/e6", user.token)
        if page.json["next"] is None:
            break
        cursor = "&cursor=" + page.json["next"]
    assert seen == ["e0", "e1", "e2", "e3", "e4", "e5", "late2", "late4"]
    assert names(get(hub, f"?owner={user.handle}&q=LATE", user.token)) == ["late2", "late4"]
    assert names(get(hub, f"?owner={user.handle}&q=%25", user.token)) == []
    assert names(get(hub, f"?owner={user.handle.upper()}", user.token)) == []
    for query in ("?limit=0", "?limit=201", "?limit=x", "?limit=-1", "?cursor=x", "?cursor=", "?visibility=secret", "?sort=name",
                  "?owner=a&owner=b", "?limit=99999999999999999999", "?cursor=MA", "?cursor=" + "A" * 400):
        assert get(hub, query, user.token).status == 400, query


def test_private_is_never_shown_and_unlisted_only_by_its_exact_name(hub):
    boss, writer, reader, stranger, admin = hub.new_user(), hub.new_user(), hub.new_user(), hub.new_user(), hub.new_user(None, "--admin")
    org = hub.new_org(boss)
    hub.admin("member", "set", org, writer.handle, "writer")
    hub.admin("member", "set", org, reader.handle, "reader")
    for v in ("public", "internal", "unlisted", "private"):
        asked = {"owner": org, "name": v, "visibility": v, "manifest": GREET}
        a = call(hub, "POST", "/environments", writer.token, asked)
        assert a.status == (201 if v == "private" else 403), "an organisation's environments are private until an owner says otherwise"
        a = a if v == "private" else call(hub, "POST", "/environments", boss.token, asked)
        assert a.status == 201 and a.json["role"] == ("writer" if v == "private" else "owner")
    everything = ["public", "internal", "unlisted", "private"]
    for who, listed, named in ((boss, everything, everything), (writer, everything, everything), (reader, everything, everything),
                               (admin, everything, everything), (stranger, ["public", "internal"], ["public", "internal", "unlisted"]),
                               (None, ["public"], ["public", "unlisted"])):
        token = who.token if who else None
        assert names(get(hub, f"?owner={org}", token)) == listed
        assert [n for n in names(get(hub, "?limit=200", token)) if n in everything][-len(listed):] == listed
        absent = get(hub, f"/{org}/nothing", token)
        for v in everything:
            for tail in ("", "/generations", "/generations/1", "/generations/1/manifest", "/generations/1/lock", "/history", "/diff?from=1&to=1"):
                a = get(hub, f"/{org}/{v}{tail}", token)
                if v in named:
                    assert a.status == 200, (who, v, tail)
                else:
                    assert a.status == 404 and a.json == absent.json, (who, v, tail)
    assert get(hub, f"/{org}/UNLISTED").status == get(hub, f"/{org.upper()}/unlisted").status == get(hub, f"/{org}/unliste").status == 404
    for token in (stranger.token, reader.token):
        for method, tail, body in (("POST", "/generations", {"manifest": BARE}), ("POST", "/rollback", {}), ("POST", "/switch", {"generation": 1}),
                                   ("PATCH", "", {"visibility": "public"}), ("DELETE", "", None), ("POST", "/restore", {})):
            status = call(hub, method, f"/environments/{org}/private{tail}", token, body).status
            expected = 403 if token == reader.token else 404
            assert status == expected, (method, tail, token == reader.token)
            assert call(hub, method, f"/environments/{org}/private{tail}", None, body).status == 401
    for method, tail, body in (("PATCH", "", {"visibility": "public"}), ("DELETE", "", None), ("POST", "/restore", {})):
        assert call(hub, method, f"/environments/{org}/private{tail}", writer.token, body).status == 403
    refusals = {call(hub, "POST", "/environments", stranger.token, {"owner": o, "name": "x", "manifest": BARE}).text for o in (org, "no-such-owner")}
    assert len(refusals) == 1, "who may not create learns nothing of who exists"
    read = hub.token(boss.handle, "--scope", "read")
    assert call(hub, "POST", "/environments", read, {"owner": org, "name": "x", "manifest": BARE}).status == 403
    assert call(hub, "DELETE", f"/environments/{org}/public", read).status == 403


# --- changes

def test_visibility_name_and_absence_change_with_if_match(hub, owner, machine):
    m = machine()
    made = make(hub, owner, "moving")
    path, tip = f"/environments/{owner.handle}/moving", made.json["tip"]
    for stale in ('"x"', f'"{tip}-private"', f'W/"{tip}-public"'):
        for method, body in (("PATCH", {"visibility": "private"}), ("DELETE", None)):
            assert call(hub, method, path, owner.token, body, If_Match=stale).status == 412
    hidden = call(hub, "PATCH", path, owner.token, {"visibility": "private"}, If_Match=f'"{tip}"')
    assert hidden.status == 200 and hidden.headers["ETag"] == f'"{tip}-private"'
    assert get(hub, f"/{owner.handle}/moving").status == 404
    assert m.clone(hub, owner.handle, "moving", m.work / "no.git").returncode != 0
    renamed = call(hub, "PATCH", path, owner.token, {"name": "moved", "visibility": "unlisted"}, If_Match=hidden.headers["ETag"])
    assert (renamed.json["name"], renamed.json["visibility"]) == ("moved", "unlisted")
    assert get(hub, f"/{owner.handle}/moving", owner.token).status == 404
    m.clone(hub, owner.handle, "moved", m.work / "moved.git", check=True)
    make(hub, owner, "other")
    taken = call(hub, "PATCH", f"/environments/{owner.handle}/other", owner.token, {"name": "MOVED"})
    assert taken.status == 409 and "moved" in taken.json["detail"]
    assert call(hub, "PATCH", f"/environments/{owner.handle}/other", owner.token, {"name": "HEAD"}).status == 400
    assert call(hub, "PATCH", f"/environments/{owner.handle}/other", owner.token, {}).json["name"] == "other"
    assert call(hub, "DELETE", f"/environments/{owner.handle}/moved", owner.token, If_Match=renamed.headers["ETag"]).status == 204
    assert call(hub, "DELETE", f"/environments/{owner.handle}/moved", owner.token).status == 404
    assert "moved" not in names(get(hub, f"?owner={owner.handle}", owner.token))
    assert call(hub, "POST", f"/environments/{owner.handle}/moved/restore", owner.token, If_Match='"x"').status == 412
    back = call(hub, "POST", f"/environments/{owner.handle}/moved/restore", owner.token)
    assert back.status == 200 and back.json["tip"] == tip and back.json["visibility"] == "unlisted"
    assert call(hub, "POST", f"/environments/{owner.handle}/moved/restore", owner.token).status == 404
    m.clone(hub, owner.handle, "moved", m.work / "back.git", check=True)


def test_an_earlier_tip_comes_back_with_its_generations(hub, owner):
    first = make(hub, owner, "tips").json["tip"]
    second = add(hub, owner, "tips", GREET).json["tip"]
    path = f"/environments/{owner.handle}/tips"
    back = call(hub, "POST", path + "/restore", owner.token, {"tip": first}, If_Match=f'"{second}"')
    assert back.status == 200 and (back.json["tip"], back.json["generations"]) == (first, 1)
    assert get(hub, f"/{owner.handle}/tips").json["manifest"] == BARE
    other = make(hub, owner, "others").json["tip"]
    for tip in (other, "0" * 40, "f" * 40):
        assert call(hub, "POST", path + "/restore", owner.token, {"tip": tip}).status == 404
    assert call(hub, "POST", path + "/restore", owner.token, {"tip": second}).json["generations"] == 2
    assert call(hub, "POST", f"/environments/{owner.handle}/none/restore", owner.token, {"tip": first}).status == 404


def test_every_change_leaves_a_trail_with_token_and_address(hub):
    user = hub.new_user()
    make(hub, user, "trail")
    add(hub, user, "trail", GREET)
    path = f"/environments/{user.handle}/trail"
    call(hub, "POST", path + "/rollback", user.token)
    call(hub, "PATCH", path, user.token, {"visibility": "private", "name": "gone"})
    path = f"/environments/{user.handle}/gone"
    call(hub, "DELETE", path, user.token)
    call(hub, "POST", path + "/restore", user.token)
    rows = hub.sql(f"select action, object, actor, token_id is not null, remote from audit where actor = '{user.handle}' order by id").splitlines()
    assert rows == [f"{action}|{user.handle}/{name}|{user.handle}|t|127.0.0.1" for action, name in (
        ("env.create", "trail"), ("env.generation", "trail"), ("env.switch", "trail"), ("env.visibility", "trail"),
        ("env.rename", "trail"), ("env.delete", "gone"), ("env.restore", "gone"))]


# --- keys and races

def test_a_repeated_request_gets_the_same_answer(hub, owner):
    body = {"owner": owner.handle, "name": "keyed", "manifest": BARE}
    first = call(hub, "POST", "/environments", owner.token, body, Idempotency_Key="k1")
    again = call(hub, "POST", "/environments", owner.token, body, Idempotency_Key="k1")
    assert first.status == again.status == 201 and first.json == again.json and first.headers["ETag"] == again.headers["ETag"]
    assert again.headers["Idempotency-Replayed"] == "true" and again.headers["Location"] == first.headers["Location"]
    assert call(hub, "POST", "/environments", owner.token, {**body, "name": "other"}, Idempotency_Key="k1").status == 422
    assert call(hub, "POST", "/environments", owner.token, body, Idempotency_Key="k2").status == 409
    path = f"/environments/{owner.handle}/keyed/generations"
    one = call(hub, "POST", path, owner.token, {"manifest": GREET}, Idempotency_Key="g1", If_Match=first.headers["ETag"])
    two = call(hub, "POST", path, owner.token, {"manifest": GREET}, Idempotency_Key="g1", If_Match=first.headers["ETag"])
    assert one.status == two.status == 201 and one.json == two.json and two.headers["Idempotency-Replayed"] == "true"
    assert get(hub, f"/{owner.handle}/keyed").json["generations"] == 2
    assert call(hub, "POST", path, owner.token, {"manifest": BARE}, Idempotency_Key="g1").status == 422
    assert call(hub, "POST", path, owner.token, {"manifest": "x = "}, Idempotency_Key="g2").status == 422
    assert call(hub, "POST", path, owner.token, {"manifest": BARE}, Idempotency_Key="g2").status == 201, "a failure leaves no trace"
    assert call(hub, "POST", path, owner.token, {"manifest": BARE}, Idempotency_Key="a b").status == 400


def in_parallel(n, fn):
    out = [None] * n

    def one(i):
        out[i] = fn(i)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return out


def test_of_many_makers_on_one_tip_exactly_one_wins(hub, owner, machine):
    m = machine()
    make(hub, owner, "race")
    path = f"/{owner.handle}/race"
    for round_ in range(3):
        etag = get(hub, path).headers["ETag"]
        answers = in_parallel(10, lambda i: add(hub, owner, "race", f"{BARE}# {round_} {i}\n", headers={"If_Match": etag}))
        assert sorted(a.status for a in answers) == [201] + [412] * 9, [a.text for a in answers]
    answers = in_parallel(10, lambda i: add(hub, owner, "race", f"{BARE}# {i}\n"))
    assert {a.status for a in answers} <= {201, 409} and any(a.status == 201 for a in answers)
    won = 1 + 3 + sum(a.status == 201 for a in answers)
    assert get(hub, path).json["generations"] == won
    assert len(get(hub, f"{path}/history").json["items"]) == won
    m.clone(hub, owner.handle, "race", m.work / "race.git", check=True)
    m.git("-C", m.work / "race.git", "fsck", "--strict", check=True)
    assert m.git("-C", m.work / "race.git", "rev-list", "--count", "race", check=True).stdout.strip() == str(won + 1)
    same = in_parallel(8, lambda i: call(hub, "POST", "/environments", owner.token, {"owner": owner.handle, "name": "same", "manifest": BARE}))
    assert sorted(a.status for a in same) == [201] + [409] * 7
    keyed = in_parallel(8, lambda i: call(hub, "POST", "/environments", owner.token, {"owner": owner.handle, "name": "keyed8", "manifest": BARE},
                                          Idempotency_Key="one"))
    assert {a.status for a in keyed} <= {201, 409} and len({a.json["tip"] for a in keyed if a.status == 201}) == 1, [a.text for a in keyed]


def test_of_many_changes_with_one_etag_exactly_one_is_made(hub, owner):
    etag = make(hub, owner, "tags").headers["ETag"]
    path = f"/environments/{owner.handle}/tags"
    answers = in_parallel(8, lambda i: call(hub, "PATCH", path, owner.token, {"visibility": ("private", "internal")[i % 2]}, If_Match=etag))
    assert sorted(a.status for a in answers) == [200] + [412] * 7
    etag = get(hub, f"/{owner.handle}/tags", owner.token).headers["ETag"]
    answers = in_parallel(8, lambda i: call(hub, "DELETE", path, owner.token, If_Match=etag) if i % 2 else
                          add(hub, owner, "tags", f"{BARE}# {i}\n", headers={"If_Match": etag}))
    assert sum(a.status in (201, 204) for a in answers) == 1 and {a.status for a in answers} <= {201, 204, 404, 412}


def test_a_quota_holds_also_for_what_is_made_at_once(new_hub):
    hub = new_hub("--owner-quota", "65536")
    user = hub.new_user()
    rng = bench.os.urandom
    answers = in_parallel(8, lambda i: call(hub, "POST", "/environments", user.token, {
        "owner": user.handle, "name": f"e{i}", "manifest": BARE + "# " + rng(9000).hex() + "\n"}))
    assert {a.status for a in answers} == {201, 413}, [a.status for a in answers]
    assert int(hub.sql("select sum(bytes) from git_pack")) <= 65536


def test_depth_and_number_of_values_are_bounded(hub, owner):
    """Attack class 23."""
    deep = b'{"owner":' + b"[" * 60_000
    assert call(hub, "POST", "/environments", owner.token, deep).status == 400
    many = b'{"owner":[' + b"1," * 2_000_000 + b"1]}"
    assert call(hub, "POST", "/environments", owner.token, many).status in (400, 413)
    for lock in ("[" * 100_000, '{"packages":' + "[" * 500, json.dumps({"lockfile-version": 1, "manifest": {}, "packages": [1] * 600_000})):
        assert refused(hub, owner, manifest=BARE, lock=lock)[0] == 422
    for manifest in ("a = " + "[" * 10_000, "[" * 1000, BARE + "a." * 5000 + "b = 1\n"):
        assert refused(hub, owner, manifest=manifest)[0] == 422


def test_a_member_who_is_taken_out_changes_nothing_more(hub):
    boss, writer = hub.new_user(), hub.new_user()
    org = hub.new_org(boss)
    hub.admin("member", "set", org, writer.handle, "writer")
    assert call(hub, "POST", "/environments", writer.token, {"owner": org, "name": "web", "manifest": BARE}).status == 201
    hub.admin("member", "remove", org, writer.handle)
    assert add(hub, writer, "web", GREET, owner=org).status == 404, "private, and not his any more"
    assert call(hub, "POST", "/environments", writer.token, {"owner": org, "name": "x", "manifest": BARE}).status == 403


# --- other people's histories

def test_a_broken_history_is_shown_as_such_and_not_built_upon(hub, owner, machine):
    m = machine()
    env = bench.Environment(m, "broken", user=owner.handle)
    env.generation()
    env.history.append({"kind": "edit"})
    env._commit("broken", {})
    m.push(hub, owner.handle, env.repo, "HEAD:broken", owner.token, check=True)
    path = f"/{owner.handle}/broken"
    one = get(hub, path).json
    assert one["broken"] and one["generations"] is None and one["live"] is None and one["manifest"] is None
    assert "broken" in names(get(hub, f"?owner={owner.handle}"))
    for tail in ("/generations", "/history", "/generations/1", "/diff?from=1&to=1"):
        a = get(hub, path + tail)
        assert a.status == 409 and "history" in a.json["detail"], tail
    a = add(hub, owner, "broken", GREET)
    assert a.status == 409 and "A forced push" in a.json["detail"]
    assert call(hub, "PATCH", f"/environments{path}", owner.token, {"visibility": "private"}).status == 200


def test_a_blob_of_a_private_environment_is_not_read_through_another(hub, machine):
    """Attack class 5: the same owner's repository holds both, and a reader of one learns nothing of the other."""
    user, stranger = hub.new_user(), hub.new_user()
    make(hub, user, "open")
    secret = make(hub, user, "secret", BARE + "# the secret\n", visibility="private").json["tip"]
    for path in (f"/{user.handle}/open/generations/1/..%2f..%2fsecret", f"/{user.handle}/{secret}", f"/{user.handle}/open/generations/{secret}",
                 f"/{user.handle}/open%00", f"/{user.handle}/open/../secret"):
        assert get(hub, path, stranger.token).status in (400, 404), path
    assert call(hub, "POST", f"/environments/{user.handle}/open/restore", user.token, {"tip": secret}).status == 404


# --- clients

def test_git_and_floe_read_and_continue_what_rest_made(hub, machine):
    user, m = hub.new_user(), machine()
    make(hub, user, "web", GREET)
    add(hub, user, "web", GREET.replace("hello", "good day"))
    call(hub, "POST", f"/environments/{user.handle}/web/rollback", user.token)
    m.clone(hub, user.handle, "web", m.work / "web.git", check=True)
    m.git("-C", m.work / "web.git", "fsck", "--strict", check=True)
    log = m.git("-C", m.work / "web.git", "log", "--format=%an <%ae> %cn|%s|%b", "web", check=True).stdout.splitlines()
    assert [line.split("|")[1] for line in log if "|" in line] == ["changed current generation 2 -> 1", "Create generation 2", "Create generation 1",
                                                                   "Initialize generations branch for environment 'web'"]
    assert all(line.startswith("Flox User <floxuser@example.invalid> Flox User|") for line in log if "|" in line)
    metadata = json.loads(m.git("-C", m.work / "web.git", "show", "web:metadata.json", check=True).stdout)
    assert [h["kind"] for h in metadata["history"]] == ["initialize", "edit", "switch_generation"] and metadata["total_generations"] == 2
    assert list(metadata["history"][0]) == ["kind", "author", "hostname", "command", "timestamp", "current_generation", "previous_generation"]
    m.login(user)
    copy = m.folder("copy")
    m.floe("pull", f"{user.handle}/web", cwd=copy, check=True)
    assert (copy / ".flox/env/manifest.toml").read_text() == GREET
    assert "2" in m.floe("generations", "list", cwd=copy, check=True).stdout
    m.floe("generations", "switch", "2", cwd=copy, check=True)
    m.floe("push", cwd=copy, check=True)
    assert get(hub, f"/{user.handle}/web").json["live"] == 2
    m.floe("generations", "rollback", cwd=copy, check=True)
    add(hub, user, "web", BARE)
    told = m.floe("push", cwd=copy)
    assert told.returncode != 0 and "diverged" in told.stderr
    m.floe("pull", "--force", cwd=copy, check=True)
    assert (copy / ".flox/env/manifest.toml").read_text() == BARE
    hub.admin("fsck", "--deep")


def test_a_large_lock_goes_in_and_out(hub, owner):
    packages = [{**PACKAGE, "system": f"s{i}", "description": "x" * 300} for i in range(4000)]
    lock = lock_of({"schema-version": "1.15.0", "install": {"hello": {"pkg-path": "hello"}}, "options": {}}, packages)
    assert len(lock) > 3 << 20
    make(hub, owner, "large", HELLO, lock=lock)
    assert get(hub, f"/{owner.handle}/large/generations/1/lock").body == lock.encode()
    assert get(hub, f"/{owner.handle}/large").json["lock"] == lock
    statuses = in_parallel(6, lambda i: get(hub, f"/{owner.handle}/large").status)
    assert statuses == [200] * 6
    a = call(hub, "POST", f"/environments/{owner.handle}/large/generations", owner.token, {"manifest": HELLO, "lock": "x" * (13 << 20)})
    assert a.status == 413
