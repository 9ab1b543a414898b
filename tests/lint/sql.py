#!/usr/bin/env python3
"""SQL stands in server/store, server/db and migrations alone, and is never put together from pieces."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SQL = re.compile(r'"\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+table\s|alter\s+table\s)', re.I)
# Numbers may be formatted into a statement (SET takes no parameters); text may not.
BUILT = re.compile(r'(fh_buf_addf|fh_sprintf|snprintf)\s*\([^;]*?"[^"]*\b(select|insert into|update|delete from)\b[^;]*?%(\.\*)?s', re.I | re.S)

files = subprocess.run(["git", "ls-files", "server/*.c", "client/*.c", "common/*.c"], cwd=ROOT, capture_output=True, text=True).stdout.split()
wrong = []
for file in files:
    text = (ROOT / file).read_text()
    if not file.startswith(("server/store/", "server/db/")):
        wrong += [f"{file}: SQL: {m[0][:60]}" for m in SQL.finditer(text)]
    wrong += [f"{file}: SQL put together: {m[0][:60]!r}" for m in BUILT.finditer(text)]
print("\n".join(wrong))
if not files:
    sys.exit("no file was looked at")
sys.exit(bool(wrong))
