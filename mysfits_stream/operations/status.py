"""``status``: every resource compared with the configuration."""

from __future__ import annotations

from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Goal, survey


def status(project: Project) -> StackChanges:
    """Read every resource; a resource that is not this stack's is reported, not raised."""
    project.open_state()
    return StackChanges.of(project, survey(project.build(), Goal.PRESENT, project.config.stack))
