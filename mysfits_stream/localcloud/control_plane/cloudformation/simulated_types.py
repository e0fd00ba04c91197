"""Rejects types, properties and attributes of a template that the local cloud would ignore."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import yaml

from mysfits_stream.localcloud.http.messages import Request

OF_TEMPLATE = "AWSTemplateFormatVersion Conditions Description Mappings Metadata Outputs Parameters Resources"
OF_RESOURCE = "Condition DeletionPolicy DependsOn Metadata Properties Type UpdateReplacePolicy"

PROPERTIES = {
    "AWS::ApiGateway::Deployment": "Description RestApiId",
    "AWS::ApiGateway::RestApi": "Body Description EndpointConfiguration FailOnWarnings Mode Name Tags",
    "AWS::ApiGateway::Stage": "DeploymentId MethodSettings RestApiId StageName Tags",
    "AWS::Athena::WorkGroup": "Name RecursiveDeleteOption State Tags WorkGroupConfiguration",
    "AWS::CloudWatch::Alarm": """
        ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions
        EvaluationPeriods InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Tags
        Threshold TreatMissingData Unit
    """,
    "AWS::Glue::Database": "CatalogId DatabaseInput",
    "AWS::Glue::Table": "CatalogId DatabaseName TableInput",
    "AWS::IAM::Role": """
        AssumeRolePolicyDocument Description Path PermissionsBoundary Policies RoleName Tags
    """,
    "AWS::KinesisFirehose::DeliveryStream": """
        DeliveryStreamEncryptionConfigurationInput DeliveryStreamName DeliveryStreamType
        ExtendedS3DestinationConfiguration Tags
    """,
    "AWS::Lambda::Alias": "Description FunctionName FunctionVersion Name",
    "AWS::Lambda::Function": """
        Architectures Code Description Environment EphemeralStorage FunctionName Handler LoggingConfig
        MemorySize Role Runtime Tags Timeout TracingConfig
    """,
    "AWS::Lambda::Version": "CodeSha256 Description FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName RetentionInDays Tags",
    "AWS::Logs::LogStream": "LogGroupName LogStreamName",
    "AWS::Logs::MetricFilter": "FilterName FilterPattern LogGroupName MetricTransformations",
    "AWS::S3::Bucket": """
        BucketEncryption BucketName LifecycleConfiguration OwnershipControls PublicAccessBlockConfiguration
        Tags VersioningConfiguration
    """,
    "AWS::S3::BucketPolicy": "Bucket PolicyDocument",
    "AWS::SNS::Topic": "Subscription Tags TopicName",
}
"""Type -> simulated properties. Members of a property are checked by the service that is called with them."""

NAMES = {
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::IAM::Role": "RoleName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::LogStream": "LogStreamName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
}
"""Type -> property with the name; CloudFormation would make a name up."""

INSIDE = {
    ("AWS::ApiGateway::RestApi", "EndpointConfiguration"): "Types",
    ("AWS::ApiGateway::Stage", "MethodSettings"): """
        HttpMethod ResourcePath ThrottlingBurstLimit ThrottlingRateLimit
    """,
}
"""Members of properties whose other members no call would carry."""

SERVICES = [each.split("::")[1:2] for each in PROPERTIES] + [["CloudFormation"], ["CodeCommit"]]
"""Services of which no other type is simulated; types of other services are moto's."""


def ignored(request: Request, is_of_moto: Callable[[str], bool]) -> str | None:
    """The first part of a request's template that would be ignored, or None.

    ``is_of_moto`` tells whether moto creates resources of a type.
    """
    template = _parsed(parse_qs(request.body.decode()).get("TemplateBody", [""])[0])
    if not isinstance(template, Mapping):
        return None  # moto says what is wrong
    return next(_ignored(template, is_of_moto), None)


def _ignored(template: Mapping[str, Any], is_of_moto: Callable[[str], bool]) -> Iterator[str]:
    yield from (f"{name} of a template" for name in _others(template, OF_TEMPLATE))
    for logical, resource in _items(template.get("Resources")):
        if isinstance(resource, Mapping):
            place, kind = f"{logical}: {resource.get('Type')}", str(resource.get("Type"))
            yield from (f"{place}: {name}" for name in _others(resource, OF_RESOURCE))
            if kind in PROPERTIES:
                yield from _of_resource(place, kind, resource.get("Properties") or {})
            elif kind.split("::")[1:2] in SERVICES or not is_of_moto(kind):
                yield place


def _of_resource(place: str, kind: str, properties: Any) -> Iterator[str]:
    yield from (f"{place}: {name}" for name in _others(properties, PROPERTIES[kind]))
    if kind in NAMES and NAMES[kind] not in properties:
        yield f"{place} without {NAMES[kind]}"
    for (owner, name), members in INSIDE.items():
        if owner == kind:
            found = properties.get(name)
            for each in found if isinstance(found, list) else [found]:
                yield from (f"{place}: {name}.{member}" for member in _others(each, members))


def _others(given: Any, simulated: str) -> Iterator[str]:
    # Intrinsic functions in place of members are for moto.
    listed = simulated.split()
    return (str(name) for name, _ in _items(given) if name not in listed and not _is_function(str(name)))


def _is_function(name: str) -> bool:
    return name == "Ref" or name.startswith("Fn::")


def _items(given: Any) -> Any:
    return given.items() if isinstance(given, Mapping) else ()


class _Loader(yaml.SafeLoader):
    """YAML whose short forms of functions (``!Ref``) are their arguments."""


def _argument(loader: Any, _suffix: str, node: Any) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


_Loader.add_multi_constructor("!", _argument)


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return yaml.load(body, _Loader)  # noqa: S506, a loader of plain values
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None
