#!/bin/bash
# Builds the product once as static programs, makes images FROM scratch of them and of what the
# tests need, pushes them, and writes their references by digest to target/cluster/images.json.
. "$(dirname "$0")/lib.sh"
cargo="${CARGO:-cargo}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/titan-media"
triple="$(rustc -vV | sed -n 's/^host: //p')"
# Outside the checkout, so that a fresh clone builds its own crates only.
(cd "$here/../.." && RUSTFLAGS="-C target-feature=+crt-static" CARGO_TARGET_DIR="$cache/release" \
    "$cargo" build --release --locked --target "$triple" --package titan-sidecar --package titan-operator \
    --package titan-tests --bin titan-sidecar --bin titan-operator --bin titan-test-peer)
programs="$cache/release/$triple/release"
pack() { "$here/pack.sh" "$@"; }
mkdir -p "$folder"
cat >"$folder/images.json" <<JSON
{
  "operator": "$(pack titan-operator "$programs/titan-operator")",
  "sidecar": "$(pack titan-sidecar "$programs/titan-sidecar")",
  "sidecarNext": "$(pack titan-sidecar-next "$programs/titan-sidecar" --label release=next)",
  "sidecarBroken": "$(pack titan-sidecar-broken "$(command -v busybox)" --entrypoint /busybox,false)",
  "peer": "$(pack titan-test-peer "$programs/titan-test-peer")",
  "s3": "$(pack versitygw "$("$here/../servers/versitygw.sh")")"
}
JSON
cat "$folder/images.json"
