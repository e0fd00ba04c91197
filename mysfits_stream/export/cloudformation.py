"""The CloudFormation template: ``build()`` with placeholders, and every resource's text."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.config import Config
from mysfits_stream.export.parameters import parametrised
from mysfits_stream.export.placeholders import Placeholder, references, rendered
from mysfits_stream.provision.engine import dependencies
from mysfits_stream.provision.own_processor import package_of
from mysfits_stream.provision.processor_zip import Package, processor_package
from mysfits_stream.provision.resource import Resource, logical_id
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.stack import Stack, build
from mysfits_stream.target import AWS_INVOKE_URL

Template = dict[str, Any]

ACCOUNT = Account(
    id=Placeholder("AWS::AccountId"),
    region=Placeholder("AWS::Region"),
    partition=Placeholder("AWS::Partition"),
    dns_suffix=Placeholder("AWS::URLSuffix"),
)
"""Whatever account and region the template is deployed in."""

ARN_IS_OURS = (
    "AWS::S3::Bucket",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::KinesisFirehose::DeliveryStream",
)
"""Types whose attribute ``Arn`` is the ARN that we use; a log group's ends in ``:*`` (F112)."""


CODE_PARAMETERS = ("CodeBucket", "CodeKey")
"""Where the processor's zip lies, by the names that the function's description refers to."""


def template(config: Config, package: Package | None = None) -> Template:
    """The stack as a template for any account and region.

    Parameters name the location of the code: of ``package``, by default the configured processor's.
    """
    package = package or package_of(config.processor)
    placed, parameters = parametrised(config)
    stack = build_with_placeholders(placed, package)
    # The longer ARN first: the alias's begins with the function's.
    arns = {stack.processor_live.arn: logical_id(stack.processor_live.name)} | {
        _arn(resource): f"{logical_id(resource.name)}.Arn"
        for resource in stack
        if resource.type in ARN_IS_OURS
    }
    described = {
        name: rendered(part, arns) for resource in stack for name, part in resource.template().items()
    }
    for resource in stack:
        _order(described[logical_id(resource.name)], resource)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Clicks through API Gateway, Firehose and Lambda into S3, made by mysfits-stream",
        "Parameters": {**parameters, **_code_parameters(package)},
        "Resources": described,
        "Outputs": rendered(_outputs(stack, placed), arns),
    }


def code_key(package: Package | None = None) -> str:
    """The object key of the processor's zip.

    Changed code gets a new key, so CloudFormation updates the function.
    """
    return f"processor-{hashlib.sha256((package or processor_package()).zip_bytes).hexdigest()[:16]}.zip"


def build_with_placeholders(config: Config, package: Package) -> Stack:
    """The stack's resources in a yet unknown account; only for describing."""
    nobody: Any = {field.name: None for field in fields(Clients)}
    return build(
        config,
        ACCOUNT,
        Clients(**nobody),
        mysfits_api=str(config.mysfits_api),
        package=lambda: package,
        answers=lambda _api, _stage: False,
    )


def _order(described: dict[str, Any], resource: Resource) -> None:
    """Add DependsOn for the preceding resources to which the resource refers by name only."""
    named = set(references(described))
    first = [logical_id(needed.name) for needed in dependencies(resource)]
    if missing := [name for name in first if name not in named]:
        described["DependsOn"] = missing


def _code_parameters(package: Package) -> dict[str, Any]:
    bucket, key = CODE_PARAMETERS
    return {
        bucket: {"Type": "String", "Description": "The bucket that holds the processor's zip"},
        key: {"Type": "String", "Description": "The zip's key in that bucket", "Default": code_key(package)},
    }


def _outputs(stack: Stack, config: Config) -> dict[str, Any]:
    endpoint = AWS_INVOKE_URL.format(
        api_id=Placeholder(logical_id(stack.clicks_api.name)),
        stage=config.api.stage,
        region=ACCOUNT.region,
        dns_suffix=ACCOUNT.dns_suffix,
    )
    return {
        "StreamingApiEndpoint": {
            "Description": "The base URL to which /clicks is added",
            "Value": endpoint,
        },
        **{
            f"{logical_id(resource.name)}Arn": {
                "Description": f"The ARN of {resource.name}",
                "Value": _arn(resource),
            }
            for resource in stack
        },
    }


def _arn(resource: Any) -> str:
    """The ARN; the ARN of a REST API contains the id assigned on creation."""
    if isinstance(resource, RestApi):
        return resource.arn_of(Placeholder(logical_id(resource.name)))
    return str(resource.arn)
