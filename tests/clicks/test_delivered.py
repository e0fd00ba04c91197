from __future__ import annotations

import gzip
import io
import random
import struct
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.delivered import ParseProblems, Summary
from mysfits_stream.config import Config
from mysfits_stream.localcloud.firehose.compression import compressed
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, clicks_bucket, enriched, key, lines, name

MINUTE = timedelta(minutes=1)


def world(**objects: bytes) -> MemoryS3:
    return MemoryS3(Clock(), dict(objects))


def unexpected(trouble: ParseProblems) -> None:
    raise AssertionError(str(trouble))


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
    found = list(delivered.read(clicks_bucket(s3), NOON - MINUTE * 60, NOON + MINUTE * 60, ParseProblems()))
    assert [click["clickedAt"] for click in found] == sorted(click["clickedAt"] for click in expected)
    assert {click["userId"] for click in found} == {click["userId"] for click in expected}


def test_only_clicks_of_the_range_are_shown_though_their_object_began_before_it() -> None:
    began = NOON - MINUTE * 3
    s3 = world()
    s3.objects[key(began)] = lines(*(enriched(began + MINUTE * n, f"u{n}") for n in range(5)))
    found = delivered.read(clicks_bucket(s3), NOON - MINUTE, NOON + MINUTE, ParseProblems())
    assert [click["userId"] for click in found] == ["u2", "u3"]


def test_the_hours_asked_for_are_listed_by_one_call() -> None:
    s3 = world()
    list(delivered.read(clicks_bucket(s3), NOON - MINUTE * 30, NOON, ParseProblems()))
    assert [prefix for _, prefix in s3.calls] == ["firehose/2026/11/23/1"]


def hadoop(data: bytes) -> bytes:
    return compressed(data, "HADOOP_SNAPPY", "")


def zipped(
    data: bytes, method: int = zipfile.ZIP_DEFLATED, *, claimed: int | None = None, flags: int = 0
) -> bytes:
    """An archive, optionally with another method or with flags that its content contradicts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("clicks", data)
    packed = bytearray(target.getvalue())
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into(
            "<HH", packed, packed.index(header) + at, flags, method if claimed is None else claimed
        )
    return bytes(packed)


def damaged(packed: bytes, at: int) -> bytes:
    return packed[:at] + b"\xff" * 8 + packed[at + 8 :]


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
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, ParseProblems()))
    assert found == clicks


@pytest.mark.parametrize(
    ("body", "extension", "reason"),
    [
        (gzip.compress(b"x" * 1000)[:-9], ".gz", "a truncated gzip"),
        (b"\x1f\x8b\x08garbage", ".gz", "a broken gzip"),
        (b"PK\x03\x04garbage", ".zip", "a broken zip"),
        (zipped(b"x", flags=1), ".zip", "an encrypted zip"),
        (zipped(b"x", claimed=99), ".zip", "a zip of an unknown method"),
        (damaged(zipped(b"x" * 99, zipfile.ZIP_LZMA), 45), ".zip", "a zip with broken LZMA"),
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
    s3, trouble = world(), ParseProblems()
    broken = key(NOON, 1) + extension
    s3.objects |= {broken: body, key(NOON, 2): lines(enriched(NOON))}
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert found == [enriched(NOON)], reason
    assert list(trouble.unreadable) == [broken]
    assert broken in str(trouble)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("NoSuchKey", "deleted since it was listed"),
        ("InvalidObjectState", "moved to an archive by a lifecycle rule"),
        ("AccessDenied", "its own encryption key may not be used"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_an_object_that_s3_does_not_hand_out_is_named_and_the_others_are_read(code: str, reason: str) -> None:
    s3, trouble = world(), ParseProblems()
    s3.objects |= {key(NOON, 1): lines(enriched(NOON, "a")), key(NOON, 2): lines(enriched(NOON, "b"))}
    s3.unreadable = {key(NOON, 1): code}
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert [click["userId"] for click in found] == ["b"], reason
    assert trouble.unreadable == {key(NOON, 1): f"{code}: no"}


def test_what_s3_refuses_altogether_is_an_error() -> None:
    s3 = world()
    s3.objects[key(NOON)] = lines(enriched(NOON))
    s3.unreadable = {key(NOON): "NoSuchBucket"}
    with pytest.raises(ClientError, match="NoSuchBucket"):
        list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, ParseProblems()))


def test_a_name_with_an_impossible_time_is_no_reason_to_stop() -> None:
    s3 = world()
    stray = key(NOON).replace(f"{NOON:%Y-%m-%d-%H-%M-%S}", "2026-99-99-99-99-99")
    s3.objects |= {stray: lines(enriched(NOON, "a")), key(NOON): lines(enriched(NOON, "b"))}
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, ParseProblems()))
    assert [click["userId"] for click in found] == ["b", "a"]


@pytest.mark.parametrize(
    "line",
    [b"not json", b"[]", b"17", b'{"userId": "x"}', b"\xff\xfe", b"[" * 100_000, b'{"userId": 1}', b"NaN"],
    ids=["text", "array", "number", "half a click", "no UTF-8", "deep", "wrong type", "NaN"],
)
def test_a_foreign_line_is_counted_and_its_neighbours_are_read(line: bytes) -> None:
    s3, trouble = world(), ParseProblems()
    s3.objects[key(NOON)] = lines(enriched(NOON, "a")) + line + b"\n\n" + lines(enriched(NOON, "b"))
    found = list(delivered.read(clicks_bucket(s3), NOON, NOON + MINUTE, trouble))
    assert [click["userId"] for click in found] == ["a", "b"]
    assert str(trouble) == "lines that could not be parsed: 1"


def test_failed_clicks_are_not_taken_for_delivered_ones_where_the_prefix_is_unknown() -> None:
    s3 = world()
    s3.objects |= {
        f"x7/{key(NOON, prefix='')}": lines(enriched(NOON, "a")),
        key(NOON, prefix="processing-failed/"): lines(enriched(NOON, "b")),
        key(NOON, prefix="replayed/processing-failed/"): lines(enriched(NOON, "c")),
        key(NOON, prefix="athena-results/"): lines(enriched(NOON, "d")),
    }
    bucket = clicks_bucket(s3, prefix="!{firehose:random-string}/!{timestamp:yyyy/MM/dd/HH}/")
    found = delivered.read(bucket, NOON, NOON + MINUTE, ParseProblems())
    assert [click["userId"] for click in found] == ["a"]


def test_reading_a_long_time_keeps_few_clicks_in_memory() -> None:
    s3 = world()
    for number in range(200):
        began = NOON - MINUTE * (200 - number)
        s3.objects[key(began, number)] = lines(enriched(began, f"u{number}"))
    found = delivered.read(clicks_bucket(s3), NOON - MINUTE * 240, NOON, ParseProblems())
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
        read = delivered.read(clicks_bucket(s3), NOON - MINUTE * 200, NOON, ParseProblems())
        summary = Summary.of(Config().definition)
        last = deque(summary.counted(read), maxlen=20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (summary.clicks, len(last)) == (12_000, 20)
    # All of them at once would be over 10 MB.
    assert peak < 4_000_000


def test_a_large_object_takes_a_few_times_its_own_size_in_memory() -> None:
    s3, clicks = world(), 20_000
    s3.objects[key(NOON - MINUTE)] = lines(
        *(enriched(NOON - timedelta(milliseconds=n), f"u{n}") for n in range(clicks))
    )
    tracemalloc.start()
    try:
        found = sum(
            1 for _ in delivered.read(clicks_bucket(s3), NOON - MINUTE, NOON + MINUTE, ParseProblems())
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == clicks
    # Its clicks as dictionaries would take ten times as much as it.
    assert peak < 4 * len(s3.objects[key(NOON - MINUTE)])


@pytest.mark.parametrize(
    ("prefix", "folder", "step"),
    [
        ("c/!{timestamp:yyyy/M/d/H}/", lambda at, _: f"{at:%Y}/{at.month}/{at.day}/{at.hour}", MINUTE * 60),
        ("c/!{timestamp:EEE}/!{timestamp:yyyy}/", lambda at, _: f"{at:%a}/{at:%Y}", MINUTE * 60 * 24),
        (
            "c/!{firehose:random-string}/",
            lambda at, chance: f"{chance.getrandbits(44):011x}/{at:%Y/%m/%d/%H}",
            MINUTE,
        ),
        ("c/!{timestamp:yyyy-M-dHH}/", lambda at, _: f"{at:%Y}-{at.month}-{at.day}{at:%H}", MINUTE * 60 * 12),
    ],
    ids=["not padded", "by weekday", "random", "one day begins as another"],
)
def test_clicks_come_in_order_and_once_whatever_the_order_of_their_folders(
    prefix: str, folder: Callable[[datetime, random.Random], str], step: timedelta
) -> None:
    s3, count = world(), 40
    chance = random.Random(7)  # noqa: S311 - a shuffle, not a secret
    for number in range(count):
        began = NOON - step * (count - number)
        s3.objects[f"c/{folder(began, chance)}/{name(began, number)}"] = lines(
            enriched(began, f"u{number}"), enriched(began + step, f"later{number}")
        )
    found = delivered.read(clicks_bucket(s3, prefix=prefix), NOON - step * (count + 1), NOON, ParseProblems())
    shown = [click["userId"] for click in found]
    assert [user for user in shown if user.startswith("u")] == [f"u{number}" for number in range(count)]
    # The last one's time is no longer in the range.
    assert [user for user in shown if user.startswith("l")] == [
        f"later{number}" for number in range(count - 1)
    ]


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
    found = delivered.follow(clicks_bucket(s3), NOON - MINUTE, clock.pace, unexpected)
    assert [click["userId"] for click in islice(found, 3)] == ["first", "late", "next hour"]


def test_following_finds_what_lands_within_a_day_and_shows_no_object_twice() -> None:
    clock, trouble = Clock(), list[str]()
    s3 = MemoryS3(clock)
    hour = MINUTE * 60
    # S3 may refuse objects for as long as Firehose keeps records (F63).
    objects = {
        NOON + hour * ago: (key(NOON + MINUTE, ago), enriched(NOON + MINUTE * 2, f"{ago} h late"))
        for ago in (1, 12, 23)
    }
    objects[NOON + hour * 30] = (key(NOON + hour * 30), enriched(NOON + hour * 30, "in time"))

    def land() -> None:
        clock.at += MINUTE * 20
        for at in [at for at in objects if at <= clock.at]:
            stored, click = objects.pop(at)
            s3.objects[stored] = lines(click) + b"no click\n"
            s3.objects[stored + ".gz"] = gzip.compress(b"x")[:-1]
        if clock.at > NOON + hour * 31:
            raise KeyboardInterrupt

    clock.on_sleep = land
    shown = []
    with pytest.raises(KeyboardInterrupt):
        for click in delivered.follow(
            clicks_bucket(s3), NOON, clock.pace, lambda each: trouble.append(str(each))
        ):
            shown.append(click["userId"])
    assert shown == ["1 h late", "12 h late", "23 h late", "in time"]
    assert len(trouble) == 4
    assert all(f"{n:04x}.gz cannot be read" in said for n, said in zip((1, 12, 23, 0), trouble, strict=True))
    assert all("could not be parsed: 1;" in said for said in trouble)


def test_following_reads_nothing_from_before_it_and_looks_at_the_last_day_once_a_minute() -> None:
    clock = Clock()
    day = MINUTE * 60 * 24
    s3 = MemoryS3(clock, {key(NOON - day - MINUTE * 60): lines(enriched(NOON - day, "before"))})
    minutes = 10

    def end() -> None:
        if clock.at >= NOON + MINUTE * minutes:
            raise KeyboardInterrupt

    clock.on_sleep = end
    with pytest.raises(KeyboardInterrupt):
        list(delivered.follow(clicks_bucket(s3), NOON - day, clock.pace, unexpected))
    assert "get" not in {operation for operation, _ in s3.calls}
    assert s3.calls.count(("head_bucket", "")) == 12 * minutes
    assert s3.calls.count(("list", "firehose/2026/11/2")) == minutes


def test_a_summary_counts_by_what_the_mysfits_are_like() -> None:
    summary = Summary.of(Config().definition)
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
