#!/bin/bash
# Says whether the test cluster is up, and what runs in it.
. "$(dirname "$0")/lib.sh"
pid="$(holder)" || fail "the test cluster is down: make cluster-up"
kubernetes="$("$here/../servers/kubernetes.sh")"
echo "holder        pid $pid; enter with: nsenter --target $pid --pid --mount --net"
for file in "$folder"/pid/*; do
    # shellcheck disable=SC2016 # expanded by the shell inside
    state="$(inside sh -c 'kill -0 "$(cat "/run/titan/pid/$0")" 2>/dev/null && echo up || echo DOWN' "$(basename "$file")")"
    printf '%-24s %s\n' "$(basename "$file")" "$state"
done
echo "export KUBECONFIG=$folder/kubeconfig"
kubectl get nodes,pods --all-namespaces
