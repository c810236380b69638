#!/usr/bin/env bash
# Formats, lints, builds and tests this workspace. Needs a Rust toolchain, a C compiler, make and perl, and nothing from the internet once the crates are there.
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
cargo=(${CARGO:-cargo})

"${cargo[@]}" fmt --all --check
"${cargo[@]}" clippy --locked --workspace --all-targets -- -D warnings

programs="$(./build.sh)"
TITAN_WHATSAPP_STRICT="$programs/release/titan-whatsapp" "${cargo[@]}" test --locked --workspace "$@"
