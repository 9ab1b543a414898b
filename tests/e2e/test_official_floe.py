"""floe and the official client on the same folders: what one leaves the other continues, and both write the same bytes."""

import concurrent.futures
import json
import re
import shutil
import subprocess

import pytest

import bench
from official import GREET, LS, M1, M2, M3, SCHEMA, Flox, alice, bob, desk, manifest_of, needs_flox, needs_newest_schema, requests  # noqa: F401

pytestmark = needs_flox


class Floe(Flox):
    """floe with the folders of an official client's machine."""

    def __init__(self, flox, workshop):
        super().__init__(flox.hub, flox.machine, flox.token)
        self.bin = workshop.bin / "floe"

    def __call__(self, *args, cwd, check=True, input=None, token=None):
        m, start = self.machine, len(self.hub.access_log())
        for name in ("home", "run"):
            (m / name).mkdir(parents=True, exist_ok=True)
        env = {k: v for k, v in bench.os.environ.items() if not k.startswith(("FLOE_", "FLOX_", "GIT_", "XDG_"))}
        env.update(HOME=str(m / "home"), XDG_RUNTIME_DIR=str(m / "run"), FLOX_FLOXHUB_URL=self.hub.url, FLOX_SYSTEM_CONFIG_DIR="",
                   FLOX_FLOXHUB_TOKEN=self.token if token is None else token,
                   **{f"XDG_{n.upper()}_HOME": str(m / n) for n in ("config", "cache", "data", "state")})
        done = subprocess.run([str(self.bin), *map(str, args)], cwd=cwd, input=input, capture_output=True, text=True, env=env,
                              timeout=60 * bench.SLOW)
        self.asked = requests(self.hub, start)
        if check:
            assert done.returncode == 0, (args, done.returncode, done.stdout, done.stderr)
        return done


@pytest.fixture
def both(desk, workshop):
    """both("a", alice): the two clients of one machine."""

    def make(name, who=None):
        flox = desk(name, who)
        return flox, Floe(flox, workshop)

    return make


def git(repo, *args):
    return subprocess.run(["git", "-C", str(repo), *args], capture_output=True, text=True, check=True).stdout


def files(folder, *but):
    """What a .flox holds that is kept, with ids that depend on the second made equal."""
    found = {}
    for p in sorted((folder / ".flox").rglob("*")):
        name = p.relative_to(folder / ".flox").as_posix()
        if p.is_file() and name.split("/")[0] not in ("run", "cache", "log", "lib", *but):
            text = p.read_text()
            found[name] = re.sub(r'"[0-9a-f]{40}"', '"ID"', text) if name == "env.lock" else text
    return found


def story(repo, branch):
    """The commits of a branch without their instants, and all files of the last."""
    log = git(repo, "log", "--reverse", "--format=%an <%ae>|%cn <%ce>|%ad|%cd|%B%x00", "--date=format:%z", branch)
    metadata = json.loads(git(repo, "show", f"{branch}:metadata.json"))
    tree = git(repo, "ls-tree", "-r", branch)
    raw = re.sub(r'"timestamp":\d+', '"timestamp":0', git(repo, "show", f"{branch}:metadata.json"))
    shape = [line for line in tree.splitlines() if not line.endswith("metadata.json")]
    return {"log": log, "metadata": raw, "tree": shape, "total": metadata["total_generations"]}


def own_branch(flox, owner, name):
    names = git(flox.clone(owner), "for-each-ref", "--format=%(refname:short)", f"refs/heads/{name}.*").split()
    assert len(names) == 1, names
    return names[0]


def test_the_same_operations_write_the_same_bytes(hub, both, desk, alice, bob):
    sides = []
    for kind, who in ((0, alice), (1, bob)):
        client = both("flox" if kind == 0 else "floe", who)[kind]
        top = desk.folder(f"s{kind}")
        seen = []

        def look(what, folder, *but):
            def plain(text):
                return text.replace(who.handle, "OWNER").replace(str(top), "TOP")
            seen.append((what, {n: plain(t) for n, t in files(folder, *but).items()}))

        web, text = top / "web", top / "m.toml"
        web.mkdir()
        client("init", cwd=web)
        look("init", web, "env", "telemetry_id")
        for step, manifest in (("edit", M1), ("edit again", M1 + "# more\n")):
            text.write_text(manifest)
            client("edit", "-f", text, cwd=web)
            look(step, web, "telemetry_id")
        client("push", cwd=web)
        look("push", web, "telemetry_id")
        text.write_text(M2)
        client("edit", "-f", text, cwd=web)
        look("edit after the push", web, "telemetry_id")
        client("push", cwd=web)
        look("push again", web, "telemetry_id")
        client("generations", "rollback", cwd=web)
        client("generations", "switch", "2", cwd=web)
        client("generations", "rollback", cwd=web)
        look("rollback", web, "telemetry_id")
        client("push", cwd=web)
        text.write_text(M3)
        client("edit", "-f", text, cwd=web)
        client("push", cwd=web)
        look("push after the rollback", web, "telemetry_id")
        for options in ((), ("--copy",), ("--copy", "-g", "1"), ("--force",)):
            into = top / ("pull" + "".join(options))
            into.mkdir()
            client("pull", *options, f"{who.handle}/web", cwd=into)
            look(into.name, into, "telemetry_id")
        client("activate", "-t", "-r", f"{who.handle}/web", "--", "true", cwd=top)
        client.wait()
        look("reference", client.machine / f"cache/flox/remote/{who.handle}/web")
        mine = story(client.clone(who), "web")
        seen.append(("branch", {k: str(v).replace(str(top), "TOP") for k, v in mine.items()}))
        refs = git(client.clone(who), "for-each-ref", "--format=%(refname)")
        seen.append(("refs", {"names": re.sub(r"\.[0-9a-f]{8}", ".HASH", refs)}))
        sides.append(seen)
    unlike = {(what, name): (flox.get(name), floe.get(name)) for (what, flox), (_, floe) in zip(*sides)
              for name in flox.keys() | floe.keys() if flox.get(name) != floe.get(name)}
    # floe's lock names what the hub has, so that it opens on other machines too; and it spares a version control the rest
    assert unlike.keys() == {("push again", "env.lock"), ("push after the rollback", "env.lock"), ("pull", ".gitignore"),
                             ("pull--force", ".gitignore"), ("reference", ".gitignore")}
    for what in ("push again", "push after the rollback"):
        theirs, ours = unlike[what, "env.lock"]
        assert theirs.replace('"local_rev": "ID"', '"local_rev": null') == ours


def test_a_folder_made_by_flox_is_continued_by_floe_and_back(hub, both, desk, alice):
    flox, floe = both("a", alice)
    web = flox.pushed(desk.dir / "web")
    branch = own_branch(flox, alice, "web")
    floe.edit(web, M2)
    assert own_branch(flox, alice, "web") == branch
    assert "2 (live)" in flox("generations", "list", cwd=web).stdout
    flox.edit(web, M3)
    assert len(json.loads(floe("generations", "list", "--json", cwd=web).stdout)) == 3
    floe("push", cwd=web)
    flox("push", cwd=web)
    assert flox.asked[-3:] == LS and "receive" not in flox.asked
    flox("generations", "rollback", cwd=web)
    assert manifest_of(web) == M2
    floe("push", cwd=web)
    other, there = both("b", alice)
    copy = desk.folder("copy")
    there("pull", f"{alice.handle}/web", cwd=copy)
    assert manifest_of(copy) == M2
    assert other("activate", "-t", *GREET, cwd=copy).stdout == "good day\n"
    other.wait()
    other("generations", "switch", "1", cwd=copy)
    there("push", cwd=copy)
    floe("pull", cwd=web)
    assert manifest_of(web) == M1
    assert "already up to date" in flox("pull", cwd=web).stderr
    assert own_branch(flox, alice, "web") == branch


def test_a_folder_made_by_floe_is_continued_by_flox_and_back(hub, both, desk, alice):
    flox, floe = both("a", alice)
    web = floe.pushed(desk.dir / "web")
    branch = own_branch(flox, alice, "web")
    lock = (web / ".flox/env/manifest.lock").read_bytes()
    flox("list", cwd=web)
    assert flox.asked == [] and (web / ".flox/env/manifest.lock").read_bytes() == lock
    assert flox("activate", "-t", *GREET, cwd=web).stdout == "hello\n"
    flox.wait()
    assert (web / ".flox/env/manifest.lock").read_bytes() == lock
    flox.edit(web, M2)
    floe.edit(web, M3)
    flox("push", cwd=web)
    assert "already up to date" in floe("pull", cwd=web).stderr
    floe("generations", "rollback", cwd=web)
    flox("push", cwd=web)
    copy = desk.folder("copy")
    other, there = both("b", alice)
    other("pull", f"{alice.handle}/web", cwd=copy)
    assert manifest_of(copy) == M2
    there.edit(copy, M1 + "# from there\n")
    other.edit(copy, M1 + "# and on\n")
    there("push", cwd=copy)
    flox("pull", cwd=web)
    assert manifest_of(web) == M1 + "# and on\n"
    assert own_branch(flox, alice, "web") == branch
    history = flox("generations", "history", cwd=web).stdout
    assert history.count("manually edited the manifest") == 4 and "changed current generation 3 -> 2" in history


def test_references_of_one_machine_are_the_same_for_both(hub, both, desk, alice):
    flox, floe = both("a", alice)
    flox.pushed(desk.dir / "web")
    here, name, text = desk.folder("here"), f"{alice.handle}/web", desk.dir / "m.toml"
    other, there = both("b", alice)
    there("activate", "-t", "-r", name, "--", "true", cwd=here)
    assert other("activate", "-t", "-r", name, *GREET, cwd=here).stdout == "hello\n"
    assert other.asked + other.wait() == LS, "the check for upgrades in the background"
    text.write_text(M2)
    other("edit", "-r", name, "-f", text, cwd=here)
    assert there("activate", "-t", "-r", name, *GREET, cwd=here).stdout == "good day\n"
    there("push", "-r", name, cwd=here)
    other("push", "-r", name, cwd=here)
    assert "receive" not in other.asked
    text.write_text(M3)
    there("edit", "-r", name, "-f", text, cwd=here)
    other("push", "-r", name, cwd=here)
    floe("pull", cwd=desk.dir / "web")
    assert flox("activate", "-t", *GREET, cwd=desk.dir / "web").stdout == "good night\n"
    flox.wait()


def test_either_activates_after_the_other_what_is_on_no_hub(both, desk):
    flox, floe = both("a")
    web = flox.made(desk.dir / "web")
    for client in (floe, flox, floe, flox):
        assert client("activate", *GREET, cwd=web).stdout == "hello\n"
    flox.wait()
    floe.edit(web, M2)
    for client in (floe, flox, floe):
        assert client("activate", *GREET, cwd=web).stdout == "good day\n"
    flox.edit(web, M3)
    for client in (floe, flox, floe):
        assert client("activate", *GREET, cwd=web).stdout == "good night\n"


def test_divergence_is_seen_and_settled_by_either(hub, both, desk, alice):
    flox, floe = both("a", alice)
    other, there = both("b", alice)
    web, copy = flox.pushed(desk.dir / "web"), desk.folder("copy")
    other("pull", f"{alice.handle}/web", cwd=copy)
    flox.edit(web, M2)
    there.edit(copy, M3)
    there("push", cwd=copy)
    assert "diverged" in flox.fails("push", cwd=web) and "diverged" in floe.fails("push", cwd=web)
    assert "diverged" in flox.fails("pull", cwd=web) and "diverged" in floe.fails("pull", cwd=web)
    flox("push", "--force", cwd=web)
    assert "diverged" in there.fails("pull", cwd=copy)
    there("pull", "--force", cwd=copy)
    assert manifest_of(copy) == M2
    assert "already up to date" in other("pull", cwd=copy).stderr
    other.edit(copy, M1)
    floe.edit(web, M3)
    other("push", cwd=copy)
    floe("push", "--force", cwd=web)
    other("pull", "--force", cwd=copy)
    assert manifest_of(copy) == M3


@pytest.mark.parametrize("kind", [0, 1], ids=["flox", "floe"])
def test_a_lock_in_a_project_opens_after_later_pushes_and_not_after_a_forced_one(hub, both, desk, alice, kind):
    flox, floe = both("a", alice)
    web = flox.pushed(desk.dir / "web")
    kept = {n: (web / ".flox" / n).read_bytes() for n in ("env.json", "env.lock")}
    floe.edit(web, M2)
    flox("push", cwd=web)

    def checkout(name):
        folder = desk.folder(name)
        (folder / ".flox").mkdir()
        for n, data in kept.items():
            (folder / ".flox" / n).write_bytes(data)
        return folder

    old = both("b", alice)[kind]
    assert old("activate", "-t", *GREET, cwd=checkout("p1")).stdout == "hello\n"
    old.wait()
    replaced = both("c", alice)[1 - kind].made(desk.dir / "q" / "web", M3)
    both("c", alice)[1 - kind]("push", "--force", cwd=replaced)
    fresh = both("d", alice)[kind]
    folder = checkout("p2")
    told = fresh.fails("activate", "-t", *GREET, cwd=folder)
    assert "version" in told and "exist" in told, told
    assert old("activate", "-t", *GREET, cwd=desk.dir / "p1").stdout == "hello\n"
    old.wait()
    assert "diverged" in old.fails("pull", cwd=desk.dir / "p1")
    old("pull", "--force", cwd=desk.dir / "p1")
    assert manifest_of(desk.dir / "p1") == M3


def test_edits_by_hand_are_seen_by_both(hub, both, desk, alice):
    flox, floe = both("a", alice)
    web = flox.pushed(desk.dir / "web")
    (web / ".flox/env/manifest.toml").write_text(M2)
    for client in (flox, floe):
        assert "--sync" in client.fails("push", cwd=web) or "sync" in client.fails("push", cwd=web)
    floe("edit", "--sync", cwd=web)
    flox("push", cwd=web)
    (web / ".flox/env/manifest.toml").write_text(M3)
    flox("edit", "--sync", cwd=web)
    floe("push", cwd=web)
    (web / ".flox/env/manifest.toml").write_text(M1)
    floe("edit", "--reset", cwd=web)
    assert manifest_of(web) == M3
    flox("push", cwd=web)
    assert "receive" not in flox.asked


def test_an_environment_with_includes_made_by_flox_is_pulled_and_pushed_by_floe(hub, both, desk, alice):
    flox, floe = both("a", alice)
    flox.pushed(desk.dir / "inc")
    comp = flox.made(desk.dir / "comp", SCHEMA + f'[include]\nenvironments = [{{ remote = "{alice.handle}/inc" }}]\n')
    floe("push", cwd=comp)
    there = both("b", alice)[1]
    copy = desk.folder("copy")
    there("pull", f"{alice.handle}/comp", cwd=copy)
    assert (copy / ".flox/env/manifest.lock").read_bytes() == (comp / ".flox/env/manifest.lock").read_bytes()
    assert there("activate", "-t", *GREET, cwd=copy).stdout == "hello\n"
    flox("pull", cwd=comp)
    assert "already up to date" in flox("pull", cwd=comp).stderr


def test_both_compose_the_same_bytes(hub, both, desk, alice):
    """Overrides of every kind, a pinned generation, and composing manifests of old schemas that an include outgrows."""
    needs_newest_schema(desk)
    flox, floe = both("a", alice)
    low = SCHEMA + """
minimum-cli-version = "1.0.0"
[vars]
A = "low"
B = "low"
[hook]
on-activate = "export O=low"
[profile]
common = "low"
deactivate.common = "low"
[options]
systems = ["x86_64-linux"]
allow.unfree = true
[containerize.config]
exposed-ports = ["80"]
labels = { a = "low", b = "low" }
"""
    web = flox.pushed(desk.dir / "low", low)
    flox.edit(web, low + '[plugins]\np.q = 1\n')
    flox("push", cwd=web)
    leaving = flox.made(desk.dir / "leaving", 'schema-version = "1.15.0"\n[hook]\non-deactivate = "true"\n')
    high = """
[vars]
B = "high"
[hook]
on-activate = "export O=$O,high"
[profile]
deactivate.common = "high"
[options]
systems = ["x86_64-linux", "aarch64-linux"]
[containerize.config]
exposed-ports = ["443"]
labels.a = "high"
"""
    for name, manifest in {
        "newest": f'{SCHEMA}{high}[include]\nenvironments = [{{ remote = "{alice.handle}/low" }}]\n',
        "pinned": f'{SCHEMA}[include]\nenvironments = [{{ remote = "{alice.handle}/low", generation = 1, name = "n" }}]\n',
        "old": f'schema-version = "1.10.0"\n[include]\nenvironments = [{{ remote = "{alice.handle}/low" }}]\n',
        "oldest": f'version = 1\n[include]\nenvironments = [{{ dir = "{leaving}" }}]\n',
        "kept": f'version = 1\n[vars]\nX = "1"\n[include]\nenvironments = [{{ dir = "{desk.dir / "plain"}", name = "p" }}]\n',
    }.items():
        if name == "kept":
            flox.made(desk.dir / "plain", 'version = 1\n[vars]\nX = "0"\n')
        ours, theirs = (client.made(desk.dir / who / name, manifest) for who, client in (("ours", floe), ("theirs", flox)))
        assert (ours / ".flox/env/manifest.lock").read_text() == (theirs / ".flox/env/manifest.lock").read_text(), name
        flox("list", cwd=theirs)  # its edit locks a manifest of the newest schema and leaves the file; what comes next sees to that
        for file in ("manifest.toml", "manifest.lock"):
            assert (ours / ".flox/env" / file).read_text() == (theirs / ".flox/env" / file).read_text(), (name, file)


def test_both_keep_one_list_of_the_environments_of_a_machine(hub, both, desk, alice):
    flox, floe = both("a", alice)
    registry = flox.machine / "data/flox/env-registry.json"
    plain = [client.made(desk.dir / name) for client, name in ((flox, "fromflox"), (floe, "fromfloe"))]
    pushed = [client.pushed(desk.dir / name) for client, name in ((flox, "pushedflox"), (floe, "pushedfloe"))]
    other = both("b", alice)
    for client, name in zip(other, ("pushedfloe", "pushedflox")):
        client("pull", f"{alice.handle}/{name}", cwd=desk.folder(f"pulled-{name}"))

    def same(clients, folders):
        listed = [json.loads(client("envs", "--json", cwd=desk.dir).stdout) for client in clients]
        assert listed[0] == listed[1]
        assert sorted(e["path"] for e in listed[0]["inactive"]) == sorted(str(f / ".flox") for f in folders), listed[0]
        texts = [client("envs", cwd=desk.dir).stdout for client in clients]
        for folder in folders:
            assert all(str(folder) in text for text in texts), texts

    same((flox, floe), plain + pushed)
    same(other, [desk.dir / f"pulled-{n}" for n in ("pushedfloe", "pushedflox")])
    before = registry.read_bytes()
    for client in (flox, floe, flox):
        client("envs", cwd=desk.dir)
        assert registry.read_bytes() == before, "looking changes nothing"
    flox("delete", "-f", "-d", plain[1], cwd=desk.dir)
    same((flox, floe), plain[:1] + pushed)
    floe("delete", "-f", "-d", plain[0], cwd=desk.dir)
    same((flox, floe), pushed)
    for client, folder in zip((floe, flox), pushed):
        client("pull", "--copy", cwd=folder)
    same((flox, floe), pushed)
    shutil.rmtree(pushed[0])
    same((floe, flox), pushed[1:])


def test_a_manifest_that_flox_left_behind_its_lock_is_pulled_and_activated_by_both(hub, both, desk, alice):
    flox, floe = both("a", alice)
    flox.pushed(desk.dir / "inc")
    web = flox.pushed(desk.dir / "web")
    flox.edit(web, f'schema-version = "1.10.0"\n[include]\nenvironments = [{{ remote = "{alice.handle}/inc" }}]\n')
    assert '"1.10.0"' in manifest_of(web)
    flox("push", cwd=web)
    for n, client in enumerate((floe, *both("b", alice)[::-1])):
        copy = desk.folder(f"copy{n}")
        client("pull", f"{alice.handle}/web", cwd=copy)
        assert client("activate", "-t", *GREET, cwd=copy).stdout == "hello\n"
        client.wait()
        client("list", cwd=copy)
        client("pull", cwd=copy)
    floe("pull", cwd=web)
    floe("push", cwd=web)
    floe.edit(web, M2)
    flox("push", cwd=web)


def test_both_at_once_share_the_clone_of_an_owner(hub, both, desk, alice):
    flox, floe = both("a", alice)
    flox.pushed(desk.dir / "first")
    folders = [(client, client.made(desk.dir / f"e{n}")) for n, client in enumerate((flox, floe) * 3)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda pair: pair[0]("push", cwd=pair[1]), folders))
        for client, folder in folders:
            client.edit(folder, M2)
        list(pool.map(lambda pair: pair[0]("push", cwd=pair[1]), folders))
    there = desk("b", alice)
    for _, folder in folders:
        into = desk.folder(f"into-{folder.name}")
        there("pull", f"{alice.handle}/{folder.name}", cwd=into)
        assert manifest_of(into) == M2
    git(flox.clone(alice), "fsck", "--strict")
