"""``send-test-click``, ``clicks``, ``failed``, ``replay`` and ``doctor``: what happens to clicks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App, global_options, pass_app

if TYPE_CHECKING:
    from mysfits_stream.clicks.objects import ClicksBucket
    from mysfits_stream.provision.wait import Pace

SHORTEST_SLEEP = 0.1
"""Real seconds between two questions, however fast the target's time runs."""

MISSING = ("404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException")


@click.command("send-test-click")
@click.option("--user", metavar="ID", help="The click's userId.  [default: a fresh one]")
@click.option(
    "--mysfit", metavar="ID", help="The click's mysfitId.  [default: the first of the Mysfits service]"
)
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
    documents = [each.document() for each in clicks]
    if app.out.as_json:
        app.out.json({"clicks": documents})
    for document in documents:
        for line in render_clicks.test_click(document):
            app.out.show(line)
    if problems := render_clicks.problems(documents):
        app.out.note(f"{problems}, of {count} sent")
        return 1
    return 0


COMMANDS = (send_test_click,)


def find_endpoint(app: App) -> str:
    """The clicks API's base URL, by asking API Gateway. Raises ClickError while there is none."""
    from mysfits_stream.commands import stack
    from mysfits_stream.errors import ClickError
    from mysfits_stream.provision.engine import Goal, survey

    api = [resource for resource in stack.build(app, needs_service=False) if resource.type == stack.API_TYPE]
    changes = survey(api, Goal.PRESENT, app.config.stack)
    for change in changes:
        if change.refusal:
            raise change.refusal
    endpoint = stack.endpoint_of(app, changes)
    if endpoint is None:
        raise ClickError(f"stack {app.config.stack} has no clicks API yet; run: mysfits-stream up")
    return endpoint


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
        clock=target.pace.clock,
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
