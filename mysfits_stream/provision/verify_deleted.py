"""The proof that a stack is gone: nothing answers to its names, and nothing carries its owner tag."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error
from mysfits_stream.aws.waiting import Pace
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.engine import Goal, survey, translated
from mysfits_stream.provision.resource import OWNER_TAG, Resource

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

LOOKS = 5
PAUSE = 2.0
"""Seconds between two looks at what a read may have missed."""


def verify_deleted(
    resources: Iterable[Resource],
    stack: str,
    tagging: ResourceGroupsTaggingAPIClient,
    apigateway: APIGatewayClient,
    pace: Pace,
    *,
    kept: Sequence[str] = (),
    whole: bool = False,
) -> None:
    """Look for everything once more; raises ProvisionError naming what is left.

    ``resources`` are all of the stack, ``kept`` the logical names of those that were to stay.

    For seconds after it was made, a read may miss what is there (F12, F24, F50), and of roles the tags tell
    nothing. So one look proves the end only of a stack that the run saw ``whole`` before it removed it: that
    was not new. Otherwise, and for what the tags still name, it takes several looks, none of which finds it.
    What is made meanwhile, or is missed for longer than they take, is not proven gone.
    """
    found: dict[str, str] = {}
    doubtful = list(resources)
    for look in range(LOOKS):
        if look:
            pace.report("waiting for what was just made to show, if anything was")
            pace.sleep(PAUSE)
        found |= {
            change.resource.name: change.observed.arn
            for change in survey(doubtful, Goal.ABSENT, stack)
            if change.observed
        }
        with translated("stack", "look for the owner tag"):
            tagged = list(_tagged(tagging, stack))
        doubtful = [
            resource
            for resource in resources
            if resource.name not in found and (not whole or _arn(resource) in tagged)
        ]
        if not doubtful:
            break
    # The index of tags names things for a while after they are gone; those of our names were looked at.
    spoken_for = {*found.values(), *map(_arn, resources)}
    left = [arn for name, arn in found.items() if name not in kept]
    with translated("stack", "look for the owner tag"):
        left += [arn for arn in tagged if arn not in spoken_for and not _is_gone_api(apigateway, arn)]
    if left:
        raise ProvisionError("stack", "down", f"still there: {', '.join(left)}. Run `down` again")


def _arn(resource: Resource) -> str:
    """The resource's ARN, empty where AWS chooses it."""
    return str(getattr(resource, "arn", ""))


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
