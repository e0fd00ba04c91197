"""The role against what IAM is known to answer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.provision import policies
from mysfits_stream.provision.engine import Action, Goal, decide
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.role import POLICY_NAME, Role
from tests.support.answers import EMPTY_500, Answer, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

NAME = "mysfits-clicks-eu-west-1-delivery"
TRUST = policies.trusting("firehose.amazonaws.com", external_id=ACCOUNT.id)
PERMISSIONS = policies.api_permissions(ACCOUNT.arn("firehose", "deliverystream/x"))

NOT_FOUND = error(404, "NoSuchEntity", f"The role with name {NAME} cannot be found.")
EXISTS = error(409, "EntityAlreadyExists", f"Role with name {NAME} already exists.")
CHANGING = error(409, "ConcurrentModification", "Another change is under way.")
CONFLICT = error(409, "DeleteConflict", "Cannot delete entity, must delete policies first.")
DENIED = error(
    403,
    "AccessDenied",
    f"User: arn:aws:iam::{ACCOUNT.id}:user/me is not authorized to perform: iam:CreateRole on resource: "
    f"role {NAME} because no identity-based policy allows the iam:CreateRole action",
)


def shown(owner: str | None = "mysfits-clicks", arn: str | None = None, trust: Any = TRUST) -> Answer:
    tags = [{"Key": OWNER_TAG, "Value": owner}] if owner else []
    return ok(
        Role={
            "Path": "/",
            "RoleName": NAME,
            "RoleId": "AROAEXAMPLE",
            "Arn": arn or ACCOUNT.role_arn(NAME),
            "CreateDate": datetime(2026, 1, 1, tzinfo=UTC),
            "AssumeRolePolicyDocument": quote(json.dumps(trust)),
            "Tags": tags,
        }
    )


def role(aws: Scripted, time: Time | None = None) -> Role:
    return Role(
        name="delivery-role",
        role_name=NAME,
        placement=placement(aws, time),
        trust=TRUST,
        permissions=PERMISSIONS,
    )


def inline(*names: str) -> Answer:
    return ok(PolicyNames=list(names), IsTruncated=False)


def attached(*arns: str) -> Answer:
    return ok(AttachedPolicies=[{"PolicyName": "p", "PolicyArn": arn} for arn in arns], IsTruncated=False)


def policy(document: Any) -> Answer:
    return ok(RoleName=NAME, PolicyName=POLICY_NAME, PolicyDocument=quote(json.dumps(document)))


def test_a_role_that_is_as_desired_reads_in_sync() -> None:
    aws = Scripted(
        GetRole=shown(),
        ListRolePolicies=inline(POLICY_NAME),
        GetRolePolicy=policy(PERMISSIONS),
        ListAttachedRolePolicies=attached(),
    )
    observed = role(aws).read()
    assert observed and (observed.properties, observed.owner) == (role(aws).desired, "mysfits-clicks")


def test_one_element_and_a_list_of_one_read_the_same() -> None:
    """F48: IAM may give back either."""
    statement = PERMISSIONS["Statement"][0]
    unwrapped = {
        **PERMISSIONS,
        "Statement": {**statement, "Action": statement["Action"][0], "Resource": statement["Resource"]},
    }
    aws = Scripted(
        GetRole=shown(),
        ListRolePolicies=inline(POLICY_NAME),
        GetRolePolicy=policy(unwrapped),
        ListAttachedRolePolicies=attached(),
    )
    observed = role(aws).read()
    assert observed and observed.properties == role(aws).desired


def test_a_role_without_its_policy_reads_as_differing() -> None:
    aws = Scripted(GetRole=shown(), ListRolePolicies=inline(), ListAttachedRolePolicies=attached())
    observed = role(aws).read()
    assert observed and observed.properties["Policies"] == {}


def test_a_missing_role_reads_none() -> None:
    assert role(Scripted(GetRole=NOT_FOUND)).read() is None


def test_the_owner_tag_is_in_the_call_that_makes_the_role() -> None:
    aws = Scripted(CreateRole=shown(), GetRole=shown(), PutRolePolicy=ok())
    role(aws).create()
    assert aws.asked("CreateRole")[0]["Tags"] == [{"Key": OWNER_TAG, "Value": "mysfits-clicks"}]


@pytest.mark.parametrize(
    "not_yet",
    [
        pytest.param(NOT_FOUND, id="it is not found right after it was made (F12)"),
        pytest.param(shown(arn="AROAEXAMPLEID"), id="its ARN shows its unique id for a moment (F12)"),
        pytest.param(EMPTY_500, id="an empty 500 comes in between (F4)"),
    ],
)
def test_a_new_role_is_waited_for_until_iam_shows_it(not_yet: Answer) -> None:
    time = Time()
    aws = Scripted(CreateRole=shown(), GetRole=[not_yet, not_yet, shown()], PutRolePolicy=ok())
    role(aws, time).create()
    assert aws.names()[-1] == "PutRolePolicy"
    assert time.slept == [0.25, 0.5]
    assert time.reports[0] == f"waiting for IAM to return role {NAME}, 0 s of 120 s"


def test_a_role_that_iam_forgets_again_for_a_moment_still_gets_its_policy() -> None:
    """F12: one good read is not yet the last bad one."""
    aws = Scripted(
        CreateRole=shown(),
        GetRole=[shown(), NOT_FOUND, shown()],
        PutRolePolicy=[NOT_FOUND, EMPTY_500, ok()],
    )
    role(aws).create()
    assert aws.names().count("PutRolePolicy") == 3


@pytest.mark.parametrize(("verb", "ending"), [("create", ""), ("settle", " consistently")])
def test_a_role_that_never_shows_ends_in_what_to_check(verb: str, ending: str) -> None:
    time = Time()
    with pytest.raises(Expired) as raised:
        getattr(role(Scripted(CreateRole=shown(), GetRole=NOT_FOUND), time), verb)()
    assert str(raised.value) == (
        f"still waiting for IAM to return role {NAME}{ending} after 120 s; "
        "check that no other process deletes the role, and run `up` again"
    )
    assert 110 <= time.now <= 120


def test_a_role_that_is_never_at_rest_ends_in_what_to_check() -> None:
    aws = Scripted(UpdateAssumeRolePolicy=CHANGING)
    with pytest.raises(
        Expired, match=r"; check that no other process changes or deletes the role, and run .* last response"
    ):
        role(aws).update({"AssumeRolePolicyDocument": (None, None)})


def test_a_role_found_made_already_is_completed_if_it_is_ours() -> None:
    """F6: the answer to our own first call may have been lost."""
    aws = Scripted(CreateRole=EXISTS, GetRole=shown(), PutRolePolicy=ok())
    role(aws).create()
    assert aws.names("PutRolePolicy")


@pytest.mark.parametrize("owner", [None, "another-stack"], ids=["untagged", "another stack's"])
def test_a_role_found_made_already_is_left_alone_if_it_is_not_ours(owner: str | None) -> None:
    aws = Scripted(CreateRole=EXISTS, GetRole=shown(owner))
    role(aws).create()
    assert "PutRolePolicy" not in aws.names()


def test_changes_wait_for_an_earlier_change_of_the_same_role() -> None:
    """F11."""
    aws = Scripted(
        UpdateAssumeRolePolicy=[CHANGING, EMPTY_500, ok()],
        PutRolePolicy=[CHANGING, ok()],
        ListRolePolicies=inline(POLICY_NAME),
    )
    role(aws).update({"AssumeRolePolicyDocument": (None, None), "Policies": (None, None)})
    assert aws.names("UpdateAssumeRolePolicy", "PutRolePolicy") == [
        *["UpdateAssumeRolePolicy"] * 3,
        *["PutRolePolicy"] * 2,
    ]


def test_the_making_waits_for_an_earlier_change_of_the_same_role() -> None:
    """F11: any write, with an empty 500 in between (F4)."""
    time = Time()
    aws = Scripted(CreateRole=[CHANGING, EMPTY_500, shown()], GetRole=shown(), PutRolePolicy=ok())
    role(aws, time).create()
    assert len(aws.asked("CreateRole")) == 3
    assert time.slept == [0.25, 0.5]


def test_a_principal_that_is_not_known_everywhere_yet_is_waited_for() -> None:
    """F10."""
    unknown = error(
        400, "MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"arn:aws:iam::1:role/x"'
    )
    aws = Scripted(UpdateAssumeRolePolicy=[unknown, ok()])
    role(aws).update({"AssumeRolePolicyDocument": (None, None)})
    assert len(aws.asked("UpdateAssumeRolePolicy")) == 2


def test_a_malformed_document_is_not_tried_again() -> None:
    aws = Scripted(UpdateAssumeRolePolicy=error(400, "MalformedPolicyDocument", "Syntax errors in policy."))
    with pytest.raises(ClientError, match="Syntax errors"):
        role(aws).update({"AssumeRolePolicyDocument": (None, None)})
    assert len(aws.calls) == 1


def test_what_was_added_by_hand_is_taken_away() -> None:
    managed = "arn:aws:iam::aws:policy/AdministratorAccess"
    aws = Scripted(
        PutRolePolicy=ok(),
        ListRolePolicies=inline(POLICY_NAME, "by-hand"),
        DeleteRolePolicy=ok(),
        ListAttachedRolePolicies=attached(managed),
        DetachRolePolicy=ok(),
    )
    role(aws).update({"Policies": ({}, {}), "ManagedPolicyArns": ([], [])})
    assert [call["PolicyName"] for call in aws.asked("DeleteRolePolicy")] == ["by-hand"]
    assert [call["PolicyArn"] for call in aws.asked("DetachRolePolicy")] == [managed]


def test_everything_is_taken_off_a_role_before_it_is_deleted() -> None:
    """F47, and F28: IAM may go on seeing what was taken off."""
    aws = Scripted(
        ListAttachedRolePolicies=attached("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        DetachRolePolicy=[CHANGING, NOT_FOUND],
        ListRolePolicies=inline(POLICY_NAME),
        DeleteRolePolicy=[EMPTY_500, ok()],
        DeleteRole=[CONFLICT, CONFLICT, CHANGING, EMPTY_500, ok()],
    )
    role(aws).delete()
    assert aws.names() == [
        "ListAttachedRolePolicies",
        *["DetachRolePolicy"] * 2,
        "ListRolePolicies",
        *["DeleteRolePolicy"] * 2,
        *["DeleteRole"] * 5,
    ]


@pytest.mark.parametrize("gone_at", ["ListAttachedRolePolicies", "ListRolePolicies", "DeleteRole"])
def test_a_role_that_is_gone_at_any_step_is_deleted(gone_at: str) -> None:
    script = {"ListAttachedRolePolicies": attached(), "ListRolePolicies": inline(), "DeleteRole": ok()}
    aws = Scripted(**{**script, gone_at: NOT_FOUND})
    role(aws).delete()
    assert aws.names()[-1] == gone_at


def test_a_role_that_something_else_uses_is_explained() -> None:
    aws = Scripted(ListAttachedRolePolicies=attached(), ListRolePolicies=inline(), DeleteRole=CONFLICT)
    with pytest.raises(
        Expired, match=r"; check whether a resource outside .* for example an instance profile; last"
    ):
        role(aws).delete()


@pytest.mark.parametrize("verb", ["read", "create"])
def test_an_operators_own_denial_fails_at_once(verb: str) -> None:
    """F132."""
    time = Time()
    aws = Scripted(GetRole=DENIED, CreateRole=DENIED)
    with pytest.raises(ClientError, match="iam:CreateRole"):
        getattr(role(aws, time), verb)()
    assert (len(aws.calls), time.slept) == (1, [])


def test_a_role_settles_when_iam_shows_it_steadily() -> None:
    """F12: one good read is not yet the last bad one."""
    time = Time()
    aws = Scripted(GetRole=[shown(), NOT_FOUND, shown(), shown(), EMPTY_500, shown()])
    role(aws, time).settle()
    assert len(aws.calls) == 9
    assert time.reports[-1].startswith(f"waiting for IAM to return role {NAME} consistently")


def test_a_role_under_another_path_blocks_the_stack() -> None:
    """Its ARN is not the one that function, stream and API are given; a path cannot be changed."""
    elsewhere = shown(arn=ACCOUNT.role_arn(f"team/{NAME}"))
    moved = ok(Role={**elsewhere.result["Role"], "Path": "/team/"})
    aws = Scripted(GetRole=moved, ListRolePolicies=inline(), ListAttachedRolePolicies=attached())
    observed = role(aws).read()
    assert observed and observed.arn == ACCOUNT.role_arn(f"team/{NAME}")
    change = decide(role(aws), observed, Goal.PRESENT, "mysfits-clicks")
    assert (change.action, change.status) == (Action.NONE, "drifted")
    assert change.diff["Path"] == ("/team/", "/")
    assert str(change.refusal).endswith("which cannot be changed: set iam.path: /team/, or delete the role")
    assert decide(role(aws), observed, Goal.ABSENT, "mysfits-clicks").action is Action.DELETE


BOUNDARY = f"arn:aws:iam::{ACCOUNT.id}:policy/boundary"


def bounded(boundary: str) -> Answer:
    kind = "PermissionsBoundaryPolicy"
    found = {"PermissionsBoundaryType": kind, "PermissionsBoundaryArn": boundary}
    return ok(Role={**shown().result["Role"], "PermissionsBoundary": found})


def test_a_boundary_that_is_not_configured_is_never_removed_in_silence() -> None:
    aws = Scripted(GetRole=bounded(BOUNDARY), ListRolePolicies=inline(), ListAttachedRolePolicies=attached())
    change = decide(role(aws), role(aws).read(), Goal.PRESENT, "mysfits-clicks")
    assert change.diff["PermissionsBoundary"] == (BOUNDARY, None)
    assert "set iam.permissions_boundary to this ARN, or remove the boundary" in str(change.refusal)


def test_a_configured_boundary_is_in_the_call_that_creates_and_put_back() -> None:
    def configured(aws: Scripted) -> Role:
        return replace(role(aws), path="/team/", permissions_boundary=BOUNDARY)

    aws = Scripted(CreateRole=shown(), GetRole=shown(), PutRolePolicy=ok())
    configured(aws).create()
    [created] = aws.asked("CreateRole")
    assert (created["Path"], created["PermissionsBoundary"]) == ("/team/", BOUNDARY)

    aws = Scripted(PutRolePermissionsBoundary=ok())
    configured(aws).update({"PermissionsBoundary": (None, BOUNDARY)})
    assert aws.asked("PutRolePermissionsBoundary")[0]["PermissionsBoundary"] == BOUNDARY


def test_a_role_that_this_call_made_gets_its_policy_before_its_tags_can_be_read() -> None:
    """F151."""
    aws = Scripted(CreateRole=shown(), GetRole=shown(owner=None), PutRolePolicy=ok())
    role(aws).create()
    assert aws.names("PutRolePolicy")
