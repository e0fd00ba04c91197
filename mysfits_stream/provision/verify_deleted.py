"""The proof that a stack is gone: no resource has the stack's names or the owner tag."""

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
    """Read everything again; raises ProvisionError naming the resources that are left.

    ``resources`` are all of the stack, ``kept`` the logical names of resources that stay on purpose.

    IAM, S3 and Firehose reads miss new resources for seconds (F12, F24, F50), and the tagging API does not
    list roles. One look is a proof only if the run saw the ``whole`` stack before the deletion: the stack
    was not new. Otherwise, and for ARNs that the tags still name, several looks in a row have to find
    nothing. The proof does not cover resources made meanwhile, or missed for longer than the looks take.
    """
    found: dict[str, str] = {}
    doubtful = list(resources)
    for look in range(LOOKS):
        if look:
            pace.report("waiting for eventually consistent reads to return new resources")
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
        raise ProvisionError("stack", "down", f"not deleted: {', '.join(left)}. Run `down` again")


def _arn(resource: Resource) -> str:
    """The resource's ARN, empty if chosen by AWS."""
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
    """Whether the entry is for a deleted REST API; AWS chooses the ids of REST APIs."""
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
