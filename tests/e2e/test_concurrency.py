"""Many at once: pushers on one branch, pushers on many, readers while packs are compacted."""

import os
import threading

import bench

ROUNDS = int(os.environ.get("FLOE_ROUNDS", "20"))


def together(functions):
    """Runs them at once; their results, in order."""
    gate = threading.Barrier(len(functions))
    results = [None] * len(functions)

    def run(n, function):
        gate.wait()
        results[n] = function()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(functions)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def branch_tip(m, hub, owner, branch):
    out = m.git("ls-remote", f"{hub.git_url}/{owner.handle}/floxmeta", f"refs/heads/{branch}", hub=hub, owner=owner.handle,
                token=owner.token, check=True).stdout
    return out.split()[0] if out else None


def test_of_many_pushers_to_one_branch_exactly_one_wins_and_the_others_get_a_reason(hub, machine):
    owner, m = hub.new_user(), machine()
    base = bench.Environment(m, "web")
    base.generation()
    m.push(hub, owner.handle, base.repo, "HEAD:web", owner.token, check=True)
    pushers = []
    for n in range(4):
        clone = m.work / f"pusher{n}"
        m.git("clone", "-q", base.repo, clone, check=True)
        pushers.append(clone)
    for round_ in range(ROUNDS):
        tip = branch_tip(m, hub, owner, "web")
        for n, repo in enumerate(pushers):
            m.git("-C", repo, "fetch", "-q", f"{hub.git_url}/{owner.handle}/floxmeta", "web", hub=hub, owner=owner.handle,
                  token=owner.token, check=True)
            m.git("-C", repo, "reset", "-q", "--hard", tip, check=True)
            m.git("-C", repo, "commit", "-q", "--allow-empty", "-m", f"round {round_} by {n}", check=True)
        done = together([lambda r=r: m.push(hub, owner.handle, r, "HEAD:web", owner.token) for r in pushers])
        winners = [n for n, d in enumerate(done) if d.returncode == 0]
        assert len(winners) == 1, [(d.returncode, d.stdout, d.stderr) for d in done]
        for n, d in enumerate(done):
            if n not in winners:
                assert "\n!\t" in d.stdout and "rejected" in d.stdout, (d.stdout, d.stderr)
        head = m.git("-C", pushers[winners[0]], "rev-parse", "HEAD", check=True).stdout.strip()
        assert branch_tip(m, hub, owner, "web") == head


def test_pushes_to_different_branches_of_one_owner_all_land(hub, machine):
    owner, m = hub.new_user(), machine()
    environments = []
    for n in range(6):
        env = bench.Environment(m, f"env{n}")
        env.generation()
        environments.append(env)
    for _ in range(max(3, ROUNDS // 4)):
        done = together([lambda e=e: m.push(hub, owner.handle, e.repo, f"HEAD:{e.name}", owner.token) for e in environments])
        assert [d.returncode for d in done] == [0] * len(done), [(d.stdout, d.stderr) for d in done]
        for env in environments:
            assert branch_tip(m, hub, owner, env.name) == env.tip
            env.edit()


def test_two_first_pushes_of_one_name_give_one_environment(hub, machine):
    owner, m = hub.new_user(), machine()
    for round_ in range(max(3, ROUNDS // 4)):
        both = [bench.Environment(m, f"first{round_}", user=f"u{n}") for n in range(2)]
        for env in both:
            env.generation()
        done = together([lambda e=e: m.push(hub, owner.handle, e.repo, f"HEAD:{e.name}", owner.token) for e in both])
        winners = [e for e, d in zip(both, done) if d.returncode == 0]
        assert len(winners) == 1, [(d.stdout, d.stderr) for d in done]
        assert branch_tip(m, hub, owner, f"first{round_}") == winners[0].tip


def test_readers_get_whole_clones_while_packs_are_compacted(hub, machine):
    owner, m = hub.new_user(), machine()
    env = bench.Environment(m, "busy")
    env.generation()
    m.push(hub, owner.handle, env.repo, "HEAD:busy", owner.token, check=True)
    stop, faults = threading.Event(), []

    def read(n):
        reader = machine(f"reader{n}")
        while not stop.is_set():
            done = reader.clone(hub, owner.handle, "busy", reader.work / "c.git", owner.token)
            if done.returncode == 0:
                done = reader.git("-C", "c.git", "fsck", "--strict", "--connectivity-only")
            if done.returncode != 0:
                faults.append((done.stdout, done.stderr))
                return
            bench.shutil.rmtree(reader.work / "c.git")

    readers = [threading.Thread(target=read, args=(n,)) for n in range(2)]
    for t in readers:
        t.start()
    for n in range(60):  # over two compactions' worth of packs
        env.edit()
        done = m.push(hub, owner.handle, env.repo, "HEAD:busy", owner.token)
        assert done.returncode == 0, (n, done.stdout, done.stderr)
        if n % 20 == 10:
            hub.admin("gc")
    stop.set()
    for t in readers:
        t.join()
    assert not faults, faults
    assert int(hub.sql("select count(*) from git_pack p join owner o on o.id = p.owner_id where o.handle = '%s'" % owner.handle)) <= 26
    hub.admin("fsck", "--deep")
    m.clone(hub, owner.handle, "busy", m.work / "end.git", owner.token, check=True)
    assert m.git("-C", "end.git", "rev-parse", "busy", check=True).stdout.strip() == env.tip
    assert m.git("-C", "end.git", "rev-list", "--count", "busy", check=True).stdout.strip() == "62"


def test_the_last_owner_stays_also_when_two_remove_each_other_at_once(hub):
    for _ in range(max(3, ROUNDS // 5)):
        a, b = hub.new_user(), hub.new_user()
        org = hub.new_org(a)
        hub.admin("member", "set", org, b.handle, "owner")
        together([lambda: hub.admin("member", "remove", org, b.handle, check=False),
                  lambda: hub.admin("member", "remove", org, a.handle, check=False)])
        members = hub.admin("member", "list", org, "--json").stdout
        owners = [x for x in bench.json.loads(members) if x["role"] == "owner"]
        assert len(owners) == 1, members
