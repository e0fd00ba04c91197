"""The engine's view of a resource: six verbs, and a state that can be compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.aws.waiting import Pace

Properties = dict[str, Any]
"""Property -> JSON value, in CloudFormation's spelling; the same keys desired and observed."""

Diff = dict[str, tuple[Any, Any]]
"""Property -> (observed, desired), for the properties that differ."""

Template = dict[str, dict[str, Any]]
"""Logical id -> what a CloudFormation template says of it."""

OWNER_TAG = "mysfits-stream:stack"
"""The tag whose value is the stack's name: the only licence to change or delete a resource."""

SCHEMA_TAG = "mysfits-stream:schema"
"""The tag of the processor whose value is the schema of records, lines and resources (``SCHEMA``)."""

SCHEMA = 2
"""This version's schema; stacks of 0.1.0, the first schema, have no such tag. A later schema is refused."""


@dataclass(frozen=True)
class Observed:
    """A resource as AWS returns it."""

    id: str
    """The physical name, or AWS's id where it assigns one (REST API)."""
    arn: str
    properties: Properties = field(default_factory=dict)
    owner: str | None = None
    """The owner tag's value; None if untagged, or if it cannot be ours."""
    not_ours_reason: str = ""
    """Why it cannot be ours, where more is known than that the owner tag is not there."""
    blocked: str = ""
    """Why no update can bring the resource to the desired state, and what to do; empty if one can."""
    settled: bool = True
    """False while AWS is still working on it: it exists as desired and cannot be used yet."""


@dataclass(frozen=True)
class Placement:
    """The stack, account, clients and pace of a resource."""

    owner: str
    """The stack's name, the value of the owner tag."""
    account: Account
    clients: Clients
    pace: Pace
    extra_tags: Mapping[str, str] = field(default_factory=dict)
    """Configured tags; other tags on a resource stay."""

    @property
    def tags(self) -> dict[str, str]:
        """The tags of every resource of the stack: the owner tag and the configured tags."""
        return {**self.extra_tags, OWNER_TAG: self.owner}

    def ours(self, tags: Any) -> dict[str, str]:
        """The tags with the keys of ``self.tags``, for comparison; ``tags`` as for ``tags_of``."""
        found = tags_of(tags)
        return {key: found[key] for key in self.tags if key in found}


class Resource(Protocol):
    """One AWS resource of the stack. Implementations are frozen dataclasses, one file each.

    A resource in a field is created first and deleted last; so are the resources of the field ``after``, a
    tuple. A class variable ``created_without`` names fields whose resources the creation does not need; an
    update comes after them all the same. ``desired`` is a pure function of the fields. Every verb may run
    again after a run that was killed half way, and completes the work.
    """

    type: ClassVar[str]
    """CloudFormation's name of the type."""

    @property
    def name(self) -> str:
        """The logical name, for example ``delivery-stream``."""

    @property
    def desired(self) -> Properties:
        """The desired properties. Makes no call."""

    @property
    def placement(self) -> Placement:
        """The stack, account, clients and pace of the resource."""

    def template(self) -> Template:
        """The resource in a template, under ``logical_id(name)``, and its parts."""

    def read(self) -> Observed | None:
        """The resource as AWS returns it now, None if the resource does not exist. Changes nothing.

        The properties are reduced to the keys of ``desired``, with AWS's defaults filled in, so that equal
        means in sync; a half-made resource reads as differing.
        """

    def create(self) -> None:
        """Create the resource, owner tag in the same call.

        Return once dependents may refer to the resource. A call that succeeds proves the ownership, even
        while no read shows the owner tag yet (F151). If the resource exists already (a lost response, a
        faster run), the owner tag decides.
        """

    def update(self, diff: Diff) -> None:
        """Bring the differing properties to the desired values."""

    def tag(self, arn: str) -> None:
        """Write the owner tag and the configured tags on the resource of this ARN; other tags stay."""

    def delete(self) -> None:
        """Delete the resource and return once it is gone; a missing resource is a success."""

    def settle(self) -> None:
        """Return once the resource can be used."""


def logical_id(name: str) -> str:
    """The template's id of a logical name: ``clicks-bucket`` is ``ClicksBucket``."""
    return name.title().replace("-", "")


def difference(observed: Properties, desired: Properties) -> Diff:
    """The differing properties, with both values; only the keys of ``desired`` count."""
    return {key: (observed.get(key), value) for key, value in desired.items() if observed.get(key) != value}


def tag_list(tags: Mapping[str, str]) -> list[Any]:
    """Tags as S3, IAM and Firehose spell them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tags_of(tags: Any) -> dict[str, str]:
    """Tags in any of AWS's spellings: a mapping, or a list of Key and Value."""
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def later_schema(tags: Any) -> str:
    """Why this version leaves a resource of a later schema alone.

    Empty for schemas that it knows.
    """
    found = tags_of(tags).get(SCHEMA_TAG, "")
    if not re.fullmatch(r"[0-9]{1,9}", found) or int(found) <= SCHEMA:
        return ""
    return (
        f"a later version of mysfits-stream made this stack (schema {found}; this version knows {SCHEMA}); "
        "install that version: pip install --upgrade mysfits-stream"
    )


def owner_of(tags: Any) -> str | None:
    """The owner tag's value; ``tags`` as for ``tags_of``."""
    return tags_of(tags).get(OWNER_TAG)
