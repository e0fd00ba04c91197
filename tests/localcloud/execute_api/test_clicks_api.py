"""The clicks API on the data plane of REST APIs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.provision.resources.rest_api.openapi import ClicksApi
from tests.support.deployed_api import CLICK, JSON, NOW, ROLE, Backend, deploy


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
