"""Times the sides of a comparison in turns, so that load falls on all alike.

A benchmark is a module with ``run()``, which makes one or more comparisons, and ``main()``, which prints
them. Sides that measure something else than their own time (memory, a share of their calls) return the figure
and are compared by ``compare_figures``.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from mysfits_stream import cli

T = TypeVar("T")


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
    """``slower`` takes ``least`` to ``most`` times as long, or as much, as ``faster``."""

    slower: str
    faster: str
    least: float | None = None
    most: float | None = None

    def __str__(self) -> str:
        limits = (("≥", self.least), ("≤", self.most))
        return ", ".join(f"{sign} {limit:g}" for sign, limit in limits if limit is not None)


@dataclass(frozen=True)
class Comparison:
    """What each side took, round by round; seconds unless ``unit`` says otherwise."""

    title: str
    machine: Machine
    figures: dict[str, list[float]]
    targets: tuple[Target, ...] = ()
    unit: str = "s"
    notes: tuple[str, ...] = ()
    """What has to be said beside the figures: one sentence each."""

    def median(self, side: str) -> float:
        """A side's median figure."""
        return statistics.median(self.figures[side])

    def ratio(self, slower: str, faster: str) -> float:
        """How many times as long one side takes: the median of what that was in each round."""
        rounds = zip(self.figures[slower], self.figures[faster], strict=True)
        return statistics.median(slow / fast for slow, fast in rounds)

    def met(self, target: Target) -> bool:
        """Whether a target is reached."""
        ratio = self.ratio(target.slower, target.faster)
        return (target.least is None or ratio >= target.least) and (
            target.most is None or ratio <= target.most
        )

    def as_json(self) -> dict[str, Any]:
        """All of it, in types that JSON has."""
        return asdict(self) | {"ratios": [self.ratio(t.slower, t.faster) for t in self.targets]}

    def __str__(self) -> str:
        """Two Markdown tables, which read well on a terminal too."""
        rounds = len(next(iter(self.figures.values())))
        turns = f"{rounds} rounds in turns" if rounds > 1 else "one round"
        lines = [f"## {self.title}", "", f"{self.machine}; {turns}.", ""]
        width = max(map(len, self.figures))
        lines += [
            f"| {'':{width}} |     median |      least |       most |",
            f"|-{'-' * width}-|{'-----------:|' * 3}",
        ]
        for side, taken in self.figures.items():
            figures = (statistics.median(taken), min(taken), max(taken))
            lines.append(
                f"| {side:{width}} | " + " | ".join(_spelled(each, self.unit) for each in figures) + " |"
            )
        if self.targets:
            times = "times as long" if self.unit == "s" else "times as much"
            lines += ["", f"| comparison | {times} | target | met |", "|---|---:|---:|---|"]
        for target in self.targets:
            ratio, verdict = self.ratio(target.slower, target.faster), "yes" if self.met(target) else "NO"
            comparison = f"{target.slower} / {target.faster}"
            lines.append(f"| {comparison} | {ratio:.2f} | {target} | {verdict} |")
        if self.notes:
            lines += ["", *(f"- {note}" for note in self.notes)]
        return "\n".join(lines)


def compare(
    title: str,
    sides: Mapping[str, Callable[[], object]],
    *,
    rounds: int = 5,
    turn_seconds: float = 0.1,
    targets: tuple[Target, ...] = (),
    notes: tuple[str, ...] = (),
    prepare: Callable[[], object] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> Comparison:
    """Give every side a turn in each round.

    The first round does not count; every other one runs backwards.

    In its turn a side is called until ``turn_seconds`` are over, at least once; the median call counts.
    ``prepare`` is called before each call, and takes no time.
    """
    machine = Machine.here()

    def timed(call: Callable[[], object]) -> float:
        calls: list[float] = []
        while not calls or sum(calls) < turn_seconds:
            prepare()
            started = clock()
            call()
            calls.append(clock() - started)
        return statistics.median(calls)

    seconds = in_turns({side: partial(timed, call) for side, call in sides.items()}, rounds=rounds)
    return Comparison(title, machine, seconds, targets, notes=notes)


def compare_figures(
    title: str,
    sides: Mapping[str, Callable[[], float]],
    *,
    unit: str,
    rounds: int = 5,
    targets: tuple[Target, ...] = (),
    notes: tuple[str, ...] = (),
) -> Comparison:
    """The same of sides that return their figure themselves."""
    machine = Machine.here()
    return Comparison(title, machine, in_turns(sides, rounds=rounds), targets, unit, notes)


def in_turns(sides: Mapping[str, Callable[[], T]], *, rounds: int) -> dict[str, list[T]]:
    """What each side returned in all rounds but the first.

    Every other round runs backwards.
    """
    returned: dict[str, list[T]] = {side: [] for side in sides}
    for number in range(rounds + 1):
        for side, call in list(sides.items())[:: -1 if number % 2 else 1]:
            figure = call()
            if number:
                returned[side].append(figure)
    return returned


@contextmanager
def as_command() -> Iterator[None]:
    """Look for garbage as rarely as a process of the command line's does."""
    thresholds = gc.get_threshold()
    gc.set_threshold(*cli.RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def peak_memory(call: Callable[[], object]) -> float:
    """The most memory that Python holds at once for what is made during the call, in MB."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def _spelled(figure: float, unit: str) -> str:
    if unit != "s":
        return f"{figure:8,.1f} {unit}"
    return f"{figure:8.2f} s" if figure >= 1 else f"{figure * 1000:7.2f} ms"
