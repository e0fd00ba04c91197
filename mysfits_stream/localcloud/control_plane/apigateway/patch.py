"""Patch operations: JSON Patch in API Gateway's dialect, where every value is text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request

Document = dict[str, Any]
Convert = Callable[[str], Any]


def boolean(value: str) -> bool:
    """``"true"`` or ``"false"``."""
    return value.lower() == "true"


def segments(path: str) -> list[str]:
    """A JSON pointer's members, decoded."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.removeprefix("/").split("/")]


def apply(
    document: Document,
    operations: list[Document],
    fields: Mapping[str, Convert],
    maps: Collection[str] = (),
    lists: Collection[str] = (),
    *,
    replace_only: bool = False,
    rejection: Callable[[str, str, list[str]], Exception] | None = None,
) -> None:
    """Change ``document`` in place.

    ``fields`` are the members with a single value, each with the conversion from text; ``maps`` hold values
    by name, and ``lists`` are sets whose members are named in the path. With ``replace_only`` the fields
    accept only replace. ``rejection`` makes the error for a path, an operation and the fields.
    """
    rejection = rejection or invalid_path
    for operation in operations or ():
        op, path = operation.get("op", ""), operation.get("path", "")
        parts = segments(path)
        if op not in ("add", "remove", "replace"):
            raise bad_request(
                f"Invalid patch operation specified. Must be one of: [add, remove, replace], was {op}"
            )
        if parts[0] in fields and len(parts) == 1 and (op == "replace" or not replace_only):
            _field(document, op, parts[0], operation.get("value"), fields[parts[0]])
        elif parts[0] in maps and len(parts) == 2:
            values = document.setdefault(parts[0], {})
            if op == "remove":
                values.pop(parts[1], None)
            else:
                values[parts[1]] = operation.get("value", "")
        elif parts[0] in lists and len(parts) == 2:
            _member(document.setdefault(parts[0], []), op, parts[1], operation.get("value"))
        else:
            replaceable = [] if replace_only and op != "replace" else list(fields)
            raise rejection(path, op, [*replaceable, *(f"{name}/*" for name in [*maps, *lists])])


def invalid_path(path: str, op: str, allowed: Collection[str]) -> Exception:
    """The error for a path that an operation cannot change, with the ``allowed`` paths."""
    choices = ", ".join(f"/{name}" for name in sorted(allowed))
    advice = f"Must be one of: [{choices}]" if choices else "Please choose supported operations"
    return bad_request(f"Invalid patch path  '{path}' specified for op '{op}'. {advice}")


def unknown_path(path: str, op: str, allowed: Collection[str]) -> Exception:
    """The error of methods and gateway responses for a path that cannot be changed."""
    return bad_request(f"Invalid patch path {path}")


def _field(document: Document, op: str, name: str, value: str | None, convert: Convert) -> None:
    if op == "remove" or value is None:
        document.pop(name, None)
    else:
        try:
            document[name] = convert(value)
        except ValueError:
            raise bad_request(f"Invalid value '{value}' specified for /{name}") from None


def _member(values: list[Any], op: str, name: str, value: str | None) -> None:
    if op == "add":
        values.append(name)
    elif name in values:
        if op == "replace" and value is None:
            raise bad_request(f"Invalid patch operation: replacing {name} needs a value")
        position = values.index(name)
        values[position : position + 1] = [value] if op == "replace" else []
