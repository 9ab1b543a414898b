"""git as the official client runs it, and the bytes on the wire: the checklist of the protocol, git-environments §11."""

import gzip
import re
import shutil
import subprocess

import pytest

import bench

ZERO = "0" * 40


def pkt(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%04x" % (len(data) + 4) + data


def lines_of(body):
    """pkt-lines as bytes; None for a flush, and the delimiter as b"0001"."""
    out, at = [], 0
    while at < len(body):
        n = int(body[at:at + 4], 16)
        if n < 4:
            out.append(None if n == 0 else b"%04d" % n)
            n = 4
        else:
            out.append(body[at + 4:at + n])
        at += n
    return out


def bands(lines):
    """The bytes of each side-band."""
    out = {1: b"", 2: b"", 3: b""}
    for line in lines:
        if line and line[0] in out:
            out[line[0]] += line[1:]
    return out


def adv(hub, owner, service="git-upload-pack", version=None, **kwargs):
    headers = {"Git-Protocol": f"version={version}"} if version else {}
    return hub.http(f"/git/{owner}/floxmeta/info/refs?service={service}", headers=headers, **kwargs)


def post(hub, owner, service, body, version=None, headers=None, **kwargs):
    headers = {"Content-Type": f"application/x-{service}-request", **(headers or {})}
    if version:
        headers["Git-Protocol"] = f"version={version}"
    return hub.http(f"/git/{owner}/floxmeta/{service}", method="POST", data=body, headers=headers, **kwargs)


def ls_refs(hub, owner, token, *prefixes):
    body = pkt("command=ls-refs\n") + pkt("object-format=sha1") + b"0001" + pkt("peel\n") + pkt("symrefs\n") + pkt("unborn\n")
    body += b"".join(pkt(f"ref-prefix {p}\n") for p in prefixes) + b"0000"
    return post(hub, owner, "git-upload-pack", body, version=2, basic=token)


def refs(hub, owner, token, *prefixes):
    answer = ls_refs(hub, owner, token, *prefixes)
    assert answer.status == 200 and lines_of(answer.body)[-1] is None
    listed = (line.decode().split() for line in lines_of(answer.body)[:-1])
    return {line[1]: line[0] for line in listed if line[1] != "HEAD"}


def fetch(hub, owner, token, wants, haves=(), done=True, **kwargs):
    body = pkt("command=fetch") + pkt("object-format=sha1") + b"0001" + pkt("ofs-delta\n")
    body += b"".join(pkt(f"want {w}\n") for w in wants) + b"".join(pkt(f"have {h}\n") for h in haves)
    return post(hub, owner, "git-upload-pack", body + (pkt("done\n") if done else b"") + b"0000", version=2, basic=token, **kwargs)


def push_raw(hub, owner, token, commands, pack=b"", capabilities="report-status side-band-64k"):
    body = b""
    for n, (old, new, ref) in enumerate(commands):
        body += pkt(f"{old} {new} {ref}" + (f"\0 {capabilities}" if n == 0 else ""))
    return post(hub, owner, "git-receive-pack", body + b"0000" + pack, basic=token)


def change(env):
    """One more generation, whose lock is another too, as it is when flox edits."""
    return env.generation(f'schema-version = "1.15.0"\n\n[vars]\nn = "{env.total + 1}"\n', bench.EMPTY_LOCK + "\n" * (env.total + 1),
                          kind="edit", summary="manually edited the manifest", command=("flox", "edit"), at=env.at + 60)


def pack_of(repo, *revs):
    return subprocess.run(["git", "-C", repo, "pack-objects", "--revs", "--stdout", "-q"], input="\n".join(revs).encode() + b"\n",
                          capture_output=True, check=True).stdout


def pack_objects(pack):
    return int.from_bytes(pack[8:12], "big")


@pytest.fixture
def pushed(hub, machine, owner):
    """An environment of the owner's with two generations."""
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    change(env)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    return m, env


@pytest.fixture
def stranger(hub):
    return hub.new_user()


# -- 1-4: who is asked for credentials, and what is advertised

def test_a_first_request_without_credentials_is_challenged_with_basic(hub, owner):
    for service in ("git-upload-pack", "git-receive-pack"):
        for who in (owner.handle, "nobody-of-that-name"):
            answer = adv(hub, who, service)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_an_empty_password_is_anonymous_and_reads_what_is_public(hub, pushed, owner):
    m, env = pushed
    hidden = bench.Environment(m, "hidden")
    hidden.generation()
    m.push(hub, owner.handle, hidden.repo, "HEAD:hidden", owner.token, check=True)
    hub.admin(f"env visibility {owner.handle}/hidden private")
    answer = adv(hub, owner.handle, basic="")
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-git-upload-pack-advertisement"
    assert env.tip in answer.text and "hidden" not in answer.text
    assert refs(hub, owner.handle, "", "refs/heads/") == {"refs/heads/web": env.tip}
    assert set(refs(hub, owner.handle, owner.token)) == {"refs/heads/web", "refs/heads/hidden"}
    m.clone(hub, owner.handle, "web", m.work / "anonymous.git", check=True)


def test_the_user_name_of_basic_is_ignored(hub, pushed, owner):
    credentials = bench.base64.b64encode(f"whoever:{owner.token}".encode()).decode()
    answer = hub.http(f"/git/{owner.handle}/floxmeta/info/refs?service=git-receive-pack", headers={"Authorization": "Basic " + credentials})
    assert answer.status == 200 and pushed[1].tip in answer.text


def test_version_2_is_a_list_of_capabilities_and_version_0_one_of_refs(hub, pushed, owner):
    two = lines_of(adv(hub, owner.handle, version=2, basic="").body)
    assert two[0] == b"version 2\n" and two[-1] is None
    assert b"ls-refs=unborn\n" in two and b"object-format=sha1\n" in two and b"fetch\n" in two
    zero = lines_of(adv(hub, owner.handle, basic="").body)
    assert zero[0] == b"# service=git-upload-pack\n" and zero[1] is None and zero[-1] is None
    first, capabilities = zero[2].rstrip(b"\n").split(b"\0")
    assert first == f"{pushed[1].tip} HEAD".encode() and zero[3] == f"{pushed[1].tip} refs/heads/web\n".encode()
    assert b"symref=HEAD:refs/heads/web" in capabilities
    assert {b"multi_ack_detailed", b"side-band-64k", b"ofs-delta", b"no-done"} <= set(capabilities.split())


def test_the_advertisement_of_a_push_lists_tips_and_offers_no_more_than_is_kept(hub, pushed, owner):
    lines = lines_of(adv(hub, owner.handle, "git-receive-pack", basic=owner.token).body)
    first, capabilities = lines[2].rstrip(b"\n").split(b"\0")
    assert first == f"{pushed[1].tip} refs/heads/web".encode()
    words = capabilities.split()
    assert {b"report-status", b"side-band-64k", b"ofs-delta", b"no-thin"} <= set(words)
    assert not {b"delete-refs", b"atomic", b"push-options"} & set(words)


# -- 5, 6: listing and negotiating

def test_prefixes_narrow_the_list_and_nothing_found_is_a_lone_flush(hub, pushed, owner):
    m, env = pushed
    other = bench.Environment(m, "other")
    other.generation()
    m.push(hub, owner.handle, other.repo, "HEAD:other", owner.token, check=True)
    assert refs(hub, owner.handle, "", "refs/heads/web") == {"refs/heads/web": env.tip}
    assert set(refs(hub, owner.handle, "", "HEAD", "refs/heads/")) == {"refs/heads/web", "refs/heads/other"}
    assert ls_refs(hub, owner.handle, "", "refs/heads/none", "refs/tags/").body == b"0000"


def test_head_is_an_environment_that_the_caller_may_see_for_people_who_clone_by_hand(hub, pushed, owner, machine):
    m, env = pushed
    first = bench.Environment(m, "default")
    first.generation()
    m.push(hub, owner.handle, first.repo, "HEAD:default", owner.token, check=True)
    assert lines_of(ls_refs(hub, owner.handle, "", "HEAD").body) == [f"{first.tip} HEAD symref-target:refs/heads/default\n".encode(), None]
    hub.admin(f"env visibility {owner.handle}/default private")
    assert lines_of(ls_refs(hub, owner.handle, "", "HEAD").body) == [f"{env.tip} HEAD symref-target:refs/heads/web\n".encode(), None]
    person = machine()
    person.git("clone", "-q", f"{hub.git_url}/{owner.handle}/floxmeta", "plain", hub=hub, owner=owner.handle, check=True)
    assert (person.work / "plain" / "metadata.json").exists()


def test_an_unlisted_environment_is_found_by_its_exact_name_alone(hub, pushed, owner, stranger, machine):
    m, env = pushed
    hub.admin(f"env visibility {owner.handle}/web unlisted")
    for token in ("", stranger.token):
        assert refs(hub, owner.handle, token) == {}
        assert refs(hub, owner.handle, token, "refs/heads/", "refs/heads/we", "web", "refs/") == {}
        assert refs(hub, owner.handle, token, "refs/heads/", "refs/tags/", "web", "refs/heads/web") == {"refs/heads/web": env.tip}
        assert env.tip not in adv(hub, owner.handle, basic=token).text
    machine().clone(hub, owner.handle, "web", "named.git", stranger.token, check=True)
    assert set(refs(hub, owner.handle, owner.token)) == {"refs/heads/web"}


def test_a_want_with_done_is_answered_by_the_pack_at_once_in_lines_that_git_takes(hub, pushed, owner):
    m, env = pushed
    lines = lines_of(fetch(hub, owner.handle, "", [env.tip]).body)
    assert lines[0] == b"packfile\n" and lines[-1] is None
    assert all(len(line) <= 65516 for line in lines if line)
    pack = bands(lines)[1]
    assert pack.startswith(b"PACK") and pack_objects(pack) == len(m.git("-C", env.repo, "rev-list", "--objects", "HEAD", check=True).stdout.split("\n")) - 1


def test_a_common_have_is_acknowledged_ready_and_packed_in_one_answer(hub, pushed, owner):
    m, env = pushed
    lines = lines_of(fetch(hub, owner.handle, "", [env.tip], haves=["12" * 20, m.git("-C", env.repo, "rev-parse", "HEAD~1", check=True).stdout.strip()],
                           done=False).body)
    have = m.git("-C", env.repo, "rev-parse", "HEAD~1", check=True).stdout.strip()
    assert lines[:5] == [b"acknowledgments\n", f"ACK {have}\n".encode(), b"ready\n", b"0001", b"packfile\n"]
    new = m.git("-C", env.repo, "rev-list", "--objects", "HEAD", "^HEAD~1", check=True).stdout.split("\n")
    assert pack_objects(bands(lines)[1]) == len(new) - 1


def test_nothing_in_common_is_a_nak_and_no_pack(hub, pushed, owner):
    env = pushed[1]
    assert lines_of(fetch(hub, owner.handle, "", [env.tip], haves=["12" * 20], done=False).body) == [b"acknowledgments\n", b"NAK\n", None]
    assert lines_of(fetch(hub, owner.handle, "", [env.tip], done=False).body) == [b"acknowledgments\n", b"NAK\n", None]


def test_version_0_acknowledges_as_its_capabilities_ask(hub, pushed, owner):
    m, env = pushed
    have = m.git("-C", env.repo, "rev-parse", "HEAD~1", check=True).stdout.strip()
    ack = f"ACK {have}".encode()

    def ask(capabilities, *rest):
        body = pkt(f"want {env.tip} {capabilities}\n") + b"0000" + b"".join(pkt(r) if r else b"0000" for r in rest)
        return post(hub, owner.handle, "git-upload-pack", body, basic="").body

    plain = ask("ofs-delta", "done\n")
    assert plain.startswith(b"0008NAK\nPACK")
    assert lines_of(ask("", f"have {have}\n", None)) == [ack + b"\n"]
    assert ask("", f"have {have}\n", "done\n").startswith(pkt(ack + b"\n") + b"PACK")
    assert lines_of(ask("", f"have {'12' * 20}\n", None)) == [b"NAK\n"]
    detailed = ask("multi_ack_detailed side-band-64k", f"have {have}\n", None)
    assert lines_of(detailed) == [ack + b" common\n", ack + b" ready\n", b"NAK\n"]
    at_once = lines_of(ask("multi_ack_detailed no-done side-band-64k", f"have {have}\n", None))
    assert at_once[:4] == [ack + b" common\n", ack + b" ready\n", b"NAK\n", ack + b"\n"] and bands(at_once)[1].startswith(b"PACK")
    assert lines_of(ask("multi_ack_detailed side-band-64k", f"have {have}\n", "done\n"))[:2] == [ack + b" common\n", ack + b"\n"]


def test_what_is_not_offered_is_an_err_that_names_it(hub, pushed, owner):
    env = pushed[1]
    for line, word in ((f"shallow {env.tip}\n", "shallow"), ("deepen 1\n", "deepen"), ("filter blob:none\n", "filter"), ("want-ref refs/heads/web\n", "want-ref")):
        body = pkt("command=fetch") + b"0001" + pkt(f"want {env.tip}\n") + pkt(line) + pkt("done\n") + b"0000"
        answer = post(hub, owner.handle, "git-upload-pack", body, version=2, basic="")
        assert answer.status == 200 and answer.body[4:8] == b"ERR " and word in answer.text
    m = pushed[0]
    shallow = m.git("clone", "--depth", "1", "--branch", "web", f"{hub.git_url}/{owner.handle}/floxmeta", "shallow", hub=hub, owner=owner.handle)
    assert shallow.returncode != 0 and "shallow" in shallow.stderr


# -- 7, 8: cloning and fetching

def test_a_clone_is_byte_identical_and_a_fetch_brings_only_what_is_new(hub, pushed, owner):
    m, env = pushed
    m.clone(hub, owner.handle, "web", "web.git", owner.token, check=True)
    theirs, ours = (m.git("-C", r, "cat-file", "--batch-check", "--batch-all-objects", check=True).stdout for r in (env.repo, "web.git"))
    assert theirs == ours
    change(env)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    fetched = m.git("-C", "web.git", "fetch", "-v", "dynamicorigin", "+web:web", hub=hub, owner=owner.handle, token=owner.token, check=True,
                    env={"GIT_TRACE_CURL": "1"}, config=("fetch.unpackLimit=1",))
    assert m.git("-C", "web.git", "rev-parse", "web", check=True).stdout.strip() == env.tip
    assert fetched.stderr.count("POST /git/") >= 2
    newest = max((m.work / "web.git/objects/pack").glob("*.idx"), key=lambda p: p.stat().st_mtime_ns)
    listed = m.git("-C", "web.git", "show-index", input=newest.read_bytes()).stdout.decode().count("\n")
    assert listed == m.git("-C", env.repo, "rev-list", "--objects", "HEAD", "^HEAD~1", check=True).stdout.count("\n")
    again = m.git("-C", "web.git", "fetch", "dynamicorigin", "+web:web", hub=hub, owner=owner.handle, token=owner.token, check=True,
                  env={"GIT_TRACE_CURL": "1"})
    assert len(re.findall(r"=> Send header: POST /git/", again.stderr)) == 1, "ls-refs alone"
    m.git("-C", "web.git", "fsck", "--strict", check=True)


def test_a_fetch_with_many_unrelated_commits_goes_through_nak_rounds(hub, pushed, owner):
    m, env = pushed
    m.clone(hub, owner.handle, "web", "web.git", owner.token, check=True)
    m.git("init", "-q", "-b", "mine", "mine", check=True)
    for n in range(80):
        m.git("-C", "mine", "commit", "-q", "--allow-empty", "-m", str(n), check=True)
    m.git("-C", "web.git", "fetch", "-q", m.work / "mine", "mine:mine", check=True)
    env.edit()
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    for version in ("2", "0"):
        shutil.copytree(m.work / "web.git", m.work / f"v{version}.git")
        m.git("-C", f"v{version}.git", "fetch", "dynamicorigin", "+web:web", hub=hub, owner=owner.handle, token=owner.token, check=True,
              config=(f"protocol.version={version}",))
        assert m.git("-C", f"v{version}.git", "rev-parse", "web", check=True).stdout.strip() == env.tip
        m.git("-C", f"v{version}.git", "fsck", "--strict", check=True)


def test_a_fetch_after_a_forced_push_gets_the_new_history(hub, pushed, owner):
    m, env = pushed
    m.clone(hub, owner.handle, "web", "web.git", owner.token, check=True)
    other = bench.Environment(m, "web", user="bob")
    other.generation()
    m.push(hub, owner.handle, other.repo, "HEAD:web", owner.token, "--force", check=True)
    refused = m.git("-C", "web.git", "fetch", "dynamicorigin", "web:web", hub=hub, owner=owner.handle, token=owner.token)
    assert refused.returncode == 1 and "non-fast-forward" in refused.stderr
    m.git("-C", "web.git", "fetch", "dynamicorigin", "+web:web", hub=hub, owner=owner.handle, token=owner.token, check=True)
    assert m.git("-C", "web.git", "rev-parse", "web", check=True).stdout.strip() == other.tip


def test_a_first_clone_is_not_much_larger_than_what_repack_makes(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "big", lock=bench.EMPTY_LOCK + "\n" + "\n".join(f"line {n} of a lock file" for n in range(2000)))
    env.generation()
    for n in range(12):
        env.lock += f"\none more line {n}"
        env.edit()
        m.push(hub, owner.handle, env.repo, "HEAD:big", owner.token, check=True)
    pack = bands(lines_of(fetch(hub, owner.handle, "", [env.tip]).body))[1]
    m.git("clone", "-q", "--bare", env.repo, "best.git", check=True)
    m.git("-C", "best.git", "repack", "-adfq", check=True)
    best = sum(p.stat().st_size for p in (m.work / "best.git/objects/pack").glob("*.pack"))
    assert len(pack) <= 1.5 * best, (len(pack), best)


# -- 9, 15: what is absent and what is hidden look the same

def test_a_missing_branch_an_empty_owner_and_no_owner_are_all_not_found(hub, pushed, owner, stranger, machine):
    m = machine()
    for who in (owner.handle, stranger.handle, "nobody-of-that-name"):
        for version in ("2", "0"):
            done = m.clone(hub, who, "nothere", m.work / "none.git", owner.token, config=(f"protocol.version={version}",))
            assert done.returncode != 0 and "fatal: Remote branch nothere not found in upstream origin" in done.stderr, done.stderr
    m.clone(hub, owner.handle, "web", "web.git", check=True)
    gone = m.git("-C", "web.git", "fetch", "dynamicorigin", "+nothere:nothere", hub=hub, owner=owner.handle)
    assert gone.stderr.startswith("fatal: couldn't find remote ref ")
    answers = {adv(hub, who, version=v, basic=stranger.token).body for who in (stranger.handle, "nobody-of-that-name") for v in (2,)}
    assert len(answers) == 1
    assert adv(hub, stranger.handle, basic="").body == adv(hub, "nobody-of-that-name", basic="").body == pkt("# service=git-upload-pack\n") + b"00000000"


def test_a_private_environment_is_not_found_by_a_stranger_and_in_no_answer(hub, pushed, owner, stranger, machine):
    m, env = pushed
    hub.admin(f"env visibility {owner.handle}/web private")
    done = machine().clone(hub, owner.handle, "web", "web.git", stranger.token)
    assert done.returncode != 0 and "fatal: Remote branch web not found" in done.stderr
    for token in ("", stranger.token):
        assert b"web" not in ls_refs(hub, owner.handle, token).body and b"web" not in adv(hub, owner.handle, basic=token).body
    machine().clone(hub, owner.handle, "web", "web.git", owner.token, check=True)


# -- 10-14: pushing

def test_a_first_push_creates_everything_and_is_readable_by_the_next_request(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    empty = lines_of(adv(hub, owner.handle, "git-receive-pack", basic=owner.token).body)
    assert empty[2].startswith(f"{ZERO} capabilities^{{}}\0".encode()) and empty[3] is None
    done = m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    assert done.stdout.split("\n")[1].startswith("*\tHEAD:refs/heads/web\t[new branch]")
    assert refs(hub, owner.handle, "") == {"refs/heads/web": env.tip}


def test_the_flags_of_porcelain_are_those_the_official_client_reads(hub, pushed, owner):
    m, env = pushed
    flag = lambda done: done.stdout.split("\n")[1].split("\t")[0]  # noqa: E731
    env.edit()
    assert flag(m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)) == " "
    assert flag(m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)) == "="
    other = bench.Environment(m, "web", user="bob")
    other.generation()
    refused = m.push(hub, owner.handle, other.repo, "HEAD:web", owner.token)
    assert refused.returncode != 0 and flag(refused) == "!" and "[rejected] (fetch first)" in refused.stdout
    assert refs(hub, owner.handle, "") == {"refs/heads/web": env.tip}
    forced = m.push(hub, owner.handle, other.repo, "HEAD:web", owner.token, "--force", check=True)
    assert flag(forced) == "+" and "(forced update)" in forced.stdout
    assert refs(hub, owner.handle, "") == {"refs/heads/web": other.tip}
    back = m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, "--force", check=True)
    assert flag(back) == "+" and refs(hub, owner.handle, "") == {"refs/heads/web": env.tip}


def test_pushing_without_or_with_a_bad_credential_is_an_authentication_failure(hub, pushed, owner):
    m, env = pushed
    before = env.tip
    env.edit()
    for token in ("", "flox_pat_not_a_token_of_this_hub"):
        done = m.push(hub, owner.handle, env.repo, "HEAD:web", token)
        assert done.returncode != 0 and "Authentication failed" in done.stderr, done.stderr
    assert refs(hub, owner.handle, "") == {"refs/heads/web": before}


def test_a_stranger_is_denied_before_anything_is_sent(hub, pushed, owner, stranger):
    m, env = pushed
    before = env.tip
    env.edit()
    for who in (owner.handle, "nobody-of-that-name"):
        done = m.push(hub, who, env.repo, "HEAD:web", stranger.token)
        assert done.returncode != 0 and "DENIED" in done.stderr, done.stderr
        answer = adv(hub, who, "git-receive-pack", basic=stranger.token)
        assert answer.status == 403 and answer.headers["Content-Type"].startswith("text/plain") and "DENIED" in answer.text
    assert adv(hub, owner.handle, "git-receive-pack", basic=stranger.token).text == \
        adv(hub, "nobody-of-that-name", "git-receive-pack", basic=stranger.token).text
    raw = push_raw(hub, owner.handle, stranger.token, [(before, env.tip, "refs/heads/web")], pack_of(env.repo, env.tip, f"^{before}"))
    assert "DENIED" in raw.text and "ok refs/heads/web" not in raw.text
    assert refs(hub, owner.handle, "") == {"refs/heads/web": before}


def test_a_token_with_scope_read_may_not_push(hub, pushed, owner):
    m, env = pushed
    env.edit()
    done = m.push(hub, owner.handle, env.repo, "HEAD:web", hub.token(owner.handle, "--scope", "read"))
    assert done.returncode != 0 and "DENIED" in done.stderr, done.stderr


def test_members_of_an_organisation_push_and_read_by_their_role(hub, machine, owner, stranger):
    m = machine()
    org, env = hub.new_org(owner), bench.Environment(m, "team")
    env.generation()
    hub.admin("member", "set", org, stranger.handle, "reader")
    m.push(hub, org, env.repo, "HEAD:team", owner.token, check=True)
    assert refs(hub, org, "") == {}, "an organisation's environments are private at first"
    assert refs(hub, org, stranger.token) == {"refs/heads/team": env.tip}
    env.edit()
    assert "DENIED" in m.push(hub, org, env.repo, "HEAD:team", stranger.token).stderr
    hub.admin("member", "set", org, stranger.handle, "writer")
    m.push(hub, org, env.repo, "HEAD:team", stranger.token, check=True)
    assert refs(hub, org, owner.token) == {"refs/heads/team": env.tip}


# -- 16, 26: wants

def test_old_tips_and_generations_stay_fetchable_and_hidden_ones_are_not_our_ref(hub, pushed, owner, stranger):
    m, env = pushed
    first = m.git("-C", env.repo, "rev-parse", "HEAD~1", check=True).stdout.strip()
    assert b"PACK" in fetch(hub, owner.handle, "", [first]).body, "an ancestor of a readable tip"
    other = bench.Environment(m, "web", user="bob")
    other.generation()
    replaced = env.tip
    m.push(hub, owner.handle, other.repo, "HEAD:web", owner.token, "--force", check=True)
    assert b"PACK" in fetch(hub, owner.handle, "", [replaced]).body, "a tip that was just replaced"
    hub.admin(f"env visibility {owner.handle}/web private")
    for want in (other.tip, replaced, "12" * 20):
        answer = fetch(hub, owner.handle, stranger.token, [want])
        assert answer.body == pkt(f"ERR upload-pack: not our ref {want}\n")
    assert b"PACK" in fetch(hub, owner.handle, owner.token, [other.tip]).body


# -- 17: races

def test_a_push_against_a_moved_tip_is_ng_and_changes_nothing(hub, pushed, owner):
    m, env = pushed
    old, tip = m.git("-C", env.repo, "rev-parse", "HEAD~1", check=True).stdout.strip(), env.tip
    env.edit()
    for stale in (old, ZERO, "12" * 20):
        answer = push_raw(hub, owner.handle, owner.token, [(stale, env.tip, "refs/heads/web")], pack_of(env.repo, env.tip, f"^{tip}"))
        report = lines_of(bands(lines_of(answer.body))[1])
        assert report == [b"unpack ok\n", b"ng refs/heads/web fetch first\n", None]
    assert refs(hub, owner.handle, "") == {"refs/heads/web": tip}


# -- 18, 29: what is refused

def test_deletions_tags_and_several_commands_are_ng_with_a_reason(hub, pushed, owner):
    m, env = pushed
    tip, pack = env.tip, pack_of(env.repo, env.tip)
    for commands in ([(tip, ZERO, "refs/heads/web")], [(ZERO, tip, "refs/tags/v1")], [(ZERO, tip, "HEAD")], [(ZERO, tip, "refs/notes/x")],
                     [(ZERO, tip, "refs/heads/a"), (ZERO, tip, "refs/heads/b")]):
        report = lines_of(bands(lines_of(push_raw(hub, owner.handle, owner.token, commands, pack).body))[1])
        assert report[0] == b"unpack ok\n" and report[-1] is None
        assert [line.split()[:2] for line in report[1:-1]] == [[b"ng", ref.encode()] for _, _, ref in commands]
        assert all(len(line.split()) > 2 for line in report[1:-1])
    assert refs(hub, owner.handle, "") == {"refs/heads/web": tip}
    for spec in (":web", "HEAD:refs/tags/v1"):
        done = m.push(hub, owner.handle, env.repo, spec, owner.token)
        assert done.returncode != 0 and "!" in done.stdout


@pytest.mark.parametrize("name", ["a b", "..", "x.lock", "DENIED", "HEAD", "0" * 40, "a" * 101, "-x", ".x", "x."])
def test_an_illegal_name_is_refused_with_its_reason_on_side_band_3(hub, pushed, owner, name):
    m, env = pushed
    answer = push_raw(hub, owner.handle, owner.token, [(ZERO, env.tip, f"refs/heads/{name}")], pack_of(env.repo, env.tip))
    band = bands(lines_of(answer.body))
    assert answer.status == 200 and band[1] == b"" and len(band[3]) > 20
    assert refs(hub, owner.handle, "") == {"refs/heads/web": env.tip}


def test_a_name_that_differs_only_in_case_is_refused(hub, pushed, owner):
    m, env = pushed
    done = m.push(hub, owner.handle, env.repo, "HEAD:refs/heads/Web", owner.token)
    assert done.returncode != 0 and "remote: " in done.stderr and "case" in done.stderr
    assert refs(hub, owner.handle, "") == {"refs/heads/web": env.tip}


def commit_without(m, env, what):
    """A commit on top of env whose metadata.json is what (None: absent)."""
    if what is None:
        m.git("-C", env.repo, "rm", "-q", "--cached", "metadata.json", check=True)
    else:
        (env.repo / "metadata.json").write_text(what)
        m.git("-C", env.repo, "add", "-A", check=True)
    m.git("-C", env.repo, "commit", "-q", "-m", "odd", check=True)


@pytest.mark.parametrize("metadata", [None, "", "not json", "[]", "null", '{"a":1} x', '{"a":' * 100 + "1" + "}" * 100])
def test_a_tip_without_metadata_that_parses_as_an_object_is_refused_and_shown_why(hub, pushed, owner, metadata):
    m, env = pushed
    tip, packs = env.tip, hub.sql("select count(*) from git_pack")
    commit_without(m, env, metadata)
    done = m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token)
    assert done.returncode != 0 and "remote: " in done.stderr and "metadata.json" in done.stderr, done.stderr
    assert not [line for line in done.stdout.split("\n") if line.startswith("!")], "an ng would be read as: exists already"
    assert refs(hub, owner.handle, "") == {"refs/heads/web": tip}
    assert hub.sql("select count(*) from git_pack") == packs


def test_a_client_without_side_bands_gets_the_reason_in_its_report(hub, pushed, owner):
    m, env = pushed
    pack = pack_of(env.repo, env.tip)
    answer = push_raw(hub, owner.handle, owner.token, [(ZERO, env.tip, "refs/heads/a b")], pack, capabilities="report-status")
    report = lines_of(answer.body)
    assert report[0].startswith(b"unpack ") and report[0] != b"unpack ok\n" and report[1].startswith(b"ng refs/heads/a b ")
    fine = push_raw(hub, owner.handle, owner.token, [(ZERO, env.tip, "refs/heads/second")], pack, capabilities="report-status")
    assert lines_of(fine.body) == [b"unpack ok\n", b"ok refs/heads/second\n", None]


# -- 19, 20, 27, 28: transport

def test_the_probe_of_a_large_push_is_answered_200_and_a_chunked_push_lands(hub, machine, owner):
    probe = post(hub, owner.handle, "git-receive-pack", b"0000", basic=owner.token)
    assert probe.status == 200 and probe.body in (b"", b"0000")
    assert probe.headers["Content-Type"] == "application/x-git-receive-pack-result"
    m = machine()
    env = bench.Environment(m, "large", lock=bench.EMPTY_LOCK + "\n" + "".join(bench.base64.b64encode(bench.os.urandom(3 << 20)).decode()))
    env.generation()
    done = m.push(hub, owner.handle, env.repo, "HEAD:large", owner.token, check=True, env={"GIT_TRACE_CURL": "1"})
    assert "Transfer-Encoding: chunked" in done.stderr
    m.clone(hub, owner.handle, "large", "large.git", owner.token, check=True)
    assert m.git("-C", "large.git", "rev-parse", "large", check=True).stdout.strip() == env.tip


def test_a_gzipped_request_is_the_same_as_a_plain_one(hub, pushed, owner):
    env = pushed[1]
    body = pkt("command=fetch") + b"0001" + pkt(f"want {env.tip}\n") + b"".join(pkt("have %040x\n" % n) for n in range(1, 400)) + pkt("done\n") + b"0000"
    plain = post(hub, owner.handle, "git-upload-pack", body, version=2, basic="")
    zipped = post(hub, owner.handle, "git-upload-pack", gzip.compress(body), version=2, basic="", headers={"Content-Encoding": "gzip"})
    assert zipped.status == 200 and zipped.body == plain.body and b"PACK" in plain.body


def test_repeated_slashes_and_the_ending_dot_git_name_the_same_repository(hub, pushed, owner):
    want = adv(hub, owner.handle, basic=owner.token).body
    for path in (f"//git/{owner.handle}/floxmeta", f"/git//{owner.handle}/floxmeta", f"/git/{owner.handle}//floxmeta", f"/git/{owner.handle}/floxmeta.git"):
        answer = hub.http(f"{path}/info/refs?service=git-upload-pack", basic=owner.token)
        assert answer.status == 200 and answer.body == want


def test_no_answer_of_git_may_be_cached_and_types_are_exact(hub, pushed, owner):
    m, env = pushed
    answers = {
        "application/x-git-upload-pack-advertisement": adv(hub, owner.handle, basic=owner.token),
        "application/x-git-receive-pack-advertisement": adv(hub, owner.handle, "git-receive-pack", basic=owner.token),
        "application/x-git-upload-pack-result": fetch(hub, owner.handle, "", [env.tip]),
        "application/x-git-receive-pack-result": push_raw(hub, owner.handle, owner.token, [(ZERO, env.tip, "refs/tags/x")]),
    }
    for kind, answer in answers.items():
        assert answer.status == 200 and answer.headers["Content-Type"] == kind and "no-cache" in answer.headers["Cache-Control"]


def test_dumb_http_is_told_what_is_wanted(hub, pushed, owner):
    for query in ("", "?service=git-upload-archive", "?service="):
        answer = hub.http(f"/git/{owner.handle}/floxmeta/info/refs{query}", basic=owner.token)
        assert 400 <= answer.status < 500 and len(answer.text) > 10


# -- 21: what is received is whole

def test_a_corrupt_or_incomplete_pack_leaves_no_trace(hub, pushed, owner):
    m, env = pushed
    tip, packs = env.tip, hub.sql("select count(*) from git_pack")
    env.edit()
    whole = pack_of(env.repo, env.tip, f"^{tip}")
    objects = m.git("-C", env.repo, "rev-list", "--objects", "--no-object-names", env.tip, f"^{tip}", check=True).stdout.split()
    partial = subprocess.run(["git", "-C", env.repo, "pack-objects", "--stdout", "-q"], input="\n".join(objects[:-1]).encode() + b"\n",
                             capture_output=True, check=True).stdout
    flipped = bytearray(whole)
    flipped[len(flipped) // 2] ^= 0xFF
    for pack in (bytes(flipped), whole[:-30], partial, b""):
        answer = push_raw(hub, owner.handle, owner.token, [(tip, env.tip, "refs/heads/web")], pack)
        band = bands(lines_of(answer.body))
        assert answer.status == 200 and band[1] == b"" and len(band[3]) > 20
    assert refs(hub, owner.handle, "") == {"refs/heads/web": tip}
    assert hub.sql("select count(*) from git_pack") == packs
    assert [p for p in (hub.data / "tmp").glob("push-*")] == []
    fine = push_raw(hub, owner.handle, owner.token, [(tip, env.tip, "refs/heads/web")], whole)
    assert lines_of(bands(lines_of(fine.body))[1])[:2] == [b"unpack ok\n", b"ok refs/heads/web\n"]


def test_a_second_branch_at_the_same_commit_needs_no_objects(hub, pushed, owner):
    m, env = pushed
    m.push(hub, owner.handle, env.repo, "HEAD:copy", owner.token, check=True)
    answer = push_raw(hub, owner.handle, owner.token, [(ZERO, env.tip, "refs/heads/third")])
    assert lines_of(bands(lines_of(answer.body))[1])[:2] == [b"unpack ok\n", b"ok refs/heads/third\n"]
    assert set(refs(hub, owner.handle, "")) == {"refs/heads/web", "refs/heads/copy", "refs/heads/third"}


# -- 22: limits

def test_an_owner_over_its_quota_is_told_so(new_hub, machine):
    hub, m = new_hub("--owner-quota", "200K"), machine()
    owner = hub.new_user()
    env = bench.Environment(m, "web")
    env.generation()
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    tip = env.tip
    env.generation(lock=bench.EMPTY_LOCK + "\n" + bench.base64.b64encode(bench.os.urandom(1 << 18)).decode())
    done = m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token)
    assert done.returncode != 0 and "remote: " in done.stderr and "allowed" in done.stderr, done.stderr
    assert refs(hub, owner.handle, "") == {"refs/heads/web": tip}


# -- 23: metadata as rows

def test_metadata_of_any_version_lands_and_a_broken_one_breaks_nothing_else(hub, pushed, owner):
    m, env = pushed
    old, new, odd = (bench.Environment(m, n) for n in ("old", "new", "odd"))
    old.generation()
    commit_without(m, old, '{"currentGen":"2","generations":{"1":{"created":1,"lastActive":2,"description":"a"},"2":{"created":2,"lastActive":null,"description":"b"}},"version":1}')
    new.generation()
    commit_without(m, new, '{"version":3,"something":"else"}')
    odd.history.append({"kind": "levitate", "height": 3, "author": "a", "hostname": "h", "timestamp": 1, "current_generation": "1"})
    odd.total = 1
    commit_without(m, odd, bench.json.dumps({"version": 2, "history": odd.history, "total_generations": 1, "more": {"x": 1}}))
    for e in (old, new, odd):
        m.push(hub, owner.handle, e.repo, f"HEAD:{e.name}", owner.token, check=True)
    listed = {e["name"]: e for e in bench.json.loads(hub.admin("env", "list", owner.handle, "--json").stdout)}
    assert (listed["web"]["generations"], listed["web"]["live"]) == (2, 2)
    assert (listed["old"]["generations"], listed["old"]["live"]) == (2, 2)
    assert (listed["odd"]["generations"], listed["odd"]["live"]) == (1, 1)
    assert set(listed) == {"web", "old", "new", "odd"}


# -- the bare repository, and what is kept

def test_the_bare_repository_on_disk_can_be_read_by_git_after_each_push(hub, pushed, owner):
    m, env = pushed
    repo = hub.data / "git" / owner.handle / "floxmeta.git"
    for _ in range(3):
        env.edit()
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
        config = ("safe.directory=*",)
        assert m.git("-C", repo, "rev-parse", "web", check=True, config=config).stdout.strip() == env.tip
        assert env.tip[:7] in m.git("-C", repo, "log", "--oneline", "--no-decorate", check=True, config=config).stdout
        m.git("-C", repo, "fsck", "--strict", check=True, config=config)
    assert repo.stat().st_mode & 0o777 == 0o700


def test_changes_made_by_hand_in_the_bare_repository_are_passed_over(hub, pushed, owner):
    m, env = pushed
    repo = hub.data / "git" / owner.handle / "floxmeta.git"
    m.git("-C", repo, "update-ref", "refs/heads/planted", env.tip, check=True, config=("safe.directory=*",))
    (repo / "HEAD").write_text("ref: refs/heads/planted\n")
    for pack in (repo / "objects/pack").iterdir():
        pack.unlink()
    assert refs(hub, owner.handle, owner.token) == {"refs/heads/web": env.tip}
    env.edit()
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    m.clone(hub, owner.handle, "web", "web.git", owner.token, check=True)
    assert (repo / "HEAD").read_text() == "ref: refs/heads/web\n"


def test_the_same_clone_is_built_once_for_all_who_may_have_it(hub, pushed, owner, stranger):
    m, env = pushed
    hidden = bench.Environment(m, "hidden")
    hidden.generation()
    m.push(hub, owner.handle, hidden.repo, "HEAD:hidden", owner.token, check=True)
    hub.admin(f"env visibility {owner.handle}/hidden private")
    folder = hub.data / "cache" / "packs"
    first = fetch(hub, owner.handle, owner.token, [env.tip]).body
    files = {p.name: p.stat().st_ino for p in folder.iterdir()}
    assert first == fetch(hub, owner.handle, stranger.token, [env.tip]).body == fetch(hub, owner.handle, "", [env.tip]).body
    assert {p.name: p.stat().st_ino for p in folder.iterdir()} == files
    hub.admin(f"env visibility {owner.handle}/web private")
    assert b"PACK" not in fetch(hub, owner.handle, stranger.token, [env.tip]).body, "a cached pack is no way around the check"


def test_many_pushes_are_compacted_and_nothing_is_lost(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "web")
    env.generation()
    count = f"select count(*) from git_pack p join owner o on o.id = p.owner_id where o.handle = '{owner.handle}'"
    for _ in range(30):
        env.edit()
        m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    bench.wait_for(lambda: int(hub.sql(count)) < 24)
    m.clone(hub, owner.handle, "web", "web.git", owner.token, check=True)
    assert m.git("-C", "web.git", "rev-parse", "web", check=True).stdout.strip() == env.tip
    m.git("-C", "web.git", "fsck", "--strict", check=True)


def test_a_fetch_brings_exactly_what_is_new_also_where_a_new_generation_has_an_unchanged_lock(hub, machine, owner):
    m = machine()
    env = bench.Environment(m, "same")
    env.generation()
    env.edit(5)
    m.push(hub, owner.handle, env.repo, "HEAD:same", owner.token, check=True)
    m.clone(hub, owner.handle, "same", m.work / "same.git", owner.token, check=True)
    old, new = env.tip, None
    for _ in range(2):
        new = env.generation(f'schema-version = "1.15.0"\n# {env.total}\n', lock=bench.EMPTY_LOCK, kind="edit",
                             summary="manually edited the manifest", at=env.at + 60)
    m.push(hub, owner.handle, env.repo, "HEAD:same", owner.token, check=True)

    def objects():
        done = m.git("-C", "same.git", "cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered", check=True)
        return done.stdout.split()

    before = objects()
    m.git("-C", "same.git", "fetch", "dynamicorigin", "+same:same", hub=hub, owner=owner.handle, token=owner.token, check=True,
          config=["fetch.unpackLimit=1"])
    packs = sorted((m.work / "same.git/objects/pack").glob("*.idx"), key=lambda p: p.stat().st_mtime_ns)
    index = m.run("git", "show-index", cwd=m.work / "same.git", input=packs[-1].read_bytes(), check=True).stdout.decode()
    brought = {line.split()[1] for line in index.splitlines()}
    wanted = set(m.git("-C", "same.git", "rev-list", "--objects", "--no-object-names", new, f"^{old}", check=True).stdout.split())
    assert brought == wanted and not brought & set(before)
