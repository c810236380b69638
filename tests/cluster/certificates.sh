# Part of up.sh: the authorities, a certificate per program, and the kubeconfigs.
(
    cd "$folder/pki"
    authority() { # NAME
        openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
        openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 3650 -out "$1.crt"
    }
    certificate() { # NAME AUTHORITY SUBJECT USAGE [NAMES]
        openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
        {
            echo "extendedKeyUsage=$4"
            [ -z "${5:-}" ] || echo "subjectAltName=$5"
        } >"$1.ext"
        openssl req -new -key "$1.key" -subj "$3" |
            openssl x509 -req -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -days 3650 -extfile "$1.ext" -out "$1.crt"
    }
    client() { # NAME SUBJECT SERVER
        certificate "$1" ca "$2" clientAuth
        cat >"../config/$1.kubeconfig" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: titan
clusters:
  - name: titan
    cluster: {server: "$3", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
  - name: $1
    user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
contexts:
  - name: titan
    context: {cluster: titan, user: $1}
KUBECONFIG
    }
    authority ca
    authority front-proxy-ca
    names="DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost"
    certificate kube-apiserver ca /CN=kube-apiserver serverAuth "$names,IP:127.0.0.1,IP:$node_address,IP:10.96.0.1"
    certificate kubelet ca /CN=node serverAuth "DNS:node,IP:$node_address"
    certificate kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
    certificate front-proxy-client front-proxy-ca /CN=front-proxy-client clientAuth
    openssl genrsa -out service-accounts.key 2048
    api="https://$node_address:$api_port"
    client admin /O=system:masters/CN=admin "https://127.0.0.1:$api_port"
    client controller-manager /CN=system:kube-controller-manager "$api"
    client scheduler /CN=system:kube-scheduler "$api"
    client node /O=system:nodes/CN=system:node:node "$api"
    client proxy /CN=system:kube-proxy "$api"
    mv ../config/admin.kubeconfig ../kubeconfig
) 2>"$folder/log/openssl.log"
