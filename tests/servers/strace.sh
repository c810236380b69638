#!/bin/sh
# Prints the path of strace, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
debian strace strace
