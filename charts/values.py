"""Reads a values.yaml in the form that the charts use: maps, lists of scalars, flow values of one line, and a
comment above each value. Nothing but Python is needed for it."""

import json
import re
from typing import NamedTuple


class Value(NamedTuple):
    """A value that a user may set."""

    path: str
    default: object
    description: str
    heading: str


class Line(NamedTuple):
    indent: int
    key: str
    text: str
    description: str
    heading: str


KEY = re.compile(r"( *)(?:([A-Za-z_][\w.-]*):|-)(?: (.*))?$")


def read(path):
    """Every documented value, in the order of the file."""
    return list(documented(lines(path.read_text()), ""))


def lines(text):
    found, comment, heading = [], [], ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("## "):
            heading, comment = bare[3:], []
        elif bare.startswith("#"):
            comment.append(bare[1:].strip())
        elif bare:
            match = KEY.match(line)
            if not match:
                raise SystemExit(f"line {number}: neither `key: value` nor `- value`: {line}")
            indent, key, rest = match.groups()
            found.append(Line(len(indent), key, rest or "", " ".join(comment), heading))
            comment = []
        else:
            comment = []
    return found


def documented(block, prefix):
    for line, children in entries(block):
        path = f"{prefix}{line.key}"
        if line.description:
            yield Value(path, default(line, children), line.description, line.heading)
        elif children:
            yield from documented(children, f"{path}.")
        else:
            raise SystemExit(f"{path}: no comment above it")


def entries(block):
    """Each line of the outermost indentation, with those that belong to it."""
    start = 0
    while start < len(block):
        end = start + 1
        while end < len(block) and block[end].indent > block[start].indent:
            end += 1
        yield block[start], block[start + 1 : end]
        start = end


def default(line, children):
    if line.text or not children:
        return scalar(line.text)
    if children[0].key is None:
        return [scalar(child.text) for child, _ in entries(children)]
    return {child.key: default(child, grandchildren) for child, grandchildren in entries(children)}


def scalar(text):
    if text.startswith("[") and text != "[]":
        return [scalar(item.strip()) for item in text[1:-1].split(",")]
    try:
        return json.loads(text)
    except ValueError:
        return text
