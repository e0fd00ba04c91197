"""Times the sides of a comparison in turns, so that what else the machine does falls on all of them alike.

A benchmark is a module with ``run() -> Comparison``, and ``main()``, which prints it.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Machine:
    """What the figures were taken on."""

    cpus: int
    architecture: str
    system: str
    python: str
    load: float  # processes that wanted to run, averaged over the minute before

    @classmethod
    def here(cls) -> Machine:
        """This machine, now."""
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        return cls(
            cpus=os.cpu_count() or 1,
            architecture=platform.machine(),
            system=platform.system(),
            python=platform.python_version(),
            load=round(load, 1),
        )

    def __str__(self) -> str:
        return (
            f"{self.cpus} CPUs ({self.architecture}), {self.system}, Python {self.python}, load {self.load}"
        )


@dataclass(frozen=True)
class Target:
    """``slower`` takes at least ``least`` times as long as ``faster``."""

    slower: str
    faster: str
    least: float


@dataclass(frozen=True)
class Comparison:
    """The seconds that each side took, round by round."""

    title: str
    machine: Machine
    seconds: dict[str, list[float]]
    targets: tuple[Target, ...] = ()

    def median(self, side: str) -> float:
        """A side's median time."""
        return statistics.median(self.seconds[side])

    def ratio(self, slower: str, faster: str) -> float:
        """How many times as long one side takes: the median of what that was in each round."""
        rounds = zip(self.seconds[slower], self.seconds[faster], strict=True)
        return statistics.median(slow / fast for slow, fast in rounds)

    def met(self, target: Target) -> bool:
        """Whether a target is reached."""
        return self.ratio(target.slower, target.faster) >= target.least

    def as_json(self) -> dict[str, Any]:
        """All of it, in types that JSON has."""
        return asdict(self) | {"ratios": [self.ratio(t.slower, t.faster) for t in self.targets]}

    def __str__(self) -> str:
        """Two Markdown tables, which read well on a terminal too."""
        rounds = len(next(iter(self.seconds.values())))
        lines = [f"## {self.title}", "", f"{self.machine}; {rounds} rounds in turns.", ""]
        width = max(map(len, self.seconds))
        lines += [
            f"| {'':{width}} |    median |     least |      most |",
            f"|-{'-' * width}-|{'----------:|' * 3}",
        ]
        for side, taken in self.seconds.items():
            figures = (statistics.median(taken), min(taken), max(taken))
            lines.append(f"| {side:{width}} | " + " | ".join(map(_duration, figures)) + " |")
        if self.targets:
            lines += ["", "| comparison | times as long | target | met |", "|---|---:|---:|---|"]
        for target in self.targets:
            ratio, verdict = self.ratio(target.slower, target.faster), "yes" if self.met(target) else "NO"
            comparison = f"{target.slower} / {target.faster}"
            lines.append(f"| {comparison} | {ratio:.2f} | ≥ {target.least:g} | {verdict} |")
        return "\n".join(lines)


def compare(
    title: str,
    sides: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 5,
    turn_seconds: float = 0.1,
    targets: tuple[Target, ...] = (),
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Give every side a turn in each round. The first round does not count; every other one runs backwards.

    In its turn a side is called until ``turn_seconds`` are over, at least once; the median call counts.
    """
    machine = Machine.here()
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        turns = list(sides.items())[:: -1 if number % 2 else 1]
        for side, call in turns:
            calls: list[float] = []
            while not calls or sum(calls) < turn_seconds:
                started = clock()
                call()
                calls.append(clock() - started)
            if number:
                seconds[side].append(statistics.median(calls))
    return Comparison(title, machine, seconds, targets)


def _duration(seconds: float) -> str:
    return f"{seconds:7.2f} s" if seconds >= 1 else f"{seconds * 1000:6.2f} ms"
