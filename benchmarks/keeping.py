"""The clicks per second of a local cloud with ``--keep``, beside one without."""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.local_cloud import our_pipeline
from benchmarks.measure import Comparison, Machine, Target, in_turns

WITHOUT, KEPT = "in memory", "with --keep"


def run(rounds: int = 5) -> list[Comparison]:
    """Both, in turns."""
    with ExitStack() as running:
        sides = {
            WITHOUT: running.enter_context(our_pipeline())[0],
            KEPT: running.enter_context(our_pipeline(keep=True))[0],
        }
        outcomes = in_turns(sides, rounds=rounds)
    return [
        Comparison(
            "Local cloud: clicks per second with and without a journal, 8 connections",
            Machine.here(),
            {side: [each.per_second for each in found] for side, found in outcomes.items()},
            (Target(KEPT, WITHOUT, least=0.9),),
            unit="/s",
        )
    ]
