"""REST: what holds for every route, shown on the first of them."""

import json

import bench


def call(hub, method, path, token=None, body=None, **headers):
    """A request of a script: JSON in, JSON out. Headers as keywords: If_Match="…"."""
    headers = {k.replace("_", "-"): v for k, v in headers.items()}
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    return hub.http("/api/v1" + path, method=method, data=data, headers=headers, token=token)


def admin_of(hub, user):
    """A token of scope admin of an ordinary user."""
    return hub.token(user.handle, "--scope", "admin")


def test_me_tells_handle_scope_expiry_and_roles(hub):
    user, boss = hub.new_user(), hub.new_user()
    org = hub.new_org(boss)
    hub.admin("member", "set", org, user.handle, "writer")
    token = hub.token(user.handle, "--expires", "90d", "--scope", "read")
    me = call(hub, "GET", "/me", token).json
    assert (me["handle"], me["kind"], me["scope"], me["hub_admin"]) == (user.handle, "user", "read", False)
    assert me["expires_at"].endswith("Z") and me["orgs"] == [{"org": org, "role": "writer"}]
    robot = call(hub, "GET", "/me", hub.token(org)).json
    assert (robot["handle"], robot["kind"], robot["orgs"]) == (org, "org", [])
    assert call(hub, "GET", "/me").status == 401


def test_an_owner_is_seen_by_who_belongs_to_it_and_looks_absent_otherwise(hub):
    user, stranger, boss = hub.new_user(), hub.new_user(), hub.new_user(None, "--admin")
    mine = call(hub, "GET", f"/owners/{user.handle}", user.token)
    assert mine.status == 200 and mine.json["role"] == "owner" and mine.json["default_visibility"] == "default"
    assert call(hub, "GET", f"/owners/{user.handle}", boss.token).json["role"] is None
    for token in (stranger.token, None):
        hidden, absent = call(hub, "GET", f"/owners/{user.handle}", token), call(hub, "GET", "/owners/nobody-at-all", token)
        assert hidden.status == absent.status == 404 and hidden.json == absent.json
    assert call(hub, "GET", f"/owners/{user.handle.upper()}", user.token).status == 404


def test_an_etag_saves_the_body_and_guards_the_change(hub):
    user = hub.new_user()
    token, path = admin_of(hub, user), f"/owners/{user.handle}"
    first = call(hub, "GET", path, token)
    etag = first.headers["ETag"]
    assert etag.startswith('"') and first.headers["Cache-Control"] == "private, no-cache"
    again = call(hub, "GET", path, token, If_None_Match=f'"x", W/{etag}')
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == etag
    changed = call(hub, "PATCH", path, token, {"default_visibility": "private"}, If_Match=etag)
    assert changed.status == 200 and changed.json["default_visibility"] == "private" and changed.headers["ETag"] != etag
    for stale in (etag, "W/" + changed.headers["ETag"], "nonsense", '"'):
        a = call(hub, "PATCH", path, token, {"default_visibility": "public"}, If_Match=stale)
        assert a.status == 412 and changed.headers["ETag"] in a.json["detail"], stale
    assert call(hub, "PATCH", path, token, {"default_visibility": "default"}, If_Match="*").json["default_visibility"] == "default"
    assert call(hub, "GET", path, token).headers["ETag"] == etag


def test_nothing_binds_by_accident(hub):
    user = hub.new_user()
    token, path = admin_of(hub, user), f"/owners/{user.handle}"
    for body, word in (({"default_visibility": "private", "admin": True}, "admin"), ({"handle": "x"}, "handle"),
                       ({"default_visibility": 4}, "default_visibility"), ({"default_visibility": "secret"}, "private"),
                       ([], "object"), (b'{"default_visibility":"public","default_visibility":"private"}', "duplicate"),
                       (b"{", "JSON"), (b"\xff", "JSON"), (b"[" * 1000, "nested"), (b'{"\\u0000":1}', "JSON")):
        a = call(hub, "PATCH", path, token, body)
        assert a.status == 400 and word in a.json["detail"], (body, a.text)
    assert call(hub, "PATCH", path, token, {"default_visibility": None}).status == 200
    assert call(hub, "PATCH", path, token, b"{}", Content_Type="application/x-www-form-urlencoded").status == 415
    assert call(hub, "PATCH", path, token, b"{" + b" " * 70000 + b"}").status == 413
    assert call(hub, "GET", path, token).json["default_visibility"] == "default"
    for query in ("?limits=3", "?x", "?limit=1&limit=2"):
        assert call(hub, "GET", path + query, token).status == 400


def test_a_wrong_method_names_the_right_ones_and_head_is_get(hub):
    user = hub.new_user()
    a = call(hub, "DELETE", f"/owners/{user.handle}", user.token)
    assert a.status == 405 and a.headers["Allow"] == "GET, HEAD, PATCH"
    head = call(hub, "HEAD", f"/owners/{user.handle}", user.token)
    assert head.status == 200 and head.body == b"" and head.headers["ETag"]


def test_a_setting_needs_scope_admin_and_is_written_in_the_trail(hub):
    user = hub.new_user()
    path = f"/owners/{user.handle}"
    a = call(hub, "PATCH", path, user.token, {"default_visibility": "private"})
    assert a.status == 403 and "admin" in a.json["detail"]
    assert call(hub, "PATCH", path, admin_of(hub, user), {"default_visibility": "private"}).status == 200
    row = hub.sql("SELECT actor, action, object, detail, token_id IS NOT NULL, remote FROM audit ORDER BY id DESC LIMIT 1")
    assert row == f'{user.handle}|owner.settings|{user.handle}|{{"default_visibility": "private"}}|t|127.0.0.1'
    assert bench.http(hub.url + "/api/v1/me", token=user.token).status == 200
