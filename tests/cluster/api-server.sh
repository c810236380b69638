#!/bin/bash
# api-server.sh start|stop|kill: tests restart the API server, in order or as a crash.
. "$(dirname "$0")/lib.sh"
kubernetes="$("$here/../servers/kubernetes.sh")"
pki=/run/titan/pki

case "${1:-}" in
start)
    # OwnerReferencesPermissionEnforcement is on where the product is run on OpenShift: with it,
    # owner references that block deletion need a right on the owner's finalizers.
    start kube-apiserver "$kubernetes/kube-apiserver" \
        --etcd-servers=http://127.0.0.1:2379 --advertise-address="$node_address" --secure-port="$(cat "$folder/port")" \
        --authorization-mode=Node,RBAC --allow-privileged=true --anonymous-auth=false \
        --enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement \
        --service-cluster-ip-range="$service_network" \
        --client-ca-file=$pki/ca.crt --tls-cert-file=$pki/kube-apiserver.crt --tls-private-key-file=$pki/kube-apiserver.key \
        --kubelet-certificate-authority=$pki/ca.crt --kubelet-client-certificate=$pki/kubelet-client.crt \
        --kubelet-client-key=$pki/kubelet-client.key --kubelet-preferred-address-types=InternalIP \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-key-file=$pki/service-accounts.key --service-account-signing-key-file=$pki/service-accounts.key \
        --requestheader-client-ca-file=$pki/front-proxy-ca.crt --requestheader-allowed-names=front-proxy-client \
        --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
        --requestheader-username-headers=X-Remote-User \
        --proxy-client-cert-file=$pki/front-proxy-client.crt --proxy-client-key-file=$pki/front-proxy-client.key \
        --audit-policy-file=/run/titan/config/audit-policy.yaml --audit-log-path=/run/titan/log/audit.log
    until_ready "the API server" 60 inside "$kubernetes/kubectl" --kubeconfig /run/titan/kubeconfig get --raw /readyz
    ;;
stop) stop kube-apiserver ;;
kill) stop kube-apiserver KILL ;;
*) fail "usage: api-server.sh start|stop|kill" ;;
esac
