"""The AWS CLI, pointed at the local cloud, sees what ``up`` made there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.local_site.mysfits import mysfits
from tests.support.aws_cli import ASKED_FOR, REASON, AwsCli
from tests.support.deployment import ACCOUNT, Deployment

pytestmark = [pytest.mark.emulator, pytest.mark.skipif(not ASKED_FOR, reason=REASON)]


@pytest.fixture(scope="module")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    return AwsCli.asked_for(tmp_path_factory.mktemp("awscli"))


@pytest.fixture
def stack(deployment: Deployment) -> Deployment:
    """The stack with one click delivered."""
    deployment.deploy()
    mysfit = mysfits()[0]["mysfitId"]
    assert deployment.put({"userId": "cli", "mysfitId": mysfit}).ok
    deployment.pass_buffers()
    return deployment


def test_every_part_of_the_stack_is_seen(aws_cli: AwsCli, stack: Deployment) -> None:
    def ask(*arguments: str) -> Any:
        return json.loads(aws_cli.run(stack.cloud, *arguments, "--output", "json"))

    names = stack.names
    stream = ask("firehose", "describe-delivery-stream", "--delivery-stream-name", names.stream)
    assert stream["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
    assert ask("firehose", "list-delivery-streams")["DeliveryStreamNames"] == [names.stream]

    [api] = ask("apigateway", "get-rest-apis")["items"]
    assert api["name"] == names.api
    resources = ask("apigateway", "get-resources", "--rest-api-id", api["id"])["items"]
    assert {resource["path"] for resource in resources} == {"/", "/clicks"}
    [stage] = ask("apigateway", "get-stages", "--rest-api-id", api["id"])["item"]
    assert stage["stageName"] == "prod"

    function = ask("lambda", "get-function", "--function-name", names.function)["Configuration"]
    assert (function["State"], function["Handler"]) == ("Active", "stream_processor.handler")
    role = ask("iam", "get-role", "--role-name", names.processor_role)["Role"]
    assert function["Role"] == role["Arn"]
    groups = ask("logs", "describe-log-groups")["logGroups"]
    assert {group["logGroupName"] for group in groups} == {names.processor_logs, names.delivery_logs}

    tagged = ask("resourcegroupstaggingapi", "get-resources", "--tag-filters", "Key=mysfits-stream:stack")
    arns = {resource["ResourceARN"] for resource in tagged["ResourceTagMappingList"]}
    assert f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/{names.stream}" in arns
    assert ask("sts", "get-caller-identity")["Account"] == ACCOUNT


def test_the_enriched_click_is_listed_and_copied(aws_cli: AwsCli, stack: Deployment, tmp_path: Path) -> None:
    assert stack.names.bucket in aws_cli.run(stack.cloud, "s3", "ls")
    bucket = f"s3://{stack.names.bucket}"
    [line] = aws_cli.run(stack.cloud, "s3", "ls", bucket, "--recursive").splitlines()
    key = line.split()[-1]
    assert key.startswith("firehose/2026/")
    aws_cli.run(stack.cloud, "s3", "cp", f"{bucket}/{key}", str(tmp_path / "click"))
    assert json.loads((tmp_path / "click").read_text(encoding="utf-8"))["userId"] == "cli"


def test_the_processor_is_invoked_and_its_log_read(
    aws_cli: AwsCli, stack: Deployment, tmp_path: Path
) -> None:
    answer = tmp_path / "answer.json"
    event = '{"records": [], "invocationId": "cli"}'
    # Version 2 takes base64 where version 1 takes the text; a file of bytes both read alike.
    (tmp_path / "event.json").write_text(event, encoding="utf-8")
    arguments = ["--function-name", stack.names.function, "--payload", f"fileb://{tmp_path}/event.json"]
    told = json.loads(aws_cli.run(stack.cloud, "lambda", "invoke", *arguments, str(answer)))
    assert told["StatusCode"] == 200
    assert "FunctionError" not in told
    assert json.loads(answer.read_text(encoding="utf-8")) == {"records": []}

    group = stack.names.processor_logs
    read = ["logs", "filter-log-events", "--log-group-name", group, "--query", "events[].message"]
    lines = json.loads(aws_cli.run(stack.cloud, *read, "--output", "json"))
    # One invocation for the click, one of ours.
    assert sum("START RequestId" in line for line in lines) == 2
    assert sum("REPORT RequestId" in line for line in lines) == 2


def test_the_deployed_api_is_exported(aws_cli: AwsCli, stack: Deployment, tmp_path: Path) -> None:
    api = stack.resource("clicks-api").read().id
    exported = tmp_path / "api.json"
    aws_cli.run(
        stack.cloud,
        *("apigateway", "get-export", "--rest-api-id", api, "--stage-name", "prod"),
        *("--export-type", "oas30", "--parameters", "extensions=apigateway", str(exported)),
    )
    document = json.loads(exported.read_text(encoding="utf-8"))
    assert set(document["paths"]["/clicks"]) == {"put", "options"}
