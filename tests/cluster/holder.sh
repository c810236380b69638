# Part of up.sh: the namespaces, the network in them, and the process that holds them.

# The API server's port, the same inside and outside: the kubeconfig works on both sides.
api_port=16443
while (exec 3<>"/dev/tcp/127.0.0.1/$api_port") 2>/dev/null; do api_port=$((api_port + 1)); done
echo "$api_port" >"$folder/port"

# The kubelet sets these for the whole machine; the last cluster to go puts them back (down.sh).
[ -s "$settings" ] || sysctl -e vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes >"$settings"

# Bash, because it reaps the orphans that a first process inherits.
# shellcheck disable=SC2016 # expanded by the shell inside
setsid unshare --pid --fork --kill-child --mount-proc --mount --net --propagation private \
    bash -c 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done' "$folder" \
    >"$folder/log/holder.log" 2>&1 </dev/null 8>&- &
unshare_pid=$!
until_ready "the holder" 10 pgrep --parent "$unshare_pid"
pgrep --parent "$unshare_pid" >"$folder/holder"

# What programs have wired in goes to places of the cluster's own.
inside sh -euc '
    mount -t tmpfs -o mode=755 run /run
    mkdir /run/titan
    mount --bind "$0" /run/titan
    mount -t tmpfs -o mode=755 log /var/log
    for dir in /var/lib/cni /opt/cni; do [ ! -d "$dir" ] || mount -t tmpfs -o mode=755 cni "$dir"; done
    mount --make-rshared /' "$folder"

# No way out. The node has an address on a pair of devices that both stay inside; addresses of
# Services need a route so that packets to them reach the rules of kube-proxy.
inside sh -euc '
    ip link set lo up
    ip link add node type veth peer name node-peer
    ip link set node up
    ip link set node-peer up
    ip address add "$0/24" dev node
    ip route add "$1" dev node
    ip route add default dev node
    echo 1 >/proc/sys/net/ipv4/ip_forward' "$node_address" "$service_network"

# Everything that runs in pods is under one cgroup of each hierarchy.
for hierarchy in /sys/fs/cgroup/*/; do
    case "$hierarchy" in */unified/) continue ;; esac
    mkdir -p "$hierarchy$cgroup"
    for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$hierarchy$file" ] || cat "$hierarchy$file" >"$hierarchy$cgroup/$file"
    done
done
