"""``logs``: the log events of the processor and of the delivery stream."""

from __future__ import annotations

from contextlib import suppress

import click

from mysfits_stream.commands.app import App, global_options, pass_app, since_option
from mysfits_stream.commands.help import command


@command(
    section="Diagnosis",
    examples=("mysfits-stream logs processor --since 15m", "mysfits-stream logs --follow"),
)
@click.argument("source", type=click.Choice(("processor", "delivery")), required=False)
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(1, 100_000),
    default=100,
    show_default=True,
    metavar="N",
    help="Number of log events, the latest.",
)
@since_option
@click.option("--follow", "-f", is_flag=True, help="Show log events as they arrive, until Ctrl-C.")
@global_options
@pass_app
def logs(app: App, source: str | None, lines: int, since: str, follow: bool) -> int:
    """Show the logs of the processor and of the delivery.

    The processor is the Lambda function; the delivery logs Firehose's errors. Without an argument, both are
    merged by time.

    With --follow and --json, each line is the JSON of one event.
    """
    from mysfits_stream.operations import logs

    if follow:
        with suppress(KeyboardInterrupt):
            app.out.follow_log_events(logs.follow(app.standing_project, source, lines=lines, since=since))
    else:
        app.out.log_events(logs.logs(app.standing_project, source, lines=lines, since=since))
    return 0


COMMANDS = (logs,)
