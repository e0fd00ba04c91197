"""How fast `clicks` reads 2,000 objects, 20 ms a call, beside one at a time."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.measure import Comparison, Target, as_command, compare, compare_figures, peak_memory
from benchmarks.slow_s3 import BUCKET, SlowS3, key, slow_s3
from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.delivered import Click, ParseProblems
from mysfits_stream.clicks.objects import ClicksBucket

OBJECTS, CLICKS = 2_000, 5
CALL_SECONDS = 0.02
DAY = datetime(2026, 11, 23, tzinfo=UTC)
SPAN = timedelta(minutes=6)
THEIRS, OURS = "one after the other", "ours"


def run(rounds: int = 2) -> list[Comparison]:
    """The time that it takes, and the memory that four times as many objects take."""
    with slow_s3(CALL_SECONDS) as s3:
        fill(s3, OBJECTS)
        times = compare(
            f"Reading {OBJECTS:,} objects of {CLICKS} clicks each, {CALL_SECONDS * 1000:g} ms a call",
            {THEIRS: lambda: check(one_by_one(s3)), OURS: lambda: check(our_way(s3))},
            rounds=rounds,
            targets=(Target(THEIRS, OURS, 8),),
        )
    many, few = f"{4 * OBJECTS:,} objects", f"{OBJECTS:,} objects"
    with slow_s3(0.0) as s3:
        memory = compare_figures(
            "Reading: memory at its peak",
            {many: lambda: peak(s3, 4 * OBJECTS), few: lambda: peak(s3, OBJECTS)},
            unit="MB",
            rounds=1,
            targets=(Target(many, few, most=1.25),),
            notes=(
                "Contents are not kept, keys are: a folder, usually an hour, is sorted before it is read.",
            ),
        )
    return [times, memory]


def fill(s3: SlowS3, objects: int) -> None:
    """A day's objects."""
    s3.fill({key(number % 24, number): content(number % 24) for number in range(objects)})


def content(hour: int) -> str:
    """An object: some clicks of an hour."""
    click = {
        "userId": "8b1f5c1e-user",
        "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae",
        "goodevil": "Evil",
        "lawchaos": "Chaotic",
        "species": "Chimera",
        "clickedAt": f"2026-11-23T{hour:02d}:00:01.000Z",
    }
    return f"{json.dumps(click)}\n" * CLICKS


def one_by_one(s3: SlowS3) -> Iterator[Click]:
    """List the day, then get and read each object."""
    client = s3.target().client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="firehose/2026/11/23/")
    for page in pages:
        for entry in page["Contents"]:
            body = client.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
            yield from map(json.loads, body.splitlines())


def our_way(s3: SlowS3) -> Iterator[Click]:
    """What `clicks` does, in a process set up like the command line's."""
    with as_command():
        bucket = ClicksBucket(s3.target().client("s3"), BUCKET, "firehose/", "processing-failed/", SPAN)
        yield from delivered.read(bucket, DAY, DAY + timedelta(days=1), ParseProblems())


def check(clicks: Iterator[Click]) -> None:
    """Hold a side to its task, without keeping what it reads."""
    found = sum(1 for _ in clicks)
    if found != OBJECTS * CLICKS:
        raise AssertionError(f"{found} clicks were read")


def peak(s3: SlowS3, objects: int) -> float:
    """The most memory that our way holds at once, in MB; the client's own included."""
    fill(s3, objects)
    return peak_memory(lambda: deque(our_way(s3), maxlen=0))


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
