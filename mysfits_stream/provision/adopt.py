"""Adoption: the owner tag for what carries our names and nobody's tag, so that ``up`` may bring it into line.

The tag is the licence to change and to delete; so this is asked for, by ARN, and never part of another run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.engine import Change, translated
from mysfits_stream.provision.resource import OWNER_TAG, Resource, owner_of, tag_list
from mysfits_stream.provision.resources.bucket import Bucket
from mysfits_stream.provision.resources.delivery_stream import DeliveryStream
from mysfits_stream.provision.resources.function import Function
from mysfits_stream.provision.resources.log_group import LogGroup
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.resources.role import Role


@dataclass(frozen=True)
class Adoptable:
    """Something in AWS that has the name of one of our resources, and no owner."""

    resource: Resource
    arn: str


def adoptable(changes: Sequence[Change]) -> list[Adoptable]:
    """What of a survey could be adopted.

    Raises NotOwnedError for what belongs to another stack or cannot be ours, and ProvisionError if several
    REST APIs have our name: which of them is meant, only somebody else can tell.
    """
    found = []
    for change in changes:
        resource = change.resource
        if change.refusal and change.observed:
            if change.observed.owner or change.observed.not_ours_reason:
                raise change.refusal
            found.append(Adoptable(resource, change.observed.arn))
        elif isinstance(resource, RestApi) and change.observed is None:
            # Names of REST APIs are not unique: one without our tag reads as none at all.
            with translated(resource.name, "adopt"):
                found += [Adoptable(resource, arn) for arn in _unowned(resource)]
    return found


def adopt(items: Sequence[Adoptable]) -> None:
    """Give each its owner tag; the other tags stay."""
    for item in items:
        with translated(item.resource.name, "adopt"):
            TAGGING[item.resource.type](item.resource, item.arn)


def _unowned(api: RestApi) -> list[str]:
    """The ARN of the one API of our name that nobody owns, if there is one."""
    pages = api.placement.clients.apigateway.get_paginator("get_rest_apis").paginate(
        PaginationConfig={"PageSize": 500}
    )
    arns = [
        api.arn_of(found["id"])
        for page in pages
        for found in page["items"]
        if found.get("name") == api.definition.title and owner_of(found.get("tags", {})) is None
    ]
    if len(arns) > 1:
        raise ProvisionError(
            api.name,
            "adopt",
            f"{len(arns)} REST APIs are called {api.definition.title}: {', '.join(arns)}. "
            f"Tag the one that is meant {OWNER_TAG}={api.placement.owner}",
        )
    return arns


def _tag_bucket(bucket: Bucket, _arn: str) -> None:
    s3 = bucket.placement.clients.s3
    try:
        tags: list[Any] = list(s3.get_bucket_tagging(Bucket=bucket.bucket_name)["TagSet"])
    except ClientError as error:
        if not is_error(error, "NoSuchTagSet"):
            raise
        tags = []
    # PutBucketTagging replaces the whole set.
    s3.put_bucket_tagging(
        Bucket=bucket.bucket_name, Tagging={"TagSet": [*tags, *tag_list(bucket.placement.tags)]}
    )


def _tag_role(role: Role, _arn: str) -> None:
    role.placement.clients.iam.tag_role(RoleName=role.role_name, Tags=tag_list(role.placement.tags))


def _tag_function(function: Function, arn: str) -> None:
    function.placement.clients.function.tag_resource(Resource=arn, Tags=function.placement.tags)


def _tag_log_group(group: LogGroup, arn: str) -> None:
    group.placement.clients.logs.tag_resource(resourceArn=arn, tags=group.placement.tags)


def _tag_stream(stream: DeliveryStream, _arn: str) -> None:
    stream.placement.clients.firehose.tag_delivery_stream(
        DeliveryStreamName=stream.stream_name, Tags=tag_list(stream.placement.tags)
    )


def _tag_api(api: RestApi, arn: str) -> None:
    api.placement.clients.apigateway.tag_resource(resourceArn=arn, tags=api.placement.tags)


TAGGING: Mapping[str, Callable[[Any, str], None]] = {
    Bucket.type: _tag_bucket,
    Role.type: _tag_role,
    Function.type: _tag_function,
    LogGroup.type: _tag_log_group,
    DeliveryStream.type: _tag_stream,
    RestApi.type: _tag_api,
}
