#!/bin/sh
# Measures the budgets and prints the rows of the README's table: `make bench`, about 10 minutes.
# Everything is a release build; the buckets are versitygw; nothing else should run beside it.
set -eu
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
"${CARGO:-cargo}" build --release --locked -p titan-sidecar -p titan-tests --bins
tests/servers/versitygw.sh >/dev/null
TITAN_SIDECAR="$(cd "$target/release" && pwd)/titan-sidecar"
export TITAN_SIDECAR

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
    "load at the start $(cut -d ' ' -f 1 /proc/loadavg)"
echo
echo '| what | measured | budget | holds |'
echo '|---|---|---|---|'
for bench in crypto memory inbound persist; do
    "$target/release/bench_$bench"
done
