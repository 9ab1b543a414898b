#!/usr/bin/env python3
"""Rows files of a catalog shaped like nixpkgs', the same ones for the same arguments.

    catalog_data.py [--names 120000] [--pages 50] [--out FOLDER]      page-0001.jsonl …, one file a page
    catalog_data.py … | floe-server catalog import rows -             all pages, one after the other

Names are at the top and in sets (python312Packages.…), some sets in sets; four systems, of which the darwins lack some;
versions are bumped along a long tail: a few packages with every page, most hardly ever. Some are broken, insecure,
unfree, or without builds; what has no build mostly gets it with a later page. `--churn` is the part of the rows that is
new on a page; `--rebuild-every N` makes every N-th page one on which everything was built anew, as after a change of the
compiler.
"""

import argparse
import datetime
import hashlib
import json
import random
import sys
from pathlib import Path

SYSTEMS = {"aarch64-darwin": 0.88, "aarch64-linux": 0.98, "x86_64-darwin": 0.85, "x86_64-linux": 1.0}
SETS = [("python312Packages", 0.08), ("python313Packages", 0.08), ("haskellPackages", 0.14), ("perlPackages", 0.03), ("rubyPackages", 0.02),
        ("nodePackages", 0.02), ("emacsPackages", 0.05), ("vimPlugins", 0.02), ("rPackages", 0.2), ("texlivePackages", 0.04), ("ocamlPackages", 0.02),
        ("kdePackages.plasma", 0.005), ("linuxKernel.packages.linux_6_12", 0.003), ("gnomeExtensions", 0.01)]
LICENSES = ["MIT", "GPL-3.0-or-later", "Apache-2.0", "BSD-3-Clause", "GPL-2.0-or-later", "LGPL-2.1-or-later", "MPL-2.0", "[ MIT, Apache-2.0 ]", None]
STEMS = ("lib", "py", "go", "rust", "open", "net", "data", "file", "text", "web", "crypt", "image", "audio", "video", "font", "shell", "term", "git",
         "cloud", "kube", "log", "map", "math", "neuro", "game", "chess", "mail", "chat", "cal", "note", "proxy", "scan", "sync", "time", "tree", "wave", "x")
TAILS = ("", "-cli", "-tools", "-utils", "d", "-client", "-server", "2", "3", "kit", "fs", "ql", "-rs", "-ng", "box", "lab", "view", "ctl", "er", "ify")
NIX32 = "0123456789abcdfghijklmnpqrsvwxyz"
TO_NIX32 = bytes(ord(NIX32[b & 31]) for b in range(256))


def hash32(text):
    return hashlib.sha256(text.encode()).digest().translate(TO_NIX32).decode()


def make_names(n, rng):
    names = {"hello": None, "curl": None, "git": None}
    shares = [share for _, share in SETS]
    while len(names) < n:
        i = len(names)
        word = rng.choice(STEMS) + rng.choice(STEMS) + rng.choice(TAILS) + (str(i % 977) if rng.random() < 0.4 else "") + rng.choice(TAILS[:9])
        kind = rng.random()
        at = 0
        for (name, _), share in zip(SETS, shares):
            at += share
            if kind < at:
                word = f"{name}.{word}"
                break
        names[word] = None
    return list(names)


class Package:
    """An attribute through all pages: what of its rows does not come from the page stands ready as text, by system."""

    def __init__(self, attr, rank, rng):
        self.attr, self.rank, self.last = attr, rank, attr.rsplit(".", 1)[-1]
        self.systems = [s for s, share in SYSTEMS.items() if rank < 3 or rng.random() < share]
        self.version = [rng.randrange(0, 5), rng.randrange(0, 40), rng.randrange(0, 10)]
        self.license = rng.choices(LICENSES, (30, 14, 12, 8, 6, 4, 3, 1, 6))[0]
        self.description = "The " + " ".join(rng.choice(STEMS) for _ in range(rng.choice((3, 5, 7, 12)))) + f" of {self.last}"
        self.unfree, self.broken = rng.random() < 0.03, rng.random() < 0.025
        self.insecure, self.missing = rng.random() < 0.006, rng.random() < 0.05
        self.outputs = ["out"] + rng.choices(([], ["dev"], ["man"], ["bin", "dev", "man"]), (60, 20, 10, 10))[0]
        self.build = 0
        if self.unfree:
            self.license = "Unfree"
        self.write()

    def bump(self, rng):
        part = rng.choices((0, 1, 2), (1, 9, 60))[0]
        if rng.random() < 0.6:
            self.version[part] += 1
            self.version[part + 1:] = [0] * (2 - part)
        self.build += 1
        self.missing = rng.random() < 0.05
        self.write()

    def write(self):
        version = ".".join(map(str, self.version))
        name, self.text = f"{self.last}-{version}", {}
        for system in self.systems:
            what = f"{self.attr} {version} {self.build} {system}"
            outputs = [{"name": o, "store_path": f"/nix/store/{hash32(what + o)}-{name}{'' if o == 'out' else '-' + o}"} for o in self.outputs]
            row = {"attr_path": self.attr, "broken": self.broken, "cache_uri": None, "catalog": "nixpkgs",
                   "derivation": f"/nix/store/{hash32(what)}-{name}.drv", "description": self.description, "insecure": self.insecure,
                   "license": self.license, "missing_builds": self.missing, "name": name, "outputs": outputs,
                   "outputs_to_install": ["out"] + (["man"] if "man" in self.outputs else []), "pkg_path": self.attr, "pname": self.last,
                   "system": system, "unfree": self.unfree, "version": version}
            self.text[system] = json.dumps(row)[:-1].encode()


def page_fields(number, system):
    day = datetime.datetime(2024, 1, 1) + datetime.timedelta(days=number)
    rev = hashlib.sha1(b"page %d" % number).hexdigest()
    tags = ["unstable"] + (["staging"] if number % 7 == 0 else []) + (["stable"] if number % 28 == 0 else []) + (["lts"] if number % 182 == 0 else [])
    fields = {"locked_url": f"https://github.com/flox/nixpkgs?rev={rev}", "rev": rev, "rev_count": 600000 + 1300 * number,
              "rev_date": f"{day:%Y-%m-%dT%H:%M:%SZ}", "scrape_date": f"{day:%Y-%m-%dT}0{1 + list(SYSTEMS).index(system)}:00:00Z",
              "stabilities": sorted(tags)}
    return b", " + json.dumps(fields)[1:].encode() + b"\n"


def pages(names, count, churn, rebuild_every=0, seed=1, missing=0.01):
    """The bytes of one page after the other, and how many rows they are."""
    rng = random.Random(seed)
    packages = [Package(attr, rank, rng) for rank, attr in enumerate(make_names(names, rng))]
    weights = [(1 + rank) ** -0.6 for rank in range(len(packages))]
    rng.shuffle(weights)
    # So that the mean is churn although nothing is bumped twice on a page.
    scale = churn * len(packages) / sum(weights)
    for _ in range(20):
        scale *= churn * len(packages) / sum(min(1, scale * w) for w in weights)
    rates = [min(1, scale * w) for w in weights]
    present = [rng.random() > missing for _ in packages]
    for number in range(1, count + 1):
        if number > 1:
            everything = rebuild_every and number % rebuild_every == 0
            for i, package in enumerate(packages):
                if everything or rng.random() < rates[i]:
                    package.bump(rng)
                if rng.random() < 0.0005:
                    present[i] = not present[i]
        rows, parts = 0, []
        for system in SYSTEMS:
            end = page_fields(number, system)
            texts = [p.text[system] for p, there in zip(packages, present) if there and system in p.text]
            rows += len(texts)
            if texts:
                parts.append(end.join(texts) + end)
        yield b"".join(parts), rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--names", type=int, default=120_000)
    p.add_argument("--pages", type=int, default=50)
    p.add_argument("--churn", type=float, default=0.05)
    p.add_argument("--rebuild-every", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--out", type=Path, help="a folder; without it, everything goes to standard output")
    a = p.parse_args()
    total = 0
    for number, (text, rows) in enumerate(pages(a.names, a.pages, a.churn, a.rebuild_every, a.seed), 1):
        total += rows
        if a.out:
            a.out.mkdir(parents=True, exist_ok=True)
            (a.out / f"page-{number:04}.jsonl").write_bytes(text)
        else:
            sys.stdout.buffer.write(text)
    print(f"{total} rows", file=sys.stderr)


if __name__ == "__main__":
    main()
