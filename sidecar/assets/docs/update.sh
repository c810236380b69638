#!/bin/sh
# Fetches the API explorer's two files, Swagger UI (Apache-2.0), from its npm package: version and
# checksum stand here, so that what is committed can be made again byte by byte.
set -eu
version=5.35.0
integrity=sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==
cd "$(dirname "$0")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "swagger-ui-dist@$version" >/dev/null
package="$work/swagger-ui-dist-$version.tgz"
found="sha512-$(openssl dgst -sha512 -binary "$package" | openssl base64 -A)"
[ "$found" = "$integrity" ] || {
    echo "the package is not the one that was looked at: $found" >&2
    exit 1
}
tar -xzf "$package" -C "$work"
for file in swagger-ui-bundle.js swagger-ui.css; do
    grep -v '^//# sourceMappingURL=' "$work/package/$file" | gzip -9n >"$file.gz"
done
