"""A report as one HTML page: no script, no request, light and dark. Makes no call.

Every text of a click is escaped. A Content-Security-Policy in the page forbids scripts and requests, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING

from mysfits_stream.output.text import printable

if TYPE_CHECKING:
    from collections import Counter

    from mysfits_stream.operations.report import Report

MOST_BARS = 15
LONGEST_TEXT = 200
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
STYLE = """
:root { color-scheme: light dark;
  --paper: #faf6ef; --card: #fff; --ink: #2d2342; --soft: #5f5575; --line: #e6dfd3;
  --accent: #6b46c9; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #171225; --card: #221b36; --ink: #f2edfb; --soft: #b5aacb; --line: #382e54;
  --accent: #b79cff; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 0 clamp(1rem, 3vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 2rem 0 0; font-size: 2rem; line-height: 1.1; }
h2 { margin: 0 0 .75rem; font-size: 1.1rem; }
header p, .note { margin: .25rem 0 0; color: var(--soft); }
section, .figures div { padding: 1.25rem;
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
.figures, .grid { display: grid; gap: 1rem; }
.figures { margin: 1.5rem 0; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.6rem; font-weight: 650; overflow-wrap: anywhere; }
.figures dd.bad { color: var(--bad); }
.grid { margin-top: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); }
svg { display: block; width: 100%; height: 12rem; }
svg rect { fill: var(--accent); }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .85rem; }
table { width: 100%; border-collapse: collapse; table-layout: fixed; font-size: .92rem; }
th, td { padding: .25rem .5rem .25rem 0; text-align: left; font-weight: 400; vertical-align: top;
  overflow-wrap: anywhere; }
td.n { width: 5rem; text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 35%; padding-right: 0; vertical-align: middle; }
.bar span { display: block; height: .8rem; min-width: 2px; border-radius: .2rem;
  background: var(--accent); }
"""


def page(report: Report) -> str:
    """The report as an HTML document."""
    title = f"Clicks of {_text(report.stack)}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            # An empty icon: without it, a browser requests one.
            '<link rel="icon" href="data:,">',
            f"<title>{title}</title><style>{STYLE}</style></head><body><main>",
            f"<header><h1>{title}</h1><p>{_text(str(report.range))}</p></header>",
            *_figures(report),
            *_over_time(report),
            '<div class="grid">',
            *(line for name, counter in report.by.items() for line in _split(report, name, counter)),
            *_failed(report),
            "</div>",
            f'<p class="note">Made {report.made:%Y-%m-%d %H:%M:%S} UTC by mysfits-stream.</p>',
            "</main></body></html>",
            "",
        ]
    )


def _figures(report: Report) -> Iterator[str]:
    yield '<dl class="figures">'
    yield _figure("clicks", f"{report.clicks:,}")
    if report.users is not None:
        yield _figure("users", f"{report.users:,}" if report.users_are_complete else f"over {report.users:,}")
        yield _figure("clicks of visitors without a name", f"{report.anonymous:,}")
    yield _figure("failed records", f"{report.failed_records:,}", "bad" if report.failed else "")
    yield _figure("last click", _age(report.age) if report.age is not None else "none")
    yield _figure("left out", f"{report.tests:,} test clicks, {report.duplicates:,} duplicates")
    yield "</dl>"


def _figure(name: str, value: str, kind: str = "") -> str:
    return f"<div><dt>{_text(name)}</dt><dd{f' class={kind}' if kind else ''}>{_text(value)}</dd></div>"


def _age(age: timedelta) -> str:
    seconds = max(0, round(age.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _over_time(report: Report) -> Iterator[str]:
    units = report.over_time()
    most = max((count for _, count in units), default=0)
    yield f"<section><h2>Clicks by {report.unit}</h2>"
    label = (
        f"{report.clicks:,} clicks from {units[0][0]} to {units[-1][0]}, at most {most:,} in a {report.unit}"
    )
    box = f'viewBox="0 0 {len(units)} 100" preserveAspectRatio="none"'
    yield f'<svg role="img" aria-label="{_text(label)}" {box}>'
    for index, (unit, count) in enumerate(units):
        height = 100 * count / most if most else 0
        yield (
            f'<rect x="{index + 0.05:g}" width="0.9" y="{100 - height:.2f}" height="{height:.2f}">'
            f"<title>{_text(unit)}: {count:,}</title></rect>"
        )
    yield f'</svg><div class="axis"><span>{units[0][0]}</span><span>at most {most:,}</span>'
    yield f"<span>{units[-1][0]}</span></div></section>"


def _split(report: Report, name: str, counter: Counter[str]) -> Iterator[str]:
    rows = counter.most_common(MOST_BARS)
    labels = report.names if name == report.key else {}
    title = f"Top {name}" if name == report.key else f"By {name}"
    yield f"<section><h2>{_text(title)}</h2>"
    yield from _table([(labels.get(value, value), count) for value, count in rows])
    if len(counter) > len(rows):
        yield f'<p class="note">and {len(counter) - len(rows):,} more</p>'
    yield "</section>"


def _failed(report: Report) -> Iterator[str]:
    yield "<section><h2>Failed clicks</h2>"
    yield from _table(
        [(f"{group.code}: {group.message}", group.count) for group in report.failed[:MOST_BARS]]
    )
    if report.failed:
        yield '<p class="note">To put them back on the stream: mysfits-stream replay</p>'
    yield "</section>"


def _table(rows: Sequence[tuple[str, int]]) -> Iterable[str]:
    if not rows:
        yield '<p class="note">none</p>'
        return
    most = max(count for _, count in rows)
    yield "<table>"
    for value, count in rows:
        width = f"{100 * count / most:.1f}"
        yield (
            f'<tr><th scope="row">{_text(value)}</th><td class="n">{count:,}</td>'
            f'<td class="bar"><span style="width: {width}%"></span></td></tr>'
        )
    yield "</table>"


def _text(value: str) -> str:
    """A text of bounded length that is text in HTML, also within quotes."""
    shown = value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    return escape(printable(shown), quote=True)
