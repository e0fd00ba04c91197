"""Small inputs with AWS's answers: the local cloud answers alike, or refuses by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.cloud import CASES, Cloud, load
from tests.conformance.steps import Run

ALL = load("reduced.json")
REFUSED: dict[str, dict[str, str]] = json.loads((CASES / "reduced_refused.json").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("case", ALL, ids=lambda case: case["id"])
def test_a_reduced_case_answers_as_recorded(cloud: Cloud, case: dict[str, Any]) -> None:
    if cloud.ours and case["id"] in REFUSED:
        _is_refused(cloud, case)
        return
    run = Run(cloud)
    for number, step in enumerate(case["steps"]):
        run.step(step)
        for assertion in case["asserts"]:
            if assertion["after"] == number:
                run.check_assertion(assertion)


def _is_refused(cloud: Cloud, case: dict[str, Any]) -> None:
    """A step is refused in the service's protocol, and the answer names what is not simulated."""
    run = Run(cloud)
    for step in case["steps"]:
        run.step({**step, "expect_error": True})
        answer = run.results[-1]
        if "Error" in answer:
            break
    assert " is not simulated by the local cloud" in answer["Error"]["Message"]
    assert REFUSED[case["id"]]["named"] in answer["Error"]["Message"]
    assert 400 <= answer["ResponseMetadata"]["HTTPStatusCode"] < 500


def test_at_least_75_cases_answer_as_aws_does_and_the_others_are_refused_with_a_reason() -> None:
    assert set(REFUSED) <= {case["id"] for case in ALL}
    assert len(ALL) == 92
    assert len(ALL) - len(REFUSED) >= 75
    assert all(refusal["reason"] for refusal in REFUSED.values())
