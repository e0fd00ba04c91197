"""Metrics of delivery streams: a minute's statistics, without memory for each value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from mysfits_stream.localcloud.control_plane.moto_state import Datum
from tests.support.clock import START
from tests.support.cloud import CloudUnderTest

DIMENSIONS = {"DeliveryStreamName": "clicks"}


def statistics(cloud: CloudUnderTest) -> list[Any]:
    begin = datetime.fromtimestamp(START - 60, UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Firehose",
        MetricName="IncomingRecords",
        Dimensions=[{"Name": key, "Value": value} for key, value in DIMENSIONS.items()],
        StartTime=begin,
        EndTime=begin + timedelta(hours=1),
        Period=3600,
        Statistics=["Sum", "Minimum", "Maximum", "Average", "SampleCount"],
    )
    points: list[Any] = found["Datapoints"]
    return points


def test_a_thousand_values_are_statistics_of_their_minutes(local_cloud: CloudUnderTest) -> None:
    plane = local_cloud.cloud.control_plane
    for number in range(1000):
        for name in ("IncomingRecords", "IncomingBytes"):
            at = START + number / 10
            datum = Datum("AWS/Firehose", name, number % 10, "Count", DIMENSIONS, at)
            plane.put_metric(local_cloud.region, datum)
    [point] = statistics(local_cloud)
    counted = {key: point[key] for key in ("Sum", "Minimum", "Maximum", "Average", "SampleCount")}
    assert counted == {"Sum": 4500, "Minimum": 0, "Maximum": 9, "Average": 4.5, "SampleCount": 1000}
    assert len(plane.backend("cloudwatch", local_cloud.region).metric_data) <= 6
