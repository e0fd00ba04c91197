"""The least time of a deployment, from its graph, its calls and AWS's waits."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.critical_path import Counts, Recorder, critical_path
from benchmarks.slow_cloud import ASSUMABLE, CALL_SECONDS, LASTING, SCALE
from mysfits_stream.provision.engine import Action, Progress


@dataclass(frozen=True)
class Part:
    """A resource, as far as the graph sees it."""

    name: str
    first: Any = None
    second: Any = None

    def settle(self) -> None:
        raise AssertionError("nothing is called here")


ROLE = Part("role")
BUCKET = Part("bucket")
FUNCTION = Part("function", ROLE)
STREAM = Part("stream", FUNCTION, BUCKET)

CREATES = {"role": "CreateRole", "function": "CreateFunction", "stream": "CreateDeliveryStream"}
MANY = 500


def counts(*parts: Part, **acts: int) -> Counts:
    """One read and one look at the end each; ``acts`` is the number of calls to create."""
    found: dict[tuple[str, str], list[str]] = {}
    for part in parts:
        found[part.name, "read"] = ["Get"]
        act = [CREATES.get(part.name, "Put")]
        found[part.name, "act"] = act + ["Put"] * (acts.get(part.name, 1) - 1)
        found[part.name, "settle"] = ["Get"]
    return found


def calls(number: int) -> float:
    return number * CALL_SECONDS


def waits(*seconds: float) -> float:
    return sum(seconds) / SCALE


@pytest.mark.parametrize(
    ("parts", "acts", "expected"),
    [
        pytest.param(
            [BUCKET], {}, calls(2 + 3), id="a resource alone: the survey's two reads, then its calls"
        ),
        pytest.param(
            [BUCKET, ROLE], {"bucket": 4}, calls(2 + 6), id="two at once take what the longer takes"
        ),
        pytest.param(
            [ROLE, FUNCTION],
            {},
            calls(2 + 2) + waits(ASSUMABLE) + calls(1) + waits(LASTING["lambda", "create"]) + calls(1),
            id="a function waits for its role, and then gets ready",
        ),
        pytest.param(
            [ROLE, FUNCTION, BUCKET, STREAM],
            {},
            calls(2 + 2) + waits(ASSUMABLE) + calls(1 + 2) + waits(LASTING["firehose", "create"]) + calls(1),
            id="a stream waits for its function to be made, not to be ready",
        ),
        pytest.param(
            [ROLE, FUNCTION, BUCKET, STREAM],
            {"bucket": MANY},
            calls(2 + 1 + MANY + 2) + waits(LASTING["firehose", "create"]) + calls(1),
            id="unless something else takes longer",
        ),
    ],
)
def test_a_path_is_as_long_as_what_cannot_overlap(
    parts: list[Any], acts: dict[str, int], expected: float
) -> None:
    assert critical_path(parts, 2, counts(*parts, **acts)) == pytest.approx(expected)


def test_calls_count_for_the_resource_and_the_phase_that_their_thread_was_in() -> None:
    recorder = Recorder()

    def call(operation: str, status: int = 200, **parsed: Any) -> None:
        recorder.called(SimpleNamespace(name=operation), parsed, SimpleNamespace(status_code=status))

    def notify(phase: Any) -> None:
        recorder.notified(Progress("stream", Action.CREATE, phase))

    creating: dict[str, Any] = {"DeliveryStreamDescription": {"DeliveryStreamStatus": "CREATING"}}
    call("Describe", 400, Error={"Message": "not found"})
    notify("started")
    call("Create", 400, Error={"Message": "unable to assume role"})
    call("Create")
    call("Describe", **creating)
    notify("settling")
    call("Describe", **creating)
    call("Describe", **creating)
    call("Describe", DeliveryStreamDescription={"DeliveryStreamStatus": "ACTIVE"})
    notify("done")

    assert recorder.counts() == {
        ("stream", "read"): ["Describe"],
        ("stream", "act"): ["Create", "Describe"],
        ("stream", "settle"): ["Describe"],
    }
    assert len(recorder.operations()) == 7
