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


HELLO = {"install_id": "hello", "store_path": "/nix/store/0000000000000000000000000000aaaa-hello-1", "system": "x86_64-linux", "priority": 5}


def lock(*packages):
    return bench.EMPTY_LOCK.replace('"packages": []', '"packages": ' + json.dumps(packages))


@pytest.fixture
def web(hub, boss):
    """An environment of two generations."""
    env = Environment(boss, "web")
    env.generation('schema-version = "1.15.0"\n\n[vars]\nA = "1"\n')
    env.generation('schema-version = "1.15.0"\n\n[vars]\nA = "2"\n', lock=lock(HELLO), kind="edit")
    boss.push(hub, boss.user.handle, env.repo, "HEAD:web", boss.user.token, check=True)
    env.ref = f"{boss.user.handle}/web"
    return env


def test_environments_are_listed_as_far_as_they_are_seen(hub, boss, web, machine):
    hub.admin("env", "visibility", web.ref, "internal")
    listed = json.loads(boss.floe("env", "list", boss.user.handle, "--json", check=True).stdout)
    assert [(e["name"], e["visibility"], e["generations"], e["live"], e["role"]) for e in listed] == [("web", "internal", 2, 2, "owner")]
    row = next(r for r in boss.floe("env", "list", "-s", "we", check=True).stdout.splitlines() if web.ref in r)
    assert row.split()[:4] == [web.ref, "internal", "2", "2"]
    assert web.ref not in boss.floe("env", "list", "-s", "xyz", check=True).stdout
    assert web.ref not in boss.floe("env", "list", "--visibility", "public", check=True).stdout
    anybody = machine().at(hub)
    assert web.ref not in anybody.floe("env", "list", check=True).stdout
    hidden, absent = anybody.floe("env", "show", web.ref), anybody.floe("env", "show", "nobody/web")
    assert hidden.returncode == absent.returncode == 1 and hidden.stderr == absent.stderr


def test_an_environment_is_shown_with_what_is_stored(boss, web, hub):
    shown = boss.floe("env", "show", web.ref, check=True).stdout
    for text in (rf"Environment: +{web.ref}\n", r"Visibility: +public\n", r"Generations: +2, 2 is live\n", rf"Tip: +{web.tip}\n",
                 rf"Page: +{hub.base}/{web.ref}\n"):
        assert re.search(text, shown), shown
    data = json.loads(boss.floe("env", "show", web.ref, "--json", check=True).stdout)
    assert data["manifest"].endswith('A = "2"\n') and json.loads(data["lock"])["packages"][0]["install_id"] == "hello"


def test_what_an_owner_changes_of_an_environment(hub, boss, web, machine):
    boss.floe("env", "visibility", web.ref, "private", check=True)
    assert hub.http(f"/{web.ref}").status == 404
    wrong = boss.floe("env", "visibility", web.ref, "secret")
    assert wrong.returncode == 1 and "internal" in wrong.stderr
    new = web.ref.replace("/web", "/site")
    done = boss.floe("env", "rename", web.ref, "site", check=True)
    assert f"{web.ref} is {new} now" in done.stderr
    assert boss.floe("env", "show", web.ref).returncode == 1 and boss.floe("env", "show", new).returncode == 0
    boss.floe("env", "delete", "-f", new, check=True)
    assert boss.floe("env", "show", new).returncode == 1
    boss.floe("env", "restore", new, check=True)
    assert f"Tip:           {web.tip}" in boss.floe("env", "show", new, check=True).stdout
    stranger = machine("other").login(hub.new_user())
    for args in (("visibility", new, "public"), ("rename", new, "mine"), ("delete", "-f", new), ("restore", new)):
        assert stranger.floe("env", *args).returncode == 1
    boss.floe("env", "visibility", new, "public", check=True)
    seen = stranger.floe("env", "delete", "-f", new)
    assert seen.returncode == 1 and "Only an owner" in seen.stderr
    actions = [e["action"] for e in json.loads(boss.floe("org", "audit", boss.user.handle, "--json", check=True).stdout)]
    assert {"env.visibility", "env.rename", "env.delete", "env.restore"} <= set(actions)


def test_a_tip_that_a_forced_push_replaced_is_gone_back_to(hub, boss, web):
    other = Environment(boss, "web")
    other.generation()
    boss.push(hub, boss.user.handle, other.repo, "+HEAD:web", boss.user.token, check=True)
    boss.floe("env", "restore", web.ref, "--to", web.tip, check=True)
    assert web.tip in boss.floe("env", "show", web.ref, check=True).stdout
    assert boss.floe("env", "restore", web.ref, "--to", "ab" * 20).returncode == 1


def test_two_generations_are_compared(boss, web):
    for args in ([], ["1"], ["1", "2"]):
        done = boss.floe("env", "diff", web.ref, *args, check=True)
        assert '-A = "1"\n+A = "2"\n' in done.stdout and "--- generation 1" in done.stdout
        assert re.search(r"added +hello +x86_64-linux +/nix/store/\S+hello-1\n", done.stdout)
    back = boss.floe("env", "diff", web.ref, "2", "1", check=True).stdout
    assert '-A = "2"\n+A = "1"\n' in back and re.search(r"removed +hello", back)
    same = boss.floe("env", "diff", web.ref, "2", "2", check=True)
    assert same.stdout == "" and "manifests are the same" in same.stderr and "packages are the same" in same.stderr
    data = json.loads(boss.floe("env", "diff", web.ref, "--json", check=True).stdout)
    assert data["packages"]["added"][0]["id"] == "hello" and '+A = "2"' in data["manifest"]["diff"]
    for args in (["9"], ["x"], ["1", "0"], ["-1"]):
        assert boss.floe("env", "diff", web.ref, *args).returncode in (1, 2)
