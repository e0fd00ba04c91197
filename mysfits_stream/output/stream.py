"""Standard output and standard error: drawn by rich on a terminal, plain text elsewhere.

rich takes as long to import as ten calls of AWS take to prepare, so pipes and files do without.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from mysfits_stream.output.line import Line

if TYPE_CHECKING:
    from rich.console import Console

AS_TERMINAL = ("FORCE_COLOR", "TTY_COMPATIBLE")
"""Environment variables with which rich may take a pipe for a terminal."""


class Stream:
    """One of the two standard streams."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    @property
    def file(self) -> TextIO:
        """The stream of this moment: tests replace ``sys.stdout``."""
        return sys.stderr if self._stderr else sys.stdout

    @cached_property
    def console(self) -> Console:
        """The console of rich."""
        from rich.console import Console

        # What is printed may come from outside: none of it is markup.
        plain: Any = {"highlight": False, "markup": False, "emoji": False, "soft_wrap": True}
        return Console(**plain, stderr=self._stderr)

    @property
    def is_terminal(self) -> bool:
        """Whether styles, widths and live displays apply."""
        drawable = self.file.isatty() or any(name in os.environ for name in AS_TERMINAL)
        return drawable and self.console.is_terminal

    @property
    def width(self) -> int | None:
        """The columns of the terminal; None for a pipe or a file."""
        return self.console.width if self.is_terminal else None

    def print(self, line: str | Line = "") -> None:
        """Print a line."""
        if not self.is_terminal:
            self.file.write(f"{line}\n")
            self.file.flush()
            return
        from rich.text import Text

        parts = line.parts if isinstance(line, Line) else (line,)
        self.console.print(Text.assemble(*parts))
