# Part of up.sh: the registry, containerd, the kubelet and kube-proxy.
sed "s/@CGROUP@/$cgroup/; s/@NODE@/$node_address/" "$here/kubelet.yaml" >"$folder/config/kubelet.yaml"
cp "$here/containerd.toml" "$here/kube-proxy.yaml" "$folder/config"
mkdir -p "$folder/config/cni"
sed "s|@PODS@|$pod_network|" "$here/cni.conflist" >"$folder/config/cni/10-pods.conflist"
printf 'nameserver %s\n' "$node_address" >"$folder/config/resolv.conf"

start registry "$crane" registry serve --address 127.0.0.1:5000 --disk /run/titan/registry
start containerd containerd --config /run/titan/config/containerd.toml
until_ready "the registry" 20 inside "$crane" catalog 127.0.0.1:5000
# What holds the namespaces of a pod: busybox sleeps well.
"$here/pack.sh" pause "$(command -v busybox)" --cmd sleep,2147483647 >/dev/null

until_ready "containerd" 20 inside ctr version
start kubelet "$kubernetes/kubelet" --config /run/titan/config/kubelet.yaml --root-dir /run/titan/kubelet \
    --kubeconfig /run/titan/config/node.kubeconfig --hostname-override node --node-ip "$node_address"
start kube-proxy "$kubernetes/kube-proxy" --config /run/titan/config/kube-proxy.yaml
until_ready "the node" 60 kubectl wait --for=condition=Ready node/node --timeout=1s
