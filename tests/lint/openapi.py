#!/usr/bin/env python3
"""schema/openapi.yaml is OpenAPI 3.0 by its own schema (Debian's openapi-specification), and by our rules: every
reference leads somewhere, nothing stands there unused, objects name all their members, every operation says what it may
answer."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Path("/usr/share/openapi-specification/schemas/v3.0/schema.json")
ALWAYS = {"400", "429", "503"}
wrong = []


def walk(node, at, visit):
    visit(node, at)
    for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        walk(child, f"{at}/{key}", visit)


def resolve(doc, ref):
    for part in ref.removeprefix("#/").split("/"):
        doc = doc.get(part, {})
    return doc


def check_refs(doc):
    used = set()

    def visit(node, at):
        if not isinstance(node, dict):
            return
        ref = node.get("$ref")
        if isinstance(ref, str):
            used.add(ref)
            if not resolve(doc, ref):
                wrong.append(f"{at}: {ref} leads nowhere")
        if node.get("type") == "object" and "properties" in node and node.get("additionalProperties") is not False:
            wrong.append(f"{at}: an object says additionalProperties: false")
        for key, value in node.items():
            if value is None and key not in ("example", "default"):
                wrong.append(f"{at}/{key}: nothing stands there; a comma in an unquoted description?")

    walk(doc, "#", visit)
    for kind, items in doc["components"].items():
        for name in items:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                wrong.append(f"components/{kind}/{name} is used by nothing")


def check_operation(doc, path, item, method, op):
    where = f"{method.upper()} {path}"
    wants = ALWAYS - {"429"} if path.startswith("/api/v1/catalog/") else set(ALWAYS)  # nobody is counted there
    params = [resolve(doc, p["$ref"]) if "$ref" in p else p for p in item.get("parameters", []) + op.get("parameters", [])]
    if set(re.findall(r"{(\w+)}", path)) != {p["name"] for p in params if p["in"] == "path"}:
        wrong.append(f"{where}: its path and its path parameters differ")
    if "requestBody" in op:
        wants |= {"413", "415"}
    names = {p["name"] for p in params}
    if "If-Match" in names:
        wants.add("412")
    if "If-None-Match" in names:
        wants.add("304")
    if "Idempotency-Key" in names:
        wants |= {"409", "422"}
    if "{" in path:
        wants.add("404")
    wants.add("401")  # also where no token is needed, for one that is not valid
    if not wants <= set(op["responses"]):
        wrong.append(f"{where}: it does not say that it may answer {', '.join(sorted(wants - set(op['responses'])))}")
    for need in ("operationId", "summary", "tags"):
        if not op.get(need):
            wrong.append(f"{where}: no {need}")
    if not set(op.get("tags", [])) <= {t["name"] for t in doc["tags"]}:
        wrong.append(f"{where}: a tag that is not described")
    if op.get("summary", "").endswith("."):
        wrong.append(f"{where}: a summary has no full stop")


def main():
    doc = yaml.safe_load((ROOT / "schema/openapi.yaml").read_text())
    plain = json.loads(json.dumps(doc))
    if SCHEMA.exists():
        for error in jsonschema.Draft4Validator(json.loads(SCHEMA.read_text())).iter_errors(plain):
            wrong.append(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    else:
        print("openapi-specification is not installed: only our own rules were checked")
    check_refs(doc)
    ids = []
    for path, item in doc["paths"].items():
        for method, op in item.items():
            if method != "parameters":
                ids.append(op.get("operationId"))
                check_operation(doc, path, item, method, op)
    if not ids or len(ids) != len(set(ids)):
        wrong.append("operationIds are there, and each once")
    print("\n".join(wrong))
    sys.exit(bool(wrong))


main()
