#!/bin/sh
# Builds cargo-deny into the cache where it is missing and checks dependencies, licences and
# sources. Advisories need the internet and are left to a machine that has it.
. "$(dirname "$0")/lib.sh"
version=0.20.2
only_once cargo-deny
target="$cache/cargo-deny-$version"
if [ ! -x "$target/bin/cargo-deny" ]; then
    cargo install --quiet --locked --root "$target" "cargo-deny@$version" >&2
fi
cd "$(dirname "$0")/../.."
"$target/bin/cargo-deny" --locked --log-level warn check bans licenses sources
