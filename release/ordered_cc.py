#!/usr/bin/env python3
"""ordered_cc.py ARGUMENTS…: the linker of the release: `cc`, told to lay hot functions side by side.

The kernel maps code in windows of 64 KiB around what is run. An idle sidecar runs a tenth of its code; strewn over the
program, it keeps nearly all of it resident. `hot-functions` beside this file says what runs (record.sh writes it).
Names of functions hold hashes of compiler, features and dependencies, so lists and objects are compared without them.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile

HASHES = re.compile(r"Cs[0-9A-Za-z]+_|B[0-9A-Za-z]*_|\.llvm\.\d+")


def fingerprint(symbol):
    """What stays the same of a function's name, in 12 hexadecimal digits."""
    return hashlib.sha256(HASHES.sub("", symbol).encode()).hexdigest()[:12]


def functions(paths):
    """The names of all functions that these objects and archives define."""
    said = subprocess.run(["nm", "--defined-only", "--format=posix", *paths], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False).stdout
    rows = (line.split() for line in said.splitlines())
    return {row[0] for row in rows if len(row) > 1 and row[1] in "tTwW"}


def words(arguments):
    """The arguments, with those in response files."""
    for argument in arguments:
        if argument.startswith("@"):
            with open(argument[1:], encoding="utf-8") as file:
                yield from (line.strip().strip('"') for line in file)
        else:
            yield argument


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "hot-functions"), encoding="utf-8") as file:
        hot = {line.strip(): rank for rank, line in enumerate(file)}
    arguments = sys.argv[1:]
    if "-fuse-ld=lld" not in words(arguments):
        # Rust links with lld on x86-64 only, and no other linker knows an order.
        sys.exit(subprocess.call(["cc", *arguments]))
    objects = [word for word in words(arguments) if word.endswith((".o", ".a", ".rlib")) and os.path.isfile(word)]
    ranked = sorted((hot[print_], name) for name in functions(objects) if (print_ := fingerprint(name)) in hot)
    with tempfile.NamedTemporaryFile("w", suffix=".order") as order:
        order.writelines(f"{name}\n" for _, name in ranked)
        order.flush()
        if "TITAN_KEEP_SYMBOLS" in os.environ:
            arguments = [word for word in arguments if word != "-Wl,--strip-all"]
        sys.exit(subprocess.call(["cc", *arguments, f"-Wl,--symbol-ordering-file={order.name}",
                                  "-Wl,--no-warn-symbol-ordering"]))


if __name__ == "__main__":
    main()
