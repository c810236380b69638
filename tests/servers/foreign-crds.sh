#!/bin/sh
# Puts the CRDs of other projects, as their Go modules ship them, into the cache and prints the
# folder: gateway-api, flux and prometheus, one file per kind. Only kinds that charts or examples use.
# (Later releases of the first two ask for Go 1.27, which can't build Kubernetes.)
. "$(dirname "$0")/lib.sh"
only_once foreign-crds
target="$cache/foreign-crds-1"
module() { # MODULE@VERSION: prints the folder of its sources
    (cd "$target" && GOFLAGS=-mod=mod go mod download -json "$1") | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p'
}
if [ ! -e "$target/ready" ]; then
    mkdir -p "$target/gateway-api" "$target/flux" "$target/prometheus"
    gateway="$(module sigs.k8s.io/gateway-api@v1.6.3)"
    cp "$gateway"/config/crd/standard/gateway.networking.k8s.io_gateway*.yaml "$target/gateway-api"
    cp "$gateway"/config/crd/standard/gateway.networking.k8s.io_httproutes.yaml "$target/gateway-api"
    kustomize="$(module github.com/fluxcd/kustomize-controller@v1.9.6)"
    cp "$kustomize"/config/crd/bases/*_kustomizations.yaml "$target/flux"
    source="$(module github.com/fluxcd/source-controller@v1.9.6)"
    cp "$source"/config/crd/bases/*_gitrepositories.yaml "$source"/config/crd/bases/*_ocirepositories.yaml \
        "$source"/config/crd/bases/*_helmrepositories.yaml "$target/flux"
    prometheus="$(module github.com/prometheus-operator/prometheus-operator@v0.85.0)/example/prometheus-operator-crd"
    for kind in servicemonitors podmonitors prometheusrules; do
        cp "$prometheus/monitoring.coreos.com_$kind.yaml" "$target/prometheus"
    done
    chmod -R u+w "$target"
    touch "$target/ready"
fi
echo "$target"
