"""Writes ``docs/licenses.md``: ``python -m docs.generate.licenses > docs/licenses.md``.

The licences of the packages that an installation brings along, from the packages' own metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

PROJECT = "mysfits-stream"
EXTRAS = ("", "query", "local")
CLASSIFIER = "License :: OSI Approved :: "


def document() -> str:
    """The whole of ``docs/licenses.md``."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Licences of dependencies"
    yield ""
    yield "mysfits-stream is under the Apache License 2.0. An installation brings along these packages,"
    yield "with the licences that their own metadata state; an extra adds to the first table. The extra"
    yield "`[login]` adds awscrt, of Amazon, under the Apache License 2.0."
    seen: set[str] = set()
    for extra in EXTRAS:
        added = sorted(_closure(PROJECT, extra) - seen)
        if added:
            seen.update(added)
            yield ""
            yield f"## With the extra `[{extra}]`" if extra else "## Without an extra"
            yield ""
            yield "| package | licence |"
            yield "|---|---|"
            yield from (f"| {name} | {_license(name)} |" for name in added)


def _closure(name: str, extra: str = "") -> set[str]:
    """The normalized names of all packages that an installed package with an extra requires."""
    found: set[str] = set()
    pending = [(name, extra)]
    done: set[tuple[str, str]] = set()
    while pending:
        current = pending.pop()
        if current in done:
            continue
        done.add(current)
        for line in metadata.requires(current[0]) or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": current[1]}):
                needed = _normalized(requirement.name)
                found.add(needed)
                pending += [(needed, each) for each in ("", *requirement.extras)]
    return found


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _license(name: str) -> str:
    about = metadata.metadata(name)
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = about.get_all("Classifier") or []
    names = [text.removeprefix(CLASSIFIER) for text in classifiers if text.startswith(CLASSIFIER)]
    stated = (about.get("License") or "").strip().splitlines()
    return ", ".join(names) or (stated[0] if stated else "not stated")


if __name__ == "__main__":
    print(document(), end="")
