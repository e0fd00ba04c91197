"""``send-test-click``, ``clicks``, ``failed`` and ``replay``: what happens to clicks."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options, pass_app

if TYPE_CHECKING:
    from mysfits_stream.clicks.delivered import ParseProblems

SHOWN = 20
"""Rows of the table unless more are asked for."""


@click.command("send-test-click")
@click.option("--user", metavar="ID", help="The click's userId.  [default: a fresh one]")
@click.option("--mysfit", metavar="ID", help="The click's mysfitId.  [default: the service's first]")
@click.option("--count", type=click.IntRange(1, 10_000), default=1, show_default=True, help="Send so many.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Follow each click to S3.")
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0), help="Follow for so long.")
@global_options
@pass_app
def send_test_click(
    app: App, user: str | None, mysfit: str | None, count: int, wait: bool, timeout: float | None
) -> int:
    """Send a click as a browser does, and follow it to S3.

    Exit code 1 if it does not arrive; then it says which stage lost it.
    """
    import secrets

    from mysfits_stream.clicks import sending
    from mysfits_stream.errors import ClickError
    from mysfits_stream.operations.pipeline import clicks_bucket, find_endpoint, pace, translated
    from mysfits_stream.output import clicks as render_clicks
    from mysfits_stream.output.text import many
    from mysfits_stream.target import mysfits_api

    target, speed = app.target, pace(app.project)
    endpoint = find_endpoint(app.project)
    mysfit = mysfit or sending.first_mysfit(mysfits_api(target))
    clicks = [sending.TestClick(user or f"test-{secrets.token_hex(4)}", mysfit) for _ in range(count)]
    with translated(app.project):
        bucket = clicks_bucket(app.project)
        since = bucket.now()
        clicks = sending.send(endpoint, clicks, speed)
        if wait and any(each.status == "accepted" for each in clicks):
            seconds = sending.default_timeout(app.config, target.time_scale) if timeout is None else timeout
            app.out.note(f"sent; looking for it in s3://{bucket.name} for up to {seconds:.0f} s")
            clicks = sending.follow(
                clicks, bucket, since, budget=seconds * target.time_scale, pace=pace(app.project)
            )
    if app.out.as_json:
        app.out.json({"clicks": [each.document() for each in clicks]})
    for each in clicks:
        for line in render_clicks.test_click(each):
            app.out.show(line)
        if each.reason and app.out.as_json:
            app.out.note(f"{each.user_id} on {each.mysfit_id}: {each.status}: {each.reason}")
    problems = render_clicks.problems(clicks)
    if problems and not app.out.as_json:
        app.out.error(ClickError(f"{problems}, of {many(count, 'click')} sent"))
    return 1 if problems else 0


@click.command("clicks")
@click.option(
    "--since", default="1h", show_default=True, metavar="WHEN", help="From then: 15m, 1h, 7d, a time."
)
@click.option("--until", metavar="WHEN", help="Up to then.  [default: now]")
@click.option(
    "--last", type=click.IntRange(1), metavar="N", help="Only the last N.  [default: 20 in the table]"
)
@click.option("--follow", "-f", is_flag=True, help="Show clicks as they land, until Ctrl-C.")
@global_options
@pass_app
def clicks(app: App, since: str, until: str | None, last: int | None, follow: bool) -> int:
    """Show delivered clicks, and what they add up to.

    With --json it prints JSON lines, one enriched click each.
    """
    from collections import deque

    from mysfits_stream.clicks import delivered, timespec
    from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
    from mysfits_stream.output import clicks as render_clicks

    if follow and (until or last):
        raise click.UsageError("--follow goes with --since only")
    trouble = delivered.ParseProblems()
    with translated(app.project):
        bucket = clicks_bucket(app.project)
        now = bucket.now()
        begin = timespec.parse(since, now, "--since")
        if follow:
            with suppress(KeyboardInterrupt):
                for each in delivered.follow(
                    bucket, begin, pace(app.project), lambda found: note(app, found)
                ):
                    show_click(app, each)
            return 0
        end = timespec.parse(until, now, "--until") if until else now + timespec.TICK
        found = delivered.read(bucket, begin, end, trouble)
        if app.out.as_json:
            for each in deque(found, last) if last else found:
                show_click(app, each)
        else:
            summary = delivered.Summary()
            rows = deque(summary.counted(found), last or SHOWN)
            app.out.show(render_clicks.table(rows, summary.clicks))
            if summary.clicks:
                app.out.show(render_clicks.summary(summary))
    note(app, trouble)
    return 0


@click.command()
@click.option("--since", metavar="WHEN", help="From then: 15m, 1h, 7d, a time.  [default: all]")
@global_options
@pass_app
def failed(app: App, since: str | None) -> int:
    """Show failed clicks, grouped by error code and reason."""
    from mysfits_stream.clicks import delivered, timespec
    from mysfits_stream.clicks import failed as failures
    from mysfits_stream.operations.pipeline import clicks_bucket, translated
    from mysfits_stream.output import clicks as render_clicks

    trouble = delivered.ParseProblems()
    with translated(app.project):
        bucket = clicks_bucket(app.project)
        now = bucket.now()
        begin = timespec.parse(since, now, "--since") if since else None
        groups = failures.grouped(failures.read(bucket, begin, now, trouble))
    if app.out.as_json:
        app.out.json({"failed": [group.document() for group in groups], **trouble.document()})
    for group in groups:
        app.out.show(render_clicks.failed_group(group))
    app.out.line(
        "To put them back on the stream: mysfits-stream replay" if groups else "There are no failed clicks."
    )
    note(app, trouble)
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
    dies is resumed by running it again; then a few clicks may arrive twice.
    """
    from mysfits_stream.clicks import replaying, timespec
    from mysfits_stream.operations.pipeline import clicks_bucket, pace, translated
    from mysfits_stream.output.text import many
    from mysfits_stream.provision.stack import Names

    with translated(app.project), app.project.locked():
        bucket = clicks_bucket(app.project)
        done = replaying.replay(
            bucket,
            app.target.client("firehose"),
            Names.of(app.config, app.target.account).stream,
            since=timespec.parse(since, bucket.now(), "--since") if since else None,
            limit=limit,
            dry_run=dry_run,
            pace=pace(app.project),
            report=lambda so_far: app.out.note(
                f"{many(so_far.records, 'failed record')} in {many(so_far.objects, 'object')}"
            ),
        )
    if app.out.as_json:
        app.out.json(done.document(bucket))
    verb = "would go" if dry_run else "went"
    app.out.line(
        f"{many(done.records, 'failed record')} {verb} back on the stream, as {many(done.clicks, 'click')}."
        if done.records
        else "There are no failed clicks to replay."
    )
    if done.records and not dry_run:
        app.out.line(
            f"{many(done.objects, 'error object')} moved to s3://{bucket.name}/{bucket.replayed}. If an "
            "earlier replay was cut short, some clicks may arrive twice."
        )
    note(app, done.trouble)
    return 0


def show_click(app: App, each: dict[str, Any]) -> None:
    """One enriched click: a line of JSON, or one to read."""
    import json

    from mysfits_stream.output import clicks as render_clicks

    if app.out.as_json:
        click.echo(json.dumps(each))
    else:
        app.out.show(render_clicks.row(each))


def note(app: App, trouble: ParseProblems) -> None:
    """What was met and is no click, if anything."""
    if str(trouble):
        app.out.note(f"also found: {trouble}")


COMMANDS = (send_test_click, clicks, failed, replay)
