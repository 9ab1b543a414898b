#!/usr/bin/env bash
# Common misspellings, in code and prose alike.
cd "$(dirname "$0")/../.." || exit 1
git ls-files -z | grep -zvE '^(LICENSE|tests/(fuzz/corpus|golden)/)' | xargs -0 codespell -q 3 -L nd,te,ot,fo,hel,ths,ans,wan,ue,nown,upto
