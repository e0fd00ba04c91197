"""Changes of lifecycle rules that delete data: objects expire, or expire earlier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mysfits_stream.provision.engine import Change

BUCKET = "AWS::S3::Bucket"
LIFECYCLE = "LifecycleConfiguration"


@dataclass(frozen=True)
class Deletion:
    """Objects that S3 deletes, or deletes earlier, after a change of the lifecycle rules."""

    bucket: str
    prefix: str
    days: int
    current: bool
    """Whether current versions expire; False for noncurrent versions."""


def deletions(changes: Iterable[Change]) -> list[Deletion]:
    """What S3 will delete, or delete earlier, because of the changes; nothing for a new bucket."""
    return [
        Deletion(change.observed.id, prefix, days, current)
        for change in changes
        if change.resource.type == BUCKET and change.observed and LIFECYCLE in change.diff
        for current in (True, False)
        for prefix, days in _shortened(*(lifetimes(side, current=current) for side in change.diff[LIFECYCLE]))
    ]


def shortest(configuration: Mapping[str, Sequence[Any]], prefixes: Iterable[str]) -> int | None:
    """The days after which the first current objects below prefixes expire; None for never."""
    known = lifetimes(configuration, current=True)
    return min(
        (
            days
            for prefix in prefixes
            for rule, days in known.items()
            if prefix.startswith(rule) or rule.startswith(prefix)
        ),
        default=None,
    )


def _shortened(before: Mapping[str, int], after: Mapping[str, int]) -> list[tuple[str, int]]:
    """Prefix and days of rules that shorten the life of objects from ``before`` to ``after``."""

    def lived(prefix: str) -> float:
        # The shortest of several lifetimes counts (F231).
        return min((days for known, days in before.items() if prefix.startswith(known)), default=float("inf"))

    return [(prefix, days) for prefix, days in after.items() if days < lived(prefix)]


def lifetimes(configuration: Mapping[str, Sequence[Any]] | None, *, current: bool) -> dict[str, int]:
    """Prefix -> days, of the enabled rules without other filters."""
    lifetimes: dict[str, int] = {}
    for rule in (configuration or {}).get("Rules", ()):
        found = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
        action = rule.get("Expiration" if current else "NoncurrentVersionExpiration", {})
        days = action.get("Days" if current else "NoncurrentDays")
        if rule.get("Status") == "Enabled" and days and set(found) <= {"Prefix"}:
            prefix = found.get("Prefix", "")
            lifetimes[prefix] = min(days, lifetimes.get(prefix, days))
    return lifetimes
