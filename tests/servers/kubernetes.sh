#!/bin/sh
# Builds Kubernetes (API server, controller manager, scheduler, kubelet, proxy, kubectl) from pinned
# Go modules into the cache, keyed by the pins, and prints the folder. Five minutes on two cores.
. "$(dirname "$0")/lib.sh"
only_once kubernetes
source="$(cd "$(dirname "$0")/../cluster/kubernetes" && pwd)"
version="$(sed -n 's/^\tk8s.io\/kubernetes \(v[0-9.]*\) .*/\1/p' "$source/go.mod")"
key="$(cat "$source/go.mod" "$source/go.sum" | sha256sum | cut -c1-16)"
target="$cache/kubernetes-$version-$key"
if [ ! -e "$target/ready" ]; then
    mkdir -p "$target"
    # Parts of it refuse to work without a version, which their own build stamps in like this.
    stamp=k8s.io/component-base/version
    minor="${version#v1.}"
    flags="-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}"
    flags="$flags -X $stamp.gitCommit=0000000000000000000000000000000000000000 -X $stamp.gitTreeState=clean"
    flags="$flags -X $stamp.buildDate=1970-01-01T00:00:00Z -X k8s.io/client-go/pkg/version.gitVersion=$version"
    (
        cd "$source"
        # shellcheck disable=SC2046 # one argument per program
        CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$target/" $(sed -n 's/^\t\(k8s.io\/kubernetes\/cmd\/.*\)/\1/p' go.mod) >&2
    )
    touch "$target/ready"
fi
echo "$target"
