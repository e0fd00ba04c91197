"""``completion``: how the shell completes paths, targets and the fields of a click."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options
from mysfits_stream.commands.help import command
from mysfits_stream.errors import MysfitsStreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem

    from mysfits_stream.click_definition import Field

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_MYSFITS_STREAM_COMPLETE"
"""The variable in which click's scripts pass the words to complete."""


@command(
    "completion",
    section="Project",
    examples=(
        "mysfits-stream completion bash >> ~/.bashrc",
        "mysfits-stream completion fish > ~/.config/fish/completions/mysfits-stream.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
@global_options
def completion(shell: str) -> int:
    """Print the script that completes this tool in a shell.

    For zsh, append to ~/.zshrc. A new shell then completes commands, targets, fields and files.
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - click supports each of SHELLS
    root = click.get_current_context().find_root()
    complete = script(root.command, {}, root.info_name or "", VARIABLE)
    # Not source(): click runs the bash on the path for its version; the script has to fit any machine.
    click.echo(complete.source_template % complete.source_vars())
    return 0


def complete_field(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete NAME=VALUE with the fields of the configured click and the values of an enum."""
    from click.shell_completion import CompletionItem

    name, equals, _value = incomplete.partition("=")
    found = [text for field in _configured(context) for text in _settings(field, name if equals else None)]
    return [CompletionItem(text) for text in found if text.startswith(incomplete)]


def complete_name(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the last of several names: fields, attributes and units of time."""
    from click.shell_completion import CompletionItem

    before, comma, last = incomplete.rpartition(",")
    with suppress(MysfitsStreamError):
        definition = context.ensure_object(App).config.definition
        names = [*definition.names, *definition.attributes, "hour", "day", "week"]
        return [CompletionItem(before + comma + name) for name in names if name.startswith(last)]
    return []


def _settings(field: Field, chosen: str | None) -> Iterator[str]:
    if chosen is None:
        yield f"{field.name}="
    elif field.name == chosen:
        default = (True, False) if field.type == "boolean" else ()
        values: tuple[Any, ...] = dict(field.bounds).get("enum", default)
        for value in values:
            yield f"{chosen}={str(value).lower() if isinstance(value, bool) else value}"


def _configured(context: click.Context) -> tuple[Field, ...]:
    app = context.ensure_object(App)
    # A shell shows no message while it completes: the command itself says what is wrong.
    with suppress(MysfitsStreamError):
        return tuple(app.config.click.fields)
    return ()


COMMANDS = (completion,)
