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


def noting_consequences(project: Project, work: Callable[[], list[Change]]) -> list[Change]:
    """The changes of ``work``; what these leave behind is noted.

    Notes the buckets that stay, the stages that stop answering, and a limit that gets lower. The buckets are
    looked for while ``work`` runs. An endpoint without the tagging API is noted, too, and is no error.
    """
    stack = project.build(needs_service=False)
    tagging = project.target.client("resourcegroupstaggingapi")

    def look() -> EarlierBuckets | ProvisionError:
        try:
            return earlier_buckets(stack, tagging)
        except ProvisionError as error:
            return error

    changes, found = concurrently(work, look)
    earlier = [] if isinstance(found, ProvisionError) else found
    lines = [*consequences(changes, stack, earlier), *lowered_limits(project.config, changes)]
    for line in [str(found), *lines] if isinstance(found, ProvisionError) else lines:
        project.note(f"note: {line}")
    return list(changes)


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
