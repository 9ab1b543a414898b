#!/usr/bin/env bash
# Every shell script passes shellcheck.
cd "$(dirname "$0")/../.." || exit 1
git grep -lzE '^#!.*\b(bash|sh)$' | xargs -0 shellcheck -x
