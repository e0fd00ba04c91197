"""Counted clicks for a terminal: bars, and sparklines of a time. Makes no call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mysfits_stream.clicks.counting import units_between
from mysfits_stream.clicks.delivered import text
from mysfits_stream.output.layout import cell, hanging
from mysfits_stream.output.line import Line
from mysfits_stream.output.text import cell_len, many, printable

if TYPE_CHECKING:
    from mysfits_stream.operations.clicks import Counted

GAP = "  "
BAR_WIDTH = 40
SPARKS = "▁▂▃▄▅▆▇█"
MOST_SPARKS = 60
"""Units of time in a sparkline; of more, the last."""


def counted(found: Counted, width: int | None) -> Iterator[Line]:
    """Rows of the groups, each with a bar, or with a sparkline if split by a unit of time."""
    counts = found.counts
    if not counts.clicks:
        yield hanging(Line(), f"No clicks were delivered from {found.range}.", width)
    else:
        yield from _groups(found, width)
        yield hanging(Line(), f"{many(counts.clicks, 'click')} from {found.range}", width).styled("dim")
    if counts.tests:
        yield Line((f"Left out: {many(counts.tests, 'test click')}.", "dim"))


def _groups(found: Counted, width: int | None) -> Iterator[Line]:
    counts = found.counts
    unit = next((name for name in counts.by if name in counts.units), None)
    fields = [index for index, name in enumerate(counts.by) if name != unit]
    if unit and fields and len(counts.units) == 1:
        yield from _sparklines(found, unit, fields, width)
    else:
        yield from _bars(found, width)


def sparkline(values: Sequence[int]) -> str:
    """A character for each number; zero is a space."""
    most = max(values, default=0)
    return "".join(SPARKS[max(0, len(SPARKS) * value // most - 1)] if value else " " for value in values)


def _bars(found: Counted, width: int | None) -> Iterator[Line]:
    counts = found.counts
    titles = [*counts.by, "clicks", "share"]
    rows = [
        [*(printable(text(value)) for value in group), str(count), f"{count / counts.clicks:.0%}"]
        for group, count in found.rows
    ]
    lines, left = _aligned(titles, rows, width)
    yield Line((lines[0], "bold"))
    longest = max(1, min(BAR_WIDTH, left))
    most = max(count for _, count in found.rows)
    for line, (_, count) in zip(lines[1:], found.rows, strict=True):
        yield Line(f"{line}{GAP}{'█' * max(1, round(longest * count / most))}")
    if len(counts.groups) > len(found.rows):
        yield Line((f"and {many(len(counts.groups) - len(found.rows), 'other group')}", "dim"))


def _sparklines(found: Counted, unit: str, fields: Sequence[int], width: int | None) -> Iterator[Line]:
    """A row for each value of the other names.

    The units of time from the first to the last side by side.
    """
    counts = found.counts
    at = counts.by.index(unit)
    totals: Counter[tuple[object, ...]] = Counter()
    series: dict[tuple[object, ...], Counter[str]] = {}
    times = [group[at] for group in counts.groups if group[at] is not None]
    if not times:
        yield from _bars(found, width)
        return
    for group, count in counts.groups.items():
        rest = tuple(group[index] for index in fields)
        totals[rest] += count
        if group[at] is not None:
            series.setdefault(rest, Counter())[group[at]] += count
    units = list(units_between(min(times), max(times), unit))[-MOST_SPARKS:]
    top = totals.most_common(found.top)
    names = [counts.by[index] for index in fields]
    rows = [[*(printable(text(value)) for value in rest), str(count)] for rest, count in top]
    lines, left = _aligned([*names, "clicks"], rows, width)
    shown = units[-max(1, left) :] if width is not None else units
    title = hanging(Line(f"{lines[0]}{GAP}"), f"by {unit}, {shown[0]} to {shown[-1]}", width)
    yield title.styled("bold")
    for line, (rest, _) in zip(lines[1:], top, strict=True):
        yield Line(f"{line}{GAP}{sparkline([series.get(rest, Counter())[each] for each in shown])}")
    if len(totals) > len(top):
        yield Line((f"and {many(len(totals) - len(top), 'other group')}", "dim"))


def _aligned(
    titles: Sequence[str], rows: Sequence[Sequence[str]], width: int | None
) -> tuple[list[str], int]:
    """Lines of equal width, numbers to the right, and the columns that are left beside them."""
    columns = [max(map(cell_len, column)) for column in zip(titles, *rows, strict=True)]
    if width is not None:
        columns = [min(column, max(4, width // 2 // len(columns))) for column in columns]
    lines = [GAP.join(map(cell, row, columns)) for row in (titles, *rows)]
    return lines, BAR_WIDTH if width is None else width - cell_len(lines[0]) - len(GAP)
