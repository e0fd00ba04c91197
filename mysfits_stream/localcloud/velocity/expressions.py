"""Expressions of mapping templates as Python expressions: references, operators, literals.

A method takes a node of airspeed's tree and returns source. ``t`` is a local variable for a value between
two steps: Python reads ``t`` before the arguments of a step are evaluated, and assigns ``t`` after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from airspeed import operators

from mysfits_stream.localcloud.velocity.functions import Input, Util
from mysfits_stream.localcloud.velocity.python_source import Writer
from mysfits_stream.localcloud.velocity.values import (
    KNOWN,
    Literal,
    arithmetic,
    compare,
    equal,
    lookup,
    method,
    text,
)

_OWN_OBJECTS = {"input": Input.methods, "util": Util.methods}
_COMPARISONS = {">": ">", "gt": ">", ">=": ">=", "ge": ">=", "<": "<", "lt": "<", "<=": "<=", "le": "<="}


Step = Callable[[str], str]
"""The source of a value -> the source of the value after a step, such as a member or a method."""


class TemplateError(Exception):
    """The template is not valid or beyond the supported subset; the message has the line."""


@dataclass(frozen=True)
class Defined:
    """A ``#define``d block, rendered anew for every use of the name."""

    render: Callable[[], str]


def refused(element: Any, what: str) -> TemplateError:
    """The error for a node beyond the supported subset."""
    source = str(element.full_text())
    line = 1 + source.count("\n", 0, element.start)
    excerpt = source[element.start :].split("\n", 1)[0][:60]
    return TemplateError(f"line {line}: {what} is not supported: {excerpt}")


def truth(value: str) -> str:
    """The source of a condition: only ``false`` is false, so an undefined reference is true."""
    return f"((t := {value}) is not False)"


class Expressions:
    """Writes expressions; ``block_text`` returns an expression for the text of a block."""

    def __init__(self, writer: Writer, block_text: Callable[[Any], str]) -> None:
        self._writer = writer
        self._block_text = block_text

    def expression(self, element: Any) -> str:
        """The value of an expression."""
        match element:
            case operators.Expression():
                return self._operators(element.expression)
            case operators.Value():
                return self.expression(element.expression)
            case operators.ParenthesizedExpression() | operators.Condition():
                # airspeed keeps the inner expression only as the bound method that evaluates it.
                return self.expression(element.calculate.__self__)
            case operators.FormalReference():
                return self.reference(element)
            case operators.InterpolatedStringLiteral():
                return self._block_text(element.block)
            case operators.UnaryOperatorValue():
                return f"(not {truth(self.expression(element.value))})"
            case operators.ArrayLiteral():
                return self.expression(element.values) if hasattr(element.values, "parse") else "Literal()"
            case operators.ValueList():
                return f"Literal([{', '.join(map(self.expression, element.values))}])"
            case operators.Range():
                return f"span({self.expression(element.value1)}, {self.expression(element.value2)})"
            case operators.DictionaryLiteral():
                pairs = element.local_data.items()
                return f"{{{', '.join(f'{self.expression(k)}: {self.expression(v)}' for k, v in pairs)}}}"
        return self._writer.literal(element.value)

    def reference(self, reference: Any) -> str:
        """A reference's value; the empty string for an undefined reference or null."""
        if reference.alternate is not None:
            raise refused(reference, "an alternate value")
        if reference.expression is None:
            return self._writer.literal(str(reference.my_text()))
        part = reference.expression.part
        value = self._writer.variable(part.name)
        if self._writer.defines:
            # AWS prints the empty parentheses after the name of a #define as they stand.
            suffix = str(part.parameters.my_text()) if part.parameters is not None else ""
            value = f"expanded({value}, {suffix!r})"
        steps = self._steps(reference.expression, _OWN_OBJECTS.get(part.name), first=True)
        if not steps:
            return f"('' if (t := {value}) is None else t)"
        source = "t"
        for step in reversed(steps[1:]):
            source = f"'' if (t := {step('t')}) is None else {source}"
        return f"('' if (t := {steps[0](value)}) is None else {source})"

    def _steps(self, variable: Any, own: Any, *, first: bool = False) -> list[Step]:
        """The steps after the first name of a reference."""
        part = variable.part
        steps = [] if first else [self._member(part, own)]
        if part.index is not None:
            steps.append(self._index(part.index))
        rest = variable.subexpression
        while rest is not None:
            if isinstance(rest.expression, operators.ArrayIndex):
                steps.append(self._index(rest.expression))
                rest = rest.subexpression
                own = None
            else:
                return steps + self._steps(rest.expression, own if first else None)
        return steps

    def _member(self, part: Any, own: Any) -> Step:
        name = str(part.name)
        if part.parameters is None:
            return lambda value: f"lookup({value}, {name!r})"
        if name not in (KNOWN if own is None else own):
            raise refused(part, f"the method {name}()")
        invoke = self._writer.object(method(name))
        arguments = [self.expression(value) for value in getattr(part.parameters.values, "values", ())]
        return lambda value: f"{invoke}({', '.join((value, *arguments))})"

    def _index(self, index: Any) -> Step:
        key = self.expression(index.index)
        return lambda value: f"lookup({value}, {key})"

    def _operators(self, parts: list[Any]) -> str:
        """Values and operators in a row -> an expression, by precedence and from left to right."""
        values = [self.expression(parts[0])]
        pending: list[Any] = []
        for sign, value in zip(parts[1::2], parts[2::2], strict=True):
            while pending and pending[-1].precedence <= sign.precedence:
                _combine(values, pending)
            pending.append(sign)
            values.append(self.expression(value))
        while pending:
            _combine(values, pending)
        return values[0]


def _combine(values: list[str], pending: list[Any]) -> None:
    right, left = values.pop(), values.pop()
    values.append(_binary(str(pending.pop().my_text()).strip(), left, right))


def _binary(sign: str, left: str, right: str) -> str:
    match sign:
        case "&&" | "and":
            return f"({truth(left)} and {truth(right)})"
        case "||" | "or":
            return f"({truth(left)} or {truth(right)})"
        case "==" | "eq":
            return f"equal({left}, {right})"
        case "!=" | "ne":
            return f"(not equal({left}, {right}))"
    if sign in _COMPARISONS:
        return f"((t := compare({left}, {right})) is not None and t {_COMPARISONS[sign]} 0)"
    return f"arithmetic({sign!r}, {left}, {right})"


def _expanded(value: Any, suffix: str) -> Any:
    """The text of a ``#define``d block; other values as they are."""
    return value.render() + suffix if type(value) is Defined else value


def _span(start: Any, end: Any) -> range | None:
    """A range of integers, both ends included; None for other values."""
    if not (isinstance(start, int) and isinstance(end, int)):
        return None
    return range(start, end + 1) if start <= end else range(start, end - 1, -1)


HELPERS: dict[str, Any] = {
    "Defined": Defined,
    "Literal": Literal,
    "arithmetic": arithmetic,
    "compare": compare,
    "equal": equal,
    "expanded": _expanded,
    "lookup": lookup,
    "span": _span,
    "text": text,
}
"""The functions and classes that expressions name."""
