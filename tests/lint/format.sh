#!/usr/bin/env bash
# Every C and C++ file is as .clang-format says.
cd "$(dirname "$0")/../.." || exit 1
git ls-files -z '*.c' '*.h' '*.cpp' | xargs -0 clang-format --dry-run -Werror
