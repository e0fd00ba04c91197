"""``local start | stop | status | logs``: the embedded local cloud.

Nobody has to start it: the first command with target ``local`` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App, global_options, pass_app, path

if TYPE_CHECKING:
    from mysfits_stream.localcloud.daemon import Running


@click.group()
def local() -> None:
    """Start, stop and look at the local cloud."""


@local.command()
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False),
    help="Keep resources and objects in DIR, and begin with what is there.",
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
def start(app: App, keep: str | None, behavior: str | None, moods: str | None, seed: int | None) -> None:
    """Start the local cloud in the background, if it does not run.

    A behavior lasts until the local cloud stops, or until another behavior is set.
    """
    from mysfits_stream.config import MOODS
    from mysfits_stream.local_site import daemon
    from mysfits_stream.local_site.settings import settings_of

    if moods is not None:
        app.out.note(f"warning: --moods is deprecated and works until 1.0; write --behavior {MOODS[moods]}")
        behavior = behavior or MOODS[moods]
    running = daemon.ensure(
        app.directory,
        settings_of(app.local_config),
        keep=path(keep) if keep else None,
        report=app.out.note,
    )
    if behavior is not None or seed is not None:
        daemon.set_behavior(running, behavior=behavior, seed=seed)
    _show(app, running)


@local.command()
@global_options
@pass_app
def stop(app: App) -> None:
    """End it; resources and objects that are not kept are gone."""
    from mysfits_stream.local_site import daemon

    ended = daemon.stop(app.directory, report=app.out.note)
    if app.out.as_json:
        app.out.json(_document(None))
    app.out.line(f"The local cloud (pid {ended.pid}) has ended." if ended else "No local cloud runs here.")


@local.command()
@global_options
@pass_app
def status(app: App) -> None:
    """Show whether the local cloud runs, and the environment of AWS clients that use it."""
    from mysfits_stream.local_site import daemon

    running = daemon.find(app.directory)
    _show(app, running)
    if running:
        for name, value in _client_environment(running).items():
            app.out.line(f"export {name}={value}")


@local.command()
@click.option("--lines", "-n", default=100, show_default=True, help="How many lines from the end.")
@global_options
@pass_app
def logs(app: App, lines: int) -> None:
    """Print the end of its log."""
    from mysfits_stream.local_site import daemon

    tail = daemon.log_tail(app.directory, lines)
    if app.out.as_json:
        app.out.json({"lines": tail})
    for line in tail:
        app.out.line(line)


def _show(app: App, running: Running | None) -> None:
    if app.out.as_json:
        app.out.json(_document(running))
    if running is None:
        app.out.line("No local cloud runs here.")
    else:
        app.out.line(f"The local cloud runs at {running.endpoint} (pid {running.pid}).")


def _client_environment(running: Running) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": running.endpoint,
        "AWS_ACCESS_KEY_ID": running.access_key_id,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def _document(running: Running | None) -> dict[str, object]:
    document: dict[str, object] = {
        "running": running is not None,
        "endpoint": running.endpoint if running else None,
        "pid": running.pid if running else None,
    }
    return {**document, "environment": _client_environment(running)} if running else document
