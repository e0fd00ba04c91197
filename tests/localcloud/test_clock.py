"""The wall clock may be set: deliveries and throttling wait by the steady clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from mysfits_stream.localcloud.clock import steady_clock
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings
from tests.localcloud.test_server import CLICK, click_pipeline
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest

HOUR = 3600.0


class Clocks:
    """A local cloud with a wall clock and a steady clock of its own."""

    def __init__(self) -> None:
        self.wall, self.steady = Clock(), Clock()
        self.cloud = LocalCloud(
            Settings(time_scale=1, access="open"), now=self.wall, steady=self.steady, background=False
        )
        self.under_test = CloudUnderTest(self.cloud, self.wall)

    def pass_seconds(self, seconds: float) -> None:
        self.wall.advance(seconds)
        self.steady.advance(seconds)
        self.cloud.deliver_due()

    def objects(self) -> dict[str, bytes]:
        s3 = self.under_test.client("s3")
        found = s3.list_objects_v2(Bucket="clicks").get("Contents", [])
        return {each["Key"]: s3.get_object(Bucket="clicks", Key=each["Key"])["Body"].read() for each in found}


@pytest.fixture
def clocks() -> Iterator[Clocks]:
    made = Clocks()
    with made.cloud:
        yield made


@pytest.mark.parametrize("jump", [-HOUR, HOUR, -HOUR * 24 * 365])
def test_accepted_clicks_are_delivered_whatever_the_wall_clock_does(clocks: Clocks, jump: float) -> None:
    url = click_pipeline(clocks.under_test)
    assert requests.put(url, json={**CLICK, "userId": "before"}, timeout=10).status_code == 200
    clocks.wall.advance(jump)
    clocks.pass_seconds(59)
    assert clocks.objects() == {}, "a jump ends no wait"
    assert requests.put(url, json={**CLICK, "userId": "after"}, timeout=10).status_code == 200
    clocks.pass_seconds(1)
    clocks.pass_seconds(60)
    clocks.pass_seconds(60)
    delivered = b"".join(clocks.objects().values())
    assert b"before" in delivered and b"after" in delivered


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_clicks_are_throttled_by_the_steady_clock(clocks: Clocks, jump: float) -> None:
    url = click_pipeline(clocks.under_test)
    apis = clocks.under_test.client("apigateway")
    api = apis.get_rest_apis()["items"][0]["id"]
    stage = apis.get_stages(restApiId=api)["item"][0]["stageName"]
    limits = {"rateLimit": "1", "burstLimit": "2"}
    apis.update_stage(
        restApiId=api,
        stageName=stage,
        patchOperations=[
            {"op": "replace", "path": f"/*/*/throttling/{name}", "value": value}
            for name, value in limits.items()
        ],
    )

    def statuses(count: int) -> list[int]:
        return [requests.put(url, json=CLICK, timeout=10).status_code for _ in range(count)]

    assert statuses(3) == [200, 200, 429]
    clocks.wall.advance(jump)
    assert statuses(1) == [429]
    clocks.pass_seconds(1)
    assert statuses(2) == [200, 429]


def test_names_carry_the_true_time(clocks: Clocks) -> None:
    url = click_pipeline(clocks.under_test)
    clocks.wall.advance(-365 * 24 * HOUR)
    requests.put(url, json=CLICK, timeout=10)
    clocks.pass_seconds(60)
    clocks.pass_seconds(60)
    [name] = clocks.objects()
    assert name.startswith("firehose/2025/09/21/14/")


def test_a_steady_clock_begins_at_the_wall_clocks_time_and_is_not_moved_by_it() -> None:
    wall, monotonic = Clock(1000.0), Clock(5.0)
    steady = steady_clock(wall, monotonic)
    assert steady() == 1000.0
    wall.advance(-HOUR)
    monotonic.advance(2)
    assert steady() == 1002.0
