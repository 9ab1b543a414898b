#!/usr/bin/env python3
"""Who may include what: the arrows of docs/internals/layers.md."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# folder -> the folders it may include from (itself always)
MAY = {
    "common": [],
    "server/db": ["common"],
    "server/store": ["common", "server/db"],
    "server/http": ["common"],
    "server/auth": ["common", "server/db", "server/store"],
    "server/git": ["common", "server/db", "server/store", "server/auth"],
    "server/catalog": ["common", "server/db", "server/store", "server/auth"],
    "server/ui": ["common", "server/db", "server/store", "server/auth", "server/git"],
    "server/rest": ["common", "server/db", "server/store", "server/auth", "server/git"],
    "server": ["common", "server/db", "server/store", "server/auth", "server/git", "server/rest", "server/ui", "server/catalog", "server/http"],
    "client": ["common"],
    "tests/unit": ["*"],
    "tests/fuzz": ["*"],
    "tests/bench": ["*"],
}
# third-party header -> the files that may include it
ONLY = {
    r"libpq-fe\.h": r"server/db/.*",
    r"microhttpd\.h|gnutls/.*": r"server/http/.*",
    r"git2(/.*)?\.h": r"client/gitobj.*\.[ch]|tests/unit/.*",
    r"curl/.*": r"client/api.*\.c|server/catalog/upstream.*\.c",
    r"lzma\.h|zstd\.h": r"server/catalog/import_source\.c",
    r"toml\+\+/.*": r"common/toml.*\.cpp",
    r"sodium\.h": r"server/auth/.*",
    r"openssl/.*": r"common/.*",
    r"zlib\.h": r"common/.*|server/git/.*|server/http/.*|server/catalog/import_source\.c|client/gitobj.*|tests/.*",
}
# the web's and the application's headers are for these files of a lower module
HTTP_GLUE = re.compile(r"server/(auth|git|rest|ui|catalog)/\w+_http\.[ch]$|server/rest/rest\.[ch]$")
GLUE_MAY = re.compile(r"server/http/web\.h$|server/app\.h$|server/config\.h$")


def main():
    files = subprocess.run(["git", "ls-files", "*.c", "*.h", "*.cpp"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    wrong, seen, names = [], 0, {}
    for file in files:
        folder = str(Path(file).parent)
        if folder not in MAY:
            wrong.append(f"{file}: its folder is in no layer")
            continue
        other = names.setdefault(Path(file).name, file)
        if other != file and Path(file).name != "main.c":
            wrong.append(f"{file}: another file has this name: {other}")
        for number, line in enumerate((ROOT / file).read_text().splitlines(), 1):
            m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
            if not m:
                continue
            seen += 1
            where, target = f"{file}:{number}", m[2]
            if m[1] == "<":
                for pattern, allowed in ONLY.items():
                    if re.fullmatch(pattern, target) and not re.fullmatch(allowed, file):
                        wrong.append(f"{where}: <{target}> is for {allowed} alone")
                continue
            if folder.startswith("tests/") and (ROOT / folder / target).exists():
                continue
            if not (ROOT / target).exists() and not target.startswith("generated"):
                wrong.append(f"{where}: {target} is not a path from the top of the tree")
                continue
            to = str(Path(target).parent)
            if to == folder or MAY[folder] == ["*"] or to in MAY[folder]:
                continue
            if HTTP_GLUE.search(file) and GLUE_MAY.search(target):
                continue
            wrong.append(f"{where}: {folder} may not include {target}")
    print("\n".join(wrong))
    if seen == 0:
        sys.exit("no include was looked at")
    sys.exit(bool(wrong))


main()
