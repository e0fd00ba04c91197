"""The time of a rehearsal of a million clicks, beside rebuilding them alone.

The floor, in the same run, is the rebuilding of the same records alone. Clicks come two to a request, on
twelve mysfits. ``python -m benchmarks.rehearsing [CLICKS]``; exit code 1 if a million would take more than
a minute.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from mysfits_stream.clicks import rebuilding
from mysfits_stream.config import Config
from mysfits_stream.local_site.mysfits import mysfits
from mysfits_stream.localcloud import Function
from mysfits_stream.operations.rehearse import Candidate, Rehearsal, compare
from mysfits_stream.provision.processor_zip import processor_package

CLICKS = 1_000_000
CLICK = Config().definition.environment()
STREAM = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks"
MB = 1024 * 1024


def lines(count: int) -> Iterator[dict[str, Any]]:
    """Delivered clicks, two to a request."""
    known = mysfits()
    for number in range(count):
        mysfit = known[number % len(known)]
        yield {
            "userId": f"visitor-{number % 5000:08d}",
            **{key: mysfit[key] for key in ("mysfitId", "goodevil", "lawchaos", "species", "name")},
            "clickedAt": f"2026-11-26T12:{number // 60_000 % 60:02d}:{number // 1000 % 60:02d}.000Z",
            "clickId": f"request-{number // 2:012d}:{number % 2}",
            "requestId": f"request-{number // 2:012d}",
        }


def candidate(label: str, service: str) -> Candidate:
    """The tool's processor."""
    package = processor_package()
    environment = {"CLICK": CLICK, "CACHE_SECONDS": "300", "MYSFITS_API": service}
    function = Function(
        name="processor",
        arn="arn:aws:lambda:eu-west-1:123456789012:function:processor",
        handler="stream_processor.handler",
        runtime="python3.13",
        zip_bytes=package.zip_bytes,
        environment=environment,
        timeout=60.0,
        memory_mb=256,
        role_arn="",
        log_group="",
        code_sha256=package.sha256,
    )
    return Candidate(label, function, "arm64")


def rehearsed(count: int, service: str) -> Rehearsal:
    """One rehearsal of ``count`` clicks."""
    records = rebuilding.rebuilt(lines(count), json.loads(CLICK))
    batches = rebuilding.batches(records, MB)
    return compare(candidate("version 1", service), candidate("this directory", service), batches, STREAM)


def main(count: int = CLICKS) -> int:
    """Rehearse and print both times; 1 if a million takes more than a minute."""
    from mysfits_stream.local_site.cloud import local_cloud
    from mysfits_stream.localcloud.settings import Settings

    with local_cloud(Settings(access="open")) as cloud:
        began = time.perf_counter()
        for _ in rebuilding.batches(rebuilding.rebuilt(lines(count), json.loads(CLICK)), MB):
            pass
        floor = time.perf_counter() - began
        began = time.perf_counter()
        result = rehearsed(count, f"{cloud.endpoint}/_mysfits")
        seconds = time.perf_counter() - began
    print(
        f"{count:,} clicks in {seconds:.1f} s (rebuilding alone {floor:.1f} s), {result.same:,} the same, "
        f"{result.after.batches} batches of {result.after.mean * 1000:.0f} ms"
    )
    return int(seconds * CLICKS / count > 60 or result.same != count)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
