"""``up --adopt``: existing resources with the stack's names and without an owner tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mysfits_stream.operations.project import Project
from mysfits_stream.provision import adopt as provision
from mysfits_stream.provision.adopt import Adoptable
from mysfits_stream.provision.engine import Goal, survey
from mysfits_stream.provision.resource import OWNER_TAG


@dataclass(frozen=True)
class Adoption:
    """The resources that an adoption would tag."""

    stack: str
    items: tuple[Adoptable, ...]

    @property
    def tag(self) -> str:
        """The owner tag of the stack."""
        return f"{OWNER_TAG}={self.stack}"

    def document(self) -> dict[str, Any]:
        """The resources as JSON."""
        return {"adopt": [{"name": item.resource.name, "arn": item.arn} for item in self.items]}


def adoptable(project: Project) -> Adoption:
    """Find existing untagged resources with this stack's names.

    Raises NotOwnedError for a foreign stack's resource.
    """
    project.open_state()
    stack = project.config.stack
    return Adoption(stack, tuple(provision.adoptable(survey(project.build(), Goal.PRESENT, stack))))


def adopt(project: Project, adoption: Adoption) -> None:
    """Add the owner tag to the resources; existing tags stay."""
    with project.locked():
        provision.adopt(adoption.items)
