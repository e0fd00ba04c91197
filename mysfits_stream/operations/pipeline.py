"""The deployed pipeline: endpoint, clicks bucket, pace of reads, and AWS errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError

from mysfits_stream.aws import errors as aws_errors
from mysfits_stream.aws.waiting import Pace
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Goal, survey

SHORTEST_SLEEP = 0.1
"""Minimum real seconds between two reads, at any time scale of the target."""

MISSING = ("404", "NoSuchBucket", "ResourceNotFoundException", "NotFoundException")


def find_endpoint(project: Project) -> str:
    """The clicks API's base URL, read from API Gateway. Raises ClickError without a clicks API."""
    _, endpoint = find_api(project)
    if endpoint is None:
        raise ClickError(f"stack {project.config.stack} has no clicks API yet; run: mysfits-stream up")
    return endpoint


def find_api(project: Project) -> tuple[str | None, str | None]:
    """The clicks API's id and base URL, read from API Gateway.

    Both None for a missing clicks API.
    """
    clicks_api = project.build(needs_service=False).clicks_api
    [change] = survey([clicks_api], Goal.PRESENT, project.config.stack)
    if change.refusal:
        raise change.refusal
    if change.observed is None:
        return None, None
    return change.observed.id, project.endpoint(change.observed.id)


def clicks_bucket(project: Project) -> ClicksBucket:
    """The stack's clicks bucket, for reads."""
    return ClicksBucket.of(project.config, project.names.bucket, project.target.clients.s3)


def pace(project: Project) -> Pace:
    """The target's pace, with a minimum sleep where the target's time runs fast."""
    target = project.target
    return Pace(
        sleep=lambda seconds: target.interrupt.sleep(max(seconds / target.time_scale, SHORTEST_SLEEP)),
        clock=lambda: time.monotonic() * target.time_scale,
    )


@contextmanager
def translated(project: Project) -> Iterator[None]:
    """Raise AWS errors as ClickError; on Ctrl-C, end every wait in all threads."""

    def become(operation: str, reason: str) -> ClickError:
        return ClickError(f"{operation}: {reason}" if operation else reason)

    try:
        with aws_errors.translated(become):
            try:
                yield
            except ClientError as error:
                if not aws_errors.is_error(error, *MISSING):
                    raise
                raise ClickError(
                    f"stack {project.config.stack} is not complete "
                    f"({error.operation_name}: {error.response['Error']['Code']}); run: mysfits-stream up"
                ) from error
    except KeyboardInterrupt:
        project.target.interrupt.set()
        raise
