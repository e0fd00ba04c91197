"""``init``: files to begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import DIRECTORY, App, global_options, pass_app
from mysfits_stream.commands.help import command

if TYPE_CHECKING:
    from pathlib import Path


@command(
    section="Project",
    examples=("mysfits-stream init --processor processor",),
)
@click.option(
    "--processor",
    metavar="DIR",
    type=DIRECTORY,
    required=True,
    help="Write the processor's code and its pinned requirements to this directory.",
)
@global_options
@pass_app
def init(app: App, processor: Path) -> int:
    """Write files to begin with, and overwrite nothing.

    With --processor: a copy of the processor, yours to change; the setting processor.source selects it.
    """
    from mysfits_stream.operations import init

    app.out.initialized(init.init_processor(processor))
    return 0


COMMANDS = (init,)
