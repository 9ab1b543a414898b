#!/usr/bin/env bash
# deploy/floe-server.conf is what the table of settings says. Makes it anew: tests/lint/config-sample.sh --write
cd "$(dirname "$0")/../.." || exit 1
for build in "${FLOE_BUILD:-build/release}" build/*; do
    server=$build/server/floe-server
    [ ! -x "$server" ] || break
done
if [ ! -x "$server" ]; then
    echo "floe-server is not built: the sample of its settings was not compared"
    exit 0
fi
sample=$(env -u FLOE_CONFIG "$server" config print --sample) || exit 1
if [ "${1:-}" = --write ]; then
    printf '%s\n' "$sample" >deploy/floe-server.conf
fi
diff -u deploy/floe-server.conf - <<<"$sample"
