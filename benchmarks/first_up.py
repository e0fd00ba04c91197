"""A first `up` on AWS's typical durations, beside the waits that AWS demands.

``aws_durations.yaml`` lists these with their seconds, their order and their sources. The local cloud takes
the listed seconds, at AWS's pace, and the limit is the longest chain of the list. The list was committed
before the first run: with a changed list nothing is measured.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.deploy_commands import command, our_project
from benchmarks.measure import Comparison, Machine, Target, in_turns
from benchmarks.slow_cloud import Durations, reset, slow_cloud

LIST = Path(__file__).with_name("aws_durations.yaml")
DIGEST = "259282a45caaa38ef279fb3c5cfbce4a53ee53c2ab920f006ff1fa3509e0b40e"
"""The SHA-256 of the list: whoever changes the list says so here, and measures anew."""

LIMIT, OURS = "calls and waits that AWS demands", "mysfits-stream up"
TRANSITIONS = {"function": ("lambda", "create"), "stream": ("firehose", "create")}


def run(rounds: int = 3) -> Comparison:
    """Each round deploys a stack to an empty account."""
    listed = durations()
    limit, chain = longest_chain(listed["steps"])
    runs = iter(range(1_000))
    with slow_cloud(simulated(listed), time_scale=1) as endpoint, tempfile.TemporaryDirectory() as scratch:

        def ours() -> float:
            reset(endpoint)
            up = command(endpoint, *our_project(Path(scratch) / f"{next(runs)}", endpoint, "up"))
            started = time.perf_counter()
            up()
            return time.perf_counter() - started

        seconds = in_turns({OURS: ours, LIMIT: lambda: limit}, rounds=rounds)
    return Comparison(
        "Deploy: a first `up` as a command, on AWS's typical durations",
        Machine.here(),
        seconds,
        (Target(OURS, LIMIT, most=1.10),),
        notes=(
            f"The longest chain: {', '.join(chain)}.",
            "Not simulated: a version is Active at once. The processor's chain is shorter than the stream's.",
        ),
    )


def durations() -> Any:
    """The list; raises ValueError for a list that differs from the committed list."""
    content = LIST.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != DIGEST:
        raise ValueError(f"{LIST.name} has changed (SHA-256 {found}): the limit would be another")
    return yaml.safe_load(content)


def simulated(listed: Any) -> Durations:
    """The list as the durations of the local cloud."""
    calls = {service: float(entry["seconds"]) for service, entry in listed["reads"].items()}
    waits: dict[str, float] = {}
    for step in listed["steps"].values():
        if "call" in step:
            calls[step["call"]] = float(step["seconds"])
        else:
            waits[step["wait"]] = float(step["seconds"])
    return Durations(
        calls=calls,
        assumable=waits["role"],
        lasting={key: waits[wait] for wait, key in TRANSITIONS.items()},
        stage=waits["stage"],
    )


def longest_chain(steps: Mapping[str, Any]) -> tuple[float, list[str]]:
    """The seconds and the steps of the longest chain of what AWS demands."""
    chains: dict[str, tuple[float, list[str]]] = {}
    for name, step in steps.items():  # a step is listed after the steps that it needs
        before = max((chains[needed] for needed in step.get("needs", ())), default=(0.0, []))
        chains[name] = before[0] + float(step["seconds"]), [*before[1], name]
    return max(chain for name, chain in chains.items() if not steps[name].get("chosen"))


def main() -> None:
    """Print the comparison."""
    print(run())


if __name__ == "__main__":
    main()
