#!/bin/bash
# bench.sh PROGRAMS: measures the operator against an API server and etcd alone, which are a cluster of their own.
# PROGRAMS is the folder of the release (release/build.sh).
export TITAN_CLUSTER_NAME=bench-cluster
. "$(dirname "$0")/lib.sh"
unset KUBECONFIG
programs="$1"
kubernetes="$("$here/../servers/kubernetes.sh")"
trap '"$here/down.sh"' EXIT
"$here/up.sh" --api-server-only >&2
export KUBECONFIG="$folder/kubeconfig" TITAN_OPERATOR="$programs/titan-operator"
kubectl() { nsenter --target "$(holder)" --net -- "$kubernetes/kubectl" --kubeconfig "$folder/kubeconfig" "$@"; }
"$programs/titan-operator" crds | kubectl create -f - >&2
kubectl wait --for=condition=Established crd --all --timeout=60s >&2
nsenter --target "$(holder)" --net -- "$programs/bench_operator"
