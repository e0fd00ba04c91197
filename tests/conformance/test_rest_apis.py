"""REST APIs from control plane to deployed API, as recorded or documented by AWS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.cloud import Cloud, expected_failures, left_out, load
from tests.conformance.steps import Run

ALL = load("rest_apis.json") + load("control_plane.json")


def _why_left_out(case: dict[str, Any]) -> str | None:
    reasons = left_out()
    return next((reasons[need] for need in case["needs"] if need in reasons), None)


CASES = [case for case in ALL if not _why_left_out(case)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_rest_api_answers_as_recorded(
    cloud: Cloud, case: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    reason = expected_failures().get(case["id"])
    if reason and cloud.ours:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    run = Run(cloud)
    for number, step in enumerate(case["steps"]):
        run.step(step)
        for expectation in case["expect"]:
            if expectation["after"] == number:
                run.check_expectation(expectation)
        for assertion in case["asserts"]:
            if assertion["after"] == number:
                run.check_assertion(assertion)


def test_every_case_that_is_left_out_needs_something_that_is_named_with_its_reason() -> None:
    assert len(CASES) + sum(bool(_why_left_out(case)) for case in ALL) == len(ALL)
    needed = {need for case in ALL for need in case["needs"]}
    assert set(left_out()) <= needed, "a reason is kept for what no case needs"
