"""The local cloud as AWS clients and browsers meet it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
import requests

from tests.support.cloud import CloudUnderTest

ACCOUNT = "123456789012"
HANDLER = """
import base64, json

def handler(event, context):
    print("processing", len(event["records"]))
    records = []
    for record in event["records"]:
        click = json.loads(base64.b64decode(record["data"]))
        data = base64.b64encode((json.dumps(click | {"species": "Griffin"}) + "\\n").encode()).decode()
        records.append({"recordId": record["recordId"], "result": "Ok", "data": data})
    return {"records": records}
"""


def zipped(source: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("processor.py", source)
    return buffer.getvalue()


def make_role(
    cloud: CloudUnderTest, name: str, service: str, statements: list[dict[str, Any]], **condition: Any
) -> str:
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", **condition}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
    policy = {"Version": "2012-10-17", "Statement": statements}
    iam.put_role_policy(RoleName=name, PolicyName="access", PolicyDocument=json.dumps(policy))
    return str(role["Arn"])


def allow(action: str | list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def click_pipeline(cloud: CloudUnderTest, api_may: str = "firehose:PutRecord") -> str:
    """The pipeline in small, made with AWS's own client; the URL of its clicks API."""
    region = cloud.region
    function = f"arn:aws:lambda:{region}:{ACCOUNT}:function:processor"
    stream = f"arn:aws:firehose:{region}:{ACCOUNT}:deliverystream/clicks"
    logs = f"arn:aws:logs:{region}:{ACCOUNT}:log-group:/aws/lambda/processor:*"
    processor_role = make_role(cloud, "processor", "lambda.amazonaws.com", [allow("logs:*", logs)])
    delivery_role = make_role(
        cloud,
        "delivery",
        "firehose.amazonaws.com",
        [
            allow("s3:PutObject", "arn:aws:s3:::clicks/*"),
            allow("lambda:InvokeFunction", [function, f"{function}:*"]),
        ],
        Condition={"StringEquals": {"sts:ExternalId": ACCOUNT}},
    )
    api_role = make_role(cloud, "api", "apigateway.amazonaws.com", [allow(api_may, stream)])
    cloud.client("s3").create_bucket(
        Bucket="clicks", CreateBucketConfiguration={"LocationConstraint": region}
    )
    cloud.client("logs").create_log_group(logGroupName="/aws/lambda/processor")
    cloud.client("lambda").create_function(
        FunctionName="processor",
        Runtime="python3.13",
        Role=processor_role,
        Handler="processor.handler",
        Code={"ZipFile": zipped(HANDLER)},
    )
    processor = {"ParameterName": "LambdaArn", "ParameterValue": function}
    cloud.client("firehose").create_delivery_stream(
        DeliveryStreamName="clicks",
        ExtendedS3DestinationConfiguration={
            "RoleARN": delivery_role,
            "BucketARN": "arn:aws:s3:::clicks",
            "Prefix": "firehose/",
            "BufferingHints": {"SizeInMBs": 50, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [{"Type": "Lambda", "Parameters": [processor]}],
            },
        },
    )
    return clicks_api(cloud, api_role)


def clicks_api(cloud: CloudUnderTest, role: str) -> str:
    apis = cloud.client("apigateway")
    template = (
        '{"DeliveryStreamName": "clicks", "Record": {"Data": "$util.base64Encode($input.json(\'$\'))"}}'
    )
    answer = {"statusCode": "200", "responseTemplates": {"application/json": '{"status": "accepted"}'}}
    integration = {
        "type": "aws",
        "httpMethod": "POST",
        "uri": f"arn:aws:apigateway:{cloud.region}:firehose:action/PutRecord",
        "credentials": role,
        "passthroughBehavior": "never",
        "requestTemplates": {"application/json": template},
        "responses": {
            "2\\d{2}": answer,
            "default": {
                "statusCode": "502",
                "responseTemplates": {"application/json": '{"message": "refused"}'},
            },
        },
    }
    responses = {status: {"description": status} for status in ("200", "502")}
    put = {"responses": responses, "x-amazon-apigateway-integration": integration}
    definition = {
        "openapi": "3.0.1",
        "info": {"title": "clicks", "version": "1"},
        "paths": {"/clicks": {"put": put}},
    }
    api = apis.create_rest_api(name="clicks", endpointConfiguration={"types": ["REGIONAL"]})["id"]
    apis.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(definition).encode())
    apis.create_deployment(restApiId=api, stageName="prod")
    return f"{cloud.endpoint}/restapis/{api}/prod/_user_request_/clicks"


def objects(cloud: CloudUnderTest) -> list[str]:
    return [found["Key"] for found in cloud.client("s3").list_objects_v2(Bucket="clicks").get("Contents", [])]


def body(cloud: CloudUnderTest, key: str) -> bytes:
    content: bytes = cloud.client("s3").get_object(Bucket="clicks", Key=key)["Body"].read()
    return content


CLICK = {"userId": "guest", "mysfitId": "m-1"}


def test_a_click_is_enriched_and_lands_in_the_bucket_when_both_buffers_are_due(
    local_cloud: CloudUnderTest,
) -> None:
    url = click_pipeline(local_cloud)
    accepted = requests.put(url, json=CLICK, timeout=10)
    assert (accepted.status_code, accepted.json()) == (200, {"status": "accepted"})
    local_cloud.advance(60)
    assert objects(local_cloud) == [], "it waits in the second buffer"
    local_cloud.advance(60)
    [key] = objects(local_cloud)
    assert key.startswith("firehose/2026/09/21/14/clicks-1-2026-09-21-14-13-20-")
    assert body(local_cloud, key) == b'{"userId": "guest", "mysfitId": "m-1", "species": "Griffin"}\n'
    events = local_cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/processor")["events"]
    assert "processing 1" in [event["message"] for event in events]
    metrics = local_cloud.client("cloudwatch").list_metrics(Namespace="AWS/Firehose")["Metrics"]
    assert {"IncomingRecords", "DeliveryToS3.Records"} <= {metric["MetricName"] for metric in metrics}


def test_a_role_that_may_not_put_records_gets_firehoses_refusal(local_cloud: CloudUnderTest) -> None:
    url = click_pipeline(local_cloud, api_may="firehose:DescribeDeliveryStream")
    refused = requests.put(url, json=CLICK, timeout=10)
    assert (refused.status_code, refused.json()) == (502, {"message": "refused"})


def test_a_role_that_does_not_trust_api_gateway_is_an_internal_error(local_cloud: CloudUnderTest) -> None:
    url = click_pipeline(local_cloud)
    nobody = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    local_cloud.client("iam").update_assume_role_policy(RoleName="api", PolicyDocument=document)
    failed = requests.put(url, json=CLICK, timeout=10)
    assert (failed.status_code, failed.json()) == (500, {"message": "Internal server error"})


def test_a_delivery_role_without_the_external_id_fails_the_batch(local_cloud: CloudUnderTest) -> None:
    url = click_pipeline(local_cloud)
    wrong = {
        "Effect": "Allow",
        "Principal": {"Service": "firehose.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "999999999999"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [wrong]})
    assert requests.put(url, json=CLICK, timeout=10).ok
    local_cloud.client("iam").update_assume_role_policy(RoleName="delivery", PolicyDocument=document)
    for _ in range(10):
        local_cloud.advance(60)
    assert objects(local_cloud) == [], "the error object cannot be written either"
    assert local_cloud.cloud.firehose.pending() == 1


def test_put_record_reaches_the_stream_without_the_api(local_cloud: CloudUnderTest) -> None:
    click_pipeline(local_cloud)
    firehose = local_cloud.client("firehose")
    data = json.dumps(CLICK).encode()
    assert firehose.put_record(DeliveryStreamName="clicks", Record={"Data": data})["RecordId"]
    batch = firehose.put_record_batch(DeliveryStreamName="clicks", Records=[{"Data": data}, {"Data": data}])
    assert (batch["FailedPutCount"], len(batch["RequestResponses"])) == (0, 2)
    local_cloud.advance(60)
    local_cloud.advance(60)
    [key] = objects(local_cloud)
    assert len(body(local_cloud, key).splitlines()) == 3


def test_a_missing_stream_is_firehoses_own_error(local_cloud: CloudUnderTest) -> None:
    firehose = local_cloud.client("firehose")
    with pytest.raises(firehose.exceptions.ResourceNotFoundException, match="Firehose none under account"):
        firehose.put_record(DeliveryStreamName="none", Record={"Data": b"x"})


@pytest.mark.parametrize(
    ("kind", "status", "payload"),
    [
        pytest.param("RequestResponse", 200, b'{"records": []}', id="waits for the answer"),
        pytest.param("Event", 202, b"", id="does not wait"),
        pytest.param("DryRun", 204, b"", id="only checks"),
    ],
)
def test_invoke_has_three_types(local_cloud: CloudUnderTest, kind: str, status: int, payload: bytes) -> None:
    click_pipeline(local_cloud)
    answer = local_cloud.client("lambda").invoke(
        FunctionName="processor", InvocationType=kind, Payload=b'{"records": []}'
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (status, payload)


def test_what_is_not_deployed_is_forbidden(local_cloud: CloudUnderTest) -> None:
    answer = requests.put(
        f"{local_cloud.endpoint}/restapis/none/prod/_user_request_/clicks", json=CLICK, timeout=10
    )
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


REGIONS = [
    ("eu-west-1", "aws"),
    ("us-east-1", "aws"),
    ("cn-north-1", "aws-cn"),
    ("us-gov-west-1", "aws-us-gov"),
]


@pytest.mark.parametrize(("region", "partition"), REGIONS)
def test_every_partition_has_its_own_arns(local_cloud: CloudUnderTest, region: str, partition: str) -> None:
    identity = local_cloud.client("sts", region).get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"].startswith(f"arn:{partition}:")
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
        }
    )
    role = local_cloud.client("iam", region).create_role(
        RoleName=f"r-{region}", AssumeRolePolicyDocument=trust
    )
    assert role["Role"]["Arn"] == f"arn:{partition}:iam::{ACCOUNT}:role/r-{region}"
    assert local_cloud.cloud.control_plane.role(role["Role"]["Arn"]) is not None


def test_a_reset_forgets_everything(local_cloud: CloudUnderTest) -> None:
    click_pipeline(local_cloud)
    local_cloud.cloud.reset()
    assert local_cloud.client("s3").list_buckets()["Buckets"] == []
    assert local_cloud.client("apigateway").get_rest_apis()["items"] == []
    assert local_cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == []


def test_health_says_who_serves(local_cloud: CloudUnderTest) -> None:
    health = requests.get(f"{local_cloud.endpoint}/_local/health", timeout=10).json()
    assert health["status"] == "ready"
    assert health["loaded"] is True
    assert health["settings"]["time_scale"] == 1


def test_settings_change_while_it_runs_and_wrong_ones_are_refused(local_cloud: CloudUnderTest) -> None:
    url = f"{local_cloud.endpoint}/_local/settings"
    assert requests.put(url, json={"time_scale": 7}, timeout=10).json()["time_scale"] == 7
    assert local_cloud.cloud.services.time_scale == 7
    refused = requests.put(url, json={"time_scale": 0}, timeout=10)
    assert (refused.status_code, refused.json()["message"].split(":")[0]) == (400, "time_scale")
    assert requests.put(url, json={"time_scale": 1}, timeout=10).ok


@pytest.mark.parametrize("path", ["/_local/nothing", "/moto-api/reset"])
def test_unknown_administration_is_not_found(local_cloud: CloudUnderTest, path: str) -> None:
    assert requests.post(local_cloud.endpoint + path, timeout=10).status_code == 404


def test_a_function_calls_the_local_cloud_with_boto3(local_cloud: CloudUnderTest) -> None:
    role = make_role(local_cloud, "caller", "lambda.amazonaws.com", [allow("s3:*", "*")])
    local_cloud.client("s3").create_bucket(
        Bucket="clicks", CreateBucketConfiguration={"LocationConstraint": local_cloud.region}
    )
    code = """
import boto3

def handler(event, context):
    boto3.client("s3").put_object(Bucket="clicks", Key="from-a-function", Body=b"1")
    return context.invoked_function_arn
"""
    functions = local_cloud.client("lambda")
    functions.create_function(
        FunctionName="caller",
        Runtime="python3.13",
        Role=role,
        Handler="processor.handler",
        Code={"ZipFile": zipped(code)},
        Publish=True,
    )
    functions.create_alias(FunctionName="caller", Name="live", FunctionVersion="1")
    answer = functions.invoke(FunctionName="caller", Qualifier="live")
    arn = f"arn:aws:lambda:{local_cloud.region}:{ACCOUNT}:function:caller:live"
    assert (json.loads(answer["Payload"].read()), answer["ExecutedVersion"]) == (arn, "1")
    [stored] = local_cloud.client("s3").list_objects_v2(Bucket="clicks")["Contents"]
    assert stored["Key"] == "from-a-function"


def test_the_code_of_a_function_can_be_downloaded(local_cloud: CloudUnderTest) -> None:
    click_pipeline(local_cloud)
    functions = local_cloud.client("lambda")
    location = functions.get_function(FunctionName="processor")["Code"]["Location"]
    assert location.startswith(f"{local_cloud.endpoint}/")
    packed = requests.get(location, timeout=10).content
    digest = base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert digest == functions.get_function_configuration(FunctionName="processor")["CodeSha256"]
    functions.delete_function(FunctionName="processor")
    assert requests.get(location, timeout=10).status_code == 404


def test_a_function_over_its_reserved_concurrency_is_throttled(local_cloud: CloudUnderTest) -> None:
    url, functions = click_pipeline(local_cloud), local_cloud.client("lambda")
    functions.put_function_concurrency(FunctionName="processor", ReservedConcurrentExecutions=0)
    assert functions.get_function(FunctionName="processor")["Concurrency"] == {
        "ReservedConcurrentExecutions": 0
    }
    with pytest.raises(functions.exceptions.TooManyRequestsException, match="Rate Exceeded"):
        functions.invoke(FunctionName="processor", Payload=b"{}")
    functions.invoke(FunctionName="processor", InvocationType="Event", Payload=b"{}")
    assert requests.put(url, json=CLICK, timeout=10).status_code == 200
    local_cloud.advance(60)
    assert [key for key in objects(local_cloud) if key.startswith("firehose/2")] == []
    functions.delete_function_concurrency(FunctionName="processor")
    assert "Concurrency" not in functions.get_function(FunctionName="processor")
    assert "FunctionError" in functions.invoke(FunctionName="processor", Payload=b"{}")
