#!/bin/sh
# Prints the path of ip, for tests in a network of their own, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
debian ip iproute2
