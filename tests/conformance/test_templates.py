"""Mapping templates, as recorded on AWS or shown in its documentation.

A template with variables of its own, or of a MOCK integration, runs behind a deployed API. What only the
backend of an integration sees is rendered in process, and left to our own local cloud.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.http.messages import Request
from tests.conformance.cloud import Cloud, expected_failures, load

ALL = load("templates.json")
ON_THE_WIRE = ("mock-vars", "pipeline-mock")
ECHO = "arn:aws:apigateway:us-east-1:firehose:action/Echo"


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
def test_a_template_renders_as_recorded(
    cloud: Cloud, case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    reason = expected_failures().get(case["id"])
    if reason and cloud.ours:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    if case["form"] in ON_THE_WIRE:
        status, headers, body = _deployed(cloud, case)
    elif cloud.ours:
        status, headers, body = _in_process(case)
    else:
        pytest.skip("only the integration's backend sees this template's text")
    assert same(case["compare"], body, case["expected"]), body
    assert status == case.get("expected_status", status)
    for name, value in case.get("expected_headers", {}).items():
        assert headers.get(name) == value


def same(how: str, actual: str, expected: str) -> bool:
    """Whether a text is the expected one, exactly, as JSON or but for white space."""
    if how == "exact":
        return actual == expected
    if how == "ws":
        return "".join(actual.split()) == "".join(expected.split())
    found, wanted = json.loads(actual), json.loads(expected)
    return _includes(found, wanted) if how == "json-subset" else bool(_decoded(found, wanted) == wanted)


def _includes(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and _includes(found[key], value) for key, value in wanted.items()
        )
    return bool(found == wanted)


def _decoded(found: Any, wanted: Any) -> Any:
    """``found`` with base64 decoded where a case writes it as {"$b64": text}."""
    if isinstance(wanted, dict) and "$b64" in wanted:
        return {"$b64": base64.b64decode(found).decode()}
    if isinstance(wanted, dict) and isinstance(found, dict):
        return {key: _decoded(value, wanted.get(key)) for key, value in found.items()}
    return found


def _deployed(cloud: Cloud, case: dict[str, Any]) -> tuple[int, Any, str]:
    """Render behind a deployed API with a MOCK integration."""
    request = case.get("request") or {}
    if case["form"] == "mock-vars":
        # How the recordings were made: the variables travel in the body and are set from it.
        templates = {
            "request": '#set($context.requestOverride.path.body = $input.body){"statusCode": 200}',
            "response": "#set($body = $context.requestOverride.path.body)#set($vars = $util.parseJson($body))"
            + "".join(f"#set(${name} = $vars.{name})" for name in case["vars"])
            + "\n"
            + case["template"],
        }
        request = {"method": "POST", "body": json.dumps(case["vars"])}
    else:
        templates = {"request": case["request_template"], "response": case["response_template"]}
    client = cloud.client("apigateway")
    api = client.create_rest_api(name="conformance")
    where = {"restApiId": api["id"], "resourceId": api["rootResourceId"]}
    path = "/"
    for name, value in (request.get("path") or {}).items():
        created = client.create_resource(
            restApiId=api["id"], parentId=where["resourceId"], pathPart=f"{{{name}}}"
        )
        where["resourceId"] = created["id"]
        path += value
    where["httpMethod"] = request["method"]
    parameters = {f"method.request.path.{name}": True for name in request.get("path") or {}}
    client.put_method(**where, authorizationType="NONE", requestParameters=parameters)
    client.put_method_response(**where, statusCode="200")
    client.put_integration(
        **where,
        type="MOCK",
        requestTemplates={"application/json": templates["request"]},
        requestParameters={},
    )
    responses = {} if templates["response"] is None else {"application/json": templates["response"]}
    client.put_integration_response(**where, statusCode="200", responseTemplates=responses)
    deployment = client.create_deployment(restApiId=api["id"])
    stage: dict[str, Any] = {"variables": request.get("stage_variables") or {}}
    if "isCanaryRequest" in (request.get("context") or {}):
        stage["canarySettings"] = {"percentTraffic": 0, "deploymentId": deployment["id"]}
    client.create_stage(restApiId=api["id"], stageName="test", deploymentId=deployment["id"], **stage)
    answer = cloud.invoke(
        api["id"],
        "test",
        path,
        request["method"],
        params=request.get("query"),
        data=request.get("body"),
        headers=request.get("headers") or {"Content-Type": "application/json"},
    )
    client.delete_rest_api(restApiId=api["id"])
    return answer.status_code, answer.headers, answer.text


def _in_process(case: dict[str, Any]) -> tuple[int, Any, str]:
    """Run the data plane with an integration that stores its request and plays an answer."""
    request, form = case["request"], case["form"]
    received: list[str] = []

    def backend(service: str, action: str, headers: Any, body: bytes, role: str | None) -> handler.Answer:
        received.append(body.decode())
        return 200, {"Content-Type": "application/json"}, case.get("integration_body", body.decode()).encode()

    request_template = case.get("request_template") or (case["template"] if form == "request" else "{}")
    response_template = case.get("response_template") or (case["template"] if form == "response" else None)
    parameters = request.get("path") or {}
    path = "".join(f"/{{{name}}}" for name in parameters) or "/test"
    method = {
        "methodResponses": {"200": {}},
        "methodIntegration": {
            "type": "AWS",
            "uri": ECHO,
            "requestTemplates": {"application/json": request_template},
            "integrationResponses": {
                "200": {
                    "responseTemplates": {}
                    if response_template is None
                    else {"application/json": response_template}
                }
            },
        },
    }
    api = {
        "id": "api",
        "resources": {"r": {"id": "r", "path": path, "resourceMethods": {"ANY": method}}},
        "models": {},
        "requestValidators": {},
        "gatewayResponses": {},
    }
    stage = {"stageName": "api", "variables": request.get("stage_variables") or {}}
    deployed = handler.on_stage(handler.compile(api, "123456789012", "us-east-1"), stage)
    sent = Request(
        request["method"],
        "".join(f"/{value}" for value in parameters.values()) or "/test",
        "&".join(f"{name}={value}" for name, value in (request.get("query") or {}).items()),
        {name.lower(): value for name, value in (request.get("headers") or {}).items()},
        (request.get("body") or "").encode(),
    )
    answer = handler.handle(deployed, sent, backend, now=1_700_000_000.0)
    return answer.status, answer.headers, received[0] if form == "request" else answer.body.decode()
