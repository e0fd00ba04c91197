"""``local start | stop | status | list | logs``: the embedded local cloud.

The first command with target ``local`` starts the local cloud.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import DIRECTORY, App, global_options, pass_app
from mysfits_stream.commands.help import Group

if TYPE_CHECKING:
    from pathlib import Path


@click.group(cls=Group, section="Stack", examples=("mysfits-stream local status",))
@global_options
def local() -> None:
    """Start, stop and inspect the local cloud."""


@local.command(
    examples=(
        "mysfits-stream local start --keep data",
        "mysfits-stream local start --behavior aws --seed 7",
    )
)
@click.option(
    "--keep",
    metavar="DIR",
    type=DIRECTORY,
    help="Persist resources and objects in DIR, and restore them at the start.",
)
@click.option(
    "--behavior",
    type=click.Choice(["instant", "aws"]),
    help="Simulate AWS's delays, throttling and eventual consistency (aws), or none (instant).  "
    "[default: local.behavior]",
)
@click.option("--moods", type=click.Choice(["none", "aws"]), hidden=True)
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed of the simulated delays, for example 7.  [default: 1]"
)
@global_options
@pass_app
def start(app: App, keep: Path | None, behavior: str | None, moods: str | None, seed: int | None) -> None:
    """Start the local cloud in the background, unless it is running.

    A behavior lasts until the local cloud stops, or until another behavior is set.

    The local cloud keeps everything in memory: kill -9 or a crash loses all resources and clicks. With
    --keep, every accepted click survives a kill -9, and other changes are saved every few seconds.
    """
    from mysfits_stream.operations import local

    started = local.start(
        app.local_config,
        app.directory,
        keep=keep,
        behavior=behavior,
        moods=moods,
        seed=seed,
        report=lambda text: app.out.note(text),
        meanwhile=lambda: app.out,
    )
    app.out.local_started(started)


@local.command(examples=("mysfits-stream local stop",))
@click.option("--yes", "-y", is_flag=True, help="Do not ask before clicks are discarded.")
@global_options
@pass_app
def stop(app: App, yes: bool) -> None:
    """Stop the local cloud.

    Asks first if clicks would be discarded: resources and clicks are deleted, unless `local start
    --keep` persists them.
    """
    from mysfits_stream.commands.questions import ask_to_discard
    from mysfits_stream.operations import local

    if not yes:
        ask_to_discard(app, local.clicks_lost_by_stop(app.directory))
    app.out.local_stopped(local.stop(app.directory, app.out.note))


@local.command(examples=("mysfits-stream local status",))
@global_options
@pass_app
def status(app: App) -> None:
    """Show the local cloud's endpoint and the environment for AWS clients."""
    from mysfits_stream.operations import local

    app.out.local_status(local.status(app.directory))


@local.command("list", examples=("mysfits-stream local list",))
@global_options
@pass_app
def list_all(app: App) -> None:
    """Show all local clouds of this user: folder, process, memory and age."""
    from mysfits_stream.operations import local

    app.out.local_clouds(local.list_all())


@local.command(examples=("mysfits-stream local logs --lines 20",))
@click.option("--lines", "-n", default=100, show_default=True, help="Number of lines.")
@global_options
@pass_app
def logs(app: App, lines: int) -> None:
    """Print the last lines of the local cloud's log."""
    from mysfits_stream.operations import local

    app.out.local_logs(local.logs(app.directory, lines))
