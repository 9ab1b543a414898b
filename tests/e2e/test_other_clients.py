"""Other implementations of git as clients: dulwich and libgit2 (pygit2), and git's own older protocol."""

import pytest

import bench


@pytest.fixture
def pushed(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    env.edit(3)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    return m, env


def with_token(hub, owner, token):
    scheme, rest = hub.git_url.split("://")
    return f"{scheme}://oauth:{token}@{rest}/{owner}/floxmeta"


def run_python(m, code, *args):
    return m.run("/usr/bin/python3", "-c", code, *args, check=True, env={"PYTHONWARNINGS": "ignore"}).stdout


def test_dulwich_clones_and_pushes(hub, pushed, owner):
    m, env = pushed
    out = run_python(m, """
import sys
from dulwich import porcelain
from dulwich.repo import Repo
url, into = sys.argv[1:]
repo = porcelain.clone(url, into, bare=True, branch=b"web", errstream=porcelain.NoneStream())
tip = repo.refs[b"refs/heads/web"] if b"refs/heads/web" in repo.refs else repo.refs[b"refs/remotes/origin/web"]
commit = repo[tip]
commit.message = b"a commit of dulwich"
commit.parents = [tip]
repo.object_store.add_object(commit)
repo.refs[b"refs/heads/web"] = commit.id
porcelain.push(repo, url, b"refs/heads/web:refs/heads/web", outstream=porcelain.NoneStream(), errstream=porcelain.NoneStream())
print(tip.decode(), commit.id.decode())
""", with_token(hub, owner.handle, owner.token), m.work / "dulwich.git")
    before, after = out.split()
    assert before == env.tip
    m.clone(hub, owner.handle, "web", m.work / "again.git", owner.token, check=True)
    assert m.git("-C", "again.git", "rev-parse", "web", check=True).stdout.strip() == after
    m.git("-C", "again.git", "fsck", "--strict", check=True)


def test_libgit2_clones_and_pushes(hub, pushed, owner):
    m, env = pushed
    out = run_python(m, """
import sys, pygit2
url, into, token = sys.argv[1:]
class Login(pygit2.RemoteCallbacks):
    def credentials(self, url, username, allowed):
        return pygit2.UserPass("oauth", token)
    def push_update_reference(self, name, message):
        assert message is None, message
repo = pygit2.init_repository(into, bare=True)
repo.remotes.create("origin", url).fetch(callbacks=Login())
tip = repo.references["refs/remotes/origin/web"].target
commit = repo[tip]
who = pygit2.Signature("Flox User", "floxuser@example.invalid", 1760000000, 0)
new = repo.create_commit(None, who, who, "a commit of libgit2", commit.tree.id, [tip])
repo.references.create("refs/heads/web", new, force=True)
repo.remotes["origin"].push(["refs/heads/web:refs/heads/web"], callbacks=Login())
print(tip, new)
""", f"{hub.git_url}/{owner.handle}/floxmeta", m.work / "libgit2.git", owner.token)
    before, after = out.split()
    assert before == env.tip
    m.clone(hub, owner.handle, "web", m.work / "again.git", owner.token, check=True)
    assert m.git("-C", "again.git", "rev-parse", "web", check=True).stdout.strip() == after


def test_git_with_protocol_version_0_clones_fetches_and_is_told_of_missing_branches(hub, pushed, owner):
    m, env = pushed
    old = ["protocol.version=0"]
    m.clone(hub, owner.handle, "web", m.work / "v0.git", owner.token, check=True, config=old)
    assert m.git("-C", "v0.git", "rev-parse", "web", check=True).stdout.strip() == env.tip
    tip = env.edit(2)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    m.git("-C", "v0.git", "fetch", "dynamicorigin", "+web:web", hub=hub, owner=owner.handle, token=owner.token, check=True, config=old)
    assert m.git("-C", "v0.git", "rev-parse", "web", check=True).stdout.strip() == tip
    m.git("-C", "v0.git", "fsck", "--strict", check=True)
    missing = m.clone(hub, owner.handle, "nothere", m.work / "none.git", owner.token, config=old)
    assert missing.returncode != 0 and "Remote branch nothere not found" in missing.stderr


def test_a_plain_clone_of_all_branches_is_whole(hub, pushed, owner):
    m, env = pushed
    second = bench.Environment(m, "second")
    second.generation()
    m.push(hub, owner.handle, second.repo, "HEAD:second", owner.token, check=True)
    m.git("clone", "-q", "--mirror", f"{hub.git_url}/{owner.handle}/floxmeta", "all.git", hub=hub, owner=owner.handle, token=owner.token, check=True)
    refs = m.git("-C", "all.git", "for-each-ref", "--format=%(refname) %(objectname)", check=True).stdout.split("\n")
    assert f"refs/heads/web {env.tip}" in refs and f"refs/heads/second {second.tip}" in refs
    m.git("-C", "all.git", "fsck", "--strict", check=True)


def test_the_recorded_repositories_of_the_official_client_are_taken_and_given_back_byte_for_byte(hub, machine):
    bundles = bench.need_shared("data/observed")
    m = machine()
    for bundle in sorted(bundles.glob("floxmeta-*.bundle")):
        owner = hub.new_user()
        source = m.work / f"{bundle.stem}.git"
        m.git("clone", "-q", "--mirror", bundle, source, check=True)
        branches = m.git("-C", source, "for-each-ref", "--format=%(refname:short)", "refs/heads", check=True).stdout.split()
        assert branches
        for branch in branches:
            m.push(hub, owner.handle, source, f"{branch}:{branch}", owner.token, check=True)
        back = m.work / f"{bundle.stem}-back.git"
        m.git("clone", "-q", "--mirror", f"{hub.git_url}/{owner.handle}/floxmeta", back, hub=hub, owner=owner.handle, token=owner.token, check=True)
        listing = ["cat-file", "--batch-check", "--batch-all-objects", "--unordered"]
        theirs, ours = (set(m.git("-C", r, *listing, check=True).stdout.split("\n")) for r in (source, back))
        reachable = set(m.git("-C", source, "rev-list", "--objects", "--branches", "--no-object-names", check=True).stdout.split())
        assert ours - {""} == {o for o in theirs if o.split(" ")[0] in reachable}
        m.git("-C", back, "fsck", "--strict", check=True)

