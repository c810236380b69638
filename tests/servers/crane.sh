#!/bin/sh
# Builds crane, which makes images without Docker and is a registry too, into the cache and prints
# its path.
. "$(dirname "$0")/lib.sh"
version=v0.22.1
only_once crane
target="$cache/crane-$version/crane"
if [ ! -x "$target" ]; then
    GOBIN="$cache/crane-$version" CGO_ENABLED=0 go install "github.com/google/go-containerregistry/cmd/crane@$version" >&2
fi
echo "$target"
