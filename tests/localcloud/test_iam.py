"""Policies as data: what each says about one action on one resource."""

from __future__ import annotations

from typing import Any

import pytest

from mysfits_stream.localcloud.iam import (
    Decision,
    PolicyError,
    Role,
    Verdict,
    decide,
    evaluate,
    may_assume,
    verdict,
)
from mysfits_stream.localcloud.services import decide_without_context, may_assume_without_context

BUCKET = "arn:aws:s3:::clicks"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:processor"


def policy(**statement: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return policy(Action=action, Resource=resource, **more)


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return policy(Effect="Deny", Action=action, Resource=resource, **more)


@pytest.mark.parametrize(
    ("policies", "action", "resource", "expected"),
    [
        pytest.param([], "s3:PutObject", BUCKET, Decision.IMPLICIT_DENY, id="no policy allows nothing"),
        pytest.param([allow("*")], "s3:PutObject", BUCKET, Decision.ALLOW, id="a star allows everything"),
        pytest.param(
            [allow("S3:put*")],
            "s3:PutObject",
            BUCKET,
            Decision.ALLOW,
            id="actions ignore case and know wildcards",
        ),
        pytest.param(
            [allow(["s3:GetObject", "s3:PutObject"], [f"{BUCKET}/*"])],
            "s3:PutObject",
            f"{BUCKET}/firehose/2026/x",
            Decision.ALLOW,
            id="a resource's wildcard reaches over slashes",
        ),
        pytest.param(
            [allow("s3:PutObject", f"{BUCKET}/*")],
            "s3:PutObject",
            f"{BUCKET}-of-another/x",
            Decision.IMPLICIT_DENY,
            id="a bucket of the same beginning is another bucket (F120)",
        ),
        pytest.param(
            [allow("s3:PutObject", f"{BUCKET}*")],
            "s3:PutObject",
            f"{BUCKET}-of-another/x",
            Decision.ALLOW,
            id="a wildcard without a slash lets the other bucket in (F120)",
        ),
        pytest.param(
            [allow("s3:*", BUCKET.upper())],
            "s3:PutObject",
            BUCKET,
            Decision.IMPLICIT_DENY,
            id="resources respect case",
        ),
        pytest.param(
            [allow("lambda:InvokeFunction", FUNCTION)],
            "lambda:InvokeFunction",
            f"{FUNCTION}:$LATEST",
            Decision.IMPLICIT_DENY,
            id="the function's ARN does not cover its qualifiers (F119)",
        ),
        pytest.param(
            [allow("lambda:InvokeFunction", [FUNCTION, f"{FUNCTION}:*"])],
            "lambda:InvokeFunction",
            f"{FUNCTION}:$LATEST",
            Decision.ALLOW,
            id="ARN and ARN:* do cover them (F119)",
        ),
        pytest.param(
            [allow("*"), deny("s3:Put*")],
            "s3:PutObject",
            BUCKET,
            Decision.EXPLICIT_DENY,
            id="an explicit deny wins, wherever it stands",
        ),
        pytest.param(
            [policy(NotAction="iam:*", Resource="*")],
            "s3:PutObject",
            BUCKET,
            Decision.ALLOW,
            id="NotAction allows what it does not name",
        ),
        pytest.param(
            [policy(NotAction="iam:*", Resource="*")],
            "iam:PassRole",
            "*",
            Decision.IMPLICIT_DENY,
            id="NotAction leaves what it names",
        ),
        pytest.param(
            [policy(Action="s3:*", NotResource=f"{BUCKET}/*")],
            "s3:PutObject",
            f"{BUCKET}/x",
            Decision.IMPLICIT_DENY,
            id="NotResource leaves what it names",
        ),
        pytest.param(
            [allow("s3:*", "arn:aws:s3:::click?")],
            "s3:ListBucket",
            BUCKET,
            Decision.ALLOW,
            id="a question mark is one character",
        ),
        pytest.param(
            [allow("s3:*", "arn.aws:s3:::clicks")],
            "s3:ListBucket",
            BUCKET,
            Decision.IMPLICIT_DENY,
            id="a dot is a dot",
        ),
        pytest.param(
            [{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}],
            "s3:PutObject",
            BUCKET,
            Decision.ALLOW,
            id="one statement may stand without a list",
        ),
    ],
)
def test_policies_decide(
    policies: list[dict[str, Any]], action: str, resource: str, expected: Decision
) -> None:
    assert evaluate(policies, action, resource) is expected


CONTEXT = {
    "aws:SourceAccount": "123456789012",
    "aws:SourceArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks",
    "iam:PassedToService": "lambda.amazonaws.com",
    "aws:SecureTransport": "true",
    "aws:CurrentTime": "2026-11-23T12:00:00Z",
    "aws:SourceIp": "192.0.2.7",
    "s3:max-keys": "100",
}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:SourceAccount": "123456789012"}}, True),
        ({"StringEquals": {"AWS:sourceaccount": ["1", "123456789012"]}}, True),
        ({"StringEquals": {"aws:SourceAccount": "1234*"}}, False),
        ({"StringEquals": {"aws:Missing": "x"}}, False),
        ({"StringEqualsIfExists": {"aws:Missing": "x"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "x"}}, False),
        ({"StringNotEquals": {"aws:SourceAccount": "x"}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": ["x", "123456789012"]}}, False),
        ({"StringNotEquals": {"aws:Missing": "x"}}, True),
        ({"StringEqualsIgnoreCase": {"iam:PassedToService": "LAMBDA.amazonaws.com"}}, True),
        ({"StringLike": {"iam:PassedToService": "*.amazonaws.com"}}, True),
        ({"StringNotLike": {"iam:PassedToService": "*.amazonaws.com"}}, False),
        ({"StringLike": {"aws:SourceArn": "arn:aws:firehose:*:${aws:SourceAccount}:*"}}, True),
        ({"StringLike": {"aws:SourceArn": "arn:aws:firehose:*:${aws:Missing}:*"}}, False),
        ({"StringEquals": {"aws:SourceAccount": "${aws:SourceAccount}"}}, True),
        ({"StringLike": {"aws:SourceAccount": "1234${*}"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:firehose:*:123456789012:deliverystream/*"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:*:deliverystream/clicks"}}, False),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:firehose:*:*:deliverystream/clicks"}}, True),
        ({"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Null": {"aws:Missing": "true"}}, True),
        ({"Null": {"aws:SourceAccount": True}}, False),
        ({"Null": {"aws:SourceAccount": "false"}}, True),
        ({"NumericLessThanEquals": {"s3:max-keys": 100}}, True),
        ({"NumericLessThan": {"s3:max-keys": "100"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, False),
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "198.51.100.0/24"]}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": "owner"}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": "owner"}}, False),
        (
            {"StringEquals": {"aws:SourceAccount": "123456789012"}, "Bool": {"aws:SecureTransport": "false"}},
            False,
        ),
    ],
    ids=str,
)
def test_a_condition_holds_or_not(condition: dict[str, Any], holds: bool) -> None:
    decision = evaluate([allow("s3:*", Condition=condition)], "s3:PutObject", BUCKET, CONTEXT)

    assert decision is (Decision.ALLOW if holds else Decision.IMPLICIT_DENY)


def test_an_operator_that_iam_does_not_have_is_an_error() -> None:
    with pytest.raises(PolicyError, match="StringMatches"):
        evaluate([allow("s3:*", Condition={"StringMatches": {"a": "b"}})], "s3:PutObject", BUCKET)


def trust(principal: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", **more}]}


FIREHOSE = {"Service": "firehose.amazonaws.com"}


@pytest.mark.parametrize(
    ("document", "external_id", "expected"),
    [
        pytest.param(trust(FIREHOSE), None, True, id="the service is trusted"),
        pytest.param(
            trust({"Service": ["a.amazonaws.com", "firehose.amazonaws.com"]}), None, True, id="a list"
        ),
        pytest.param(trust("*"), None, True, id="anyone"),
        pytest.param(trust({"Service": "lambda.amazonaws.com"}), None, False, id="another service"),
        pytest.param(trust({"AWS": "arn:aws:iam::123456789012:root"}), None, False, id="an account"),
        pytest.param(
            trust(FIREHOSE, Condition={"StringEquals": {"sts:ExternalId": "123456789012"}}),
            "123456789012",
            True,
            id="the right external id",
        ),
        pytest.param(
            trust(FIREHOSE, Condition={"StringEquals": {"sts:ExternalId": "999999999999"}}),
            "123456789012",
            False,
            id="a wrong external id",
        ),
        pytest.param(
            trust(FIREHOSE, Condition={"StringEquals": {"sts:ExternalId": "123456789012"}}),
            None,
            False,
            id="no external id",
        ),
        pytest.param(
            trust(FIREHOSE, Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}}),
            "123456789012",
            False,
            id="a source account, which no service presents (F115)",
        ),
        pytest.param(
            {"Statement": trust(FIREHOSE)["Statement"] + trust(FIREHOSE, "Deny")["Statement"]},
            None,
            False,
            id="an explicit deny",
        ),
        pytest.param({"Statement": []}, None, False, id="nobody"),
    ],
)
def test_a_trust_policy_names_who_may_assume_the_role(
    document: dict[str, Any], external_id: str | None, expected: bool
) -> None:
    context = {"sts:ExternalId": external_id} if external_id else {}
    assert may_assume(document, "firehose.amazonaws.com", context) is expected


@pytest.mark.parametrize(
    ("trusted", "policies", "expected"),
    [
        pytest.param(None, [allow("*")], Verdict.CANNOT_ASSUME, id="a role that does not exist"),
        pytest.param(trust({"Service": "x"}), [allow("*")], Verdict.CANNOT_ASSUME, id="another's role"),
        pytest.param(trust(FIREHOSE), [], Verdict.DENIED, id="a role without a policy"),
        pytest.param(trust(FIREHOSE), [allow("s3:PutObject")], Verdict.ALLOWED, id="a role with a policy"),
    ],
)
def test_the_verdict_tells_a_bad_trust_from_a_missing_permission(
    trusted: dict[str, Any] | None, policies: list[dict[str, Any]], expected: Verdict
) -> None:
    assert (
        verdict(
            trusted,
            policies,
            service="firehose.amazonaws.com",
            action="s3:PutObject",
            resource=f"{BUCKET}/x",
            external_id="123456789012",
        )
        is expected
    )


def test_a_boundary_and_the_policies_must_both_allow() -> None:
    policies, boundary = [allow("firehose:*")], allow(["firehose:PutRecord", "s3:*"])
    assert decide(policies, None, "firehose:PutRecordBatch", "*") is Decision.ALLOW
    assert decide(policies, boundary, "firehose:PutRecord", "*") is Decision.ALLOW
    assert decide(policies, boundary, "firehose:PutRecordBatch", "*") is Decision.IMPLICIT_DENY
    assert decide(policies, boundary, "s3:PutObject", "*") is Decision.IMPLICIT_DENY
    assert decide(policies, deny("firehose:*"), "firehose:PutRecord", "*") is Decision.EXPLICIT_DENY


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        pytest.param(Role(trust(FIREHOSE), (allow("s3:*"),)), False, id="documents that are always the same"),
        pytest.param(
            Role(trust(FIREHOSE), (allow("s3:*", Condition={"Bool": {"aws:SecureTransport": "true"}}),)),
            True,
            id="a condition",
        ),
        pytest.param(
            Role(trust(FIREHOSE), (allow("s3:*", f"{BUCKET}/${{aws:PrincipalArn}}"),)), True, id="a variable"
        ),
        pytest.param(
            Role(trust(FIREHOSE), (), allow("s3:*", Condition={})), True, id="a boundary's condition"
        ),
        pytest.param(
            Role({"Statement": [{**trust(FIREHOSE)["Statement"][0], "Condition": {}}]}, ()),
            True,
            id="a trust policy's condition",
        ),
    ],
)
def test_a_role_may_depend_on_the_request(role: Role, expected: bool) -> None:
    assert role.reads_context is expected


def test_a_role_without_context_is_decided_as_its_documents_are() -> None:
    may, may_not = Role(trust(FIREHOSE), (allow("s3:*"),)), Role(trust(FIREHOSE), (allow("s3:*"),), deny("*"))
    for _ in range(2):
        assert decide_without_context(may, "s3:PutObject", BUCKET) is Decision.ALLOW
        assert decide_without_context(may_not, "s3:PutObject", BUCKET) is Decision.EXPLICIT_DENY
        assert decide_without_context(may, "firehose:PutRecord", BUCKET) is Decision.IMPLICIT_DENY
        assert may_assume_without_context(may, "firehose.amazonaws.com")
        assert not may_assume_without_context(may, "lambda.amazonaws.com")
    assert may == Role(trust(FIREHOSE), (allow("s3:*"),))
    assert hash(may) == hash(Role(trust(FIREHOSE), (allow("s3:*"),)))
