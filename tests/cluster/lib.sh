# Shared by the scripts of the test cluster: its folder, its namespaces, its processes.
#
# The whole cluster lives in one PID, mount and network namespace, whose first process is the
# "holder": when that one ends, everything ends, and the mounts and addresses are gone with it.
# Inside, the cluster's folder is mounted at /run/titan, so that no path depends on the checkout.
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# Benchmarks have a cluster of another name.
folder="$(cd "$here/../.." && pwd)/target/${TITAN_CLUSTER_NAME:-cluster}"
cgroup="titan-$(printf %s "$folder" | sha256sum | cut -c1-8)"
# Settings of the machine as they were before the first cluster; one for all checkouts.
settings=/run/titan-cluster.sysctl
node_address=10.200.0.1
pod_network=10.244.0.0/24
service_network=10.96.0.0/16
# Whoever exported what up.sh told them to still means this cluster.
[ "${KUBECONFIG:-}" != "$folder/kubeconfig" ] || unset KUBECONFIG

fail() {
    echo "$*" >&2
    exit 1
}

# The holder's pid, if the cluster is up. The pid alone proves nothing after a restart of the machine.
holder() {
    local pid
    pid="$(cat "$folder/holder" 2>/dev/null)" || return 1
    grep -qzx "$folder" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

# inside COMMAND…: runs it in the cluster's namespaces.
inside() {
    local pid
    pid="$(holder)" || fail "the test cluster is not up: make cluster-up"
    nsenter --target "$pid" --pid --mount --net -- "$@"
}

# start NAME COMMAND…: runs a program of the cluster in the background, its log in log/NAME.log.
start() {
    local name="$1"
    shift
    # shellcheck disable=SC2016 # expanded by the shell inside
    inside setsid sh -c 'echo $$ >"/run/titan/pid/$0"; exec "$@"' "$name" "$@" \
        >>"$folder/log/$name.log" 2>&1 </dev/null 8>&- &
}

# stop NAME [SIGNAL]: ends a program of the cluster and waits until it is gone.
stop() {
    # shellcheck disable=SC2016 # expanded by the shell inside
    inside sh -c '
        pid="$(cat "/run/titan/pid/$0")" || exit 0
        kill -s "$1" "$pid" 2>/dev/null
        while kill -0 "$pid" 2>/dev/null; do busybox usleep 50000; done
        rm "/run/titan/pid/$0"' "$1" "${2:-TERM}"
}

# until_ready WHAT SECONDS COMMAND…: repeats the command until it succeeds.
until_ready() {
    local what="$1" end=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what is not ready; see $folder/log"
        sleep 0.1
    done
}

kubectl() { "$kubernetes/kubectl" --kubeconfig "$folder/kubeconfig" "$@"; }
