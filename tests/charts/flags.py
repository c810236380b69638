"""Every flag of the operator is set by the chart, and the chart sets no other."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]


def main():
    flags = set(re.findall(r'env = "(TITAN_\w+)"', (ROOT / "operator/src/args.rs").read_text()))
    template = (ROOT / "charts/titan-media/templates/deployment.yaml").read_text()
    named = set(re.findall(r"- name: (TITAN_\w+)", template))
    wrong = [f"the chart sets {name}, which is no flag" for name in sorted(named - flags)]
    wrong += [f"the chart does not set {name}" for name in sorted(flags - named)]
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
