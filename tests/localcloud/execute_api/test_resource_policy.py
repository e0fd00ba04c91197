"""Resource policies of REST APIs: anonymous requests need an Allow, and a Deny wins."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mysfits_stream.localcloud.execute_api.resource_policy import compile_policy

OFFICE = {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24"]}}
ARN = "arn:aws:execute-api:us-east-1:123456789012:abc"


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    plain = {"Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"}
    return {"Effect": effect, **plain, **more}


def denial(*statements: dict[str, Any], signed: bool = False) -> str | None:
    policy = compile_policy(json.dumps({"Statement": statements}), "abc", "123456789012", "us-east-1")
    return policy.denial("prod", "POST", "/x", {"aws:SourceIp": "192.0.2.7"}, signed=signed)


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([statement()], id="everyone may"),
        pytest.param([statement(Principal={"AWS": "*"})], id="everyone, spelled as an account"),
        pytest.param([statement(Resource=f"{ARN}/prod/POST/x")], id="a full ARN"),
        pytest.param([statement(Resource="execute-api:/*/POST/*")], id="a method of any stage"),
        pytest.param([statement(Condition=OFFICE)], id="an allowed network"),
        pytest.param([statement(), statement("Deny", Resource="execute-api:/*/GET/*")], id="another method"),
    ],
)
def test_a_request_that_the_policy_allows_passes(statements: list[dict[str, Any]]) -> None:
    assert denial(*statements) is None


def test_a_deny_wins() -> None:
    assert denial(statement(), statement("Deny")) == (
        "User: anonymous is not authorized to perform: execute-api:Invoke on resource: "
        "arn:aws:execute-api:us-east-1:********9012:abc/prod/POST/x with an explicit deny"
    )


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param([], id="no statement"),
        pytest.param([statement(Principal={"AWS": "123456789012"})], id="an account that must sign"),
        pytest.param([statement(Condition={"NotIpAddress": OFFICE["IpAddress"]})], id="another network"),
        pytest.param([statement(Resource="execute-api:/test/*")], id="another stage"),
    ],
)
def test_an_anonymous_request_without_an_allow_is_denied(statements: list[dict[str, Any]]) -> None:
    message = denial(*statements)
    assert message is not None
    assert message.endswith(":abc/prod/POST/x")


def test_a_signed_request_needs_no_allow_of_the_policy() -> None:
    assert denial(statement(Condition={"NotIpAddress": OFFICE["IpAddress"]}), signed=True) is None
    assert denial(statement("Deny"), signed=True) is not None
