"""A rehearsal for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.output.text import many, printable, size

if TYPE_CHECKING:
    from mysfits_stream.operations.rehearse import Ids, Measured, Rehearsal

MOST_SHOWN = 10


def rehearsed(result: Rehearsal) -> Iterator[str]:
    """Counts of clicks by outcome, ids of those that differ, and both processors side by side."""
    yield f"{many(result.same, 'click')} the same"
    yield from _ids(result.changed, "changed")
    yield from _ids(result.failing, f"fail with the code of {result.after.label} only")
    if result.service_failures:
        yield f"the Mysfits service did not answer {many(len(result.service_failures), 'request')}"
    for measured, dollars in ((result.before, result.cost_before), (result.after, result.cost_after)):
        cost = f"${dollars:,.4f} of Lambda per million clicks"
        yield f"{measured.label + ':':<16} {_measured(measured)}, {cost}"
        for problem, count in measured.problems.items():
            yield f"  {many(count, 'invocation')}: {printable(problem)}"
    yield "Times and costs are those of this machine, for comparison only."


def _ids(ids: Ids, what: str) -> Iterator[str]:
    if ids.count:
        yield f"{many(ids.count, 'click')} {what}:"
        yield from (f"  {printable(each)}" for each in ids.first[:MOST_SHOWN])
        if ids.count > MOST_SHOWN:
            yield f"  and {ids.count - MOST_SHOWN} more; --json lists them"


def _measured(measured: Measured) -> str:
    longest = measured.longest or measured.first
    return (
        f"{many(measured.batches, 'invocation')}, {measured.mean * 1000:,.0f} ms each, "
        f"{longest * 1000:,.0f} ms at most, {size(measured.bytes)} returned, "
        f"{many(measured.failed, 'click')} failed"
    )
