"""The stack against the workshop's, row by row of the table in docs/aws.md."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from typing import Any

import pytest
import requests

from mysfits_stream.local_site.mysfits import mysfits
from tests.support.deployment import ACCOUNT, Deployment

pytestmark = pytest.mark.slow

MYSFIT = mysfits()[0]
CLICK = {"userId": "guest", "mysfitId": MYSFIT["mysfitId"]}


@pytest.fixture
def up(deployment: Deployment) -> Deployment:
    deployment.deploy()
    return deployment


def test_row_1_the_bucket_is_versioned_private_encrypted_and_named_after_the_stack(up: Deployment) -> None:
    s3, bucket = up.target.clients.s3, up.names.bucket
    assert bucket == f"mysfits-clicks-{ACCOUNT}-eu-west-1"
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]
    [rule] = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    [statement] = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    [lifecycle] = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert lifecycle["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert lifecycle["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 7


def test_row_2_the_delivery_stream_has_the_workshops_values_and_says_what_it_left_open(
    up: Deployment,
) -> None:
    found: Any = up.target.clients.firehose.describe_delivery_stream(DeliveryStreamName=up.names.stream)
    description = found["DeliveryStreamDescription"]
    destination = description["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert destination["BufferingHints"] == {"SizeInMBs": 50, "IntervalInSeconds": 60}
    assert destination["CompressionFormat"] == "UNCOMPRESSED"
    assert destination["Prefix"] == "firehose/"
    assert destination["ErrorOutputPrefix"].startswith("!{firehose:error-output-type}/")
    assert destination["CloudWatchLoggingOptions"] == {
        "Enabled": True,
        "LogGroupName": up.names.delivery_logs,
        "LogStreamName": "S3Delivery",
    }
    [processor] = destination["ProcessingConfiguration"]["Processors"]
    assert {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]} == {
        "LambdaArn": f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{up.names.function}:live",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{up.names.delivery_role}",
        "NumberOfRetries": "3",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "60",
    }
    assert description["DeliveryStreamEncryptionConfiguration"]["KeyType"] == "AWS_OWNED_CMK"
    assert description["DeliveryStreamEncryptionConfiguration"]["Status"] == "ENABLED"


def _role(up: Deployment, name: str) -> tuple[Any, list[Any]]:
    iam: Any = up.target.clients.iam
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
    policy = iam.get_role_policy(RoleName=name, PolicyName="permissions")["PolicyDocument"]["Statement"]
    assert len(trust) == 1
    return trust[0], policy


def test_row_3_the_delivery_role_reaches_this_bucket_and_this_function_only(up: Deployment) -> None:
    trust, statements = _role(up, up.names.delivery_role)
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": ACCOUNT}}
    granted = {action: statement["Resource"] for statement in statements for action in statement["Action"]}
    bucket = f"arn:aws:s3:::{up.names.bucket}"
    function = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:{up.names.function}"
    assert granted["s3:PutObject"] == [f"{bucket}/*"]
    assert granted["s3:ListBucket"] == [bucket]
    assert granted["lambda:InvokeFunction"] == [function, f"{function}:*"]
    assert granted["lambda:GetFunctionConfiguration"] == [function, f"{function}:*"]
    assert granted["logs:PutLogEvents"] == [
        f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{up.names.delivery_logs}:log-stream:S3Delivery"
    ]


def test_row_4_the_processor_is_packed_with_requests_and_told_the_service_by_its_environment(
    up: Deployment,
) -> None:
    answer: Any = up.target.clients.function.get_function(FunctionName=up.names.function)
    found = answer["Configuration"]
    assert (found["Runtime"], found["Architectures"]) == ("python3.13", ["arm64"])
    assert (found["MemorySize"], found["Timeout"]) == (256, 60)
    assert found["Environment"]["Variables"]["MYSFITS_API"] == f"{up.cloud.endpoint}/_mysfits"
    names = zipfile.ZipFile(io.BytesIO(up.resource("processor").package().zip_bytes)).namelist()
    assert {"stream_processor.py", "requests/__init__.py", "urllib3/__init__.py"} <= set(names)


def test_row_5_the_processor_may_write_its_own_log_and_nothing_else(up: Deployment) -> None:
    _, statements = _role(up, up.names.processor_role)
    assert statements == [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": [f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{up.names.processor_logs}:*"],
        }
    ]


def test_row_6_the_delivery_role_alone_lets_firehose_invoke_the_processor(up: Deployment) -> None:
    function: Any = up.target.clients.function
    with pytest.raises(function.exceptions.ResourceNotFoundException):
        function.get_policy(FunctionName=up.names.function)
    assert up.put(CLICK).ok
    up.pass_buffers()
    assert len(up.delivered()) == 1


def test_row_7_the_api_role_may_put_records_on_this_stream_and_its_trust_has_no_condition(
    up: Deployment,
) -> None:
    trust, statements = _role(up, up.names.api_role)
    assert trust["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert "Condition" not in trust
    assert [(s["Action"], s["Resource"]) for s in statements] == [
        (["firehose:PutRecord"], [f"arn:aws:firehose:eu-west-1:{ACCOUNT}:deliverystream/{up.names.stream}"])
    ]


def _put_method(up: Deployment) -> Any:
    api: Any = up.target.clients.apigateway
    api_id = up.resource("clicks-api").read().id
    resources = api.get_resources(restApiId=api_id, embed=["methods"])["items"]
    [clicks] = [resource for resource in resources if resource["path"] == "/clicks"]
    return clicks["resourceMethods"]["PUT"]


def test_row_8_the_api_is_regional_and_puts_on_firehose_by_post(up: Deployment) -> None:
    api: Any = up.target.clients.apigateway
    found = api.get_rest_api(restApiId=up.resource("clicks-api").read().id)
    assert found["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert up.clicks_url.endswith("/prod/_user_request_/clicks")
    integration = _put_method(up)["methodIntegration"]
    assert (integration["type"], integration["httpMethod"]) == ("AWS", "POST")
    assert integration["uri"] == "arn:aws:apigateway:eu-west-1:firehose:action/PutRecord"
    assert integration["requestParameters"] == {
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
    }


def test_row_9_the_template_names_the_stream_and_puts_the_click_as_it_is_into_an_envelope(
    up: Deployment,
) -> None:
    [template] = _put_method(up)["methodIntegration"]["requestTemplates"].values()
    assert up.names.stream in template
    assert template.count("$input.json('$')") == 1
    before = round(up.cloud.clock() * 1000)
    assert up.put(CLICK).ok
    [record] = up.cloud.cloud.firehose.held()
    envelope = json.loads(record)
    assert list(envelope) == ["v", "requestId", "time", "first", "clicks"]
    assert (envelope["v"], envelope["first"], envelope["clicks"]) == (1, 0, CLICK)
    assert envelope["time"] == before
    assert re.fullmatch(r"[A-Za-z0-9_=-]{12,}", envelope["requestId"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"mysfitId": MYSFIT["mysfitId"]}, id="a click without a user"),
        pytest.param({**CLICK, "extra": 1}, id="a click with more than a click has"),
        pytest.param({**CLICK, "mysfitId": "../../etc"}, id="a mysfit id that is a path"),
        pytest.param({**CLICK, "userId": "u" * 129}, id="a user id that is too long"),
        pytest.param([], id="no clicks at all"),
        pytest.param([CLICK] * 101, id="more clicks than a request may hold"),
        pytest.param("{", id="no JSON"),
        pytest.param("", id="nothing"),
    ],
)
def test_row_9_what_is_not_a_click_is_refused(up: Deployment, body: Any) -> None:
    answer = up.put(body)
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid request body"})
    up.pass_buffers()
    assert up.objects() == {}


def test_row_9_another_content_type_is_refused_before_it_can_pass_the_template_by(up: Deployment) -> None:
    smuggled = {"DeliveryStreamName": up.names.stream, "Record": {"Data": base64.b64encode(b"x").decode()}}
    answer = up.put(smuggled, **{"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()) == (415, {"message": "Unsupported Media Type"})


def test_row_10_success_is_200_and_shows_no_internal_id(up: Deployment) -> None:
    answer = up.put(CLICK)
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})


def test_row_10_a_refusal_by_firehose_is_an_error_that_the_page_can_read(up: Deployment) -> None:
    url = up.clicks_url
    up.target.clients.iam.delete_role_policy(RoleName=up.names.api_role, PolicyName="permissions")
    answer = requests.put(url, json=CLICK, timeout=10)
    assert answer.status_code == 502
    assert list(answer.json()) == ["message"]
    assert "arn:" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_row_11_a_preflight_is_answered_and_may_be_cached(up: Deployment) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "PUT"}
    answer = requests.options(up.clicks_url, headers=asked, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert answer.headers["Access-Control-Max-Age"] == "3600"


@pytest.mark.parametrize("body", [CLICK, "{"], ids=["a click", "what API Gateway itself refuses"])
def test_row_11_every_answer_carries_the_header(up: Deployment, body: Any) -> None:
    assert up.put(body).headers["Access-Control-Allow-Origin"] == "*"


def test_row_12_the_state_file_holds_every_arn(up: Deployment) -> None:
    recorded = json.loads((up.directory / "state.json").read_text())
    assert set(recorded["resources"]) == {resource.name for resource in up.resources()}
    assert all(entry["arn"].startswith("arn:aws:") for entry in recorded["resources"].values())


def test_row_13_an_enriched_click_has_the_workshops_fields_then_name_time_and_ids(up: Deployment) -> None:
    assert up.put([CLICK, {**CLICK, "userId": "other"}]).ok
    up.pass_buffers()
    [(key, content)] = up.objects("firehose/").items()
    assert re.fullmatch(
        rf"firehose/\d{{4}}/\d\d/\d\d/\d\d/{up.names.stream}-1-[\d-]{{19}}-[0-9a-f-]{{36}}", key
    )
    assert content.endswith(b"}\n")
    lines = content.splitlines()
    assert [json.loads(line)["userId"] for line in lines] == ["guest", "other"]
    click = json.loads(lines[0])
    workshop = ["userId", "mysfitId", "goodevil", "lawchaos", "species"]
    assert list(click) == [*workshop, "name", "clickedAt", "clickId", "requestId"]
    attributes = ("goodevil", "lawchaos", "species", "name")
    assert {key: click[key] for key in attributes} == {key: MYSFIT[key] for key in attributes}
    assert [json.loads(line)["clickId"] for line in lines] == [f"{click['requestId']}:{n}" for n in (0, 1)]
    assert click["clickedAt"] == "2026-09-21T14:13:20.000Z"


def test_row_15_the_mysfits_service_lists_mysfits_and_shows_each(local_cloud: Any) -> None:
    base = f"{local_cloud.endpoint}/_mysfits/mysfits"
    listed = requests.get(base, timeout=10).json()["mysfits"]
    assert len(listed) >= 12
    shown = requests.get(f"{base}/{listed[0]['mysfitId']}", timeout=10).json()
    assert {"goodevil", "lawchaos", "species"} <= shown.keys()
    assert requests.get(f"{base}/nobody", timeout=10).status_code == 404


def test_row_17_a_change_of_code_alone_updates_the_functions_code_alone(up: Deployment) -> None:
    function = up.target.clients.function
    function.update_function_code(FunctionName=up.names.function, ZipFile=_another_zip())
    up.calls.clear()
    up.up()
    writes = [call for call in up.calls if not call.startswith(("Get", "Describe", "List", "Head"))]
    assert writes == ["UpdateFunctionCode"]
    assert set(up.statuses().values()) == {"in-sync"}


def _another_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("stream_processor.py", "handler = None\n")
    return buffer.getvalue()
