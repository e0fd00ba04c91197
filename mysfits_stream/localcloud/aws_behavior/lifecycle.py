"""The durations of AWS's background transitions (F50 to F54)."""

from __future__ import annotations

import threading
from collections import Counter

from mysfits_stream.localcloud.aws_behavior.chance import Chance

# (service, transition) -> seconds
DURATIONS = {
    ("firehose", "create"): (15.0, 40.0),  # CREATING (F51)
    ("firehose", "delete"): (20.0, 60.0),  # DELETING (F52)
    ("firehose", "encrypt"): (5.0, 15.0),  # ENABLING, DISABLING (F53c)
    ("lambda", "create"): (1.0, 3.0),  # Pending (F54)
    ("lambda", "update"): (1.0, 3.0),  # InProgress (F54)
}


class Lifecycle:
    """The durations of a local cloud, in AWS's seconds; safe to use from several threads."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()

    def seconds(self, transition: str, arn: str) -> float:
        """The duration of a resource's transition."""
        with self._lock:
            self._counts[transition, arn] += 1
            count = self._counts[transition, arn]
        durations = DURATIONS[arn.split(":")[2], transition]
        return self._chance.between(*durations, "settling", transition, arn, count)
