"""``status``: every resource compared with the configuration."""

from __future__ import annotations

from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.left_behind import note_consequences
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Goal, decide, survey


def status_without_local_cloud(project: Project) -> StackChanges:
    """The status of a stack without its local cloud: every resource is missing. Makes no call."""
    project.open_state()
    changes = [
        decide(resource, None, Goal.PRESENT, project.config.stack)
        for resource in project.build(needs_service=False)
    ]
    return StackChanges.of(project, changes)


def status(project: Project) -> StackChanges:
    """Read every resource; a foreign resource is reported, not raised."""
    project.open_state()
    changes = survey(project.build(), Goal.PRESENT, project.config.stack)
    note_consequences(project, changes)
    return StackChanges.of(project, changes)
