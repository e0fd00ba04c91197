"""``send-test-click``, ``clicks``, ``failed``, ``replay`` and ``doctor``: what happens to clicks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options, pass_app

if TYPE_CHECKING:
    from mysfits_stream.clicks.objects import ClicksBucket
    from mysfits_stream.provision.wait import Pace

SHORTEST_SLEEP = 0.1
"""Real seconds between two questions, however fast the target's time runs."""

SHOWN = 20
"""Rows of the table unless more are asked for."""

MISSING = ("404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException")


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
    """Send a click through the API, and follow it until it is in S3.

    Exit code 1 if it does not arrive; then it says which stage lost it.
    """
    import secrets

    from mysfits_stream import render_clicks
    from mysfits_stream.clicks import sending
    from mysfits_stream.errors import ClickError
    from mysfits_stream.target import mysfits_api

    target = app.target
    endpoint = find_endpoint(app)
    mysfit = mysfit or sending.first_mysfit(mysfits_api(target))
    clicks = [sending.TestClick(user or f"test-{secrets.token_hex(4)}", mysfit) for _ in range(count)]
    with translated(app):
        bucket = clicks_bucket(app)
        since = bucket.now()
        clicks = sending.send(endpoint, clicks, pace(app))
        if wait:
            seconds = sending.default_timeout(app.config, target.time_scale) if timeout is None else timeout
            app.out.note(f"sent; looking for it in s3://{bucket.name} for up to {seconds:.0f} s")
            clicks = sending.follow(clicks, bucket, since, budget=seconds * target.time_scale, pace=pace(app))
    if app.out.as_json:
        app.out.json({"clicks": [each.document() for each in clicks]})
    for each in clicks:
        for line in render_clicks.test_click(each):
            app.out.show(line)
        if each.reason and app.out.as_json:
            app.out.note(f"{each.user_id} on {each.mysfit_id}: {each.status}: {each.reason}")
    problems = render_clicks.problems(clicks)
    if problems and not app.out.as_json:
        app.out.error(ClickError(f"{problems}, of {render_clicks.many(count, 'click')} sent"))
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
    from datetime import timedelta

    from mysfits_stream import render_clicks
    from mysfits_stream.clicks import delivered, moments

    if follow and (until or last):
        raise click.UsageError("--follow goes with --since only")
    trouble = delivered.Trouble()
    with translated(app):
        bucket = clicks_bucket(app)
        now = bucket.now()
        begin = moments.parse(since, now, "--since")
        if follow:
            with suppress(KeyboardInterrupt):
                for each in delivered.follow(bucket, begin, pace(app), trouble):
                    show_click(app, each)
            return 0
        # The clock has no fractions of a second.
        end = moments.parse(until, now, "--until") if until else now + timedelta(seconds=1)
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
    if str(trouble):
        app.out.note(f"also found: {trouble}")
    return 0


@click.command()
@click.option("--since", metavar="WHEN", help="From then: 15m, 1h, 7d, a time.  [default: all]")
@global_options
@pass_app
def failed(app: App, since: str | None) -> int:
    """Show failed clicks, grouped by error code and reason."""
    from mysfits_stream import render_clicks
    from mysfits_stream.clicks import delivered, moments
    from mysfits_stream.clicks import failed as failures

    trouble = delivered.Trouble()
    with translated(app):
        bucket = clicks_bucket(app)
        now = bucket.now()
        begin = moments.parse(since, now, "--since") if since else None
        groups = failures.grouped(failures.read(bucket, begin, now, trouble))
    if app.out.as_json:
        app.out.json({"failed": [group.document() for group in groups], **trouble.document()})
    for group in groups:
        app.out.show(render_clicks.failed_group(group))
    app.out.line(
        "To put them back on the stream: mysfits-stream replay" if groups else "There are no failed clicks."
    )
    if str(trouble):
        app.out.note(f"also found: {trouble}")
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
    from mysfits_stream.clicks import moments, replaying
    from mysfits_stream.commands.stack import locked
    from mysfits_stream.provision.stack import Names
    from mysfits_stream.render_clicks import many

    with translated(app), locked(app):
        bucket = clicks_bucket(app)
        done = replaying.replay(
            bucket,
            app.target.clients.firehose,
            Names.of(app.config, app.target.account).stream,
            since=moments.parse(since, bucket.now(), "--since") if since else None,
            limit=limit,
            dry_run=dry_run,
            pace=pace(app),
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
    if str(done.trouble):
        app.out.note(f"also found: {done.trouble}")
    return 0


@click.command()
@click.option(
    "--since", default="1h", show_default=True, metavar="WHEN", help="Look back to then: 15m, 1h, 7d."
)
@click.option("--send", is_flag=True, help="Really send a click; else the API is only shown what is none.")
@global_options
@pass_app
def doctor(app: App, since: str, send: bool) -> int:
    """Walk the path of a click hop by hop, and say which link is broken and what to do.

    Exit code 1 if a link is broken.
    """
    from datetime import UTC, datetime

    from mysfits_stream import doctor as examination
    from mysfits_stream import render_clicks
    from mysfits_stream.clicks import moments, sending
    from mysfits_stream.provision.stack import Names
    from mysfits_stream.target import mysfits_api

    target, now = app.target, datetime.now(UTC)
    api_id, endpoint = find_api(app)
    path = examination.Path(
        config=app.config,
        names=Names.of(app.config, target.account),
        endpoint=endpoint,
        api_id=api_id,
        mysfits_api=target.mysfits_api,
        bucket=clicks_bucket(app),
        client=target.client,
    )
    with translated(app):
        window = now - moments.parse(since, now, "--since")
        mysfit = sending.first_mysfit(mysfits_api(target)) if send else None
        links = []
        for link in examination.examine(path, window=window, mysfit=mysfit):
            links.append(link)
            for line in render_clicks.link(link):
                app.out.show(line)
    broken = [link.name for link in links if link.status == "broken"]
    if app.out.as_json:
        app.out.json({"healthy": not broken, "links": [link.document() for link in links]})
    app.out.line(f"\nBroken: {', '.join(broken)}." if broken else "\nNo link is broken.")
    return 1 if broken else 0


COMMANDS = (send_test_click, clicks, failed, replay, doctor)


def show_click(app: App, each: dict[str, Any]) -> None:
    """One enriched click: a line of JSON, or one to read."""
    from mysfits_stream import render_clicks

    if app.out.as_json:
        click.echo(json.dumps(each, ensure_ascii=False))
    else:
        app.out.show(render_clicks.row(each))


def find_endpoint(app: App) -> str:
    """The clicks API's base URL, by asking API Gateway. Raises ClickError while there is none."""
    from mysfits_stream.errors import ClickError

    _, endpoint = find_api(app)
    if endpoint is None:
        raise ClickError(f"stack {app.config.stack} has no clicks API yet; run: mysfits-stream up")
    return endpoint


def find_api(app: App) -> tuple[str | None, str | None]:
    """The clicks API's id and base URL, by asking API Gateway; both None while there is none."""
    from mysfits_stream.commands import stack
    from mysfits_stream.provision.engine import Goal, survey

    api = [resource for resource in stack.build(app, needs_service=False) if resource.type == stack.API_TYPE]
    changes = survey(api, Goal.PRESENT, app.config.stack)
    for change in changes:
        if change.refusal:
            raise change.refusal
    observed = changes[0].observed
    return (observed.id if observed else None), stack.endpoint_of(app, changes)


def clicks_bucket(app: App) -> ClicksBucket:
    """The stack's clicks bucket, to be read."""
    from mysfits_stream.clicks.objects import ClicksBucket
    from mysfits_stream.provision.stack import Names

    target = app.target
    return ClicksBucket.of(app.config, Names.of(app.config, target.account).bucket, target.clients.s3)


def pace(app: App) -> Pace:
    """The target's pace, slowed down where it would ask without pause."""
    from mysfits_stream.provision.wait import Pace

    target = app.target
    return Pace(
        sleep=lambda seconds: target.interrupt.sleep(max(seconds / target.time_scale, SHORTEST_SLEEP)),
        clock=lambda: time.monotonic() * target.time_scale,
    )


@contextmanager
def translated(app: App) -> Iterator[None]:
    """What AWS says to these commands, as errors of ours; on Ctrl-C every wait ends."""
    from botocore.exceptions import BotoCoreError, ClientError

    from mysfits_stream.errors import ClickError
    from mysfits_stream.provision.aws import is_error

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        if is_error(error, *MISSING):
            raise ClickError(
                f"stack {app.config.stack} is not complete ({error.operation_name}: {said.get('Code')}); "
                "run: mysfits-stream up"
            ) from error
        raise ClickError(f"{error.operation_name}: {said.get('Code')}: {said.get('Message')}") from error
    except BotoCoreError as error:
        raise ClickError(" ".join(str(error).split())) from error
    except KeyboardInterrupt:
        app.target.interrupt.set()
        raise
