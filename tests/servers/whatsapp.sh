#!/bin/sh
# Builds a WhatsApp for tests and the program that holds a linked device (whatsapp/, a workspace and licence of its own) into
# the cache and prints its folder.
. "$(dirname "$0")/lib.sh"
# SQLCipher's OpenSSL is built from source.
debian cc gcc >/dev/null
debian make make >/dev/null
debian perl perl >/dev/null
CARGO_TARGET_DIR="$cache/whatsapp" "$(dirname "$0")/../../whatsapp/build.sh"
