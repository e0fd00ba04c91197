"""Calls AWS services for API Gateway, with the role of an integration (F35, F115).

A call by action is sent in the protocol of the service, as in botocore's model. A call by path is sent
unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Protocol
from urllib.parse import unquote, urlencode
from xml.etree import ElementTree

from botocore.exceptions import UnknownServiceError

from mysfits_stream.localcloud.execute_api.handler import Answer, CannotAssumeRole, NotPermitted
from mysfits_stream.localcloud.http.messages import Handler, Request
from mysfits_stream.localcloud.iam import Decision, Role
from mysfits_stream.localcloud.service_models import service_model

SERVICE = "apigateway.amazonaws.com"
# Where API Gateway's name of a service is not the one of its model.
MODEL_NAMES = {"states": "stepfunctions", "monitoring": "cloudwatch", "email": "ses"}


class IntegrationServices(Protocol):
    """The interface of integrations to IAM; the local cloud provides an implementation."""

    @property
    def role(self) -> Callable[[str], Role | None]:
        """The role of an ARN in force; None for a role that cannot be assumed."""

    def may_assume(self, role: Role, service: str) -> bool:
        """Whether a service may assume a role now."""

    def decide(self, arn: str, role: Role, action: str, resource: str, region: str) -> Decision:
        """The decision about an action in ``region`` with the credentials of an assumed role."""

    def arn(self, service: str, region: str, resource: str) -> str:
        """The ARN of a resource of the account in a region."""


class Integrations:
    """The AWS services for the APIs of a region; ``handle`` is the handler of the local cloud."""

    def __init__(self, services: IntegrationServices, handle: Handler, region: str) -> None:
        self._services = services
        self._handle = handle
        self._region = region

    def call(
        self, service: str, action: str, headers: Mapping[str, str], body: bytes, role_arn: str | None
    ) -> Answer:
        """Call a service; ``action`` is an operation, or the request line of a call by path.

        Raises CannotAssumeRole. For a role without permission the answer is the service's refusal. Without a
        role only functions can be called, if the function's policy permits API Gateway; else NotPermitted.
        """
        if role_arn is None and service == "lambda":
            request = self._request(service, action, headers, body)
            if not self._permitted(request):
                raise NotPermitted("Invalid permissions on Lambda function")
            response = self._handle(request)
            return response.status, response.headers, response.body
        role = self._services.role(role_arn) if role_arn else None
        if role is None or not self._services.may_assume(role, SERVICE):
            raise CannotAssumeRole(role_arn)
        request = self._request(service, action, headers, body)
        operation, resource = _operation(service, action, request), self._resource(service, request)
        if not self._may(str(role_arn), role, operation, resource):
            return _denied(str(role_arn), operation, resource)
        response = self._handle(request)
        if request.is_form and response.body.lstrip().startswith(b"<"):
            # API Gateway requests JSON from services of the query protocol.
            return response.status, {"Content-Type": "application/json"}, _as_json(response.body)
        return response.status, response.headers, response.body

    def _permitted(self, invocation: Request) -> bool:
        path = f"{invocation.path.partition('/invocations')[0]}/policy"
        answer = self._handle(Request("GET", path, "", invocation.headers))
        policy = json.loads(answer.json()["Policy"]) if answer.status == 200 else {}
        return any(
            statement.get("Effect") == "Allow"
            and statement.get("Principal") == {"Service": SERVICE}
            and statement.get("Action") in ("lambda:InvokeFunction", "lambda:*")
            for statement in policy.get("Statement", ())
        )

    def _request(self, service: str, action: str, headers: Mapping[str, str], body: bytes) -> Request:
        given = {name.lower(): value for name, value in headers.items()}
        given["authorization"] = _authorization(service, self._region)
        method, _, target = action.partition(" ")
        if target:
            path, _, query = target.partition("?")
            return Request(method, path, query, given, body)
        model = _model(service)
        if model.get("protocol") == "query":
            parameters = urlencode({"Action": action, "Version": model["apiVersion"]}).encode()
            given["content-type"] = "application/x-www-form-urlencoded"
            return Request("POST", "/", "", given, b"&".join(filter(None, (parameters, body))))
        given["x-amz-target"] = f"{model.get('targetPrefix', service)}.{action}"
        given["content-type"] = f"application/x-amz-json-{model.get('jsonVersion', '1.1')}"
        return Request("POST", "/", "", given, body)

    def _may(self, arn: str, role: Role, operation: str, resource: str | None) -> bool:
        """Whether the role may call.

        For a call without a known resource, on any resource of a policy.
        """
        decide = partial(self._services.decide, arn, role, operation)
        if resource is not None:
            return decide(resource, self._region) is Decision.ALLOW
        return any(decide(each, self._region) is Decision.ALLOW for each in _named_resources(role))

    def _resource(self, service: str, request: Request) -> str | None:
        """The ARN of the resource of a call; None for services whose requests are not parsed."""
        if service == "firehose":
            name = _member(request, "DeliveryStreamName")
            return self._services.arn("firehose", self._region, f"deliverystream/{name}")
        if service == "lambda":
            return unquote(request.path).partition("/functions/")[2].partition("/invocations")[0]
        return None


def _as_json(xml: bytes) -> bytes:
    root = ElementTree.fromstring(xml)  # noqa: S314, it comes from this process
    return json.dumps({_tag(root): _members(root)}).encode()


def _members(element: ElementTree.Element) -> Any:
    return {_tag(child): _members(child) for child in element} if len(element) else element.text


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _denied(role_arn: str, operation: str, resource: str | None) -> Answer:
    _, partition, _, _, account, name = role_arn.split(":", 5)
    who = f"arn:{partition}:sts::{account}:assumed-role/{name.rsplit('/', 1)[-1]}/BackplaneAssumeRoleSession"
    message = (
        f"User: {who} is not authorized to perform: {operation} on resource: {resource or '*'} "
        f"because no identity-based policy allows the {operation} action"
    )
    document = {"__type": "AccessDeniedException", "Message": message}
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode()


def _operation(service: str, action: str, request: Request) -> str:
    """The IAM action of a call.

    For a call by path, the operation of the request or of the HTTP method.
    """
    if " " not in action:
        return f"{service}:{action}"
    if service == "lambda":
        return "lambda:InvokeFunction"
    return f"{service}:{request.operation or f'{request.method.title()}Object'}"


def _named_resources(role: Role) -> set[Any]:
    statements = [each for policy in role.policies for each in _listed(policy.get("Statement"))]
    return {resource for statement in statements for resource in _listed(statement.get("Resource"))}


def _member(request: Request, name: str) -> str:
    try:
        document = request.document
    except ValueError:
        return ""
    return str(document.get(name, "")) if isinstance(document, dict) else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@cache
def _authorization(service: str, region: str) -> str:
    scope = f"apigateway/20000101/{region}/{_model(service).get('signingName', service)}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


@cache
def _model(service: str) -> Mapping[str, Any]:
    """The metadata of a service's protocol in botocore's model.

    Empty for a service without a model.
    """
    try:
        metadata: Mapping[str, Any] = service_model(MODEL_NAMES.get(service, service)).metadata
    except UnknownServiceError:
        return {}
    return metadata
