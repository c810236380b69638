#!/bin/bash
# pack.sh NAME PROGRAM [CRANE MUTATE FLAGS…]: puts one program and the CA certificates into
# an image FROM scratch that runs as a numeric user, pushes it to the cluster's registry (or to
# TITAN_TEST_REGISTRY), and prints the reference by digest.
. "$(dirname "$0")/lib.sh"
name="$1" program="$2"
shift 2
crane="$("$here/../servers/crane.sh")"
registry="${TITAN_TEST_REGISTRY:-127.0.0.1:5000}"
push() { if [ -n "${TITAN_TEST_REGISTRY:-}" ]; then "$crane" "$@"; else inside "$crane" "$@"; fi; }

layer="$(mktemp -d)"
trap 'rm -rf "$layer"' EXIT
install -D --strip -m 755 "$program" "$layer/root/$(basename "$program")"
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$layer/root/etc/ssl/certs/ca-certificates.crt"
# What is not static, a development build or a linked device: its libraries go with it, and what loads them.
for library in $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*'); do
    install -D -m 755 "$library" "$layer/root/$library"
done
# The same program makes the same digest: names sorted, times fixed.
tar --create --file "$layer/layer.tar" --directory "$layer/root" --sort=name --owner=0 --group=0 --numeric-owner \
    --mtime=@0 .
log="$layer/log"
push append --new_layer "$layer/layer.tar" --new_tag "$registry/$name:test" --platform linux/amd64 >"$log" 2>&1 &&
    push mutate "$registry/$name:test" --tag "$registry/$name:test" --set-platform linux/amd64 --user 65532:65532 \
        --entrypoint "/$(basename "$program")" "$@" 2>>"$log" | tail -n 1 || {
    cat "$log" >&2
    fail "can't make the image $name"
}
