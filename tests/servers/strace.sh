#!/bin/sh
# Prints the path of strace, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
only_once strace
if ! command -v strace >/dev/null; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get update -qq >&2
    $sudo apt-get install -y -qq strace >&2
fi
command -v strace
