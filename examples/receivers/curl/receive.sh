#!/bin/sh
# WEBHOOK_SECRET=whsec_… receive.sh BODY SIGNATURE FILE
#
# One delivery without a library: BODY is a file with the bytes as they came, SIGNATURE the value of
# X-Webhook-Signature. If they are Titan Media's, the file that the event is about is written to FILE,
# and its SHA-256 compared.
set -eu
body=$1 signature=$2 file=$3

case $WEBHOOK_SECRET in
whsec_*) key=$(printf %s "${WEBHOOK_SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n') ;;
*) key=$(printf %s "$WEBHOOK_SECRET" | od -An -v -tx1 | tr -d ' \n') ;;
esac
# HMAC by hand (RFC 2104): openssl takes a key as an argument only, which every process could read.
[ ${#key} -le 128 ] || { echo "keys of more than 64 bytes are not for this script" >&2; exit 1; }
padded() {
    for byte in $(printf %s "$key" | fold -w2); do
        printf "\\$(printf %03o $((0x$byte ^ $1)))"
    done
    for _ in $(seq $((${#key} / 2 + 1)) 64); do
        printf "\\$(printf %03o "$1")"
    done
}
inner() { { padded 54 && cat "$body"; } | openssl dgst -sha256 -binary; }
right=sha256=$({ padded 92 && inner; } | openssl dgst -sha256 | sed 's/.*= *//')
# Hashes of both are compared, so that the time tells nothing of the right one.
hash() { printf %s "$1" | openssl dgst -sha256; }
[ "$(hash "$signature")" = "$(hash "$right")" ] || {
    echo "not signed with this key" >&2
    exit 1
}

# The value of a string member of the payload.
member() { sed -n "s/.*\"payload\":.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$body"; }
curl --fail --silent --show-error --output "$file" "$(member mediaUrl)"
[ "$(openssl dgst -sha256 <"$file" | sed 's/.*= *//')" = "$(member sha256)" ] || {
    echo "not the file that was sent" >&2
    exit 1
}
echo "verified $(wc -c <"$file") bytes"
