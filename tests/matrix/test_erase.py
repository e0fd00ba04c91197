"""The crash matrix of ``erase``: whatever happens to any call, nobody else's click changes.

A second run finishes, and no byte of the person is left in any version.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.books import erasing, packing
from mysfits_stream.books.erased_counts import NAME
from mysfits_stream.books.erasing import Failures, Places
from mysfits_stream.books.person import Person
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.config import Config
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.localcloud.server import LocalCloud
from tests.books.versions import every_version, with_records
from tests.conftest import MATRIX_CASES
from tests.matrix.world import HARMS, Case, Killed, Which
from tests.support.clicks_bucket import ID, NOON, enriched, failed_line, lines
from tests.support.clock import START, Clock
from tests.support.in_process import InProcess, untouched

BUCKET = "clicks"
ANN = "ann-9d1c7c52-9c0e-4f7e-8d5e-0a4f3b1f2c6d"
PLACES = Places("replayed/", "athena-results/")
SAMPLE = 6

pytestmark = pytest.mark.slow


def named(name: str, ending: str = "") -> str:
    """A key as of Firehose, of the hour of the clicks."""
    return f"firehose/{name}-1-{NOON:%Y-%m-%d-%H-%M-%S}-{ID}{ending}"


def clicks(*users: str) -> bytes:
    """Lines of a request for each user; no two objects have the same first user."""
    requests = [(user, f"{users[0][:2]}-{user}") for user in users]
    return lines(
        *(
            enriched(NOON, user) | {"clickId": f"{request}:0", "requestId": request}
            for user, request in requests
        )
    )


def fill(s3: Any) -> None:
    """A bucket with the person in all places: old, deleted, compressed, failed, queried."""
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    record = failed_line(json.dumps([{"userId": "bob"}, {"userId": ANN}]).encode(), NOON)
    for key, *versions in (
        (named("1"), clicks("bob", ANN)),
        (named("2"), clicks(ANN)),
        (named("3"), clicks("old", ANN), clicks("old", ANN, "new"), clicks("old", "new")),
        (named("4", ".gz"), gzip.compress(clicks("eve", ANN))),
        (named("5"), clicks("eve")),
        ("processing-failed/1", lines(record)),
        ("athena-results/1.csv", ANN.encode()),
    ):
        for body in versions:
            s3.put_object(Bucket=BUCKET, Key=key, Body=body, Tagging="kind=clicks")
    s3.delete_object(Bucket=BUCKET, Key=named("3"))
    s3.put_object(Bucket=BUCKET, Key=named("3"), Body=clicks("old", "new", ANN))


def others(s3: Any) -> dict[str, list[str]]:
    """Key -> everybody else's lines in the current object, records in base64 by their clicks."""
    found: dict[str, list[str]] = {}
    for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        if each["Key"].startswith("athena-results/"):
            continue
        body = s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
        kept = []
        for line in packing.contents(body, each["Key"]).splitlines():
            users = ("bob", "eve", "old", "new")
            text = with_records(line).decode()
            kept += [user for user in users if f'"userId": "{user}"' in text]
        if kept:
            found[each["Key"]] = kept
    return found


def counts(s3: Any) -> dict[str, str]:
    """Key -> the counts of erased records, by which ``audit`` knows them from lost records."""
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    metadata = {key: s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] for key in keys}
    return {key: found[NAME] for key, found in metadata.items() if NAME in found}


def erase(aws: InProcess) -> None:
    s3, person, cut_off = aws.clients.s3, Person("userId", ANN), NOON + timedelta(hours=1)
    erasing.probe(s3, BUCKET)
    failures = Failures.of(ClicksBucket.of(Config(), BUCKET, s3), person, cut_off)
    erasing.erase(s3, BUCKET, person, cut_off, PLACES, pace=aws.pace, failures=failures)


def run(aws: InProcess, case: Case | None) -> str:
    """One run, and how it ended."""
    aws.intercept = case.intercept if case else untouched
    try:
        erase(aws)
    except Killed:
        return "killed"
    except (MysfitsStreamError, ClientError, BotoCoreError, Expired) as error:
        return f"error: {error}"
    finally:
        aws.intercept = untouched
    return "done"


@pytest.fixture
def world(
    cloud_and_clock: tuple[LocalCloud, Clock], connected: InProcess, tmp_path: Path
) -> Callable[[], InProcess]:
    cloud, clock = cloud_and_clock

    def begin() -> InProcess:
        clock.now = START
        cloud.reset()
        connected.intercept = untouched
        fill(connected.clients.s3)
        return connected

    return begin


@pytest.mark.parametrize("harm", HARMS)
def test_a_second_run_finishes_whatever_happens_to_a_call(
    world: Callable[[], InProcess], harm: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    aws = world()
    expected = others(aws.clients.s3)
    assert expected[named("3")] == ["old", "new"]
    whole = Case(None, None, state)
    assert run(aws, whole) == "done"
    assert others(aws.clients.s3) == expected
    counted = counts(aws.clients.s3)
    minute = f"{NOON:%Y-%m-%dT%H:%M}"
    keys = named("1"), named("2"), named("3"), named("4", ".gz")
    assert counted == dict.fromkeys(keys, f'{{"stored":{{"{minute}":1}}}}')
    calls = sorted(whole.calls)
    if not request.config.getoption("--all-cases"):
        calls = random.Random(f"erase, {harm}").sample(calls, SAMPLE)  # noqa: S311
    request.node.user_properties.append((MATRIX_CASES, len(calls)))
    failures: dict[Which, str] = {}
    for which in calls:
        aws = world()
        s3 = aws.clients.s3
        case = Case(which, HARMS[harm], state)
        ended = run(aws, case)
        if others(s3) != expected:
            failures[which] = f"after the first run ({ended}): {others(s3)}"
            continue
        second = run(aws, None)
        left = [key for key, contents in every_version(s3, BUCKET) if ANN.encode() in with_records(contents)]
        if second != "done" or left or others(s3) != expected or counts(s3) != counted:
            failures[which] = f"{ended}, then {second}: left in {left}, {others(s3)}, {counts(s3)}"
    report = "\n".join(f"{which}: {wrong}" for which, wrong in failures.items())
    assert not failures, f"{len(failures)} of {len(calls)} cases:\n{report}"
