"""Mapping templates: API Gateway's Velocity, compiled once and rendered for every message.

airspeed parses the template, with the rules for white space as recorded on AWS. The syntax tree becomes a
Python function over Java's values (``values.py``): statements here, expressions in ``expressions.py``. AWS
differs from Velocity: an undefined reference is the empty string everywhere, so an undefined reference prints
nothing and is true in ``#if``; ``#macro`` does nothing, and calls of macros stay as text. A directive,
function or method beyond the supported subset is a :class:`TemplateError` at compile time, with the line.
Compiled templates are immutable, and several threads may render the same template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from airspeed import TemplateSyntaxError, operators

from mysfits_stream.localcloud.velocity import expressions
from mysfits_stream.localcloud.velocity.expressions import Expressions, TemplateError, refused, truth
from mysfits_stream.localcloud.velocity.python_source import Render, Writer
from mysfits_stream.localcloud.velocity.values import MappingError, lookup

__all__ = ["Template", "TemplateError", "compile_template"]

# Directives of Velocity that airspeed parses, or treats as text, and that are not supported here.
_UNSUPPORTED = {
    operators.IncludeDirective: "#include",
    operators.ParseDirective: "#parse",
    operators.EvaluateDirective: "#evaluate",
    operators.ReturnDirective: "#return",
    operators.AlternateValue: "an alternate value",
}
_UNKNOWN_DIRECTIVES = ("break", "literal", "[[")
_DEFINE = re.compile(r"#\{?define")
_LOOP_NAMES = ("foreach", "velocityCount", "velocityHasNext")
_NAMES_LOOP = re.compile(r"(?<!#)(?<!#\{)foreach|velocityCount|velocityHasNext")
"""A template that may read a variable of a loop; the directive alone does not."""


class _Stop(Exception):
    """``#stop``: rendering ends with the text so far."""


@dataclass(frozen=True)
class Template:
    """A compiled mapping template.

    ``text`` is the text of a template without references and directives, else None.
    """

    source: str
    run: Render
    text: str | None

    def render(self, variables: dict[str, Any]) -> str:
        """Render the text of the template.

        Raises MappingError where AWS answers 500 Internal server error.
        """
        out: list[str] = []
        try:
            self.run(variables, out)
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
    writer = Writer(HELPERS, defines=_DEFINE.search(source) is not None)
    _Statements(writer).block(tree.block)
    try:
        run = writer.compiled()
    except (SyntaxError, RecursionError, MemoryError) as error:
        # Python takes a hundred blocks, twenty loops or two hundred operators inside each other.
        raise TemplateError(f"line 1: nested too deeply: {error}") from error
    constant = all(isinstance(child, operators.Text) for child in tree.block.children)
    return Template(source, run, Template(source, run, None).render({}) if constant else None)


class _Statements:
    """Writes the statements of a template."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._expressions = Expressions(writer, self._block_text)
        self._value = self._expressions.expression

    def block(self, block: Any) -> None:
        """Write what a block prints."""
        for piece in self._pieces(block):
            if isinstance(piece, str):
                self._writer.line(f"write({piece})")
            else:
                piece()

    def _block_text(self, block: Any) -> str:
        """An expression for the text of a block."""
        pieces = self._pieces(block)
        printed = [piece for piece in pieces if isinstance(piece, str)]
        if len(printed) < len(pieces):
            return f"{self._writer.function(partial(self.block, block))}()"
        return printed[0] if len(printed) == 1 else f"''.join(({', '.join(printed)}))" if printed else "''"

    def _pieces(self, block: Any) -> list[str | Callable[[], None]]:
        """Expressions for printed texts, and what writes the other statements."""
        children = [child for child in block.children if not _is_silent(child)]
        pieces: list[str | Callable[[], None]] = []
        for index, child in enumerate(children):
            after = children[index + 1 : index + 2]
            if _between_sets(children[max(index - 1, 0)], child, after):
                continue
            if isinstance(child, operators.FormalReference):
                pieces.append(f"text({self._expressions.reference(child)})")
            elif (words := _words(child, after)) is None:
                pieces.append(partial(self._statement, child))
            elif words:
                pieces.append(repr(words))
        return pieces

    def _statement(self, element: Any) -> None:
        match element:
            case operators.SetDirective():
                self._assignment(element.assignment)
            case operators.IfDirective():
                self._if(element)
            case operators.ForeachDirective():
                self._foreach(element)
            case operators.DefineDefinition():
                text = self._writer.function(partial(self.block, element.block))
                self._writer.line(f"{self._writer.variable(element.function_name)} = Defined({text})")
            case operators.StopDirective():
                self._writer.line("raise Stop")
            case _:
                raise refused(element, type(element).__name__)

    def _assignment(self, assignment: Any) -> None:
        name, value = self._writer.variable(assignment.root_term), self._value(assignment.value)
        if assignment.terms:
            keys = ", ".join(self._key(term.term) for term in assignment.terms)
            self._writer.line(f"assign({name}, ({keys},), {value})")
        else:
            self._writer.line(f"{name} = {value}")

    def _key(self, term: Any) -> str:
        if isinstance(term, operators.DotDictAccessTerm):
            return self._writer.literal(str(term.value))
        return self._value(term.value)

    def _if(self, directive: Any) -> None:
        for word, each in [("if", directive), *(("elif", each) for each in directive.elseifs)]:
            self._writer.line(f"{word} {truth(self._value(each.condition.expression))}:")
            with self._writer.indented():
                self.block(each.block)
        if isinstance(directive.else_block, operators.ElseBlock):
            self._writer.line("else:")
            with self._writer.indented():
                self.block(directive.else_block.block)

    def _foreach(self, directive: Any) -> None:
        """A loop; the variables of a loop are restored after the loop."""
        writer, number = self._writer, self._writer.number()
        name, items = writer.variable(directive.loop_var_name), f"items({self._value(directive.value)})"
        if not _NAMES_LOOP.search(str(directive.full_text())):
            writer.line(f"outer{number} = {name}")
            writer.line(f"for {name} in {items}:")
            with writer.indented():
                self.block(directive.block)
            writer.line(f"{name} = outer{number}")
            return
        loop, count, has_next = (writer.variable(each) for each in _LOOP_NAMES)
        variables = f"{loop}, {count}, {has_next}, {name}"
        writer.line(f"outer{number} = {variables}")
        writer.line(f"for {variables} in rounds({items}, {loop}):")
        with writer.indented():
            self.block(directive.block)
        writer.line(f"{variables} = outer{number}")


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


def _words(element: Any, after: list[Any]) -> str | None:
    """The text that a node prints as it stands; None for other nodes.

    Half of the backslashes before a reference are removed.
    """
    for kind, name in _UNSUPPORTED.items():
        if isinstance(element, kind):
            raise refused(element, name)
    match element:
        case operators.Text():
            words = str(element.text)
            if after and isinstance(after[0], operators.FormalReference) and after[0].expression is not None:
                backslashes = len(words) - len(words.rstrip("\\"))
                words = words[: len(words) - backslashes + backslashes // 2]
            return words
        case operators.Comment():
            return _line_break(element)
        case operators.MacroDefinition():
            return ""
        case operators.MacroCall():
            return str(element.my_text())
        case operators.FallthroughHashText():
            if str(element.next_text()).startswith(_UNKNOWN_DIRECTIVES):
                raise refused(element, "this directive")
            return str(element.text)
    return None


def _assign(target: Any, keys: tuple[Any, ...], value: Any) -> None:
    """``#set`` of a member or an element."""
    for key in keys[:-1]:
        target = lookup(target, key)
    key = keys[-1]
    if isinstance(target, dict) or (isinstance(target, list) and lookup(target, key) is not None):
        target[key] = value


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str) else []


def _rounds(items: list[Any], parent: Any) -> Iterable[tuple[dict[str, Any], int, bool, Any]]:
    """``$foreach``, ``$velocityCount``, ``$velocityHasNext`` and the item of each round."""
    last = len(items)
    for count, item in enumerate(items, 1):
        loop: dict[str, Any] = {
            "count": count,
            "index": count - 1,
            "hasNext": count < last,
            "first": count == 1,
            "last": count == last,
        }
        if parent is not None:
            loop["parent"] = parent
        yield loop, count, count < last, item


HELPERS: dict[str, Any] = {
    **expressions.HELPERS,
    "Stop": _Stop,
    "assign": _assign,
    "items": _items,
    "rounds": _rounds,
}
"""The functions and classes that the source of a template names."""
