#!/bin/bash
# test.sh [TEST BINARY FLAGS…]: runs the cluster tests, in the test cluster or against KUBECONFIG.
. "$(dirname "$0")/lib.sh"
cargo="${CARGO:-cargo}"
kubernetes="$("$here/../servers/kubernetes.sh")"
export PATH="$kubernetes:$PATH" TITAN_CLUSTER="$folder"
enter=()
at_end=()
skip=()
trap 'for command in "${at_end[@]}"; do eval "$command"; done' EXIT
if [ -n "${KUBECONFIG:-}" ]; then
    [ -n "${TITAN_TEST_REGISTRY:-}" ] ||
        fail "KUBECONFIG is set: set TITAN_TEST_REGISTRY too, to a registry that you can push to and the cluster can pull from"
    mkdir -p "$folder/log"
    echo "not in a cluster of your own: tests that restart the API server, read its audit log or stand on the node"
    skip=(--skip api_server:: --skip noop:: --skip replicas::)
else
    # A cluster that was up stays up.
    holder >/dev/null || at_end=("\"$here/down.sh\"")
    "$here/up.sh"
    enter=(nsenter --target "$(holder)" --net --)
    export KUBECONFIG="$folder/kubeconfig" TITAN_INSIDE=1
fi
"$here/images.sh"
"$here/../servers/postgres.sh" >/dev/null
cd "$here/../.."
"$cargo" test --locked --workspace --test cluster --no-run

log="$folder/log/kubectl-proxy.log"
# The address of the run before must not be read.
rm -f "$log"
"${enter[@]}" kubectl proxy --port=0 >"$log" 2>&1 &
at_end=("kill $!" "${at_end[@]}")
until_ready "kubectl proxy" 10 grep -q "Starting to serve on" "$log"
TITAN_KUBE_API="http://$(sed -n 's/^Starting to serve on //p' "$log")"
export TITAN_KUBE_API
# Most of a test is waiting: more at once than there are cores, but not so many that one is late for want of them.
"${enter[@]}" "$cargo" test --locked --offline --workspace --test cluster -- --test-threads 4 "${skip[@]}" "$@"
