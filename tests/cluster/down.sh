#!/bin/bash
# Takes the test cluster down: ends everything in its namespaces, also what a crashed run left,
# removes its folder but for the logs, and puts the machine's settings back.
. "$(dirname "$0")/lib.sh"
if pid="$(holder)"; then
    # The first process of a PID namespace takes all others with it, containers too.
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
# Depth first: a control group goes when it is empty, which it is a moment after its processes.
for hierarchy in /sys/fs/cgroup/*/"$cgroup"; do
    [ -d "$hierarchy" ] || continue
    end=$((SECONDS + 10))
    until find "$hierarchy" -depth -type d -exec rmdir {} + 2>/dev/null; do
        [ "$SECONDS" -lt "$end" ] || fail "can't remove the control group $hierarchy"
        sleep 0.1
    done
done
# Clusters of other checkouts may still need the settings.
if [ -s "$settings" ] && ! compgen -G "/sys/fs/cgroup/memory/titan-*" >/dev/null; then
    sysctl --quiet --load "$settings" && rm "$settings" || echo "some settings could not be put back: $settings" >&2
fi
[ ! -d "$folder" ] || find "$folder" -mindepth 1 -maxdepth 1 ! -name log -exec rm -rf --one-file-system {} +
