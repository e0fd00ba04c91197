"""``send-test-click``: clicks sent in a browser's way, and followed to S3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mysfits_stream.clicks import composing, sending
from mysfits_stream.clicks.sending import TestClick
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.pipeline import clicks_bucket, find_endpoint, pace, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.target import mysfits_api

GOOD = ("delivered", "accepted")


@dataclass(frozen=True)
class TestClicks:
    """The sent clicks, each with its outcome."""

    __test__ = False  # not a test of pytest

    clicks: tuple[TestClick, ...]

    @property
    def problems(self) -> Counter[str]:
        """Outcome -> number, of the clicks that did not arrive."""
        return Counter(click.status for click in self.clicks if click.status not in GOOD)

    def document(self) -> dict[str, Any]:
        """The clicks as JSON."""
        return {"clicks": [click.document() for click in self.clicks]}


def send_test_clicks(
    project: Project,
    *,
    user: str | None,
    mysfit: str | None,
    fields: Sequence[str],
    count: int,
    wait: bool,
    timeout: float | None,
) -> TestClicks:
    """Send ``count`` clicks, and with ``wait`` search S3 for the clicks.

    ``timeout`` is in seconds. ``user`` is by default a new id for each click; ``mysfit`` is a key,
    ``random``, or by default the first item in the Mysfits service's list; ``fields`` are other fields as
    ``NAME=VALUE``. Raises ClickError.
    """
    if unnamed := [text for text in fields if "=" not in text]:
        raise ClickError(f"--field {unnamed[0]!r}: expected NAME=VALUE, such as campaign=may")
    target, speed = project.target, pace(project)
    endpoint = find_endpoint(project)
    composed = composing.test_clicks(
        project.config.definition,
        lambda: mysfits_api(target),
        count,
        user=user,
        mysfit=mysfit,
        fields=dict(text.split("=", 1) for text in fields),
    )
    clicks = [TestClick(values) for values in composed]
    with translated(project):
        bucket = clicks_bucket(project)
        since = bucket.now()
        clicks = sending.send(endpoint, clicks, speed)
        if wait and any(click.status == "accepted" for click in clicks):
            default = sending.default_timeout(project.config, target.time_scale)
            seconds = default if timeout is None else timeout
            project.note(f"sent; looking in s3://{bucket.name} for up to {seconds:.0f} s")
            clicks = sending.follow(clicks, bucket, since, budget=seconds * target.time_scale, pace=speed)
    return TestClicks(tuple(clicks))
