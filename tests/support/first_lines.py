"""Lists long first lines of docstrings: ``python -m tests.support.first_lines``.

A first line is what a reader sees in a list of modules, classes and functions, so LIMIT bounds its length.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.pro_forms import DOCUMENTED

ROOT = Path(__file__).parents[2]
FOLDERS = ("mysfits_stream", "tests", "benchmarks", "docs")
LIMIT = 90
"""A first line has fewer characters."""


def long_first_lines(source: str) -> Iterator[tuple[int, str]]:
    """The number of the line and the first line of each docstring that reaches LIMIT."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            first = text.splitlines()[0]
            if len(first) >= LIMIT:
                yield node.body[0].lineno, first


def complaints(root: Path) -> Iterator[str]:
    """A line for each long first line below a folder."""
    for path in sorted(root.rglob("*.py")):
        for number, first in long_first_lines(path.read_text(encoding="utf-8")):
            yield f"{path}:{number}: {len(first)} characters in a docstring's first line, at most {LIMIT - 1}"


if __name__ == "__main__":
    found = [line for folder in FOLDERS for line in complaints(ROOT / folder)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
