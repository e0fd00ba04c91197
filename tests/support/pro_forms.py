"""Counts pro-forms in docstrings: ``python -m tests.support.pro_forms``, in ``make lint``.

A pro-form stands in for a noun: a search does not find the noun, and a reader has to look for the noun. At
most LIMIT of the words in docstrings of modules, classes and functions may be pro-forms, in every package of
``mysfits_stream`` without its sub-packages, and in every module beside the packages.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "mysfits_stream"
LIMIT = 0.06
_WORDS = (
    "what that which it its one ones those this these them they their who whose whoever none nobody somebody "
    "anybody ours such each other another itself themselves same there"
)
PRO_FORMS = frozenset(_WORDS.split())
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def words(source: str) -> list[str]:
    """The words of all docstrings in a module, in lower case."""
    docstrings = (
        ast.get_docstring(node) for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED)
    )
    return [word for text in docstrings if text for word in re.findall(r"[a-z']+", text.lower())]


def pro_forms(found: list[str]) -> int:
    """The number of pro-forms among words."""
    return sum(word in PRO_FORMS for word in found)


def counted(root: Path) -> dict[str, list[str]]:
    """Package, or module beside packages -> its docstrings' words, without sub-packages."""
    found = defaultdict[str, list[str]](list)
    for path in sorted(root.rglob("*.py")):
        place = path if path.parent == root else path.parent
        found[str(place.relative_to(root.parent))] += words(path.read_text(encoding="utf-8"))
    return dict(found)


def excesses(root: Path) -> Iterator[str]:
    """A line for each package over LIMIT."""
    for name, found in counted(root).items():
        if (count := pro_forms(found)) > LIMIT * len(found):
            yield (
                f"{name}: {count / len(found):.1%} of the docstrings' words are pro-forms (what, it, one …), "
                f"at most {LIMIT:.0%} may be; name the things instead (CONTRIBUTING.md, Style)"
            )


if __name__ == "__main__":
    found = list(excesses(PACKAGE))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(bool(found))
