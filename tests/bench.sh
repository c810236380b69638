#!/bin/sh
# Measures the budgets and prints the rows of the README's table: `make bench`, about 25 minutes.
# Everything is a release build; the buckets are versitygw, the API server is Kubernetes' own (this part needs root);
# nothing else should run beside it.
set -eu
cd "$(dirname "$0")/.."
programs="$(release/build.sh bench_crypto bench_memory bench_inbound bench_persist bench_send bench_operator)"
tests/servers/versitygw.sh >/dev/null
TITAN_SIDECAR="$programs/titan-sidecar"
export TITAN_SIDECAR

echo "$(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
    "load at the start $(cut -d ' ' -f 1 /proc/loadavg)"
echo
echo '| what | measured | budget | holds |'
echo '|---|---|---|---|'
# As in a pod, where nothing may be reached over loopback: a network with an address of its own.
inside() {
    unshare --map-root-user --net sh -c \
        'ip link set lo up && ip address add 10.99.0.1/32 dev lo && exec "$0" "$@"' "$@"
}
for bench in crypto memory inbound persist send; do
    inside "$programs/bench_$bench"
done
tests/cluster/bench.sh "$programs"
