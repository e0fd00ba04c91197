"""What the API accepted is delivered, failed or on its way, whatever goes wrong meanwhile."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.clicks import delivered, replaying
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.distinct import Distinct
from tests.support.ledger import Ledger, Pipeline, Throttled

SEEDS = (1, 2, 3)
STORMS = 12
"""Times that something goes wrong, for each seed."""

CRASH = "import os\ndef handler(event, context):\n    os._exit(1)\n"
RAISE = "def handler(event, context):\n    raise RuntimeError('a fault')\n"
SLEEP = "import time\ndef handler(event, context):\n    time.sleep(60)\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_click_is_lost_whatever_goes_wrong(pipeline: Pipeline, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    ledger = Ledger(pipeline, chance)

    losing = pipeline.losing
    faults: list[Callable[[], Any]] = [
        nullcontext,
        pipeline.service_down,
        lambda: pipeline.code(CRASH),
        lambda: pipeline.code(RAISE),
        lambda: pipeline.code(SLEEP, timeout=1),
        lambda: pipeline.role_without("s3:PutObject"),
        lambda: pipeline.role_without("lambda:InvokeFunction"),
        pipeline.throttled,
        losing,
    ]
    storms = [*faults, *chance.choices(faults, k=STORMS - len(faults))]
    chance.shuffle(storms)
    for storm, fault in enumerate(storms):
        with fault():
            for _ in range(chance.randrange(20, 30)):
                ledger.send(storm, loses_answers=fault is losing)
                if chance.random() < 0.15:
                    ledger.advance(chance.choice((1, 30, 61)))
            # An upload is tried once each time.
            for _ in range(chance.randrange(2, 7)):
                ledger.advance(chance.choice((10, 61, 200)))
        ledger.check()
    ledger.settle()

    arrived, lost = ledger.delivered(), ledger.failed()
    assert len(ledger.accepted) > 1500
    assert ledger.refused
    assert ledger.throttled > 5
    assert ledger.unsure, "no answer was lost"
    assert arrived + lost == ledger.accepted + ledger.unsure
    assert lost, "the faults did no harm: they were none"

    pipeline.service.knows_new = True
    client: Any = Throttled(pipeline.target.clients.firehose, chance)
    done = replaying.replay(
        ledger.bucket,
        client,
        pipeline.names.stream,
        since=None,
        limit=None,
        dry_run=False,
        pace=Pace(sleep=pipeline.cloud.clock.advance, clock=pipeline.cloud.clock),
    )
    assert done.clicks == lost.total()
    assert done.retried
    ledger.settle()
    assert ledger.delivered() == ledger.accepted + ledger.unsure
    assert not ledger.failed()
    ledger.browser.close()


class Dying:
    """A Firehose client whose process dies after so many batches; the last batch is accepted."""

    def __init__(self, client: Any, batches: int) -> None:
        self._client = client
        self._batches = batches

    def put_record_batch(self, **arguments: Any) -> Any:
        answer = self._client.put_record_batch(**arguments)
        self._batches -= 1
        if self._batches == 0:
            raise KeyboardInterrupt
        return answer


@pytest.mark.slow
def test_after_deduplication_each_accepted_click_is_delivered_once_whatever_stored_it_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser's retry, a lost answer, a redelivery and a dying replay, by identity."""
    chance = random.Random(7)  # noqa: S311 - repeatable, not secret
    ledger = Ledger(pipeline, chance)
    accepted: dict[str, str | None] = {}

    def body(own_id: bool) -> list[dict[str, str]]:
        clicks = [ledger.click(0) for _ in range(chance.choice((1, 1, 3)))]
        return [
            click | ({"clickId": f"id-{click['userId'].partition('-')[2]}"} if own_id else {})
            for click in clicks
        ]

    def send(clicks: list[dict[str, str]], times: int = 1) -> None:
        statuses = [ledger.put(clicks) for _ in range(times)]
        while 200 not in statuses:
            statuses.append(ledger.put(clicks))
        accepted.update({click["userId"]: click.get("clickId") for click in clicks})

    def some(own_id: bool, times: int = 1) -> None:
        for _ in range(12):
            send(body(own_id), times)
            ledger.advance(chance.choice((0, 1, 7)))

    some(own_id=False)
    some(own_id=True, times=2)  # the browser's retry, though the first request was accepted
    with pipeline.puts(cut="after"):
        some(own_id=True)  # accepted by Firehose, and the answer was lost
    ledger.advance(200)
    pipeline.service.up = False
    some(own_id=False)
    some(own_id=True, times=2)
    for _ in range(4):
        ledger.advance(200)
    pipeline.service.up = True
    some(own_id=True, times=2)
    ledger.settle()
    assert ledger.failed(), "nothing was there to replay"

    def replay(client: Any) -> replaying.Replay:
        return replaying.replay(
            ledger.bucket,
            client,
            pipeline.names.stream,
            since=None,
            limit=None,
            dry_run=False,
            pace=Pace(sleep=pipeline.cloud.clock.advance, clock=pipeline.cloud.clock),
        )

    monkeypatch.setattr(replaying, "BATCH_RECORDS", 10)
    for batches in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            replay(Dying(pipeline.target.clients.firehose, batches))
        ledger.settle()
    replay(pipeline.target.clients.firehose)
    ledger.settle()
    assert not ledger.failed()

    redelivered(pipeline)
    counted = Distinct()
    since, until = ledger.now - timedelta(days=30), ledger.now + timedelta(days=1)
    raw = list(delivered.read(ledger.bucket, since, until, ParseProblems()))
    shown = list(counted.clicks(raw))
    assert Counter(click["userId"] for click in shown) == Counter(dict.fromkeys(accepted, 1))
    assert len({click["clickId"] for click in shown}) == len(shown)
    for click in shown:
        assert accepted[click["userId"]] in (None, click["clickId"])
        same = [other["clickedAt"] for other in raw if other["clickId"] == click["clickId"]]
        assert click["clickedAt"] == min(same)
    assert counted.duplicates == len(raw) - len(shown)
    assert counted.duplicates > len(accepted)


def redelivered(pipeline: Pipeline) -> None:
    """Firehose stores each object again an hour later, as after a lost answer."""
    s3 = pipeline.target.clients.s3
    for key, content in pipeline.objects("firehose/").items():
        folder, _, name = key.rpartition("/")
        later = f"{folder[:-2]}{(int(folder[-2:]) + 1) % 24:02}/{name[:-4]}beef"
        s3.put_object(Bucket=pipeline.names.bucket, Key=later, Body=content)
