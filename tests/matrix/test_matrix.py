"""The crash matrix: after any fault at any AWS call, the next run ends as usual.

A case is one call of a run and what happens to it. ``make test`` runs a sample, ``make matrix`` all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.conftest import MATRIX_CASES
from tests.matrix.world import HARMS, RUNS, Which, World, perform

SAMPLE = 2
"""How many calls of each run a harm is tried on, unless all are asked for."""

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("run", RUNS)
def test_a_run_heals_after_any_call_comes_to_harm(
    world: World,
    undisturbed: Callable[[str, World], list[Which]],
    run: str,
    harm: str,
    request: pytest.FixtureRequest,
) -> None:
    calls = [each for each in undisturbed(run, world) if each.differs(harm)]
    if not request.config.getoption("--all-cases"):
        calls = random.Random(f"{run}, {harm}").sample(calls, SAMPLE)  # noqa: S311
    request.node.user_properties.append((MATRIX_CASES, len(calls)))
    failures: dict[Which, list[str]] = {}
    for which in calls:
        _, wrong = perform(world, run, which, HARMS[harm])
        if wrong:
            failures[which] = wrong
    report = "\n".join(f"{which}: {'; '.join(wrong)}" for which, wrong in failures.items())
    assert not failures, f"{len(failures)} of {len(calls)} cases:\n{report}"
