"""The running pipeline as commands reach it: its endpoint, its bucket, its pace and its errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mysfits_stream.commands.app import App

if TYPE_CHECKING:
    from mysfits_stream.aws.waiting import Pace
    from mysfits_stream.clicks.objects import ClicksBucket

SHORTEST_SLEEP = 0.1
"""Real seconds between two questions, however fast the target's time runs."""

MISSING = ("404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException")


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

    clicks_api = stack.build(app, needs_service=False).clicks_api
    changes = survey([clicks_api], Goal.PRESENT, app.config.stack)
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
    from mysfits_stream.aws.waiting import Pace

    target = app.target
    return Pace(
        sleep=lambda seconds: target.interrupt.sleep(max(seconds / target.time_scale, SHORTEST_SLEEP)),
        clock=lambda: time.monotonic() * target.time_scale,
    )


@contextmanager
def translated(app: App) -> Iterator[None]:
    """What AWS says to these commands, as errors of ours; on Ctrl-C every wait ends."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    from mysfits_stream.aws.errors import is_error
    from mysfits_stream.errors import ClickError
    from mysfits_stream.provision.engine import reason

    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        if is_error(error, *MISSING):
            raise ClickError(
                f"stack {app.config.stack} is not complete ({error.operation_name}: {said.get('Code')}); "
                "run: mysfits-stream up"
            ) from error
        raise ClickError(f"{error.operation_name}: {reason(error)}") from error
    except (BotoCoreError, ResponseParserError) as error:
        raise ClickError(reason(error)) from error
    except KeyboardInterrupt:
        app.target.interrupt.set()
        raise
