"""JSONPath of ``$input.path`` and ``$input.json``.

Supported: ``$``, ``.name``, ``['name']``, ``['a','b']``, ``[0]``, ``[-1]``, ``[0,2]``, ``[1:3]``, ``.*``,
``[*]``, ``..name``, ``.length()``, ``.size()`` and filters ``[?(@.name == 'x')]`` with at most a single
comparison.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterable[Any]]


class PathError(ValueError):
    """The text is no supported JSONPath."""


_TEXT = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_TOKEN = re.compile(
    rf"""(?P<deep>\.\.)(?=[\w\[*])
      | \.?\[\s*\*\s*\] | \.?\*
      | \.(?P<call>length|size)\(\)
      | \.?(?P<name>[\w$][\w$-]*)
      | \[\s*(?P<quoted>{_TEXT}(?:\s*,\s*{_TEXT})*)\s*\]
      | \[\s*(?P<slice>-?\d*\s*:\s*-?\d*)\s*\]
      | \[\s*(?P<indexes>-?\d+(?:\s*,\s*-?\d+)*)\s*\]
      | \[\?\(\s*@(?P<left>[^=!<>~&|]*?)\s*
          (?:(?P<op>==|!=|<=|>=|<|>)\s*(?P<right>{_TEXT}|[-\w.]+)\s*)?\)\]
    """,
    re.VERBOSE,
)
_QUOTED = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""")
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@lru_cache(maxsize=4096)
def compile_path(path: str) -> Callable[[Any], Any]:
    """Compile ``path`` to a function from a document to a value.

    A path to a single place gives the value of the place, or None; a path to several places gives a list.
    Raises PathError.
    """
    text = path.strip()
    if not text.startswith("$"):
        text = f"$.{text}" if text and not text.startswith("[") else f"${text}"
    steps: list[Step] = []
    definite = True
    position = 1
    deep = False
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise PathError(f"Invalid JSON path: {path}")
        position = token.end()
        if token["deep"]:
            deep, definite = True, False
            continue
        step, single = _step(token)
        definite = definite and single
        if deep:
            steps.append(_descend)
            deep = False
        steps.append(step)
    if not steps:
        return lambda document: document
    return _reader(tuple(steps), definite)


def _reader(steps: tuple[Step, ...], definite: bool) -> Callable[[Any], Any]:
    def read(document: Any) -> Any:
        found: list[Any] = [document]
        for step in steps:
            found = [item for place in found for item in step(place)]
        if definite:
            return found[0] if found else None
        return found

    return read


def _step(token: re.Match[str]) -> tuple[Step, bool]:
    if token["call"]:
        return _length, True
    if token["name"]:
        return _names([token["name"]]), True
    if token["quoted"]:
        names = [re.sub(r"\\(.)", r"\1", a or b) for a, b in _QUOTED.findall(token["quoted"])]
        return (_names(names), True) if len(names) == 1 else (_pick(names), True)
    if token["slice"] is not None:
        bounds = [int(part) if part.strip() else None for part in token["slice"].split(":")]
        return _slice(slice(*bounds)), False
    if token["indexes"]:
        indexes = [int(part) for part in token["indexes"].split(",")]
        return _indexes(indexes), len(indexes) == 1
    if token["left"] is not None:
        return _filter(token["left"], token["op"], token["right"]), False
    return _children, False


def _names(names: list[str]) -> Step:
    (name,) = names

    def step(place: Any) -> Iterable[Any]:
        return [place[name]] if isinstance(place, dict) and name in place else []

    return step


def _pick(names: list[str]) -> Step:
    def step(place: Any) -> Iterable[Any]:
        return [{name: place[name] for name in names if name in place}] if isinstance(place, dict) else []

    return step


def _indexes(indexes: list[int]) -> Step:
    def step(place: Any) -> Iterable[Any]:
        if not isinstance(place, list):
            return []
        return [place[index] for index in indexes if -len(place) <= index < len(place)]

    return step


def _slice(bounds: slice) -> Step:
    return lambda place: place[bounds] if isinstance(place, list) else []


def _children(place: Any) -> Iterable[Any]:
    if isinstance(place, dict):
        return list(place.values())
    return place if isinstance(place, list) else []


def _descend(place: Any) -> Iterable[Any]:
    yield place
    for child in _children(place):
        yield from _descend(child)


def _length(place: Any) -> Iterable[Any]:
    return [len(place)] if isinstance(place, dict | list | str) else []


def _filter(left: str, op: str | None, right: str | None) -> Step:
    read = compile_path("$" + left.strip())
    wanted = _literal(right) if right is not None else None

    def keep(item: Any) -> bool:
        value = read(item)
        if op is None:
            return value is not None
        try:
            return bool(_COMPARE[op](value, wanted))
        except TypeError:
            return False

    return lambda place: [item for item in _children(place) if keep(item)]


def _literal(text: str) -> Any:
    if text[0] in "'\"":
        return text[1:-1]
    named = {"true": True, "false": False, "null": None}
    if text in named:
        return named[text]
    try:
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)
    except ValueError:
        raise PathError(f"Invalid value in a JSON path filter: {text}") from None
