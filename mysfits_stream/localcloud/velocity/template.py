"""Mapping templates: API Gateway's Velocity, compiled once and rendered for every message.

airspeed parses the template, with the rules for white space as recorded on AWS. The syntax tree becomes
closures over Java's values (``values.py``). AWS differs from Velocity: an undefined reference is the empty
string everywhere, so an undefined reference prints nothing and is true in ``#if``; ``#macro`` does nothing,
and calls of macros stay as text. A directive, function or method beyond the supported subset is a
:class:`TemplateError` at compile time, with the line. Compiled templates are immutable, and several threads
may render the same template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from airspeed import TemplateSyntaxError, operators

from mysfits_stream.localcloud.velocity.functions import Input, Util
from mysfits_stream.localcloud.velocity.values import (
    KNOWN,
    Literal,
    MappingError,
    arithmetic,
    compare,
    equal,
    lookup,
    method,
    text,
    truth,
)

Scope = dict[str, Any]
Expression = Callable[[Scope], Any]
Statement = Callable[[Scope, list[str]], None]

# Directives of Velocity that airspeed parses, or treats as text, and that are not supported here.
_UNSUPPORTED = {
    operators.IncludeDirective: "#include",
    operators.ParseDirective: "#parse",
    operators.EvaluateDirective: "#evaluate",
    operators.ReturnDirective: "#return",
    operators.AlternateValue: "an alternate value",
}
_UNKNOWN_DIRECTIVES = ("break", "literal", "[[")
_OWN_OBJECTS = {"input": Input.methods, "util": Util.methods}


class TemplateError(Exception):
    """The template is not valid or beyond the supported subset; the message has the line."""


class _Stop(Exception):
    """``#stop``: rendering ends with the text so far."""


@dataclass(frozen=True)
class Template:
    """A compiled mapping template."""

    source: str
    body: Statement

    def render(self, variables: Scope) -> str:
        """Render the text of the template; ``#set`` changes ``variables``.

        Raises MappingError where AWS answers 500 Internal server error.
        """
        out: list[str] = []
        try:
            self.body(variables, out)
        except _Stop:
            pass
        except RecursionError as error:
            raise MappingError("the template recurses without end") from error
        return "".join(out)


def compile_template(source: str) -> Template:
    """Compile a template; raises TemplateError with the line of the error."""
    try:
        tree = operators.TemplateBody("template", source)
    except TemplateSyntaxError as error:
        raise TemplateError(str(error)) from error
    except operators.NoMatch:
        raise TemplateError("line 1: not a template") from None
    except KeyError as error:
        raise TemplateError(f"line 1: the operator {error} does not stand between two values") from None
    return Template(source, _block(tree.block))


def _line(element: Any) -> int:
    return 1 + str(element.full_text()).count("\n", 0, element.start)


def _refuse(element: Any, what: str) -> TemplateError:
    return TemplateError(f"line {_line(element)}: {what} is not supported: {_excerpt(element)}")


def _excerpt(element: Any) -> str:
    return str(element.full_text()[element.start :]).split("\n", 1)[0][:60]


def _block(block: Any) -> Statement:
    children = [child for child in block.children if not _is_silent(child)]
    parts: list[Statement] = []
    pieces: list[str | Expression] = []
    for index, child in enumerate(children):
        after = children[index + 1 : index + 2]
        if _between_sets(children[max(index - 1, 0)], child, after):
            continue
        if words := _words(child, after):
            pieces.append(words)
        elif isinstance(child, operators.FormalReference):
            pieces.append(_reference(child))
        else:
            if pieces:
                parts.append(_printed(pieces))
                pieces = []
            parts.append(_statement(child))
    if pieces:
        parts.append(_printed(pieces))
    if len(parts) == 1:
        return parts[0]

    def run(scope: Scope, out: list[str]) -> None:
        for part in parts:
            part(scope, out)

    return run


def _is_silent(child: Any) -> bool:
    """Whether a node is a comment without output.

    The line break after a block comment is output.
    """
    return isinstance(child, operators.Comment) and not _line_break(child)


def _line_break(comment: Any) -> str:
    source = str(comment.my_text())
    return source.rpartition("*#")[2] if source.startswith("#*") else ""


def _between_sets(before: Any, child: Any, after: list[Any]) -> bool:
    """Blanks between two #set on the same line, removed by AWS."""
    return (
        isinstance(child, operators.Text)
        and child.text.strip(" \t") == ""
        and isinstance(before, operators.SetDirective)
        and not before.my_text().endswith("\n")
        and bool(after)
        and isinstance(after[0], operators.SetDirective)
    )


def _words(child: Any, after: list[Any]) -> str:
    """Text, where half of the backslashes before a reference are removed.

    Empty for other nodes.
    """
    if not isinstance(child, operators.Text):
        return ""
    words = str(child.text)
    if after and isinstance(after[0], operators.FormalReference) and after[0].expression is not None:
        backslashes = len(words) - len(words.rstrip("\\"))
        words = words[: len(words) - backslashes + backslashes // 2]
    return words


def _statement(element: Any) -> Statement:
    for kind, name in _UNSUPPORTED.items():
        if isinstance(element, kind):
            raise _refuse(element, name)
    match element:
        case operators.Text():
            return _verbatim(element.text)
        case operators.Comment():
            return _verbatim(_line_break(element))
        case operators.SetDirective():
            return _assignment(element.assignment)
        case operators.IfDirective():
            return _if(element)
        case operators.ForeachDirective():
            return _foreach(element)
        case operators.DefineDefinition():
            return _define(element)
        case operators.StopDirective():
            return _stop
        case operators.MacroDefinition():
            return _verbatim("")
        case operators.MacroCall():
            return _verbatim(element.my_text())
        case operators.FallthroughHashText():
            following = str(element.next_text())
            if following.startswith(_UNKNOWN_DIRECTIVES):
                raise _refuse(element, "this directive")
            return _verbatim(element.text)
    raise _refuse(element, type(element).__name__)


def _verbatim(words: str) -> Statement:
    return lambda scope, out: out.append(words)


def _stop(scope: Scope, out: list[str]) -> None:
    raise _Stop


def _printed(pieces: list[str | Expression]) -> Statement:
    """Words and references in a row."""
    if len(pieces) == 1 and isinstance(pieces[0], str):
        return _verbatim(pieces[0])

    def run(scope: Scope, out: list[str]) -> None:
        for piece in pieces:
            value = piece if type(piece) is str else piece(scope)  # type: ignore[operator]
            out.append(value if type(value) is str else text(value))

    return run


def _define(definition: Any) -> Statement:
    name, block = definition.function_name, _block(definition.block)

    def run(scope: Scope, out: list[str]) -> None:
        scope[name] = _Defined(block)

    return run


@dataclass(frozen=True)
class _Defined:
    """A ``#define``d block, rendered anew for every use of the name."""

    block: Statement

    def render(self, scope: Scope) -> str:
        out: list[str] = []
        self.block(scope, out)
        return "".join(out)


def _assignment(assignment: Any) -> Statement:
    name, value = assignment.root_term, _expression(assignment.value)
    if not assignment.terms:

        def run(scope: Scope, out: list[str]) -> None:
            scope[name] = value(scope)

        return run
    keys = [_key(term.term) for term in assignment.terms]

    def run_nested(scope: Scope, out: list[str]) -> None:
        target = scope.get(name)
        for key in keys[:-1]:
            target = lookup(target, key(scope))
        key_value, new = keys[-1](scope), value(scope)
        if isinstance(target, dict) or (isinstance(target, list) and lookup(target, key_value) is not None):
            target[key_value] = new

    return run_nested


def _key(term: Any) -> Expression:
    if isinstance(term, operators.DotDictAccessTerm):
        name = term.value
        return lambda scope: name
    return _expression(term.value)


def _if(directive: Any) -> Statement:
    branches = [(_expression(directive.condition.expression), _block(directive.block))]
    branches += [(_expression(each.condition.expression), _block(each.block)) for each in directive.elseifs]
    has_else = isinstance(directive.else_block, operators.ElseBlock)
    otherwise = _block(directive.else_block.block) if has_else else _verbatim("")

    def run(scope: Scope, out: list[str]) -> None:
        for condition, block in branches:
            if truth(condition(scope)):
                block(scope, out)
                return
        otherwise(scope, out)

    return run


_LOOP_NAMES = ("foreach", "velocityCount", "velocityHasNext")
_NAMES_LOOP = re.compile(r"(?<!#)(?<!#\{)foreach|velocityCount|velocityHasNext")
"""A template that may read a variable of a loop; the directive alone does not."""
_ABSENT = object()


def _foreach(directive: Any) -> Statement:
    name, values, block = directive.loop_var_name, _expression(directive.value), _block(directive.block)
    if not _NAMES_LOOP.search(str(directive.full_text())):

        def run_unnamed(scope: Scope, out: list[str]) -> None:
            outer = scope.get(name, _ABSENT)
            for item in _items(values(scope)):
                scope[name] = item
                block(scope, out)
            if outer is not _ABSENT:
                scope[name] = outer
            else:
                scope.pop(name, None)

        return run_unnamed
    names = (*_LOOP_NAMES, name)

    def run(scope: Scope, out: list[str]) -> None:
        items = _items(values(scope))
        outer = {each: scope[each] for each in names if each in scope}
        last = len(items)
        for count, item in enumerate(items, 1):
            loop: dict[str, Any] = {
                "count": count,
                "index": count - 1,
                "hasNext": count < last,
                "first": count == 1,
                "last": count == last,
            }
            if "foreach" in outer:
                loop["parent"] = outer["foreach"]
            scope.update(
                {"foreach": loop, "velocityCount": count, "velocityHasNext": count < last, name: item}
            )
            block(scope, out)
        for each in names:
            scope.pop(each, None)
        scope.update(outer)

    return run


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []


def _expression(element: Any) -> Expression:
    match element:
        case operators.Expression():
            return _operators(element.expression)
        case operators.Value():
            return _expression(element.expression)
        case operators.ParenthesizedExpression() | operators.Condition():
            # airspeed keeps the inner expression only as the bound method that evaluates it.
            return _expression(element.calculate.__self__)
        case operators.FormalReference():
            return _reference(element)
        case operators.InterpolatedStringLiteral():
            return _interpolated(element)
        case operators.UnaryOperatorValue():
            inner = _expression(element.value)
            return lambda scope: not truth(inner(scope))
        case operators.ArrayLiteral():
            return (
                _expression(element.values) if hasattr(element.values, "parse") else lambda scope: Literal()
            )
        case operators.ValueList():
            items = [_expression(value) for value in element.values]
            return lambda scope: Literal(item(scope) for item in items)
        case operators.Range():
            return _range(_expression(element.value1), _expression(element.value2))
        case operators.DictionaryLiteral():
            pairs = [(_expression(key), _expression(value)) for key, value in element.local_data.items()]
            return lambda scope: {key(scope): value(scope) for key, value in pairs}
    value = element.value
    return lambda scope: value


def _interpolated(literal: Any) -> Expression:
    if all(isinstance(child, operators.Text) for child in literal.block.children):
        words = "".join(child.text for child in literal.block.children)
        return lambda scope: words
    block = _block(literal.block)

    def evaluate(scope: Scope) -> str:
        out: list[str] = []
        block(scope, out)
        return "".join(out)

    return evaluate


def _range(first: Expression, last: Expression) -> Expression:
    def evaluate(scope: Scope) -> range | None:
        start, end = first(scope), last(scope)
        if not (isinstance(start, int) and isinstance(end, int)):
            return None
        return range(start, end + 1) if start <= end else range(start, end - 1, -1)

    return evaluate


_COMPARISONS: dict[str, Callable[[int], bool]] = {
    ">": lambda order: order > 0,
    "gt": lambda order: order > 0,
    ">=": lambda order: order >= 0,
    "ge": lambda order: order >= 0,
    "<": lambda order: order < 0,
    "lt": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    "le": lambda order: order <= 0,
}


def _operators(parts: list[Any]) -> Expression:
    """Values and operators in a row -> an expression, by precedence and from left to right."""
    values = [_expression(parts[0])]
    pending: list[Any] = []
    for sign, value in zip(parts[1::2], parts[2::2], strict=True):
        while pending and pending[-1].precedence <= sign.precedence:
            _combine(values, pending)
        pending.append(sign)
        values.append(_expression(value))
    while pending:
        _combine(values, pending)
    return values[0]


def _combine(values: list[Expression], pending: list[Any]) -> None:
    right, left = values.pop(), values.pop()
    values.append(_binary(str(pending.pop().my_text()).strip(), left, right))


def _binary(sign: str, left: Expression, right: Expression) -> Expression:
    match sign:
        case "&&" | "and":
            return lambda scope: truth(left(scope)) and truth(right(scope))
        case "||" | "or":
            return lambda scope: truth(left(scope)) or truth(right(scope))
        case "==" | "eq":
            return lambda scope: equal(left(scope), right(scope))
        case "!=" | "ne":
            return lambda scope: not equal(left(scope), right(scope))
    if sign in _COMPARISONS:
        holds = _COMPARISONS[sign]

        def ordered(scope: Scope) -> bool:
            order = compare(left(scope), right(scope))
            return order is not None and holds(order)

        return ordered
    return lambda scope: arithmetic(sign, left(scope), right(scope))


def _reference(reference: Any) -> Expression:
    """A reference's value; the empty string for an undefined reference or null."""
    if reference.alternate is not None:
        raise _refuse(reference, "an alternate value")
    if reference.expression is None:
        words = reference.my_text()
        return lambda scope: words
    own = _OWN_OBJECTS.get(reference.expression.part.name)
    steps = _steps(reference.expression, own, first=True)
    name = reference.expression.part.name

    parameters = reference.expression.part.parameters
    # AWS prints the empty parentheses after the name of a #define as they stand.
    suffix = parameters.my_text() if parameters is not None else ""

    def variable(scope: Scope) -> Any:
        value = scope.get(name)
        if type(value) is _Defined:
            return value.render(scope) + suffix
        return "" if value is None else value

    def evaluate(scope: Scope) -> Any:
        value = scope.get(name)
        if type(value) is _Defined:
            value = value.render(scope) + suffix
        for step in steps:
            value = step(value, scope)
            if value is None:
                return ""
        return value

    return evaluate if steps else variable


Step = Callable[[Any, Scope], Any]


def _steps(variable: Any, own: Any, first: bool = False) -> list[Step]:
    part = variable.part
    steps: list[Step] = [] if first else [_member(part, own)]
    if part.index is not None:
        steps.append(_index(part.index))
    rest = variable.subexpression
    while rest is not None:
        if isinstance(rest.expression, operators.ArrayIndex):
            steps.append(_index(rest.expression))
            rest = rest.subexpression
            own = None
        else:
            return steps + _steps(rest.expression, own if first else None)
    return steps


def _member(part: Any, own: Any) -> Step:
    name = part.name
    if part.parameters is None:
        return lambda value, scope: lookup(value, name)
    if name not in (KNOWN if own is None else own):
        raise _refuse(part, f"the method {name}()")
    arguments = [_expression(value) for value in getattr(part.parameters.values, "values", ())]
    invoke = method(name)
    if not arguments:
        return lambda value, scope: invoke(value)
    if len(arguments) == 1:
        [only] = arguments
        return lambda value, scope: invoke(value, only(scope))
    return lambda value, scope: invoke(value, *[argument(scope) for argument in arguments])


def _index(index: Any) -> Step:
    key = _expression(index.index)
    return lambda value, scope: lookup(value, key(scope))
