#!/bin/sh
# Measures the budgets and prints the rows of the README's table: `make bench`, about 10 minutes.
# Everything is a release build; the buckets are versitygw; nothing else should run beside it.
set -eu
cd "$(dirname "$0")/.."
programs="$(tests/release.sh bench_crypto bench_memory bench_inbound bench_persist)"
tests/servers/versitygw.sh >/dev/null
TITAN_SIDECAR="$programs/titan-sidecar"
export TITAN_SIDECAR

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
    "load at the start $(cut -d ' ' -f 1 /proc/loadavg)"
echo
echo '| what | measured | budget | holds |'
echo '|---|---|---|---|'
for bench in crypto memory inbound persist; do
    "$programs/bench_$bench"
done
