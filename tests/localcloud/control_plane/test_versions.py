"""Versions and aliases through AWS's clients: published, listed, deleted, invoked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.provision import policies
from mysfits_stream.provision.processor_zip import zipped
from tests.support.cloud import CloudUnderTest

FUNCTION = "processor"
ARN = f"arn:aws:lambda:eu-west-1:123456789012:function:{FUNCTION}"


def code(answer: str) -> bytes:
    """A zip without the time of day: the digest of equal code is the same."""
    source = (
        "def handler(event, context):\n"
        f"    return [{answer!r}, context.function_version, context.invoked_function_arn]\n"
    )
    return zipped({"index.py": source.encode()})


@pytest.fixture
def function(local_cloud: CloudUnderTest) -> Any:
    """A client of Lambda, with a function whose code answers "one"."""
    trust = json.dumps(policies.trusting("lambda.amazonaws.com"))
    role = local_cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    client = local_cloud.client("lambda")
    client.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": code("one")},
    )
    return client


def publish(client: Any, **given: Any) -> str:
    return str(client.publish_version(FunctionName=FUNCTION, **given)["Version"])


def upload(client: Any, answer: str) -> None:
    client.update_function_code(FunctionName=FUNCTION, ZipFile=code(answer))


def invoked(client: Any, qualifier: str = "") -> Any:
    by = {"Qualifier": qualifier} if qualifier else {}
    response = client.invoke(FunctionName=FUNCTION, **by)
    return json.load(response["Payload"])


def versions(client: Any) -> list[str]:
    return [each["Version"] for each in client.list_versions_by_function(FunctionName=FUNCTION)["Versions"]]


def test_each_version_and_alias_runs_its_own_code_and_reads_its_arn_in_the_context(function: Any) -> None:
    first = publish(function)
    upload(function, "two")
    second = publish(function)
    function.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=first)

    assert (first, second) == ("1", "2")
    assert invoked(function) == ["two", "$LATEST", ARN]
    assert invoked(function, "1") == ["one", "1", f"{ARN}:1"]
    assert invoked(function, "2") == ["two", "2", f"{ARN}:2"]
    assert invoked(function, "live") == ["one", "1", f"{ARN}:live"]
    function.update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion=second)
    assert invoked(function, "live") == ["two", "2", f"{ARN}:live"]


def test_what_did_not_change_is_not_published_again(function: Any) -> None:
    """F281: the last version comes back, with the description that it was published with."""
    assert publish(function, Description="first") == "1"
    again = function.publish_version(FunctionName=FUNCTION, Description="second")
    assert (again["Version"], again["Description"]) == ("1", "first")
    function.tag_resource(Resource=ARN, Tags={"team": "clicks"})
    upload(function, "one")
    assert publish(function) == "1"
    function.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": {"AB": "1"}})
    assert publish(function) == "2"


def test_a_number_is_never_used_again(function: Any) -> None:
    publish(function)
    upload(function, "two")
    publish(function)
    function.delete_function(FunctionName=FUNCTION, Qualifier="2")
    assert versions(function) == ["$LATEST", "1"]
    assert publish(function) == "3"
    function.delete_function(FunctionName=FUNCTION, Qualifier="1")
    assert versions(function) == ["$LATEST", "3"]


def test_a_version_has_no_update_of_its_own_and_keeps_its_configuration(function: Any) -> None:
    function.update_function_configuration(FunctionName=FUNCTION, MemorySize=256)
    publish(function)
    function.update_function_configuration(FunctionName=FUNCTION, MemorySize=512)
    kept = function.get_function_configuration(FunctionName=FUNCTION, Qualifier="1")
    assert (kept["MemorySize"], kept["Version"], kept["FunctionArn"]) == (256, "1", f"{ARN}:1")
    assert kept["State"] == "Active"
    assert "LastUpdateStatus" not in kept


def test_lists_come_in_pages(function: Any) -> None:
    publish(function)
    function.create_alias(FunctionName=FUNCTION, Name="b", FunctionVersion="1")
    function.create_alias(FunctionName=FUNCTION, Name="a", FunctionVersion="$LATEST")
    first = function.list_versions_by_function(FunctionName=FUNCTION, MaxItems=1)
    rest = function.list_versions_by_function(FunctionName=FUNCTION, Marker=first["NextMarker"])
    assert [each["Version"] for each in first["Versions"] + rest["Versions"]] == ["$LATEST", "1"]
    assert "NextMarker" not in rest
    listed = function.list_aliases(FunctionName=FUNCTION)["Aliases"]
    assert [each["Name"] for each in listed] == ["a", "b"]
    of_version = function.list_aliases(FunctionName=FUNCTION, FunctionVersion="1")["Aliases"]
    assert [each["Name"] for each in of_version] == ["b"]


REFUSED: list[tuple[str, str, Callable[[Any], Any]]] = [
    (
        "ResourceConflictException",
        f"Alias already exists: {ARN}:live",
        lambda c: c.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1"),
    ),
    (
        "ResourceNotFoundException",
        f"Function not found: {ARN}:7",
        lambda c: c.update_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="7"),
    ),
    (
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}:other",
        lambda c: c.get_alias(FunctionName=FUNCTION, Name="other"),
    ),
    (
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
        lambda c: c.delete_function(FunctionName=FUNCTION, Qualifier="1"),
    ),
    (
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
        lambda c: c.delete_function(FunctionName=FUNCTION, Qualifier="$LATEST"),
    ),
    (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id.",
        lambda c: c.update_alias(FunctionName=FUNCTION, Name="live", RevisionId="stale"),
    ),
    (
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id.",
        lambda c: c.publish_version(FunctionName=FUNCTION, RevisionId="stale"),
    ),
    (
        "InvalidParameterValueException",
        "CodeSHA256 (stale) is different from current CodeSHA256 in $LATEST",
        lambda c: c.publish_version(FunctionName=FUNCTION, CodeSha256="stale"),
    ),
    (
        "NotSimulated",
        "lambda:CreateAlias: RoutingConfig is not simulated",
        lambda c: c.create_alias(
            FunctionName=FUNCTION,
            Name="split",
            FunctionVersion="1",
            RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}},
        ),
    ),
    (
        "NotSimulated",
        "lambda:UpdateAlias: RoutingConfig is not simulated",
        lambda c: c.update_alias(
            FunctionName=FUNCTION, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}}
        ),
    ),
    (
        "NotSimulated",
        "lambda:PutProvisionedConcurrencyConfig is not simulated",
        lambda c: c.put_provisioned_concurrency_config(
            FunctionName=FUNCTION, Qualifier="live", ProvisionedConcurrentExecutions=1
        ),
    ),
]


@pytest.mark.parametrize(
    ("error", "message", "call"), REFUSED, ids=[f"{row[0]}: {row[1]}" for row in REFUSED]
)
def test_refused_in_aws_words(function: Any, error: str, message: str, call: Callable[[Any], Any]) -> None:
    publish(function)
    upload(function, "two")
    publish(function)
    function.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    with pytest.raises(ClientError) as refused:
        call(function)
    found = refused.value.response["Error"]
    assert (found["Code"], found["Message"][: len(message)]) == (error, message)
    assert invoked(function, "live") == ["one", "1", f"{ARN}:live"]
    assert versions(function) == ["$LATEST", "1", "2"]


def test_versions_and_aliases_go_with_their_function(function: Any, local_cloud: CloudUnderTest) -> None:
    publish(function)
    function.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    role = function.get_function_configuration(FunctionName=FUNCTION)["Role"]
    function.delete_function(FunctionName=FUNCTION)
    for qualifier in ("live", "1", "$LATEST"):
        with pytest.raises(ClientError, match="Function not found"):
            function.get_function_configuration(FunctionName=FUNCTION, Qualifier=qualifier)
    function.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Code={"ZipFile": code("anew")},
    )
    assert versions(function) == ["$LATEST"]
    assert function.list_aliases(FunctionName=FUNCTION)["Aliases"] == []
    assert publish(function) == "1"


def test_a_deleted_alias_is_gone_and_its_version_stays(function: Any) -> None:
    publish(function)
    function.create_alias(FunctionName=FUNCTION, Name="live", FunctionVersion="1")
    for _ in range(2):
        function.delete_alias(FunctionName=FUNCTION, Name="live")
    with pytest.raises(ClientError, match="Function not found"):
        function.invoke(FunctionName=FUNCTION, Qualifier="live")
    assert invoked(function, "1") == ["one", "1", f"{ARN}:1"]
