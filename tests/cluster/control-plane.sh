# Part of up.sh: etcd, API server, controller manager, scheduler.
start etcd etcd --data-dir /run/titan/etcd \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380

cp "$here/audit-policy.yaml" "$folder/config"
"$here/api-server.sh" start

# The defaults of 20 and 30 requests a second make a thousand Deployments take three minutes.
fast=(--kube-api-qps=300 --kube-api-burst=600 --leader-elect=false)
start kube-controller-manager "$kubernetes/kube-controller-manager" "${fast[@]}" \
    --kubeconfig=/run/titan/config/controller-manager.kubeconfig \
    --root-ca-file=/run/titan/pki/ca.crt --use-service-account-credentials=true \
    --service-account-private-key-file=/run/titan/pki/service-accounts.key \
    --cluster-signing-cert-file=/run/titan/pki/ca.crt --cluster-signing-key-file=/run/titan/pki/ca.key
start kube-scheduler "$kubernetes/kube-scheduler" "${fast[@]}" \
    --kubeconfig=/run/titan/config/scheduler.kubeconfig
