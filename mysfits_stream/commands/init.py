"""``init``: files to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import DIRECTORY, FILE, App, global_options, pass_app
from mysfits_stream.commands.help import command

if TYPE_CHECKING:
    from pathlib import Path


@command(
    section="Project",
    examples=(
        "mysfits-stream init",
        "mysfits-stream init --stack shop --target aws --region eu-west-1",
        "mysfits-stream init --processor processor",
    ),
)
@click.option(
    "--processor",
    metavar="DIR",
    type=DIRECTORY,
    help="Write the processor's code and its pinned requirements to this directory instead.",
)
@global_options
@pass_app
def init(app: App, processor: Path | None) -> int:
    """Write an annotated config.yaml, or a processor to change.

    Existing files are never overwritten. config.yaml has every setting with its default and the options that
    are given; on a terminal, three questions ask for the others. With --processor: a copy of the processor,
    which the setting processor.source selects.
    """
    from mysfits_stream.operations import init

    if processor:
        app.out.initialized(init.init_processor(processor))
        return 0
    path = FILE.convert(app.options.config or "config.yaml", None, None)
    init.reject_existing(path)
    app.out.initialized(init.init_config(path, questions.ask_for_settings(app)))
    return 0


COMMANDS = (init,)
