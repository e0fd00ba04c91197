"""Odd requests to the control plane: never a crash, and never half a change."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from mysfits_stream.localcloud import simulated
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.http.members import service_model
from mysfits_stream.localcloud.http.messages import Request

DEEP = "[" * 100_000
PATHS = ["/pathPart", "/parentId", "/name", "/policy", "/binaryMediaTypes/x", "/requestParameters/x", "/", ""]
PATHS += ["/*/*/throttling/rateLimit", "/variables/a", "/deploymentId", "/responseTemplates/x", "//", "/a~2b"]
PATCHES: list[Any] = [{"op": op, "path": path} for path in PATHS for op in ("remove", "add", "replace", "x")]
PATCHES += [
    {"op": "replace", "path": path, "value": value} for path in PATHS for value in ("", "\ud83d", "1")
]
ODD: list[Any] = [[], None, "text", 1, {"patchOperations": "x"}, {"patchOperations": [1]}]
ODD += [{"patchOperations": [patch]} for patch in PATCHES]


@pytest.fixture
def control_plane(caplog: pytest.LogCaptureFixture) -> Iterator[ControlPlane]:
    caplog.set_level(logging.ERROR)
    made = ControlPlane()
    yield made
    made.reset()


def ask(
    control_plane: ControlPlane, service: str, method: str, path: str, body: Any, target: str = ""
) -> Any:
    scope = f"Credential=key/20260101/eu-west-1/{service}/aws4_request"
    headers = {"authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0", "host": "x"}
    if target:
        headers |= {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return control_plane.handle(Request(method, path, "", headers, content))


def test_an_odd_request_leaves_an_api_as_it_was(
    control_plane: ControlPlane, caplog: pytest.LogCaptureFixture
) -> None:
    api = ask(control_plane, "apigateway", "POST", "/restapis", {"name": "api"}).json()
    root = f"/restapis/{api['id']}/resources/{api['rootResourceId']}"
    resource = ask(control_plane, "apigateway", "POST", root, {"pathPart": "clicks"}).json()
    method = f"/restapis/{api['id']}/resources/{resource['id']}/methods/PUT"
    ask(control_plane, "apigateway", "PUT", method, {"authorizationType": "NONE"})
    ask(control_plane, "apigateway", "PUT", f"{method}/integration", {"type": "MOCK"})
    ask(control_plane, "apigateway", "POST", f"/restapis/{api['id']}/deployments", {"stageName": "prod"})
    places = [f"/restapis/{api['id']}", root, f"/restapis/{api['id']}/resources/{resource['id']}", method]
    places += [f"{method}/integration", f"/restapis/{api['id']}/stages/prod", "/account"]
    ask(control_plane, "apigateway", "GET", "/account", {})
    crashes = []
    for place in places:
        for body in [*ODD, DEEP.encode(), b"\xff"]:
            for verb in ("PATCH", "PUT", "POST"):
                before = json.dumps(control_plane.rest_apis.dump(), sort_keys=True)
                answer = ask(control_plane, "apigateway", verb, place, body)
                if caplog.records:
                    crashes.append((verb, place, body if len(str(body)) < 200 else "deep"))
                    caplog.clear()
                after = json.dumps(control_plane.rest_apis.dump(), sort_keys=True)
                assert answer.status < 400 or after == before, (verb, place, body, answer)
    assert crashes == []


JSON_SERVICES = {
    "firehose": "Firehose_20150804",
    "logs": "Logs_20140328",
    "codecommit": "CodeCommit_20150413",
    "tagging": "ResourceGroupsTaggingAPI_20170126",
    "athena": "AmazonAthena",
    "glue": "AWSGlue",
}
VALUES: list[Any] = [
    None,
    "",
    "x",
    "arn:aws",
    "arn:aws:iam::1:role/x",
    1,
    -1,
    [],
    ["x"],
    {},
    {"x": 1},
    "\ud83d",
]


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_an_odd_member_is_no_crash(
    control_plane: ControlPlane, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    crashes: list[Any] = []
    for operation in simulated.operations(service):
        target = f"{JSON_SERVICES[service]}.{operation}"
        shape: Any = service_model(service).operation_model(operation).input_shape
        for member in shape.members if shape else ():
            for value in VALUES:
                body = {**dict.fromkeys(shape.required_members, "x"), member: value}
                answer = ask(control_plane, service, "POST", "/", body, target)
                assert answer.status < 500
                if caplog.records:
                    crashes.append((operation, member, value))
                    caplog.clear()
        for odd in (b"[]", b"null", b"1", b"{", b"\xff", DEEP.encode()):
            ask(control_plane, service, "POST", "/", odd, target)
            if caplog.records:
                crashes.append((operation, odd[:10]))
                caplog.clear()
    assert crashes == []


@pytest.mark.parametrize("service", ["codecommit", "logs"])
def test_a_null_is_an_absent_member(control_plane: ControlPlane, service: str) -> None:
    operation = {"codecommit": "GetRepository", "logs": "CreateLogGroup"}[service]
    shape: Any = service_model(service).operation_model(operation).input_shape
    required = shape.required_members
    target = f"{JSON_SERVICES[service]}.{operation}"
    answers = [
        ask(control_plane, service, "POST", "/", body, target) for body in ({}, dict.fromkeys(required))
    ]
    assert [answer.status for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert f"Value null at '{required[0][:1].lower() + required[0][1:]}'" in answers[0].json()["message"]


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("GetBranch", {}, "RepositoryNameRequiredException"),
        ("GetBranch", {"repositoryName": "code", "branchName": None}, "BranchNameRequiredException"),
        (
            "CreateCommit",
            {"repositoryName": "code", "branchName": "main", "putFiles": [{"filePath": "a"}]},
            "SourceFileOrContentRequiredException",
        ),
    ],
)
def test_codecommit_names_the_member_that_it_needs(
    control_plane: ControlPlane, operation: str, body: dict[str, Any], code: str
) -> None:
    target = JSON_SERVICES["codecommit"]
    ask(
        control_plane,
        "codecommit",
        "POST",
        "/",
        {"repositoryName": "code", "tags": None},
        f"{target}.CreateRepository",
    )
    answer = ask(control_plane, "codecommit", "POST", "/", body, f"{target}.{operation}")
    assert (answer.status, answer.json()["__type"]) == (400, code)
