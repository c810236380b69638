"""Every metric that an alert or a dashboard names is one that the programs register, under the name that its type
gives it; every alert has a runbook."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts/titan-media"
SOURCES = {
    "titan_operator": ROOT / "operator/src/metrics.rs",
    "titan_sidecar": ROOT / "sidecar/src/metrics.rs",
}
REGISTRATION = re.compile(
    r'register(?:_with_unit)?\(\s*"(?P<name>\w+)",\s*"[^"]*",\s*(?:Unit::(?P<unit>\w+),\s*)?'
    r"(?:(?:self|metrics)\.(?P<field>\w+)\.clone\(\)|(?P<info>Info)::new)"
)
# How OpenMetrics names the samples of a type.
SAMPLES = {
    "Counter": ["_total"],
    "Gauge": [""],
    "Histogram": ["_bucket", "_sum", "_count"],
    "Info": ["_info"],
}


def registered(prefix, source):
    text = source.read_text()
    names = set()
    for match in REGISTRATION.finditer(text):
        kind = "Info" if match["info"] else type_of(text, match["field"])
        unit = f"_{match['unit'].lower()}" if match["unit"] else ""
        names.update(f"{prefix}_{match['name']}{unit}{suffix}" for suffix in SAMPLES[kind])
    if len(names) < 5:
        raise SystemExit(f"{source}: only {len(names)} metrics were found; has its form changed?")
    return names


def type_of(text, field):
    declared = re.search(rf"^    (?:pub )?{field}: (.*),$", text, re.MULTILINE)[1]
    return next(kind for kind in SAMPLES if re.search(rf"\b{kind}\b", declared))


def expressions():
    for line in (CHART / "alerts.yaml").read_text().splitlines():
        if line.strip().startswith("expr: "):
            yield "alerts.yaml", line
    for dashboard in sorted((CHART / "dashboards").glob("*.json")):
        content = json.loads(dashboard.read_text())
        for panel in content["panels"]:
            for target in panel["targets"]:
                yield dashboard.name, target["expr"]
        for variable in content["templating"]["list"]:
            yield dashboard.name, variable.get("definition", "")


def main():
    known = set().union(*(registered(prefix, source) for prefix, source in SOURCES.items()))
    wrong, named = [], set()
    for place, expression in expressions():
        for name in re.findall(r"\btitan_(?:operator|sidecar)_\w+", expression):
            named.add(name)
            if name not in known:
                wrong.append(f"{place}: no program has the metric {name}")
    if len(named) < 10:
        wrong.append(f"only {len(named)} metrics are named; has the form of the files changed?")
    runbooks = (ROOT / "docs/runbooks.md").read_text().splitlines()
    for alert in re.findall(r"alert: (\w+)", (CHART / "alerts.yaml").read_text()):
        if f"## {alert}" not in runbooks:
            wrong.append(f"docs/runbooks.md: no section {alert}")
    sys.exit("\n".join(sorted(set(wrong))) or 0)


if __name__ == "__main__":
    main()
