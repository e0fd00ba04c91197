"""Templates: what the local cloud would ignore is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream import config_file
from mysfits_stream.export import cloudformation, files
from mysfits_stream.localcloud.control_plane.cloudformation.simulated_types import PROPERTIES
from tests.support.cloud import CloudUnderTest

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
