# Part of up.sh: controller manager and scheduler.
#
# The defaults of 20 and 30 requests a second make a thousand Deployments take three minutes.
fast=(--kube-api-qps=300 --kube-api-burst=600 --leader-elect=false)
start kube-controller-manager "$kubernetes/kube-controller-manager" "${fast[@]}" \
    --kubeconfig=/run/titan/config/controller-manager.kubeconfig \
    --root-ca-file=/run/titan/pki/ca.crt --use-service-account-credentials=true \
    --service-account-private-key-file=/run/titan/pki/service-accounts.key \
    --cluster-signing-cert-file=/run/titan/pki/ca.crt --cluster-signing-key-file=/run/titan/pki/ca.key
start kube-scheduler "$kubernetes/kube-scheduler" "${fast[@]}" \
    --kubeconfig=/run/titan/config/scheduler.kubeconfig
