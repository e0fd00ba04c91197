from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from mysfits_stream.clicks import failed, replaying
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.replaying import Replay
from mysfits_stream.errors import ClickError
from tests.support.clicks_bucket import (
    NOON,
    Clock,
    MemoryFirehose,
    MemoryS3,
    click,
    clicks_bucket,
    failed_line,
    key,
    lines,
)

MINUTE = timedelta(minutes=1)
ERRORS = "processing-failed/"


class Failures:
    """A bucket of error objects, a stream, and a replay between them."""

    def __init__(self, error_prefix: str = "") -> None:
        self.clock = Clock()
        self.s3 = MemoryS3(self.clock)
        self.firehose = MemoryFirehose()
        self.bucket = clicks_bucket(self.s3, error_prefix=error_prefix)
        self.error_prefix = error_prefix
        self.number = 0

    def add(self, *records: bytes, minutes_ago: float = 5, code: str = "Lambda.FunctionError") -> str:
        self.number += 1
        at = NOON - MINUTE * minutes_ago
        name = key(at, self.number, prefix=f"{self.error_prefix}{ERRORS}")
        self.s3.objects[name] = lines(*(failed_line(record, at, code) for record in records))
        return name

    def replay(
        self, *, since_minutes: float | None = None, limit: int | None = None, dry_run: bool = False
    ) -> Replay:
        client: object = self.firehose
        return replaying.replay(
            self.bucket,
            client,  # type: ignore[arg-type]
            "shop-clicks",
            since=None if since_minutes is None else NOON - MINUTE * since_minutes,
            limit=limit,
            dry_run=dry_run,
            pace=self.clock.pace,
        )

    def read(self, since_minutes: float | None = None) -> list[failed.FailedClick]:
        since = None if since_minutes is None else NOON - MINUTE * since_minutes
        return list(failed.read(self.bucket, since, NOON, ParseProblems()))


@pytest.fixture
def world() -> Failures:
    return Failures()


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"lambdaArn": "arn:x", "lambdaARN": None},
        {"attemptsMade": "4", "arrivalTimestamp": "1795435200000"},
        {"attemptsMade": None, "attemptEndingTimestamp": "soon", "lambdaARN": 5, "more": {}},
    ],
    ids=["as it is captured today", "as it is documented", "numbers as text", "odd where nothing is needed"],
)
def test_an_error_line_is_read_in_every_spelling(said: dict[str, object]) -> None:
    found = failed.parse(json.dumps(failed_line(b"x", NOON) | said).encode(), "k")
    assert found is not None
    assert (found.code, found.message, found.arrived, found.data) == (
        "Lambda.FunctionError",
        "it broke",
        NOON,
        b"x",
    )


def test_an_error_line_needs_no_more_than_the_record_and_its_arrival() -> None:
    found = failed.parse(b'{"rawData": "eA==", "arrivalTimestamp": 1795435200000}', "k")
    assert found is not None
    assert (found.code, found.message, found.arrived, found.data) == ("", "", NOON, b"x")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{}",
        b"x",
        b'{"rawData": 5, "arrivalTimestamp": 1}',
        b'{"rawData": "%", "arrivalTimestamp": 1}',
        b'{"rawData": "eA==", "arrivalTimestamp": 1e999}',
        b'{"rawData": "eA==", "arrivalTimestamp": null}',
    ],
)
def test_a_line_that_is_no_failed_record_is_none(line: bytes) -> None:
    assert failed.parse(line, "k") is None


def test_failed_clicks_are_grouped_by_code_and_reason_the_most_frequent_first(world: Failures) -> None:
    world.add(click("a"), click("b"), minutes_ago=90)
    world.add(b"\x1b[2Jnot a click", code="Lambda.ProcessingFailedStatus")
    world.add(click("c"), click("d"), click("e"), minutes_ago=3)
    first, second = failed.grouped(world.read())
    assert (first.code, first.count, second.code, second.count) == (
        ("Lambda.FunctionError", 5, "Lambda.ProcessingFailedStatus", 1)
    )
    assert (first.first, first.last) == (NOON - MINUTE * 90, NOON - MINUTE * 3)
    assert first.samples == [click(user).decode() for user in "abc"]


def test_only_failed_clicks_since_a_moment_are_read(world: Failures) -> None:
    world.add(click("old"), minutes_ago=300)
    world.add(click("new"), minutes_ago=3)
    assert [each.data for each in world.read(since_minutes=10)] == [click("new")]
    assert {prefix for operation, prefix in world.s3.calls if operation == "list"} == {
        "processing-failed/2026/11/23/1",
    }


@pytest.mark.parametrize(
    ("record", "clicks"),
    [
        (b'{"a": 1}', [b'{"a": 1}']),
        (b'[{"a": 1},{"b":2}]', [b'{"a": 1}', b'{"b":2}']),
        (b' [ {"a":"],["} ,\n{"a":"\\u00e9"} ] ', [b'{"a":"],["}', b'{"a":"\\u00e9"}']),
        ('["é", "💥"]'.encode(), ['"é"'.encode(), '"💥"'.encode()]),
        (b'[{"a":1,"a":2}, 1.50]', [b'{"a":1,"a":2}', b"1.50"]),
        (b"[[1], [2]]", [b"[1]", b"[2]"]),
        (b"[]", [b"[]"]),
        (b"[1,", [b"[1,"]),
        (b"\xff[1]", [b"\xff[1]"]),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_an_array_becomes_its_elements_verbatim_and_all_else_stays_whole(
    record: bytes, clicks: list[bytes]
) -> None:
    assert failed.clicks_in(record) == clicks


def test_a_replay_puts_every_failed_click_on_the_stream_and_moves_the_objects_aside(world: Failures) -> None:
    names = [world.add(click("a"), click("b")), world.add(b'[{"x":1},{"x":2}]', minutes_ago=2)]
    contents = [world.s3.objects[name] for name in names]
    done = world.replay()
    assert world.firehose.clicks == [click("a"), click("b"), b'{"x":1}', b'{"x":2}']
    assert (done.objects, done.records, done.clicks) == (2, 3, 4)
    assert world.s3.keys(ERRORS) == []
    assert [world.s3.objects[f"replayed/{name}"] for name in names] == contents
    assert world.read() == []


def test_what_was_replayed_is_not_replayed_again_whatever_the_error_prefix() -> None:
    for error_prefix in ("", "errors/", "e/!{timestamp:yyyy}/"):
        world = Failures(error_prefix.replace("!{timestamp:yyyy}", "2026"))
        world.bucket = clicks_bucket(world.s3, error_prefix=error_prefix)
        world.add(click("a"))
        assert (world.replay().records, world.replay().records) == (1, 0), error_prefix
        assert len(world.s3.objects) == 1


def test_a_dry_run_counts_and_does_nothing(world: Failures) -> None:
    world.add(click("a"), b'[{"x":1},{"x":2}]')
    before = dict(world.s3.objects)
    done = world.replay(dry_run=True)
    assert (done.objects, done.records, done.clicks) == (1, 2, 3)
    assert world.firehose.batches == []
    assert world.s3.objects == before
    assert {operation for operation, _ in world.s3.calls} == {"head_bucket", "list", "get"}


def test_batches_keep_within_what_one_call_takes() -> None:
    clicks = [bytes([n % 256]) * size for n, size in enumerate([10] * 1200 + [1_000_000] * 9 + [10])]
    found = list(replaying.batches(clicks))
    assert [click for batch in found for click in batch] == clicks
    assert all(len(batch) <= 500 and sum(map(len, batch)) <= 4 * 1024 * 1024 for batch in found)
    assert len(found) == 3 + 2


def test_what_the_stream_refuses_of_a_batch_is_put_again_and_nothing_else(world: Failures) -> None:
    clicks = [click(f"u{n}") for n in range(700)]
    world.add(*clicks)
    world.firehose.refusals = [300, 120]
    done = world.replay()
    assert [len(batch) for batch in world.firehose.batches] == [500, 300, 120, 200]
    assert sorted(world.firehose.clicks) == sorted(clicks)
    assert done.retried == 420
    assert world.s3.keys(ERRORS) == []


def test_an_object_that_the_stream_does_not_take_whole_stays_and_is_resumed(world: Failures) -> None:
    first, second = world.add(click("a"), minutes_ago=9), world.add(click("b"), click("c"))
    world.firehose.refusals = [0] + [1] * 1000
    with pytest.raises(ClickError, match=r"to accept 2 clicks after 120 s.*Slow down.*run replay again"):
        world.replay()
    assert world.s3.keys(ERRORS) == [second]
    assert world.s3.keys("replayed/") == [f"replayed/{first}"]
    world.firehose.refusals = []
    world.replay()
    assert {bytes(each) for each in world.firehose.clicks} == {click(user) for user in "abc"}
    assert world.s3.keys(ERRORS) == []


class Death(Exception):
    """The replay's process ends here."""


@dataclass
class Mortal:
    """A client; clients that share ``steps`` share a budget of calls and responses."""

    client: Any
    steps: Iterator[int]
    last: int

    def __getattr__(self, operation: str) -> Any:
        def call(*arguments: Any, **parameters: Any) -> Any:
            self._live()
            answer = getattr(self.client, operation)(*arguments, **parameters)
            self._live()
            return replace(self, client=answer) if operation == "get_paginator" else answer

        return call

    def _live(self) -> None:
        if next(self.steps) >= self.last:
            raise Death


@pytest.mark.parametrize("since_minutes", [None, 5], ids=["all", "the younger ones"])
@pytest.mark.parametrize("limit", [None, 1, 3, 8], ids=lambda limit: f"limit {limit}")
def test_a_replay_that_dies_at_any_step_loses_nothing_and_repeats_one_objects_clicks_at_most(
    limit: int | None, since_minutes: int | None
) -> None:
    first = [click(f"a{n}") for n in range(6)]
    second = [click(f"b{n}") for n in range(4)]
    for last in count():
        world = Failures()
        world.add(*first, minutes_ago=9)
        world.add(*second, minutes_ago=3)
        s3, stream, steps = world.s3, world.firehose, count()
        mortal_s3: Any = Mortal(s3, steps, last)
        mortal_stream: Any = Mortal(stream, steps, last)
        world.bucket, world.firehose = replace(world.bucket, s3=mortal_s3), mortal_stream
        died = False
        try:
            world.replay(limit=limit, since_minutes=since_minutes)
        except Death:
            died = True
        before = list(stream.clicks)
        world.bucket, world.firehose = clicks_bucket(s3), stream
        left_over = [each.data for each in world.read()]
        assert {*before, *left_over} == {*first, *second}, last
        world.replay()
        assert world.read() == []
        repeated = Counter(stream.clicks) - Counter([*first, *second])
        assert set(stream.clicks) == {*first, *second}, last
        assert set(repeated.values()) <= {1}, last
        # What was put of the object that it died over; the objects before it are done with.
        assert set(repeated) <= {*before} & {*first} or set(repeated) <= {*before} & {*second}, last
        if not died:
            assert not repeated
            assert last > 10
            return


def test_a_limit_is_kept_to_the_record_and_the_rest_is_replayed_later(world: Failures) -> None:
    twice = click("a")
    world.add(twice, twice, click("b"), click("c"), minutes_ago=9)
    world.add(click("d"))
    done = world.replay(limit=1)
    assert (done.records, world.firehose.clicks) == (1, [twice])
    assert [each.data for each in world.read()] == [twice, click("b"), click("c"), click("d")]
    assert world.replay(limit=3).records == 3
    assert world.replay(limit=3).records == 1
    assert world.firehose.clicks == [twice, twice, click("b"), click("c"), click("d")]
    assert world.read() == []


def test_since_leaves_older_failed_clicks_where_they_are(world: Failures) -> None:
    world.add(click("old"), minutes_ago=200)
    at = NOON - MINUTE * 9
    mixed = key(at, 99, prefix=ERRORS)
    world.s3.objects[mixed] = lines(
        failed_line(click("before"), at), failed_line(click("after"), at + MINUTE * 5)
    )
    assert world.replay(since_minutes=5).records == 1
    assert world.firehose.clicks == [click("after")]
    assert [each.data for each in world.read()] == [click("old"), click("before")]


def test_lines_that_are_not_understood_are_counted_and_stay_where_they_are(world: Failures) -> None:
    name = world.add(click("a"))
    whole = world.s3.objects[name] + b"what is this\n"
    world.s3.objects[name] = whole
    for records in (1, 0):
        done = world.replay()
        assert (done.records, done.trouble.foreign_lines) == (records, 1)
        assert world.s3.objects[name] == b"what is this\n"
        trouble = ParseProblems()
        assert list(failed.read(world.bucket, None, NOON, trouble)) == []
        assert trouble.foreign_lines == 1
    assert [world.s3.objects[aside] for aside in world.s3.keys("replayed/")] == [whole]


def test_what_a_replay_of_the_rest_moves_aside_overwrites_nothing(world: Failures) -> None:
    name = world.add(click("a"), click("b"))
    whole = world.s3.objects[name]
    world.replay(limit=1)
    rest = world.s3.objects[name]
    world.replay(limit=1)
    assert world.s3.keys(ERRORS) == []
    assert sorted(world.s3.objects[aside] for aside in world.s3.keys("replayed/")) == sorted([whole, rest])


def test_an_object_without_a_single_record_is_left_alone(world: Failures) -> None:
    name = world.add(click("a"))
    world.s3.objects[name] = b"\x1f\x8bbroken"
    other = world.add(click("b"))
    world.s3.objects[other] = b"what is this\n"
    done = world.replay()
    assert (done.objects, done.trouble.foreign_lines, list(done.trouble.unreadable)) == (0, 1, [name])
    assert world.s3.keys(ERRORS) == sorted([name, other])
