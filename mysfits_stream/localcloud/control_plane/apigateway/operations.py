"""Every operation on REST APIs: HTTP method and path -> handler and status of the response."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mysfits_stream.localcloud.control_plane.apigateway import (
    apis,
    domains,
    export,
    integrations,
    methods,
    models,
    stages,
)
from mysfits_stream.localcloud.control_plane.apigateway.call import Call
from mysfits_stream.localcloud.control_plane.apigateway.testing import test_invoke
from mysfits_stream.localcloud.http.messages import Response

if TYPE_CHECKING:
    from mysfits_stream.localcloud.control_plane.apigateway import RestApis

Document = dict[str, Any]
# A document with its status; a whole response; or what TestInvokeMethod still has to do.
Answer = tuple[int, Document | None] | Response | Callable[[], tuple[int, Document]]
Operation = Callable[["RestApis", Call], Answer]

API = "/restapis/(?P<api>[^/]+)"
NAME = "/(?P<name>[^/]+)"
RESOURCE = f"{API}/resources/(?P<resource>[^/]+)"
METHOD = f"{RESOURCE}/methods/(?P<method>[^/]+)"
INTEGRATION = f"{METHOD}/integration"
STATUS = "/responses/(?P<name>[^/]+)"
TAGS = "/tags/(?P<arn>.+(?:restapis|domainnames).+)"
DOMAIN = "/domainnames/(?P<domain>[^/]+)"
MAPPING = f"{DOMAIN}/basepathmappings/(?P<base>[^/]+)"


def _gone(status: int, change: Callable[..., None], *what: Any) -> Answer:
    """Make a change with an empty response."""
    change(*what)
    return status, None


def _method_of(call: Call) -> Document:
    return methods.method(call.api, *call.method)


def _integration_of(call: Call) -> Document:
    return integrations.of_method(call.api, *call.method)


def _integration_with_responses(call: Call) -> Document:
    return integrations.of_method(call.api, *call.method, owned=call.request.method != "PUT")


_APIS: list[tuple[str, str, Operation]] = [
    ("POST", "/restapis", lambda s, c: s.import_api(c) if "mode" in c.query else s.create_api(c)),
    ("GET", "/restapis", lambda s, c: (200, c.page(s.listed(c.request.region)))),
    ("GET", API, lambda s, c: (200, apis.shown(c.api))),
    ("PUT", API, lambda s, c: s.put_api(c)),
    ("PATCH", API, lambda s, c: (200, apis.shown(s.replaced(apis.update(c.api, c.operations()))))),
    ("DELETE", API, lambda s, c: _gone(202, s.delete_api, c.api)),
    ("GET", TAGS, lambda s, c: (200, {"tags": s.tagged(c.path["arn"]).get("tags") or {}})),
    ("PUT", TAGS, lambda s, c: _gone(204, s.tag, c.path["arn"], c.body().get("tags") or {})),
    ("DELETE", TAGS, lambda s, c: _gone(204, s.untag, c.path["arn"], c.query.get("tagKeys", []))),
    ("GET", "/account", lambda s, c: (200, s.account_of(c.request.region))),
    ("PATCH", "/account", lambda s, c: (200, s.update_account(c.request.region, c.operations()))),
]
_DOMAINS: list[tuple[str, str, Operation]] = [
    ("POST", "/domainnames", lambda s, c: (201, s.create_domain(c))),
    ("GET", DOMAIN, lambda s, c: (200, domains.shown(s.domain(c)))),
    ("PATCH", DOMAIN, lambda s, c: (200, domains.update(s.domain(c), c.operations()))),
    ("DELETE", DOMAIN, lambda s, c: _gone(202, s.delete_domain, c)),
    ("POST", f"{DOMAIN}/basepathmappings", lambda s, c: (201, s.create_mapping(c))),
    (
        "GET",
        f"{DOMAIN}/basepathmappings",
        lambda s, c: (200, {"item": list(s.domain(c)["mappings"].values())}),
    ),
    ("GET", MAPPING, lambda s, c: (200, domains.mapping(s.domain(c), c.path["base"]))),
    (
        "PATCH",
        MAPPING,
        lambda s, c: (200, domains.update_mapping(s.domain(c), c.path["base"], c.operations())),
    ),
    ("DELETE", MAPPING, lambda s, c: _gone(202, domains.delete_mapping, s.domain(c), c.path["base"])),
]
_METHODS: list[tuple[str, str, Operation]] = [
    ("GET", f"{API}/resources", lambda s, c: (200, c.page(methods.listed(c.api, c.embeds("methods"))))),
    (
        "POST",
        RESOURCE,
        lambda s, c: (
            201,
            methods.shown_resource(
                methods.create_resource(
                    c.api, c.path["resource"], str(c.body().get("pathPart") or ""), s.new_id()
                )
            ),
        ),
    ),
    (
        "GET",
        RESOURCE,
        lambda s, c: (
            200,
            methods.shown_resource(methods.resource(c.api, c.path["resource"]), c.embeds("methods")),
        ),
    ),
    (
        "PATCH",
        RESOURCE,
        lambda s, c: (
            200,
            methods.shown_resource(methods.update_resource(c.api, c.path["resource"], c.operations())),
        ),
    ),
    ("DELETE", RESOURCE, lambda s, c: _gone(202, methods.delete_resource, c.api, c.path["resource"])),
    ("GET", METHOD, lambda s, c: (200, _method_of(c))),
    ("PUT", METHOD, lambda s, c: (201, methods.put_method(c.api, *c.method, c.body()))),
    ("PATCH", METHOD, lambda s, c: (200, methods.update_method(c.api, *c.method, c.operations()))),
    ("DELETE", METHOD, lambda s, c: _gone(204, methods.delete_method, c.api, *c.method)),
    ("POST", METHOD, lambda s, c: test_invoke(s, c.api, *c.method, c.body())),
    ("GET", INTEGRATION, lambda s, c: (200, _integration_of(c))),
    ("PUT", INTEGRATION, lambda s, c: (201, integrations.put_integration(c.api, *c.method, c.body()))),
    (
        "PATCH",
        INTEGRATION,
        lambda s, c: (200, integrations.update_integration(c.api, *c.method, c.operations())),
    ),
    ("DELETE", INTEGRATION, lambda s, c: _gone(204, integrations.delete_integration, c.api, *c.method)),
]
_PARTS: list[tuple[str, str, Operation]] = [
    ("GET", f"{API}/models", lambda s, c: (200, c.page(models.listed(c.api)))),
    ("POST", f"{API}/models", lambda s, c: (201, models.create_model(c.api, c.body(), s.new_id()))),
    ("GET", f"{API}/models{NAME}", lambda s, c: (200, models.shown_model(models.model(c.api, c.name)))),
    ("PATCH", f"{API}/models{NAME}", lambda s, c: (200, models.update_model(c.api, c.name, c.operations()))),
    ("DELETE", f"{API}/models{NAME}", lambda s, c: _gone(202, models.delete_model, c.api, c.name)),
    ("GET", f"{API}/requestvalidators", lambda s, c: (200, c.page([*c.api["requestValidators"].values()]))),
    (
        "POST",
        f"{API}/requestvalidators",
        lambda s, c: (201, models.create_request_validator(c.api, c.body(), s.new_id())),
    ),
    ("GET", f"{API}/requestvalidators{NAME}", lambda s, c: (200, models.request_validator(c.api, c.name))),
    (
        "PATCH",
        f"{API}/requestvalidators{NAME}",
        lambda s, c: (200, models.update_request_validator(c.api, c.name, c.operations())),
    ),
    (
        "DELETE",
        f"{API}/requestvalidators{NAME}",
        lambda s, c: _gone(202, models.delete_request_validator, c.api, c.name),
    ),
    ("GET", f"{API}/gatewayresponses", lambda s, c: (200, c.page(models.gateway_responses(c.api)))),
    ("GET", f"{API}/gatewayresponses{NAME}", lambda s, c: (200, models.gateway_response(c.api, c.name))),
    (
        "PUT",
        f"{API}/gatewayresponses{NAME}",
        lambda s, c: (201, models.put_gateway_response(c.api, c.name, c.body())),
    ),
    (
        "PATCH",
        f"{API}/gatewayresponses{NAME}",
        lambda s, c: (200, models.update_gateway_response(c.api, c.name, c.operations())),
    ),
    (
        "DELETE",
        f"{API}/gatewayresponses{NAME}",
        lambda s, c: _gone(202, models.delete_gateway_response, c.api, c.name),
    ),
]
_STAGES: list[tuple[str, str, Operation]] = [
    ("POST", f"{API}/deployments", lambda s, c: s.deploy(c)),
    (
        "GET",
        f"{API}/deployments",
        lambda s, c: (200, c.page([stages.shown_deployment(d) for d in c.api["deployments"].values()])),
    ),
    (
        "GET",
        f"{API}/deployments{NAME}",
        lambda s, c: (
            200,
            stages.shown_deployment(stages.deployment(c.api, c.name), c.embeds("apisummary")),
        ),
    ),
    (
        "PATCH",
        f"{API}/deployments{NAME}",
        lambda s, c: (
            200,
            stages.shown_deployment(stages.update_deployment(c.api, c.name, c.operations())),
        ),
    ),
    ("DELETE", f"{API}/deployments{NAME}", lambda s, c: _gone(202, s.delete_deployment, c.api, c.name)),
    ("GET", f"{API}/stages", lambda s, c: (200, stages.listed(c.api, c.query.get("deploymentId", [""])[0]))),
    ("POST", f"{API}/stages", lambda s, c: (201, stages.create_stage(c.api, c.body(), s.seconds()))),
    ("GET", f"{API}/stages{NAME}", lambda s, c: (200, stages.stage(c.api, c.name))),
    (
        "PATCH",
        f"{API}/stages{NAME}",
        lambda s, c: (200, stages.update_stage(c.api, c.name, c.operations(), s.seconds())),
    ),
    ("DELETE", f"{API}/stages{NAME}", lambda s, c: _gone(202, stages.delete_stage, c.api, c.name)),
    ("GET", f"{API}/stages{NAME}/exports/(?P<kind>[^/]+)", lambda s, c: export.answer(c)),
]


def _responses(path: str, owner: Callable[[Call], Document], member: str) -> list[tuple[str, str, Operation]]:
    return [
        ("GET", path, lambda s, c: (200, integrations.response(owner(c), member, c.name))),
        ("PUT", path, lambda s, c: (201, integrations.put_response(owner(c), member, c.name, c.body()))),
        (
            "PATCH",
            path,
            lambda s, c: (
                201 if member == "methodResponses" else 200,
                integrations.update_response(owner(c), member, c.name, c.operations()),
            ),
        ),
        ("DELETE", path, lambda s, c: _gone(204, integrations.delete_response, owner(c), member, c.name)),
    ]


_ROUTES = [
    (verb, re.compile(path), operation)
    for verb, path, operation in [
        *_APIS,
        *_DOMAINS,
        *_METHODS,
        *_responses(METHOD + STATUS, _method_of, "methodResponses"),
        *_responses(INTEGRATION + STATUS, _integration_with_responses, "integrationResponses"),
        *_PARTS,
        *_STAGES,
    ]
]


def find(verb: str, path: str) -> tuple[re.Match[str], Operation] | None:
    """The operation of a request, and the match of its path."""
    for wanted, pattern, operation in _ROUTES:
        match = pattern.fullmatch(path) if wanted == verb else None
        if match:
            return match, operation
    return None
