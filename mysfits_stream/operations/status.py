"""``status``: every resource compared with the configuration."""

from __future__ import annotations

from dataclasses import replace

from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.left_behind import work_and_note_consequences
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.alarm_states import alarm_states, pending
from mysfits_stream.provision.engine import Goal, decide, survey, translated
from mysfits_stream.provision.stack import Stack


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
    stack = project.build()
    changes = work_and_note_consequences(project, lambda: survey(stack, Goal.PRESENT, project.config.stack))
    found = StackChanges.of(project, changes)
    if not project.config.alarms.on:
        return found
    note_pending_address(project, stack)
    with translated("alarms", "read"):
        return replace(found, alarms=alarm_states(project.config, project.target.client("cloudwatch")))


def note_pending_address(project: Project, stack: Stack) -> None:
    """Note an email address whose owner has not confirmed yet."""
    topic = stack.alarm_topic
    if topic:
        with translated(topic.name, "read"):
            if topic.is_pending():
                project.note(f"note: {topic.name}: {pending(topic.email)}")
