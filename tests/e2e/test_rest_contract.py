"""REST against its contract: schema/openapi.yaml as the hub serves it, the route table, and schemathesis.

schemathesis comes from PyPI into a venv under build/; where PyPI cannot be reached that test is skipped."""

import json
import os
import subprocess

import pytest
import yaml

import bench
from shelf import Shelf
from test_rest import call

SCHEMATHESIS = "schemathesis==4.32.5"
ROUNDS = int(os.environ.get("FLOE_ROUNDS", 20))
SEED = ROUNDS  # the same requests in every run of so many rounds
DERIVATION = Shelf.drv(Shelf.row("hello", "2.12")).rsplit("/", 1)[1]
STORE_PATH = Shelf.output(Shelf.row("hello", "2.12")).rsplit("/", 1)[1]
MANIFEST = 'version = 1\n\n[vars]\nA = "1"\n'


def route_table(hub):
    return json.loads(hub.admin("config routes --json").stdout)


def test_every_route_is_in_the_contract_and_the_other_way_round(hub):
    doc = hub.http("/openapi.json").json
    routes = {(m, r["pattern"].replace("*}", "}")): r for r in route_table(hub) if r["pattern"].startswith("/api/") for m in r["methods"]}
    described = {(m.upper(), path): op for path, item in doc["paths"].items() for m, op in item.items() if m != "parameters"}
    assert set(routes) == set(described)
    for key, route in routes.items():
        op = described[key]
        assert op["operationId"] == route["name"]
        assert ("requestBody" in op) == route["body"], key
        # Whether a token is needed is what the policy says of the route's action.
        open_to_all = route["action"] in ("owner.see", "env.list", "env.read", "catalog.read", "catalog.resolve")
        assert ({} in op.get("security", doc["security"])) == open_to_all, key


def test_the_contract_is_served_whole_and_as_a_page_without_scripts(hub):
    served = hub.http("/openapi.json")
    assert served.json == yaml.safe_load((bench.REPO / "schema" / "openapi.yaml").read_text())
    assert served.headers["Content-Type"] == "application/json"
    assert hub.http("/openapi.json", headers={"If-None-Match": served.headers["ETag"]}).status == 304
    page = hub.http("/openapi")
    policy = page.headers["Content-Security-Policy"]
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "<script" not in page.text and "http://" not in page.text and " on" + "click" not in page.text
    for path in served.json["paths"]:
        assert f"<code>{path}</code>" in page.text
    for name in served.json["components"]["schemas"]:
        assert f'id="schema-{name}"' in page.text


@pytest.fixture(scope="module")
def schemathesis():
    return bench.from_pypi("schemathesis", SCHEMATHESIS) / "schemathesis"


@pytest.fixture
def world(fresh_hub):
    """A hub with something behind every path that the contract's examples name: acme/web has two generations, the
    catalog has hello."""
    hub = fresh_hub
    hub.new_user("bob")
    for _ in range(6):
        hub.token("bob")  # numbers 1 to 7, for it to revoke: not its own
    boss, user = hub.new_user("boss", "--admin"), hub.new_user("alice")
    hub.new_org(user, "acme")
    made = call(hub, "POST", "/environments", user.token, {"owner": "acme", "name": "web", "manifest": MANIFEST, "visibility": "public"})
    assert made.status == 201, made.text
    made = call(hub, "POST", "/environments/acme/web/generations", user.token, {"manifest": MANIFEST.replace('1"', '2"')})
    assert made.status == 201, made.text
    shelf = Shelf(hub)
    shelf.page(100, ["stable"], [shelf.row("hello", "2.12")])
    shelf.publish()
    return hub, {"an administrator": boss.token, "a writer": user.token, "nobody": None}


# What there is behind each parameter of a path, and what there is not: with random names nearly every answer is 404.
KNOWN = {"owner": ["acme", "alice", "bob", "no-such"], "org": ["acme", "alice", "no-such"], "user": ["alice", "bob", "no-such"],
         "name": ["web", "acme", "no-such"], "attr_path": ["hello", "acme/tool", "no-such"], "n": [1, 2, 99], "id": [3, 7, 99999],
         "derivation": [DERIVATION, "no-such.drv"], "storepath": [STORE_PATH, "no-such"], "nar_file": ["no-such.nar"]}


def at_what_is_there(doc):
    """The contract, narrowed to paths of the hub and to pages that can be had, so that requests come past the door."""
    for item in doc["paths"].values():
        for op in item.values():
            if isinstance(op, dict):
                op["parameters"] = [p for p in op.get("parameters", []) if not p.get("$ref", "").endswith("/cursor")]
        for where in [item] + [op for op in item.values() if isinstance(op, dict)]:
            for p in where.get("parameters", []):
                p = doc["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p
                if p["in"] == "path":
                    p["schema"]["enum"] = KNOWN[p["name"]]
                    p.pop("example", None)
    del doc["components"]["parameters"]["cursor"]
    return doc


@pytest.mark.timeout(900)
@pytest.mark.parametrize("who", ["an administrator", "a writer", "nobody"])
def test_schemathesis_finds_no_5xx_and_no_answer_that_is_not_described(world, schemathesis, who, tmp_path):
    hub, tokens = world
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
    common = ["--url", hub.base, "--checks", checks, "--no-color", "--suppress-health-check", "all", "--request-timeout", "60",
              "--generation-database", "none", "--continue-on-failure", "--seed", str(SEED)]
    if tokens[who]:
        common += ["--header", f"Authorization: Bearer {tokens[who]}"]
    narrowed = tmp_path / "openapi.json"
    narrowed.write_text(json.dumps(at_what_is_there(hub.http("/openapi.json").json)))
    examples = max(5, ROUNDS // 3)
    for schema, how in ((narrowed, ["--phases", "fuzzing", "--mode", "positive", "--max-examples", str(2 * examples)]),
                        (hub.base + "/openapi.json", ["--phases", "examples,coverage,fuzzing", "--max-examples", str(examples)])):
        done = subprocess.run([str(schemathesis), "run", str(schema), *how, *common], capture_output=True, text=True, cwd=tmp_path, timeout=800)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
        assert "generated" in done.stdout
    seen = {(line["route"], line["status"]) for line in hub.access_log() if (line["route"] or "").startswith(("rest.", "catalog."))}
    assert not [s for s in seen if s[1] >= 500 and s[1] != 503], seen
    done = {route for route, status in seen if status < 400}  # it came past the door
    wanted = {"rest.env", "rest.envs", "rest.owner", "rest.history", "catalog.sbom_package", "catalog.packages"}
    wanted |= {"rest.members", "rest.tokens"} if tokens[who] else set()
    wanted |= {"rest.member_put", "rest.token_create", "rest.audit", "catalog.dependencies", "catalog.dependencies_spdx"} if who == "an administrator" else set()
    assert wanted <= done, wanted - done
