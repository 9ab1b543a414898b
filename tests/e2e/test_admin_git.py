"""git export and git import: an owner's environments as a git repository, and back."""

import json
import os
import shutil
import subprocess

import pytest

import bench


def place(hub, name="place"):
    """A folder that the hub's user may write in."""
    return hub.workshop.folder(name)


def give(hub, path):
    """Lets the hub's user read what a machine made."""
    subprocess.run(["chmod", "-R", "a+rX", path], check=True)
    return path


def git(repo, *args, check=True, **kwargs):
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null",
           "GIT_AUTHOR_NAME": "F", "GIT_AUTHOR_EMAIL": "f@example.invalid", "GIT_COMMITTER_NAME": "F",
           "GIT_COMMITTER_EMAIL": "f@example.invalid", "GIT_AUTHOR_DATE": "1760000000 +0000",
           "GIT_COMMITTER_DATE": "1760000000 +0000", **kwargs.pop("env", {})}
    done = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(repo), *map(str, args)], capture_output=True, text=True,
                          env=env, **kwargs)
    if check:
        assert done.returncode == 0, done.stderr
    return done.stdout.strip() if check else done


def refs(repo):
    return dict(reversed(line.split(" ", 1)) for line in git(repo, "for-each-ref", "--format=%(objectname) %(refname)").splitlines())


def reachable(repo):
    """Every reachable object with its type and size, and its bytes by the id's own hash."""
    ids = [line.split()[0] for line in git(repo, "rev-list", "--objects", "--all").splitlines()]
    return sorted(git(repo, "cat-file", "--batch-check", input="\n".join(ids) + "\n").splitlines())


def exported(hub, owner):
    target = place(hub) / "repo"
    hub.admin("git", "export", owner, target)
    return target


def imported(hub, owner, repo, *options, check=True):
    return hub.admin("git", "import", owner, repo, *options, check=check)


def results(done):
    return {item["name"]: item["result"] for item in json.loads(done.stdout)}


@pytest.fixture
def env(machine):
    return lambda name="web", generations=2: make_env(machine(), name, generations)


def make_env(m, name, generations=2):
    e = bench.Environment(m, name)
    e.generation()
    e.edit(generations - 1)
    return e


def push(hub, owner, e, *options):
    done = e.machine.push(hub, owner.handle, e.repo, f"{e.name}:{e.name}", owner.token, *options)
    assert done.returncode == 0, done.stderr
    return e


def test_an_export_is_a_sound_bare_repository_with_the_objects_that_were_pushed(hub, owner, env, machine):
    one, two = push(hub, owner, env("web", 5)), push(hub, owner, env("api", 3))
    target = exported(hub, owner.handle)
    assert git(target, "fsck", "--strict", "--full") == ""
    assert refs(target) == {"refs/heads/web": one.tip, "refs/heads/api": two.tip}
    for e in (one, two):
        assert git(target, "rev-list", "--objects", e.tip) == git(e.repo, "rev-list", "--objects", e.tip)
    packs = [p.suffix for p in (target / "objects" / "pack").iterdir()]
    assert sorted(packs) == [".idx", ".pack"]
    assert git(target, "rev-parse", "--is-bare-repository") == "true"
    m = machine()
    shutil.copytree(target, m.work / "copy")
    subprocess.run(["git", "clone", "-q", str(m.work / "copy"), str(m.work / "clone")], check=True)
    assert [p.name for p in target.parent.iterdir()] == ["repo"], "nothing temporary is left"
    assert target.stat().st_mode & 0o077 == 0, "it holds private environments"


def test_an_owner_without_environments_exports_an_empty_repository(hub, owner):
    target = exported(hub, owner.handle)
    assert refs(target) == {}
    assert git(target, "fsck", "--strict") == ""


def test_an_export_goes_only_where_nothing_is(hub, owner, env):
    push(hub, owner, env())
    busy = place(hub)
    (busy / "file").write_text("mine")
    done = hub.admin("git", "export", owner.handle, busy, check=False)
    assert done.returncode == 1 and "not empty" in done.stderr
    assert [p.name for p in busy.iterdir()] == ["file"]
    empty = place(hub) / "empty"
    empty.mkdir(mode=0o777)
    empty.chmod(0o777)
    hub.admin("git", "export", owner.handle, empty)
    assert len(refs(empty)) == 1
    done = hub.admin("git", "export", "nobody-here", place(hub) / "x", check=False)
    assert done.returncode == 1 and "nobody-here" in done.stderr


def test_visibility_and_age_come_back_with_an_import(hub, owner, env):
    push(hub, owner, env("web")), push(hub, owner, env("api"))
    hub.admin("env", "visibility", f"{owner.handle}/web", "private")
    hub.admin("env", "visibility", f"{owner.handle}/api", "unlisted")
    hub.sql("UPDATE environment SET created_at = to_timestamp(1700000000) WHERE name = 'web'")
    target = exported(hub, owner.handle)
    note = json.loads((target / "floe-export.json").read_text())
    assert note["owner"] == owner.handle
    assert {e["name"]: e["visibility"] for e in note["environments"]} == {"web": "private", "api": "unlisted"}

    other = hub.new_user()
    imported(hub, other.handle, target)
    rows = hub.sql("SELECT e.name, e.visibility, extract(epoch FROM e.created_at)::bigint FROM environment e JOIN owner o "
                   f"ON o.id = e.owner_id WHERE o.handle = '{other.handle}' ORDER BY 1").splitlines()
    assert rows[0].startswith("api|3|") and rows[1] == "web|4|1700000000"
    third = hub.new_user()
    imported(hub, third.handle, target, "--visibility", "internal")
    assert hub.sql(f"SELECT DISTINCT visibility FROM environment e JOIN owner o ON o.id = e.owner_id WHERE handle = "
                   f"'{third.handle}'") == "2"


@pytest.mark.parametrize("who", ["alice", "acme"])
def test_what_the_official_client_pushed_goes_in_and_out_unchanged(hub, owner, machine, who):
    bundle = bench.need_shared(f"data/observed/floxmeta-{who}.bundle")
    source = place(hub) / "mirror"
    subprocess.run(["git", "clone", "-q", "--mirror", str(bundle), str(source)], check=True)
    give(hub, source)
    imported(hub, owner.handle, source)
    first = exported(hub, owner.handle)
    assert refs(first) == refs(source) and reachable(first) == reachable(source)
    again = hub.new_user()
    imported(hub, again.handle, first)
    second = exported(hub, again.handle)
    assert refs(second) == refs(source) and reachable(second) == reachable(source)
    assert git(second, "fsck", "--strict", "--full") == ""
    m = machine()
    for ref in refs(source):
        name = ref.removeprefix("refs/heads/")
        assert m.clone(hub, again.handle, name, m.work / name, token=again.token).returncode == 0
        assert git(m.work / name, "rev-parse", name) == refs(source)[ref]
    assert json.loads(hub.admin("fsck", "--deep", "--json").stdout)["faults"] == []


def test_a_work_tree_with_loose_objects_and_refs_is_taken(hub, owner, env):
    e = env("web", 4)
    assert not list((e.repo / ".git" / "objects" / "pack").iterdir())
    assert results(imported(hub, owner.handle, give(hub, e.repo), "--json")) == {"web": "created"}
    target = exported(hub, owner.handle)
    assert refs(target) == {"refs/heads/web": e.tip}
    assert reachable(target) == reachable(e.repo)


def test_a_repository_that_borrows_objects_is_taken(hub, owner, env):
    e = env("web", 3)
    borrower = place(hub) / "borrower"
    subprocess.run(["git", "clone", "-q", "--shared", "--bare", str(e.repo), str(borrower)], check=True)
    give(hub, e.repo), give(hub, borrower)
    imported(hub, owner.handle, borrower)
    assert refs(exported(hub, owner.handle)) == {"refs/heads/web": e.tip}


def test_deltas_and_several_packs_are_taken(hub, owner, env):
    e = env("web", 12)
    git(e.repo, "repack", "-adq", "--depth=50")
    e.edit(3)
    git(e.repo, "repack", "-dq")
    e.edit(1)
    assert len(list((e.repo / ".git" / "objects" / "pack").glob("*.pack"))) == 2
    imported(hub, owner.handle, give(hub, e.repo))
    target = exported(hub, owner.handle)
    assert reachable(target) == reachable(e.repo)


def test_an_environment_with_other_generations_is_replaced_only_by_force(hub, owner, env):
    first = push(hub, owner, env("web", 2))
    other, fresh = env("web", 3), env("api", 2)
    git(other.repo, "fetch", "-q", fresh.repo, "api:api")
    give(hub, other.repo)
    done = imported(hub, owner.handle, other.repo, check=False)
    assert done.returncode == 1 and "web" in done.stderr and "--force" in done.stderr
    assert refs(exported(hub, owner.handle)) == {"refs/heads/web": first.tip}, "all or nothing"

    assert results(imported(hub, owner.handle, other.repo, "--env", "api", "--json")) == {"api": "created"}
    done = imported(hub, owner.handle, other.repo, "--force", "--json")
    assert results(done) == {"api": "unchanged", "web": "replaced"}
    assert refs(exported(hub, owner.handle)) == {"refs/heads/web": other.tip, "refs/heads/api": fresh.tip}
    assert results(imported(hub, owner.handle, other.repo, "--json")) == {"api": "unchanged", "web": "unchanged"}
    hub.admin("env", "restore", f"{owner.handle}/web", "--to", first.tip)
    assert refs(exported(hub, owner.handle))["refs/heads/web"] == first.tip


def test_an_import_brings_an_environment_up_to_date_with_what_is_new_alone(hub, owner, env):
    e = push(hub, owner, env("web", 20))
    before = int(hub.sql("SELECT max(id) FROM git_pack"))
    e.edit(1)
    imported(hub, owner.handle, give(hub, e.repo), "--force")
    objects = hub.sql(f"SELECT objects FROM git_pack WHERE id > {before}").split()
    assert len(objects) == 1 and int(objects[0]) < 10
    assert refs(exported(hub, owner.handle)) == {"refs/heads/web": e.tip}


def test_broken_metadata_is_kept_and_marked(hub, owner, env, machine):
    e = env("web", 2)
    (e.repo / "metadata.json").write_text("{ not json")
    git(e.repo, "commit", "-qam", "break it")
    good = env("api", 2)
    git(e.repo, "fetch", "-q", good.repo, "api:api")
    done = imported(hub, owner.handle, give(hub, e.repo), "--json")
    items = {i["name"]: i for i in json.loads(done.stdout)}
    assert items["web"]["broken"] and not items["api"].get("broken")
    assert hub.sql("SELECT count(*) FROM generation_metadata g JOIN environment e ON e.id = g.env_id JOIN owner o ON o.id = "
                   f"e.owner_id WHERE o.handle = '{owner.handle}' AND g.broken IS NOT NULL") == "1"
    assert hub.admin("env", "list", owner.handle).returncode == 0
    m = machine()
    assert m.clone(hub, owner.handle, "web", m.work / "c", token=owner.token).returncode == 0
    assert git(m.work / "c", "show", "web:metadata.json") == "{ not json"
    assert json.loads(hub.admin("fsck", "--deep", "--json").stdout)["faults"] == []


@pytest.mark.parametrize("what", ["symlink", "submodule", "dotgit", "missing", "corrupt"])
def test_what_a_push_may_not_bring_an_import_may_not_either(hub, owner, env, what):
    e, good = env("web", 2), env("api", 2)
    git(e.repo, "fetch", "-q", good.repo, "api:api")
    blob = git(e.repo, "rev-parse", "HEAD:metadata.json")
    if what == "missing":
        path = e.repo / ".git" / "objects" / blob[:2] / blob[2:]
        path.unlink()
    elif what == "corrupt":
        path = e.repo / ".git" / "objects" / blob[:2] / blob[2:]
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-9] + b"123456789")
    else:
        mode, name = {"symlink": ("120000", "link"), "submodule": ("160000", "sub"), "dotgit": ("100644", ".GIT")}[what]
        oid = e.tip if what == "submodule" else blob
        listing = git(e.repo, "ls-tree", "HEAD") + f"\n{mode} {'commit' if what == 'submodule' else 'blob'} {oid}\t{name}\n"
        tree = git(e.repo, "mktree", input=listing)
        git(e.repo, "update-ref", "refs/heads/web", git(e.repo, "commit-tree", tree, "-p", "HEAD", "-m", "bad"))
    done = imported(hub, owner.handle, give(hub, e.repo), check=False)
    assert done.returncode == 1 and done.stderr.strip(), done.stderr
    assert "Traceback" not in done.stderr and "internal" not in done.stderr.lower()
    if what == "corrupt":
        assert blob[2:] in done.stderr, "the file that was left out is named"
    assert refs(exported(hub, owner.handle)) == {}
    assert os.listdir(hub.data / "tmp") == [] or not [n for n in os.listdir(hub.data / "tmp") if n.startswith("import")]


def test_a_branch_that_cannot_be_an_environment_is_named(hub, owner, env):
    e = env("web", 2)
    git(e.repo, "branch", "feature/x")
    done = imported(hub, owner.handle, give(hub, e.repo), check=False)
    assert done.returncode == 1 and "feature/x" in done.stderr and "--env" in done.stderr
    imported(hub, owner.handle, e.repo, "--env", "web")
    done = imported(hub, owner.handle, e.repo, "--env", "absent", check=False)
    assert done.returncode == 1 and "absent" in done.stderr


def test_what_is_no_repository_is_refused_with_a_reason(hub, owner, env):
    empty = place(hub)
    assert "not a git repository" in imported(hub, owner.handle, empty, check=False).stderr
    e = env("web", 3)
    shallow = place(hub) / "shallow"
    subprocess.run(["git", "clone", "-q", "--bare", "--depth=1", f"file://{e.repo}", str(shallow)], check=True)
    assert "--unshallow" in imported(hub, owner.handle, give(hub, shallow), check=False).stderr
    sha256 = place(hub) / "sha256"
    subprocess.run(["git", "init", "-q", "--object-format=sha256", "-b", "web", str(sha256)], check=True)
    git(sha256, "commit", "-q", "--allow-empty", "-m", "x")
    assert "SHA-256" in imported(hub, owner.handle, give(hub, sha256), check=False).stderr
    give(hub, e.repo)
    assert imported(hub, "nobody-here", e.repo, check=False).returncode == 1


def test_more_objects_than_a_push_may_bring_are_taken_in_several_packs_and_become_one(hub, owner):
    repo = place(hub) / "big"
    subprocess.run(["git", "init", "-q", "--bare", str(repo)], check=True)
    stream = []
    for n in range(1, 6801):
        stream.append(f"commit refs/heads/web\ncommitter F <f@example.invalid> {1760000000 + n} +0000\ndata 1\nx\n"
                      f"M 100644 inline metadata.json\ndata <<E\n{{\"version\":2,\"history\":[],\"total_generations\":0,\"n\":{n}}}\nE\n")
    git(repo, "fast-import", "--quiet", input="".join(stream))
    assert len(git(repo, "rev-list", "--objects", "--all").splitlines()) == 3 * 6800
    imported(hub, owner.handle, give(hub, repo))
    packs = hub.sql(f"SELECT count(*) FROM git_pack p JOIN owner o ON o.id = p.owner_id WHERE handle = '{owner.handle}'")
    assert packs == "2"
    target = exported(hub, owner.handle)
    assert refs(target) == refs(repo) and git(target, "fsck", "--strict", "--full") == ""
    assert len(list((target / "objects" / "pack").glob("*.pack"))) == 1
    hub.admin("gc")
    assert hub.sql(f"SELECT count(*) FROM git_pack p JOIN owner o ON o.id = p.owner_id WHERE handle = '{owner.handle}'") == "1"
    assert json.loads(hub.admin("fsck", "--deep", "--json").stdout)["faults"] == []


def test_an_import_while_others_push_loses_neither(hub, owner, env):
    pushed, brought = env("web", 2), [env(f"in{i}", 2) for i in range(3)]
    push(hub, owner, pushed)
    for e in brought:
        give(hub, e.repo)
        running = subprocess.Popen([str(hub.workshop.bin / "floe-server"), "git", "import", owner.handle, str(e.repo), "--data",
                                    str(hub.data)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=hub.environment(), cwd="/", **hub.workshop.service())
        for _ in range(3):
            pushed.edit(1)
            push(hub, owner, pushed)
        out, err = running.communicate(timeout=60 * bench.SLOW)
        assert running.returncode == 0, err
    assert refs(exported(hub, owner.handle)) == {f"refs/heads/{e.name}": e.tip for e in [pushed, *brought]}


def test_what_a_compaction_leaves_out_is_not_what_env_restore_can_bring_back(hub, owner, machine):
    """A deleted environment can be restored until gc has taken its row, however many compactions come before."""
    m = machine()
    gone, kept = bench.Environment(m, "gone"), bench.Environment(m, "kept")
    for env in (gone, kept):
        env.generation(manifest=f'schema-version = "1.15.0"\n# {env.name}\n')
        m.push(hub, owner.handle, env.repo, f"HEAD:{env.name}", owner.token, check=True)
    hub.admin(f"env delete {owner.handle}/gone")
    of_owner = f"owner_id = (select id from owner where handle = '{owner.handle}')"
    hub.sql(f"update environment set deleted_at = deleted_at - interval '91 days' where {of_owner} and deleted_at is not null; "
            f"update ref_log set at = at - interval '91 days' where {of_owner} and name = 'gone'")
    packs = f"select count(*) from git_pack where {of_owner}"
    for _ in range(40):
        kept.edit()
        m.push(hub, owner.handle, kept.repo, "HEAD:kept", owner.token, check=True)
        if int(hub.sql(packs)) > 24:
            bench.wait_for(lambda: int(hub.sql(packs)) < 5)
            break
    hub.admin(f"env restore {owner.handle}/gone")
    for env in (gone, kept):
        m.clone(hub, owner.handle, env.name, m.folder(f"clone-{env.name}"), owner.token, check=True)
    hub.admin("fsck", "--deep")
