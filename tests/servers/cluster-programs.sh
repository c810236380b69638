#!/bin/sh
# Builds the test cluster's own two programs, its DNS and its volumes, into the cache, keyed by
# their sources, and prints the folder.
. "$(dirname "$0")/lib.sh"
only_once cluster-programs
source="$(cd "$(dirname "$0")/../cluster/kubernetes" && pwd)"
key="$(cat "$source/go.mod" "$source/go.sum" "$source"/*/*.go | sha256sum | cut -c1-16)"
target="$cache/cluster-programs-$key"
if [ ! -e "$target/ready" ]; then
    mkdir -p "$target"
    (cd "$source" && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$target/" ./dns ./volumes >&2)
    touch "$target/ready"
fi
echo "$target"
