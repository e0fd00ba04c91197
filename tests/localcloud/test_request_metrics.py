"""CloudWatch shows the work of the data planes, in the minute of the work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from mysfits_stream.localcloud.request_metrics import RequestMetrics
from tests.support.clock import START
from tests.support.deployment import Deployment

MINUTE = 60.0


def test_values_are_summed_by_minute() -> None:
    metrics = RequestMetrics()
    for status, at in ((200, 0.0), (400, 59.0), (503, 61.0)):
        metrics.api_request("eu-west-1", "shop", "prod", status, at)
    taken = {
        (each.name, each.at): (each.sum, each.samples)
        for each in metrics.take()
        if each.dimensions == (("ApiName", "shop"),)
    }
    assert taken == {
        ("Count", 0.0): (2, 2),
        ("4XXError", 0.0): (1, 2),
        ("5XXError", 0.0): (0, 2),
        ("Count", 60.0): (1, 1),
        ("4XXError", 60.0): (0, 1),
        ("5XXError", 60.0): (1, 1),
    }
    assert metrics.take() == []


@pytest.mark.slow
def test_every_link_of_a_click_is_measured_in_its_minute(deployment: Deployment) -> None:
    deployment.deploy()
    url, clock = deployment.clicks_url, deployment.cloud.clock
    clock.now = START - START % MINUTE + 5 * MINUTE + 30  # `up` sends preflights of its own
    begun = clock.now
    click = {"userId": "ann", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}
    for body in (click, click, {"no": "click"}):
        requests.put(url, json=body, timeout=10)
    requests.options(url, timeout=10)
    clock.advance(MINUTE)
    requests.put(url, json=[click, click], timeout=10)
    deployment.pass_buffers()

    def sums(namespace: str, metric: str, **dimensions: str) -> list[tuple[float, float]]:
        """Minutes since the beginning, and sums."""
        cloudwatch: Any = deployment.cloud.client("cloudwatch")
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": namespace,
                            "MetricName": metric,
                            "Dimensions": [{"Name": name, "Value": of} for name, of in dimensions.items()],
                        },
                        "Period": 60,
                        "Stat": "Sum",
                    },
                }
            ],
            StartTime=datetime.fromtimestamp(begun - 30, UTC),
            EndTime=datetime.fromtimestamp(clock.now + MINUTE, UTC),
            ScanBy="TimestampAscending",
        )
        [result] = answer["MetricDataResults"]
        return [
            ((at.timestamp() - begun + 30) / MINUTE, value)
            for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            if value
        ]

    stream = {"DeliveryStreamName": deployment.names.stream}
    assert sums("AWS/Firehose", "IncomingRecords", **stream) == [(0, 2), (1, 1)]
    assert [value for _, value in sums("AWS/Firehose", "SucceedProcessing.Records", **stream)] == [3]
    assert [value for _, value in sums("AWS/Firehose", "DeliveryToS3.Records", **stream)] == [3]
    api = {"ApiName": deployment.names.api}
    assert sums("AWS/ApiGateway", "Count", **api) == [(0, 4), (1, 1)]
    assert sums("AWS/ApiGateway", "Count", **api, Stage="prod") == [(0, 4), (1, 1)]
    assert sums("AWS/ApiGateway", "4XXError", **api) == [(0, 1)]
    assert sums("AWS/ApiGateway", "5XXError", **api) == []
    function = {"FunctionName": deployment.names.function}
    assert [value for _, value in sums("AWS/Lambda", "Invocations", **function)] == [1]
    assert sums("AWS/Lambda", "Errors", **function) == []
