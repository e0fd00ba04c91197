"""The template and the resource list for CloudFormation's import of a running stack.

An import changes no resource and may add no outputs. DeletionPolicy retains every resource after removal from
CloudFormation's stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mysfits_stream.aws.account import Clients
from mysfits_stream.config import Config
from mysfits_stream.errors import ExportError
from mysfits_stream.export import cloudformation
from mysfits_stream.provision.engine import Change, translated
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.resource import logical_id

IDENTIFIERS = {
    "AWS::S3::Bucket": ("BucketName",),
    "AWS::S3::BucketPolicy": ("Bucket",),
    "AWS::IAM::Role": ("RoleName",),
    "AWS::Lambda::Function": ("FunctionName",),
    "AWS::Lambda::Version": ("FunctionArn",),
    "AWS::Lambda::Alias": ("AliasArn",),
    "AWS::Logs::LogGroup": ("LogGroupName",),
    "AWS::Logs::LogStream": ("LogGroupName", "LogStreamName"),
    "AWS::Logs::MetricFilter": ("LogGroupName", "FilterName"),
    "AWS::KinesisFirehose::DeliveryStream": ("DeliveryStreamName",),
    "AWS::Glue::Database": ("DatabaseName",),
    "AWS::Glue::Table": ("CatalogId", "DatabaseName", "Name"),
    "AWS::Athena::WorkGroup": ("Name",),
    "AWS::SNS::Topic": ("TopicArn",),
    "AWS::CloudWatch::Alarm": ("AlarmName",),
    "AWS::ApiGateway::RestApi": ("RestApiId",),
    "AWS::ApiGateway::DomainName": ("DomainName",),
    "AWS::ApiGateway::BasePathMapping": ("DomainName", "BasePath"),
    "AWS::ApiGateway::Deployment": ("DeploymentId", "RestApiId"),
    "AWS::ApiGateway::Stage": ("RestApiId", "StageName"),
}
"""Type -> the properties by which CloudFormation knows one of it: the primary identifier of its schema."""

ResourceToImport = dict[str, Any]


def template(config: Config, package: Package | None = None) -> cloudformation.Template:
    """The CloudFormation template in the form for an import."""
    document = cloudformation.template(config, package)
    del document["Outputs"]
    for part in document["Resources"].values():
        part |= {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return document


def resources_to_import(
    changes: Sequence[Change], document: cloudformation.Template, clients: Clients
) -> list[ResourceToImport]:
    """The resources of a running stack for an import with the template ``document``.

    ``changes`` are a survey of the configuration behind the template. Raises ExportError if a resource is
    missing, has no owner tag of the stack, or differs: CloudFormation does not compare the resource with the
    template.
    """
    physical: dict[str, str] = {}
    parts: list[tuple[str, dict[str, Any]]] = []
    for change in changes:
        if change.observed is None or change.status != "in-sync":
            differing = f" in {', '.join(change.diff)}" if change.diff else ""
            raise ExportError(
                f"{change.resource.name} is {change.status}{differing}, and an import does not compare "
                "resources with the template. Run: mysfits-stream up"
            )
        physical[logical_id(change.resource.name)] = change.observed.id
        parts += change.resource.template().items()
    for name, part in parts:
        if part["Type"] == "AWS::ApiGateway::Stage":
            stage = part["Properties"]
            with translated("clicks-api", "export"):
                served = clients.apigateway.get_stage(
                    restApiId=physical[stage["RestApiId"]["Ref"]], stageName=stage["StageName"]
                )
            physical[stage["DeploymentId"]["Ref"]] = served["deploymentId"]
        if part["Type"] == "AWS::ApiGateway::BasePathMapping":
            physical[name] = "(none)"
        if part["Type"] == "AWS::Lambda::Alias":
            alias = part["Properties"]
            function = physical[alias["FunctionName"]["Ref"]]
            with translated("processor-live", "export"):
                found = clients.function.get_alias(FunctionName=function, Name=alias["Name"])
            version, _ = alias["FunctionVersion"]["Fn::GetAtt"]
            function_arn = found["AliasArn"].removesuffix(f":{alias['Name']}")
            physical[version] = f"{function_arn}:{found['FunctionVersion']}"
    return [
        {
            "ResourceType": part["Type"],
            "LogicalResourceId": called,
            "ResourceIdentifier": {
                key: _value(part["Properties"].get(key, {"Ref": name}), physical)
                for key in IDENTIFIERS[part["Type"]]
            },
        }
        # The same build, so the same order; a deployment is called by its document, which differs.
        for called, (name, part) in zip(document["Resources"], parts, strict=True)
    ]


def _value(value: Any, physical: Mapping[str, str]) -> str:
    return physical[value["Ref"]] if isinstance(value, Mapping) else str(value)
