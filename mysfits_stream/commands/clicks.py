"""``send-test-click``, ``clicks``, ``failed`` and ``replay``: the commands about clicks."""

from __future__ import annotations

from contextlib import suppress

import click

from mysfits_stream.commands.app import App, global_options, pass_app, since_option
from mysfits_stream.commands.completion import complete_field, complete_name
from mysfits_stream.commands.help import command

TOP = 20
"""Groups that are shown unless another number is given."""


@command(
    "send-test-click",
    section="Clicks",
    examples=(
        "mysfits-stream send-test-click",
        "mysfits-stream send-test-click --mysfit random --count 100 --no-wait",
    ),
)
@click.option("--user", metavar="ID", help="User of the click.  [default: a new ID for each click]")
@click.option(
    "--mysfit",
    metavar="ID|random",
    help="Clicked mysfit, or another key.  [default: the first mysfit of the Mysfits service]",
)
@click.option(
    "--field",
    "fields",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=complete_field,
    help="Another field, for example campaign=may.",
)
@click.option(
    "--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Number of clicks to send."
)
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until each click is delivered to S3."
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="Seconds to wait for delivery.  [default: both buffers and some, 4 minutes on AWS]",
)
@global_options
@pass_app
def send_test_click(
    app: App,
    user: str | None,
    mysfit: str | None,
    fields: tuple[str, ...],
    count: int,
    wait: bool,
    timeout: float | None,
) -> int:
    """Send a test click, and follow the click to S3.

    The click is sent as a browser does, marked as a test, and not part of sums. Exit code 1 if a click is
    not delivered; the output names the stage that lost the click.
    """
    from mysfits_stream.operations.send_test_click import send_test_clicks

    sent = send_test_clicks(
        app.standing_project, user=user, mysfit=mysfit, fields=fields, count=count, wait=wait, timeout=timeout
    )
    app.out.test_clicks(sent)
    return 1 if sent.problems else 0


@command(
    "clicks",
    section="Clicks",
    examples=(
        "mysfits-stream clicks --since 1d",
        "mysfits-stream clicks --follow",
        "mysfits-stream clicks --since 7d --by species,day --top 5",
        "mysfits-stream clicks --since 7d --html clicks.html",
    ),
)
@since_option
@click.option("--until", metavar="WHEN", help="End of the time range, not included.  [default: now]")
@click.option(
    "--last",
    type=click.IntRange(1),
    metavar="N",
    help="Show the last N clicks only.  [default: 20 in the table, all with --json]",
)
@click.option("--follow", "-f", is_flag=True, help="Show clicks as they are delivered, until Ctrl-C.")
@click.option("--raw", is_flag=True, help="Show duplicates, too.")
@click.option(
    "--by",
    metavar="NAME[,NAME]",
    shell_complete=complete_name,
    help="Count by fields, attributes, and hour, day or week, for example species,day.",
)
@click.option(
    "--top", type=click.IntRange(1), metavar="N", help="Show the N largest groups of --by.  [default: 20]"
)
@click.option("--html", metavar="FILE", help="Write a report as one HTML page, for example clicks.html.")
@global_options
@pass_app
def clicks(
    app: App,
    since: str,
    until: str | None,
    last: int | None,
    follow: bool,
    raw: bool,
    by: str | None,
    top: int | None,
    html: str | None,
) -> int:
    """Show delivered clicks and their sums.

    Each click is shown once, and test clicks are not part of sums. Retries of browsers and replays leave
    duplicates with the same clickId.

    With --json, each line is the JSON of one enriched click; with --by, the result is an array of groups.
    """
    from mysfits_stream.operations.clicks import count_clicks, delivered_clicks, follow_clicks

    if follow and (until or last):
        raise click.UsageError("--follow works with --since only: remove --until and --last")
    if html is not None:
        if follow or last or raw or top or by is not None:
            raise click.UsageError("--html works with --since and --until only: remove the other options")
        from mysfits_stream.operations.report import report

        app.out.report(report(app.standing_project, since, until), html)
        return 0
    if by is not None and (follow or last):
        raise click.UsageError("--by counts all clicks of the range: remove --follow and --last")
    if top and by is None:
        raise click.UsageError("--top needs --by, for example --by species --top 5")
    if by is not None:
        app.out.counted(count_clicks(app.standing_project, since, until, by=by, top=top or TOP, raw=raw))
        return 0
    if follow:
        with suppress(KeyboardInterrupt):
            found = follow_clicks(app.standing_project, since, app.out.parse_problems, raw=raw)
            app.out.click_lines(found, app.config.definition)
    else:
        app.out.clicks(delivered_clicks(app.standing_project, since, until, raw=raw), last)
    return 0


@command(
    section="Clicks",
    examples=("mysfits-stream failed --since 7d",),
)
@click.option(
    "--since",
    metavar="WHEN",
    help="Start of the time range: 15m, 1h or 7d ago, or an ISO 8601 time.  [default: all]",
)
@global_options
@pass_app
def failed(app: App, since: str | None) -> int:
    """Show failed clicks, grouped by error code and reason."""
    from mysfits_stream.operations.failed import failed_clicks

    app.out.failed(failed_clicks(app.standing_project, since))
    return 0


@command(
    section="Clicks",
    examples=("mysfits-stream replay --dry-run", "mysfits-stream replay --since 1d"),
)
@click.option(
    "--since",
    metavar="WHEN",
    help="Replay clicks that arrived after 15m, 1h or 7d ago, or after an ISO 8601 time.  [default: all]",
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="Replay at most N failed records, the oldest first."
)
@click.option("--dry-run", is_flag=True, help="Count the clicks without replaying them.")
@global_options
@pass_app
def replay(app: App, since: str | None, limit: int | None, dry_run: bool) -> int:
    """Put failed clicks back on the delivery stream.

    After the stream has accepted an error object's clicks, the object is moved to replayed/, never deleted.
    Run the command again to resume an interrupted replay; clicks that are delivered twice keep their clickId.
    """
    from mysfits_stream.operations.replay import replay

    report = app.out.replaying
    app.out.replayed(replay(app.standing_project, since=since, limit=limit, dry_run=dry_run, report=report))
    return 0


COMMANDS = (send_test_click, clicks, failed, replay)
