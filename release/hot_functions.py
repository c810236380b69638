#!/usr/bin/env python3
"""hot_functions.py FILE: prints what ordered_cc.py reads, from what callgrind wrote: one function a line, in the order in
which they shall lie."""

import re
import sys

from ordered_cc import fingerprint


def neighbourhood(name):
    """The crate that a function serves: what is used together lies together, and TLS costs nothing without TLS."""
    crates = [crate[:int(length)] for length, crate in re.findall(r"Cs[0-9A-Za-z]+_(\d+)(\w+)", name)]
    return next((crate for crate in crates if crate not in ("core", "alloc", "std")), "")


with open(sys.argv[1], encoding="utf-8", errors="replace") as file:
    names = re.findall(r"^c?fn=\(\d+\) (\S+?)(?:'\d+)?$", file.read(), re.MULTILINE)
ordered = dict.fromkeys(fingerprint(name) for name in sorted(set(names), key=lambda name: (neighbourhood(name), name)))
print("\n".join(ordered))
