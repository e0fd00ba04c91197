"""Clicks and failed clicks for a terminal. Makes no call."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

from mysfits_stream.clicks import delivered
from mysfits_stream.clicks.delivered import text
from mysfits_stream.output.layout import cell, hanging, widths
from mysfits_stream.output.line import Line
from mysfits_stream.output.text import cell_len, many, printable

if TYPE_CHECKING:
    from mysfits_stream.click_definition import Definition
    from mysfits_stream.clicks.delivered import Click, Summary
    from mysfits_stream.clicks.replaying import Replay
    from mysfits_stream.clicks.sending import TestClick
    from mysfits_stream.operations.clicks import Delivered
    from mysfits_stream.operations.failed import Failed
    from mysfits_stream.operations.replay import Replayed
    from mysfits_stream.operations.send_test_click import TestClicks

GAP = "  "
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SHORT_TIME = "11-23 12:24:05"
TITLES = {
    "userId": "user",
    "mysfitId": "mysfit",
    "goodevil": "good/evil",
    "lawchaos": "law/chaos",
    "clickedAt": "clicked at",
}
"""Titles of members of a click; any other member has its own name."""

BAR_WIDTH = 40
LONGEST_LIST = 15
STATUS_STYLES = {"delivered": "green", "accepted": "green"}
SHOWN = 20
"""Rows of the table unless another number is asked for."""

ROW_WIDTHS = {"clickedAt": 24, "mysfitId": 36, "goodevil": 9, "lawchaos": 9, "species": 14}
"""Widths of the columns of a click that is shown before the other clicks are known."""

ROW_WIDTH = 20
"""The same for any other column."""

FIXED = ("clickedAt", "goodevil", "lawchaos")
"""Columns that are never cut."""

MOST_TEST_CLICKS = 10
"""Above this number of test clicks, the outcomes are counted; reasons are shown up to the same number."""


def test_clicks(sent: TestClicks, width: int | None) -> Iterator[Line]:
    """The outcome of each test click; for many test clicks, counts by outcome and by reason."""
    if len(sent.clicks) <= MOST_TEST_CLICKS:
        for click in sent.clicks:
            yield from test_click(click, width)
        return
    for status, count in Counter(click.status for click in sent.clicks).items():
        style = STATUS_STYLES.get(status, "bold red")
        seconds = [click.seconds for click in sent.clicks if click.status == status]
        times = f"  the median after {median(seconds):.2f} s, the last after {max(seconds):.2f} s"
        yield Line((f"{many(count, 'click')} {status}", style), times)
    reasons = Counter(f"{click.status}: {click.reason}" for click in sent.clicks if click.reason)
    for reason, count in reasons.most_common(MOST_TEST_CLICKS):
        yield hanging(Line(f"  {count} x "), reason, width)
    if len(reasons) > MOST_TEST_CLICKS:
        yield Line((f"  and {many(len(reasons) - MOST_TEST_CLICKS, 'other reason')}", "dim"))


def sent_problems(sent: TestClicks) -> str:
    """How many clicks did not arrive, by outcome."""
    parts = ", ".join(f"{count} {status}" for status, count in sent.problems.items())
    return f"{parts}, of {many(len(sent.clicks), 'click')} sent"


def test_click(click: TestClick, width: int | None) -> Iterator[Line]:
    """The outcome of a test click, hop by hop."""
    head = Line((click.status, STATUS_STYLES.get(click.status, "bold red")), "  ")
    yield hanging(head, described(click), width)
    steps = {
        "accepted by the API": click.accepted is not None and f"after {click.accepted:.2f} s",
        "arrived at the stream": click.arrived and f"at {click.arrived}",
        "object in S3": click.object,
        "total": f"{click.seconds:.2f} s",
        "reason": click.reason,
    }
    for name, value in steps.items():
        if value:
            yield hanging(Line(f"  {name:<22} "), value, width)
    if click.record:
        yield hanging(Line(), json.dumps(click.record), width).styled("bold")


def described(click: TestClick) -> str:
    """The values of a test click's fields: "test-1a2b on 7d1c…" for a click of the workshop."""
    return " on ".join(printable(text(value)) for value in click.fields.values())


def columns(definition: Definition) -> list[str]:
    """The columns of a table of clicks: time, user, clicked item, attributes, further fields.

    The name of the item, if an attribute, stands in the column of the key.
    """
    first = ["clickedAt", *(name for name in (definition.user, definition.key) if name)]
    attributes = [name for name in definition.attributes if name != "name" or definition.key is None]
    return [*first, *attributes, *(name for name in definition.names if name not in first)]


def _cells(click: Click, names: Sequence[str], definition: Definition) -> list[str]:
    """The values of a click for the columns."""
    named = {definition.key: click["name"]} if isinstance(click.get("name"), str) else {}
    return [printable(text(named.get(name, click.get(name)))) for name in names]


def row(click: Click, definition: Definition, width: int | None) -> Line:
    """An enriched click in a line."""
    names = columns(definition)
    natural = [ROW_WIDTHS.get(name, ROW_WIDTH) for name in names]
    cells = _cells(click, names, definition)
    if width is None:
        padded = (
            value + " " * (least - cell_len(value)) for value, least in zip(cells, natural, strict=True)
        )
        return Line("  ".join(padded).rstrip())
    return _lines([cells], names, width, natural)[0]


def clicks(found: Delivered, last: int | None, width: int | None) -> Iterator[Line]:
    """The table of the last clicks, and bars of all clicks but test clicks."""
    total, counted = found.summarized()
    rows = delivered.latest(counted, last or SHOWN)
    if not rows:
        yield Line(f"No clicks were delivered from {found.range}.")
        return
    yield from table(rows, total.clicks + total.tests, found.definition, width)
    if total.clicks:
        yield from summary(total, width)
    if total.tests:
        yield Line((f"The sums leave out {many(total.tests, 'test click')}.", "dim"))


def table(clicks: Collection[Click], total: int, definition: Definition, width: int | None) -> Iterator[Line]:
    """The last clicks, and the number of all clicks."""
    names = columns(definition)
    if any(click.get("test") is True for click in clicks):
        names.append("test")
    titles = [TITLES.get(name, name).upper() for name in names]
    rows = [titles, *(_cells(click, names, definition) for click in clicks)]
    natural = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    heading, *lines = _lines(rows, names, width, natural)
    yield heading.styled("bold")
    yield from lines
    shown = many(total, "click")
    yield Line((f"the last {len(clicks)} of {shown}" if len(clicks) < total else shown, "dim"))


def summary(summary: Summary, width: int | None) -> Iterator[Line]:
    """Bars by the clicked item and by each attribute; the longest bar fits the width."""
    for key, counter in summary.by.items():
        most = counter.most_common(LONGEST_LIST)
        labels = summary.names if key == summary.key else {}
        yield Line((f"\nby {TITLES.get(key, key)}", "bold"))
        rows = [
            (f"  {printable(labels.get(name, name))}", f"{count}", f"{count / summary.clicks:.0%}")
            for name, count in most
        ]
        columns = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        if width is not None:
            columns[0] = min(columns[0], width // 2)
            longest = max(1, min(BAR_WIDTH, width - sum(columns) - 3 * len(GAP)))
        else:
            longest = BAR_WIDTH
        for row, (_, count) in zip(rows, most, strict=True):
            bar = "█" * max(1, round(longest * count / most[0][1]))
            yield Line(GAP.join([*map(cell, row, columns), bar]))
        if len(counter) > len(most):
            yield Line((f"  and {len(counter) - len(most)} more", "dim"))


def _lines(
    rows: Sequence[list[str]], names: Sequence[str], width: int | None, natural: Sequence[int]
) -> list[Line]:
    """Rows of clicks as aligned lines.

    The time loses year and milliseconds where the width is too small.
    """
    gap = GAP
    columns = widths(natural, len(gap), width)
    if columns != list(natural):
        rows = [[_short_time(first), *rest] for first, *rest in rows]
        gap = " "
        fixed = [index for index, name in enumerate(names) if name in FIXED]
        columns = widths([len(SHORT_TIME), *natural[1:]], len(gap), width, fixed)
    return [Line(gap.join(map(cell, row, columns)).rstrip()) for row in rows]


def _short_time(text: str) -> str:
    """``11-23 12:24:05`` of ``2026-11-23T12:24:05.719Z``; text in a different format unchanged."""
    return text[5:19].replace("T", " ") if TIME.fullmatch(text) else text


def failed(found: Failed, width: int | None) -> Iterator[str | Line]:
    """Failed clicks by error code and reason, with a few examples per reason."""
    for group in found.groups:
        times = f"{group.first:%Y-%m-%d %H:%M:%S} to {group.last:%Y-%m-%d %H:%M:%S} UTC"
        yield Line((f"{group.count} x {printable(group.code)}", "bold red"), f"  {times}")
        yield hanging(Line("  "), group.message, width)
        for sample in group.samples:
            yield hanging(Line("    "), sample, width).styled("dim")
    if found.groups:
        yield "To put failed clicks back on the stream: mysfits-stream replay"
    else:
        yield "There are no failed clicks."


def replayed(replayed: Replayed) -> Iterator[str]:
    """The counts of a replay, done or planned."""
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
            "interrupted, some clicks are delivered twice, with the same clickId."
        )


def replaying(counts: Replay) -> str:
    """The progress of a replay."""
    return f"{many(counts.records, 'failed record')} in {many(counts.objects, 'object')}"
