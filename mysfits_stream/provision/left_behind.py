"""Buckets and stages of earlier names, after a change of the configuration.

A bucket keeps its name for life: a new ``bucket.name`` makes a second bucket, and the first stays with its
clicks. The owner tag finds such buckets without a state file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mysfits_stream.provision.engine import Change, translated
from mysfits_stream.provision.resource import OWNER_TAG, Resource
from mysfits_stream.provision.resources.bucket import Bucket

if TYPE_CHECKING:
    from types_boto3_resourcegroupstaggingapi import ResourceGroupsTaggingAPIClient

NAME = "earlier-bucket"
"""Logical names of the buckets begin so."""

EarlierBuckets = list[Bucket]


def earlier_buckets(resources: Iterable[Resource], tagging: ResourceGroupsTaggingAPIClient) -> EarlierBuckets:
    """The region's buckets with the stack's owner tag, except the bucket of ``resources``.

    The index of tags is late: a read confirms that a bucket exists and is the stack's.
    """
    return [bucket for current in _buckets(resources) for bucket in _others(current, tagging)]


def consequences(
    changes: Iterable[Change], resources: Iterable[Resource], earlier: EarlierBuckets
) -> list[str]:
    """One line for each bucket that stays and for each stage that stops answering."""
    lines = [
        f"bucket {each.bucket_name} stays with its clicks, and `clicks` reads {bucket.bucket_name} only. "
        f"To go on: set bucket.name: {each.bucket_name}, or copy the clicks (aws s3 sync "
        f"s3://{each.bucket_name} s3://{bucket.bucket_name}); `down` treats both buckets alike"
        for bucket in _buckets(resources)
        for each in earlier
    ]
    for change in changes:
        stopping, _ = change.diff.get("OtherStages", ([], []))
        lines += [
            f"stage {stage} stops answering at once, with the URL that pages use: set api.stage: {stage} to "
            "keep the URL, or publish the pages with the new endpoint"
            for stage in stopping or []
        ]
    return lines


def _buckets(resources: Iterable[Resource]) -> EarlierBuckets:
    return [resource for resource in resources if isinstance(resource, Bucket)]


def _others(current: Bucket, tagging: ResourceGroupsTaggingAPIClient) -> Iterator[Bucket]:
    owner = current.placement.owner
    with translated(current.name, "look for buckets of earlier names"):
        pages = tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": OWNER_TAG, "Values": [owner]}], ResourceTypeFilters=["s3"]
        )
        mappings = [found for page in pages for found in page["ResourceTagMappingList"]]
        for name in sorted(found["ResourceARN"].rpartition(":")[2] for found in mappings):
            bucket = replace(current, name=f"{NAME}-{name}", bucket_name=name)
            if name != current.bucket_name and (observed := bucket.read()) and observed.owner == owner:
                yield bucket
