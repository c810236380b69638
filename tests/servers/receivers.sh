#!/bin/sh
# Installs what the receivers in examples/ need into the cache, keyed by what they say they need, and
# prints a folder: node/receiver.mjs, python/bin/python, go/receiver.
. "$(dirname "$0")/lib.sh"
only_once receivers
source="$(cd "$(dirname "$0")/../../examples/receivers" && pwd)"
key="$(cat "$source/node/package-lock.json" "$source/python/requirements.txt" "$source"/go/* | sha256sum | cut -c1-16)"
target="$cache/receivers-$key"
if [ ! -e "$target/ready" ]; then
    rm -rf "$target"
    npm_ci "$source/node" "$target/node"
    python3 -m venv "$target/python" >&2
    "$target/python/bin/pip" install --quiet --disable-pip-version-check -r "$source/python/requirements.txt" >&2
    (cd "$source/go" && go build -o "$target/go/receiver" .)
    touch "$target/ready"
fi
cp "$source/node/receiver.mjs" "$target/node"
echo "$target"
