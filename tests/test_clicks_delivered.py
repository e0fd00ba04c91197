from __future__ import annotations

import gzip
import io
import random
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from typing import Any

import pytest

from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.delivered import Summary, Trouble
from mysfits_stream.localcloud.firehose_compression import compressed
from tests.clicks_world import NOON, Clock, MemoryS3, clicks_bucket, enriched, key, lines

MINUTE = timedelta(minutes=1)


def world(**objects: bytes) -> MemoryS3:
    return MemoryS3(Clock(), dict(objects))


def test_clicks_come_in_the_order_of_their_time_across_overlapping_objects() -> None:
    chance = random.Random(7)  # noqa: S311 - a shuffle, not a secret
    s3, expected = world(), []
    for number in range(40):
        began = NOON - MINUTE * (50 - number)
        # Each object reaches into the time of the next two, and is not sorted inside.
        clicks = [
            enriched(began + timedelta(seconds=chance.randrange(150)), f"u{number}-{n}") for n in range(9)
        ]
        expected += clicks
        s3.objects[key(began, number)] = lines(*clicks)
    found = list(delivered.read(clicks_bucket(s3), NOON - MINUTE * 60, NOON + MINUTE * 60, Trouble()))
    assert [click["clickedAt"] for click in found] == sorted(click["clickedAt"] for click in expected)
    assert {click["userId"] for click in found} == {click["userId"] for click in expected}


def test_only_clicks_of_the_range_are_shown_though_their_object_began_before_it() -> None:
    began = NOON - MINUTE * 3
    s3 = world()
    s3.objects[key(began)] = lines(*(enriched(began + MINUTE * n, f"u{n}") for n in range(5)))
    found = delivered.read(clicks_bucket(s3), NOON - MINUTE, NOON + MINUTE, Trouble())
    assert [click["userId"] for click in found] == ["u2", "u3"]


def test_only_the_hours_asked_for_are_listed() -> None:
    s3 = world()
    list(delivered.read(clicks_bucket(s3), NOON - MINUTE * 30, NOON, Trouble()))
    assert [prefix for _, prefix in s3.calls] == ["firehose/2026/11/23/11/", "firehose/2026/11/23/12/"]


def hadoop(data: bytes) -> bytes:
    return compressed(data, "HADOOP_SNAPPY", "")


def zipped(data: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("clicks", data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("pack", "extension"),
    [
        (bytes, ""),
        (gzip.compress, ".gz"),
        (gzip.compress, ".json"),  # a FileExtension of one's own hides the compression
        (zipped, ".zip"),
        (lambda data: compressed(data, "Snappy", ""), ".snappy"),
        (hadoop, ".snappy"),
        (hadoop, ".hsnappy"),
    ],
    ids=["plain", "gzip", "gzip-by-another-name", "zip", "snappy", "hadoop-snappy", "hadoop-as-documented"],
)
def test_every_compression_of_a_delivery_stream_is_read(
    pack: Callable[[bytes], bytes], extension: str
) -> None:
    clicks = [enriched(NOON + timedelta(milliseconds=n), f"u{n}") for n in range(3000)]
    s3 = world()
    s3.objects[key(NOON) + extension] = pack(lines(*clicks))
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, Trouble()))
    assert found == clicks


@pytest.mark.parametrize(
    ("body", "extension", "reason"),
    [
        (gzip.compress(b"x" * 1000)[:-9], ".gz", "a truncated gzip"),
        (b"\x1f\x8b\x08garbage", ".gz", "a broken gzip"),
        (b"PK\x03\x04garbage", ".zip", "a broken zip"),
        (b"\xff\x06\x00\x00sNaPpYgarbage", ".snappy", "a broken snappy stream"),
        (b"\x00\x00", ".snappy", "a broken hadoop block"),
        (b"\x00\x00\x00\x09\x00\x00\x00\x03abc", ".snappy", "a hadoop block with a broken chunk"),
        (b"\x00\x00\x00\x09\x00\x00\x00\x00", ".snappy", "a hadoop block of nothing"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_an_object_that_cannot_be_unpacked_is_named_and_the_others_are_read(
    body: bytes, extension: str, reason: str
) -> None:
    s3, trouble = world(), Trouble()
    broken = key(NOON, 1) + extension
    s3.objects |= {broken: body, key(NOON, 2): lines(enriched(NOON))}
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert found == [enriched(NOON)], reason
    assert list(trouble.unreadable) == [broken]
    assert broken in str(trouble)


def test_an_object_that_vanishes_while_others_are_read_is_said_and_passed_over() -> None:
    s3, trouble = world(), Trouble()
    s3.objects |= {key(NOON, 1): lines(enriched(NOON, "a")), key(NOON, 2): lines(enriched(NOON, "b"))}
    s3.vanished = {key(NOON, 1)}
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert [click["userId"] for click in found] == ["b"]
    assert list(trouble.unreadable) == [key(NOON, 1)]


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[]", b"17", b'{"userId": "x"}', b"\xff\xfe", b"[" * 100_000, b'{"userId": 1}', b"NaN"],
    ids=["text", "array", "number", "half a click", "no UTF-8", "deep", "wrong type", "NaN"],
)
def test_a_foreign_line_is_counted_and_its_neighbours_are_read(line: bytes) -> None:
    s3, trouble = world(), Trouble()
    s3.objects[key(NOON)] = lines(enriched(NOON, "a")) + line + b"\n\n" + lines(enriched(NOON, "b"))
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert [click["userId"] for click in found] == ["a", "b"]
    assert str(trouble) == "lines that were not understood: 1"


def test_failed_clicks_are_not_taken_for_delivered_ones_where_the_prefix_is_unknown() -> None:
    s3 = world()
    s3.objects |= {
        f"x7/{key(NOON, prefix='')}": lines(enriched(NOON, "a")),
        key(NOON, prefix="processing-failed/"): lines(enriched(NOON, "b")),
        key(NOON, prefix="replayed/processing-failed/"): lines(enriched(NOON, "c")),
    }
    bucket = clicks_bucket(s3, prefix="!{firehose:random-string}/!{timestamp:yyyy/MM/dd/HH}/")
    found = delivered.read(bucket, NOON, NOON + MINUTE, Trouble())
    assert [click["userId"] for click in found] == ["a"]


def test_reading_a_long_time_keeps_few_clicks_in_memory() -> None:
    s3 = world()
    for number in range(200):
        began = NOON - MINUTE * (200 - number)
        s3.objects[key(began, number)] = lines(enriched(began, f"u{number}"))
    found = delivered.read(clicks_bucket(s3), NOON - MINUTE * 240, NOON, Trouble())
    assert next(found)["userId"] == "u0"
    # The first click is out before more than a handful of objects is asked for.
    assert sum(operation == "get" for operation, _ in s3.calls) <= 16
    assert len(list(found)) == 199


class EndlessS3(MemoryS3):
    """Objects of 200 clicks each that exist only while they are read."""

    def get_object(self, Bucket: str, Key: str) -> Any:
        began = NOON - MINUTE * int(self.objects[Key])
        body = lines(*(enriched(began + timedelta(milliseconds=100 * n), f"u{n}") for n in range(200)))
        return {"Body": io.BytesIO(body)}


def test_memory_stays_flat_however_many_clicks_pass() -> None:
    s3 = EndlessS3(Clock(), {key(NOON - MINUTE * ago): b"%d" % ago for ago in range(1, 61)})
    tracemalloc.start()
    try:
        read = delivered.read(clicks_bucket(s3), NOON - MINUTE * 200, NOON, Trouble())
        summary = Summary()
        last = deque(summary.counted(read), maxlen=20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (summary.clicks, len(last)) == (12_000, 20)
    # All of them at once would be over 10 MB.
    assert peak < 4_000_000


def test_following_shows_each_click_once_as_it_lands() -> None:
    clock = Clock()
    s3 = MemoryS3(clock)
    s3.objects[key(NOON - MINUTE * 2)] = lines(enriched(NOON - MINUTE * 2, "before"), enriched(NOON, "first"))
    late = [
        # Lands five minutes after the click that it is named after.
        (NOON + timedelta(minutes=5), key(NOON + timedelta(seconds=9)), enriched(NOON + MINUTE, "late")),
        (
            NOON + timedelta(minutes=61),
            key(NOON + timedelta(minutes=60)),
            enriched(NOON + MINUTE * 60, "next hour"),
        ),
    ]

    def land() -> None:
        while late and late[0][0] <= clock.at:
            _, name, click = late.pop(0)
            s3.objects[name] = lines(click)

    clock.on_sleep = land
    found = delivered.follow(clicks_bucket(s3), NOON - MINUTE, clock.pace, Trouble())
    assert [click["userId"] for click in islice(found, 3)] == ["first", "late", "next hour"]


def test_a_summary_counts_by_what_the_mysfits_are_like() -> None:
    summary = Summary()
    clicks = [
        enriched(NOON, mysfit="m1"),
        enriched(NOON, mysfit="m2", goodevil="evil"),
        enriched(NOON, mysfit="m1"),
    ]
    assert list(summary.counted(clicks)) == clicks
    assert summary.clicks == 3
    assert summary.by["mysfitId"] == {"m1": 2, "m2": 1}
    assert summary.by["goodevil"] == {"good": 2, "evil": 1}
    assert summary.by["species"] == {"Griffin": 3}
