"""Adoption: the owner tag for what carries our names and nobody's tag, so that ``up`` may bring it into line.

The tag is the licence to change and to delete; so this is asked for, by ARN, and never part of another run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.engine import Change, translated
from mysfits_stream.provision.resource import OWNER_TAG, Resource, owner_of
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi


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
            if change.observed.blocked:
                raise ProvisionError(resource.name, "adopt", change.observed.blocked)
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
            item.resource.tag(item.arn)


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
