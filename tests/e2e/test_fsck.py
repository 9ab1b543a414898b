"""fsck finds and names every kind of damage; gc frees what it should and nothing else."""

import json
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

import bench
from test_admin_git import git, make_env, push, refs, exported


@pytest.fixture
def env(machine):
    return lambda name="web", generations=2: make_env(machine(), name, generations)


def fsck(hub, *options, owner=None):
    """The report; of one owner, where others in the same hub are broken on purpose."""
    done = hub.admin("fsck", "--json", *options, check=False)
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    assert (done.returncode == 1) == bool(report["faults"])
    for which in ("faults", "notes"):
        report[which] = [f for f in report[which] if owner is None or f["object"].split("/")[0] == owner.handle]
    return report


def kinds(report):
    return {f["kind"] for f in report["faults"]}


def texts(report, which="faults"):
    return "\n".join(f"{f['object']}: {f['text']}" for f in report[which])


def owner_sql(owner):
    return f"(SELECT id FROM owner WHERE handle = '{owner.handle}')"


def packs_sql(owner):
    return f"(SELECT id FROM git_pack WHERE owner_id = {owner_sql(owner)})"


@pytest.fixture
def one(hub, env):
    """An owner who has one environment."""
    owner = hub.new_user()
    return hub, owner, push(hub, owner, env("web", 3))


@pytest.fixture
def alone(fresh_hub, env):
    """The same in a hub of its own."""
    owner = fresh_hub.new_user("alice")
    return fresh_hub, owner, push(fresh_hub, owner, env("web", 3))


def envs_sql(owner):
    return f"(SELECT id FROM environment WHERE owner_id = {owner_sql(owner)})"


def test_a_sound_hub_has_no_faults(hub, owner, env):
    push(hub, owner, env("web", 3)), push(hub, owner, env("api", 2))
    hub.new_org(owner)
    report = fsck(hub)
    assert report["faults"] == [] and report["environments"] >= 2 and "objects" not in report
    report = fsck(hub, "--deep")
    assert report["faults"] == [] and report["objects"] > 20
    done = hub.admin("fsck")
    assert done.stdout == "" and "no faults" in done.stderr


def test_a_flipped_byte_in_a_pack_is_found(one):
    hub, owner, _ = one
    hub.sql("UPDATE git_pack_chunk SET data = set_byte(data, 40, get_byte(data, 40) # 255) WHERE NOT idx AND pack_id IN "
            + packs_sql(owner))
    report = fsck(hub, owner=owner)
    assert "pack" in kinds(report) and "damaged" in texts(report)
    assert f"{owner.handle}/web: its tip" in texts(report), "what is lost with it is named"
    done = hub.admin("fsck", check=False)
    assert done.returncode == 1 and done.stdout.startswith("fault:") and "fault" in done.stderr


def test_a_flipped_byte_in_an_index_is_found(one):
    hub, owner, _ = one
    hub.sql("UPDATE git_pack_chunk SET data = set_byte(data, 1100, get_byte(data, 1100) # 1) WHERE idx AND pack_id IN "
            + packs_sql(owner))
    report = fsck(hub, owner=owner)
    assert "index" in kinds(report)


@pytest.mark.parametrize("idx", ["NOT idx", "idx"])
def test_a_missing_chunk_is_found(one, idx):
    hub, owner, _ = one
    hub.sql(f"DELETE FROM git_pack_chunk WHERE {idx} AND pack_id IN {packs_sql(owner)}")
    report = fsck(hub, owner=owner)
    assert re.search(r"has 0 of its \d+ bytes", texts(report))


def test_a_pack_under_another_name_is_found(one):
    hub, owner, _ = one
    hub.sql(f"UPDATE git_pack SET checksum = decode(repeat('ab', 20), 'hex') WHERE owner_id = {owner_sql(owner)}")
    assert "another pack than its row says" in texts(fsck(hub, owner=owner))


def test_a_changed_tip_is_found(one):
    hub, owner, _ = one
    hub.sql(f"UPDATE environment SET tip = decode(repeat('11', 20), 'hex') WHERE owner_id = {owner_sql(owner)}")
    report = fsck(hub, owner=owner)
    assert {"tip", "ref-log", "generations"} <= kinds(report)
    assert "1111111111111111111111111111111111111111" in texts(report)


def test_a_tip_that_is_no_commit_is_found(one):
    hub, owner, e = one
    blob = git(e.repo, "rev-parse", "HEAD:metadata.json")
    hub.sql(f"UPDATE environment SET tip = decode('{blob}', 'hex') WHERE owner_id = {owner_sql(owner)}")
    assert "is no commit" in texts(fsck(hub, owner=owner))


def test_a_ref_log_with_a_gap_is_found(one):
    hub, owner, e = one
    e.edit(1)
    push(hub, owner, e)
    e.edit(1)
    push(hub, owner, e)
    hub.sql(f"DELETE FROM ref_log WHERE id = (SELECT id FROM ref_log WHERE owner_id = {owner_sql(owner)} ORDER BY id OFFSET 1 LIMIT 1)")
    assert "ref-log" in kinds(fsck(hub, owner=owner))


def test_generations_that_are_not_the_tips_are_found(one):
    hub, owner, _ = one
    mine = f"WHERE env_id IN {envs_sql(owner)}"
    hub.sql(f"UPDATE generation_metadata SET total = 7 {mine}")
    assert "generations" in kinds(fsck(hub, owner=owner))
    hub.sql(f"UPDATE generation_metadata SET total = 3 {mine}; DELETE FROM generation_change {mine} AND seq = 1")
    assert "have gaps" in texts(fsck(hub, owner=owner))
    hub.sql(f"DELETE FROM generation_metadata {mine}")
    assert "not on record" in texts(fsck(hub, owner=owner))


def test_orphans_among_accounts_are_found(alone):
    hub, owner, _ = alone
    hub.new_org(owner, "acme")
    hub.sql("DELETE FROM member")
    hub.sql("SET session_replication_role = replica; INSERT INTO token (owner_id, hint, hash, scope) VALUES (99999, 'x', "
            "decode(repeat('00', 32), 'hex'), 1); INSERT INTO member (org_id, user_id, role) VALUES (88888, 1, 1)")
    report = fsck(hub)
    assert "acme: it has no owner" in texts(report)
    assert {"member", "token"} <= kinds(report)


def replace_pack(hub, owner, pack, index, objects):
    hub.sql(f"DELETE FROM git_pack WHERE owner_id = {owner_sql(owner)}")
    checksum, size = pack[-20:].hex(), len(pack)
    hub.sql(f"INSERT INTO git_pack (owner_id, checksum, objects, bytes, idx_bytes) VALUES ({owner_sql(owner)}, "
            f"decode('{checksum}', 'hex'), {objects}, {size}, {len(index)})")
    for idx, data in (("false", pack), ("true", index)):
        hub.sql(f"INSERT INTO git_pack_chunk (pack_id, idx, seq, data) SELECT id, {idx}, 0, decode('{data.hex()}', 'hex') "
                f"FROM git_pack WHERE checksum = decode('{checksum}', 'hex')")


def test_deep_finds_an_object_that_is_missing_inside_sound_packs(one, machine):
    hub, owner, e = one
    ids = [line.split()[0] for line in git(e.repo, "rev-list", "--objects", "web").splitlines()]
    lost = git(e.repo, "rev-parse", "web:1/env/manifest.lock")
    ids.remove(lost)
    base = str(machine().work / "p")
    git(e.repo, "pack-objects", "-q", base, input="\n".join(ids) + "\n")
    stem = next(p for p in os.listdir(os.path.dirname(base)) if p.endswith(".pack"))[:-5]
    folder = os.path.dirname(base)
    pack, index = (open(f"{folder}/{stem}.{end}", "rb").read() for end in ("pack", "idx"))
    replace_pack(hub, owner, pack, index, len(ids))
    assert fsck(hub, owner=owner)["faults"] == [], "a quick look does not go down to the objects"
    report = fsck(hub, "--deep", owner=owner)
    assert kinds(report) == {"object"} and f"{owner.handle}/web" in texts(report) and lost in texts(report)


def node_repo(hub, owner):
    return hub.data / "git" / owner.handle / "floxmeta.git"


def test_changes_by_hand_on_the_node_are_notes_and_no_faults(one):
    hub, owner, e = one
    repo = node_repo(hub, owner)
    assert fsck(hub, owner=owner)["notes"] == []
    (repo / "refs" / "heads" / "mine").write_text(e.tip + "\n")
    report = fsck(hub, owner=owner)
    assert report["faults"] == [] and "mine" in texts(report, "notes")
    (repo / "refs" / "heads" / "mine").unlink()
    packed = repo / "packed-refs"
    text = packed.read_text()
    packed.write_text(text.replace(e.tip, git(e.repo, "rev-parse", "HEAD~1")))
    assert "packed-refs" in texts(fsck(hub, owner=owner), "notes")
    packed.write_text(text)
    pack = next((repo / "objects" / "pack").glob("*.pack"))
    good = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(good[:50] + bytes([good[50] ^ 255]) + good[51:])
    assert "damaged" in texts(fsck(hub, "--deep", owner=owner), "notes")
    pack.unlink()
    assert "has no pack" in texts(fsck(hub, owner=owner), "notes")


def test_losing_what_a_node_keeps_on_disk_loses_nothing(alone, machine):
    hub, owner, e = alone
    hub.stop()
    shutil.rmtree(hub.data / "git")
    shutil.rmtree(hub.data / "cache", ignore_errors=True)
    hub.start()
    assert fsck(hub, "--deep", owner=owner)["faults"] == []
    m = machine()
    assert m.clone(hub, owner.handle, "web", m.work / "c", token=owner.token).returncode == 0
    assert git(m.work / "c", "rev-parse", "web") == e.tip
    e.edit(1)
    push(hub, owner, e)
    report = fsck(hub, "--deep", owner=owner)
    assert report["faults"] == [] and report["notes"] == []


def test_fsck_tells_no_faults_of_a_hub_at_work(hub, owner, env):
    e = push(hub, owner, env("busy", 2))
    stop = threading.Event()
    trouble = []

    def work():
        try:
            while not stop.is_set():
                e.edit(1)
                push(hub, owner, e)
        except AssertionError as x:
            trouble.append(x)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(5):
            assert fsck(hub, "--deep", owner=owner)["faults"] == []
            hub.admin("gc", check=False)  # others are broken
    finally:
        stop.set()
        worker.join()
    assert not trouble
    assert fsck(hub, "--deep", owner=owner)["faults"] == []


# -- gc


def gc(hub, *options):
    return json.loads(hub.admin("gc", "--json", *options).stdout)


def age(hub, days):
    hub.sql(f"UPDATE ref_log SET at = at - interval '{days} days'")
    hub.sql(f"UPDATE environment SET deleted_at = deleted_at - interval '{days} days'")


def test_gc_goes_on_where_one_owner_is_broken(alone, env):
    hub, owner, _ = alone
    other = hub.new_user("bob")
    e = push(hub, other, env("api", 2))
    for _ in range(2):
        e.edit(1)
        push(hub, other, e)
    hub.sql("UPDATE environment SET tip = decode(repeat('11', 20), 'hex') WHERE name = 'web'")
    done = hub.admin("gc", check=False)
    assert done.returncode == 1 and "alice/web" in done.stderr
    assert hub.sql(f"SELECT count(*) FROM git_pack WHERE owner_id = {owner_sql(other)}") == "1"


def test_gc_makes_one_pack_of_many_and_clients_notice_nothing(alone, machine):
    hub, owner, e = alone
    for _ in range(6):
        e.edit(1)
        push(hub, owner, e)
    assert int(hub.sql("SELECT count(*) FROM git_pack")) == 7
    would = gc(hub, "--dry-run")
    assert would["packs"] == {"before": 7, "after": 1}
    assert int(hub.sql("SELECT count(*) FROM git_pack")) == 7
    assert gc(hub)["packs"] == {"before": 7, "after": 1}
    assert int(hub.sql("SELECT count(*) FROM git_pack")) == 1
    assert fsck(hub, "--deep")["faults"] == []
    m = machine()
    assert m.clone(hub, owner.handle, "web", m.work / "c", token=owner.token).returncode == 0
    assert git(m.work / "c", "rev-parse", "web") == e.tip
    e.edit(1)
    push(hub, owner, e)
    assert gc(hub)["packs"] == {"before": 2, "after": 1}
    assert gc(hub)["packs"] == {"before": 1, "after": 1}
    assert [n for n in os.listdir(hub.data / "tmp")] == []


def test_gc_keeps_what_can_be_restored_and_frees_it_after_its_time(alone):
    hub, owner, first = alone
    other = bench.Environment(first.machine, "web", host="desk")
    other.generation()
    other.edit(3)
    push(hub, owner, other, "--force")
    age(hub, 80)
    gc(hub)
    hub.admin("env", "restore", "alice/web", "--to", first.tip)
    hub.admin("env", "restore", "alice/web", "--to", other.tip)
    age(hub, 100)
    would = gc(hub, "--dry-run")
    assert would["ref_log"] == 3
    done = gc(hub)
    assert done["ref_log"] == 3
    gone = gc(hub)
    objects = min(done["objects"]["after"], gone["objects"]["after"])
    assert objects < would["objects"]["before"]
    assert fsck(hub, "--deep")["faults"] == []
    assert hub.admin("env", "restore", "alice/web", "--to", first.tip, check=False).returncode == 1
    assert refs(exported(hub, "alice")) == {"refs/heads/web": other.tip}


def test_gc_forgets_deleted_environments_after_their_time(alone, env):
    hub, owner, _ = alone
    push(hub, owner, env("old", 2))
    hub.admin("env", "delete", "alice/old")
    age(hub, 80)
    assert gc(hub)["environments"] == 0
    hub.admin("env", "restore", "alice/old")
    hub.admin("env", "delete", "alice/old")
    age(hub, 100)
    assert gc(hub)["environments"] == 1
    assert hub.admin("env", "restore", "alice/old", check=False).returncode == 1
    assert fsck(hub, "--deep")["faults"] == []


def test_gc_removes_what_was_left_behind_on_the_disk_and_nothing_young(alone):
    hub, owner, _ = alone
    old = time.time() - 2 * 24 * 3600
    for name in ("push-left", "push-young"):
        folder = hub.data / "tmp" / name
        folder.mkdir(parents=True)
        (folder / "x.pack").write_bytes(b"x" * 1000)
    stray = hub.data / "git" / "goneowner" / "floxmeta.git"
    stray.mkdir(parents=True)
    pack = node_repo(hub, owner) / "objects" / "pack" / f"pack-{'ab' * 20}.pack"
    pack.write_bytes(b"y" * 500)
    pack.chmod(0o400)
    if hub.workshop.as_root:
        subprocess.run(["chown", "-R", bench.SERVICE_USER, hub.data / "tmp", stray.parent, pack], check=True)
    for path in (hub.data / "tmp" / "push-left", stray.parent, pack):
        os.utime(path, (old, old))
    would = gc(hub, "--dry-run")
    assert would["temporary"]["files"] == 1 and would["node_packs"]["files"] == 1 and would["node_folders"]["files"] == 1
    assert pack.exists() and stray.exists()
    done = gc(hub)
    assert done["temporary"] == {"files": 1, "bytes": 1000} and done["node_packs"] == {"files": 1, "bytes": 500}
    assert not pack.exists() and not stray.exists() and not (hub.data / "tmp" / "push-left").exists()
    assert (hub.data / "tmp" / "push-young").exists()
    assert fsck(hub, "--deep")["faults"] == []
