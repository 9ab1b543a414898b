#!/usr/bin/env python3
"""openapi.py schema/openapi.yaml OUT.c: the contract of REST as JSON and as a page for people, as C strings.

The page is plain HTML from the same document: no script, one style sheet inside, nothing from elsewhere."""

import hashlib
import html
import json
import re
import sys

import yaml

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; background: #fff; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 3rem; border-bottom: 1px solid #d0d7de; } h3 { margin-top: 2rem; }
code { font: 0.9em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #eaeef2; }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700; } a { color: #0550ae; }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117; } a { color: #79c0ff; } th, td, h2 { border-color: #30363d; } }
"""


def text(s):
    """A line of prose: escaped, `code` marked."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(str(s or "").strip()))


def prose(s):
    return "".join(f"<p>{text(p)}</p>\n" for p in re.split(r"\n\s*\n", (s or "").strip()) if p)


class Page:
    def __init__(self, doc):
        self.doc, self.out = doc, []

    def resolve(self, node):
        while "$ref" in node:
            path = node["$ref"].split("/")[1:]
            node = self.doc
            for part in path:
                node = node[part]
        return node

    def type_of(self, schema):
        """A few words; named schemas are links."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f'<a href="#schema-{name}">{name}</a>'
        if "oneOf" in schema:
            return " or ".join(self.type_of(s) for s in schema["oneOf"])
        words = schema.get("type", "any")
        if words == "array":
            words = "list of " + self.type_of(schema["items"])
        elif "enum" in schema:
            words = " | ".join(f"<code>{html.escape(str(v))}</code>" for v in schema["enum"] if v is not None)
        elif "format" in schema:
            words += f" ({schema['format']})"
        return words + (" or null" if schema.get("nullable") else "")

    def members(self, schema):
        rows = []
        for name, member in schema.get("properties", {}).items():
            need = "" if name in schema.get("required", []) else " (optional)"
            rows.append(f"<tr><td><code>{html.escape(name)}</code>{need}</td><td>{self.type_of(member)}</td><td>{text(member.get('description'))}</td></tr>")
            if member.get("type") == "array" and "properties" in member["items"]:
                rows.append(f"<tr><td></td><td colspan=2>{self.members(member['items'])}</td></tr>")
        return "<table>" + "".join(rows) + "</table>\n" if rows else ""

    def operation(self, path, method, item, op):
        add = self.out.append
        add(f'<h3 id="{op["operationId"]}"><span class="method">{method.upper()}</span> <code>{html.escape(path)}</code></h3>\n')
        add(f"<p><strong>{text(op['summary'])}.</strong></p>\n{prose(op.get('description'))}")
        if {} in op.get("security", []):
            add("<p>Also without a token.</p>\n")
        params = [self.resolve(p) for p in item.get("parameters", []) + op.get("parameters", [])]
        if params:
            add("<table>" + "".join(f"<tr><td><code>{html.escape(p['name'])}</code> in {p['in']}</td><td>{self.type_of(p['schema'])}</td>"
                                    f"<td>{text(p.get('description'))}</td></tr>" for p in params) + "</table>\n")
        if "requestBody" in op:
            add("<p>The body:</p>\n" + self.members(self.resolve(op["requestBody"]["content"]["application/json"]["schema"])))
        rows = []
        for status, answer in op["responses"].items():
            answer = self.resolve(answer)
            shapes = [self.type_of(c["schema"]) for c in answer.get("content", {}).values()]
            rows.append(f"<tr><td>{status}</td><td>{text(answer['description'])}</td><td>{', '.join(shapes)}</td></tr>")
        add("<table>" + "".join(rows) + "</table>\n")

    def render(self):
        doc, add = self.doc, self.out.append
        add(f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{text(doc['info']['title'])}: REST</title><style>{STYLE}</style></head><body>\n<h1>{text(doc['info']['title'])}: REST</h1>\n")
        add(prose(doc["info"]["description"]) + '<p>This page as <a href="openapi.json">OpenAPI</a>, for programs.</p>\n')
        for tag in doc["tags"]:
            add(f"<h2>{text(tag['name'].capitalize())}</h2>\n{prose(tag['description'] + '.')}")
            for path, item in doc["paths"].items():
                for method, op in item.items():
                    if method != "parameters" and tag["name"] in op["tags"]:
                        self.operation(path, method, item, op)
        add("<h2>What is sent and answered</h2>\n")
        for name, schema in doc["components"]["schemas"].items():
            add(f'<h3 id="schema-{name}">{name}</h3>\n{prose(schema.get("description"))}')
            add(self.members(schema) or f"<p>{self.type_of(schema)}</p>\n")
        add("</body></html>\n")
        return "".join(self.out)


def as_c(name, data):
    rows = [data[i:i + 24] for i in range(0, len(data), 24)]
    body = "\n".join("    " + "".join(f"{b}," for b in row) for row in rows)
    tag = hashlib.sha256(data).hexdigest()[:32]
    return f'const unsigned char {name}[] = {{\n{body}\n}};\nconst size_t {name}_size = sizeof {name};\nconst char {name}_etag[] = "\\"{tag}\\"";\n'


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        doc = yaml.safe_load(f)
    page = Page(doc).render().encode()
    style = "sha256-" + __import__("base64").b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    with open(sys.argv[2], "w", encoding="ascii") as f:
        f.write("/* Made from schema/openapi.yaml by cmake/openapi.py. */\n#include \"server/rest/rest_openapi.h\"\n\n")
        f.write(as_c("rest_openapi_json", json.dumps(doc, separators=(",", ":"), ensure_ascii=False).encode()))
        f.write(as_c("rest_openapi_html", page))
        f.write(f'const char rest_openapi_style[] = "{style}";\n')


main()
