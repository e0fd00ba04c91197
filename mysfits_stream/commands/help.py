"""The layout of ``--help``: commands in sections, examples, global options in a list.

A summary is the first sentence of the command's docstring. Click cuts a long summary at the terminal's width;
here each summary is printed whole, and a test holds each to one line of 80 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

SECTIONS = ("Stack", "Clicks", "Diagnosis", "Website", "Project")
"""The headings of ``mysfits-stream --help``, in their order."""

global_names: set[str] = set()
"""Names of the global options; ``app`` adds each option that every command has."""


class Command(click.Command):
    """A command with its section in the tool's help, and with examples in its own help."""

    def __init__(
        self, *args: Any, section: str = "", examples: Sequence[str] = (), **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self.section = section
        self.examples = tuple(examples)

    @property
    def summary(self) -> str:
        """The first sentence of the help, without its full stop."""
        paragraph = " ".join((self.help or "").partition("\n\n")[0].split())
        return paragraph.partition(". ")[0].removesuffix(".")

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, the command's own options, and the global options."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        own: list[tuple[str, str]] = []
        shared: list[tuple[str, str]] = []
        for parameter in self.get_params(context):
            record = parameter.get_help_record(context)
            # The usage line names arguments.
            if record is not None and not isinstance(parameter, click.Argument):
                (shared if parameter.name in global_names else own).append(record)
        for heading, records in (("Options", own), ("Global options", shared)):
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Group(Command, click.Group):
    """A group that lists its commands by section."""

    command_class = Command

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands before examples and options."""
        self.format_commands(context, formatter)
        super().format_options(context, formatter)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section; the commands of a group without sections are one list."""
        commands = [command for command in self.commands.values() if not command.hidden]
        width = max(len(command.name or "") for command in commands)
        for section in (*SECTIONS, ""):
            rows = [
                ((command.name or "").ljust(width), command.summary)
                for command in commands
                if isinstance(command, Command) and command.section == section
            ]
            if rows:
                with formatter.section(section or "Commands"):
                    formatter.write_dl(rows)


def command(
    name: str | None = None, *, section: str = "", examples: Sequence[str] = (), cls: type[Command] = Command
) -> Callable[[Callable[..., Any]], Command]:
    """Declare a command of the command line; ``examples`` are whole lines to copy."""
    return click.command(name, cls=cls, section=section, examples=examples)
