"""Writes ``docs/reference.md``: ``python -m docs.generate.reference > docs/reference.md``.

Commands come from the ``--help`` of the command line, settings from the schema of ``config.yaml``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from docs.generate import config_schema
from mysfits_stream import cli
from mysfits_stream.commands.help import SECTIONS, Command, global_names

WIDTH = 100
"""Columns of the help texts."""


def document() -> str:
    """The whole of ``docs/reference.md``."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Reference"
    yield ""
    yield "Generated from `mysfits-stream --help` and from the schema of `config.yaml`; a test compares this"
    yield "page with both. Exit codes and JSON are in [commands.md](commands.md)."
    yield ""
    yield "## Commands"
    yield ""
    yield "Every command has the global options, before or after its name:"
    yield ""
    settings = {**cli.cli.context_settings, "max_content_width": WIDTH}
    context = click.Context(cli.cli, info_name="mysfits-stream", terminal_width=WIDTH, **settings)
    yield from _block(_options(context, shared=True))
    commands = [command for command in cli.cli.commands.values() if isinstance(command, Command)]
    for section in SECTIONS:
        yield f"### {section}"
        yield ""
        for command in commands:
            if command.section == section and not command.hidden:
                yield from _command(command, context)
    yield "## Settings"
    yield ""
    yield "Keys of `config.yaml`, with their defaults. Every key may be left out, and so may the file;"
    yield "`mysfits-stream init` writes all of them. Options and `MYSFITS_STREAM_*` variables come first."
    yield ""
    yield "| key | default | values | meaning |"
    yield "|---|---|---|---|"
    yield from _settings(json.loads(config_schema.document()), "")


def _command(command: Command, parent: click.Context) -> Iterator[str]:
    name = command.name or ""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            if isinstance(inner, Command):
                yield from _command(inner, context)
        return
    yield f"#### {context.command_path.removeprefix('mysfits-stream ')}"
    yield ""
    formatter = context.make_formatter()
    command.format_usage(context, formatter)
    command.format_help_text(context, formatter)
    yield from _block(
        formatter.getvalue() + "\n" + "Examples:\n" + "".join(f"  {line}\n" for line in command.examples)
    )
    yield from _block(_options(context, shared=False))


def _options(context: click.Context, *, shared: bool) -> str:
    records = [
        record
        for parameter in context.command.get_params(context)
        if (parameter.name in global_names) is shared
        and parameter.name not in ("help", "version")
        and (record := parameter.get_help_record(context))
    ]
    formatter = context.make_formatter()
    if records:
        formatter.write_dl(records)
    return formatter.getvalue()


def _block(text: str) -> Iterator[str]:
    if text.strip():
        yield "```text"
        yield text.strip("\n")
        yield "```"
        yield ""


def _settings(schema: dict[str, Any], path: str) -> Iterator[str]:
    for name, each in schema["properties"].items():
        key = f"{path}.{name}" if path else name
        meaning = each.get("description", "").replace("|", "\\|").replace("<", "&lt;")
        if "properties" in each:
            yield f"| **`{key}`** | | | {meaning} |"
            yield from _settings(each, key)
        else:
            default = json.dumps(each["default"]) if each.get("default") is not None else ""
            yield f"| `{key}` | {f'`{default}`' if default else ''} | {_values(each)} | {meaning} |"


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if "maximum" in schema:
        return f"{schema['minimum']:g} to {schema['maximum']:g}"
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return {"string": "text", "array": "a list", "object": "keys and values"}.get(kind, str(kind))


if __name__ == "__main__":
    print(document(), end="")
