#!/bin/sh
# Builds versitygw (an S3 server over a folder), static so that it runs FROM scratch too, into the
# cache and prints its path.
. "$(dirname "$0")/lib.sh"
version=v1.8.0
only_once versitygw
target="$cache/versitygw-$version-static/versitygw"
if [ ! -x "$target" ]; then
    GOBIN="$cache/versitygw-$version-static" CGO_ENABLED=0 go install "github.com/versity/versitygw/cmd/versitygw@$version" >&2
fi
echo "$target"
