"""What happens to happen: drawn from a seed and what it happens to, whatever the order of calls."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """The dice of one local cloud; the same seed and the same names always fall the same way."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def between(self, low: float, high: float, *names: object) -> float:
        """A number of this range."""
        return self._dice(names).uniform(low, high)

    def one_of(self, choices: Sequence[T], *names: object) -> T:
        """One of these."""
        return self._dice(names).choice(choices)

    def happens(self, probability: float, *names: object) -> bool:
        """Whether something happens that does so with this probability."""
        return self._dice(names).random() < probability

    def _dice(self, names: tuple[object, ...]) -> random.Random:
        return random.Random("/".join(map(str, (self._seed, *names))))  # noqa: S311
