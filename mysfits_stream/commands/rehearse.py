"""``rehearse``: delivered clicks through the deployed and through the local processor."""

from __future__ import annotations

from pathlib import Path

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import App, global_options, pass_app
from mysfits_stream.commands.help import command

DIFFERS = 2
"""Exit code where a click comes out otherwise."""


@command(
    section="Diagnosis",
    examples=("mysfits-stream rehearse --since 1h", "mysfits-stream rehearse --event event.json --yes"),
)
@click.option(
    "--since",
    metavar="WHEN",
    help="Start of the time range: 15m, 1h or 7d ago, or an ISO 8601 time.  [default: 1h]",
)
@click.option(
    "--event",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A JSON file with an event of Firehose, in place of delivered clicks.",
)
@click.option("--yes", "-y", is_flag=True, help="Run the downloaded code without asking.")
@global_options
@pass_app
def rehearse(app: App, since: str | None, event: Path | None, yes: bool) -> int:
    """Compare two processors on delivered clicks, before `up`.

    The deployed version's code and this directory's code and settings get the same events.

    Both run on this machine, with the same answers of the Mysfits service. Nothing is changed. Exit code 2 if
    a click comes out otherwise.
    """
    from mysfits_stream.operations import rehearse

    if since and event:
        raise click.UsageError("--since and --event contradict each other; give one of them")
    result = rehearse.rehearse(app.standing_project, since, event, questions.ask_to_run(app, yes=yes))
    app.out.rehearsed(result)
    return DIFFERS if result.differs else 0


COMMANDS = (rehearse,)
