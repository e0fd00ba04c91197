"""An IAM role with a single inline policy and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import IAM_BUDGET, retry_while, wait_until
from mysfits_stream.provision.policies import Document, canonical
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
)

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

POLICY_NAME = "permissions"

STEADY = 4
"""Good reads in a row after which a role counts as known everywhere."""


@dataclass(frozen=True)
class Role:
    """A role for an AWS service."""

    name: str
    placement: Placement
    role_name: str
    trust: Document
    permissions: Document
    path: str = "/"
    permissions_boundary: str | None = None
    """The ARN of the managed policy that bounds what the role may do."""
    type: ClassVar[str] = "AWS::IAM::Role"

    @property
    def arn(self) -> str:
        """The role's ARN."""
        return self.placement.account.role_arn(self.path.lstrip("/") + self.role_name)

    @property
    def desired(self) -> Properties:
        """Trust, permissions, path, boundary and tags; a policy added by hand is drift."""
        return {
            "AssumeRolePolicyDocument": canonical(self.trust),
            "Policies": {POLICY_NAME: canonical(self.permissions)},
            "ManagedPolicyArns": [],
            "Path": self.path,
            "PermissionsBoundary": self.permissions_boundary,
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The role with its inline policy."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "RoleName": self.role_name,
                    "Path": self.path,
                    "Description": self._description,
                    "AssumeRolePolicyDocument": self.trust,
                    "Policies": [{"PolicyName": POLICY_NAME, "PolicyDocument": self.permissions}],
                    **self._boundary,
                    "Tags": tag_list(self.placement.tags),
                },
            }
        }

    def read(self) -> Observed | None:
        """The role as IAM returns it, with every policy on the role."""
        try:
            role = self._iam.get_role(RoleName=self.role_name)["Role"]
            policies, attached = concurrently(self._policies, self._attached)
        except ClientError as error:
            if is_error(error, "NoSuchEntity"):
                return None
            raise
        path = role.get("Path", "/")
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Observed(
            self.role_name,
            self.placement.account.role_arn(path.lstrip("/") + self.role_name),
            {
                "AssumeRolePolicyDocument": canonical(role["AssumeRolePolicyDocument"]),
                "Policies": policies,
                "ManagedPolicyArns": attached,
                "Path": path,
                "PermissionsBoundary": boundary,
                "Tags": self.placement.ours(role.get("Tags", ())),
            },
            owner_of(role.get("Tags", ())),
            blocked=self._blocked(path, boundary),
        )

    def create(self) -> None:
        """Create the role and its policy; return once IAM shows the role (F12), assumable or not."""
        made = False
        with ignoring("EntityAlreadyExists"):
            self._retry(
                lambda: self._iam.create_role(
                    RoleName=self.role_name,
                    Path=self.path,
                    AssumeRolePolicyDocument=json.dumps(self.trust),
                    Description=self._description,
                    Tags=tag_list(self.placement.tags),
                    **self._boundary,
                ),
                _changing,
            )
            made = True
        self._wait_for(self._visible, f"IAM to return role {self.role_name}")
        # One good read is not yet the last bad one (F12).
        if made or self._retry(self._owned):
            self._put_policy()

    def update(self, diff: Diff) -> None:
        """Restore boundary, trust, policy and tags, and remove added policies."""
        # First: the operator's policy may allow the other writes to a bounded role only.
        if "PermissionsBoundary" in diff and self.permissions_boundary:
            self._retry(
                lambda: self._iam.put_role_permissions_boundary(RoleName=self.role_name, **self._boundary)
            )
        if "AssumeRolePolicyDocument" in diff:
            self._retry(
                lambda: self._iam.update_assume_role_policy(
                    RoleName=self.role_name, PolicyDocument=json.dumps(self.trust)
                )
            )
        if "Policies" in diff:
            self._put_policy()
            for name in self._inline():
                if name != POLICY_NAME:
                    self._delete_policy(name)
        if "ManagedPolicyArns" in diff:
            for arn in self._attached():
                self._detach(arn)
        if "Tags" in diff:
            self.tag(self.arn)

    def tag(self, arn: str) -> None:
        """Write the tags; TagRole keeps the others."""
        self._retry(lambda: self._iam.tag_role(RoleName=self.role_name, Tags=tag_list(self.placement.tags)))

    def delete(self) -> None:
        """Remove everything from the role, then delete the role (F47)."""
        with ignoring("NoSuchEntity"):
            for arn in self._attached():
                self._detach(arn)
            for name in self._inline():
                self._delete_policy(name)
            retry_while(
                lambda error: is_error(error, "DeleteConflict") or _changing(error),
                lambda: self._iam.delete_role(RoleName=self.role_name),
                self.placement.pace,
                waiting_for=f"IAM to release role {self.role_name}",
                advice="check whether a resource outside this stack uses it, for example an instance profile",
            )

    def settle(self) -> None:
        """Wait until IAM shows the role in several reads in a row (F12).

        The role's users wait for the role to be assumable: only a real attempt tells.
        """
        self._wait_for(self._visible, f"IAM to return role {self.role_name} consistently", in_a_row=STEADY)

    @property
    def _iam(self) -> IAMClient:
        return self.placement.clients.iam

    @property
    def _boundary(self) -> Any:
        return {"PermissionsBoundary": self.permissions_boundary} if self.permissions_boundary else {}

    def _blocked(self, path: str, boundary: str | None) -> str:
        """The reason why ``up`` cannot or may not heal the role, with advice."""
        if path != self.path:
            return (
                f"role {self.role_name} has the IAM path {path}, which cannot be changed: "
                f"set iam.path: {path}, or delete the role"
            )
        if boundary and not self.permissions_boundary:
            # A guard that an administrator set is not removed without a word.
            return (
                f"role {self.role_name} has the permissions boundary {boundary}: set "
                "iam.permissions_boundary to this ARN, or remove the boundary from the role"
            )
        return ""

    @property
    def _description(self) -> str:
        return f"{self.name} of the mysfits-stream stack {self.placement.owner}"

    def _visible(self) -> bool:
        try:
            role = self._iam.get_role(RoleName=self.role_name)["Role"]
        except ClientError as error:
            if is_error(error, "NoSuchEntity") or is_server_error(error):
                return False
            raise
        # Right after creation the ARN may show the role's unique id in place of its name (F12).
        return role["Arn"].startswith("arn:")

    def _owned(self) -> bool:
        return (
            owner_of(self._iam.get_role(RoleName=self.role_name)["Role"].get("Tags", ()))
            == self.placement.owner
        )

    def _put_policy(self) -> None:
        self._retry(
            lambda: self._iam.put_role_policy(
                RoleName=self.role_name,
                PolicyName=POLICY_NAME,
                PolicyDocument=json.dumps(self.permissions),
            )
        )

    def _policies(self) -> dict[str, Document]:
        return {
            name: canonical(
                self._iam.get_role_policy(RoleName=self.role_name, PolicyName=name)["PolicyDocument"]
            )
            for name in self._inline()
        }

    def _inline(self) -> list[str]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=self.role_name)
        return [name for page in pages for name in page["PolicyNames"]]

    def _attached(self) -> list[str]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=self.role_name)
        return sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])

    def _delete_policy(self, name: str) -> None:
        with ignoring("NoSuchEntity"):
            self._retry(
                lambda: self._iam.delete_role_policy(RoleName=self.role_name, PolicyName=name), _changing
            )

    def _detach(self, arn: str) -> None:
        with ignoring("NoSuchEntity"):
            self._retry(
                lambda: self._iam.detach_role_policy(RoleName=self.role_name, PolicyArn=arn), _changing
            )

    def _wait_for(self, condition: Callable[[], bool], waiting_for: str, in_a_row: int = 1) -> None:
        wait_until(
            condition,
            self.placement.pace,
            waiting_for=waiting_for,
            budget=IAM_BUDGET,
            in_a_row=in_a_row,
            advice="check that no other process deletes the role, and run `up` again",
        )

    def _retry(self, call: Callable[[], Any], transient: Callable[[Exception], bool] | None = None) -> Any:
        return retry_while(
            transient or _spreading,
            call,
            self.placement.pace,
            waiting_for=f"IAM to accept a change of role {self.role_name}",
            advice="check that no other process changes or deletes the role, and run the same command again",
        )


def _changing(error: Exception) -> bool:
    """IAM is processing an earlier change of the role (F11)."""
    return is_error(error, "ConcurrentModification") or is_server_error(error)


def _spreading(error: Exception) -> bool:
    """The new role (F12) or a principal (F10) has not propagated yet."""
    return (
        _changing(error)
        or is_error(error, "NoSuchEntity")
        or is_error(error, "MalformedPolicyDocument", message="Invalid principal in policy")
    )
