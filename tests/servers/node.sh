#!/bin/sh
# Installs the Node half of the interop tests into the cache, keyed by its lock file, and prints the
# folder from which to run it.
. "$(dirname "$0")/lib.sh"
only_once node
source="$(cd "$(dirname "$0")/../interop/node" && pwd)"
key="$(sha256sum "$source/package-lock.json" | cut -c1-16)"
target="$cache/node-$key"
if [ ! -e "$target/ready" ]; then
    rm -rf "$target"
    npm_ci "$source" "$target"
    touch "$target/ready"
fi
cp "$source"/*.mjs "$target"
echo "$target"
