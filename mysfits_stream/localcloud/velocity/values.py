"""The values of mapping templates, with Java's behaviour: printing, comparing, methods.

API Gateway runs templates on Velocity 1.x with Java objects as values. Here the values are those of
``json.loads`` (dict, list, str, int, float, bool, None) and :class:`Literal`, a list written in the template.
A list from JSON prints as JSON, a list of the template as ``[a, b]`` (F94).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any


class MappingError(Exception):
    """Rendering of a template failed; AWS answers 500."""


class Literal(list[Any]):
    """A list written in the template, as in ``#set($list = [1, 2])``."""


class SilentMap(dict[str, Any]):
    """A map inside of ``$context``; prints as the empty string."""


class Entry:
    """An entry of a map, as in ``$map.entrySet()``."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value


def text(value: Any) -> str:
    """The text of a value, as by Java's ``toString``."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return _double(value)
    if value is None:
        return "null"
    if isinstance(value, SilentMap):
        return ""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{text(key)}={text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Literal | range):
        return "[" + ", ".join(map(text, value)) + "]"
    if isinstance(value, list):
        return to_json(value)
    if isinstance(value, Entry):
        return f"{text(value.key)}={text(value.value)}"
    return str(value)


to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=text).encode
"""JSON as in ``$input.json``: compact, with unescaped characters beyond ASCII."""


def _double(value: float) -> str:
    shown = repr(value)
    if not shown.strip("-").startswith(tuple("0123456789")):
        return {"inf": "Infinity", "-inf": "-Infinity"}.get(shown, "NaN")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return shown
    # Java changes to scientific notation much earlier than Python, and never drops the fraction.
    number = Decimal(shown)
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{number.adjusted()}"


def equal(left: Any, right: Any) -> bool:
    """Velocity's ``==``: numbers by value, values of different types by printed text."""
    if type(left) is str and type(right) is str:
        return left == right
    if _number(left) and _number(right):
        return bool(left == right)
    if type(left) is type(right) or (isinstance(left, list) and isinstance(right, list)):
        return bool(left == right)
    return text(left) == text(right)


def compare(left: Any, right: Any) -> int | None:
    """Negative, zero or positive for two numbers; None for other values."""
    if not (_number(left) and _number(right)):
        return None
    return int(left > right) - int(left < right)


def arithmetic(operator: str, left: Any, right: Any) -> Any:
    """Velocity's ``+ - * / %``; None where Velocity logs an error."""
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return text(left) + text(right)
    if not (_number(left) and _number(right)):
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if right == 0:
        return None
    if isinstance(left, float) or isinstance(right, float):
        return left / right if operator == "/" else left - right * int(left / right)
    quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
    return quotient if operator == "/" else left - right * quotient


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def lookup(target: Any, name: Any) -> Any:
    """``$target.name`` or ``$target[name]``; None for a missing member."""
    if isinstance(target, dict):
        return target.get(name)
    if isinstance(target, list | range):
        if isinstance(name, int) and -1 < name < len(target):
            return target[name]
        return len(target) == 0 if name == "empty" else None
    properties = getattr(target, "properties", None)
    if properties is not None:
        return properties(name)
    if isinstance(target, Entry) and name in ("key", "value"):
        return getattr(target, name)
    return None


def method(name: str) -> Callable[..., Any]:
    """``$target.name(arguments)`` as a function; None if the target's type lacks the method."""
    by_type = {kind: methods[name] for kind, methods in METHODS.items() if name in methods}
    of_any = ANY.get(name)

    def invoke(target: Any, *arguments: Any) -> Any:
        found = by_type.get(type(target), of_any)
        if found is None:
            own = getattr(target, "methods", None)
            found = own.get(name) if own else None
        if found is None:
            return None
        try:
            return found(target, *arguments)
        except (IndexError, ValueError, KeyError, AttributeError, re.error) as error:
            raise MappingError(f"{name}: {error}") from error
        except TypeError:
            # Java looks methods up by the types of their arguments, so a wrong one is no method at all.
            return None

    return invoke


def _java_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("\\p{Alpha}", "[A-Za-z]").replace("\\p{Punct}", "[!-/:-@\\[-`{-~]"))


def _replacement(template: str) -> str:
    # Java writes groups as $1 and escapes with a backslash.
    return re.sub(
        r"\\(.)|\$(\d)|\\$",
        lambda m: f"\\g<{m[2]}>" if m[2] else (m[1] or "").replace("\\", "\\\\"),
        template,
    )


def _split(value: str, pattern: str, limit: int = 0) -> list[str]:
    parts = re.split(pattern, value, maxsplit=max(limit - 1, 0) if limit > 0 else 0)
    if limit == 0:
        while len(parts) > 1 and parts[-1] == "":
            parts.pop()
    return Literal(parts)


def _substring(value: str, start: int, end: int | None = None) -> str:
    stop = len(value) if end is None else end
    if not 0 <= start <= stop <= len(value):
        raise IndexError(f"substring {start}, {stop} of {len(value)} characters")
    return value[start:stop]


def _char_at(value: str, index: int) -> str:
    if not 0 <= index < len(value):
        raise IndexError(f"character {index} of {len(value)}")
    return value[index]


def _get(values: list[Any], index: int) -> Any:
    if not 0 <= index < len(values):
        raise IndexError(f"element {index} of {len(values)}")
    return values[index]


def _add(values: list[Any], first: Any, *second: Any) -> Any:
    if second:
        values.insert(first, second[0])
        return None
    values.append(first)
    return True


def _add_all(values: list[Any], more: list[Any]) -> bool:
    values.extend(more)
    return bool(more)


def _set(values: list[Any], index: int, value: Any) -> Any:
    before = _get(values, index)
    values[index] = value
    return before


def _remove(values: list[Any], what: Any) -> Any:
    if isinstance(what, int) and not isinstance(what, bool):
        return values.pop(what) if 0 <= what < len(values) else _get(values, what)
    if what in values:
        values.remove(what)
        return True
    return False


def _put(target: dict[Any, Any], key: Any, value: Any) -> Any:
    before = target.get(key)
    target[key] = value
    return before


def _put_all(target: dict[Any, Any], more: Mapping[Any, Any]) -> None:
    target.update(more)


def _clear(target: Any) -> None:
    target.clear()


Methods = dict[str, Callable[..., Any]]

ANY: Methods = {"toString": text, "equals": lambda v, other: equal(v, other) and type(v) is type(other)}

_STRING: Methods = {
    "charAt": _char_at,
    "compareTo": lambda v, other: (v > other) - (v < other),
    "concat": lambda v, other: v + other,
    "contains": lambda v, part: part in v,
    "endsWith": lambda v, end: v.endswith(end),
    "equalsIgnoreCase": lambda v, other: v.lower() == other.lower(),
    "indexOf": lambda v, part, start=0: v.find(part, start),
    "isEmpty": lambda v: v == "",
    "lastIndexOf": lambda v, part: v.rfind(part),
    "length": len,
    "matches": lambda v, pattern: _java_pattern(pattern).fullmatch(v) is not None,
    "replace": lambda v, old, new: v.replace(old, new),
    "replaceAll": lambda v, pattern, new: _java_pattern(pattern).sub(_replacement(new), v),
    "replaceFirst": lambda v, pattern, new: _java_pattern(pattern).sub(_replacement(new), v, count=1),
    "split": _split,
    "startsWith": lambda v, start: v.startswith(start),
    "substring": _substring,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": lambda v: v.strip(),
}
_LIST: Methods = {
    "add": _add,
    "addAll": _add_all,
    "clear": _clear,
    "contains": lambda v, item: item in v,
    "get": _get,
    "indexOf": lambda v, item: v.index(item) if item in v else -1,
    "isEmpty": lambda v: len(v) == 0,
    "remove": _remove,
    "set": _set,
    "size": len,
    "subList": lambda v, start, end: Literal(v[start:end]),
}
_MAP: Methods = {
    "clear": _clear,
    "containsKey": lambda v, key: key in v,
    "containsValue": lambda v, value: value in v.values(),
    "entrySet": lambda v: Literal(Entry(key, value) for key, value in v.items()),
    "get": lambda v, key: v.get(key),
    "getOrDefault": lambda v, key, default: v.get(key, default),
    "isEmpty": lambda v: len(v) == 0,
    "keySet": lambda v: Literal(v),
    "put": _put,
    "putAll": _put_all,
    "remove": lambda v, key: v.pop(key, None),
    "size": len,
    "values": lambda v: Literal(v.values()),
}
_NUMBER: Methods = {
    "doubleValue": float,
    "intValue": int,
    "longValue": int,
    # Every number has the static parsers of its class, which templates use to turn text into numbers.
    "parseInt": lambda v, digits: int(digits),
    "parseDouble": lambda v, digits: float(digits),
    "valueOf": lambda v, digits: type(v)(digits),
}
METHODS: dict[type, Methods] = {
    str: _STRING,
    list: _LIST,
    Literal: _LIST,
    range: {name: _LIST[name] for name in ("contains", "get", "isEmpty", "size")},
    dict: _MAP,
    SilentMap: _MAP,
    int: _NUMBER,
    float: _NUMBER,
    Entry: {"getKey": lambda v: v.key, "getValue": lambda v: v.value},
}
# All supported method names of all types: a deployment rejects templates with other names.
KNOWN = frozenset(name for methods in METHODS.values() for name in methods) | frozenset(ANY)
