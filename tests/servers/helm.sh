#!/bin/sh
# Builds helm into the cache and prints its path.
. "$(dirname "$0")/lib.sh"
version=v4.3.1
only_once helm
target="$cache/helm-$version/helm"
if [ ! -x "$target" ]; then
    GOBIN="$cache/helm-$version" CGO_ENABLED=0 go install "helm.sh/helm/v4/cmd/helm@$version" >&2
fi
echo "$target"
