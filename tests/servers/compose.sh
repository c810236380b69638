#!/bin/sh
# Builds Compose's own parser, which is a Go module, into the cache and prints its path.
. "$(dirname "$0")/lib.sh"
version=v2.16.2
only_once compose
target="$cache/compose-go-$version"
[ -x "$target/cmd" ] || GOBIN="$target" go install "github.com/compose-spec/compose-go/v2/cmd@$version" >&2
echo "$target/cmd"
