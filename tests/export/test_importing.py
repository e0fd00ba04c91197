"""The import: which of a running stack's resources is which of the template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mysfits_stream.config import Config
from mysfits_stream.errors import ExportError
from mysfits_stream.export import importing
from mysfits_stream.provision.engine import Goal, survey
from tests.support.deployment import Deployment


def to_import(deployment: Deployment) -> list[dict[str, Any]]:
    return importing.resources_to_import(
        survey(deployment.resources(), Goal.PRESENT, deployment.config.stack),
        importing.template(deployment.config),
        deployment.target.clients,
    )


def test_every_resource_of_the_template_is_identified_by_what_runs(deployment: Deployment) -> None:
    deployment.deploy()
    names, clients = deployment.names, deployment.target.clients
    api_id = deployment.resource("clicks-api").read().id
    deployment_id = clients.apigateway.get_stage(restApiId=api_id, stageName="prod")["deploymentId"]
    found = to_import(deployment)
    template = importing.template(Config())["Resources"]
    assert [entry["LogicalResourceId"] for entry in found] == list(template)
    assert [entry["ResourceType"] for entry in found] == [part["Type"] for part in template.values()]
    identifiers = {entry["LogicalResourceId"]: entry["ResourceIdentifier"] for entry in found}
    (deployed,) = (name for name in identifiers if name.startswith("ClicksApiDeployment"))
    (published,) = (name for name in identifiers if name.startswith("ProcessorVersion"))
    function_arn = deployment.target.account.arn("lambda", f"function:{names.function}")
    assert identifiers == {
        "ClicksBucket": {"BucketName": names.bucket},
        "ClicksBucketPolicy": {"Bucket": names.bucket},
        "ProcessorLogs": {"LogGroupName": names.processor_logs},
        "ProcessorRole": {"RoleName": names.processor_role},
        "Processor": {"FunctionName": names.function},
        "ProcessorLive": {"AliasArn": f"{function_arn}:live"},
        published: {"FunctionArn": f"{function_arn}:1"},
        "DeliveryLogs": {"LogGroupName": names.delivery_logs},
        "DeliveryLogsS3Delivery": {"LogGroupName": names.delivery_logs, "LogStreamName": "S3Delivery"},
        "DeliveryRole": {"RoleName": names.delivery_role},
        "DeliveryStream": {"DeliveryStreamName": names.stream},
        "ApiRole": {"RoleName": names.api_role},
        "ClicksApi": {"RestApiId": api_id},
        deployed: {"DeploymentId": deployment_id, "RestApiId": api_id},
        "ClicksApiStage": {"RestApiId": api_id, "StageName": "prod"},
    }


def test_a_stack_that_is_not_there_cannot_be_imported(deployment: Deployment) -> None:
    with pytest.raises(ExportError, match=r"clicks-bucket is missing.*Run: mysfits-stream up"):
        to_import(deployment)


def test_a_stack_that_differs_cannot_be_imported_as_the_template_would_not_be_true(
    deployment: Deployment,
) -> None:
    deployment.deploy()
    deployment.target.clients.function.update_function_configuration(
        FunctionName=deployment.names.function, MemorySize=512
    )
    with pytest.raises(ExportError, match="processor is drifted in MemorySize"):
        to_import(deployment)


def test_what_is_not_ours_cannot_be_imported(deployment: Deployment) -> None:
    deployment.target.clients.iam.create_role(
        RoleName=deployment.names.api_role,
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
            }
        ),
    )
    with pytest.raises(ExportError):
        to_import(deployment)
