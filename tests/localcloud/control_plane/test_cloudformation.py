"""Templates: what the local cloud would ignore is refused by name."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from botocore.exceptions import ClientError

from mysfits_stream import config_file
from mysfits_stream.export import cloudformation, files
from mysfits_stream.localcloud.aws_behavior.instant import InstantBehavior
from mysfits_stream.localcloud.control_plane.cloudformation.simulated_types import PROPERTIES
from mysfits_stream.localcloud.server import LocalCloud
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest
from tests.support.in_process import InProcess

pytestmark = pytest.mark.slow

GROUP: dict[str, Any] = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "group"}}
STAGE = {"StageName": "s", "RestApiId": "r", "DeploymentId": "d"}


def made(cloud: CloudUnderTest, template: dict[str, Any] | str) -> Any:
    text = template if isinstance(template, str) else json.dumps(template)
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="stack", TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"])
    return cloudformation


def resource(**changes: Any) -> dict[str, Any]:
    return {"Resources": {"Mine": {**GROUP, **changes}}}


def of(kind: str, **properties: Any) -> dict[str, Any]:
    return resource(Type=kind, Properties=properties)


IGNORED = [
    (of("AWS::S3::Bucket", BucketName="b", WebsiteConfiguration={}), "AWS::S3::Bucket: WebsiteConfiguration"),
    (of("AWS::S3::Bucket"), "AWS::S3::Bucket without BucketName"),
    (of("AWS::IAM::Role", RoleName="r", ManagedPolicyArns=["a"]), "AWS::IAM::Role: ManagedPolicyArns"),
    (
        of("AWS::ApiGateway::Stage", **STAGE, MethodSettings=[{"LoggingLevel": "INFO"}]),
        "AWS::ApiGateway::Stage: MethodSettings.LoggingLevel",
    ),
    (of("AWS::ApiGateway::ApiKey"), "AWS::ApiGateway::ApiKey"),
    (of("AWS::Mysfits::Click"), "AWS::Mysfits::Click"),
    (resource(UpdatePolicy={}), "AWS::Logs::LogGroup: UpdatePolicy"),
    ({**resource(), "Transform": "AWS::Serverless-2016-10-31"}, "Transform of a template"),
    (
        "Resources:\n  Mine:\n    Type: AWS::Logs::LogGroup\n    Properties:\n"
        "      LogGroupName: !Sub '${AWS::StackName}'\n      KmsKeyId: !GetAtt Key.Arn\n",
        "AWS::Logs::LogGroup: KmsKeyId",
    ),
]


@pytest.mark.parametrize(("template", "what"), IGNORED, ids=[what for _, what in IGNORED])
def test_a_part_of_a_template_that_would_be_ignored_is_refused_by_name(
    local_cloud: CloudUnderTest, template: Any, what: str
) -> None:
    with pytest.raises(ClientError) as raised:
        made(local_cloud, template)
    assert raised.value.response["Error"]["Code"] == "NotSimulated"
    assert f"{what} is not simulated by the local cloud" in str(raised.value)
    assert local_cloud.client("logs").describe_log_groups()["logGroups"] == []


def test_a_resource_that_cannot_be_made_is_an_error_in_the_protocol(local_cloud: CloudUnderTest) -> None:
    local_cloud.client("logs").create_log_group(logGroupName="group")
    with pytest.raises(ClientError, match=r"ValidationError.* cannot be made: .*already exists"):
        made(local_cloud, resource())


def test_every_property_of_an_export_is_simulated() -> None:
    full = {
        "tags": {"a": "b"},
        "iam": {"path": "/t/", "permissions_boundary": "arn:aws:iam::123456789012:policy/b"},
        "bucket": {"kms_key": "arn:aws:kms:us-east-1:123456789012:key/x"},
        "query": {"athena": True},
        "alarms": {"email": "a@example.com"},
    }
    for settings in ({}, full):
        template = cloudformation.template(config_file.parse(settings))
        assert files.as_yaml(template)
        for found in template["Resources"].values():
            assert set(found["Properties"]) <= set(PROPERTIES[found["Type"]].split())


class Settling(InstantBehavior):
    """Functions take an hour to be ready."""

    def settling(self, transition: str, arn: str) -> float:
        return 3600.0


def test_a_stack_waits_until_its_function_is_ready() -> None:
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }

    def template(memory: int) -> str:
        function = {
            "FunctionName": "function",
            "Runtime": "python3.13",
            "Handler": "code.handler",
            "MemorySize": memory,
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"S3Bucket": "code", "S3Key": "code.zip"},
        }
        kinds = {
            "Role": ("AWS::IAM::Role", {"RoleName": "role", "AssumeRolePolicyDocument": trust}),
            "Function": ("AWS::Lambda::Function", function),
            f"Version{memory}": ("AWS::Lambda::Version", {"FunctionName": {"Ref": "Function"}}),
        }
        resources = {name: {"Type": kind, "Properties": given} for name, (kind, given) in kinds.items()}
        return json.dumps({"Resources": resources})

    code = BytesIO()
    with ZipFile(code, "w") as archive:
        archive.writestr("code.py", "def handler(event, context): pass")
    clock = Clock()
    cloud = LocalCloud(now=clock, background=False, behavior=Settling)
    try:
        aws = InProcess(cloud, clock)
        s3, stacks, functions = aws.client("s3"), aws.client("cloudformation"), aws.client("lambda")
        s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="code", Key="code.zip", Body=code.getvalue())
        stacks.create_stack(
            StackName="stack", TemplateBody=template(128), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        stacks.update_stack(
            StackName="stack", TemplateBody=template(256), Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        assert functions.get_function_configuration(FunctionName="function")["MemorySize"] == 256
        versions = functions.list_versions_by_function(FunctionName="function")["Versions"]
        assert {each["State"] for each in versions} == {"Active"}
    finally:
        cloud.stop()
