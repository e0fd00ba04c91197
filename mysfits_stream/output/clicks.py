"""Clicks, failed clicks and the hops of the path, for a person. Makes no call to anyone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from mysfits_stream.output.text import many, printable

if TYPE_CHECKING:
    from mysfits_stream.clicks import failed
    from mysfits_stream.clicks.delivered import Click, Summary
    from mysfits_stream.clicks.sending import TestClick
    from mysfits_stream.doctor.links import Link

COLUMNS = {
    "clickedAt": "CLICKED AT",
    "userId": "USER",
    "species": "SPECIES",
    "goodevil": "GOOD/EVIL",
    "lawchaos": "LAW/CHAOS",
    "mysfitId": "MYSFIT",
}
HEADINGS = {
    "mysfitId": "by mysfit",
    "species": "by species",
    "goodevil": "good/evil",
    "lawchaos": "law/chaos",
}
BAR_WIDTH = 40
LONGEST_LIST = 15
LINK_STYLES = {"ok": "green", "warning": "yellow", "broken": "bold red", "unknown": "dim"}
STATUS_STYLES = {"delivered": "green", "accepted": "green"}


def test_click(click: TestClick) -> Iterator[Text]:
    """What became of a test click, hop by hop."""
    yield Text.assemble(
        (click.status, STATUS_STYLES.get(click.status, "bold red")),
        f"  {printable(click.user_id)} on {printable(click.mysfit_id)}",
    )
    steps = {
        "accepted by the API": click.accepted is not None and f"after {click.accepted:.2f} s",
        "arrived at the stream": click.arrived and f"at {click.arrived}",
        "object in S3": click.object and printable(click.object),
        "total": f"{click.seconds:.2f} s",
        "reason": click.reason and printable(click.reason),
    }
    for name, said in steps.items():
        if said:
            yield Text(f"  {name:<22} {said}")
    if click.record:
        yield Text(json.dumps(click.record), style="bold")


def problems(clicks: Sequence[TestClick]) -> str:
    """How many clicks did not arrive, by what became of them; empty if all did."""
    bad = [click.status for click in clicks if click.status not in STATUS_STYLES]
    return ", ".join(f"{count} {status}" for status, count in Counter(bad).items())


def row(click: Click) -> Text:
    """One enriched click in a line."""
    said = {key: printable(str(click[key])) for key in COLUMNS}
    return Text(
        f"{said['clickedAt']}  {said['userId']:<20} {said['species']:<14} {said['goodevil']:<8} "
        f"{said['lawchaos']:<8} {said['mysfitId']}"
    )


def table(clicks: Collection[Click], total: int) -> RenderableType:
    """The last clicks, and how many there are in all."""
    if not clicks:
        return Text("No clicks were delivered in this time.")
    cells = [[*COLUMNS.values()], *([printable(str(click[key])) for key in COLUMNS] for click in clicks)]
    shown = (
        f"the last {len(clicks)} of {many(total, 'click')}" if len(clicks) < total else many(total, "click")
    )
    return Group(*aligned(cells, ["bold"]), Text(shown, style="dim"))


def summary(summary: Summary) -> RenderableType:
    """Bars by mysfit, species, good and evil, law and chaos."""
    parts: list[Text] = []
    for key, counter in summary.by.items():
        most = counter.most_common(LONGEST_LIST)
        parts.append(Text(f"\n{HEADINGS[key]}", style="bold"))
        parts += aligned(
            [
                [
                    f"  {printable(name)}",
                    f"{count}",
                    f"{count / summary.clicks:.0%}",
                    "█" * max(1, round(BAR_WIDTH * count / most[0][1])),
                ]
                for name, count in most
            ]
        )
        if len(counter) > len(most):
            parts.append(Text(f"  and {len(counter) - len(most)} more", style="dim"))
    return Group(*parts)


def aligned(rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> list[Text]:
    """Rows as lines with their cells one below the other, never cut: who pipes a table wants all of it."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        Text(
            "  ".join(
                cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
            ).rstrip(),
            style,
        )
        for row, style in zip_longest(rows, styles, fillvalue="")
    ]


def failed_group(group: failed.Group) -> RenderableType:
    """The failed clicks of one code and reason, the first few shown."""
    times = f"{group.first:%Y-%m-%d %H:%M:%S} to {group.last:%Y-%m-%d %H:%M:%S} UTC"
    return Group(
        Text.assemble((f"{group.count} x {printable(group.code)}", "bold red"), f"  {times}"),
        Text(f"  {printable(group.message)}"),
        *(Text(f"    {printable(sample)}", style="dim") for sample in group.samples),
    )


def link(link: Link) -> Iterator[Text]:
    """What the examination of a link says, and what to do."""
    yield Text.assemble(
        (f"{link.status:<8}", LINK_STYLES[link.status]), f" {link.name:<16} {printable(link.detail)}"
    )
    if link.advice:
        yield Text(f"{'':<26}-> {link.advice}", style="italic")
