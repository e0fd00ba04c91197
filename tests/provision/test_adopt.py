"""Adoption: untagged resources are named, confirmed, tagged and brought into line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mysfits_stream.config import DeliveryConfig
from mysfits_stream.errors import NotOwnedError, ProvisionError
from mysfits_stream.provision import policies
from mysfits_stream.provision.adopt import adopt, adoptable
from mysfits_stream.provision.engine import Goal, survey
from mysfits_stream.provision.resource import OWNER_TAG
from tests.support.deployment import Deployment

TRUST = json.dumps(policies.trusting("apigateway.amazonaws.com"))


def found(deployment: Deployment) -> list[Any]:
    return adoptable(survey(deployment.resources(), Goal.PRESENT, deployment.config.stack))


def untag(deployment: Deployment) -> dict[str, str]:
    """Take the owner tag off everything; logical name -> ARN."""
    clients, names = deployment.target.clients, deployment.names
    arns = {}
    for resource in deployment.resources():
        observed = resource.read()
        assert observed
        arns[resource.name] = observed.arn
    other = {"Key": "team", "Value": "clicks"}
    clients.s3.put_bucket_tagging(Bucket=names.bucket, Tagging={"TagSet": [other]})  # type: ignore[list-item]
    for role in (names.processor_role, names.delivery_role, names.api_role):
        clients.iam.untag_role(RoleName=role, TagKeys=[OWNER_TAG])
    clients.function.untag_resource(Resource=arns["processor"], TagKeys=[OWNER_TAG])
    clients.firehose.untag_delivery_stream(DeliveryStreamName=names.stream, TagKeys=[OWNER_TAG])
    for group in ("processor-logs", "delivery-logs"):
        # Without any tag, a group is one that late log events made: it is the stack's (F77).
        clients.logs.tag_resource(resourceArn=arns[group], tags={"team": "clicks"})
        clients.logs.untag_resource(resourceArn=arns[group], tagKeys=[OWNER_TAG])
    clients.apigateway.untag_resource(resourceArn=arns["clicks-api"], tagKeys=[OWNER_TAG])
    return arns


def test_a_stack_without_owner_is_named_whole_and_adopted_whole(deployment: Deployment) -> None:
    deployment.deploy()
    arns = untag(deployment)
    with pytest.raises(NotOwnedError):
        deployment.up()
    items = found(deployment)
    assert {item.resource.name: item.arn for item in items} == arns
    adopt(items)
    assert set(deployment.statuses().values()) == {"in-sync"}


def test_an_adopted_stack_is_brought_into_line_and_goes_with_down(deployment: Deployment) -> None:
    deployment.deploy()
    untag(deployment)
    adopt(found(deployment))
    deployment.config = replace(deployment.config, delivery=DeliveryConfig(buffer_seconds=120))
    (changed,) = [change for change in deployment.up() if change.diff]
    assert set(changed.diff) == {"BufferingHints"}
    deployment.down()
    assert set(deployment.statuses().values()) == {"missing"}


def test_the_other_tags_stay(deployment: Deployment) -> None:
    deployment.deploy()
    untag(deployment)
    adopt(found(deployment))
    tags = deployment.target.clients.s3.get_bucket_tagging(Bucket=deployment.names.bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "team": "clicks",
        OWNER_TAG: deployment.config.stack,
    }


def test_what_is_ours_or_missing_is_not_up_for_adoption(deployment: Deployment) -> None:
    assert found(deployment) == []
    deployment.deploy()
    assert found(deployment) == []


def test_what_belongs_to_another_stack_is_refused(deployment: Deployment) -> None:
    deployment.deploy()
    role = deployment.names.api_role
    deployment.target.clients.iam.tag_role(
        RoleName=role, Tags=[{"Key": OWNER_TAG, "Value": "somebody-elses"}]
    )
    with pytest.raises(NotOwnedError, match="belongs to stack somebody-elses"):
        found(deployment)


def test_of_several_apis_of_our_name_none_is_taken(deployment: Deployment) -> None:
    apigateway = deployment.target.clients.apigateway
    ids = [apigateway.create_rest_api(name=deployment.names.api)["id"] for _ in range(2)]
    with pytest.raises(ProvisionError, match="2 REST APIs are called mysfits-clicks") as raised:
        found(deployment)
    assert all(api_id in str(raised.value) for api_id in ids)


def test_an_api_of_our_name_is_left_alone_where_ours_exists(deployment: Deployment) -> None:
    deployment.deploy()
    deployment.target.clients.apigateway.create_rest_api(name=deployment.names.api)
    assert found(deployment) == []


def test_a_role_under_another_path_is_not_adopted(deployment: Deployment) -> None:
    """The function, the stream and the API would be given an ARN that does not exist."""
    iam, name = deployment.target.clients.iam, deployment.names.api_role
    iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=TRUST)
    with pytest.raises(ProvisionError, match=r"api-role: adopt: .* set iam\.path: /team/, or delete"):
        found(deployment)


def test_another_stack_finds_nothing_of_this_one(deployment: Deployment) -> None:
    deployment.deploy()
    untag(deployment)
    config = replace(deployment.config, stack="another")
    assert found(Deployment(deployment.cloud, deployment.directory / "another", config)) == []
