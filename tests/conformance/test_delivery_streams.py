"""Delivery streams, from what they refuse to the objects that they write, as on AWS."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.settings import Settings
from tests.conformance.cloud import Cloud, load
from tests.conformance.delivering import Delivery, Pipeline


@pytest.fixture(scope="module")
def delivering(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """A cloud that delivers by itself, 600 times as fast as AWS if it is ours."""
    if request.config.getoption("--endpoint", default=None):
        yield request.getfixturevalue("cloud")
        return
    local = local_cloud(Settings(time_scale=600, access="open"))
    local.start()
    try:
        yield Cloud(local.endpoint)
    finally:
        local.stop()


@pytest.fixture
def pipeline(delivering: Cloud) -> Iterator[Pipeline]:
    """A bucket and a role for a stream, which is removed in the end."""
    with closing(Pipeline(delivering)) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("case", load("delivery_streams.json"), ids=lambda case: case["id"])
def test_a_delivery_stream_answers_as_recorded(
    delivering: Cloud, case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    if delivering.ours and (reason := case.get("fails")):
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    with closing(Delivery(delivering)) as run:
        for number, step in enumerate(case["steps"]):
            run.step(step)
            for expectation in case["expect"]:
                if expectation["after"] == number:
                    run.check_expectation(expectation)
            for assertion in case["asserts"]:
                if assertion["after"] == number:
                    run.check_assertion(assertion)


@pytest.mark.slow
@pytest.mark.parametrize("case", load("delivery_outcomes.json"), ids=lambda case: case["id"])
def test_a_processors_answer_has_its_outcome(pipeline: Pipeline, case: dict[str, Any]) -> None:
    processor = pipeline.processor("fh_scripted", case.get("function", {}), case.get("policy"))
    pipeline.create(
        Prefix="ok/",
        ErrorOutputPrefix="bad/!{firehose:error-output-type}/",
        ProcessingConfiguration=processor,
    )
    records = [json.dumps({"answer": answer}).encode() for answer in case["answers"]]
    # One more that is always delivered says when everything is through; a failing batch says it itself.
    whole = not case["delivered"]
    last = json.dumps({"answer": [{"recordId": "same", "result": "Ok", "data": "last"}]}).encode()
    pipeline.put(*records, *([] if whole else [last]))
    pipeline.wait_for(lambda: pipeline.objects("bad/" if whole else "ok/"), "the objects")
    if case["failed"]:
        pipeline.wait_for(lambda: pipeline.objects("bad/"), "the error objects")

    bodies = [body.decode() for body in pipeline.objects("ok/").values()]
    lines = [line for body in pipeline.objects("bad/").values() for line in body.splitlines()]
    errors = [{key.lower(): value for key, value in json.loads(line).items()} for line in lines]
    # How many objects there are, and in which order, is not the processor's.
    assert case["delivered"] + ("" if whole else "last") in map("".join, permutations(bodies))
    assert [
        {"errorCode": error["errorcode"], "attemptsMade": error["attemptsmade"]} for error in errors
    ] == case["failed"]
    for error in errors:
        assert re.search(case.get("message", "."), error["errormessage"])
        assert base64.b64decode(error["rawdata"]) in records
        assert error["attemptendingtimestamp"] >= error["arrivaltimestamp"] > 1_700_000_000_000
        assert error["lambdaarn"].startswith("arn:aws:lambda:")


@pytest.mark.slow
@pytest.mark.parametrize("case", load("delivery_objects.json"), ids=lambda case: case["id"])
def test_objects_have_the_names_and_contents_of_their_destination(
    pipeline: Pipeline, case: dict[str, Any]
) -> None:
    pipeline.create(**case["destination"])
    pipeline.put(*[record.encode() for record in case["records"]])
    pipeline.wait_for(pipeline.objects, "the object")
    found = pipeline.s3.list_objects_v2(Bucket=pipeline.name)["Contents"]
    (key,) = [item["Key"] for item in found]
    head = pipeline.s3.head_object(Bucket=pipeline.name, Key=key)

    assert re.fullmatch(case["key"].replace("<stream>", pipeline.name), key)
    assert head["ContentType"] == case.get("content_type", head["ContentType"])
    assert head.get("ContentEncoding", "") == case.get("encoding", "")
    (body,) = pipeline.objects().values()
    if "content" in case:
        assert body.decode() == case["content"]
    else:
        assert body[: len(case["magic"]) // 2].hex() == case["magic"]


@pytest.mark.slow
@pytest.mark.parametrize("case", load("delivery_refusals.json"), ids=lambda case: case["id"])
def test_a_configuration_is_refused_as_on_aws(pipeline: Pipeline, case: dict[str, Any]) -> None:
    text = json.dumps(case["destination"]).replace("<bucket>", pipeline.name)
    destination = {**pipeline.destination(), **json.loads(text)}
    destination = {key: value for key, value in destination.items() if value != "<none>"}
    with pytest.raises(ClientError) as caught:
        pipeline.firehose.create_delivery_stream(
            DeliveryStreamName=case.get("name", pipeline.name), ExtendedS3DestinationConfiguration=destination
        )

    error = caught.value.response
    assert error["Error"]["Code"] == case["code"]
    assert case["message"] in error["Error"]["Message"]
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
