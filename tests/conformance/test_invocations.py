"""Invocations of functions: what handlers see, and how their failures are told, as on AWS."""

from __future__ import annotations

import base64
import io
import json
import re
import uuid
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.cloud import Cloud, load
from tests.conformance.delivering import ANYONE_MAY

Make = Callable[..., str]


@pytest.fixture
def make(cloud: Cloud) -> Iterator[Make]:
    """Makes functions, and removes them."""
    client, iam = cloud.client("lambda"), cloud.client("iam")
    name = f"conformance-{uuid.uuid4().hex[:12]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=ANYONE_MAY)

    def made(code: str, **settings: Any) -> str:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("index.py", code.replace("<name>", name))
        given = {"Runtime": "python3.13", "Handler": "index.handler", **settings}
        client.create_function(FunctionName=name, Role=role, Code={"ZipFile": packed.getvalue()}, **given)
        client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name

    yield made
    client.delete_function(FunctionName=name)


@pytest.mark.slow
@pytest.mark.parametrize("case", load("invocations.json"), ids=lambda case: case["id"])
def test_an_invocation_answers_as_on_aws(cloud: Cloud, make: Make, case: dict[str, Any]) -> None:
    name = make(case["code"], **case["settings"])
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(case["payload"]).encode())
    payload = json.loads(answer["Payload"].read())

    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    if "error" not in case:
        assert "FunctionError" not in answer
        assert payload == case["result"]
        return
    assert answer["FunctionError"] == "Unhandled"
    request = answer["ResponseMetadata"]["RequestId"]
    wanted = {key: value.replace("<request>", request) for key, value in case["error"].items()}
    assert {key: payload[key] for key in wanted} == wanted


@pytest.mark.slow
def test_the_log_tail_tells_the_invocation_from_start_to_report(cloud: Cloud, make: Make) -> None:
    name = make("def handler(event, context):\n    print('in between')")
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=b"{}", LogType="Tail")
    lines = base64.b64decode(answer["LogResult"]).decode().splitlines()
    request = answer["ResponseMetadata"]["RequestId"]

    assert f"START RequestId: {request} Version: $LATEST" in lines
    assert "in between" in lines
    assert f"END RequestId: {request}" in lines
    assert re.fullmatch(
        rf"REPORT RequestId: {request}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\t"
        r"Max Memory Used: \d+ MB\t(Init Duration: [\d.]+ ms\t)?",
        lines[-1],
    )


@pytest.mark.slow
def test_a_dry_run_and_an_event_answer_without_a_result(cloud: Cloud, make: Make) -> None:
    client, name = cloud.client("lambda"), make("def handler(event, context):\n    return 1")
    dry = client.invoke(FunctionName=name, InvocationType="DryRun", Payload=b"{}")
    event = client.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")

    assert (dry["StatusCode"], dry["Payload"].read()) == (204, b"")
    assert (event["StatusCode"], event["Payload"].read()) == (202, b"")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parameters", "code", "status"),
    [
        ({"Payload": b"{not json"}, "InvalidRequestContentException", 400),
        ({"Qualifier": "9"}, "ResourceNotFoundException", 404),
        ({"FunctionName": "conformance-none"}, "ResourceNotFoundException", 404),
    ],
    ids=["a payload that is no JSON", "a version that is none", "a function that is none"],
)
def test_an_invocation_is_refused_as_on_aws(
    cloud: Cloud, make: Make, parameters: dict[str, Any], code: str, status: int
) -> None:
    name = make("def handler(event, context):\n    return 1")
    with pytest.raises(ClientError) as caught:
        cloud.client("lambda").invoke(**{"FunctionName": name, "Payload": b"{}", **parameters})

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
