"""The catalog's read side against what the public service answered: recorded exchanges, asked again of a fresh hub.

The recordings and the program that judges answers stand beside the repository (../shared) where Floe is developed; they are
not part of it, and without them this file is skipped. FLOE_REPLAY names another folder.
"""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bench

SHARED = Path(os.environ.get("FLOE_REPLAY", bench.REPO.parent / "shared"))
REPLAY, RECORDED = SHARED / "tools/replay/replay.py", SHARED / "data/recorded"
ENDPOINTS = ("resolve", "search", "packages", "info/base-catalog")

pytestmark = pytest.mark.skipif(not (REPLAY.exists() and (RECORDED / "exchanges.jsonl").exists()),
                                reason=f"there are no recorded exchanges at {SHARED}")


def told(failure):
    return "\n".join([f"{failure['endpoint']} {failure['file']} #{failure['doc']} ({failure['id']}, {failure['mode']})",
                      *("    " + d for d in failure["diffs"][:8])])


@pytest.mark.timeout(900)
def test_every_recorded_exchange_is_answered_as_it_was(fresh_hub, workshop):
    folder = workshop.folder("replay")
    report = folder / "report.json"
    # Where the user that runs the hub can read them, wherever the repository is.
    shutil.copytree(REPLAY.parent, folder / "tools")
    shutil.copytree(RECORDED, folder / "recorded")
    subprocess.run(["chmod", "-R", "a+rX", str(folder)], check=True)
    server = f"{workshop.bin / 'floe-server'} --data {fresh_hub.data}"
    done = subprocess.run([sys.executable, str(folder / "tools/replay.py"), "--hub", fresh_hub.base, "--server", server,
                           "--exchanges", str(folder / "recorded/exchanges.jsonl"), "--rows", str(folder / "recorded/catalog-rows.jsonl"),
                           "--json", str(report), *(w for name in ENDPOINTS for w in ("--endpoint", name))],
                          capture_output=True, text=True, env=fresh_hub.environment(), cwd="/", **workshop.service())
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    verdicts = json.loads(report.read_text())
    failures = [v for v in verdicts if v["outcome"] == "fail"]
    print(done.stdout)
    assert not failures, f"{len(failures)} of {len(verdicts)} failed:\n" + "\n".join(map(told, failures))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    compared = {v["endpoint"] for v in verdicts if v["outcome"] == "pass" and v["mode"] in ("whole", "rule")}
    assert compared == {v["endpoint"] for v in verdicts}, f"nothing was compared but {compared}"
