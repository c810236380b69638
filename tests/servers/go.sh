#!/bin/sh
# Builds the Go half of the interop tests into the cache, keyed by its sources, and prints the path
# of the program.
. "$(dirname "$0")/lib.sh"
only_once go
source="$(cd "$(dirname "$0")/../interop/go" && pwd)"
key="$(cat "$source/go.mod" "$source/go.sum" "$source"/*.go | sha256sum | cut -c1-16)"
target="$cache/go-$key/interop"
if [ ! -x "$target" ]; then
    (cd "$source" && go build -o "$target" .)
fi
echo "$target"
