#!/usr/bin/env python3
"""Sizes: a file over 500 lines needs a reason in sizes.allow and over 700 fails; a header over 150 likewise; a function
over 80 lines fails. Prints the medians."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
allow = {}
for line in (ROOT / "tests/lint/sizes.allow").read_text().splitlines():
    if line.strip() and not line.startswith("#"):
        name, _, reason = line.partition(":")
        allow[name.strip()] = reason.strip()

files = subprocess.run(["git", "ls-files", "server/*.[ch]", "client/*.[ch]", "common/*.[ch]", "common/*.cpp"], cwd=ROOT,
                       capture_output=True, text=True).stdout.split()
wrong, lengths = [], []
for file in files:
    n = len((ROOT / file).read_text().splitlines())
    limit = 200 if file.endswith(".h") else 500
    if file.endswith(".c"):
        lengths.append(n)
    if n > 700:
        wrong.append(f"{file}: {n} lines; split it")
    elif n > limit and not allow.get(file):
        wrong.append(f"{file}: {n} lines, over {limit}, and no reason in tests/lint/sizes.allow")

tags = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--c-kinds=f", "--languages=C", "-f", "-",
                       *[f for f in files if f.endswith(".c")]], cwd=ROOT, capture_output=True, text=True).stdout
functions = []
for line in tags.splitlines():
    tag = json.loads(line)
    if tag.get("kind") == "function" and "end" in tag:
        n = tag["end"] - tag["line"] + 1
        functions.append(n)
        if n > 80:
            wrong.append(f"{tag['path']}:{tag['line']}: {tag['name']} has {n} lines")
if not functions or not lengths:
    sys.exit("nothing was measured")
print(f"files: median {statistics.median(lengths):.0f}, longest {max(lengths)}; functions: median "
      f"{statistics.median(functions):.0f}, p90 {sorted(functions)[len(functions) * 9 // 10]}, longest {max(functions)}")
print("\n".join(wrong))
sys.exit(bool(wrong))
