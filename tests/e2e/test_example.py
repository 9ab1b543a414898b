"""The worked example of the protocol: the same bytes give the same ids, on both sides."""

import bench

ROOT, FIRST, SECOND, ROLLBACK = ("1a80df07c70667d2ce0b8136a5c76594e44a7e6f", "685a3d2891950c2db2e095177bb73d2ecc4b8435",
                                 "36e190fffff99fe21c726495cfc477cdbe5dc139", "f7111e2f6bb3a290cb180b7d0a58e50eaf184fdf")
HELLO_LOCK = bench.EMPTY_LOCK.replace('"hook": {}', '"install": {\n      "hello": {\n        "pkg-path": "hello"\n      }\n    },\n    "hook": {}')


def example(m):
    env = bench.Environment(m, "web", at=1760000000)
    assert env.tip == ROOT
    assert env.generation() == FIRST
    assert env.generation('schema-version = "1.15.0"\n\n[install]\nhello.pkg-path = "hello"\n', lock=HELLO_LOCK, kind="install",
                          targets=["hello (hello)"], summary="installed package 'hello (hello)'", command=("flox", "install", "hello"),
                          at=1760003600) == SECOND
    assert env.switch(1, at=1760007200) == ROLLBACK
    return env


def test_the_worked_example_is_pushed_and_cloned_with_the_stated_ids(hub, machine, owner):
    m = machine()
    env = example(m)
    m.push(hub, owner.handle, env.repo, f"{FIRST}:refs/heads/web", owner.token, check=True)
    m.push(hub, owner.handle, env.repo, f"{SECOND}:refs/heads/web", owner.token, check=True)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    m.clone(hub, owner.handle, "web", m.work / "web.git", owner.token, check=True)
    assert m.git("-C", "web.git", "rev-list", "web", check=True).stdout.split() == [ROLLBACK, SECOND, FIRST, ROOT]
    for blob, path in (("037d6cdc78d4cf635bdfc88da3e8e840ee57d0b7", f"{SECOND}:metadata.json"),
                       ("123f6d68258f81c90a011e61aaa5391440c16489", f"{SECOND}:2/env/manifest.lock"),
                       ("2afa6afe40814b0edc9ffe79717557f6cee9f0c4", "web:metadata.json")):
        assert m.git("-C", "web.git", "rev-parse", path, check=True).stdout.strip() == blob
    m.git("-C", "web.git", "fsck", "--strict", check=True)


def test_the_generations_of_a_push_are_rows(hub, machine, owner):
    m = machine()
    env = example(m)
    m.push(hub, owner.handle, env.repo, "HEAD:web", owner.token, check=True)
    listed = bench.json.loads(hub.admin("env", "list", owner.handle, "--json").stdout)
    assert [(e["name"], e["generations"], e["live"]) for e in listed] == [("web", 2, 1)]
