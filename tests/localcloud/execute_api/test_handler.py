"""Integrations and methods of every outcome on the data plane of REST APIs."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.execute_api.headers import trace_header
from mysfits_stream.localcloud.http.messages import Request, Response
from tests.support.deployed_api import JSON, NOW, ROLE, Backend, deploy


def mock(**more: Any) -> dict[str, Any]:
    """An operation that answers by itself."""
    integration = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200"}},
    }
    return {"responses": {"200": {}}, "x-amazon-apigateway-integration": {**integration, **more}}


def aws(uri: str, **more: Any) -> dict[str, Any]:
    """An operation that calls an AWS service."""
    return mock(type="aws", httpMethod="POST", uri=uri, credentials=ROLE, requestTemplates=None, **more)


def api(
    operation: dict[str, Any], path: str = "/", verb: str = "x-amazon-apigateway-any-method"
) -> dict[str, Any]:
    return {
        "openapi": "3.0.1",
        "info": {"title": "api", "version": "1"},
        "paths": {path: {verb: operation}},
        "x-amazon-apigateway-binary-media-types": ["image/png"],
    }


LAMBDA = (
    "arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/arn:aws:lambda:::function:f/invocations"
)


def test_an_integration_by_path_is_called_with_its_mapped_path_and_query() -> None:
    operation = aws(
        "arn:aws:apigateway:eu-west-1:s3:path/{bucket}/${stageVariables.folder}/{key}",
        requestParameters={
            "integration.request.path.bucket": "'clicks'",
            "integration.request.path.key": "method.request.path.key",
            "integration.request.querystring.versionId": "method.request.querystring.v",
            "integration.request.header.X-Trace": "context.requestId",
            "integration.request.header.X-Name": "method.request.body.name",
        },
    )
    served, backend = deploy(api(operation, "/{key}"), variables={"folder": "in"}), Backend()
    handler.handle(served, Request("PUT", "/a%20b", "v=1", JSON, b'{"name": "n"}'), backend, NOW)
    service, action, headers, body, _ = backend.calls[0]
    assert (service, action, body) == ("s3", "POST /clicks/in/a b?versionId=1", b'{"name": "n"}')
    assert headers["X-Name"] == "n"
    assert len(headers["X-Trace"]) == 36
    assert headers["Content-Type"] == "application/json"


LAMBDA_OUTCOMES = {
    "a result": ({}, b'{"ok": 1}', 200),
    "an error that a pattern names": (
        {"X-Amz-Function-Error": "Unhandled"},
        b'{"errorMessage": "no such mysfit"}',
        404,
    ),
    "an error that no pattern names": (
        {"X-Amz-Function-Error": "Unhandled"},
        b'{"errorMessage": "boom"}',
        200,
    ),
    "a crash without a message": ({"X-Amz-Function-Error": "Unhandled"}, b"crash", 200),
}


@pytest.mark.parametrize(("headers", "body", "status"), LAMBDA_OUTCOMES.values(), ids=LAMBDA_OUTCOMES.keys())
def test_selection_patterns_of_a_function_are_held_against_its_error(
    headers: dict[str, str], body: bytes, status: int
) -> None:
    responses = {
        "default": {"statusCode": "200"},
        "no such.*": {"statusCode": "404"},
        "200": {"statusCode": "405"},
    }
    operation = aws(LAMBDA, responses=responses)
    operation["responses"] |= {"404": {}, "405": {}}
    answer = handler.handle(deploy(api(operation)), Request("GET", "/"), Backend((200, headers, body)), NOW)
    assert (answer.status, answer.body) == (status, body)


def test_the_members_of_a_custom_error_become_headers() -> None:
    names = {
        "error_type": "errorType",
        "error_status": "httpStatus",
        "error_trace_function": "trace.function",
        "error_trace": "trace",
    }
    parameters = {
        f"method.response.header.{name}": f"integration.response.body.errorMessage.{member}"
        for name, member in names.items()
    }
    operation = aws(LAMBDA, responses={"default": {"statusCode": "200", "responseParameters": parameters}})
    operation["responses"]["200"] = {"headers": {name: {"schema": {"type": "string"}} for name in names}}
    error = {
        "errorType": "InternalServerError",
        "httpStatus": 500,
        "trace": {"function": "abc()", "line": 123, "file": "abc.js"},
    }
    body = json.dumps({"errorMessage": json.dumps(error)}).encode()
    failed = (200, {"X-Amz-Function-Error": "Unhandled"}, body)
    answer = handler.handle(deploy(api(operation)), Request("GET", "/"), Backend(failed), NOW)
    assert {name: answer.headers[name] for name in names} == {
        "error_type": "InternalServerError",
        "error_status": "500",
        "error_trace_function": "abc()",
        "error_trace": '{"function":"abc()","line":123,"file":"abc.js"}',
    }
    assert answer.body == body


def proxied(backend: Backend, request: Request, **stage: Any) -> Response:
    definition = api(mock(type="aws_proxy", httpMethod="POST", uri=LAMBDA, credentials=ROLE), "/{id}")
    return handler.handle(deploy(definition, **stage), request, backend, NOW)


def test_a_lambda_proxy_integration_sends_the_whole_request_as_an_event() -> None:
    backend = Backend((200, {}, b'{"body": "hi"}'))
    request = Request("PUT", "/7", "a=1&a=2", {"x-one": "1", "host": "h"}, '{"é": 1}'.encode())
    proxied(backend, request, variables={"v": "w"})
    event = json.loads(backend.calls[0][3])
    context = event.pop("requestContext")
    trace = event["headers"].pop("X-Amzn-Trace-Id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", trace)
    assert event["multiValueHeaders"].pop("X-Amzn-Trace-Id") == [trace]
    seen = {"X-One": "1", "Host": "h", "X-Forwarded-For": "127.0.0.1"} | {
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
    }
    assert event == {
        "resource": "/{id}",
        "path": "/7",
        "httpMethod": "PUT",
        "headers": seen,
        "multiValueHeaders": {name: [value] for name, value in seen.items()},
        "queryStringParameters": {"a": "2"},
        "multiValueQueryStringParameters": {"a": ["1", "2"]},
        "pathParameters": {"id": "7"},
        "stageVariables": {"v": "w"},
        "body": '{"é": 1}',
        "isBase64Encoded": False,
    }
    assert (context["stage"], context["path"], context["resourcePath"]) == ("prod", "/prod/7", "/{id}")


PROXY_RESULTS: dict[str, tuple[dict[str, str], bytes, int, bytes]] = {
    "status, headers and body": (
        {},
        b'{"statusCode": 201, "headers": {"X-A": 1}, "body": "made"}',
        201,
        b"made",
    ),
    "base64": ({}, b'{"body": "AAE=", "isBase64Encoded": true}', 200, b"\x00\x01"),
    "nothing": ({}, b"{}", 200, b""),
    "an unknown member": ({}, b'{"statusCode": 200, "more": 1}', 502, b'{"message":"Internal server error"}'),
    "a body that is no text": ({}, b'{"body": {"a": 1}}', 502, b'{"message":"Internal server error"}'),
    "no object": ({}, b'"text"', 502, b'{"message":"Internal server error"}'),
    "no JSON": ({}, b"text", 502, b'{"message":"Internal server error"}'),
    "an error": ({"X-Amz-Function-Error": "Unhandled"}, b"{}", 502, b'{"message":"Internal server error"}'),
}


@pytest.mark.parametrize(
    ("headers", "result", "status", "body"), PROXY_RESULTS.values(), ids=PROXY_RESULTS.keys()
)
def test_a_lambda_proxy_integration_answers_as_its_function_says(
    headers: dict[str, str], result: bytes, status: int, body: bytes
) -> None:
    answer = proxied(Backend((200, headers, result)), Request("GET", "/1", "", {"accept": "image/png, */*"}))
    assert (answer.status, answer.body) == (status, body)


def test_base64_of_a_function_stays_text_for_a_client_that_accepts_text() -> None:
    answer = proxied(Backend((200, {}, b'{"body": "AAE=", "isBase64Encoded": true}')), Request("GET", "/1"))
    assert answer.body == b"AAE="


@pytest.mark.parametrize(
    ("result", "sent"),
    [
        ({"multiValueHeaders": {"X-A": ["1", "2"]}}, "1, 2"),
        ({"headers": {"X-A": "0"}, "multiValueHeaders": {"X-A": ["1", "2"]}}, "0, 1, 2"),
        ({"headers": {"X-A": "1"}, "multiValueHeaders": {"X-A": ["1", "2"]}}, "1, 2"),
        ({"headers": {"X-A": True}}, "true"),
    ],
)
def test_both_members_of_a_functions_headers_are_merged(result: dict[str, Any], sent: str) -> None:
    assert (
        proxied(Backend((200, {}, json.dumps(result).encode())), Request("GET", "/1")).headers["X-A"] == sent
    )


@pytest.mark.parametrize("result", [{"multiValueHeaders": {"X-A": "1"}}, {"headers": {"X-A": ["1"]}}])
def test_headers_of_another_shape_are_a_malformed_response(result: dict[str, Any]) -> None:
    assert proxied(Backend((200, {}, json.dumps(result).encode())), Request("GET", "/1")).status == 502


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Connection",
        "Content-Length",
        "Expect",
        "Proxy-Authenticate",
        "TE",
        "Transfer-Encoding",
    ],
)
def test_a_header_that_cannot_be_mapped_is_a_configuration_error(name: str) -> None:
    operation = aws(LAMBDA, requestParameters={f"integration.request.header.{name}": "'x'"})
    backend = Backend()
    answer = handler.handle(deploy(api(operation)), Request("GET", "/"), backend, NOW)
    assert (answer.status, answer.json()) == (500, {"message": "Internal server error"})
    assert answer.headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    assert not backend.calls


def test_headers_of_a_response_are_renamed_or_dropped() -> None:
    names = ("Date", "Server", "WWW-Authenticate", "User-Agent", "Age", "Pragma", "Transfer-Encoding")
    mapped = {f"method.response.header.{name}": f"'{name}'" for name in names}
    operation = mock(responses={"default": {"statusCode": "200", "responseParameters": mapped}})
    operation["responses"]["200"] = {"headers": {name: {"schema": {"type": "string"}} for name in names}}
    answer = handler.handle(deploy(api(operation)), Request("GET", "/"), Backend(), NOW)
    assert {name: value for name, value in answer.headers.items() if value in names} == {
        "x-amzn-Remapped-Date": "Date",
        "x-amzn-Remapped-Server": "Server",
        "x-amzn-Remapped-WWW-Authenticate": "WWW-Authenticate",
        "x-amzn-Remapped-User-Agent": "User-Agent",
        "Age": "Age",
        "Pragma": "Pragma",
    }


def test_the_trace_id_of_a_client_is_kept() -> None:
    given = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    request = Request("GET", "/1", "", {"x-amzn-trace-id": given})
    assert proxied(Backend((200, {}, b"{}")), request).headers["X-Amzn-Trace-Id"] == given


def test_a_method_that_the_closest_resource_lacks_is_served_by_a_greedy_one() -> None:
    definition = api(mock(), "/items", "post")
    definition["paths"]["/{proxy+}"] = {"options": mock()}
    definition["paths"]["/items/{id}"] = {"get": mock()}
    served = deploy(definition)
    found = {
        (verb, path): served.find(verb, path)
        for verb in ("GET", "POST", "OPTIONS", "DELETE")
        for path in ("/items", "/items/7")
    }
    paths = {key: method.resource_path for key, (method, _) in ((k, v) for k, v in found.items() if v)}
    assert paths == {
        ("POST", "/items"): "/items",
        ("OPTIONS", "/items"): "/{proxy+}",
        ("GET", "/items/7"): "/items/{id}",
        ("OPTIONS", "/items/7"): "/{proxy+}",
    }


@pytest.mark.parametrize("sent", ["", "Self=1-2-3", "Sampled=1"])
def test_a_trace_without_a_root_gets_one(sent: str) -> None:
    found = trace_header(sent, 1_700_000_000)
    assert re.fullmatch(r"Root=1-6553f100-[0-9a-f]{24};.*Parent=[0-9a-f]{16}.*", found)
    assert sent in found
    assert trace_header("Root=1-2-3;Sampled=1", 0).startswith("Root=1-2-3;Sampled=1;Parent=")


def test_a_resource_policy_is_enforced_as_it_was_deployed() -> None:
    deny = {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    definition = {**api(mock()), "x-amazon-apigateway-policy": {"Statement": [deny]}}
    answer = handler.handle(deploy(definition), Request("GET", "/"), Backend(), NOW)
    assert (answer.status, answer.headers["x-amzn-ErrorType"]) == (403, "AccessDeniedException")
    assert answer.json()["Message"].endswith("/prod/GET/ with an explicit deny")


def test_a_function_that_gets_too_much_is_a_request_that_is_too_long() -> None:
    answer = proxied(Backend((413, {}, b"{}")), Request("GET", "/1"))
    assert (answer.status, answer.json()) == (413, {"message": "Request Too Long"})


def test_no_value_ends_a_header_or_stops_the_answer() -> None:
    definition = {
        **api(mock()),
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {
                "responseParameters": {"gatewayresponse.header.X-Q": "method.request.querystring.q"}
            }
        },
    }
    request = Request("GET", "/none", "q=a%0d%0aSet-Cookie:%20b%3Dc%E2%98%83")
    answer = handler.handle(deploy(definition), request, Backend(), NOW)
    assert answer.headers["X-Q"].encode("latin-1").decode() == "a Set-Cookie: b=c☃"


@pytest.mark.parametrize(
    "template",
    [
        "#set($context.responseOverride = 'x')",
        "#set($context.requestOverride = 'x')",
        "#set($context.responseOverride.header = 'x')",
    ],
)
def test_overrides_that_are_none_change_nothing(template: str) -> None:
    templates = {"application/json": template + '{"statusCode": 200}'}
    served = deploy(api(mock(requestTemplates=templates)))
    assert handler.handle(served, Request("GET", "/"), Backend(), NOW).status == 200


def test_an_overridden_status_that_is_no_number_is_an_internal_server_error() -> None:
    templates = {"application/json": "#set($context.responseOverride.status = 'x')" + '{"statusCode": 200}'}
    served = deploy(api(mock(requestTemplates=templates)))
    assert handler.handle(served, Request("GET", "/"), Backend(), NOW).status == 500


def test_a_binary_body_passes_through_and_back_untouched() -> None:
    picture = bytes(range(256))
    served = deploy(api(aws("arn:aws:apigateway:eu-west-1:s3:path/b/k")))
    backend = Backend((200, {}, picture))
    answer = handler.handle(
        served, Request("POST", "/", "", {"content-type": "image/png"}, picture), backend, NOW
    )
    assert backend.calls[0][3] == picture
    assert answer.body == picture


def test_content_handling_converts_between_bytes_and_base64() -> None:
    picture = bytes(range(256))
    text = base64.b64encode(picture)
    back = {"default": {"statusCode": "200", "contentHandling": "CONVERT_TO_BINARY"}}
    operation = aws(
        "arn:aws:apigateway:eu-west-1:s3:path/b/k", contentHandling="CONVERT_TO_TEXT", responses=back
    )
    backend = Backend((200, {}, text))
    request = Request("POST", "/", "", {"content-type": "image/png"}, picture)
    answer = handler.handle(deploy(api(operation)), request, backend, NOW)
    assert backend.calls[0][3] == text
    assert answer.body == picture


def test_a_response_that_cannot_be_mapped_is_an_internal_server_error() -> None:
    responses = {
        "default": {"statusCode": "200", "responseTemplates": {"application/json": "$input.json('$.a')"}}
    }
    served = deploy(api(aws("arn:aws:apigateway:eu-west-1:sqs:action/SendMessage", responses=responses)))
    answer = handler.handle(served, Request("GET", "/"), Backend((200, {}, b"<xml/>")), NOW)
    assert (answer.status, answer.json()) == (500, {"message": "Internal server error"})


@pytest.mark.parametrize(
    ("security", "headers", "status"),
    [
        ({"type": "apiKey", "name": "x-api-key", "in": "header"}, {}, 403),
        ({"type": "apiKey", "name": "x-api-key", "in": "header"}, {"x-api-key": "k"}, 403),
        ({"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}, {}, 403),
        ({"type": "apiKey", "x-amazon-apigateway-authtype": "awsSigv4"}, {"authorization": "AWS4"}, 200),
        ({"type": "apiKey", "x-amazon-apigateway-authtype": "custom"}, {}, 401),
        ({"type": "apiKey", "x-amazon-apigateway-authtype": "custom"}, {"authorization": "x"}, 500),
    ],
    ids=["no key", "a key", "unsigned", "signed", "no token", "an authorizer that is not run"],
)
def test_a_method_that_wants_authorization_gets_it_first(
    security: dict[str, str], headers: dict[str, str], status: int
) -> None:
    operation = {**mock(), "security": [{"s": []}]}
    definition = {**api(operation), "components": {"securitySchemes": {"s": security}}}
    answer = handler.handle(deploy(definition), Request("GET", "/", "", headers), Backend(), NOW)
    assert answer.status == status


def test_every_answer_names_its_request_and_no_two_are_the_same() -> None:
    served = deploy(api(mock()))
    answers = [handler.handle(served, Request("GET", path), Backend(), NOW) for path in ("/", "/", "/none")]
    for name in ("x-amzn-RequestId", "x-amz-apigw-id"):
        assert len({answer.headers[name] for answer in answers}) == 3


def test_a_stage_that_changes_keeps_serving_its_deployment() -> None:
    served = deploy(api(mock()), variables={"a": "1"})
    again = handler.on_stage(served, {"stageName": "other", "variables": {"a": "2"}})
    assert again.resources is served.resources
    assert (served.stage.variables["a"], again.stage.variables["a"]) == ("1", "2")
    assert replace(served, stage=again.stage) == again


def test_requests_beyond_the_rate_are_throttled_until_tokens_are_back() -> None:
    served = deploy(api(mock()), {"/*/*/throttling/rateLimit": "2", "/*/*/throttling/burstLimit": "3"})

    def status(at: float) -> int:
        return handler.handle(served, Request("GET", "/"), Backend(), at).status

    assert [status(NOW) for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [status(NOW + 1) for _ in range(3)] == [200, 200, 429]
    assert [status(NOW + 100) for _ in range(4)] == [200, 200, 200, 429]
