"""REST under attack: secrets, other people's pages, lists and bodies made to hurt, changes that race."""

import concurrent.futures
import json
import socket
import threading
import time
import urllib.parse

import bench
from test_rest import admin_of, call


def test_no_secret_is_in_logs_metrics_answers_or_the_database(fresh_hub):
    hub = fresh_hub
    user = hub.new_user()
    admin = admin_of(hub, user)
    org = hub.new_org(user)
    made = [call(hub, "POST", "/tokens", admin, {"scope": "write", "name": "canary", **more}, **headers).json["token"]
            for more, headers in (({}, {}), ({"owner": org}, {}), ({}, {"Idempotency_Key": "canary"}))]
    secrets = [admin, user.token, *made]
    for secret in secrets:
        for path in ("/me", "/owners/" + org, "/tokens", "/nothing", "/orgs/x/members", f"/owners/{org}/audit"):
            for answer in (call(hub, "GET", path, secret), hub.http("/api/v1" + path, basic=secret),
                           call(hub, "GET", path, secret + "x"), call(hub, "GET", path, secret[:-1])):
                assert secret[:-1] not in answer.text + str(answer.headers)
        call(hub, "POST", "/tokens", secret, b"{")
        call(hub, "DELETE", "/tokens/1x", secret)
    dump = hub.sql("SELECT string_agg(x::text, ' ') FROM (SELECT token::text AS x FROM token UNION ALL SELECT audit::text FROM audit "
                   "UNION ALL SELECT idempotency_key::text FROM idempotency_key UNION ALL SELECT owner::text FROM owner) all_of_it")
    assert "canary" in dump
    for secret in secrets:
        for place in (hub.log(), hub.metrics(), dump):
            assert secret[9:40] not in place  # the digits alone: a hint shows the first few with the prefix


def test_other_peoples_pages_cannot_use_it(hub):
    """Nothing is known by a cookie, forms are not read, and no page of elsewhere may see an answer."""
    user = hub.new_user()
    token = admin_of(hub, user)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", ""):
        a = call(hub, "POST", "/orgs", token, b'{"handle":"forged-org"}', Content_Type=kind, Origin="https://evil.example")
        assert a.status == 415, kind
    a = call(hub, "GET", "/me", token, Origin="https://evil.example")
    assert a.status == 200 and not [h for h in a.headers if h.lower().startswith("access-control-")] and a.headers["Set-Cookie"] is None
    assert call(hub, "GET", "/me", Cookie=f"token={token}").status == 401
    assert hub.http("/api/v1/me?token=" + token).status == hub.http("/api/v1/me?access_token=" + token).status == 401
    preflight = hub.http("/api/v1/orgs", method="OPTIONS", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"})
    assert preflight.status == 405
    page = hub.http("/openapi")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    for path in ("/api/v1/owners/<script>alert(1)<%2Fscript>", "/api/v1/owners/%3Cscript%3E", "/api/v1/me?%3Cscript%3E=1"):
        a = hub.http(path.replace("<", "%3C").replace(">", "%3E"), token=token)
        assert a.status in (400, 404) and a.headers["Content-Type"] == "application/json"


def test_bodies_and_queries_made_to_hurt_are_refused_at_once(hub):
    user = hub.new_user()
    token, path = admin_of(hub, user), f"/owners/{user.handle}"
    many = b"{" + b",".join(b'"k%d":1' % n for n in range(6000)) + b"}"
    deep = b'{"default_visibility":' + b"[" * 30000 + b"]" * 30000 + b"}"
    began = time.monotonic()
    for body in (many[:65000], many[:60000].rsplit(b",", 1)[0] + b"}", deep, b'{"a":' * 12000, b"[" + b"{}," * 20000 + b"{}]",
                 b'"' + b"\\ud800" * 10000 + b'"', b"1" * 65000, b'{"handle":' + b"9" * 60000 + b"}", b"\x00" * 1000, b" " * 65000):
        a = call(hub, "PATCH", path, token, body)
        assert a.status in (400, 413) and len(a.text) < 2000, (a.status, body[:40])
    for query in ("?" + "&".join(f"limit={n}" for n in range(65)), "?limit=" + "1" * 3000, "?cursor=" + "%41" * 2500, "?limit=%00", "?limit=%ff"):
        assert 400 <= call(hub, "GET", "/orgs" + query, token).status < 500, query[:40]
    assert time.monotonic() - began < 10 * bench.SLOW
    for strange in ("%2e%2e", "..%2f..", "%5c", "a%00b", "%c0%ae", "alice.git", "alice%0d%0aX-Evil:1", "*", "%25", "a" * 4000):
        a = call(hub, "GET", f"/owners/{strange}", token)
        assert a.status in (400, 404) and "X-Evil" not in a.headers, strange


def test_who_did_it_is_the_peer_and_not_what_a_header_claims(hub):
    user = hub.new_user()
    token = admin_of(hub, user)
    call(hub, "PATCH", f"/owners/{user.handle}", token, {"default_visibility": "private"}, X_Forwarded_For="203.0.113.9")
    entry = call(hub, "GET", f"/owners/{user.handle}/audit?limit=1", token).json["items"][0]
    assert entry["action"] == "owner.settings" and entry["remote"] == "127.0.0.1"


def test_of_many_who_take_one_handle_at_once_one_gets_it(hub):
    users = [(u, admin_of(hub, u)) for u in (hub.new_user() for _ in range(6))]
    for n in range(4):
        barrier = threading.Barrier(len(users))

        def take(pair):
            barrier.wait()
            return call(hub, "POST", "/orgs", pair[1], {"handle": ("Race" if users.index(pair) % 2 else "race") + f"-{n}"}).status

        with concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
            assert sorted(pool.map(take, users)) == [201] + [409] * (len(users) - 1)


def test_an_if_match_that_many_hold_lets_one_of_them_through(hub):
    user = hub.new_user()
    token, path = admin_of(hub, user), f"/owners/{user.handle}"
    for n in range(8):
        etag = call(hub, "GET", path, token).headers["ETag"]
        barrier = threading.Barrier(6)

        def change(_):
            barrier.wait()
            return call(hub, "PATCH", path, token, {"default_visibility": ("private", "public")[n % 2]}, If_Match=etag).status

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(change, range(6))) == [200] + [412] * 5


def test_what_is_taken_away_is_away_on_every_node(new_hub):
    one = new_hub()
    url = f"postgresql://floe@/floe?host={one.data / 'postgres-run'}"
    two = new_hub("--database-url", url)
    boss = one.new_user()
    token, org, user = admin_of(one, boss), one.new_org(boss), one.new_user()
    for _ in range(10):
        assert call(one, "PUT", f"/orgs/{org}/members/{user.handle}", token, {"role": "reader"}).status == 200
        assert call(two, "GET", f"/orgs/{org}/members", user.token).status == 200
        made = call(two, "POST", "/tokens", token, {"scope": "read"}).json
        assert call(one, "GET", "/me", made["token"]).status == call(two, "GET", "/me", made["token"]).status == 200
        assert call(one, "DELETE", f"/tokens/{made['id']}", token).status == 204
        assert call(two, "GET", "/me", made["token"]).status == 401
        assert call(two, "DELETE", f"/orgs/{org}/members/{user.handle}", token).status == 204
        assert call(one, "GET", f"/orgs/{org}/members", user.token).status == 404


def test_a_change_that_is_cut_off_is_whole_or_not_there(hub):
    """The client goes away at some point of its request: the hub makes the organisation with its owner, or nothing."""
    user = hub.new_user()
    token = admin_of(hub, user)
    for n in range(30):
        body = json.dumps({"handle": f"cut-{user.handle}-{n}"}).encode()
        request = (f"POST /api/v1/orgs HTTP/1.1\r\nHost: h\r\nAuthorization: bearer {token}\r\nContent-Type: application/json\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        with socket.create_connection(("127.0.0.1", hub.port)) as s:
            s.sendall(request[:len(request) - (n % 3) * 5])
            time.sleep(n / 3000)
    bench.wait_for(lambda: "floe_http_requests_in_flight 0" in hub.metrics())
    assert hub.sql("SELECT count(*) FROM owner o WHERE o.kind = 2 AND handle LIKE 'cut-%' AND NOT EXISTS "
                   "(SELECT FROM member WHERE org_id = o.id AND role = 3)") == "0"


def test_what_stands_in_a_path_is_one_line_of_the_log_and_moves_no_cursor(hub):
    for strange in ("\u0085", "\u009b31m", "\u2028", "\u2029", "\u0080", "\u009f"):
        call(hub, "GET", "/owners/a" + urllib.parse.quote(strange) + "b")
    log = hub.log()
    assert not set("\u0085\u009b\u2028\u2029\u0080\u009f\x1b") & set(log) and len(log.splitlines()) == log.count("\n")
    paths = [line["path"] for line in hub.access_log()]
    assert "/api/v1/owners/a\u009b31mb" in paths and "/api/v1/owners/a\u2029b" in paths
