"""Answers of deployed APIs as AWS documents them: one API, some requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.conformance import stepwise
from tests.conformance.cloud import CASES, Cloud, expected_failures

DATA: dict[str, Any] = json.loads((CASES / "requests.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["id"])
def test_a_deployed_api_answers_as_documented(
    cloud: Cloud, case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    reason = expected_failures().get(case["id"])
    if reason and cloud.ours:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    client = cloud.client("apigateway")
    api = stepwise.create(client, DATA["apis"][case["api"]])
    deployment = client.create_deployment(restApiId=api)
    client.create_stage(
        restApiId=api, stageName="test", deploymentId=deployment["id"], **case.get("stage", {})
    )
    if "patch" in case:
        operations = [
            {"op": "replace", "path": path, "value": value} for path, value in case["patch"].items()
        ]
        client.update_stage(restApiId=api, stageName="test", patchOperations=operations)
    for sent, expected in zip(case["requests"], case["expect"], strict=True):
        body = b"x" * sent["body_bytes"] if "body_bytes" in sent else sent.get("body", "").encode()
        # Without this, the client would send an Accept header of its own.
        headers = {"Accept": None, **sent.get("headers", {})}
        answer = cloud.invoke(api, "test", sent["path"], sent["method"], data=body, headers=headers)
        check(answer, expected)
    client.delete_rest_api(restApiId=api)


def check(answer: requests.Response, expected: dict[str, Any]) -> None:
    """Hold an answer against what is expected of it; a header of None must be absent."""
    assert answer.status_code == expected["status"], answer.text
    if "json" in expected:
        assert answer.json() == expected["json"]
    if "text" in expected:
        assert answer.text == expected["text"]
    for name, value in expected.get("headers", {}).items():
        assert answer.headers.get(name) == value, name
