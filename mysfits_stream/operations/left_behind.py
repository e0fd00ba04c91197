"""Notes on buckets and stages left behind by a changed ``bucket.name`` or ``api.stage``."""

from __future__ import annotations

from collections.abc import Sequence

from mysfits_stream.errors import ProvisionError
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Change
from mysfits_stream.provision.left_behind import EarlierBuckets, consequences, earlier_buckets
from mysfits_stream.provision.stack import Stack


def note_consequences(project: Project, changes: Sequence[Change]) -> None:
    """Note the remaining buckets, and the stages whose URL ends.

    An endpoint without the tagging API is noted, too, and is no error.
    """
    stack = project.build(needs_service=False)
    try:
        earlier = find_earlier_buckets(project, stack)
    except ProvisionError as error:
        project.note(f"note: {error}")
        earlier = []
    for line in consequences(changes, stack, earlier):
        project.note(f"note: {line}")


def find_earlier_buckets(project: Project, stack: Stack) -> EarlierBuckets:
    """The stack's buckets of earlier names."""
    return earlier_buckets(stack, project.target.client("resourcegroupstaggingapi"))
