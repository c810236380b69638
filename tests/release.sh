#!/bin/sh
# Builds the one static release that images and benchmarks use, and prints the folder of its programs.
# It is outside the checkout, so that a fresh clone builds its own crates only.
set -eu
cd "$(dirname "$0")/.."
triple="$(rustc -vV | sed -n 's/^host: //p')"
CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/titan-media/release"
# Packed relocations: the plain table is 1.4 MiB that every start reads.
RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"
export CARGO_TARGET_DIR RUSTFLAGS
"${CARGO:-cargo}" build --release --locked --target "$triple" \
    --package titan-sidecar --package titan-operator --package titan-tests --bins >&2
echo "$CARGO_TARGET_DIR/$triple/release"
