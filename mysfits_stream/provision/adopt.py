"""Adoption: the owner tag for untagged resources with the stack's names.

The tag is the licence to change and to delete: adoption is a run of its own, and the user confirms the
ARNs.
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
    """A resource in AWS that has a name of the stack and no owner tag."""

    resource: Resource
    arn: str


def adoptable(changes: Sequence[Change]) -> list[Adoptable]:
    """The resources of a survey that could be adopted.

    Raises NotOwnedError for a resource of another stack or account, and ProvisionError if several REST APIs
    have the name: the user has to choose.
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
    """Write the owner tag on each resource; other tags stay."""
    for item in items:
        with translated(item.resource.name, "adopt"):
            item.resource.tag(item.arn)


def _unowned(api: RestApi) -> list[str]:
    """The ARN of the only untagged API with the stack's name, or an empty list."""
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
            f"Tag the API to adopt with {OWNER_TAG}={api.placement.owner}",
        )
    return arns
