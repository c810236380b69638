#!/usr/bin/env bash
# Builds the three programs that tests run, here and elsewhere, and prints the folder that they are in:
#   debug/titan-relay        the WhatsApp server of our own
#   debug/titan-whatsapp     believes that server
#   release/titan-whatsapp   as released: believes WhatsApp alone, and goes on with a device that was linked before
# Does nothing when they are newer than what they are made of. One at a time.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo=(${CARGO:-cargo})
built="$CARGO_TARGET_DIR/built"

current() {
    local program
    for program in debug/titan-relay debug/titan-whatsapp release/titan-whatsapp; do
        [[ -x "$CARGO_TARGET_DIR/$program" ]] || return
    done
    [[ "$(cat "$built" 2>/dev/null)" == "$PWD" ]] &&
        [[ -z "$(find Cargo.toml Cargo.lock rust-toolchain.toml relay titan-whatsapp/Cargo.toml titan-whatsapp/src wacore -newer "$built" -print -quit)" ]]
}

mkdir -p "$CARGO_TARGET_DIR"
exec 9>"$built.lock"
flock 9
if ! current; then
    echo "$PWD" >"$built.new"
    # Features are those of what is named: without the relay nothing here believes strangers. It is the Dockerfile's line.
    "${cargo[@]}" build --release --locked --package titan-whatsapp >&2
    "${cargo[@]}" build --locked --workspace --bins >&2
    mv "$built.new" "$built"
fi
echo "$CARGO_TARGET_DIR"
