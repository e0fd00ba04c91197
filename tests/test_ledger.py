"""What the API accepted is delivered, failed or on its way, whatever goes wrong meanwhile."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.aws.waiting import Pace
from mysfits_stream.clicks import replaying
from tests.support.cloud import CloudUnderTest
from tests.support.ledger import Ledger, Pipeline, Throttled, troubled_pipeline

SEEDS = (1, 2, 3)
STORMS = 12
"""Times that something goes wrong, for each seed."""

CRASH = "import os\ndef handler(event, context):\n    os._exit(1)\n"
RAISE = "def handler(event, context):\n    raise RuntimeError('a fault')\n"
SLEEP = "import time\ndef handler(event, context):\n    time.sleep(60)\n"


@pytest.fixture
def pipeline(local_cloud: CloudUnderTest, tmp_path: Path) -> Iterator[Pipeline]:
    with troubled_pipeline(local_cloud, tmp_path) as deployed:
        yield deployed


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_no_click_is_lost_whatever_goes_wrong(pipeline: Pipeline, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    ledger = Ledger(pipeline, chance)

    @contextmanager
    def down() -> Iterator[None]:
        pipeline.service.up = False
        yield
        pipeline.service.up = True

    @contextmanager
    def calm() -> Iterator[None]:
        yield

    def throttled() -> Any:
        return pipeline.puts(status=503, code="ServiceUnavailableException", message="Slow down.")

    def losing() -> Any:
        return pipeline.puts(cut="after")

    faults: list[Callable[[], Any]] = [
        calm,
        down,
        lambda: pipeline.code(CRASH),
        lambda: pipeline.code(RAISE),
        lambda: pipeline.code(SLEEP, timeout=1),
        lambda: pipeline.role_without("s3:PutObject"),
        lambda: pipeline.role_without("lambda:InvokeFunction"),
        throttled,
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
