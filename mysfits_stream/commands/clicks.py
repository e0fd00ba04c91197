"""``send-test-click``, ``clicks``, ``failed`` and ``replay``: what happens to clicks."""

from __future__ import annotations

from contextlib import suppress

import click

from mysfits_stream.commands.app import App, global_options, pass_app


@click.command("send-test-click")
@click.option("--user", metavar="ID", help="User of the click.  [default: a new one]")
@click.option(
    "--mysfit", metavar="ID|random", help="Clicked mysfit, or another key.  [default: the service's first]"
)
@click.option(
    "--field", "fields", metavar="NAME=VALUE", multiple=True, help="Another field, such as campaign=may."
)
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Send so many.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow each click to S3.")
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0), help="Follow for so long.")
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
    """Send a click as a browser does, and follow it to S3.

    The click is marked as a test, and stays out of sums. Exit code 1 if it does not arrive; then it says
    which stage lost it.
    """
    from mysfits_stream.operations.send_test_click import send_test_clicks

    sent = send_test_clicks(
        app.project, user=user, mysfit=mysfit, fields=fields, count=count, wait=wait, timeout=timeout
    )
    app.out.test_clicks(sent)
    return 1 if sent.problems else 0


@click.command("clicks")
@click.option(
    "--since", default="1h", show_default=True, metavar="WHEN", help="From then: 15m, 1h, 7d, a time."
)
@click.option("--until", metavar="WHEN", help="Up to then.  [default: now]")
@click.option(
    "--last", type=click.IntRange(1), metavar="N", help="Only the last N.  [default: 20 in the table]"
)
@click.option("--follow", "-f", is_flag=True, help="Show clicks as they land, until Ctrl-C.")
@click.option("--raw", is_flag=True, help="Show duplicates, too.")
@global_options
@pass_app
def clicks(app: App, since: str, until: str | None, last: int | None, follow: bool, raw: bool) -> int:
    """Show delivered clicks, each once, and sums without test clicks.

    A retry of a browser and a replay leave duplicates, which have the same clickId.

    With --json it prints JSON lines, one enriched click each.
    """
    from mysfits_stream.operations.clicks import delivered_clicks, follow_clicks

    if follow and (until or last):
        raise click.UsageError("--follow goes with --since only")
    if follow:
        with suppress(KeyboardInterrupt):
            found = follow_clicks(app.project, since, app.out.parse_problems, raw=raw)
            app.out.click_lines(found, app.config.definition)
    else:
        app.out.clicks(delivered_clicks(app.project, since, until, raw=raw), last)
    return 0


@click.command()
@click.option("--since", metavar="WHEN", help="From then: 15m, 1h, 7d, a time.  [default: all]")
@global_options
@pass_app
def failed(app: App, since: str | None) -> int:
    """Show failed clicks, grouped by error code and reason."""
    from mysfits_stream.operations.failed import failed_clicks

    app.out.failed(failed_clicks(app.project, since))
    return 0


@click.command()
@click.option(
    "--since", metavar="WHEN", help="Only what arrived since then: 15m, 1h, 7d, a time.  [default: all]"
)
@click.option(
    "--limit", type=click.IntRange(1), metavar="N", help="At most N failed records, the oldest first."
)
@click.option("--dry-run", is_flag=True, help="Show what would be replayed, and do nothing.")
@global_options
@pass_app
def replay(app: App, since: str | None, limit: int | None, dry_run: bool) -> int:
    """Put failed clicks back on the delivery stream.

    An error object is moved aside, never deleted, once the stream has accepted all of it. A replay that
    dies is resumed by running it again; a click that arrives twice keeps its clickId.
    """
    from mysfits_stream.operations.replay import replay

    report = app.out.replaying
    app.out.replayed(replay(app.project, since=since, limit=limit, dry_run=dry_run, report=report))
    return 0


COMMANDS = (send_test_click, clicks, failed, replay)
