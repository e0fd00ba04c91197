"""The books against the tests' ledger: they balance, or name what is lost or repeated."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.books import erasing
from mysfits_stream.books.audit import audit
from mysfits_stream.books.erasing import Erasure, Failures, Places
from mysfits_stream.books.metrics import Names
from mysfits_stream.books.person import Person
from mysfits_stream.books.statement import Books
from mysfits_stream.clicks import replaying
from mysfits_stream.output import books as output
from tests.support.cloud import CloudUnderTest
from tests.support.ledger import Ledger, Pipeline, Throttled

CRASH = "import os\ndef handler(event, context):\n    os._exit(1)\n"
SEEDS = (1, 2, 3)


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    # `up` sends preflights, which have to lie before the range.
    pipeline.cloud.advance(3600)
    return pipeline


@pytest.fixture
def ledger(pipeline: Pipeline) -> Iterator[Ledger]:
    made = Ledger(pipeline, random.Random(7))  # noqa: S311 - repeatable, not secret
    yield made
    made.browser.close()


def books(ledger: Ledger, hours: float = 48) -> Books:
    names = ledger.pipeline.names
    cloudwatch = ledger.pipeline.cloud.client("cloudwatch")
    since = ledger.now - timedelta(hours=hours)
    return audit(ledger.bucket, cloudwatch, Names(names.stream, names.api), since, ledger.now)


def requests_of(ledger: Ledger) -> int:
    """How many records came in, as Firehose's own counter has it."""
    return books(ledger).totals.accepted


def settle(ledger: Ledger) -> None:
    ledger.settle()
    for _ in range(3):
        ledger.advance(900)


def replay(ledger: Ledger, client: Any = None, **options: Any) -> replaying.Replay:
    pipeline = ledger.pipeline
    return replaying.replay(
        ledger.bucket,
        client or pipeline.target.clients.firehose,
        pipeline.names.stream,
        **{"since": None, "limit": None, "dry_run": False, **options},
        pace=Pace(sleep=pipeline.cloud.clock.advance, clock=pipeline.cloud.clock),
    )


def erase(ledger: Ledger, user: str) -> Erasure:
    """Erase a user; the ledger's users have a single click each."""
    bucket, person, places = ledger.bucket, Person("userId", user), Places("replayed/", "athena-results/")
    failures = Failures.of(bucket, person, ledger.now)
    return erasing.erase(bucket.s3, bucket.name, person, ledger.now, places, failures=failures)


def delivered_keys(ledger: Ledger) -> list[str]:
    return sorted(ledger.pipeline.objects("firehose/"))


def rewrite(ledger: Ledger, key: str, change: Callable[[list[bytes]], list[bytes]]) -> None:
    s3, bucket = ledger.pipeline.target.clients.s3, ledger.pipeline.names.bucket
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines(keepends=True)
    s3.put_object(Bucket=bucket, Key=key, Body=b"".join(change(lines)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_the_books_equal_the_ledger_whatever_goes_wrong(pipeline: Pipeline, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    ledger = Ledger(pipeline, chance)

    losing = pipeline.losing
    faults: list[Callable[[], Any]] = [
        nullcontext,
        pipeline.service_down,
        lambda: pipeline.code(CRASH),
        lambda: pipeline.role_without("s3:PutObject"),
        pipeline.throttled,
        losing,
    ]
    chance.shuffle(faults)
    records = 0
    for storm, fault in enumerate(faults):
        with fault():
            for _ in range(chance.randrange(8, 15)):
                before = (ledger.accepted + ledger.unsure).total()
                sent = ledger.number
                ledger.send(storm, loses_answers=fault is losing)
                # A request is a record each time that it was taken.
                taken = (ledger.accepted + ledger.unsure).total() - before
                records += taken // (ledger.number - sent)
                if chance.random() < 0.3:
                    ledger.advance(chance.choice((1, 30, 61)))
            for _ in range(4):
                ledger.advance(chance.choice((10, 61, 200)))
        found = books(ledger)
        assert found.closes, found.suspects
        assert found.totals.accepted == records
        totals = found.totals
        assert totals.delivered + totals.failed + totals.under_way == records
    settle(ledger)
    found = books(ledger)
    assert found.closes
    assert found.totals.under_way == found.totals.replayed == 0
    assert found.totals.failed
    arrived, lost = sorted(ledger.delivered()), sorted(ledger.failed())
    for user in (*chance.sample(arrived, 3), chance.choice(lost)):
        assert erase(ledger, user).current.removed
    found = books(ledger)
    assert found.closes, found.suspects
    totals = found.totals
    assert totals.accepted == totals.delivered + totals.failed + totals.erased == records
    assert totals.under_way == 0

    class DiesAtTheEnd:
        """Firehose takes everything, and the process is killed before it moves the error object."""

        def put_record_batch(self, **given: Any) -> Any:
            pipeline.target.clients.firehose.put_record_batch(**given)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(ledger, DiesAtTheEnd())
    ledger.advance(chance.choice((5, 70)))
    replay(ledger, Throttled(pipeline.target.clients.firehose, chance))
    settle(ledger)
    found = books(ledger)
    assert found.closes, found.suspects
    assert found.totals.accepted == records
    assert found.totals.replayed
    assert found.totals.failed + found.totals.delivered + found.totals.erased == records
    assert found.totals.duplicates == 0
    for user in (chance.choice(sorted(ledger.delivered())), *sorted(set(lost) & set(ledger.delivered()))[:2]):
        assert erase(ledger, user).current.removed
    found = books(ledger)
    assert found.closes, found.suspects
    assert found.totals.failed + found.totals.delivered + found.totals.erased == records
    ledger.browser.close()


@pytest.mark.slow
def test_one_loss_and_one_repetition_are_named_and_nothing_else(ledger: Ledger) -> None:
    for storm in range(5):
        for _ in range(6):
            ledger.put(ledger.click(storm))
        ledger.advance(130)
    settle(ledger)
    replay(ledger)
    settle(ledger)
    assert books(ledger).closes
    keys = delivered_keys(ledger)
    lost: dict[str, Any] = {}
    repeated: dict[str, Any] = {}

    def lose(lines: list[bytes]) -> list[bytes]:
        lost.update(json.loads(lines[0]))
        return lines[1:]

    def repeat(lines: list[bytes]) -> list[bytes]:
        repeated.update(json.loads(lines[-1]))
        return [*lines, lines[-1]]

    rewrite(ledger, keys[1], lose)
    rewrite(ledger, keys[3], repeat)
    found = books(ledger)
    assert not found.closes
    first, second = found.suspects
    assert (first.kind, first.at_least, first.at_most, first.link) == ("lost", 1, 1, "bucket")
    assert f"{first.minute:%Y-%m-%dT%H:%M}" == lost["clickedAt"][:16]
    assert (second.kind, second.at_least, second.ids) == ("repeated", 1, (repeated["clickId"],))
    assert f"{second.minute:%Y-%m-%dT%H:%M}" == repeated["clickedAt"][:16]
    assert second.keys == (keys[3],)
    assert found.totals.duplicates == 1
    text = "\n".join(output.audit(found))
    assert "1 record lost, likeliest at the bucket" in text
    assert f"1 repeated click, likeliest at the delivery ({second.reason}): {repeated['clickId']}" in text


@pytest.mark.slow
def test_a_copy_that_comes_long_after_the_click_is_a_repetition(ledger: Ledger) -> None:
    """As of a backup that was put back by hand."""
    for storm in range(3):
        ledger.put(ledger.click(storm))
        ledger.advance(130)
    settle(ledger)
    before = books(ledger)
    assert before.closes
    s3, bucket, [key, *_] = ledger.bucket.s3, ledger.bucket.name, delivered_keys(ledger)
    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    folder, _, name = key.rpartition("/")
    stream = name.rpartition("-1-")[0]
    later = f"{ledger.now - timedelta(minutes=20):%Y-%m-%d-%H-%M-%S}"
    s3.put_object(Bucket=bucket, Key=f"{folder}/{stream}-1-{later}-{uuid.UUID(int=1)}", Body=body)
    found = books(ledger)
    repeated = [json.loads(line)["clickId"] for line in body.splitlines()]
    assert [suspect.kind for suspect in found.suspects] == ["repeated"]
    assert sorted(found.suspects[0].ids) == sorted(repeated)
    assert found.totals == replace(before.totals, duplicates=len(repeated))


@pytest.mark.slow
def test_a_loss_beside_an_erasure_is_named_and_nothing_else(ledger: Ledger) -> None:
    clicks = [[ledger.click(0)] for _ in range(4)] + [[ledger.click(0) for _ in range(3)] for _ in range(2)]
    for storm in range(3):
        for request in clicks[2 * storm : 2 * storm + 2]:
            assert ledger.put(request) == 200
        ledger.advance(130)
    settle(ledger)
    whole = books(ledger)
    [ann], _, [bob], _, [_, eve, _], _ = [[click["userId"] for click in request] for request in clicks]
    for user in (ann, bob, eve):
        assert erase(ledger, user).current.clicks == 1
    found = books(ledger)
    assert found.closes, found.suspects
    # The click within a request is no record.
    assert found.totals == replace(whole.totals, delivered=4, erased=2)
    assert "2  erased" in "\n".join(output.audit(found))

    lost: dict[str, Any] = {}

    def lose(lines: list[bytes]) -> list[bytes]:
        lost.update(json.loads(lines[0]))
        return lines[1:]

    s3, bucket, key = ledger.bucket.s3, ledger.bucket.name, delivered_keys(ledger)[1]
    metadata = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines(keepends=True)
    s3.put_object(Bucket=bucket, Key=key, Body=b"".join(lose(lines)), Metadata=metadata)
    [suspect] = books(ledger).suspects
    assert (suspect.kind, suspect.at_least, suspect.at_most, suspect.link) == ("lost", 1, 1, "bucket")
    assert f"{suspect.minute:%Y-%m-%dT%H:%M}" == lost["clickedAt"][:16]


@pytest.mark.slow
def test_a_missing_click_within_a_request_is_named(ledger: Ledger) -> None:
    ledger.put([ledger.click(0) for _ in range(5)])
    settle(ledger)
    ids: list[str] = []

    def lose(lines: list[bytes]) -> list[bytes]:
        ids.append(json.loads(lines[2])["clickId"])
        return [*lines[:2], *lines[3:]]

    rewrite(ledger, delivered_keys(ledger)[0], lose)
    [suspect] = books(ledger).suspects
    assert (suspect.kind, suspect.ids) == ("incomplete", tuple(ids))


@pytest.mark.slow
def test_clicks_under_way_are_not_lost(ledger: Ledger) -> None:
    ledger.put(ledger.click(0))
    found = books(ledger)
    assert found.closes
    assert (found.totals.accepted, found.totals.under_way) == (1, 1)
    assert found.settled_until < found.until - timedelta(minutes=5)
    settle(ledger)
    found = books(ledger)
    assert (found.totals.delivered, found.totals.under_way) == (1, 0)
    [minute] = [each for each in found.minutes if each.incoming]
    assert (minute.stored, minute.balance, minute.api_at_most) == (1, 0, 1)


@pytest.mark.slow
def test_while_deliveries_fail_nothing_newer_is_settled(ledger: Ledger, pipeline: Pipeline) -> None:
    with pipeline.role_without("s3:PutObject"):
        ledger.put(ledger.click(0))
        accepted = ledger.now
        for _ in range(30):
            ledger.advance(120)
        found = books(ledger)
        assert found.closes
        assert found.failing_since
        assert found.settled_until < accepted
        assert found.totals.under_way == 1
    settle(ledger)
    found = books(ledger)
    assert found.failing_since is None
    assert (found.closes, found.totals.delivered) == (True, 1)


@pytest.mark.slow
def test_records_put_straight_on_the_stream_and_test_clicks_are_counted(ledger: Ledger) -> None:
    pipeline = ledger.pipeline
    click, raw = json.dumps(ledger.click(0)).encode(), b"not a click"
    pipeline.target.clients.firehose.put_record_batch(
        DeliveryStreamName=pipeline.names.stream, Records=[{"Data": data} for data in (click, raw, raw)]
    )
    ledger.put(ledger.click(1))
    settle(ledger)
    found = books(ledger)
    assert found.closes
    assert (found.totals.accepted, found.totals.delivered, found.totals.failed) == (4, 2, 2)
    assert erase(ledger, "not a click").current.raw == 2
    found = books(ledger)
    assert found.closes
    assert (found.totals.accepted, found.totals.failed, found.totals.erased) == (4, 0, 2)


@pytest.mark.slow
def test_lines_of_version_0_1_0_make_a_bound(ledger: Ledger) -> None:
    ledger.put([ledger.click(0) for _ in range(3)])
    ledger.put(ledger.click(0))
    settle(ledger)

    def without_ids(lines: list[bytes]) -> list[bytes]:
        documents = [json.loads(line) for line in lines]
        kept = [{key: each[key] for key in each if key not in ("clickId", "requestId")} for each in documents]
        return [json.dumps(each).encode() + b"\n" for each in kept]

    [key] = delivered_keys(ledger)
    rewrite(ledger, key, without_ids)
    found = books(ledger)
    # Four lines of one or two moments are one to four records.
    assert found.closes
    assert (found.totals.accepted, found.totals.delivered) == (2, 2)
    rewrite(ledger, key, lambda lines: [])
    [suspect] = books(ledger).suspects
    assert (suspect.kind, suspect.at_least) == ("lost", 2)


def test_the_json_has_the_keys_of_its_contract(local_cloud: CloudUnderTest) -> None:
    from mysfits_stream.clicks.objects import ClicksBucket
    from mysfits_stream.config import Config

    s3 = local_cloud.client("s3")
    s3.create_bucket(Bucket="clicks", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    now = datetime.fromtimestamp(local_cloud.clock(), UTC)
    bucket = ClicksBucket.of(Config(), "clicks", s3)
    found = audit(bucket, local_cloud.client("cloudwatch"), Names("s", "a"), now - timedelta(days=1), now)
    document = found.document()
    assert list(document) == [
        "since",
        "until",
        "settledUntil",
        "minutes",
        "totals",
        "closes",
        "suspects",
        "expired",
    ]
    assert document["totals"] == dict.fromkeys(
        ("accepted", "processed", "delivered", "failed", "replayed", "underWay", "duplicates", "erased"), 0
    )
    assert document["closes"] is True


def test_cloudwatch_is_asked_for_whole_minutes_at_any_pace(local_cloud: CloudUnderTest) -> None:
    from mysfits_stream.clicks.objects import ClicksBucket
    from mysfits_stream.config import Config

    s3, cloudwatch = local_cloud.client("s3"), local_cloud.client("cloudwatch")
    s3.create_bucket(Bucket="clicks", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    asked: list[datetime] = []
    cloudwatch.meta.events.register(
        "provide-client-params.cloudwatch.*", lambda params, **_: asked.append(params["StartTime"])
    )
    bucket, now = ClicksBucket.of(Config(), "clicks", s3), datetime.fromtimestamp(local_cloud.clock(), UTC)
    for scale in (1.0, 7.0, 60.0):
        audit(bucket, cloudwatch, Names("s", "a"), now - timedelta(days=1), now, time_scale=scale)
    assert len(asked) == 3
    assert not any(begin.second or begin.microsecond for begin in asked)
