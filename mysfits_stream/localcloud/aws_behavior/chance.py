"""Random events, drawn from a seed and the event's names, in any order of calls."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """The random draws of a local cloud; equal seeds and names give equal results."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def between(self, low: float, high: float, *names: object) -> float:
        """A number within the range."""
        return self._dice(names).uniform(low, high)

    def one_of(self, choices: Sequence[T], *names: object) -> T:
        """A member of ``choices``."""
        return self._dice(names).choice(choices)

    def happens(self, probability: float, *names: object) -> bool:
        """Whether an event of the given probability happens."""
        return self._dice(names).random() < probability

    def _dice(self, names: tuple[object, ...]) -> random.Random:
        return random.Random("/".join(map(str, (self._seed, *names))))  # noqa: S311
