#!/bin/bash
# up.sh [--api-server-only]: brings the test cluster up, a real single-node Kubernetes in namespaces of its own. Does
# nothing when it is up, and starts afresh when it is half up. Without a node there are no controllers and no way in
# from the machine either: a benchmark of the operator shares the machine with nothing but the API server and etcd.
. "$(dirname "$0")/lib.sh"
[ -z "${KUBECONFIG:-}" ] || { echo "KUBECONFIG is set: using that cluster"; exit 0; }
[ "$(uname -s)" = Linux ] || fail "the test cluster needs Linux; set KUBECONFIG to use a cluster of your own"
[ "$(id -u)" -eq 0 ] || fail "the test cluster needs root (namespaces, cgroups); set KUBECONFIG to use a cluster of your own"

mkdir -p "$folder"
exec 8>"$folder.lock"
flock 8
if holder >/dev/null && [ -e "$folder/ready" ]; then
    echo "the test cluster is up: export KUBECONFIG=$folder/kubeconfig"
    exit 0
fi
"$here/down.sh"

servers="$here/../servers"
"$servers/cluster-packages.sh"
echo "building Kubernetes, unless it is there (five minutes, once)"
kubernetes="$("$servers/kubernetes.sh")"
programs="$("$servers/cluster-programs.sh")"
crane="$("$servers/crane.sh")"

mkdir -p "$folder"/{log,pid,pki,config,etcd,registry,volumes}
. "$here/holder.sh"
. "$here/certificates.sh"
. "$here/api.sh"
if [ "${1:-}" != --api-server-only ]; then
    . "$here/controllers.sh"
    . "$here/relay.sh"
    . "$here/node.sh"
    . "$here/addons.sh"
fi
touch "$folder/ready"
echo "the test cluster is up: export KUBECONFIG=$folder/kubeconfig"
