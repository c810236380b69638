#!/bin/bash
# Builds the product once as static programs (the linked device with its libraries), makes images FROM scratch of
# them and of what the tests need, pushes them, and writes their references by digest to target/cluster/images.json.
. "$(dirname "$0")/lib.sh"
cargo="${CARGO:-cargo}"
cd "$here/../.."
if [ "${TITAN_TEST_PROFILE:-release}" = dev ]; then
    # For whoever works on the product: minutes sooner, larger, slower.
    "$cargo" build --locked --workspace --bins
    programs=target/debug
else
    programs="$("$here/../../release/build.sh" titan-test-peer)"
fi
busybox="$(command -v busybox)"
versitygw="$("$here/../servers/versitygw.sh")"
whatsapp="$("$here/../servers/whatsapp.sh")"

images=""
pack() { # MEMBER ARGUMENTS OF pack.sh…
    local member="$1" reference
    shift
    reference="$("$here/pack.sh" "$@")"
    images="$images${images:+, }\"$member\": \"$reference\""
}
pack operator titan-operator "$programs/titan-operator"
pack sidecar titan-sidecar "$programs/titan-sidecar"
# For staged upgrades: the same program under another digest, and one that ends at once.
pack sidecarNext titan-sidecar-next "$programs/titan-sidecar" --label release=next
pack sidecarBroken titan-sidecar-broken "$busybox" --entrypoint /busybox,false
pack peer titan-test-peer "$programs/titan-test-peer"
pack s3 versitygw "$versitygw"
# A device as released, and the build of it that believes a server of our own: no other can be linked there.
pack whatsapp titan-whatsapp "$whatsapp/release/titan-whatsapp"
pack whatsappBelieving titan-whatsapp-believing "$whatsapp/debug/titan-whatsapp"
pack relay titan-relay "$whatsapp/debug/titan-relay"
mkdir -p "$folder"
echo "{$images}" >"$folder/images.json"
