"""The Python source of a mapping template while ``template.py`` writes the source.

A template runs for every click: as one Python function, with the variables of the template as local
variables, a template takes a quarter of the time of nested closures. Text of the template enters the source
only as a literal of Python (:meth:`Writer.literal`), and a variable's name as a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Render = Callable[[dict[str, Any], list[str]], None]

INDENT = " "  # a single character, because Python limits the depth and not the width


class Writer:
    """The lines of a function ``render(scope, out)``, and the objects that the lines name.

    ``helpers`` are the functions and classes for the lines, by name.
    """

    def __init__(self, helpers: dict[str, Any], *, defines: bool) -> None:
        self.defines = defines
        """Whether a variable of the template may be the block of a ``#define``."""
        self._objects = dict(helpers)
        self._variables: dict[str, str] = {}
        self._functions: list[list[str]] = []
        self._lines: list[str] = []
        self._depth = 1
        self._numbers = 0

    def variable(self, name: str) -> str:
        """The local variable for a variable of the template; None while undefined."""
        return self._variables.setdefault(name, f"v{len(self._variables)}")

    def number(self) -> int:
        """A number for further local variables, used once."""
        self._numbers += 1
        return self._numbers

    def literal(self, value: Any) -> str:
        """An expression for a value that is known now."""
        if type(value) in (str, int, bool) or value is None:
            return repr(value)
        return self.object(value)

    def object(self, value: Any) -> str:
        """A name for an object."""
        name = f"k{self.number()}"
        self._objects[name] = value
        return name

    def line(self, source: str) -> None:
        """Add a line."""
        self._lines.append(INDENT * self._depth + source)

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Lines below the last line, ``pass`` if there are no lines."""
        self._depth += 1
        begin = len(self._lines)
        yield
        if len(self._lines) == begin:
            self.line("pass")
        self._depth -= 1

    def function(self, write_lines: Callable[[], None]) -> str:
        """The name of an inner function without parameters that returns the text of the lines."""
        name = f"f{self.number()}"
        before = self._lines, self._depth
        self._lines, self._depth = [], 2
        write_lines()
        inner, (self._lines, self._depth) = self._lines, before
        self._functions.append([f" def {name}():", "  out = []", "  write = out.append", *inner])
        self._functions[-1].append("  return ''.join(out)")
        return name

    def compiled(self) -> Render:
        """The function.

        Raises SyntaxError, RecursionError or MemoryError for source that is nested too deeply.
        """
        local = ", ".join(self._variables.values())
        for lines in self._functions:
            if local:
                lines.insert(1, f"  nonlocal {local}")
        given = [f" {place} = scope.get({name!r})" for name, place in self._variables.items()]
        source = [
            "def render(scope, out):",
            " write = out.append",
            *given,
            *(line for lines in self._functions for line in lines),
            *self._lines,
        ]
        # Written above from literals, numbers and names of ours.
        exec(compile("\n".join(source), "<mapping template>", "exec"), self._objects)  # noqa: S102
        render: Render = self._objects["render"]
        return render
