"""AWS's managed policies are there once they are named."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.control_plane.iam.managed_policies import ManagedPolicies
from mysfits_stream.localcloud.http.messages import Request, Response

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
