"""The SAM template: the export for CloudFormation with SAM resources for function and API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.stack import LIVE

CODE = "processor"
"""The folder beside the template that holds the function's files."""

TRANSFORM = "AWS::Serverless-2016-10-31"


def template(config: Config, package: Package | None = None) -> cloudformation.Template:
    """The stack as a SAM template.

    ``sam build`` and ``aws cloudformation package`` find the code in CODE.
    """
    document = cloudformation.template(config, package)
    resources = document["Resources"]
    aliases = {
        name: f"{_properties(part)['FunctionName']['Ref']}.Alias"
        for name, part in resources.items()
        if part["Type"] == "AWS::Lambda::Alias"
    }
    for part in list(resources.values()):
        if part["Type"] == "AWS::Lambda::Version":
            version = _properties(part)
            _properties(resources[version["FunctionName"]["Ref"]])["VersionDescription"] = version[
                "Description"
            ]
    stages = [_properties(part) for part in resources.values() if part["Type"] == "AWS::ApiGateway::Stage"]
    return {
        "AWSTemplateFormatVersion": document["AWSTemplateFormatVersion"],
        "Transform": TRANSFORM,
        "Description": document["Description"],
        "Parameters": {
            name: definition
            for name, definition in document["Parameters"].items()
            if name not in cloudformation.CODE_PARAMETERS
        },
        "Resources": _with_sams_alias(
            {
                name: _SERVERLESS[part["Type"]](part, stages[0]) if part["Type"] in _SERVERLESS else part
                for name, part in resources.items()
                if part["Type"] not in _IMPLIED
            },
            aliases,
        ),
        "Outputs": _with_sams_alias(document["Outputs"], aliases),
    }


def _with_sams_alias(value: Any, aliases: Mapping[str, str]) -> Any:
    """References to an alias of the stack as SAM spells those to an alias of SAM's own."""
    if isinstance(value, Mapping):
        if value.get("Ref") in aliases:
            return {"Ref": aliases[value["Ref"]]}
        return {
            # SAM makes the alias itself, with a logical id of its own: ProcessorAliaslive.
            key: [
                aliases[name].replace(".Alias", f"Alias{LIVE}") if name in aliases else name for name in item
            ]
            if key == "DependsOn"
            else _with_sams_alias(item, aliases)
            for key, item in value.items()
        }
    return [_with_sams_alias(item, aliases) for item in value] if isinstance(value, list) else value


def _properties(part: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = part["Properties"]
    return properties


def _function(part: dict[str, Any], _stage: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in _properties(part).items() if key not in ("Code", "Tags")}
    properties = {
        "CodeUri": f"{CODE}/",
        **kept,
        # Each change of the code or of a setting is published, and SAM's alias goes there.
        "AutoPublishAlias": LIVE,
        "AutoPublishAliasAllProperties": True,
        "Tags": _mapping(_properties(part)["Tags"]),
    }
    return {**part, "Type": "AWS::Serverless::Function", "Properties": properties}


def _api(part: dict[str, Any], stage: dict[str, Any]) -> dict[str, Any]:
    given = _properties(part)
    (endpoint,) = given["EndpointConfiguration"]["Types"]
    properties = {
        "Name": given["Name"],
        "Description": given["Description"],
        "EndpointConfiguration": {"Type": endpoint},
        "StageName": stage["StageName"],
        "MethodSettings": stage["MethodSettings"],
        # Otherwise SAM makes another stage, of the name Stage.
        "OpenApiVersion": given["Body"]["openapi"],
        "Mode": given["Mode"],
        "DefinitionBody": _body(given["Body"]),
        "Tags": _mapping(given["Tags"]),
        # Otherwise only the stage has them.
        "PropagateTags": True,
    }
    return {**part, "Type": "AWS::Serverless::Api", "Properties": properties}


def _body(document: dict[str, Any]) -> dict[str, Any]:
    """The API's document for SAM; SAM adds the header schemas of the preflight response itself."""
    paths = {}
    for path, operations in document["paths"].items():
        (answer,) = operations["options"]["responses"].values()
        headers = {name: header["schema"] for name, header in answer["headers"].items()}
        preflight = {**operations["options"], "responses": {"200": {**answer, "headers": headers}}}
        paths[path] = {**operations, "options": preflight}
    return {**document, "paths": paths}


def _mapping(tags: list[dict[str, Any]]) -> dict[str, Any]:
    return {tag["Key"]: tag["Value"] for tag in tags}


_SERVERLESS = {"AWS::Lambda::Function": _function, "AWS::ApiGateway::RestApi": _api}
"""Types for which SAM has one of its own."""

_IMPLIED = (
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGateway::Stage",
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
)
"""What SAM makes of its API and its function by itself."""
