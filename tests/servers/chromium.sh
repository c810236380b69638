#!/bin/sh
# Prints the path of Chromium, installed with apt where it is missing.
. "$(dirname "$0")/lib.sh"
debian chromium chromium
