# Part of up.sh: etcd and the API server.
start etcd etcd --data-dir /run/titan/etcd \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380

cp "$here/audit-policy.yaml" "$folder/config"
"$here/api-server.sh" start
