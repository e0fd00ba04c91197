"""A test click, sent through the public endpoint like a browser's, and followed to S3."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

import requests

from mysfits_stream import bounded_http
from mysfits_stream.aws.waiting import Expired, Pace, retry_while, wait_until
from mysfits_stream.clicks import delivered, failed
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.clicks.unpacking import UnreadableError
from mysfits_stream.config import Config

ORIGIN = "https://www.example.com"
TEST_HEADER = "X-Mysfits-Test"
"""With the value 1, the lines of a request carry ``"test": true`` and stay out of sums and queries."""

API_SECONDS = 30.0  # API Gateway itself answers within 29
DATA_PLANE_BUDGET = 120.0
"""Seconds within which a new stage, or a new deployment on it, answers everywhere (F34)."""

LEAST_TIMEOUT = 180.0  # two buffers of 60 s take up to 130 (F91)
SLACK = 60.0
AT_ONCE = 8
ADVICE = "`mysfits-stream doctor` finds the broken link"

Clock = Callable[[], float]
LONGEST_PAUSE = 30.0
"""Seconds; a longer ``Retry-After`` is cut to this, so that the budget covers several attempts."""


class Answer(tuple[int, str]):
    """An answer of the API to a PUT: status and body.

    ``retry_after`` are seconds, None if not stated.
    """

    retry_after: float | None

    def __new__(cls, status: int, body: str, retry_after: float | None = None) -> Self:
        """An answer; ``retry_after`` is no part of the pair."""
        made = super().__new__(cls, (status, body))
        made.retry_after = retry_after
        return made


Put = Callable[[str, Mapping[str, Any]], tuple[int, str]]
"""Puts a click to a URL; the answer. Raises requests.RequestException."""


@dataclass(frozen=True)
class TestClick:
    """A test click and its result; seconds count from the sending."""

    __test__ = False  # for pytest this is no test

    fields: Mapping[str, Any]
    """The fields of the click, without ``clickId``."""

    click_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "sending"
    """``accepted``, ``delivered``, ``refused``, ``failed`` or ``not-delivered``."""
    record: dict[str, Any] | None = None
    object: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    """Why it did not arrive."""
    began: float = field(default=0.0, repr=False)
    accepted: float | None = None
    """Seconds until the API accepted it."""
    arrived: str | None = None
    """When it arrived at the delivery stream, as ``clickedAt`` says it."""

    def document(self) -> dict[str, Any]:
        """The click and its result as JSON.

        The fields stand beside the result, too, as in version 0.1.0.
        """
        return {
            **self.fields,
            "click": dict(self.fields),
            "clickId": self.click_id,
            "status": self.status,
            "record": self.record,
            "object": self.object,
            "seconds": round(self.seconds, 3),
        }


def default_timeout(config: Config, time_scale: float) -> float:
    """The longest delivery time of a click in seconds: both buffers, and a margin.

    Buffers flush ``time_scale`` times as fast; a function's duration does not scale.
    """
    buffers = config.processor.buffer_seconds + config.delivery.buffer_seconds
    return max(LEAST_TIMEOUT, buffers + SLACK) / time_scale + SLACK


def put(url: str, click: Mapping[str, Any]) -> Answer:
    """Put a test click like a page of a foreign origin."""
    headers = {"Content-Type": "application/json", "Origin": ORIGIN, TEST_HEADER: "1"}
    response = bounded_http.send(
        "PUT", url, headers=headers, body=json.dumps(click).encode(), seconds=API_SECONDS
    )
    return Answer(response.status, response.text, retry_after(response.headers.get("retry-after")))


def retry_after(header: str | None) -> float | None:
    """``Retry-After`` in seconds; None for a date, and for text that is no number."""
    return min(float(header), LONGEST_PAUSE) if header and re.fullmatch(r"\d{1,9}", header) else None


def send(
    endpoint: str,
    clicks: Sequence[TestClick],
    pace: Pace,
    *,
    put: Put = put,
    clock: Clock = time.monotonic,
) -> list[TestClick]:
    """Put each click to the API.

    Rejected clicks are ``refused``, with the response as the reason. ``pace`` bounds the wait for a ready
    API; ``clock`` measures the seconds of each click.
    """
    url = f"{endpoint}/clicks"
    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(clicks)))) as pool:
        return list(pool.map(lambda click: _send(url, click, pace, put, clock), clicks))


def follow(
    clicks: Sequence[TestClick],
    bucket: ClicksBucket,
    since: datetime,
    *,
    budget: float,
    pace: Pace,
    clock: Clock = time.monotonic,
) -> list[TestClick]:
    """Look for accepted clicks in S3 until all are delivered or failed, or time is up.

    ``since`` is the time before the first sending, by S3's clock. A record stands for at most one click.
    """
    search = _Search(list(clicks), bucket, since, clock)
    try:
        wait_until(search.look, pace, waiting_for="the clicks in S3", budget=budget, advice=ADVICE)
    except Expired:
        return [click if click.status != "accepted" else search.lost(click) for click in search.clicks]
    return search.clicks


class _NotYet(Exception):
    """A response typical of an API that is not ready yet, or throttles.

    The text names the response.
    """

    pause: float | None = None
    """Seconds until the next attempt, if the response states them."""


def _send(url: str, click: TestClick, pace: Pace, put: Put, clock: Clock) -> TestClick:
    began = clock()

    def attempt() -> tuple[int, str]:
        try:
            answer = put(url, {**click.fields, "clickId": click.click_id})
        except requests.RequestException as error:
            # A new host name may not resolve yet.
            raise _NotYet(f"no answer from {url}: {error}") from error
        status, body = answer
        if _may_pass(status):
            not_yet = _NotYet(f"HTTP {status}: {bounded_http.excerpt(body)}")
            not_yet.pause = getattr(answer, "retry_after", None)
            raise not_yet
        return answer

    try:
        status, body = retry_while(
            lambda error: isinstance(error, _NotYet),
            attempt,
            pace,
            waiting_for="the API to accept the click",
            budget=DATA_PLANE_BUDGET,
            advice=ADVICE,
            pause=lambda error: error.pause if isinstance(error, _NotYet) else None,
        )
    except Expired as error:
        return replace(click, status="refused", reason=str(error.__cause__), seconds=clock() - began)
    elapsed = clock() - began
    if status != 200:
        return replace(
            click, status="refused", reason=f"HTTP {status}: {bounded_http.excerpt(body)}", seconds=elapsed
        )
    return replace(click, status="accepted", began=began, accepted=elapsed, seconds=elapsed)


def _may_pass(status: int) -> bool:
    """Whether a deployment or a role still in propagation can be the cause (F29, F34, F35)."""
    return status in (403, 404, 429) or status >= 500


class _Search:
    """Repeated search for accepted clicks, in new objects only."""

    def __init__(self, clicks: list[TestClick], bucket: ClicksBucket, since: datetime, clock: Clock) -> None:
        self.clicks = clicks
        self._bucket = bucket
        # The Date header has no fractions of a second.
        self._since = since - timedelta(seconds=1)
        self._clock = clock
        self._seen: set[str] = set()
        self._waiting = {
            click.click_id: index for index, click in enumerate(clicks) if click.status == "accepted"
        }

    def look(self) -> bool:
        """Look once; whether nothing is left to look for."""
        if self._waiting:
            now = self._bucket.now()
            for stored, lines in self._new(self._bucket.delivered(self._since, now)):
                for line in lines:
                    self._delivered(delivered.parse(line), stored.key)
            for stored, lines in self._new(self._bucket.failed(self._since, now)):
                for line in lines:
                    self._failed(failed.parse(line, stored.key))
        return not self._waiting

    def lost(self, click: TestClick) -> TestClick:
        """An accepted click that was not found in time."""
        return replace(
            click,
            status="not-delivered",
            seconds=self._clock() - click.began,
            reason="accepted by the API, but found neither as a delivered click nor as a failed click; "
            "delivery may take longer. `mysfits-stream doctor` checks every link",
        )

    def _new(self, objects: Any) -> Any:
        new = [stored for stored in objects if stored.key not in self._seen]
        for stored, lines in self._bucket.read(new):
            self._seen.add(stored.key)
            if not isinstance(lines, UnreadableError):
                yield stored, lines

    def _delivered(self, record: delivered.Click | None, key: str) -> None:
        if record is not None:
            self._settle(record, "delivered", key, record=record, arrived=record["clickedAt"])

    def _failed(self, record: failed.FailedClick | None) -> None:
        if record is None or record.arrived < self._since:
            return
        for data in failed.clicks_in(record.data):
            try:
                click = json.loads(data)
            except (ValueError, RecursionError):
                continue
            if isinstance(click, dict):
                self._settle(
                    click,
                    "failed",
                    record.key,
                    arrived=delivered.clicked_at(record.arrived),
                    reason=f"{record.code}: {record.message}",
                )

    def _settle(self, found: dict[str, Any], status: str, key: str, **known: Any) -> None:
        click_id = found.get("clickId")
        # The id of another click, and in a failed record any JSON value.
        if not isinstance(click_id, str) or (index := self._waiting.pop(click_id, None)) is None:
            return
        click = self.clicks[index]
        self.clicks[index] = replace(
            click, status=status, object=key, seconds=self._clock() - click.began, **known
        )
