#!/bin/sh
# Installs versitygw (an S3 server over a folder) into the cache and prints its path.
. "$(dirname "$0")/lib.sh"
version=v1.8.0
only_once versitygw
target="$cache/versitygw-$version/versitygw"
if [ ! -x "$target" ]; then
    GOBIN="$cache/versitygw-$version" go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
fi
echo "$target"
