"""Responses that AWS cannot have sent are one error with the operation's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from botocore.model import OperationModel

from mysfits_stream.aws import session as sessions
from mysfits_stream.aws.errors import reason
from mysfits_stream.aws.responses import ALWAYS_SENT, UnexpectedResponseError
from tests.support.answers import Answer, ok, rendered
from tests.support.deployment import LOADER
from tests.support.scripted import Body

HTML = b"<!DOCTYPE html><html><body>\x1b[31m<script>no</script></body></html>"

GROUPS = ok(logGroups=[{"logGroupName": "/aws/lambda/x", "arn": "arn:aws:logs:x"}])
ROLE = ok(
    Role={
        "Path": "/",
        "RoleName": "r",
        "RoleId": "AROA",
        "Arn": "arn:aws:iam::1:role/r",
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": "%7B%7D",
    }
)
VERSIONS = ok(IsTruncated=False, Name="b")
APIS = ok(items=[{"id": "a", "name": "x", "createdDate": 1}])
CALLS: dict[str, tuple[str, str, dict[str, Any], Answer]] = {
    "json": ("logs", "describe_log_groups", {}, GROUPS),
    "query": ("iam", "get_role", {"RoleName": "r"}, ROLE),
    "rest-xml": ("s3", "list_object_versions", {"Bucket": "b"}, VERSIONS),
    "rest-json": ("apigateway", "get_rest_apis", {}, APIS),
}


class Wire:
    """Clients that receive a test's responses in order; the last response repeats."""

    def __init__(self) -> None:
        self.core = sessions.isolated("key", "secret")
        self.core.register_component("data_loader", LOADER)
        self.responses: list[tuple[int, Mapping[str, str], bytes]] = []
        self.sent = 0
        register: Any = self.core.register
        register("before-send", self._answer)
        self._session = sessions.prepared(self.core)

    def client(self, service: str) -> Any:
        return sessions.client(self._session, service, "http://127.0.0.1:9", "eu-west-1")

    def call(self, protocol: str, status: int, body: bytes, **headers: str) -> Any:
        service, method, parameters, _ = CALLS[protocol]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.responses = [(status, named, body)]
        return getattr(self.client(service), method)(**parameters)

    def good(self, protocol: str) -> bytes:
        service, method, _, answer = CALLS[protocol]
        return rendered(answer, self.model(service, method))[1]

    def model(self, service: str, method: str) -> OperationModel:
        name = self.client(service).meta.method_to_api_mapping[method]
        return self.core.get_service_model(service).operation_model(name)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        status, headers, body = self.responses[min(self.sent, len(self.responses) - 1)]
        self.sent += 1
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(dict(headers)), Body(body))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.mark.parametrize("protocol", CALLS)
def test_a_whole_response_passes(wire: Wire, protocol: str) -> None:
    body = wire.good(protocol)
    assert wire.call(protocol, 200, body, Content_Length=str(len(body)))


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_response_that_breaks_off_is_unexpected(wire: Wire, protocol: str, share: float) -> None:
    body = wire.good(protocol)
    part = body[: int(len(body) * share)]
    with pytest.raises(UnexpectedResponseError) as raised:
        wire.call(protocol, 200, part, Content_Length=str(len(body)))
    assert f"it breaks off after {len(part)} of {len(body)} bytes" in reason(raised.value)


BODIES: dict[str, tuple[int, bytes]] = {
    "empty": (200, b""),
    "an empty object": (200, b"{}"),
    "a list": (200, b"[1, 2]"),
    "null": (200, b"null"),
    "a page": (200, HTML),
    "a page that is XML": (200, b"<html><body><p>Welcome</p></body></html>"),
    "text": (200, b"Welcome"),
    "no text": (200, b"\xff\xfe\x00garbage{{{"),
    "deep JSON": (200, b"[" * 100_000),
    "a page with 403": (403, HTML),
    "a page with 404": (404, HTML),
    "a list with 400": (400, b"[1, 2]"),
    "a login": (302, b""),
}


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("sent", BODIES)
def test_a_body_of_somebody_else_is_unexpected(wire: Wire, protocol: str, sent: str) -> None:
    status, body = BODIES[sent]
    service, method, _, _ = CALLS[protocol]
    with pytest.raises(UnexpectedResponseError) as raised:
        wire.call(protocol, status, body)
    line = reason(raised.value)
    assert raised.value.operation_name == wire.model(service, method).name
    assert line.startswith("unexpected response (not from AWS): ")
    assert line.endswith("Check AWS_ENDPOINT_URL and proxies")
    assert not {"\x1b", "<", "{", "\n"} & set(line) and len(line) < 200


TWO_CODES = {
    "json": b'{"__type": {"a": 1}, "message": [1]}',
    "rest-json": b'{"__type": ["a"], "message": {"a": 1}}',
    "query": b"<ErrorResponse><Error><Code>A</Code><Code>B</Code></Error></ErrorResponse>",
    "rest-xml": b"<Error><Code>A</Code><Code>B</Code><Message><a/></Message></Error>",
}


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("status", [301, 400, 409, 500, 503])
def test_an_error_whose_code_is_no_text_is_one_line(wire: Wire, protocol: str, status: int) -> None:
    """botocore looks the code up in sets when it decides about a retry."""
    service, method, parameters, _ = CALLS[protocol]
    wire.responses = [(status, {"x-amz-request-id": "r"}, TWO_CODES[protocol])]
    client = wire.client(service)
    without_retries(client)
    with pytest.raises(UnexpectedResponseError if status < 500 else ClientError) as raised:
        getattr(client, method)(**parameters)
    assert str(status) in reason(raised.value) and "\n" not in reason(raised.value)


def test_a_message_that_is_no_text_is_left_out(wire: Wire) -> None:
    with pytest.raises(ClientError) as raised:
        wire.call("json", 400, b'{"__type": "InvalidParameterException", "message": {"a": 1}}')
    assert raised.value.response["Error"] == {"Code": "InvalidParameterException", "Message": ""}


def without_retries(client: Any) -> None:
    hyphenized = client.meta.service_model.service_id.hyphenize()
    client.meta.events.unregister(f"needs-retry.{hyphenized}", unique_id=f"retry-config-{hyphenized}")


@pytest.mark.parametrize("protocol", CALLS)
@pytest.mark.parametrize("body", [b"", HTML, b"<html>x</html>", b"Bad Gateway", b"{{", b"[1]"])
def test_a_malformed_5xx_is_an_error_with_its_status(wire: Wire, protocol: str, body: bytes) -> None:
    """botocore retries it: the status is its code (F4)."""
    service, method, parameters, _ = CALLS[protocol]
    wire.responses = [(503, {}, body)]
    client = wire.client(service)
    without_retries(client)
    with pytest.raises(ClientError) as raised:
        getattr(client, method)(**parameters)
    assert raised.value.response["Error"]["Code"] == "503"
    assert "Service Unavailable. AWS throttles or fails; run" in reason(raised.value)


@pytest.mark.parametrize(
    ("protocol", "body", "says"),
    [
        ("json", b'{"logGroups": [{"arn": "a"}]}', "logGroups[].logGroupName is missing"),
        ("json", b'{"logGroups": null}', "logGroups[].logGroupName is missing"),
        ("json", b'{"logGroups": {"a": 1}}', "the document is not the operation's output"),
        ("json", b'{"logGroups": [{"logGroupName": ["a"]}]}', "logGroups[].logGroupName is of another type"),
        (
            "rest-json",
            b'{"item": [{"id": "a", "createdDate": 1' + b"0" * 30 + b"}]}",
            "the document is not the operation's output",
        ),
        (
            "query",
            b"<GetRoleResponse><GetRoleResult><Role><Arn>a</Arn><Arn>b</Arn></Role></GetRoleResult>"
            b"</GetRoleResponse>",
            "Role.Arn is of another type",
        ),
        (
            "query",
            b"<GetRoleResponse><GetRoleResult><Role><Arn>a</Arn><AssumeRolePolicyDocument>{}"
            b"</AssumeRolePolicyDocument><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument></Role>"
            b"</GetRoleResult></GetRoleResponse>",
            "Role.AssumeRolePolicyDocument is of another type",
        ),
        (
            "query",
            b"<GetRoleResponse><GetRoleResult><Role><Arn>a</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate>"
            b"<AssumeRolePolicyDocument>[1]</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>",
            "Role.AssumeRolePolicyDocument has another form",
        ),
        ("rest-json", b'{"item": [{"id": 5}]}', "items[].id is of another type"),
        ("rest-json", b'{"item": [{"id": "a"}]}', "items[].createdDate is missing"),
        (
            "query",
            b"<GetRoleResponse><GetRoleResult><Role/></GetRoleResult></GetRoleResponse>",
            "Role.Arn is missing",
        ),
        (
            "query",
            b"<GetRoleResponse><Other/></GetRoleResponse>",
            "the document is not the operation's output",
        ),
        ("rest-xml", b"<ListVersionsResult/>", "IsTruncated is missing"),
        (
            "rest-xml",
            b"<ListVersionsResult><Version><VersionId>1</VersionId></Version></ListVersionsResult>",
            "Versions[].Key is missing",
        ),
        (
            "rest-xml",
            b"<ListVersionsResult><Version><Key>a</Key><VersionId>1</VersionId><Size>-1</Size></Version>"
            b"</ListVersionsResult>",
            "Versions[].Size is of another type",
        ),
        (
            "rest-xml",
            b"<ListVersionsResult><MaxKeys>many</MaxKeys></ListVersionsResult>",
            "the document is not the operation's output",
        ),
    ],
)
def test_a_document_without_what_aws_always_sends_is_unexpected(
    wire: Wire, protocol: str, body: bytes, says: str
) -> None:
    with pytest.raises(UnexpectedResponseError) as raised:
        wire.call(protocol, 200, body)
    assert says in reason(raised.value)


@pytest.mark.parametrize(
    ("service", "method", "parameters", "document", "says"),
    [
        (
            "lambda",
            "get_function_configuration",
            {"FunctionName": "f"},
            {"FunctionArn": "a", "Role": "r", "LastModified": "\x1b[31myesterday"},
            "LastModified has another form",
        ),
        (
            "logs",
            "get_log_events",
            {"logGroupName": "g", "logStreamName": "s"},
            {"events": [{"message": "m", "timestamp": 10**18}]},
            "events[].timestamp has another form",
        ),
    ],
)
def test_a_text_or_number_of_another_form_is_unexpected(
    wire: Wire, service: str, method: str, parameters: dict[str, str], document: dict[str, Any], says: str
) -> None:
    wire.responses = [(200, {}, json.dumps(document).encode())]
    with pytest.raises(UnexpectedResponseError) as raised:
        getattr(wire.client(service), method)(**parameters)
    assert says in reason(raised.value)


def test_the_members_that_are_always_sent_are_in_botocores_models() -> None:
    core = sessions.isolated("key", "secret")
    core.register_component("data_loader", LOADER)
    for called, paths in ALWAYS_SENT.items():
        service, name = called.split(".")
        for path in paths:
            shape: Any = core.get_service_model(service).operation_model(name).output_shape
            for step in path.replace("[]", ".[]").replace("{}", ".{}").split("."):
                step = step.removesuffix("?")
                if step == "[]":
                    shape = shape.member
                elif step == "{}":
                    shape = shape.value
                else:
                    shape = shape.members[step]
