#!/usr/bin/env bash
# What the README promises: `make demo` works from a clean clone. Clones HEAD into a temporary
# folder and shares this checkout's target folder, so that dependencies are not built again.
set -euo pipefail
cd "$(dirname "$0")/.."
clone="$(mktemp -d)"
trap 'rm -rf "$clone"' EXIT
git clone --quiet --no-hardlinks . "$clone/titan-media"
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}" make --no-print-directory -C "$clone/titan-media" demo
