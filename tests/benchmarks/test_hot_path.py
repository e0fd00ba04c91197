"""The benchmark of a click's way names functions that a click calls."""

from __future__ import annotations

import pytest

from benchmarks.hot_path import STEPS, clicking, profile, steps


@pytest.mark.slow
def test_every_step_of_the_way_is_found_in_the_profile() -> None:
    with clicking() as (click, _):
        shares = steps(profile(click))
    assert shares.keys() == STEPS.keys()
    assert all(0 < share < 1 for share in shares.values())
