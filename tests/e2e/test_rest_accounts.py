"""REST: organisations, members, tokens and trails."""

import concurrent.futures
import json
import threading
import time

from test_rest import admin_of, call


def boss_with_org(hub):
    boss = hub.new_user()
    return boss, admin_of(hub, boss), hub.new_org(boss)


def walk(hub, path, token, limit):
    """Every item of a list, page by page."""
    items, cursor = [], None
    while True:
        sep = "&" if "?" in path else "?"
        a = call(hub, "GET", f"{path}{sep}limit={limit}" + (f"&cursor={cursor}" if cursor else ""), token)
        assert a.status == 200, a.text
        assert len(a.json["items"]) <= limit
        items += a.json["items"]
        cursor = a.json["next"]
        if cursor is None:
            return items


# -- organisations


def test_a_user_creates_an_organisation_and_owns_it(hub):
    user = hub.new_user()
    token, handle = admin_of(hub, user), f"team-{user.handle}"
    a = call(hub, "POST", "/orgs", token, {"handle": handle})
    assert a.status == 201 and a.json["handle"] == handle and a.json["role"] == "owner" and a.json["kind"] == "org"
    assert a.headers["Location"] == f"{hub.url}/api/v1/owners/{handle}"
    assert call(hub, "GET", f"/owners/{handle}", token).headers["ETag"] == a.headers["ETag"]
    assert [o["handle"] for o in call(hub, "GET", "/orgs", user.token).json["items"]] == [handle]
    assert [o["handle"] for o in call(hub, "GET", "/orgs", hub.token(handle)).json["items"]] == [handle]
    assert call(hub, "POST", "/orgs", token, {"handle": handle.upper()}).status == 409
    for bad in ("x", "api", "-a-b", "a b c", "flox", "y" * 64, "ab\u00e9"):
        assert call(hub, "POST", "/orgs", token, {"handle": bad}).status == 400, bad
    assert call(hub, "POST", "/orgs", token).status == 400
    assert call(hub, "POST", "/orgs", user.token, {"handle": "scope-write-org"}).status == 403
    assert call(hub, "POST", "/orgs", hub.token(handle, "--scope", "admin"), {"handle": "orgs-org"}).status == 403


def test_only_administrators_create_organisations_where_the_hub_says_so(new_hub):
    hub = new_hub("--users-create-orgs", "false")
    user, boss = hub.new_user(), hub.new_user(None, "--admin")
    a = call(hub, "POST", "/orgs", admin_of(hub, user), {"handle": "forbidden"})
    assert a.status == 403 and "administrator" in a.json["detail"]
    assert call(hub, "POST", "/orgs", boss.token, {"handle": "allowed"}).status == 201


def test_lists_are_walked_in_pages_that_show_everything_once(hub):
    boss, token, org = boss_with_org(hub)
    users = sorted([boss.handle] + [hub.new_user().handle for _ in range(6)])
    for u in users:
        if u != boss.handle:
            assert call(hub, "PUT", f"/orgs/{org}/members/{u}", token, {"role": "reader"}).json == {"user": u, "role": "reader"}
    for limit in (1, 2, 3, 7, 200):
        assert [m["user"] for m in walk(hub, f"/orgs/{org}/members", token, limit)] == users
    for n in range(3):
        call(hub, "POST", "/orgs", token, {"handle": f"{boss.handle}-{n}"})
    assert [o["handle"] for o in walk(hub, "/orgs", token, 2)] == sorted([org] + [f"{boss.handle}-{n}" for n in range(3)])
    for bad in ("limit=0", "limit=201", "limit=x", "limit=-1", "limit=1e2", "limit=" + "9" * 30, "cursor=", "cursor=!", "cursor=YQ==",
                "cursor=YR", "cursor=AA", "cursor=" + "A" * 5000, "cursor=_w"):
        a = call(hub, "GET", f"/orgs/{org}/members?{bad}", token)
        assert a.status == 400, (bad, a.text)
    assert call(hub, "GET", "/tokens?cursor=YWJj", token).status == 400


# -- members


def test_a_members_role_changes_and_ends_at_the_next_request(hub):
    boss, token, org = boss_with_org(hub)
    user = hub.new_user()
    path = f"/orgs/{org}/members/{user.handle}"
    assert call(hub, "GET", f"/orgs/{org}/members", user.token).status == 404
    for role in ("reader", "writer", "owner", "reader"):
        assert call(hub, "PUT", path, token, {"role": role}).status == 200
        assert call(hub, "GET", "/me", user.token).json["orgs"] == [{"org": org, "role": role}]
        assert call(hub, "GET", f"/owners/{org}", user.token).json["role"] == role
    assert call(hub, "DELETE", path, token).status == 204
    assert call(hub, "GET", f"/owners/{org}", user.token).status == 404
    assert call(hub, "DELETE", path, token).status == 404
    for body in ({"role": "king"}, {"role": None}, {}, {"role": "owner", "user": "x"}):
        assert call(hub, "PUT", path, token, body).status == 400
    assert call(hub, "PUT", f"/orgs/{org}/members/nobody-there", token, {"role": "reader"}).status == 404
    assert call(hub, "PUT", f"/orgs/{org}/members/{org}", token, {"role": "reader"}).status == 404
    assert call(hub, "GET", f"/orgs/{boss.handle}/members", token).status == 404  # a user has none


def test_a_writer_and_a_stranger_change_no_members(hub):
    boss, token, org = boss_with_org(hub)
    writer, stranger = hub.new_user(), hub.new_user()
    call(hub, "PUT", f"/orgs/{org}/members/{writer.handle}", token, {"role": "writer"})
    for user, status in ((writer, 403), (stranger, 404)):
        mine = admin_of(hub, user)
        assert call(hub, "PUT", f"/orgs/{org}/members/{user.handle}", mine, {"role": "owner"}).status == status
        assert call(hub, "DELETE", f"/orgs/{org}/members/{boss.handle}", mine).status == status
    assert call(hub, "PUT", f"/orgs/{org}/members/{writer.handle}", boss.token, {"role": "reader"}).status == 403  # scope write
    assert walk(hub, f"/orgs/{org}/members", token, 50) == sorted(
        [{"user": boss.handle, "role": "owner"}, {"user": writer.handle, "role": "writer"}], key=lambda m: m["user"])


def test_the_last_owner_stays_also_when_all_leave_at_once(hub):
    boss, token, org = boss_with_org(hub)
    a = call(hub, "DELETE", f"/orgs/{org}/members/{boss.handle}", token)
    assert a.status == 409 and "last owner" in a.json["detail"]
    assert call(hub, "PUT", f"/orgs/{org}/members/{boss.handle}", token, {"role": "writer"}).status == 409
    owners = [(boss, token)] + [(u, admin_of(hub, u)) for u in (hub.new_user() for _ in range(5))]
    for user, _ in owners[1:]:
        call(hub, "PUT", f"/orgs/{org}/members/{user.handle}", token, {"role": "owner"})
    for _ in range(5):
        barrier = threading.Barrier(len(owners))

        def leave(pair):
            barrier.wait()
            return call(hub, "PUT", f"/orgs/{org}/members/{pair[0].handle}", pair[1], {"role": "reader"}).status

        with concurrent.futures.ThreadPoolExecutor(len(owners)) as pool:
            statuses = list(pool.map(leave, owners))
        assert sorted(statuses) == [200] * (len(owners) - 1) + [409], statuses
        last = owners[statuses.index(409)]
        for user, _ in owners:
            assert call(hub, "PUT", f"/orgs/{org}/members/{user.handle}", last[1], {"role": "owner"}).status == 200


# -- tokens


def test_a_token_is_shown_once_and_works_as_far_as_its_scope(hub):
    user = hub.new_user()
    admin = admin_of(hub, user)
    a = call(hub, "POST", "/tokens", admin, {"name": "laptop \u00fc", "scope": "read", "expires": "30d"})
    assert a.status == 201 and a.headers["Cache-Control"] == "private, no-cache"
    made = a.json
    assert made["owner"] == user.handle and made["scope"] == "read" and made["name"] == "laptop \u00fc" and made["token"].startswith(made["hint"][:-1])
    me = call(hub, "GET", "/me", made["token"]).json
    assert (me["scope"], me["token_id"], me["expires_at"]) == ("read", made["id"], made["expires_at"])
    listed = walk(hub, "/tokens", admin, 2)
    assert [t for t in listed if t["id"] == made["id"]][0]["hint"] == made["hint"]
    assert made["token"] not in json.dumps(listed) and all("token" not in t for t in listed)
    for body in ({"scope": "root"}, {}, {"scope": "read", "expires": "yesterday"}, {"scope": "read", "expires": "1d", "name": "a\nb"},
                 {"scope": "read", "hash": "00"}, {"scope": "read", "id": 1}, {"scope": "read", "owner_id": 1}):
        assert call(hub, "POST", "/tokens", admin, body).status == 400, body


def test_a_revoked_token_is_refused_by_the_next_request(hub):
    user = hub.new_user()
    admin = admin_of(hub, user)
    for _ in range(20):
        made = call(hub, "POST", "/tokens", admin, {"scope": "write"}).json
        assert call(hub, "GET", "/me", made["token"]).status == 200
        assert call(hub, "DELETE", f"/tokens/{made['id']}", admin).status == 204
        gone = call(hub, "GET", "/me", made["token"])
        assert gone.status == 401 and "revoked" in gone.json["detail"]
    given_up = call(hub, "POST", "/tokens", admin, {"scope": "read"}).json
    assert call(hub, "DELETE", f"/tokens/{given_up['id']}", given_up["token"]).status == 204  # any token may give up itself
    assert call(hub, "GET", "/me", given_up["token"]).status == 401


def test_a_token_makes_none_that_is_more_than_itself_or_for_somebody_else(hub):
    user, other = hub.new_user(), hub.new_user()
    boss = hub.new_user(None, "--admin")
    admin, hub_admin = admin_of(hub, user), boss.token
    for scope in ("read", "write"):
        weak = hub.token(user.handle, "--scope", scope)
        for asked in ("read", "write", "admin"):
            assert call(hub, "POST", "/tokens", weak, {"scope": asked}).status == 403
    short = hub.token(user.handle, "--scope", "admin", "--expires", "2d")
    for expires in ("never", "3d", None):
        assert call(hub, "POST", "/tokens", short, {"scope": "read", "expires": expires}).status == 403
    assert call(hub, "POST", "/tokens", short, {"scope": "read", "expires": "1d"}).status == 201
    for mine in (admin, hub_admin):
        hidden = call(hub, "POST", "/tokens", mine, {"scope": "read", "owner": other.handle})
        assert hidden.status == 403 or hidden.status == 404
    assert call(hub, "GET", f"/tokens?owner={other.handle}", admin).status == 404
    theirs = call(hub, "GET", "/tokens", other.token).json["items"][0]["id"]
    a, b = call(hub, "DELETE", f"/tokens/{theirs}", admin), call(hub, "DELETE", "/tokens/999999999", admin)
    assert a.status == b.status == 404 and a.json == b.json
    for odd in ("0", "-1", "x", "1.5", "9" * 40, "01"):
        assert call(hub, "DELETE", f"/tokens/{odd}", admin).status == 404
    assert call(hub, "GET", "/me", other.token).status == 200
    assert call(hub, "DELETE", f"/tokens/{theirs}", hub_admin).status == 204  # an administrator stops a leaked one
    assert call(hub, "GET", "/me", other.token).status == 401


def test_tokens_of_an_organisation_are_made_by_its_owners(hub):
    boss, token, org = boss_with_org(hub)
    writer = hub.new_user()
    call(hub, "PUT", f"/orgs/{org}/members/{writer.handle}", token, {"role": "writer"})
    assert call(hub, "POST", "/tokens", admin_of(hub, writer), {"owner": org, "scope": "read"}).status == 403
    robot = call(hub, "POST", "/tokens", token, {"owner": org, "scope": "write", "name": "ci"}).json
    assert robot["token"].startswith("flox_svc_") and call(hub, "GET", "/me", robot["token"]).json["handle"] == org
    assert [t["id"] for t in call(hub, "GET", f"/tokens?owner={org}", writer.token).json["items"]] == [robot["id"]]
    assert call(hub, "DELETE", f"/tokens/{robot['id']}", admin_of(hub, writer)).status == 403
    assert call(hub, "POST", "/tokens", robot["token"], {"scope": "read"}).status == 403
    assert call(hub, "DELETE", f"/tokens/{robot['id']}", token).status == 204


def test_who_is_taken_out_of_an_organisation_keeps_no_way_in(hub):
    """An owner who is being taken out makes tokens of the organisation as fast as possible: none outlives the removal."""
    boss, token, org = boss_with_org(hub)
    rogue = hub.new_user()
    mine = admin_of(hub, rogue)
    for _ in range(5):
        call(hub, "PUT", f"/orgs/{org}/members/{rogue.handle}", token, {"role": "owner"})
        stop, made = threading.Event(), []

        def mint():
            while not stop.is_set():
                a = call(hub, "POST", "/tokens", mine, {"owner": org, "scope": "read"})
                made.append((a.status, a.json.get("id")))

        threads = [threading.Thread(target=mint) for _ in range(3)]
        for t in threads:
            t.start()
        assert call(hub, "DELETE", f"/orgs/{org}/members/{rogue.handle}", token).status == 204
        removed = hub.sql(f"SELECT max(id) FROM audit WHERE action = 'member.remove' AND object = '{rogue.handle}'")
        stop.set()
        for t in threads:
            t.join()
        # The order of commits under the organisation's lock: nothing of the rogue's stands behind the removal.
        assert hub.sql(f"SELECT count(*) FROM audit WHERE action = 'token.create' AND actor = '{rogue.handle}' AND id > {removed}") == "0"


# -- the trail


def test_the_trail_tells_who_did_what_from_where_with_which_token(hub):
    boss, token, org = boss_with_org(hub)
    user = hub.new_user()
    me = call(hub, "GET", "/me", token).json["token_id"]
    call(hub, "PUT", f"/orgs/{org}/members/{user.handle}", token, {"role": "writer"})
    call(hub, "PATCH", f"/owners/{org}", token, {"default_visibility": "internal"})
    robot = call(hub, "POST", "/tokens", token, {"owner": org, "scope": "read"}).json["id"]
    call(hub, "DELETE", f"/tokens/{robot}", token)
    call(hub, "DELETE", f"/orgs/{org}/members/{user.handle}", token)
    trail = walk(hub, f"/owners/{org}/audit", token, 2)
    assert [r["action"] for r in trail] == ["member.remove", "token.revoke", "token.create", "owner.settings", "member.set", "org.create"]
    assert all(r["actor"] == boss.handle and r["token_id"] == me and r["remote"] == "127.0.0.1" for r in trail[:-1])
    assert "admin command" in trail[-1]["actor"] and trail[-1]["token_id"] is None
    assert [r["object"] for r in trail] == [user.handle, f"token {robot}", f"token {robot}", org, user.handle, org]
    assert trail[4]["detail"] == {"role": "writer"} and trail[0]["detail"] is None
    ids = [r["id"] for r in trail]
    assert ids == sorted(ids, reverse=True)
    narrow = call(hub, "GET", f"/owners/{org}/audit?object={user.handle}&action=member.set", token).json["items"]
    assert [r["id"] for r in narrow] == [ids[4]]
    assert call(hub, "GET", f"/owners/{org}/audit?object=%27%20OR%201=1%20--", token).json == {"items": [], "next": None}
    for other, status in ((boss.token, 403), (admin_of(hub, user), 404), (None, 401)):
        assert call(hub, "GET", f"/owners/{org}/audit", other).status == status


def test_the_trail_is_walked_without_doubles_while_it_grows(hub):
    boss, token, org = boss_with_org(hub)
    user = hub.new_user()

    def change(n):
        call(hub, "PUT", f"/orgs/{org}/members/{user.handle}", token, {"role": ("reader", "writer")[n % 2]})

    for n in range(7):
        change(n)
    before = [r["id"] for r in walk(hub, f"/owners/{org}/audit", token, 200)]
    seen, cursor = [], ""
    while cursor is not None:
        page = call(hub, "GET", f"/owners/{org}/audit?limit=2" + (f"&cursor={cursor}" if cursor else ""), token).json
        seen += [r["id"] for r in page["items"]]
        cursor = page["next"]
        change(len(seen))
    assert seen == before


def test_everything_an_administrators_command_changes_is_in_the_trail(hub):
    user = hub.new_user()
    org = hub.new_org(user)
    for command in (f"user disable {user.handle}", f"user enable {user.handle}", f"user admin {user.handle} yes", f"user admin {user.handle} no",
                    f"member set {org} {hub.new_user('m-' + org).handle} reader", f"member remove {org} m-{org}", f"org rename {org} {org}-new"):
        hub.admin(command)
    hub.admin("user", "password", user.handle, "--password-stdin", input="correct horse\n")
    actions = [r["action"] for r in walk(hub, f"/owners/{user.handle}/audit", admin_of(hub, user), 50)]
    assert actions == ["token.create", "user.password", "user.admin", "user.admin", "user.enable", "user.disable", "token.create", "user.create"]
    actions = [r["action"] for r in walk(hub, f"/owners/{org}-new/audit", admin_of(hub, user), 50)]
    assert actions == ["org.rename", "member.remove", "member.set", "org.create"]


# -- what is repeated


def test_the_same_key_makes_one_thing_and_gives_the_same_answer(hub):
    user = hub.new_user()
    token, handle = admin_of(hub, user), f"once-{user.handle}"
    first = call(hub, "POST", "/orgs", token, {"handle": handle}, Idempotency_Key="k-1")
    again = call(hub, "POST", "/orgs", token, {"handle": handle}, Idempotency_Key="k-1")
    assert (first.status, first.json) == (again.status, again.json) == (201, first.json)
    for name in ("Location", "ETag"):
        assert first.headers[name] == again.headers[name]
    assert first.headers["Idempotency-Replayed"] is None and again.headers["Idempotency-Replayed"] == "true"
    assert call(hub, "POST", "/orgs", token, {"handle": handle}).status == 409  # without a key it is taken
    other = call(hub, "POST", "/orgs", token, {"handle": handle + "x"}, Idempotency_Key="k-1")
    assert other.status == 422 and "new key" in other.json["detail"]
    stranger = hub.new_user()
    mine = call(hub, "POST", "/orgs", admin_of(hub, stranger), {"handle": f"once-{stranger.handle}"}, Idempotency_Key="k-1")
    assert mine.status == 201 and mine.json["handle"] == f"once-{stranger.handle}"  # keys are each caller's own
    assert call(hub, "POST", "/orgs", user.token, {"handle": handle}, Idempotency_Key="k-1").status == 403  # and open no door
    for bad in ("", " ", "a b", "x" * 256, "caf\u00e9".encode().decode("latin-1")):
        assert call(hub, "POST", "/orgs", token, {"handle": "unused-handle"}, Idempotency_Key=bad).status == 400, bad


def test_a_key_is_free_again_when_its_request_failed_and_after_a_day(hub):
    user = hub.new_user()
    token, handle = admin_of(hub, user), f"day-{user.handle}"
    assert call(hub, "POST", "/orgs", token, {"handle": user.handle}, Idempotency_Key="k").status == 409
    assert call(hub, "POST", "/orgs", token, {"handle": handle}, Idempotency_Key="k").status == 201
    hub.sql("UPDATE idempotency_key SET at = at - interval '23 hours 59 minutes'")
    assert call(hub, "POST", "/orgs", token, {"handle": handle}, Idempotency_Key="k").status == 201
    hub.sql("UPDATE idempotency_key SET at = at - interval '2 minutes'")
    assert call(hub, "POST", "/orgs", token, {"handle": handle}, Idempotency_Key="k").status == 409
    assert call(hub, "POST", "/orgs", token, {"handle": handle + "-2"}, Idempotency_Key="k").status == 201


def test_a_secret_is_not_kept_for_a_repetition(hub):
    user = hub.new_user()
    token = admin_of(hub, user)
    made = call(hub, "POST", "/tokens", token, {"scope": "read"}, Idempotency_Key="t").json
    again = call(hub, "POST", "/tokens", token, {"scope": "read"}, Idempotency_Key="t")
    assert again.status == 409 and f"token {made['id']}" in again.json["detail"] and "flox_pat_" not in again.text
    assert made["token"] not in hub.sql("SELECT * FROM idempotency_key") + hub.sql("SELECT * FROM audit") + hub.sql("SELECT * FROM token")
    assert len(walk(hub, "/tokens", token, 50)) == 3


def test_of_many_at_once_with_one_key_one_creates(hub):
    user = hub.new_user()
    token = admin_of(hub, user)
    for n in range(5):
        barrier = threading.Barrier(8)

        def post(_):
            barrier.wait()
            return call(hub, "POST", "/tokens", token, {"scope": "read"}, Idempotency_Key=f"race-{n}").status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(post, range(8)))
        assert statuses == [201] + [409] * 7
    assert len(walk(hub, "/tokens", token, 50)) == 2 + 5


def test_a_hub_that_is_killed_leaves_no_key_without_its_work_and_no_work_without_its_key(fresh_hub):
    hub = fresh_hub
    user = hub.new_user()
    token = admin_of(hub, user)
    for n in range(4):
        stop = threading.Event()

        def post(worker):
            k = 0
            while not stop.is_set():
                try:
                    call(hub, "POST", "/orgs", token, {"handle": f"kill-{n}-{worker}-{k}"}, Idempotency_Key=f"{n}-{worker}-{k}")
                except OSError:
                    return
                k += 1

        threads = [threading.Thread(target=post, args=(w,)) for w in range(4)]
        for t in threads:
            t.start()
        time.sleep(0.3)
        hub.kill()
        stop.set()
        for t in threads:
            t.join()
        hub.start()
        lonely = hub.sql("SELECT count(*) FROM idempotency_key k FULL JOIN owner o ON k.path = '/api/v1/owners/' || o.handle "
                         "WHERE o.kind = 2 AND (k.key IS NULL OR o.id IS NULL)")
        assert lonely == "0" and int(hub.sql("SELECT count(*) FROM owner WHERE kind = 2")) > n
