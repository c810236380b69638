#!/usr/bin/env bash
# Formats, lints, builds and tests this workspace. Needs a Rust toolchain and nothing from the internet once the crates are there.
# Two programs: the one that the tests belong to believes the relay's certificate; the strict one is built as a release is, and
# meets the relay with keys from before.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo=(${CARGO:-cargo})

"${cargo[@]}" fmt --all --check
"${cargo[@]}" clippy --locked --workspace --all-targets -- -D warnings

# Features are those of what is named: without the relay nothing here believes strangers.
"${cargo[@]}" build --locked --package titan-whatsapp
install -D "$CARGO_TARGET_DIR/debug/titan-whatsapp" "$CARGO_TARGET_DIR/strict/titan-whatsapp"
TITAN_WHATSAPP_STRICT="$CARGO_TARGET_DIR/strict/titan-whatsapp" "${cargo[@]}" test --locked --workspace "$@"
