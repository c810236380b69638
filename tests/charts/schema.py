"""Every value of a chart is in its schema, and the schema names nothing else."""

import json
import pathlib
import sys

CHARTS = pathlib.Path(__file__).parents[2] / "charts"
sys.path.insert(0, str(CHARTS))
sys.dont_write_bytecode = True

import values  # noqa: E402  (found through the path above)

# Helm's own, and what the other chart hands over.
NOT_IN_VALUES = {"global", "enabled", "crds.global"}


def main():
    wrong = []
    for chart in ("titan-media", "titan-media-crds"):
        schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
        documented = {value.path for value in values.read(CHARTS / chart / "values.yaml")}
        described = set(leaves(schema, documented)) - NOT_IN_VALUES
        wrong += [f"{chart}: {path} is not in the schema" for path in sorted(documented - described)]
        wrong += [f"{chart}: {path} is not in values.yaml" for path in sorted(described - documented)]
        wrong += [f"{chart}: {path} takes anything" for path in open_objects(schema)]
    sys.exit("\n".join(wrong) or 0)


def leaves(schema, documented, prefix=""):
    for name, member in schema["properties"].items():
        path = f"{prefix}{name}"
        if "properties" in member and path not in documented:
            yield from leaves(member, documented, f"{path}.")
        else:
            yield path


def open_objects(schema, prefix=""):
    """Objects with listed members that would take others."""
    for name, member in schema.get("properties", {}).items():
        yield from open_objects(member, f"{prefix}{name}.")
    if "properties" in schema and schema.get("additionalProperties") is not False:
        yield prefix.rstrip(".") or "the root"


if __name__ == "__main__":
    main()
