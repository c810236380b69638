# Part of up.sh: names and volumes.
start dns "$programs/dns" --kubeconfig /run/titan/kubeconfig --listen "$node_address:53"
start volumes "$programs/volumes" --kubeconfig /run/titan/kubeconfig --folder /run/titan/volumes
kubectl apply --server-side --filename "$here/storage-class.yaml" >/dev/null

until_ready "the default ServiceAccount" 30 kubectl get serviceaccount default
