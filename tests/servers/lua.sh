#!/bin/sh
# Prints the path of Lua 5.4, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
only_once lua
if ! command -v lua5.4 >/dev/null; then
    sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo apt-get update -qq >&2
    $sudo apt-get install -y -qq lua5.4 >&2
fi
command -v lua5.4
