"""How fast `erase` takes one person out of a million clicks in 500 objects.

Beside it, in the same run, a plain scan with boto3: every object fetched and parsed, one after the other, and
nothing written. The local cloud runs in a process of its own. Every twentieth object holds the person.
"""

from __future__ import annotations

import json
import multiprocessing
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from typing import Any

import boto3
from botocore.session import Session

from benchmarks.measure import Comparison, Target, as_command, compare_figures, peak_memory
from mysfits_stream.aws.session import client, prepared
from mysfits_stream.books import erasing
from mysfits_stream.books.erasing import Places
from mysfits_stream.books.person import Person
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.settings import Settings

OBJECTS, CLICKS = 500, 2_000
EVERY = 20
BUCKET, FEW, REGION = "clicks", "few-clicks", "eu-west-1"
CUT_OFF = datetime(2026, 12, 1, tzinfo=UTC)
SCAN, OURS, WANTED = "a scan with boto3, which writes nothing", "erase", "wanted"
SECONDS = 10.0
START_SECONDS = 60.0


def run(rounds: int = 1, objects: int = OBJECTS) -> list[Comparison]:
    """The time that it takes, and the memory that four times as many objects take."""
    with cloud(objects) as endpoint:
        turns = iter(range(1_000))

        def ours() -> float:
            return timed(lambda: erase(endpoint, f"person-{next(turns)}", objects))

        times = compare_figures(
            f"Erasing one person from {objects * CLICKS:,} clicks in {objects:,} objects",
            {
                SCAN: lambda: timed(lambda: scan(endpoint, objects)),
                OURS: ours,
                WANTED: lambda: SECONDS,
            },
            unit="s",
            rounds=rounds,
            targets=(Target(SCAN, OURS, 1), Target(WANTED, OURS, 1)),
        )
        few = objects // 4

        def peak(count: int) -> float:
            bucket = BUCKET if count == objects else FEW
            return peak_memory(lambda: erase(endpoint, "nobody", count, bucket))

        all_of_them, some = f"{objects:,} objects", f"{few:,} objects"
        memory = compare_figures(
            "Erasing: memory at its peak",
            {all_of_them: lambda: peak(objects), some: lambda: peak(few)},
            unit="MB",
            rounds=1,
            targets=(Target(all_of_them, some, most=1.5),),
            notes=("Bounded by the objects under way, 16 or 64 MB.",),
        )
    return [times, memory]


def timed(call: Any) -> float:
    """The seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def scan(endpoint: str, objects: int) -> None:
    """Fetch and parse every object."""
    s3 = boto3.client(
        "s3",
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - made up
    )
    found = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for entry in page["Contents"]:
            body = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()
            found += sum(json.loads(line)["userId"] != "nobody" for line in body.splitlines())
    if found < objects * (CLICKS - 1):
        raise AssertionError(f"{found} clicks were read")


def erase(endpoint: str, user: str, objects: int, bucket: str = BUCKET) -> None:
    """What the command does after the buffers, in a process like the command line's."""
    core = Session()
    core.set_credentials("x", "x")
    with as_command():
        s3 = client(prepared(core), "s3", endpoint, REGION)
        done = erasing.erase(s3, bucket, Person("userId", user), CUT_OFF, Places("replayed/", "athena/"))
    expected = objects // EVERY if user != "nobody" else 0
    if (done.objects, done.current.clicks) != (objects, expected):
        raise AssertionError(f"{done.objects} objects were read, {done.current.clicks} clicks erased")


@contextmanager
def cloud(objects: int) -> Iterator[str]:
    """The endpoint of a local cloud with the objects, in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, objects), daemon=True)
    server.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the local cloud did not start")
        yield ours.recv()
    finally:
        ours.send(None)
        server.join(10)
        server.terminate()
        server.join(10)


def _serve(connection: Connection, objects: int) -> None:
    with local_cloud(Settings(access="open")) as served:
        s3: Any = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=served.endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106 - made up
        )
        for bucket, count in ((BUCKET, objects), (FEW, objects // 4)):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
            for number in range(count):
                served.control_plane.put_object(REGION, bucket, key(number), content(number))
        connection.send(served.endpoint)
        connection.recv()


def key(number: int) -> str:
    """A key as Firehose makes them, of a day's hour."""
    hour = number % 24
    name = f"shop-clicks-1-2026-11-23-{hour:02d}-00-00-{uuid.UUID(int=number)}"
    return f"firehose/2026/11/23/{hour:02d}/{name}"


def content(number: int) -> bytes:
    """An object of clicks; in some objects one click of each of a few persons."""
    lines = [_line(number, at, f"user-{number}-{at}") for at in range(CLICKS)]
    if number % EVERY == 0:
        for person in range(8):
            lines[person] = _line(number, person, f"person-{person}")
    return "".join(lines).encode()


def _line(number: int, at: int, user: str) -> str:
    return (
        f'{{"userId": "{user}", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae", "goodevil": "Evil", '
        '"lawchaos": "Chaotic", "species": "Chimera", "name": "Evangeline", '
        f'"clickedAt": "2026-11-23T12:00:00.000Z", "clickId": "{number:08x}:{at}", '
        f'"requestId": "{number:08x}"}}\n'
    )


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
