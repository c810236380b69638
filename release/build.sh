#!/bin/bash
# build.sh [PROGRAM…]: builds the product, and programs of the tests, as the one static release that images and
# benchmarks use; prints the folder of the programs. It is outside the checkout, so that a fresh clone builds its
# own crates only. TITAN_KEEP_SYMBOLS=1 keeps the names of functions, for profilers.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cd "$here/.."
triple="$(rustc -vV | sed -n 's/^host: //p')"
export CARGO_TARGET_DIR="${TITAN_RELEASE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/titan-media/release}"
release="$CARGO_TARGET_DIR/$triple/release"
mkdir -p "$CARGO_TARGET_DIR"
# The linker is named by its path, which must be the same for every checkout or all would be built again. Cargo does
# not look into it: what it linked with another list is linked anew.
linker="$(cat "$here/ordered_cc.py" "$here/hot-functions"; echo "${TITAN_KEEP_SYMBOLS:-}")"
if [ "$linker" != "$(cat "$CARGO_TARGET_DIR"/{ordered-cc,hot-functions,symbols} 2>/dev/null)" ]; then
    rm -rf "$release"/.fingerprint/titan-{sidecar,operator}-*
    cp "$here/ordered_cc.py" "$CARGO_TARGET_DIR/ordered-cc"
    cp "$here/hot-functions" "$CARGO_TARGET_DIR"
    echo "${TITAN_KEEP_SYMBOLS:-}" >"$CARGO_TARGET_DIR/symbols"
fi
# Names by version 0, which tells instances of a generic function apart. Packed relocations: the plain table is
# 1.4 MiB that every start reads.
export RUSTFLAGS="-C target-feature=+crt-static -C symbol-mangling-version=v0 -C linker=$CARGO_TARGET_DIR/ordered-cc \
-C link-arg=-Wl,-z,pack-relative-relocs"
programs=(titan-sidecar titan-operator "$@")
"${CARGO:-cargo}" build --release --locked --target "$triple" \
    --package titan-sidecar --package titan-operator --package titan-tests "${programs[@]/#/--bin=}" >&2
echo "$release"
