"""backup and restore: one file, taken while the hub runs, that brings everything back, or changes nothing."""

import json
import os
import pty
import subprocess
import threading
from pathlib import Path

import pytest

import bench
from test_admin_git import exported, git, make_env, place, push, refs

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))[-1].parent


@pytest.fixture(scope="module")
def filled(hub, workshop):
    """A hub with people, an organisation, and environments of every visibility; and a backup of it."""
    m = bench.Machine(workshop, "filler")
    alice, bob = hub.new_user("alice"), hub.new_user("bob")
    hub.new_org(alice, "acme")
    hub.admin("member", "set", "acme", "bob", "reader")
    hub.envs = {}
    for owner, name in ((alice, "web"), (alice, "secret"), (bob, "api")):
        hub.envs[f"{owner.handle}/{name}"] = push(hub, owner, make_env(m, name, 3))
    hub.admin("env", "visibility", "alice/secret", "private")
    hub.file = place(hub) / "hub.backup"
    hub.admin("backup", hub.file)
    hub.people = {"alice": alice, "bob": bob}
    return hub


@pytest.fixture
def empty(new_hub):
    return new_hub(start=False)


def restore(hub, file, *options, check=True, **kwargs):
    return hub.admin("restore", file, *options, check=check, **kwargs)


def rows(hub):
    """All that matters, as text, to compare."""
    return {q: hub.sql(q) for q in (
        "SELECT id, kind, handle, admin FROM owner ORDER BY id", "SELECT org_id, user_id, role FROM member ORDER BY 1, 2",
        "SELECT id, owner_id, scope, encode(hash, 'hex') FROM token ORDER BY id",
        "SELECT id, owner_id, name, visibility, encode(tip, 'hex'), created_at FROM environment ORDER BY id",
        "SELECT id, env_id, encode(old_tip, 'hex'), encode(new_tip, 'hex'), at FROM ref_log ORDER BY id",
        "SELECT pack_id, idx, seq, encode(sha256(data), 'hex') FROM git_pack_chunk ORDER BY 1, 2, 3",
        "SELECT env_id, seq, raw FROM generation_change ORDER BY 1, 2")}


def with_database(hub, work):
    """Runs work while the hub's database runs and its server does not."""
    hub.start()
    try:
        return work()
    finally:
        hub.stop()


def test_a_restored_hub_is_the_hub_that_was_backed_up(filled, empty, machine):
    assert filled.file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in filled.file.parent.iterdir()] == ["hub.backup"]
    want = rows(filled)
    done = restore(empty, filled.file)
    assert "Floe" in done.stderr and "no faults" in done.stderr
    empty.start()
    assert rows(empty) == want
    alice = filled.people["alice"]
    assert empty.http("/accounts/api/v1/accounts/me", token=alice.token).status == 200, "tokens are valid as before"
    m = machine()
    for path, e in filled.envs.items():
        owner, name = path.split("/")
        assert m.clone(empty, owner, name, m.work / name, token=filled.people[owner].token).returncode == 0
        assert git(m.work / name, "rev-parse", name) == e.tip
    assert m.clone(empty, "alice", "secret", m.work / "x", token=filled.people["bob"].token).returncode != 0
    e = filled.envs["alice/web"]
    assert push(empty, alice, bench_copy(m, e)).tip != e.tip, "ids go on where they were"
    assert json.loads(empty.admin("fsck", "--deep", "--json").stdout)["faults"] == []


def bench_copy(m, e):
    """The same environment with one more generation, beside the first."""
    copy = bench.Environment(m, e.name)
    copy.generation()
    copy.edit(e.total)
    return copy


def test_a_backup_of_a_restored_hub_can_be_restored(filled, empty, new_hub):
    restore(empty, filled.file)
    again = place(empty) / "again"
    empty.admin("backup", again)
    third = new_hub(start=False)
    restore(third, again)
    assert with_database(third, lambda: rows(third)) == with_database(empty, lambda: rows(empty))


def test_a_backup_taken_while_people_push_is_whole(hub, filled, empty, workshop):
    alice, e = filled.people["alice"], make_env(bench.Machine(workshop, "pusher"), "busy", 2)
    stop, trouble, tips = threading.Event(), [], []

    def work():
        try:
            while not stop.is_set():
                e.edit(1)
                push(hub, alice, e)
                tips.append(e.tip)
        except AssertionError as x:
            trouble.append(x)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        bench.wait_for(lambda: len(tips) > 2)
        before = len(tips)
        file = place(hub) / "busy.backup"
        hub.admin("backup", file)
    finally:
        stop.set()
        worker.join()
    assert not trouble
    restore(empty, file)
    tip = refs(exported(empty, "alice"))["refs/heads/busy"]
    assert tip in tips[before - 1:], "all that was acknowledged before the backup is in it"
    assert json.loads(empty.admin("fsck", "--deep", "--json").stdout)["faults"] == []


def test_a_hub_that_has_accounts_is_replaced_only_when_told_twice(filled, empty):
    restore(empty, filled.file)
    before = with_database(empty, lambda: rows(empty))
    done = restore(empty, filled.file, check=False)
    assert done.returncode == 1 and "not empty" in done.stderr and "--replace" in done.stderr
    done = restore(empty, filled.file, "--replace", check=False)
    assert done.returncode == 1 and "--yes" in done.stderr
    empty.admin("user", "create", "newcomer")
    restore(empty, filled.file, "--replace", "--yes")
    assert with_database(empty, lambda: rows(empty)) == before
    assert "newcomer" not in empty.admin("user", "list").stdout


def test_on_a_terminal_the_word_is_asked_for(filled, empty):
    restore(empty, filled.file)
    for word, code in (("yes", 1), ("replace", 0)):
        master, slave = pty.openpty()
        os.write(master, f"{word}\n".encode())
        done = subprocess.run([empty.workshop.bin / "floe-server", "restore", filled.file, "--replace", "--data", empty.data],
                              stdin=slave, capture_output=True, text=True, env=empty.environment(), cwd="/",
                              timeout=120 * bench.SLOW, **empty.workshop.service())
        os.close(slave), os.close(master)
        assert done.returncode == code and "2 users, 1 organisations and 3 environments" in done.stderr
        assert ("Nothing was changed" in done.stderr) == (code == 1)


def test_a_running_hub_is_not_restored_into(filled, fresh_hub):
    done = restore(fresh_hub, filled.file, check=False)
    assert done.returncode == 1 and "running" in done.stderr
    assert fresh_hub.http("/readyz").status == 200


def test_what_is_no_backup_is_refused_and_changes_nothing(filled, empty, tmp_path):
    restore(empty, filled.file)
    before = with_database(empty, lambda: rows(empty))
    folder = place(empty)
    data = filled.file.read_bytes()
    hurt = len(data) * 9 // 10  # among the rows, which are what must be whole; before them stand statements
    cases = {"absent": None, "nothing": b"", "garbage": b"this is no archive" * 100, "cut": data[:len(data) * 2 // 3],
             "damaged": data[:hurt] + bytes(64) + data[hurt + 64:]}
    for name, content in cases.items():
        file = folder / name
        if content is not None:
            file.write_bytes(content)
            file.chmod(0o644)
        done = restore(empty, file, "--replace", "--yes", check=False)
        assert done.returncode == 1 and done.stderr.strip(), name
        assert "Restored" not in done.stderr, name
    assert restore(empty, folder, check=False).returncode == 1
    assert with_database(empty, lambda: rows(empty)) == before


def dump(hub, file):
    """pg_dump without our command, for backups that it would not make."""
    subprocess.run([POSTGRES / "pg_dump", "-Fc", "-h", str(hub.data / "postgres-run"), "-U", "floe", "-d", "floe", "-f", str(file)],
                   check=True, env=hub.environment(), cwd="/", **hub.workshop.service())
    return file


def test_a_backup_of_a_newer_floe_is_refused_by_name(filled, empty, fresh_hub):
    fresh_hub.sql("INSERT INTO schema_migration (version, name) VALUES (9999, '9999_the_future')")
    file = dump(fresh_hub, place(fresh_hub) / "newer")
    fresh_hub.sql("DELETE FROM schema_migration WHERE version = 9999")
    done = restore(empty, file, check=False)
    assert done.returncode == 1 and "9999_the_future" in done.stderr and "newer" in done.stderr


def test_a_backup_of_an_older_floe_is_brought_up_to_date(empty, fresh_hub):
    fresh_hub.new_user("alice")
    newest = int(fresh_hub.sql("SELECT max(version) FROM schema_migration"))
    # What 0004 and later ones made is taken back; a new migration has its line here.
    fresh_hub.sql("DROP TABLE backup;"  # 0004
                  "DROP TABLE idempotency_key; DROP INDEX audit_owner_action, audit_owner_object, token_owner;"
                  "CREATE INDEX token_owner ON token (owner_id);"  # 0005
                  "DROP INDEX environment_of_owner, environment_internal_of_owner, environment_public_of_owner,"
                  "environment_internal, environment_public, environment_deleted;"  # 0006
                  "DROP VIEW page_package; DROP SEQUENCE catalog_place;"
                  "DROP TABLE build_source, catalog, catalog_version, catalog_page, catalog_page_tag, catalog_page_system, derivation, package,"
                  "page_run, page_scrape, package_build;"  # 0007
                  "ALTER TABLE owner DROP COLUMN revision;"
                  "ALTER TABLE generation_metadata DROP COLUMN stored, DROP COLUMN digest;"  # 0008
                  "DROP FUNCTION catalog_note_change;"  # 0009, with build_source
                  "DROP FUNCTION catalog_name_key;"  # 0010
                  "DELETE FROM schema_migration WHERE version > 3")
    assert newest == 10, "take the new migration back above, too"
    file = dump(fresh_hub, place(fresh_hub) / "older")
    done = restore(empty, file)
    assert f"to {newest}" in done.stderr and "alice" in empty.admin("user", "list").stdout


def test_another_database_of_postgresql_is_no_backup(empty, fresh_hub):
    fresh_hub.sql("DROP TABLE schema_migration CASCADE")
    file = dump(fresh_hub, place(fresh_hub) / "other")
    done = restore(empty, file, check=False)
    assert done.returncode == 1 and "not of a hub" in done.stderr


def wrapped(hub, name, script):
    """A folder with PostgreSQL's programs, one of them replaced by a shell script."""
    folder = place(hub)
    for program in POSTGRES.iterdir():
        (folder / program.name).symlink_to(program)
    (folder / name).unlink()
    (folder / name).write_text(script.format(real=POSTGRES / name))
    (folder / name).chmod(0o755)
    return {"FLOE_POSTGRES_BIN": str(folder)}


def test_a_restore_whose_reader_dies_half_way_changes_nothing(filled, empty):
    restore(empty, filled.file)
    before = with_database(empty, lambda: rows(empty))
    env = wrapped(empty, "pg_restore", '#!/bin/sh\ncase "$*" in *--data-only*) exec {real} "$@";; esac\n'
                                       '{real} "$@" | head -c 20000\nkill -9 $$\n')
    done = restore(empty, filled.file, "--replace", "--yes", check=False, env=env)
    assert done.returncode == 1 and "pg_restore" in done.stderr
    assert with_database(empty, lambda: rows(empty)) == before


def test_a_restore_that_is_killed_itself_changes_nothing(filled, empty):
    restore(empty, filled.file)
    before = with_database(empty, lambda: rows(empty))
    env = wrapped(empty, "pg_restore", '#!/bin/sh\ncase "$*" in *--data-only*) exec {real} "$@";; esac\n'
                                       '{real} "$@" | head -c 20000\nkill -9 $PPID\nsleep 1\n')
    done = restore(empty, filled.file, "--replace", "--yes", check=False, env=env)
    assert done.returncode == -9
    assert with_database(empty, lambda: rows(empty)) == before


def test_a_backup_that_fails_leaves_the_last_good_one(filled, hub):
    file = place(hub) / "kept"
    file.write_text("the last good one")
    done = hub.admin("backup", file, check=False, env=wrapped(hub, "pg_dump", "#!/bin/sh\necho part\necho 'pg_dump: error: no luck' >&2\nexit 1\n"))
    assert done.returncode == 1 and "no luck" in done.stderr
    assert file.read_text() == "the last good one" and [p.name for p in file.parent.iterdir()] == ["kept"]
    done = hub.admin("backup", place(hub) / "absent" / "x", check=False)
    assert done.returncode == 1 and "absent" in done.stderr


def test_the_database_password_reaches_no_argument(filled, hub):
    seen = place(hub) / "seen"
    env = wrapped(hub, "pg_dump", f'#!/bin/sh\necho "$@" >{seen}\nenv | grep ^PGPASSWORD= >>{seen}\nexec {{real}} "$@"\n')
    env["FLOE_DATABASE_URL"] = f"postgresql://floe:tellnobody@/floe?host={hub.data / 'postgres-run'}"
    file = place(hub) / "external"
    done = hub.admin("backup", file, env=env)
    arguments, password = seen.read_text().splitlines()
    assert "tellnobody" not in arguments + done.stdout + done.stderr and password == "PGPASSWORD=tellnobody"
    assert file.stat().st_size > 10000
