"""Every verb over two machines: what is done on one is seen on the other, through the hub and nothing else.

Where another file has such a test already, VERBS names it; the others are here. A new verb without one fails.
"""

import ast
import json
import re
from pathlib import Path

import pytest

from terminal import Terminal, user_files
from test_client import EMPTY, VARS, env_lock, files, laptop, other, pushed  # noqa: F401
from test_manage import boss  # noqa: F401

TWO = EMPTY + '\n[vars]\nGREETING = "two"\n'

# verb: where its test is, as file::function
VERBS = {
    "init": "test_client_verbs::test_init_with_a_reference_makes_an_environment_on_the_hub",
    "activate": "test_activate::test_environments_of_others_need_trust",
    "deactivate": "test_two_machines::test_an_environment_of_another_machine_is_entered_and_left_in_place",
    "services": "test_two_machines::test_services_of_an_environment_from_another_machine_are_refused_by_name",
    "search": "test_install_hub::test_from_an_import_to_a_rollback_on_another_machine",
    "show": "test_install_hub::test_from_an_import_to_a_rollback_on_another_machine",
    "install": "test_install_hub::test_from_an_import_to_a_rollback_on_another_machine",
    "uninstall": "test_install_hub::test_what_one_machine_takes_out_the_other_no_longer_has",
    "upgrade": "test_install_hub::test_from_an_import_to_a_rollback_on_another_machine",
    "edit": "test_client::test_generations_are_local_until_pushed_and_then_reach_the_other_machine",
    "list": "test_client_verbs::test_list_of_the_hubs_state_asks_it_and_leaves_the_folder_as_it_is",
    "push": "test_client::test_generations_are_local_until_pushed_and_then_reach_the_other_machine",
    "pull": "test_client::test_generations_are_local_until_pushed_and_then_reach_the_other_machine",
    "include upgrade": "test_include::test_an_environment_of_the_hub_is_included_at_its_newest_state",
    "generations list": "test_client::test_generations_are_local_until_pushed_and_then_reach_the_other_machine",
    "generations history": "test_client::test_generations_are_local_until_pushed_and_then_reach_the_other_machine",
    "generations rollback": "test_two_machines::test_a_rollback_on_one_machine_is_switched_back_on_the_other",
    "generations switch": "test_two_machines::test_a_rollback_on_one_machine_is_switched_back_on_the_other",
    "envs": "test_client_verbs::test_what_was_made_elsewhere_is_listed_once_it_was_used",
    "delete": "test_client_verbs::test_delete_removes_the_folder_and_the_branches_of_this_machine_and_nothing_of_the_hub",
    "config": "test_two_machines::test_settings_are_one_machine_s_own_and_decide_whose_environments_it_runs",
    "auth login": "test_two_machines::test_a_token_printed_on_one_machine_logs_the_other_in_and_each_logs_out_alone",
    "auth status": "test_two_machines::test_a_token_printed_on_one_machine_logs_the_other_in_and_each_logs_out_alone",
    "auth logout": "test_two_machines::test_a_token_printed_on_one_machine_logs_the_other_in_and_each_logs_out_alone",
    "auth token": "test_two_machines::test_a_token_printed_on_one_machine_logs_the_other_in_and_each_logs_out_alone",
    "env list": "test_manage::test_environments_are_listed_as_far_as_they_are_seen",
    "env show": "test_manage::test_environments_are_listed_as_far_as_they_are_seen",
    "env visibility": "test_two_machines::test_an_environment_that_is_hidden_renamed_deleted_and_restored_is_so_for_a_stranger_s_pulls",
    "env rename": "test_two_machines::test_an_environment_that_is_hidden_renamed_deleted_and_restored_is_so_for_a_stranger_s_pulls",
    "env delete": "test_two_machines::test_an_environment_that_is_hidden_renamed_deleted_and_restored_is_so_for_a_stranger_s_pulls",
    "env restore": "test_two_machines::test_an_environment_that_is_hidden_renamed_deleted_and_restored_is_so_for_a_stranger_s_pulls",
    "env diff": "test_two_machines::test_what_one_machine_changed_is_compared_on_another_without_pulling_it",
    "org list": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "org create": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "org show": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "org visibility": "test_two_machines::test_what_members_push_is_seen_by_others_as_the_organisation_says_and_stands_in_its_trail",
    "org audit": "test_two_machines::test_what_members_push_is_seen_by_others_as_the_organisation_says_and_stands_in_its_trail",
    "member list": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "member set": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "member remove": "test_two_machines::test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes",
    "token list": "test_two_machines::test_a_token_made_on_one_machine_works_on_another_until_it_is_revoked",
    "token create": "test_two_machines::test_a_token_made_on_one_machine_works_on_another_until_it_is_revoked",
    "token revoke": "test_two_machines::test_a_token_made_on_one_machine_works_on_another_until_it_is_revoked",
    "completion": "test_two_machines::test_what_was_pulled_from_another_machine_is_completed",
}
ALONE = {"help", "man"}  # say what the program is, whatever any machine does
MACHINES = {"laptop", "other", "boss", "far"}  # fixtures that are one


def verbs_of(m):
    """The verbs that floe --help lists: the words before what is an argument or the summary."""
    shown = m.floe("--help", check=True).stdout.split("Commands:\n")[1].split("\nOptions:")[0]
    rows = [line.strip() for line in shown.splitlines() if re.match(r"  \S", line)]
    return {re.match(r"[a-z]+(-[a-z]+)*( [a-z]+)?(?= [A-Z\[]|  |$| [a-z]+\|)|[a-z]+", row).group() for row in rows}


def function_named(where):
    """The function's syntax tree; fails when there is none."""
    name, _, function = where.partition("::")
    tree = ast.parse((Path(__file__).parent / f"{name}.py").read_text())
    found = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function]
    assert len(found) == 1, f"there is no {where}"
    return found[0]


def machines_in(function):
    """Fixtures that are a machine, and each call of the one that makes them."""
    made = [n for n in ast.walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == "machine"]
    return len(MACHINES & {a.arg for a in function.args.args}) + len(made)


def test_every_verb_of_the_help_has_a_test_over_two_machines(machine):
    verbs = verbs_of(machine())
    assert {"include upgrade", "services", "org visibility", "completion", "activate"} <= verbs, "the help was not understood"
    assert verbs == set(VERBS) | ALONE
    for verb, where in VERBS.items():
        function = function_named(where)
        used = r'(floe |\(")' + r'\W+'.join(verb.split()) + r'\b'
        assert re.search(used, "\n".join(map(ast.unparse, function.body)).replace("'", '"')), f"{where} does not use {verb}"
        assert machines_in(function) >= 2, f"{where} has one machine"


# -- environments


@pytest.fixture
def far(hub, machine):
    """A machine of somebody else."""
    user = hub.new_user()
    m = machine("far").login(user)
    m.user = user
    return m


def pulled(m, ref):
    folder = m.folder(ref.split("/")[1])
    m.floe("pull", ref, cwd=folder, check=True)
    return folder


def manifest(folder):
    return (folder / ".flox/env/manifest.toml").read_text()


def absent(m, ref):
    done = m.floe("pull", ref, "-d", m.work / "absent")
    return done.returncode == 1 and "does not exist" in done.stderr and not (m.work / "absent").exists()


def test_a_rollback_on_one_machine_is_switched_back_on_the_other(hub, laptop, other, owner):
    folder = pushed(laptop, "web")
    laptop.floe("edit", "-f", "-", cwd=folder, input=TWO, check=True)
    laptop.floe("push", cwd=folder, check=True)
    there = pulled(other, f"{owner.handle}/web")
    laptop.floe("generations", "rollback", cwd=folder, check=True)
    laptop.floe("push", cwd=folder, check=True)
    assert manifest(there) == TWO and other.floe("list", "-c", "--upstream", cwd=there, check=True).stdout == VARS
    # --upstream of the generations is what the hub had when it was last asked, which was just now.
    live = {where: [n for n, g in json.loads(other.floe("generations", "list", "--json", *where, cwd=there, check=True).stdout).items()
                    if g["last_live"] is None] for where in ((), ("--upstream",))}
    assert live == {(): ["2"], ("--upstream",): ["1"]}
    assert "rollback" in other.floe("generations", "history", "-u", cwd=there, check=True).stdout
    other.floe("pull", cwd=there, check=True)
    assert manifest(there) == VARS
    other.floe("generations", "switch", "2", cwd=there, check=True)
    other.floe("push", cwd=there, check=True)
    laptop.floe("pull", cwd=folder, check=True)
    assert manifest(folder) == TWO and env_lock(folder)["rev"] == env_lock(there)["rev"]


def test_a_change_by_hand_reaches_the_other_machine_when_it_is_synced_and_not_when_it_is_reset(laptop, other, owner):
    folder = pushed(laptop, "web")
    there = pulled(other, f"{owner.handle}/web")
    (folder / ".flox/env/manifest.toml").write_text(EMPTY)
    laptop.floe("edit", "--reset", cwd=folder, check=True)
    laptop.floe("push", cwd=folder, check=True)
    assert "already up to date" in other.floe("pull", cwd=there, check=True).stderr
    (folder / ".flox/env/manifest.toml").write_text(TWO)
    laptop.floe("edit", "--sync", cwd=folder, check=True)
    laptop.floe("push", cwd=folder, check=True)
    other.floe("pull", cwd=there, check=True)
    assert manifest(there) == TWO


def test_an_environment_of_another_machine_is_entered_and_left_in_place(laptop, far, owner):
    folder = pushed(laptop, "web", VARS + "[profile]\ncommon = 'profile=there'\n[profile.deactivate]\ncommon = 'echo leaving'\n")
    there = pulled(far, f"{owner.handle}/web")
    script = 'before=$(env | sort); eval "$(floe activate)"; echo "$GREETING $profile"; eval "$(floe deactivate)"; ' \
             'echo "${GREETING-gone}"; [ "$(env | sort)" = "$before" ] && echo same'
    assert far.run("bash", "--norc", "-c", script, cwd=there, check=True).stdout == "hello there\nleaving\ngone\nsame\n"
    # Who takes it away on one machine does not take it from the other.
    laptop.floe("delete", "-f", cwd=folder, check=True)
    assert far.floe("activate", "--", "printenv", "GREETING", cwd=there, check=True).stdout == "hello\n"


def test_a_reference_is_run_on_a_terminal_as_it_is_on_the_hub_when_it_was_pulled(laptop, other, owner):
    folder, ref = pushed(laptop, "web"), f"{owner.handle}/web"
    user_files(other)

    def enters(value):
        with Terminal(other, ["floe", "activate", "-r", ref], other.work) as t:
            t.until("floe [web] $")
            t.ask("echo GREETING=$GREETING", f"GREETING={value}")
            t.type("exit")
            assert t.status() == 0

    enters("hello")
    laptop.floe("edit", "-f", "-", cwd=folder, input=TWO, check=True)
    laptop.floe("push", cwd=folder, check=True)
    enters("hello")
    other.floe("pull", "-r", ref, check=True)
    enters("two")


def test_services_of_an_environment_from_another_machine_are_refused_by_name(laptop, far, owner):
    folder = pushed(laptop, "web", VARS + '[services]\ndb.command = "db"\nweb.command = "web"\n')
    there = pulled(far, f"{owner.handle}/web")
    before = files(there)
    for words in (("services", "start"), ("services", "status"), ("activate", "-s", "--", "true")):
        refused = far.floe(*words, cwd=there)
        assert refused.returncode == 1 and "(db, web)" in refused.stderr and files(there) == before
    assert far.floe("activate", "--", "printenv", "GREETING", cwd=there, check=True).stdout == "hello\n"
    laptop.floe("edit", "-f", "-", cwd=folder, input=VARS + '[services]\nauto-start = true\ndb.command = "db"\n', check=True)
    laptop.floe("push", cwd=folder, check=True)
    far.floe("pull", cwd=there, check=True)
    refused = far.floe("activate", "--", "true", cwd=there)
    assert refused.returncode == 1 and "(db)" in refused.stderr and "services.auto-start" in refused.stderr


def test_what_was_pulled_from_another_machine_is_completed(laptop, far, owner):
    pushed(laptop, "web")
    script = 'source <(floe completion bash); COMP_WORDS=(floe push -r ""); COMP_CWORD=3; _floe; echo "${COMPREPLY[@]}"'
    for known in ("", f"{owner.handle}/web"):
        assert far.run("bash", "--norc", "-c", script, check=True).stdout == known + "\n"
        if not known:
            pulled(far, f"{owner.handle}/web")


# -- whose machine it is


def test_settings_are_one_machine_s_own_and_decide_whose_environments_it_runs(hub, laptop, machine, owner):
    pushed(laptop, "web", VARS + "[hook]\non-activate = 'echo the hook speaks'\n")
    ref = f"{owner.handle}/web"
    bob, eve = machine("bob"), machine("eve")
    for m in (bob, eve):
        m.floe("config", "--set", "hub", hub.url, check=True)
        assert "is not trusted" in m.floe("activate", "-r", ref, "--", "true").stderr
    bob.floe("config", "--set", f"trust.{ref}", "trust", check=True)
    assert "the hook speaks" in bob.floe("activate", "-r", ref, "--", "true", check=True).stderr
    assert "is not trusted" in eve.floe("activate", "-r", ref, "--", "true").stderr
    bob.floe("config", "--delete", f"trust.{ref}", check=True)
    assert "is not trusted" in bob.floe("activate", "-r", ref, "--", "true").stderr


def test_a_token_printed_on_one_machine_logs_the_other_in_and_each_logs_out_alone(hub, laptop, machine, owner):
    desk = machine("desk").at(hub)
    assert desk.floe("auth", "status").returncode == 1
    token = laptop.floe("auth", "token", check=True).stdout
    desk.floe("auth", "login", "--token-file", "-", input=token, check=True)
    for m in (laptop, desk):
        assert owner.handle in "".join((done := m.floe("auth", "status", check=True)).stdout + done.stderr)
    pushed(desk, "web")
    laptop.floe("auth", "logout", check=True)
    assert laptop.floe("auth", "status").returncode == 1 and laptop.floe("auth", "token").returncode == 1
    assert desk.floe("auth", "token", check=True).stdout == token
    desk.floe("edit", "-f", "-", cwd=desk.work / "web", input=TWO, check=True)
    desk.floe("push", cwd=desk.work / "web", check=True)
    assert manifest(pulled(laptop, f"{owner.handle}/web")) == TWO, "it is public: no login is needed"


def test_a_token_made_on_one_machine_works_on_another_until_it_is_revoked(hub, boss, machine):
    folder, ci = pushed(boss, "web"), machine("ci").at(hub)
    ref = f"{boss.user.handle}/web"
    token = boss.floe("token", "create", "--name", "ci", check=True).stdout
    ci.floe("auth", "login", "--token-file", "-", input=token, check=True)
    there = pulled(ci, ref)
    ci.floe("edit", "-f", "-", cwd=there, input=TWO, check=True)
    ci.floe("push", cwd=there, check=True)
    boss.floe("pull", cwd=folder, check=True)
    assert manifest(folder) == TWO
    one = next(t for t in json.loads(boss.floe("token", "list", "--json", check=True).stdout) if t["name"] == "ci")
    boss.floe("token", "revoke", one["id"], check=True)
    assert ci.floe("auth", "status").returncode == 1
    ci.floe("edit", "-f", "-", cwd=there, input=VARS, check=True)
    refused = ci.floe("push", cwd=there)
    assert refused.returncode == 1 and "floe auth login" in refused.stderr
    assert "already up to date" in boss.floe("pull", cwd=folder, check=True).stderr


# -- what its people manage on a hub


def test_an_environment_that_is_hidden_renamed_deleted_and_restored_is_so_for_a_stranger_s_pulls(boss, far):
    folder, ref = pushed(boss, "web"), f"{boss.user.handle}/web"
    site = f"{boss.user.handle}/site"
    there = pulled(far, ref)
    boss.floe("env", "visibility", ref, "private", check=True)
    assert absent(far, ref) and far.floe("pull", cwd=there).returncode == 1 and manifest(there) == VARS
    boss.floe("env", "visibility", ref, "unlisted", check=True)
    assert ref not in far.floe("env", "list", check=True).stdout
    assert "already up to date" in far.floe("pull", cwd=there, check=True).stderr
    boss.floe("env", "visibility", ref, "public", check=True)
    assert ref in far.floe("env", "list", check=True).stdout
    boss.floe("env", "rename", ref, "site", check=True)
    assert absent(far, ref) and manifest(pulled(far, site)) == VARS
    boss.floe("env", "delete", "-f", site, check=True)
    assert absent(far, site) and site not in far.floe("env", "list", boss.user.handle, check=True).stdout
    boss.floe("env", "restore", site, check=True)
    boss.floe("env", "rename", site, "web", check=True)
    boss.floe("edit", "-f", "-", cwd=folder, input=TWO, check=True)
    boss.floe("push", cwd=folder, check=True)
    far.floe("pull", cwd=there, check=True)
    assert manifest(there) == TWO


def test_what_one_machine_changed_is_compared_on_another_without_pulling_it(laptop, far, owner):
    folder, ref = pushed(laptop, "web"), f"{owner.handle}/web"
    there = pulled(far, ref)
    laptop.floe("edit", "-f", "-", cwd=folder, input=TWO, check=True)
    before = files(there)
    assert far.floe("env", "diff", ref).returncode == 1, "there is one generation on the hub"
    laptop.floe("push", cwd=folder, check=True)
    assert '-GREETING = "hello"\n+GREETING = "two"\n' in far.floe("env", "diff", ref, check=True).stdout
    assert json.loads(far.floe("env", "show", ref, "--json", check=True).stdout)["manifest"] == TWO and files(there) == before


def test_a_member_of_an_organisation_pushes_and_pulls_as_far_as_the_role_goes(boss, far):
    org = f"acme-{boss.user.handle}"
    boss.floe("org", "create", org, check=True)
    boss.floe("org", "visibility", org, "private", check=True)
    folder = boss.folder("web")
    boss.floe("init", "-b", cwd=folder, check=True)
    boss.floe("push", "--owner", org, cwd=folder, check=True)
    ref = f"{org}/web"
    assert absent(far, ref) and "You belong to no organisation" in far.floe("org", "list", check=True).stderr
    boss.floe("member", "set", org, far.user.handle, "reader", check=True)
    assert org in far.floe("org", "list", check=True).stdout
    there = pulled(far, ref)
    far.floe("edit", "-f", "-", cwd=there, input=TWO, check=True)
    refused = far.floe("push", cwd=there)
    assert refused.returncode == 1 and "You do not have permission to write" in refused.stderr
    boss.floe("member", "set", org, far.user.handle, "writer", check=True)
    assert {"user": far.user.handle, "role": "writer"} in json.loads(far.floe("member", "list", org, "--json", check=True).stdout)
    assert json.loads(far.floe("org", "show", org, "--json", check=True).stdout)["role"] == "writer"
    far.floe("push", cwd=there, check=True)
    boss.floe("pull", cwd=folder, check=True)
    assert manifest(folder) == TWO
    boss.floe("member", "remove", org, far.user.handle, check=True)
    assert absent(far, ref) and far.floe("pull", cwd=there).returncode == 1 and manifest(there) == TWO


def test_what_members_push_is_seen_by_others_as_the_organisation_says_and_stands_in_its_trail(hub, boss, far, machine):
    stranger = machine("stranger").login(hub.new_user())
    org = hub.new_org(boss.user)
    boss.floe("member", "set", org, far.user.handle, "writer", check=True)
    for visibility in ("private", "public"):
        boss.floe("org", "visibility", org, visibility, check=True)
        folder = far.folder(visibility)
        far.floe("init", "-b", cwd=folder, check=True)
        far.floe("push", "--owner", org, cwd=folder, check=True)
    assert absent(stranger, f"{org}/private") and manifest(pulled(stranger, f"{org}/public"))
    entries = json.loads(boss.floe("org", "audit", org, "--action", "env.push", "--json", check=True).stdout)
    assert [(e["actor"], e["object"]) for e in entries] == [(far.user.handle, f"{org}/{name}") for name in ("public", "private")]
    assert stranger.floe("org", "audit", org).returncode == 1
