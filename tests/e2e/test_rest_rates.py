"""REST: how often a caller may ask."""

import secrets
import subprocess
import time
import zlib

import bench
from test_rest import call


def make_up():
    """A token that has the right shape and checksum, and that no hub gave."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    body = "flox_pat_" + "".join(secrets.choice(digits) for _ in range(43))
    crc, check = zlib.crc32(body.encode()), ""
    for _ in range(6):
        crc, d = divmod(crc, 62)
        check = digits[d] + check
    return body + check


def statuses(hub, n, token=None, **headers):
    return [call(hub, "GET", "/me", token, **headers).status for _ in range(n)]


def test_over_the_limit_there_is_429_until_retry_after(new_hub):
    hub = new_hub("--rate-limit", "60")  # ten at once, then one a second
    user, other = hub.new_user(), hub.new_user()
    assert statuses(hub, 12, user.token).count(200) in (10, 11)
    a = call(hub, "GET", "/me", user.token)
    assert a.status == 429 and 1 <= int(a.headers["Retry-After"]) <= 2 and isinstance(a.json["detail"], str)
    assert call(hub, "GET", "/me", hub.token(user.handle)).status == 429  # an account is a caller, not a token
    assert call(hub, "GET", "/me", other.token).status == 200
    time.sleep(int(a.headers["Retry-After"]))
    assert call(hub, "GET", "/me", user.token).status == 200
    # git and the client's own calls are no part of it
    assert all(hub.http("/accounts/api/v1/accounts/me", token=user.token).status == 200 for _ in range(15))
    assert hub.http(f"/git/{user.handle}/floxmeta/info/refs?service=git-upload-pack", basic=user.token).status == 200
    for token in (user.token, None):
        asked = [hub.http("/api/v1/catalog/search?system=x86_64-linux&search_term=hello", token=token).status for _ in range(15)]
        assert asked == [200] * 15
    limited = {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in hub.metrics().splitlines() if line.startswith("floe_rest_limited_total")}
    assert limited['floe_rest_limited_total{caller="owner"}'] >= 2


def test_who_guesses_tokens_uses_up_the_guessers_address_and_no_user(new_hub):
    hub = new_hub("--rate-limit", "60", "--trusted-proxies", "127.0.0.1")
    user = hub.new_user()
    assert call(hub, "GET", "/me", user.token, X_Forwarded_For="192.0.2.1").status == 200
    for guess in (make_up(), "nonsense"):
        assert set(statuses(hub, 15, guess, X_Forwarded_For="192.0.2.7")) <= {401, 429}
    assert call(hub, "GET", "/me", X_Forwarded_For="192.0.2.7").status == 429  # anonymous callers from there too
    assert call(hub, "GET", "/me", user.token, X_Forwarded_For="192.0.2.7").status == 200  # a user known is a user
    assert call(hub, "GET", "/me", X_Forwarded_For="192.0.2.8").status == 401
    # of IPv6 a /64 is one caller
    assert 429 in [call(hub, "GET", "/me", X_Forwarded_For=f"2001:db8::{n:x}").status for n in range(1, 15)]
    assert call(hub, "GET", "/me", X_Forwarded_For="2001:db8:0:1::1").status == 401


def test_what_is_over_the_limit_asks_no_database(new_hub):
    hub = new_hub("--rate-limit", "6")  # one at once, and one in ten seconds
    made_up = [make_up() for _ in range(3)]
    assert call(hub, "GET", "/me", made_up[0]).status == 401
    lock = subprocess.Popen(["psql", "-X", "-q", "-h", str(hub.data / "postgres-run"), "-U", "floe", "-d", "floe", "-c",
                             "BEGIN; LOCK TABLE token IN ACCESS EXCLUSIVE MODE; SELECT 'locked'; SELECT pg_sleep(6)"],
                            stdout=subprocess.PIPE, env=hub.environment(), cwd="/", **hub.workshop.service())
    try:
        bench.wait_for(lambda: hub.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") != "0")
        began = time.monotonic()
        for token in made_up[1:]:
            assert call(hub, "GET", "/me", token).status == 429
        assert time.monotonic() - began < 2
        assert lock.poll() is None
    finally:
        lock.wait()


def test_keys_that_are_over_are_swept(fresh_hub):
    hub = fresh_hub
    user = hub.new_user()
    token = hub.token(user.handle, "--scope", "admin")
    for n in range(3):
        assert call(hub, "POST", "/tokens", token, {"scope": "read"}, Idempotency_Key=f"k{n}").status == 201
    hub.sql("UPDATE idempotency_key SET at = at - interval '25 hours' WHERE key <> 'k2'")
    hub.stop()
    hub.start()
    bench.wait_for(lambda: hub.sql("SELECT string_agg(key, ',') FROM idempotency_key") == "k2")
