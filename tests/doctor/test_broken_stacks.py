"""The doctor finds the broken link of a stack on the local cloud."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream import doctor
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.doctor.links import BROKEN, OK, UNKNOWN, WARNING, Link
from tests.support.cloud import CloudUnderTest
from tests.support.ledger import MysfitsService, Pipeline, troubled_pipeline


@pytest.fixture
def pipeline(local_cloud: CloudUnderTest, tmp_path: Path, mysfits_service: MysfitsService) -> Pipeline:
    # S3 and HTTP tell the time of the wall; what is delivered here is to lie before it. Tests of the same ten
    # minutes begin at the same time, with the same snapshot of the stack.
    local_cloud.clock.now = time.time() // 600 * 600 - 1800
    return troubled_pipeline(local_cloud, tmp_path, mysfits_service)


def examination(pipeline: Pipeline, *, click: Any = None, **changes: Any) -> dict[str, Link]:
    observed = pipeline.resource("clicks-api").read()
    path = doctor.Path(
        config=pipeline.config,
        names=pipeline.names,
        resources=pipeline.resources(),
        endpoint=observed and pipeline.target.endpoint(observed.id, pipeline.config.api.stage),
        api_id=observed and observed.id,
        mysfits_api=pipeline.service.url,
        bucket=ClicksBucket.of(pipeline.config, pipeline.names.bucket, pipeline.target.clients.s3),
        client=pipeline.target.client,
    )
    path = replace(path, **changes)
    return {link.name: link for link in doctor.examine(path, window=timedelta(hours=2), click=click)}


def deliver(pipeline: Pipeline, rounds: int = 2) -> None:
    assert pipeline.put({"userId": "u", "mysfitId": "m-1"}).status_code == 200
    for _ in range(rounds):
        pipeline.cloud.advance(61)


@contextmanager
def nothing(pipeline: Pipeline) -> Iterator[None]:
    yield


@contextmanager
def service_down(pipeline: Pipeline) -> Iterator[None]:
    pipeline.service.up = False
    yield


@contextmanager
def stream_gone(pipeline: Pipeline) -> Iterator[None]:
    pipeline.target.clients.firehose.delete_delivery_stream(DeliveryStreamName=pipeline.names.stream)
    pipeline.cloud.advance(60)
    yield


@contextmanager
def role_distrusted(pipeline: Pipeline) -> Iterator[None]:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    pipeline.target.clients.iam.update_assume_role_policy(
        RoleName=pipeline.names.api_role, PolicyDocument=json.dumps(trust)
    )
    yield


@contextmanager
def role_powerless(pipeline: Pipeline) -> Iterator[None]:
    iam, role = pipeline.target.clients.iam, pipeline.names.api_role
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    yield


@contextmanager
def role_for_another_stream(pipeline: Pipeline) -> Iterator[None]:
    iam, role = pipeline.target.clients.iam, pipeline.names.api_role
    [policy] = iam.list_role_policies(RoleName=role)["PolicyNames"]
    document = json.dumps(iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"])
    another = document.replace(pipeline.names.stream, "another-stream")
    assert another != document
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=another)
    yield


@contextmanager
def role_gone(pipeline: Pipeline) -> Iterator[None]:
    pipeline.resource("api-role").delete()
    yield


@contextmanager
def another_role(pipeline: Pipeline) -> Iterator[None]:
    """The API calls the stream as the processor, whose role lacks trust and permission."""
    gateway = pipeline.target.clients.apigateway
    api_id = pipeline.resource("clicks-api").read().id
    found = gateway.get_resources(restApiId=api_id)["items"]
    [clicks] = [each["id"] for each in found if each["path"] == "/clicks"]
    role = pipeline.target.account.role_arn(pipeline.names.processor_role)
    gateway.update_integration(
        restApiId=api_id,
        resourceId=clicks,
        httpMethod="PUT",
        patchOperations=[{"op": "replace", "path": "/credentials", "value": role}],
    )
    gateway.create_deployment(restApiId=api_id, stageName=pipeline.config.api.stage)
    yield


@contextmanager
def processor_gone(pipeline: Pipeline) -> Iterator[None]:
    pipeline.resource("processor").delete()
    yield


@contextmanager
def api_gone(pipeline: Pipeline) -> Iterator[None]:
    pipeline.resource("clicks-api").delete()
    yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "clicked", "broken", "says"),
    [
        (nothing, True, set(), ""),
        (service_down, False, {"mysfits-service"}, "503"),
        (stream_gone, False, {"stream"}, "no delivery stream"),
        (processor_gone, False, {"processor", "processor-live"}, "does not exist"),
        (api_gone, False, {"endpoint"}, "there is no clicks API"),
        (
            lambda p: p.role_without("s3:PutObject"),
            True,
            {"delivery-role", "delivery"},
            "writes to S3 failed",
        ),
        (
            lambda p: p.role_without("lambda:InvokeFunction"),
            True,
            {"delivery-role", "processing", "failed-clicks"},
            "InvokeAccessDenied",
        ),
    ],
    ids=[
        "nothing",
        "the Mysfits service is down",
        "the stream is gone",
        "the processor is gone",
        "the API is gone",
        "the delivery role may not write",
        "the delivery role may not invoke",
    ],
)
def test_the_broken_link_is_found(
    pipeline: Pipeline, fault: Callable[[Pipeline], Any], clicked: bool, broken: set[str], says: str
) -> None:
    with fault(pipeline):
        if clicked:
            deliver(pipeline, rounds=6)
        found = examination(pipeline)
        assert {name for name, link in found.items() if link.status == BROKEN} == broken
        assert not broken or any(says in found[name].detail for name in broken)
        assert all(found[name].advice for name in broken)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "link", "differs", "answered"),
    [
        (role_gone, "api-role", "does not exist", "does not have permission to assume"),
        (role_distrusted, "api-role", "AssumeRolePolicyDocument", "does not have permission to assume"),
        (role_powerless, "api-role", "Policies", "AccessDenied"),
        (role_for_another_stream, "api-role", "Policies", "AccessDenied"),
        (another_role, "clicks-api", "Methods, Deployment", "does not have permission to assume"),
    ],
    ids=[
        "the API's role is gone",
        "the API's role is not assumable",
        "the API's role may not put",
        "the API's role may put on another stream",
        "the API has another role",
    ],
)
def test_what_keeps_the_api_from_the_stream_is_found_whether_a_click_is_sent_or_not(
    pipeline: Pipeline, fault: Callable[[Pipeline], Any], link: str, differs: str, answered: str
) -> None:
    with fault(pipeline):
        found = examination(pipeline)
        assert {name for name, each in found.items() if each.status == BROKEN} == {link}
        assert differs in found[link].detail
        assert "mysfits-stream up" in found[link].advice
        assert answered in examination(pipeline, click={"userId": "u", "mysfitId": "m-0"})["put"].detail


@pytest.mark.slow
def test_a_stack_as_configured_is_said_to_be_and_tuning_by_hand_breaks_no_link(pipeline: Pipeline) -> None:
    assert examination(pipeline)["resources"].status == OK
    pipeline.target.clients.function.update_function_configuration(
        FunctionName=pipeline.names.function, MemorySize=1024
    )
    pipeline.target.clients.logs.delete_log_group(logGroupName=pipeline.names.processor_logs)
    found = examination(pipeline)
    assert (found["processor"].status, found["processor"].detail) == (
        WARNING,
        "not as configured: MemorySize",
    )
    assert (found["processor-logs"].status, found["processor-logs"].detail) == (WARNING, "does not exist")
    assert "resources" not in found
    assert BROKEN not in {link.status for link in found.values()}


@pytest.mark.slow
def test_without_a_stack_its_absence_is_said_once(pipeline: Pipeline) -> None:
    pipeline.down()
    found = examination(pipeline)
    assert (found["resources"].status, found["resources"].detail) == (UNKNOWN, "no resource exists")
    assert {name for name, link in found.items() if link.status == BROKEN} == {"endpoint", "stream", "bucket"}


@pytest.mark.slow
def test_a_bucket_that_is_gone_and_a_service_that_is_not_named_do_not_end_the_walk(
    pipeline: Pipeline,
) -> None:
    s3 = pipeline.target.clients.s3
    s3.delete_bucket(Bucket=pipeline.names.bucket)
    found = examination(pipeline, mysfits_api=None)
    assert {name for name, link in found.items() if link.status == BROKEN} == {"bucket"}
    assert found["mysfits-service"].status == UNKNOWN
    assert found["data"].status == UNKNOWN
