"""floe org|member|token|env against hubs that are busy, broken or hostile."""

import json
import os
import pty
import re
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest

from misbehaving import Misbehaving, html

ESCAPE = "\x1b]0;owned\x07\x1b[31m\x9b31m\u202e"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ENV = {"owner": "alice", "name": "web", "visibility": "public", "tip": "ab" * 20, "generations": 3, "live": 2, "broken": None,
       "role": "owner", "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:06Z", "url": "http://x/alice/web"}


def says(value, status=200, **headers):
    return status, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}, json.dumps(value).encode()


def refuses(status, detail, **headers):
    return says({"detail": detail, "status": status, "title": "x", "type": "about:blank"}, status, **headers)


@pytest.fixture
def floe(machine):
    """Runs floe against a hub, logged in; returns what came of it."""
    m = machine()

    def run(hub, *args, token="flox_pat_secret", **kwargs):
        env = {"FLOE_HUB": hub.url, "FLOE_TOKEN": token, **kwargs.pop("env", {})}
        return m.floe(*args, env=env, **kwargs)

    run.machine = m
    return run


def test_a_busy_hub_is_asked_again_with_the_same_key_after_the_time_it_names(floe):
    answers = [refuses(429, "Slow down.", Retry_After="1"), refuses(503, "Wait.", Retry_After="1"),
               says({"handle": "acme"}, 201)]
    with Misbehaving(lambda *_: answers.pop(0)) as hub:
        began = time.monotonic()
        done = floe(hub, "org", "create", "acme")
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began >= 2
        keys = {headers["Idempotency-Key"] for _, _, headers, _ in hub.requests}
        assert len(hub.requests) == 3 and len(keys) == 1 and len(keys.pop()) >= 16
        assert {(m, p, b) for m, p, _, b in hub.requests} == {("POST", "/api/v1/orgs", b'{"handle":"acme"}')}


@pytest.mark.parametrize("headers", [{"Retry_After": "3600"}, {}, {"Retry_After": "soon"}])
def test_a_hub_that_is_busy_for_long_is_told_so_at_once(floe, headers):
    with Misbehaving(lambda *_: refuses(503, "The hub is being repaired.", **headers)) as hub:
        done = floe(hub, "env", "list")
        assert done.returncode == 1 and "The hub is being repaired." in done.stderr and len(hub.requests) == 1


def test_what_may_have_been_done_is_not_done_again(floe):
    def answer(method, *_):
        return says(ENV, ETag='"t"') if method == "GET" else refuses(503, "Who knows.", Retry_After="1")

    for args in (("env", "rename", "alice/web", "site"), ("env", "delete", "-f", "alice/web"), ("env", "restore", "alice/web")):
        with Misbehaving(answer) as hub:
            done = floe(hub, *args)
            assert done.returncode == 1 and "Who knows." in done.stderr
            assert len([m for m, *_ in hub.requests if m != "GET"]) == 1


def test_all_pages_of_a_list_are_followed(floe):
    def answer(_, path, *__):
        cursor = re.search(r"cursor=([^&]*)", path)
        at = int(cursor[1].removesuffix("%2F%3D")) if cursor else 0
        items = [{**ENV, "name": f"e{i:03}"} for i in range(at, min(at + 200, 450))]
        return says({"items": items, "next": f"{at + 200}/=" if at + 200 < 450 else None})

    with Misbehaving(answer) as hub:
        done = floe(hub, "env", "list", "alice", "--search", "a&b=c", "--json")
        assert done.returncode == 0, done.stderr
        assert [e["name"] for e in json.loads(done.stdout)] == [f"e{i:03}" for i in range(450)]
        assert [p for _, p, *_ in hub.requests][0] == "/api/v1/environments?owner=alice&q=a%26b%3Dc&limit=200"
        done = floe(hub, "org", "audit", "alice", "-n", "250", "--json")
        assert len(json.loads(done.stdout)) == 250


@pytest.mark.parametrize("items", [[], [ENV]])
def test_a_list_without_an_end_ends(floe, items):
    with Misbehaving(lambda *_: says({"items": items, "next": "same"})) as hub:
        done = floe(hub, "env", "list")
        assert done.returncode == 1 and "does not end" in done.stderr and len(hub.requests) <= 3


@pytest.mark.parametrize("answer", [html, lambda *_: (404, {"Content-Type": "text/html"}, b"<h1>no</h1>"), lambda *_: says([1, 2]),
                                    lambda *_: says({"items": {}}), lambda *_: (200, {"Content-Type": "application/json"}, b"{"),
                                    lambda *_: (200, {"Content-Type": "application/json"}, b""), lambda *_: (204, {}, b""),
                                    lambda *_: (500, {}, b""), lambda *_: says({"detail": 7}, 400)])
def test_what_is_no_hub_is_told_from_one(floe, answer):
    for args in (("env", "list"), ("org", "list"), ("token", "list"), ("member", "list", "acme")):
        with Misbehaving(answer) as hub:
            done = floe(hub, *args)
            assert done.returncode == 1 and done.stdout == "" and f"at {hub.url} " in done.stderr, done.stderr


def test_a_hub_that_is_not_there_is_named(floe):
    with socket.socket() as nobody:  # the port is taken, so that no other test's hub comes there, but nobody listens
        nobody.bind(("127.0.0.1", 0))
        hub = SimpleNamespace(url=f"http://127.0.0.1:{nobody.getsockname()[1]}")
        done = floe(hub, "env", "list")
    assert done.returncode == 1 and f"Cannot reach the hub at {hub.url}" in done.stderr


def test_nothing_a_hub_says_reaches_the_terminal_as_more_than_text(floe):
    """Terminal escapes (attack class 21)."""
    bad = {k: ESCAPE + str(v) for k, v in ENV.items() if isinstance(v, str)}
    item = {**bad, "handle": ESCAPE, "kind": "org", "user": ESCAPE, "hint": ESCAPE, "actor": ESCAPE, "action": ESCAPE, "object": ESCAPE,
            "remote": ESCAPE, "detail": {ESCAPE: ESCAPE}, "at": ESCAPE, "scope": ESCAPE, "expires_at": ESCAPE, "id": ESCAPE, "broken": ESCAPE}

    def answer(_, path, *__):
        one = re.search(r"/owners/[^/]*$|/environments/", path)
        return says(item, ETag='"t"') if one else says({"items": [item], "next": None})

    for args in (["env", "list"], ["env", "show", "a/b"], ["org", "list"], ["org", "show", "acme"], ["org", "audit", "acme"],
                 ["member", "list", "acme"], ["token", "list"]):
        with Misbehaving(answer) as hub:
            for more in ([], ["--json"]):
                done = floe(hub, *args, *more)
                assert done.returncode == 0, done.stderr
                assert more or not HARMFUL.search(done.stdout + done.stderr), args
            assert "owned" not in floe(hub, *args).stdout
            screen = on_terminal(floe, hub, *args, "--json")
            assert screen.strip() and not HARMFUL.search(screen.replace("\r\n", "\n")), args
            data = json.loads(done.stdout)
            shown = data[0] if isinstance(data, list) else data
            assert shown["handle"] == ESCAPE  # as data it is whole
    with Misbehaving(lambda *_: refuses(403, "No." + ESCAPE + "\r\nfaked")) as hub:
        done = floe(hub, "env", "list")
        assert "No." in done.stderr and not HARMFUL.search(done.stderr) and "\nfaked" not in done.stderr


@pytest.mark.parametrize("token", ["flox_pat_x\nevil", "flox pat", ESCAPE, "", None, 7, "x" * 9000],
                         ids=["newline", "space", "escapes", "empty", "null", "number", "long"])
def test_a_token_that_is_none_is_not_printed_as_one(floe, token):
    with Misbehaving(lambda *_: says({"id": 7, "token": token}, 201)) as hub:
        done = floe(hub, "token", "create")
        assert done.returncode == 1 and done.stdout == ""


def test_a_new_token_stands_alone_on_standard_output(floe):
    made = {"id": 7, "owner": "acme", "name": "ci", "hint": "flox_svc_…", "scope": "read", "expires_at": None, "token": "flox_svc_" + "a" * 49}
    with Misbehaving(lambda *_: says(made, 201)) as hub:
        done = floe(hub, "token", "create", "--org", "acme", "--name", "ci", "--scope", "read", "--expires", "90d")
        assert done.returncode == 0 and done.stdout == made["token"] + "\n" and made["token"] not in done.stderr
        method, path, headers, body = hub.requests[0]
        assert (method, path) == ("POST", "/api/v1/tokens") and headers["Idempotency-Key"] and headers["Content-Type"] == "application/json"
        assert json.loads(body) == {"owner": "acme", "name": "ci", "scope": "read", "expires": "90d"}
        assert hub.credentials() == ["flox_pat_secret"]


def test_a_change_is_made_to_what_was_looked_at_or_not_at_all(floe):
    def answer(method, *_):
        return says(ENV, ETag='"abc-public"') if method == "GET" else refuses(412, "It is another by now.")

    for args in (("env", "visibility", "alice/web", "private"), ("env", "rename", "alice/web", "site"), ("env", "delete", "-f", "alice/web")):
        with Misbehaving(answer) as hub:
            done = floe(hub, *args)
            assert done.returncode == 1 and "It is another by now." in done.stderr and "repeat" in done.stderr
            assert hub.requests[-1][2]["If-Match"] == '"abc-public"'


def test_without_a_login_nothing_is_asked_that_needs_one(floe):
    with Misbehaving(html) as hub:
        for args in (("org", "list"), ("org", "create", "acme"), ("member", "set", "acme", "bob", "reader"), ("token", "create"),
                     ("env", "delete", "-f", "alice/web"), ("env", "visibility", "alice/web", "public")):
            done = floe(hub, *args, token="")
            assert done.returncode == 1 and "floe auth login" in done.stderr, args
        assert hub.requests == []


@pytest.mark.parametrize("args", [["member", "set", "acme", "bob", "king"], ["token", "create", "--scope", "all"], ["token", "revoke", "x"],
                                  ["token", "revoke"], ["env", "show"], ["member", "set", "acme", "bob"]])
def test_wrong_words_are_usage_errors_that_ask_nobody(floe, args):
    with Misbehaving(html) as hub:
        assert floe(hub, *args).returncode == 2 and hub.requests == []


@pytest.mark.parametrize("name", ["alice", "alice/", "/web", "alice/we b", "../x", "alice/a?b", "alice/..", "alice/web/x"])
def test_names_that_are_none_are_refused_here(floe, name):
    with Misbehaving(html) as hub:
        for verb in ("show", "delete", "restore"):
            done = floe(hub, "env", verb, name, *(["-f"] if verb == "delete" else []))
            assert done.returncode == 1 and ("is invalid" in done.stderr or "is not an environment" in done.stderr)
        assert hub.requests == []


def on_terminal(floe, hub, *args, wait="", typed=""):
    """What is on the screen when floe ran on a terminal, where somebody types something once `wait` is there."""
    leader, follower = pty.openpty()
    env = {**floe.machine.env, "FLOE_HUB": hub.url, "FLOE_TOKEN": "flox_pat_secret"}
    process = subprocess.Popen([floe.machine.workshop.bin / "floe", *args], stdin=follower, stdout=follower, stderr=follower, env=env)
    os.close(follower)
    screen = b""
    try:
        while more := os.read(leader, 4096):
            screen += more
            if typed and wait.encode() in screen:
                os.write(leader, typed.encode())
                typed = ""
    except OSError:  # everybody has closed it
        pass
    os.close(leader)
    on_terminal.status = process.wait(30)
    return screen.decode()


def test_deleting_asks_first_and_says_what_would_go(floe):
    def answer(method, *_):
        return says(ENV, ETag='"t"') if method == "GET" else (204, {}, b"")

    with Misbehaving(answer) as hub:
        for no in ("\n", "n\n", "what\n"):
            screen = on_terminal(floe, hub, "env", "delete", "alice/web", wait="(y/N)", typed=no)
            assert on_terminal.status == 1 and "alice/web and its 3 generations" in screen and "not deleted" in screen
        assert {m for m, *_ in hub.requests} == {"GET"}
        screen = on_terminal(floe, hub, "env", "delete", "alice/web", wait="(y/N)", typed="y\n")
        assert on_terminal.status == 0 and "is deleted" in screen and hub.requests[-1][0] == "DELETE"
    with Misbehaving(answer) as hub:
        done = floe(hub, "env", "delete", "alice/web", input="y\n")
        assert done.returncode == 1 and "-f" in done.stderr and hub.requests == []
