"""floe org|member|token|env on a real hub: what an organisation's owner does without a shell on the server."""

import json
import re

import pytest

import bench
from bench import Environment


@pytest.fixture
def boss(hub, machine):
    """A user with a token that may manage, logged in on a machine of its own."""
    user = hub.new_user()
    user.token = hub.token(user.handle, "--scope", "admin")
    m = machine("desk").login(user)
    m.user = user
    return m


def test_an_owner_makes_an_organisation_and_gives_and_takes_roles(hub, boss, machine):
    bob, org = hub.new_user(), f"acme-{boss.user.handle}"
    done = boss.floe("org", "create", org, check=True)
    assert f"Created the organisation {org}" in done.stderr and done.stdout == ""
    again = boss.floe("org", "create", org.upper())
    assert again.returncode == 1 and again.stderr.startswith("✘ ERROR: ")
    boss.floe("member", "set", org, bob.handle, "reader", check=True)
    boss.floe("member", "set", org, bob.handle, "writer", check=True)
    listed = json.loads(boss.floe("member", "list", org, "--json", check=True).stdout)
    assert listed == [{"user": u, "role": r} for u, r in sorted([(bob.handle, "writer"), (boss.user.handle, "owner")])]
    table = boss.floe("member", "list", org, check=True).stdout.splitlines()
    assert table[0].split() == ["HANDLE", "ROLE"] and [bob.handle, "writer"] in [line.split() for line in table]
    mine = machine("bob").login(bob)
    assert [o["handle"] for o in json.loads(mine.floe("org", "list", "--json", check=True).stdout)] == [org]
    refused = mine.floe("member", "set", org, bob.handle, "owner")
    assert refused.returncode == 1 and refused.stderr.startswith("✘ ERROR: ")
    last = boss.floe("member", "remove", org, boss.user.handle)
    assert last.returncode == 1 and "owner" in last.stderr
    boss.floe("member", "remove", org, bob.handle, check=True)
    assert "You belong to no organisation" in mine.floe("org", "list", check=True).stderr
    assert mine.floe("member", "list", org).returncode == 1
    shown = boss.floe("org", "show", org, check=True).stdout
    assert re.search(rf"Organisation: +{org}\n", shown) and re.search(r"Your role: +owner\n", shown) and boss.user.handle in shown
    boss.floe("org", "visibility", org, "internal", check=True)
    assert json.loads(boss.floe("org", "show", org, "--json", check=True).stdout)["default_visibility"] == "internal"
    assert boss.floe("org", "visibility", org, "secret").returncode == 1


def test_a_token_is_made_used_listed_and_revoked(hub, boss, machine):
    org = hub.new_org(boss.user)
    made = boss.floe("token", "create", "--name", "ci", "--scope", "read", "--expires", "90d", check=True)
    token = made.stdout.strip()
    assert made.stdout == token + "\n" and token.startswith("flox_pat_") and token not in made.stderr
    assert hub.http("/accounts/api/v1/accounts/me", token=token).json["handle"] == boss.user.handle
    machine_token = boss.floe("token", "create", "--org", org, check=True).stdout.strip()
    assert machine_token.startswith("flox_svc_") and hub.http("/accounts/api/v1/accounts/me", token=machine_token).json["handle"] == org
    tokens = json.loads(boss.floe("token", "list", "--json", check=True).stdout)
    assert token not in json.dumps(tokens)
    ci = next(t for t in tokens if t["name"] == "ci")
    row = next(line for line in boss.floe("token", "list", check=True).stdout.splitlines() if " ci " in line)
    assert row.split()[0] == str(ci["id"]) and " read " in row and " valid " in row
    assert [t["owner"] for t in json.loads(boss.floe("token", "list", "--org", org, "--json", check=True).stdout)] == [org]
    boss.floe("token", "revoke", ci["id"], check=True)
    assert hub.http("/accounts/api/v1/accounts/me", token=token).status == 401
    assert " revoked " in next(line for line in boss.floe("token", "list", check=True).stdout.splitlines() if " ci " in line)
    gone = boss.floe("token", "revoke", "999999999")
    assert gone.returncode == 1 and "no such token" in gone.stderr


def test_who_may_not_manage_is_told_what_is_missing(hub, machine, owner):
    m = machine().login(owner)  # a token with scope write
    done = m.floe("token", "create")
    assert done.returncode == 1 and 'scope "admin"' in done.stderr
    bad = m.floe("token", "list", env={"FLOE_TOKEN": "flox_pat_" + "a" * 49})
    assert bad.returncode == 1 and "floe auth login" in bad.stderr
    wrong = m.floe("token", "create", "--expires", "tomorrow", env={"FLOE_TOKEN": hub.token(owner.handle, "--scope", "admin")})
    assert wrong.returncode == 1 and wrong.stdout == "" and "90d" in wrong.stderr


def test_the_trail_of_an_owner_says_who_did_what(hub, boss):
    org, bob = hub.new_org(boss.user), hub.new_user()
    boss.floe("member", "set", org, bob.handle, "reader", check=True)
    boss.floe("member", "remove", org, bob.handle, check=True)
    entries = json.loads(boss.floe("org", "audit", org, "--json", check=True).stdout)
    assert [(e["actor"], e["action"], e["object"]) for e in entries[:2]] == [(boss.user.handle, a, bob.handle) for a in ("member.remove", "member.set")]
    one = json.loads(boss.floe("org", "audit", org, "--action", "member.set", "--object", bob.handle, "-n", "1", "--json", check=True).stdout)
    assert len(one) == 1 and one[0]["detail"] == {"role": "reader"}
    table = boss.floe("org", "audit", org, check=True).stdout
    assert "role=reader" in table and "WHEN (UTC)" in table and "127.0.0.1" in table
    assert boss.floe("org", "audit", org, "-n", "x").returncode == 1
