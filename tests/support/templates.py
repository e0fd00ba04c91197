"""Templates as CloudFormation reads them: parameters and references in, plain values out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.config import Config
from mysfits_stream.provision import stack
from mysfits_stream.provision.resource import logical_id
from mysfits_stream.provision.resources.alias import Alias
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.resources.topic import Topic

SERVICE = "https://mysfits.example.com/api"
API_ID = "a1b2c3d4e5"


def built(config: Config, account: Account) -> stack.Stack:
    """The stack's resources in an account that is known, for describing them."""
    nobody: Any = dict.fromkeys(Clients.__dataclass_fields__)
    return stack.build(
        config, account, Clients(**nobody), mysfits_api=SERVICE, answers=lambda _api, _stage: False
    )


def values(template: Mapping[str, Any], config: Config, account: Account, **given: str) -> dict[str, str]:
    """What every expression of a template yields once it is deployed with these parameters."""
    known = {
        "AWS::AccountId": account.id,
        "AWS::Region": account.region,
        "AWS::Partition": account.partition,
        "AWS::URLSuffix": account.dns_suffix,
    }
    known |= {name: p["Default"] for name, p in template["Parameters"].items() if "Default" in p}
    known |= {"MysfitsApi": SERVICE, "CodeBucket": "code", **given}
    for resource in built(config, account):
        name = logical_id(resource.name)
        if isinstance(resource, RestApi):
            known[name] = API_ID
            continue
        described: Any = resource
        known[f"{name}.Arn"] = described.arn
        if isinstance(resource, Alias | Topic):
            known[name] = described.arn  # Ref yields the ARN
        elif resource.type in GLUE_INPUTS:
            known[name] = described.template()[name]["Properties"][GLUE_INPUTS[resource.type]]["Name"]
        else:
            known[name] = described.template()[name]["Properties"][NAMES[resource.type]]
        # The digest in a version's logical id differs with placeholders.
        for part in {**template["Resources"], **described.template()}:
            if part.startswith("ProcessorVersion"):
                known[f"{part}.Version"] = "1"
    return known


NAMES = {
    "AWS::ApiGateway::DomainName": "DomainName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::KinesisFirehose::DeliveryStream": "DeliveryStreamName",
    "AWS::Athena::WorkGroup": "Name",
    "AWS::CloudWatch::Alarm": "AlarmName",
}
"""Type -> the property that holds the name, which Ref yields."""

GLUE_INPUTS = {"AWS::Glue::Database": "DatabaseInput", "AWS::Glue::Table": "TableInput"}
"""Type -> the property below which the name stands."""


def resolved(value: Any, known: Mapping[str, str]) -> Any:
    """A template's value without intrinsic functions; numbers as CloudFormation's text."""
    match value:
        case {"Ref": name} if len(value) == 1:
            return _text(known.get(name, f"<{name}>"))
        case {"Fn::GetAtt": [resource, attribute]}:
            return known[f"{resource}.{attribute}"]
        case {"Fn::Join": [separator, {"Fn::Split": [old, inner]}]}:
            return str(resolved(inner, known)).replace(old, separator)
        case {"Fn::Sub": [text, variables]}:
            more = {name: resolved(inner, known) for name, inner in variables.items()}
            return resolved({"Fn::Sub": text}, {**known, **more})
        case {"Fn::Sub": text}:
            filled = re.sub(r"\$\{([^!}]+)\}", lambda match: _text(known[match[1]]), text)
            return filled.replace("${!", "${")
        case dict():
            return {key: resolved(item, known) for key, item in value.items()}
        case list() | tuple():
            return [resolved(item, known) for item in value]
        case int() | float() if not isinstance(value, bool):
            return _text(value)
    return value


def intrinsics(value: Any) -> Iterator[Any]:
    """Every use of an intrinsic function in a template's value."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" or key.startswith("Fn::"):
                yield {key: item}
            else:
                yield from intrinsics(item)
    elif isinstance(value, list):
        for item in value:
            yield from intrinsics(item)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
