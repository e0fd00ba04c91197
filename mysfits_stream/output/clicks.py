"""Clicks and failed clicks for a terminal. Makes no call."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from mysfits_stream.output.text import many, printable

if TYPE_CHECKING:
    from mysfits_stream.clicks.delivered import Click, Summary
    from mysfits_stream.clicks.replaying import Replay
    from mysfits_stream.clicks.sending import TestClick
    from mysfits_stream.operations.clicks import Delivered
    from mysfits_stream.operations.failed import Failed
    from mysfits_stream.operations.replay import Replayed
    from mysfits_stream.operations.send_test_click import TestClicks

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
STATUS_STYLES = {"delivered": "green", "accepted": "green"}
SHOWN = 20
"""Rows of the table unless another number is asked for."""


def test_clicks(sent: TestClicks) -> Iterator[Text]:
    """What became of each test click."""
    for click in sent.clicks:
        yield from test_click(click)


def sent_problems(sent: TestClicks) -> str:
    """How many clicks did not arrive, by outcome."""
    parts = ", ".join(f"{count} {status}" for status, count in sent.problems.items())
    return f"{parts}, of {many(len(sent.clicks), 'click')} sent"


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


def row(click: Click) -> Text:
    """One enriched click in a line."""
    said = {key: printable(str(click[key])) for key in COLUMNS}
    return Text(
        f"{said['clickedAt']}  {said['userId']:<20} {said['species']:<14} {said['goodevil']:<8} "
        f"{said['lawchaos']:<8} {said['mysfitId']}"
    )


def clicks(found: Delivered, last: int | None) -> Iterator[RenderableType]:
    """The table of the last clicks, and bars of all clicks."""
    total, counted = found.summarized()
    rows = deque(counted, last or SHOWN)
    if not rows:
        yield Text(f"No clicks were delivered from {found.range}.")
    else:
        yield table(rows, total.clicks)
        yield summary(total)


def table(clicks: Collection[Click], total: int) -> RenderableType:
    """The last clicks, and how many there are in all."""
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


def failed(found: Failed) -> Iterator[str | RenderableType]:
    """Failed clicks by error code and reason, the first few of each shown."""
    for group in found.groups:
        times = f"{group.first:%Y-%m-%d %H:%M:%S} to {group.last:%Y-%m-%d %H:%M:%S} UTC"
        yield Text.assemble((f"{group.count} x {printable(group.code)}", "bold red"), f"  {times}")
        yield f"  {group.message}"
        for sample in group.samples:
            yield Text(f"    {printable(sample)}", style="dim")
    if found.groups:
        yield "To put them back on the stream: mysfits-stream replay"
    else:
        yield "There are no failed clicks."


def replayed(replayed: Replayed) -> Iterator[str]:
    """What went back on the stream, or would."""
    counts = replayed.counts
    if not counts.records:
        yield "There are no failed clicks to replay."
        return
    went = "would go" if counts.dry_run else "went"
    records, clicks = many(counts.records, "failed record"), many(counts.clicks, "click")
    yield f"{records} {went} back on the stream, as {clicks}."
    if not counts.dry_run:
        yield (
            f"{many(counts.objects, 'error object')} moved to {replayed.moved_to}. If an earlier replay was "
            "cut short, some clicks may arrive twice."
        )


def replaying(counts: Replay) -> str:
    """The progress of a replay."""
    return f"{many(counts.records, 'failed record')} in {many(counts.objects, 'object')}"
