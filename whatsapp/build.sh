#!/usr/bin/env bash
# Builds the three programs that tests run, here and elsewhere, and prints the folder that they are in:
#   debug/titan-relay       the WhatsApp server of our own
#   debug/titan-whatsapp    believes that server
#   strict/titan-whatsapp   built as a release is: believes WhatsApp alone, and goes on with a device that was linked before
# Does nothing when they are newer than what they are made of. One at a time: both builds of titan-whatsapp pass through one place.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo=(${CARGO:-cargo})
built="$CARGO_TARGET_DIR/strict/built"

current() {
    [[ -x "$CARGO_TARGET_DIR/debug/titan-relay" && -x "$CARGO_TARGET_DIR/debug/titan-whatsapp" && -x "$CARGO_TARGET_DIR/strict/titan-whatsapp" ]] &&
        [[ "$(cat "$built" 2>/dev/null)" == "$PWD" ]] &&
        [[ -z "$(find Cargo.toml Cargo.lock rust-toolchain.toml relay titan-whatsapp/Cargo.toml titan-whatsapp/src -newer "$built" -print -quit)" ]]
}

mkdir -p "$CARGO_TARGET_DIR/strict"
exec 9>"$CARGO_TARGET_DIR/strict/lock"
flock 9
if ! current; then
    echo "$PWD" >"$built.new"
    # Features are those of what is named: without the relay nothing here believes strangers.
    "${cargo[@]}" build --locked --package titan-whatsapp --bins >&2
    install "$CARGO_TARGET_DIR/debug/titan-whatsapp" "$CARGO_TARGET_DIR/strict/titan-whatsapp.new"
    mv "$CARGO_TARGET_DIR/strict/titan-whatsapp.new" "$CARGO_TARGET_DIR/strict/titan-whatsapp"
    "${cargo[@]}" build --locked --workspace --bins >&2
    mv "$built.new" "$built"
fi
echo "$CARGO_TARGET_DIR"
