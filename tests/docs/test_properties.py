"""docs/aws.md, section 2.3, decides on every property that AWS returns of a resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.session import Session

SECTION = (Path(__file__).parents[2] / "docs" / "aws.md").read_text("utf-8").partition("### 2.3 ")[2]
ROWS = re.findall(r"^\| `([^`]+)` \| (.+) \| (.+) \|$", SECTION.partition("\n## ")[0], re.MULTILINE)
OUTPUTS = list(dict.fromkeys(output for output, _, _ in ROWS))
READS = re.compile(r"GetBucket\w+|GetPublicAccessBlock|GetObjectLockConfiguration")


def returned(output: str) -> set[str]:
    """The members of an output shape: ``service Operation.member.member``."""
    service, _, where = output.partition(" ")
    model = Session().get_service_model(service)
    if where == "operations":
        return {name for name in model.operation_names if READS.fullmatch(name)}
    operation, *path = where.split(".")
    shape: Shape | None = model.operation_model(operation).output_shape
    for member in path:
        assert isinstance(shape, StructureShape)
        shape = inner(shape.members[member])
    assert isinstance(shape, StructureShape)
    return set(shape.members)


def inner(shape: Shape) -> Shape:
    """The shape of the items of lists and of the values of maps."""
    while isinstance(shape, ListShape | MapShape):
        shape = shape.member if isinstance(shape, ListShape) else shape.value
    return shape


def decided(output: str) -> Iterator[str]:
    for row, properties, _ in ROWS:
        if row == output:
            yield from re.findall(r"`([^`]+)`", properties)


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_property_that_aws_returns_is_decided_on_once(output: str) -> None:
    named = list(decided(output))
    assert sorted(named) == sorted(returned(output))


@pytest.mark.parametrize(("output", "properties", "decision"), ROWS)
def test_a_decision_is_one_of_three_and_has_a_reason(output: str, properties: str, decision: str) -> None:
    assert re.match(r"compared|as below|(kept|AWS's own): \w", decision), (output, properties)


def test_the_reads_of_every_resource_are_in_the_table() -> None:
    assert {
        "s3 operations",
        "iam GetRole.Role",
        "lambda GetFunction.Configuration",
        "lambda GetAlias",
        "logs DescribeLogGroups.logGroups",
        "firehose DescribeDeliveryStream.DeliveryStreamDescription",
        "apigateway GetRestApi",
        "apigateway GetStage",
        "apigateway GetMethod",
        "apigateway GetIntegration",
        "glue GetDatabase.Database",
        "glue GetTable.Table",
        "athena GetWorkGroup.WorkGroup",
        "cloudwatch DescribeAlarms.MetricAlarms",
        "sns ListSubscriptionsByTopic.Subscriptions",
        "logs DescribeMetricFilters.metricFilters",
    } <= set(OUTPUTS)
