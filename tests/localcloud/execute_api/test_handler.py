"""The data plane of REST APIs: the clicks API, and integrations of every outcome."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.localcloud.control_plane.apigateway import RestApis
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.execute_api.headers import trace_header
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.provision.resources.rest_api.openapi import ClicksApi

NOW = 1_800_000_000.0
ROLE = "arn:aws:iam::123456789012:role/api"
CLICK = {"userId": "u1", "mysfitId": "m-1"}
JSON = {"content-type": "application/json", "origin": "https://www.example.com"}


class Backend:
    """The AWS services behind the API: keeps what it is called with, answers or fails as told."""

    def __init__(self, answer: handler.Answer | Exception = (200, {}, b'{"RecordId": "r"}')) -> None:
        self.answer = answer
        self.calls: list[tuple[str, str, dict[str, str], bytes, str | None]] = []

    def __call__(
        self, service: str, action: str, headers: Mapping[str, str], body: bytes, role_arn: str | None
    ) -> handler.Answer:
        self.calls.append((service, action, dict(headers), body, role_arn))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def ask(store: RestApis, method: str, path: str, document: Any = None) -> Any:
    """One request to the control plane; its document."""
    body = document if isinstance(document, bytes) else json.dumps(document or {}).encode()
    where, _, query = path.partition("?")
    answer = store.handle(Request(method, where, query, {}, body))
    assert answer is not None
    assert answer.status < 300, answer.body
    return answer.json() if answer.body else None


def deploy(definition: Any, patches: Mapping[str, str] | None = None, **stage: Any) -> handler.DeployedApi:
    """A definition as it is served after create, put, deploy and stage."""
    store = RestApis("123456789012", now=lambda: NOW, seed=1)
    api = ask(store, "POST", "/restapis", {"name": "api"})["id"]
    ask(store, "PUT", f"/restapis/{api}?mode=overwrite&failonwarnings=true", json.dumps(definition).encode())
    deployment = ask(store, "POST", f"/restapis/{api}/deployments")["id"]
    ask(store, "POST", f"/restapis/{api}/stages", {"stageName": "prod", "deploymentId": deployment, **stage})
    operations = [{"op": "replace", "path": path, "value": value} for path, value in (patches or {}).items()]
    ask(store, "PATCH", f"/restapis/{api}/stages/prod", {"patchOperations": operations})
    served = store.deployed(api, "prod")
    assert served is not None
    return served


@pytest.fixture(scope="module")
def clicks() -> handler.DeployedApi:
    definition = ClicksApi(
        title="mysfits",
        stream_name="mysfits-clicks",
        role_arn=ROLE,
        allowed_origins=("*",),
        preflight_max_age_seconds=3600,
        max_clicks_per_request=100,
        click=Config().definition,
        account=Account("123456789012", "eu-west-1", "aws"),
    )
    return deploy(definition.document())


def put(clicks: handler.DeployedApi, backend: Backend, body: Any, **headers: str) -> Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request("PUT", "/clicks", "", {**JSON, **headers}, raw)
    return handler.handle(clicks, request, backend, NOW)


@pytest.mark.parametrize("body", [CLICK, [CLICK], [CLICK] * 100], ids=["one click", "a list", "100 clicks"])
def test_clicks_are_put_on_the_delivery_stream_as_they_came(clicks: handler.DeployedApi, body: Any) -> None:
    backend = Backend()
    answer = put(clicks, backend, body)
    assert (answer.status, answer.json()) == (200, {"status": "accepted"})
    (service, action, headers, sent, role) = backend.calls[0]
    assert (service, action, role) == ("firehose", "PutRecord", ROLE)
    assert headers == {"Content-Type": "application/x-amz-json-1.1"}
    document = json.loads(sent)
    assert document["DeliveryStreamName"] == "mysfits-clicks"
    envelope = json.loads(base64.b64decode(document["Record"]["Data"]))
    assert list(envelope) == ["v", "requestId", "time", "first", "clicks"]
    assert (envelope["v"], envelope["first"], envelope["clicks"]) == (1, 0, body)
    assert envelope["time"] == round(NOW * 1000)


FLAGS: list[tuple[dict[str, str], dict[str, bool]]] = [
    ({"Sec-GPC": "1"}, {"gpc": True}),
    ({"sec-gpc": "1"}, {"gpc": True}),
    ({"Sec-GPC": "0"}, {}),
    ({"Sec-GPC": '1, "test": true'}, {}),
    ({"X-Mysfits-Test": "1"}, {"test": True}),
    ({"x-mysfits-test": "1", "SEC-GPC": "1"}, {"gpc": True, "test": True}),
    ({"X-Other": "1"}, {}),
]


@pytest.mark.parametrize(("headers", "flags"), FLAGS, ids=lambda value: json.dumps(value))
def test_headers_set_flags_of_the_envelope_and_are_never_written(
    clicks: handler.DeployedApi, headers: dict[str, str], flags: dict[str, bool]
) -> None:
    backend = Backend()
    assert put(clicks, backend, CLICK, **headers).status == 200
    envelope = json.loads(base64.b64decode(json.loads(backend.calls[0][3])["Record"]["Data"]))
    assert {name: value for name, value in envelope.items() if name in ("gpc", "test")} == flags


def test_a_query_string_sets_no_flag(clicks: handler.DeployedApi) -> None:
    backend = Backend()
    request = Request("PUT", "/clicks", "Sec-GPC=1&X-Mysfits-Test=1", JSON, json.dumps(CLICK).encode())
    assert handler.handle(clicks, request, backend, NOW).status == 200
    envelope = json.loads(base64.b64decode(json.loads(backend.calls[0][3])["Record"]["Data"]))
    assert list(envelope) == ["v", "requestId", "time", "first", "clicks"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userId": "u"},
        {**CLICK, "more": 1},
        {**CLICK, "userId": ""},
        {**CLICK, "userId": "u" * 129},
        {**CLICK, "mysfitId": "../x"},
        {**CLICK, "userId": 1},
        [{**CLICK, "more": 1}],
        {**CLICK, "mysfitId": "m-1\n"},
        "click",
        b"not json",
        b"",
        b"[" * 100_000,
        b'{"userId": NaN, "mysfitId": "m"}',
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_malformed_click_is_refused_before_firehose_is_called(
    clicks: handler.DeployedApi, body: Any
) -> None:
    backend = Backend()
    answer = put(clicks, backend, body)
    assert (answer.status, answer.json()) == (400, {"message": "Invalid request body"})
    assert answer.headers["x-amzn-ErrorType"] == "BadRequestException"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert backend.calls == []


def test_template_text_in_a_click_reaches_the_stream_as_it_came(clicks: handler.DeployedApi) -> None:
    backend, click = Backend(), {**CLICK, "userId": "$util.urlEncode('x')#set($input = 1)\"\\"}
    assert put(clicks, backend, click).status == 200
    envelope = json.loads(base64.b64decode(json.loads(backend.calls[0][3])["Record"]["Data"]))
    assert envelope["clicks"] == click


def test_anything_but_json_is_an_unsupported_media_type(clicks: handler.DeployedApi) -> None:
    request = Request("PUT", "/clicks", "", {"content-type": "text/plain"}, json.dumps(CLICK).encode())
    answer = handler.handle(clicks, request, Backend(), NOW)
    assert (answer.status, answer.json()) == (415, {"message": "Unsupported Media Type"})


def test_a_preflight_is_answered_without_calling_anyone(clicks: handler.DeployedApi) -> None:
    backend = Backend()
    request = Request("OPTIONS", "/clicks", "", {"access-control-request-method": "PUT"})
    answer = handler.handle(clicks, request, backend, NOW)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "OPTIONS,PUT"
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert backend.calls == []


DENIED = (
    b'{"__type": "AccessDeniedException", "Message": "arn:aws:sts::123456789012:assumed-role/api is not"}'
)
OUTCOMES: dict[str, tuple[handler.Answer | Exception, int, str]] = {
    "a denied PutRecord goes through the selection pattern": ((400, {}, DENIED), 502, "could not be stored"),
    "throttling by Firehose is the pipeline's fault": (
        (400, {}, b'{"__type": "X"}'),
        502,
        "could not be stored",
    ),
    "a failing Firehose may heal": ((503, {}, b"{}"), 503, "try again"),
    "a role that cannot be assumed": (handler.CannotAssumeRole(ROLE), 500, "Internal server error"),
    "a Firehose that does not answer": (TimeoutError(), 504, "Endpoint request timed out"),
    "a Firehose that cannot be reached": (ConnectionRefusedError("refused"), 504, "Network error"),
}


@pytest.mark.parametrize(("outcome", "status", "message"), OUTCOMES.values(), ids=OUTCOMES.keys())
def test_what_goes_wrong_behind_the_api_shows_without_internal_ids(
    clicks: handler.DeployedApi, outcome: handler.Answer | Exception, status: int, message: str
) -> None:
    answer = put(clicks, Backend(outcome), CLICK)
    assert answer.status == status
    assert message in answer.json()["message"]
    assert b"arn:" not in answer.body
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_execution_log_names_what_the_answer_hides(clicks: handler.DeployedApi) -> None:
    lines: list[str] = []
    request = Request("PUT", "/clicks", "", JSON, json.dumps(CLICK).encode())
    handler.handle(clicks, request, Backend(handler.CannotAssumeRole(ROLE)), NOW, lines.append)
    cause = "Execution failed due to configuration error: API Gateway does not have permission to assume"
    assert any(line.startswith(cause) and ROLE in line for line in lines), lines


def test_requests_beyond_the_rate_are_throttled_until_tokens_are_back() -> None:
    served = deploy(api(mock()), {"/*/*/throttling/rateLimit": "2", "/*/*/throttling/burstLimit": "3"})

    def status(at: float) -> int:
        return handler.handle(served, Request("GET", "/"), Backend(), at).status

    assert [status(NOW) for _ in range(5)] == [200, 200, 200, 429, 429]
    assert [status(NOW + 1) for _ in range(3)] == [200, 200, 429]
    assert [status(NOW + 100) for _ in range(4)] == [200, 200, 200, 429]


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
