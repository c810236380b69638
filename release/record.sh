#!/bin/bash
# record.sh: writes hot-functions, by which ordered_cc.py lays the release out: what a sidecar runs on an ordinary day
# (tests/src/bin/ordinary_day.rs), as Valgrind saw it. Run it when the idle memory of `make bench` has grown.
. "$(dirname "$0")/../tests/servers/lib.sh"
here="$(cd "$(dirname "$0")" && pwd)"
debian valgrind valgrind
"$here/../tests/servers/versitygw.sh" >/dev/null
programs="$(TITAN_KEEP_SYMBOLS=1 "$here/build.sh" ordinary-day)"
seen="$(mktemp)"
trap 'rm -f "$seen"' EXIT
TITAN_SIDECAR="$programs/titan-sidecar" "$programs/ordinary-day" \
    valgrind --quiet --tool=callgrind --demangle=no --callgrind-out-file="$seen"
PYTHONDONTWRITEBYTECODE=1 python3 "$here/hot_functions.py" "$seen" >"$here/hot-functions"
wc -l "$here/hot-functions"
