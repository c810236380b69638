#!/usr/bin/env bash
# Checks both charts without a cluster: lint, golden renders of five value sets, refusals of the schema, definitions
# and READMEs that match their sources. `test.sh --update` writes the goldens.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/charts
helm="$(tests/servers/helm.sh)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# run WHAT COMMAND…: the command succeeds; what it says is shown only if not.
run() {
    local what="$1"
    shift
    "$@" >"$work/said" 2>&1 || {
        fail "$what"
        cat "$work/said" >&2
    }
}

# The definitions are left out of the goldens: a test of the crate titan-crds compares them with the types.
render() {
    "$helm" template titan charts/titan-media --namespace titan-system --kube-version 1.33.0 \
        --set crds.enabled=false --values "$1"
}

run "READMEs are up to date" python3 charts/readme.py --check
run "values and schema name the same" python3 "$here/schema.py"
run "flags of the operator" python3 "$here/flags.py"
run "alerts and dashboards" python3 "$here/monitoring.py"
run "lint titan-media-crds" "$helm" lint --strict charts/titan-media-crds

run "health in Argo CD" "$(tests/servers/lua.sh)" "$here/health.lua" examples/argocd/health.lua

for values in "$here"/values/*.yaml; do
    name="$(basename "$values" .yaml)"
    golden="$here/goldens/$name.yaml"
    run "lint $name" "$helm" lint --strict charts/titan-media --values "$values"
    if ! render "$values" >"$work/$name.yaml" 2>"$work/said"; then
        fail "render $name"
        cat "$work/said" >&2
    elif [ "${1:-}" = --update ]; then
        cp "$work/$name.yaml" "$golden"
    else
        run "golden $name (tests/charts/test.sh --update, if the change is meant)" diff -u "$golden" "$work/$name.yaml"
    fi
done

for values in "$here"/refusals/*.yaml; do
    expected="$(sed -n '1s/^# expect: //p' "$values")"
    if render "$values" >"$work/said" 2>&1; then
        fail "$values was taken, expected: $expected"
    elif ! grep -qF -- "$expected" "$work/said"; then
        fail "$values: expected: $expected"
        cat "$work/said" >&2
    fi
done

"$helm" template titan charts/titan-media --namespace titan-system --kube-version 1.33.0 \
    --values "$here/values/minimal.yaml" >"$work/whole.yaml" 2>/dev/null
for kind in mediasessions tenantstorages; do
    run "the release brings $kind" grep -qx "  name: $kind.titan.media" "$work/whole.yaml"
done
[ "$(grep -c 'helm.sh/resource-policy: keep' "$work/whole.yaml")" = 2 ] || fail "definitions stay at uninstall"
if "$helm" template titan charts/titan-media --kube-version 1.32.0 \
    --values "$here/values/minimal.yaml" >"$work/said" 2>&1 || ! grep -q 1.33 "$work/said"; then
    fail "Kubernetes 1.32 is refused"
fi

[ "$failures" = 0 ] || exit 1
echo "charts: all as it should be"
