"""How the benchmarks measure."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from benchmarks.measure import Comparison, Target, compare, compare_figures


def measured(rounds: int = 3, turn_seconds: float = 0.0, slow: float = 6.0) -> tuple[Comparison, list[str]]:
    """A comparison of two sides with times of their own, and the order of the calls."""
    now, calls = [0.0], list[str]()

    def side(name: str, seconds: float) -> Callable[[], None]:
        def call() -> None:
            calls.append(name)
            now[0] += seconds

        return call

    sides = {"slow": side("slow", slow), "fast": side("fast", 2.0)}
    targets = (Target("slow", "fast", 3),)
    comparison = compare(
        "A title", sides, rounds=rounds, turn_seconds=turn_seconds, targets=targets, clock=lambda: now[0]
    )
    return comparison, calls


def test_sides_take_turns_in_both_orders_and_the_first_round_does_not_count() -> None:
    comparison, calls = measured(rounds=2)
    assert calls == ["slow", "fast", "fast", "slow", "slow", "fast"]
    assert comparison.figures == {"slow": [6, 6], "fast": [2, 2]}


def test_a_short_side_is_called_until_its_turn_is_over() -> None:
    comparison, calls = measured(rounds=1, turn_seconds=5)
    assert calls[:4] == ["slow", "fast", "fast", "fast"]
    assert comparison.median("fast") == 2


@pytest.mark.parametrize(("slow", "met"), [(6.0, True), (5.0, False)], ids=["reached", "missed"])
def test_a_target_is_met_when_one_side_takes_so_many_times_as_long(slow: float, met: bool) -> None:
    comparison, _ = measured(slow=slow)
    assert comparison.ratio("slow", "fast") == slow / 2
    assert comparison.met(comparison.targets[0]) is met
    assert ("| NO |" not in str(comparison)) is met


@pytest.mark.parametrize(
    ("target", "met"),
    [
        pytest.param(Target("slow", "fast", most=3), True, id="at the upper bound"),
        pytest.param(Target("slow", "fast", most=2.9), False, id="above it"),
        pytest.param(Target("slow", "fast", 2, 4), True, id="between two bounds"),
        pytest.param(Target("slow", "fast", 3.5, 4), False, id="below both"),
    ],
)
def test_a_target_may_bound_from_above(target: Target, met: bool) -> None:
    comparison, _ = measured()
    assert comparison.met(target) is met


def test_a_target_says_its_bounds() -> None:
    assert [str(Target("a", "b", 3)), str(Target("a", "b", most=1.5)), str(Target("a", "b", 1, 2))] == [
        "≥ 3",
        "≤ 1.5",
        "≥ 1, ≤ 2",
    ]


def test_figures_other_than_times_are_compared_as_the_sides_return_them() -> None:
    grown = iter([99.0, 40.0, 60.0, 50.0])
    sides: dict[str, Callable[[], float]] = {"theirs": lambda: 100.0, "ours": lambda: next(grown)}
    comparison = compare_figures("Memory", sides, unit="MB", rounds=3, targets=(Target("theirs", "ours", 2),))
    assert comparison.figures["ours"] == [40, 60, 50]
    assert "50.0 MB" in str(comparison)
    assert comparison.met(comparison.targets[0])


def test_a_comparison_is_json_and_names_the_machine() -> None:
    document = json.loads(json.dumps(measured()[0].as_json()))
    assert document["ratios"] == [3]
    assert document["machine"]["cpus"] >= 1
    assert document["figures"]["fast"] == [2, 2, 2]
