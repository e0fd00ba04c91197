"""A deployed REST API as values: compiled once per deployment, read by every request.

A part that the local cloud cannot serve as AWS does (a template beyond the supported subset, a model with an
invalid JSON schema) is a :class:`CompileError` at deployment, never an error of a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from jsonschema.exceptions import SchemaError

from mysfits_stream.localcloud.execute_api.gateway_responses import GatewayResponse, compile_gateway_responses
from mysfits_stream.localcloud.execute_api.headers import DROPPED_FROM_INTEGRATION_REQUEST, unmappable
from mysfits_stream.localcloud.execute_api.request_validation import Validation, compile_validation
from mysfits_stream.localcloud.execute_api.resource_policy import ResourcePolicy, compile_policy
from mysfits_stream.localcloud.execute_api.throttling import TokenBucket
from mysfits_stream.localcloud.velocity.template import Template, TemplateError, compile_template

Templates = Mapping[str, Template]


class CompileError(Exception):
    """The API cannot be deployed; the message has the method and the line."""


@dataclass(frozen=True)
class IntegrationResponse:
    """The mapping of an integration's answer to a method response."""

    status: int
    pattern: re.Pattern[str] | None
    templates: Templates
    literals: Mapping[str, str]
    """Headers with a value that is known at deployment."""
    parameters: tuple[tuple[str, str], ...]
    """Headers and the mapping expressions of other values."""
    content_handling: str | None = None


@dataclass(frozen=True)
class Integration:
    """The backend of a method, and the mapping of the request to the backend."""

    type: str
    http_method: str
    uri: str
    credentials: str | None
    passthrough: str
    templates: Templates
    parameters: tuple[tuple[str, str], ...]
    timeout_seconds: float
    content_handling: str | None
    responses: tuple[IntegrationResponse, ...]

    @cached_property
    def literal_headers(self) -> Mapping[str, str] | None:
        """The headers of every integration request; None if a request decides.

        A request decides about other parameters than literal headers, about a header that may not be mapped
        and about a missing Content-Type.
        """
        headers = {}
        for name, source in self.parameters:
            place, _, header = name.removeprefix("integration.request.").partition(".")
            if place != "header" or not is_literal(source):
                return None
            if header.lower() not in DROPPED_FROM_INTEGRATION_REQUEST:
                headers[header] = source[1:-1]
        has_type = "content-type" in map(str.lower, headers)
        return headers if has_type and not unmappable(headers) else None

    def response_to(self, outcome: str | None) -> IntegrationResponse | None:
        """The response whose pattern matches the whole outcome, or the default response (F97)."""
        for response in self.responses:
            if response.pattern and outcome is not None and response.pattern.fullmatch(outcome):
                return response
        return next((response for response in self.responses if response.pattern is None), None)


@dataclass(frozen=True)
class Method:
    """A method of a resource."""

    resource_id: str
    resource_path: str
    http_method: str
    authorization: str
    api_key_required: bool
    validation: Validation
    integration: Integration | None
    responses: frozenset[int]


@dataclass(frozen=True)
class Resource:
    """A resource: the segments of the path, of which some are variables, and the methods."""

    path: str
    segments: tuple[str, ...]
    methods: Mapping[str, Method]

    @property
    def rank(self) -> tuple[Any, ...]:
        """The order of resources: literal segments, then variables, then greedy variables."""
        return tuple(2 if part.endswith("+}") else int(part.startswith("{")) for part in self.segments)

    def method(self, http_method: str) -> Method | None:
        """The method for an HTTP method, or ANY."""
        return self.methods.get(http_method) or self.methods.get("ANY")

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The path parameters if ``segments`` match the resource, else None."""
        parameters: dict[str, str] = {}
        for index, part in enumerate(self.segments):
            if part.endswith("+}"):
                rest = segments[index:]
                return {**parameters, part[1:-2]: unquote("/".join(rest))} if rest and rest[0] else None
            if index >= len(segments):
                return None
            if part.startswith("{"):
                if not segments[index]:
                    return None
                parameters[part[1:-1]] = unquote(segments[index])
            elif part != segments[index]:
                return None
        return parameters if len(segments) == len(self.segments) else None


@dataclass(frozen=True)
class Stage:
    """The settings of a stage, which change without a new deployment (F109)."""

    name: str
    deployment_id: str
    variables: Mapping[str, str] = field(default_factory=dict)
    buckets: Mapping[tuple[str, str], TokenBucket] = field(default_factory=dict)
    canary: bool = False


@dataclass(frozen=True)
class DeployedApi:
    """A REST API as served by a stage."""

    id: str
    account: str
    region: str
    resources: tuple[Resource, ...]
    literals: Mapping[str, Resource]
    gateway_responses: Mapping[str, GatewayResponse]
    binary_media_types: tuple[str, ...]
    stage: Stage
    policy: ResourcePolicy | None = None
    name: str = ""

    def find(self, http_method: str, path: str) -> tuple[Method, dict[str, str]] | None:
        """The method for a path below the stage, with the path parameters."""
        literal = self.literals.get(path)
        if literal is not None and (method := literal.method(http_method)):
            return method, {}
        # A method that the closest resource lacks is served by a less specific resource (F148).
        segments = path.strip("/").split("/") if path.strip("/") else []
        for candidate in self.resources:
            method = candidate.method(http_method)
            parameters = candidate.match(segments) if method else None
            if method and parameters is not None:
                return method, parameters
        return None


def compile(api: Mapping[str, Any], account: str, region: str) -> DeployedApi:
    """Compile a snapshot of a REST API; :func:`on_stage` adds the stage.

    ``api`` has the shapes of API Gateway's answers: ``id``, ``binaryMediaTypes``, and by id or name
    ``resources`` (methods embedded), ``models``, ``requestValidators`` and ``gatewayResponses``. Raises
    CompileError.
    """
    resources = tuple(
        sorted(
            (_resource(resource, api) for resource in api["resources"].values()), key=lambda each: each.rank
        )
    )
    return DeployedApi(
        id=api["id"],
        account=account,
        region=region,
        resources=resources,
        literals={each.path: each for each in resources if "{" not in each.path},
        gateway_responses=compile_gateway_responses(api["gatewayResponses"]),
        binary_media_types=tuple(api.get("binaryMediaTypes") or ()),
        policy=compile_policy(api["policy"], api["id"], account, region) if api.get("policy") else None,
        stage=Stage("", ""),
        name=str(api.get("name", "")),
    )


def on_stage(compiled: DeployedApi, stage: Mapping[str, Any]) -> DeployedApi:
    """The compiled API behind a stage, with stage variables and each method's throttling."""
    settings: Mapping[str, Any] = stage.get("methodSettings") or {}
    buckets = {}
    for resource in compiled.resources:
        for http_method in resource.methods:
            key = f"{resource.path.replace('~', '~0').replace('/', '~1')}/{http_method}"
            chosen = settings.get(key) or settings.get("*/*")
            if chosen and "throttlingRateLimit" in chosen:
                buckets[resource.path, http_method] = TokenBucket(
                    float(chosen["throttlingRateLimit"]), int(chosen.get("throttlingBurstLimit", 5000))
                )
    variables = dict(stage.get("variables") or {})
    served = Stage(
        stage["stageName"], stage.get("deploymentId", ""), variables, buckets, "canarySettings" in stage
    )
    return replace(compiled, stage=served)


def _resource(resource: Mapping[str, Any], api: Mapping[str, Any]) -> Resource:
    path = resource["path"]
    methods = {
        name: _method(resource, name, method, api)
        for name, method in (resource.get("resourceMethods") or {}).items()
    }
    return Resource(path, tuple(path.strip("/").split("/")) if path != "/" else (), methods)


def _method(
    resource: Mapping[str, Any], name: str, method: Mapping[str, Any], api: Mapping[str, Any]
) -> Method:
    where = f"{name} {resource['path']}"
    validator = api["requestValidators"].get(method.get("requestValidatorId") or "")
    try:
        validation = compile_validation(method, validator, api["models"], api["id"])
    except (SchemaError, ValueError) as error:
        raise CompileError(f"{where}: the request model is not a JSON schema: {error}") from error
    integration = method.get("methodIntegration")
    return Method(
        resource_id=resource["id"],
        resource_path=resource["path"],
        http_method=name,
        authorization=method.get("authorizationType") or "NONE",
        api_key_required=bool(method.get("apiKeyRequired")),
        validation=validation,
        integration=_integration(integration, where) if integration else None,
        responses=frozenset(int(status) for status in method.get("methodResponses") or {}),
    )


def _integration(integration: Mapping[str, Any], where: str) -> Integration:
    responses = integration.get("integrationResponses") or {}
    return Integration(
        type=integration["type"],
        http_method=integration.get("httpMethod") or "",
        uri=integration.get("uri") or "",
        credentials=integration.get("credentials"),
        passthrough=(integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper(),
        templates=_templates(integration.get("requestTemplates"), f"{where}: request template"),
        parameters=tuple((integration.get("requestParameters") or {}).items()),
        timeout_seconds=float(integration.get("timeoutInMillis") or 29000) / 1000,
        content_handling=integration.get("contentHandling"),
        responses=tuple(_response(status, response, where) for status, response in responses.items()),
    )


def _response(status: str, response: Mapping[str, Any], where: str) -> IntegrationResponse:
    headers = {
        name.removeprefix("method.response.header."): source
        for name, source in (response.get("responseParameters") or {}).items()
    }
    return IntegrationResponse(
        status=int(status),
        pattern=_pattern(response.get("selectionPattern"), where),
        templates=_templates(response.get("responseTemplates"), f"{where}: response template {status}"),
        literals={name: source[1:-1] for name, source in headers.items() if is_literal(source)},
        parameters=tuple((name, source) for name, source in headers.items() if not is_literal(source)),
        content_handling=response.get("contentHandling"),
    )


def is_literal(expression: str) -> bool:
    """Whether a mapping expression is a value in single quotes."""
    return len(expression) > 1 and expression[0] == expression[-1] == "'"


def _pattern(pattern: str | None, where: str) -> re.Pattern[str] | None:
    try:
        # Java's dot does not match a line end, and neither does Python's.
        return re.compile(pattern) if pattern else None
    except re.error as error:
        raise CompileError(f"{where}: Invalid regex pattern specified: {pattern}: {error}") from error


def _templates(templates: Mapping[str, str | None] | None, where: str) -> dict[str, Template]:
    compiled = {}
    for media_type, source in (templates or {}).items():
        if source is None:
            continue
        try:
            compiled[media_type.lower()] = compile_template(source)
        except TemplateError as error:
            raise CompileError(f"{where} for {media_type}: {error}") from error
    return compiled
