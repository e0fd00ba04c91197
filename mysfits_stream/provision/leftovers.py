"""The proof that a stack is gone: nothing answers to its names, and nothing carries its owner tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.aws import is_error
from mysfits_stream.provision.engine import Goal, survey, translated
from mysfits_stream.provision.resource import OWNER_TAG, Resource

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient


def prove_gone(
    resources: Sequence[Resource],
    stack: str,
    tagging: ResourceGroupsTaggingAPIClient,
    apigateway: APIGatewayClient,
    *,
    kept: Sequence[str] = (),
) -> None:
    """Look for everything once more; raises ProvisionError naming what is left.

    ``resources`` are all of the stack, ``kept`` the logical names of those that were to stay.
    """
    left = []
    spoken_for = set()
    for change in survey(resources, Goal.ABSENT, stack):
        if change.observed is None:
            # The index of tags names things for a while after they are gone; this one was looked at.
            spoken_for.add(getattr(change.resource, "arn", ""))
        elif change.resource.name in kept:
            spoken_for.add(change.observed.arn)
        else:
            left.append(change.observed.arn)
    with translated("stack", "look for the owner tag"):
        tagged = [arn for arn in _tagged(tagging, stack) if arn not in spoken_for and arn not in left]
        left += [arn for arn in tagged if not _is_gone_api(apigateway, arn)]
    if left:
        raise ProvisionError("stack", "down", f"still there: {', '.join(left)}. Run `down` again")


def _tagged(tagging: ResourceGroupsTaggingAPIClient, stack: str) -> Iterator[str]:
    pages = tagging.get_paginator("get_resources").paginate(
        TagFilters=[{"Key": OWNER_TAG, "Values": [stack]}]
    )
    for page in pages:
        for found in page["ResourceTagMappingList"]:
            # Log groups are spelled with and without their events (F112).
            yield found["ResourceARN"].removesuffix(":*")


def _is_gone_api(apigateway: APIGatewayClient, arn: str) -> bool:
    """Whether this is an entry for a REST API that is no more; their ids are AWS's choice."""
    _, found, path = arn.partition("/restapis/")
    if not found:
        return False
    try:
        apigateway.get_rest_api(restApiId=path.split("/")[0])
    except ClientError as error:
        if is_error(error, "NotFoundException"):
            return True
        raise
    return False
