#!/bin/sh
# Prints the path of Lua 5.4, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
debian lua5.4 lua5.4
