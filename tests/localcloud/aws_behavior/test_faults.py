"""Faults at will: the calls of an operation fail, wait or break off as a rule says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError, ConnectionClosedError

from mysfits_stream.localcloud.aws_behavior import FaultRule, Faults, RuleError, read_rules
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from tests.support.cloud import CloudUnderTest

TRUST = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
)


@pytest.fixture
def cloud(local_cloud: CloudUnderTest) -> Iterator[CloudUnderTest]:
    yield local_cloud
    local_cloud.cloud.faults.clear()


def roles(cloud: CloudUnderTest) -> list[str]:
    return [role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]]


def create_role(cloud: CloudUnderTest, name: str = "r") -> Any:
    return cloud.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)


# One operation of each protocol, and how its client meets an error.
PROTOCOLS: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "list_roles", {}),
    ("s3", "list_objects_v2", {"Bucket": "b"}),
    ("lambda", "get_function", {"FunctionName": "f"}),
    ("firehose", "describe_delivery_stream", {"DeliveryStreamName": "s"}),
    ("apigateway", "get_rest_apis", {}),
    ("logs", "describe_log_groups", {}),
    ("sts", "get_caller_identity", {}),
    ("resourcegroupstaggingapi", "get_resources", {}),
]


@pytest.mark.parametrize(("service", "method", "given"), PROTOCOLS)
def test_a_refusal_reaches_the_client_in_its_protocol(
    cloud: CloudUnderTest, service: str, method: str, given: dict[str, Any]
) -> None:
    client = cloud.client(service)
    operation = client.meta.method_to_api_mapping[method]
    cloud.cloud.faults.add(
        FaultRule(operation, code="Slow", message="not <so> fast", status=429, retry_after=7)
    )
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**given)
    response: Any = refused.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == ("Slow", "not <so> fast")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "7"
    assert cloud.cloud.faults.rules == []


@pytest.mark.parametrize(("service", "method", "given"), PROTOCOLS)
def test_a_status_alone_is_an_empty_answer(
    cloud: CloudUnderTest, service: str, method: str, given: dict[str, Any]
) -> None:
    client = cloud.client(service)
    cloud.cloud.faults.add(FaultRule(client.meta.method_to_api_mapping[method], status=500))
    with pytest.raises(ClientError) as refused:
        getattr(client, method)(**given)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def test_a_call_cut_off_before_has_no_effect(cloud: CloudUnderTest) -> None:
    cloud.cloud.faults.add(FaultRule("CreateRole", cut="before"))
    with pytest.raises(ConnectionClosedError):
        create_role(cloud)
    assert roles(cloud) == []


def test_a_call_cut_off_after_has_its_effect(cloud: CloudUnderTest) -> None:
    cloud.cloud.faults.add(FaultRule("CreateRole", cut="after"))
    with pytest.raises(ConnectionClosedError):
        create_role(cloud)
    assert roles(cloud) == ["r"]
    assert create_role(cloud, "s")["Role"]["RoleName"] == "s", "the server serves on"


def test_a_rule_counts_the_calls_that_it_is_for() -> None:
    faults = Faults(sleep=lambda _: None)
    faults.add(FaultRule("PutRolePolicy", times=2, skip=1, resource="a", status=500))
    asked = [("b", 200), ("a", 200), ("b", 200), ("a", 500), ("a", 500), ("a", 200)]
    for name, status in asked:
        call = Call("iam", "PutRolePolicy", "eu-west-1", name)
        assert faults.around(call, lambda: Response(200)).status == status


def test_a_rule_may_only_delay() -> None:
    slept: list[float] = []
    faults = Faults(slept.append)
    faults.add(FaultRule("ListRoles", times=2, delay_seconds=3))
    call = Call("iam", "ListRoles", "us-east-1")
    for _ in range(3):
        assert faults.around(call, lambda: Response(200)).status == 200
    assert slept == [3, 3]


def test_rules_come_and_go_over_http(cloud: CloudUnderTest) -> None:
    url = f"{cloud.endpoint}/_local/faults"
    rule = {"operation": "CreateRole", "times": 3, "code": "ServiceFailure", "status": 500}
    assert requests.post(url, json=[rule, rule], timeout=10).ok
    with pytest.raises(ClientError, match="ServiceFailure"):
        create_role(cloud)
    left = requests.get(url, timeout=10).json()["rules"]
    assert [each["times"] for each in left] == [2, 3]
    assert requests.delete(url, timeout=10).json() == {"rules": []}
    assert create_role(cloud)["Role"]["RoleName"] == "r"


WRONG = [
    pytest.param({}, "operation", id="no operation"),
    pytest.param({"operation": "X", "cut": "twice"}, "cut", id="no such cut"),
    pytest.param({"operation": "X", "times": "often"}, "times", id="no number"),
    pytest.param({"operation": "X", "often": 1}, "often: unknown", id="no such key"),
    pytest.param(["X"], "a rule is an object", id="no object"),
]


@pytest.mark.parametrize(("document", "complaint"), WRONG)
def test_what_is_no_rule_is_refused(cloud: CloudUnderTest, document: Any, complaint: str) -> None:
    with pytest.raises(RuleError, match=complaint):
        read_rules(document)
    refused = requests.post(f"{cloud.endpoint}/_local/faults", json=document, timeout=10)
    assert refused.status_code == 400
    assert complaint in refused.json()["message"]
