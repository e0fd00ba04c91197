"""Notes on leftovers of a changed ``bucket.name``, ``api.stage`` or ``api.rate_limit``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.config import Config
from mysfits_stream.errors import ProvisionError
from mysfits_stream.operations.project import Project
from mysfits_stream.provision.engine import Change
from mysfits_stream.provision.left_behind import EarlierBuckets, consequences, earlier_buckets
from mysfits_stream.provision.stack import Stack


def work_and_note_consequences(project: Project, work: Callable[[], list[Change]]) -> list[Change]:
    """The changes of ``work``, with a note on everything that the changes leave behind.

    Notes buckets that stay, stages that stop answering, and a limit that gets lower. The search for earlier
    buckets runs beside ``work``. An endpoint without the tagging API gets a note, and is no error.
    """
    stack = project.build(needs_service=False)
    notes: list[str] = []

    def look() -> EarlierBuckets:
        try:
            return find_earlier_buckets(project, stack)
        except ProvisionError as error:
            notes.append(str(error))
            return []

    changes: list[Change]
    changes, earlier = concurrently(work, look)
    notes += [*consequences(changes, stack, earlier), *lowered_limits(project.config, changes)]
    for note in notes:
        project.note(f"note: {note}")
    return changes


def lowered_limits(config: Config, changes: Sequence[Change]) -> Iterator[str]:
    """A line for a throttle of the live API that allows more than the configuration."""
    for change in changes:
        before, after = (_rate(side) for side in change.diff.get("MethodSettings", (None, None)))
        if before and after and before > after:
            key = "rate_limit" if config.api.max_cost_per_day is None else "max_cost_per_day"
            verb = "set" if key == "rate_limit" else "raise"
            yield (
                f"{change.resource.name}: lowers the limit from {before:g} to {after:g} requests a second; "
                f"{verb} api.{key} to keep it"
            )


def _rate(settings: Any) -> float | None:
    """The rate limit of all methods, in the property MethodSettings."""
    rate = (settings or {}).get("*/*", {}).get("throttlingRateLimit")
    return rate if isinstance(rate, int | float) else None


def find_earlier_buckets(project: Project, stack: Stack) -> EarlierBuckets:
    """The stack's buckets of earlier names."""
    return earlier_buckets(stack, project.target.client("resourcegroupstaggingapi"))
