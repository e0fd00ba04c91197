"""AWS's managed policies are there once they are named."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.control_plane.iam.managed_policies import ManagedPolicies
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.provision import policies
from tests.support.cloud import CloudUnderTest

ARN = "arn:aws:iam::aws:policy/"


@pytest.mark.parametrize(
    ("arn", "known"),
    [
        pytest.param(f"{ARN}AmazonS3FullAccess", True, id="a policy without a path"),
        pytest.param(f"{ARN}service-role/AWSLambdaBasicExecutionRole", True, id="a policy with a path"),
        pytest.param(f"{ARN}AWSLambdaBasicExecutionRole", False, id="a policy without the path that it has"),
        pytest.param(f"{ARN}AmazonMysfitsFullAccess", False, id="a policy that AWS does not have"),
        pytest.param("arn:aws:iam::123456789012:policy/mine", False, id="a policy of an account"),
    ],
)
def test_a_managed_policy_is_in_place_when_it_is_named(arn: str, known: bool) -> None:
    plane = ControlPlane()
    seen: list[bool] = []

    def moto(request: Request) -> Response:
        seen.append(arn in plane.backend("iam", "eu-west-1").managed_policies)
        return Response(200)

    body = urlencode({"Action": "AttachRolePolicy", "RoleName": "r", "PolicyArn": arn}).encode()
    ManagedPolicies("123456789012")(Request("POST", "/", body=body), moto)

    assert seen == [known]


def test_a_policy_that_is_a_permissions_boundary_is_not_deleted(local_cloud: CloudUnderTest) -> None:
    iam = local_cloud.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=policy)["Policy"]["Arn"]
    trust = json.dumps(policies.trusting("lambda.amazonaws.com"))
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=trust, PermissionsBoundary=arn)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_role_permissions_boundary(RoleName="role")
    iam.delete_policy(PolicyArn=arn)
