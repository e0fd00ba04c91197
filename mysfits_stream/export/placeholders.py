"""Values known only at a template's deployment, and their notation in the template.

A placeholder replaces a value of the configuration or of the account, passes through ``build()`` as text,
becomes part of names and ARNs, and is rendered as ``Ref``, ``Fn::GetAtt`` or ``Fn::Sub``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, SupportsIndex

OPEN, CLOSE = "\ue000", "\ue001"
"""For private use in Unicode, so that no name or template of ours holds them."""

SEPARATOR = "\ue002"
"""Between the expression and a replacement in the expression's value."""

MARK = re.compile(f"{OPEN}([^{CLOSE}]+){CLOSE}")


class Placeholder(str):
    """A stand-in for ``expression``: a parameter, a resource, or ``Resource.Attribute``."""

    __slots__ = ()

    def __new__(cls, expression: str) -> Placeholder:
        """Create the placeholder of an expression."""
        return super().__new__(cls, f"{OPEN}{expression}{CLOSE}")

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> Placeholder:
        """A placeholder for the value in which ``new`` stands for ``old``."""
        return Placeholder(SEPARATOR.join((self[1:-1], old, new)))

    def __format__(self, specification: str) -> str:
        """The placeholder unchanged; number formats are ignored."""
        return str(self)


def rendered(value: Any, attributes: Mapping[str, str]) -> Any:
    """``value`` with its placeholders in CloudFormation's spelling.

    ``attributes`` maps texts to the resource attribute of equal value (ARN -> ``Resource.Arn``): the
    attribute replaces the text if the text stands alone or continues with ``:`` or ``/``.
    """
    if isinstance(value, str):
        return _text(value, attributes)
    if isinstance(value, Mapping):
        return {key: rendered(item, attributes) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rendered(item, attributes) for item in value]
    return value


def references(value: Any) -> Iterator[str]:
    """The parameters and resources to which a rendered value refers."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "Ref":
                yield item
            elif key == "Fn::GetAtt":
                yield item[0]
            elif key == "Fn::Sub":
                text, variables = item if isinstance(item, list) else (item, {})
                named = re.findall(r"\$\{([^!}][^}]*)\}", text)
                yield from (name.split(".")[0] for name in named if name not in variables)
                yield from references(variables)
            else:
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _text(text: str, attributes: Mapping[str, str]) -> Any:
    for yielded, attribute in attributes.items():
        text = re.sub(f"{re.escape(yielded)}(?=$|[:/])", Placeholder(attribute), text)
    pieces = MARK.split(text)
    if len(pieces) == 1:
        return text
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        return _reference(pieces[1])
    # Every other piece is a placeholder; in what is between, a literal ${ needs escaping.
    variables = {_variable(piece): _reference(piece) for piece in pieces[1::2] if SEPARATOR in piece}
    texts = [
        f"${{{_variable(piece)}}}" if index % 2 else piece.replace("${", "${!")
        for index, piece in enumerate(pieces)
    ]
    return {"Fn::Sub": ["".join(texts), variables] if variables else "".join(texts)}


def _reference(expression: str) -> dict[str, Any]:
    name, *replacement = expression.split(SEPARATOR)
    resource, dot, attribute = name.partition(".")
    value = {"Fn::GetAtt": [resource, attribute]} if dot else {"Ref": resource}
    if not replacement:
        return value
    old, new = replacement
    return {"Fn::Join": [new, {"Fn::Split": [old, value]}]}


def _variable(expression: str) -> str:
    """How Fn::Sub calls an expression; a replaced value is a variable of the substitution."""
    name, *replacement = expression.split(SEPARATOR)
    return f"Changed{name}" if replacement else name
