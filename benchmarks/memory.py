"""Memory of the local cloud after a million clicks, beside memory before.

``python -m benchmarks.memory 200000`` sends another number of clicks. Each request holds AT_ONCE clicks, so
that a million takes minutes. The base is measured after WARM_UP clicks: every module is imported by then, and
the process of the function runs.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import Any

from benchmarks.load import load
from benchmarks.local_cloud import PATIENCE, Pipeline, pipeline, unrefused
from benchmarks.measure import Comparison, Machine, Target

CLICKS, WARM_UP, AT_ONCE = 1_000_000, 50_000, 100
SECONDS = 3.0
BEFORE, AFTER = "before", "after"
MOST = 1.2


def run(clicks: int = CLICKS) -> Comparison:
    """Memory before and after, once each."""
    with pipeline() as made:
        send(made, WARM_UP)
        before = made.server.memory()
        sent = send(made, clicks)
        after = made.server.memory()
    return Comparison(
        "Local cloud: memory before and after clicks that were delivered and deleted",
        Machine.here(),
        {BEFORE: [before], AFTER: [after]},
        (Target(AFTER, BEFORE, most=MOST),),
        unit="MB",
        notes=(f"{sent:,} clicks were sent, found in S3, enriched, and deleted.",),
    )


def send(made: Pipeline, clicks: int) -> int:
    """Send at least so many clicks in turns; returns how many, all found and deleted."""
    click = json.loads(made.task.body)
    task = replace(made.task, body=json.dumps([click] * AT_ONCE), seconds=SECONDS)
    s3 = made.server.client("s3")
    sent = 0
    while sent < clicks:
        turn = unrefused(load(task)).answered * AT_ONCE
        collect(s3, made.bucket, turn)
        sent += turn
    return sent


def collect(s3: Any, bucket: str, clicks: int) -> None:
    """Wait until so many enriched clicks are in the bucket, and delete their objects."""
    deadline = time.monotonic() + PATIENCE
    while clicks > 0:
        if time.monotonic() > deadline:
            raise AssertionError(f"{clicks} clicks did not land")
        time.sleep(0.2)  # leave the machine to the delivery that is waited for
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = page.get("Versions", [])
            for version in versions:
                body = s3.get_object(Bucket=bucket, Key=version["Key"])["Body"].read()
                clicks -= sum(b'"species"' in line for line in body.splitlines())
            if versions:
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


if __name__ == "__main__":
    print(run(*map(int, sys.argv[1:])))
