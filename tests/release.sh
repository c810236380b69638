#!/bin/bash
# release.sh [PROGRAM…]: builds the product, and programs of the tests, as the one static release that images and
# benchmarks use; prints the folder of the programs. It is outside the checkout, so that a fresh clone builds its
# own crates only.
set -euo pipefail
cd "$(dirname "$0")/.."
triple="$(rustc -vV | sed -n 's/^host: //p')"
export CARGO_TARGET_DIR="${XDG_CACHE_HOME:-$HOME/.cache}/titan-media/release"
# Packed relocations: the plain table is 1.4 MiB that every start reads.
export RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs"
programs=(titan-sidecar titan-operator "$@")
"${CARGO:-cargo}" build --release --locked --target "$triple" \
    --package titan-sidecar --package titan-operator --package titan-tests "${programs[@]/#/--bin=}" >&2
echo "$CARGO_TARGET_DIR/$triple/release"
