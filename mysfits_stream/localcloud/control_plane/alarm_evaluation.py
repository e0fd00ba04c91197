"""The state of an alarm on one metric, computed from the metric's values (F255, F340)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mysfits_stream.localcloud.control_plane.metric_math import Compiled

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


@dataclass(frozen=True)
class Values:
    """Statistics of a metric around one time, in seconds since the epoch."""

    at: float
    sum: float
    minimum: float
    maximum: float
    count: float


@dataclass(frozen=True)
class Rule:
    """What an alarm compares."""

    statistic: str
    period: int
    periods: int
    datapoints: int
    """How many of the periods have to breach."""
    comparison: str
    threshold: float
    missing: str
    """How a period without values counts: breaching, notBreaching, ignore or missing."""
    math: Compiled | None = None
    """Metric math over the statistic."""


@dataclass(frozen=True)
class Verdict:
    """The state of an alarm, and AWS's words for the reason."""

    state: str
    reason: str


def evaluate(rule: Rule, values: Sequence[Values], now: float, before: str) -> Verdict:
    """The state at ``now``; with ``ignore``, missing values keep the state ``before``."""
    points = [_point(rule, values, now - number * rule.period) for number in range(rule.periods)]
    compare = COMPARISONS[rule.comparison]
    breaching = [compare(point, rule.threshold) for point in points if point is not None]
    absent = len(points) - len(breaching)
    if absent == len(points) and rule.missing in ("missing", "ignore"):
        state = before if rule.missing == "ignore" else INSUFFICIENT_DATA
        return Verdict(state, f"Insufficient Data: {absent} datapoints were unknown.")
    count = sum(breaching) + (absent if rule.missing == "breaching" else 0)
    # Without values that are known, the periods that are known decide.
    wanted = rule.datapoints
    if rule.missing in ("missing", "ignore"):
        wanted = min(wanted, len(breaching))
    state = ALARM if count >= wanted else OK
    known = [f"{point:g}" for point in points if point is not None]
    return Verdict(
        state,
        f"Threshold Crossed: {count} of {len(points)} datapoints [{', '.join(known) or 'none'}] "
        f"{'crossed' if state == ALARM else 'did not cross'} the threshold ({rule.threshold:g})"
        + (f"; {absent} missing datapoints were treated as [{rule.missing}]" if absent else "")
        + ".",
    )


def _point(rule: Rule, values: Sequence[Values], end: float) -> float | None:
    """The compared value of the period that ends at ``end``; None without a value."""
    statistic = _statistic(rule, values, end)
    # A period has the time of its beginning.
    return rule.math(statistic, end - rule.period) if rule.math else statistic


def _statistic(rule: Rule, values: Sequence[Values], end: float) -> float | None:
    """The statistic of the period that ends at ``end``; None without a value."""
    found = [each for each in values if end - rule.period < each.at <= end]
    if not found:
        return None
    count = sum(each.count for each in found)
    total = sum(each.sum for each in found)
    return {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count if count else 0.0,
        "Minimum": min(each.minimum for each in found),
        "Maximum": max(each.maximum for each in found),
    }[rule.statistic]
