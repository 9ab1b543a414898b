"""Administration of environments while the hub runs, and a hub on an external PostgreSQL."""

import pytest

import bench


@pytest.fixture
def web(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    env.edit(2)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    return m, env


def names(m, hub, owner, token):
    out = m.git("ls-remote", "--heads", f"{hub.git_url}/{owner.handle}/floxmeta", hub=hub, owner=owner.handle, token=token, check=True)
    return sorted(line.split("refs/heads/")[1] for line in out.stdout.splitlines())


def test_a_renamed_environment_is_there_under_its_new_name_alone_and_others_stay(hub, owner, web):
    m, env = web
    other = bench.Environment(m, "other")
    other.generation()
    m.push(hub, owner.handle, other.repo, "HEAD:other", owner.token, check=True)
    hub.admin("env", "rename", f"{owner.handle}/web", "site")
    assert names(m, hub, owner, owner.token) == ["other", "site"]
    m.clone(hub, owner.handle, "site", m.work / "site.git", owner.token, check=True)
    assert m.git("-C", "site.git", "rev-parse", "site", check=True).stdout.strip() == env.tip
    taken = hub.admin("env", "rename", f"{owner.handle}/site", "Other", check=False)
    assert taken.returncode == 1 and names(m, hub, owner, owner.token) == ["other", "site"]


def test_a_deleted_environment_is_gone_at_once_and_comes_back_as_it_was(hub, owner, web):
    m, env = web
    hub.admin("env", "delete", f"{owner.handle}/web")
    assert names(m, hub, owner, owner.token) == []
    gone = m.clone(hub, owner.handle, "web", m.work / "gone.git", owner.token)
    assert "Remote branch web not found" in gone.stderr
    hub.admin("env", "restore", f"{owner.handle}/web")
    m.clone(hub, owner.handle, "web", m.work / "back.git", owner.token, check=True)
    assert m.git("-C", "back.git", "rev-parse", "web", check=True).stdout.strip() == env.tip


def test_a_tip_that_a_forced_push_replaced_can_be_restored(hub, owner, web):
    m, env = web
    lost = env.tip
    other = bench.Environment(m, "web", user="somebody")
    other.generation()
    m.push(hub, owner.handle, other.repo, "HEAD:web", owner.token, "--force", check=True)
    hub.admin("gc")
    hub.admin("env", "restore", f"{owner.handle}/web", "--to", lost)
    m.clone(hub, owner.handle, "web", m.work / "back.git", owner.token, check=True)
    assert m.git("-C", "back.git", "rev-parse", "web", check=True).stdout.strip() == lost
    m.git("-C", "back.git", "fsck", "--strict", check=True)


@pytest.mark.parametrize("visibility, stranger, anonymous, exact", [("public", True, True, True), ("internal", True, False, True),
                                                                     ("unlisted", False, False, True), ("private", False, False, False)])
def test_visibility_holds_at_the_next_request(hub, owner, web, visibility, stranger, anonymous, exact):
    m, env = web
    hub.admin("env", "visibility", f"{owner.handle}/web", visibility)
    other = hub.new_user()
    assert ("web" in names(m, hub, owner, other.token)) is stranger
    assert ("web" in names(m, hub, owner, "")) is anonymous
    assert "web" in names(m, hub, owner, owner.token)
    cloned = m.clone(hub, owner.handle, "web", m.work / f"{visibility}.git", other.token)
    assert (cloned.returncode == 0) is exact, cloned.stderr


def test_a_member_sees_an_organisations_environments_as_long_as_the_role_lasts(hub, machine):
    alice, bob, m = hub.new_user(), hub.new_user(), machine()
    org = bench.Account(hub, hub.new_org(alice), None)
    env = bench.Environment(m, "tools")
    env.generation()
    m.push(hub, org.handle, env.repo, "HEAD:tools", alice.token, check=True)
    assert names(m, hub, org, bob.token) == []
    hub.admin("member", "set", org.handle, bob.handle, "reader")
    assert names(m, hub, org, bob.token) == ["tools"]
    env.edit()
    assert m.push(hub, org.handle, env.repo, "HEAD:tools", bob.token).returncode != 0
    hub.admin("member", "set", org.handle, bob.handle, "writer")
    m.push(hub, org.handle, env.repo, "HEAD:tools", bob.token, check=True)
    hub.admin("member", "remove", org.handle, bob.handle)
    assert names(m, hub, org, bob.token) == []


def test_a_hub_runs_on_an_external_database(hub, new_hub, machine, workshop):
    """The database of another hub's PostgreSQL stands for an organisation's own server."""
    hub.sql("create database elsewhere")
    url = f"host={hub.data / 'postgres-run'} port=5432 dbname=elsewhere user=floe"
    external = new_hub("--database-url", url)
    assert not (external.data / "postgres").exists()
    handle = external.admin("user", "create", "carol", "--database-url", url) and "carol"
    token = external.admin("token", "create", handle, "--database-url", url).stdout.strip()
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    m.push(external, handle, env.repo, "HEAD:web", token, check=True)
    m.clone(external, handle, "web", m.work / "c.git", token, check=True)
    assert url not in external.log()
    external.stop()
    external.start()
    m.clone(external, handle, "web", m.work / "d.git", token, check=True)
    # A second node on the same database serves what the first was given, and hears of what changes there.
    second = new_hub("--database-url", url)
    m.clone(second, handle, "web", m.work / "e.git", token, check=True)
    tip = env.edit()
    m.push(external, handle, env.repo, "HEAD:web", token, check=True)

    def arrived():
        out = m.git("ls-remote", f"{second.git_url}/{handle}/floxmeta", "refs/heads/web", hub=second, owner=handle, token=token)
        return out.stdout.startswith(tip)

    bench.wait_for(arrived, 1)
    external.admin("token", "revoke", "1", "--database-url", url)
    assert second.http("/accounts/api/v1/accounts/me", token=token).status == 401
