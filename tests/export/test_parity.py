"""The exported template against the workshop's: each row of docs/aws.md's table.

Rows that a template cannot show (what is done by commands, pages and services) are named with what does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation
from tests.support.templates import SERVICE, resolved, values

ACCOUNT = Account("123456789012", "eu-west-1")
STREAM_ARN = "arn:aws:firehose:eu-west-1:123456789012:deliverystream/mysfits-clicks-clicks"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:mysfits-clicks-processor"
BUCKET_ARN = "arn:aws:s3:::mysfits-clicks-123456789012-eu-west-1"

ELSEWHERE = {
    13: "the processor's own code",
    14: "the page, and publish-site",
    15: "the Mysfits service; its address is the parameter MysfitsApi",
    16: "publish-code, and the folder that export writes",
    17: "another CodeKey, which is what CloudFormation updates",
    18: "mysfits-stream clicks",
}
"""Row -> where it is shown, as no template can."""


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return cloudformation.template(Config())


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> dict[str, Any]:
    """The template's resources as deployed with its defaults."""
    deployed: dict[str, Any] = resolved(template["Resources"], values(template, Config(), ACCOUNT))
    return deployed


def statements(resources: dict[str, Any], role: str) -> dict[str, Any]:
    """Action -> resources, of a role's one policy."""
    (policy,) = resources[role]["Properties"]["Policies"]
    return {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }


def trust(resources: dict[str, Any], role: str) -> dict[str, Any]:
    (statement,) = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    found: dict[str, Any] = statement
    return found


def put(resources: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = resources["ClicksApi"]["Properties"]["Body"]["paths"]["/clicks"]["put"]
    return operation


INTEGRATION = "x-amazon-apigateway-integration"


def test_row_1_the_bucket(resources: dict[str, Any]) -> None:
    bucket = resources["ClicksBucket"]["Properties"]
    assert bucket["BucketName"] == "mysfits-clicks-123456789012-eu-west-1"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert bucket["BucketEncryption"] == {
        "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
    }
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": "30"}
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": "7"}
    (statement,) = resources["ClicksBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert resources["ClicksBucketPolicy"]["Properties"]["Bucket"] == bucket["BucketName"]


def test_row_2_the_delivery_stream(resources: dict[str, Any], template: dict[str, Any]) -> None:
    stream = resources["DeliveryStream"]["Properties"]
    destination = stream["ExtendedS3DestinationConfiguration"]
    assert stream["DeliveryStreamType"] == "DirectPut"
    assert stream["DeliveryStreamEncryptionConfigurationInput"] == {"KeyType": "AWS_OWNED_CMK"}
    assert destination["BufferingHints"] == {"IntervalInSeconds": "60", "SizeInMBs": "50"}
    assert destination["CompressionFormat"] == "UNCOMPRESSED"
    assert destination["Prefix"] == "firehose/"
    assert destination["CloudWatchLoggingOptions"] == {
        "Enabled": True,
        "LogGroupName": "/aws/kinesisfirehose/mysfits-clicks-clicks",
        "LogStreamName": "S3Delivery",
    }
    (processor,) = destination["ProcessingConfiguration"]["Processors"]
    parameters = {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}
    assert parameters == {
        "LambdaArn": f"{FUNCTION_ARN}:live",
        "RoleArn": "arn:aws:iam::123456789012:role/mysfits-clicks-eu-west-1-delivery",
        "NumberOfRetries": "3",
        "BufferSizeInMBs": "1",
        "BufferIntervalInSeconds": "60",
    }
    asked = template["Parameters"]
    assert (asked["DeliveryBufferSeconds"]["MinValue"], asked["DeliveryBufferSeconds"]["MaxValue"]) == (
        0,
        900,
    )
    assert (asked["DeliveryBufferMb"]["MinValue"], asked["DeliveryBufferMb"]["MaxValue"]) == (1, 128)
    assert "GZIP" in asked["DeliveryCompression"]["AllowedValues"]


def test_row_3_the_delivery_role(resources: dict[str, Any]) -> None:
    assert trust(resources, "DeliveryRole")["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust(resources, "DeliveryRole")["Condition"] == {
        "StringEquals": {"sts:ExternalId": "123456789012"}
    }
    granted = statements(resources, "DeliveryRole")
    assert granted["s3:ListBucket"] == [BUCKET_ARN]
    assert granted["s3:PutObject"] == [f"{BUCKET_ARN}/*"]
    assert granted["lambda:InvokeFunction"] == [FUNCTION_ARN, f"{FUNCTION_ARN}:*"]
    assert granted["lambda:GetFunctionConfiguration"] == [FUNCTION_ARN, f"{FUNCTION_ARN}:*"]
    assert granted["logs:PutLogEvents"] == [
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/kinesisfirehose/mysfits-clicks-clicks"
        ":log-stream:S3Delivery"
    ]


def test_row_4_the_processor(resources: dict[str, Any]) -> None:
    function = resources["Processor"]["Properties"]
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert (function["MemorySize"], function["Timeout"]) == ("256", "60")
    assert function["Handler"] == "stream_processor.handler"
    assert function["Environment"]["Variables"]["MYSFITS_API"] == SERVICE


def test_row_5_the_processors_policy_is_its_own_log_group(resources: dict[str, Any]) -> None:
    own = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/mysfits-clicks-processor:*"
    assert statements(resources, "ProcessorRole") == {
        "logs:CreateLogStream": [own],
        "logs:PutLogEvents": [own],
    }


def test_row_6_the_delivery_role_alone_carries_the_permission_to_invoke(resources: dict[str, Any]) -> None:
    assert "AWS::Lambda::Permission" not in {part["Type"] for part in resources.values()}
    assert "lambda:InvokeFunction" in statements(resources, "DeliveryRole")


def test_row_7_the_api_role(resources: dict[str, Any]) -> None:
    assert trust(resources, "ApiRole")["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert "Condition" not in trust(resources, "ApiRole")
    assert statements(resources, "ApiRole") == {"firehose:PutRecord": [STREAM_ARN]}


def test_row_8_the_rest_api(resources: dict[str, Any]) -> None:
    assert resources["ClicksApi"]["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert resources["ClicksApiStage"]["Properties"]["StageName"] == "prod"
    integration = put(resources)[INTEGRATION]
    assert (integration["type"], integration["httpMethod"]) == ("aws", "POST")
    assert integration["uri"] == "arn:aws:apigateway:eu-west-1:firehose:action/PutRecord"
    assert integration["credentials"] == "arn:aws:iam::123456789012:role/mysfits-clicks-eu-west-1-api"
    assert integration["requestParameters"] == {
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
    }


def test_row_9_the_mapping_template_the_model_and_the_validator(resources: dict[str, Any]) -> None:
    operation = put(resources)
    integration = operation[INTEGRATION]
    [template] = integration["requestTemplates"].values()
    assert '{"DeliveryStreamName": "mysfits-clicks-clicks", "Record": {"Data": ' in template
    assert template.count("$input.json('$')") == 1
    assert integration["passthroughBehavior"] == "never"
    body = resources["ClicksApi"]["Properties"]["Body"]
    validator = operation["x-amazon-apigateway-request-validator"]
    assert body["x-amazon-apigateway-request-validators"][validator]["validateRequestBody"] is True
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    click, clicks = body["components"]["schemas"][reference.rsplit("/", 1)[1]]["oneOf"]
    assert (click["required"], click["additionalProperties"]) == (["userId", "mysfitId"], False)
    assert clicks["items"] == click


def test_row_10_only_success_is_200_and_no_answer_holds_an_id(resources: dict[str, Any]) -> None:
    responses = put(resources)[INTEGRATION]["responses"]
    assert {pattern: response["statusCode"] for pattern, response in responses.items()} == {
        "200": "200",
        r"5\d{2}": "503",
        "default": "502",
    }
    for response in responses.values():
        assert "$" not in response["responseTemplates"]["application/json"]


def test_row_11_cors_on_every_answer(resources: dict[str, Any]) -> None:
    body = resources["ClicksApi"]["Properties"]["Body"]
    operations = body["paths"]["/clicks"]
    origin = "method.response.header.Access-Control-Allow-Origin"
    for verb in ("put", "options"):
        for response in operations[verb][INTEGRATION]["responses"].values():
            assert response["responseParameters"][origin] == "'*'"
    preflight = operations["options"][INTEGRATION]["responses"]["default"]["responseParameters"]
    assert preflight["method.response.header.Access-Control-Max-Age"] == "'3600'"
    gateway = body["x-amazon-apigateway-gateway-responses"]
    for kind in ("DEFAULT_4XX", "DEFAULT_5XX"):
        header = "gatewayresponse.header.Access-Control-Allow-Origin"
        assert gateway[kind]["responseParameters"][header] == "'*'"


def test_row_12_the_outputs(template: dict[str, Any]) -> None:
    outputs = template["Outputs"]
    assert "StreamingApiEndpoint" in outputs
    main = {"AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage", "AWS::S3::BucketPolicy"}
    main |= {"AWS::Logs::LogStream", "AWS::Lambda::Version"}
    named = {name for name, part in template["Resources"].items() if part["Type"] not in main}
    assert {f"{name}Arn" for name in named} == set(outputs) - {"StreamingApiEndpoint"}


def test_every_row_is_held_here_or_said_to_be_shown_elsewhere() -> None:
    facts = Path(__file__).parents[2].joinpath("docs", "aws.md").read_text(encoding="utf-8")
    table = facts.split("## Parity with the workshop")[1]
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    tests = {int(match[1]) for name in globals() if (match := re.match(r"test_row_(\d+)_", name))}
    assert rows == tests | set(ELSEWHERE)
    assert not tests & set(ELSEWHERE)
