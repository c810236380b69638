#!/bin/sh
# Installs everything the tests need into the cache outside the checkout. What is there already is
# left alone. A tool that has to be on the machine and is not is named in a sentence.
set -eu
cd "$(dirname "$0")"
for tool in "go:Go 1.26 or newer" "node:Node.js 20 or newer" "npm:npm" "python3:Python 3 with venv" "git:git" "curl:curl" "openssl:OpenSSL" "flock:flock (util-linux)"; do
    command -v "${tool%%:*}" >/dev/null || {
        echo "make test needs ${tool#*:} on the PATH" >&2
        exit 1
    }
done
for script in strace iproute2 chromium postgres versitygw seaweedfs minio node go receivers compose whatsapp; do
    echo "  installing $script, unless it is there" >&2
    "./$script.sh" >/dev/null
done
