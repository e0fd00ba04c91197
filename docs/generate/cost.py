"""Writes ``docs/cost.md``: ``python -m docs.generate.cost > docs/cost.md``.

Every figure comes from ``mysfits_stream/cost.py``; ``tests/test_cost.py`` compares the page with this script.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from docs.generate.scaling import workshop_ceiling
from mysfits_stream import cost, cost_ceiling, prices
from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from mysfits_stream.cost import WORKSHOP, Breakdown, Design, bill, design

VOLUMES = {"1M": 1e6, "100M": 1e8, "10,000M": 1e10}
BATCHES = (1, 10, 40)
MIDDLE = 1e8

# Each step on the way from the workshop's design to ours with forty clicks a request.
STEPS: Sequence[tuple[str, dict[str, float | str]]] = (
    ("browsers may keep the preflight for an hour", {"preflight_seconds": 3600}),
    ("the processor keeps mysfits for 300 s", {"mysfit_cache_seconds": 300}),
    ("ten clicks a request", {"clicks_per_request": 10}),
    ("forty clicks a request", {"clicks_per_request": 40}),
    ("no log line per click", {"log_bytes_per_click": 0}),
    ("an envelope for each request, an id for each click", {"identity": True}),
    ("arm64, 256 MB", {"architecture": "arm64", "memory_mb": 256}),
    ("both buffers 300 s", {"processor_buffer_seconds": 300, "delivery_buffer_seconds": 300}),
)


def document() -> str:
    """The whole of ``docs/cost.md``."""
    return filled("\n".join(_lines()))


def filled(text: str) -> str:
    """``text`` with paragraphs and list items filled to 110 columns."""
    blocks = []
    for block in text.split("\n\n"):
        if block.startswith(("|", "#")):
            blocks.append(block)
            continue
        items = re.split(r"\n(?=- )", block.strip("\n"))
        blocks.append(
            "\n".join(
                textwrap.fill(
                    " ".join(item.split()),
                    110,
                    subsequent_indent=_hang(item),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
                for item in items
            )
        )
    return "\n\n".join(blocks)


def _hang(item: str) -> str:
    return "  " if item.startswith("- ") else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    ruler = ["---", *("---:" for _ in head[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ruler, *rows)) + "\n"


def dollars(amount: float) -> str:
    """An amount with three significant digits, and whole dollars from a hundred on."""
    if amount < 0:
        return "-" + dollars(-amount)
    if amount >= 100:
        return f"${amount:,.0f}"
    if amount < 0.00005:
        return "$0"
    return f"${amount:.{max(0, 2 - math.floor(math.log10(amount)))}f}"


def buffered(design: Design, seconds: float) -> Design:
    """``design`` with both of its buffers at ``seconds``."""
    return replace(design, processor_buffer_seconds=seconds, delivery_buffer_seconds=seconds)


def _lines() -> Iterable[str]:
    ours = {clicks: design(Config(), clicks) for clicks in BATCHES}
    full, one, untold = cost.RECORD_STEP_BYTES, cost.CLICK_BYTES, cost.UNTOLD_PREFLIGHT_SECONDS
    invocation_ms, click_us = cost.INVOCATION_CPU_SECONDS * 1e3, cost.CLICK_CPU_SECONDS * 1e6
    lookup_ms, log_bytes = cost.LOOKUP_SECONDS * 1e3, cost.LOG_BYTES_PER_INVOCATION
    visit = cost.VISIT_SECONDS / 60
    fitting = max(n for n in range(1, 1000) if cost.record_bytes(n, identity=True) <= full)
    yield f"""\
# What a click costs

Written by `python -m docs.generate.cost`; a test holds this page against the script. The figures are
computed from {prices.REGION} list prices, without free tiers, discounts or tax, for clicks that arrive
evenly; none was read off a bill. `mysfits-stream plan --clicks 1M/month` prints the sum for a configured
stack.

## What a day can cost at most
"""
    yield from _ceiling()
    yield """\
## Dollars per million clicks
"""
    rows = [("the workshop, 1 click a request, 60 s", WORKSHOP)] + [
        (f"ours, {n} click{'s' * (n > 1)} a request, {seconds} s", buffered(ours[n], seconds))
        for seconds in (60, 300)
        for n in BATCHES
    ]
    yield table(
        ["design, buffers", *(f"{name} a month" for name in VOLUMES)],
        [
            [name, *(dollars(bill(each, clicks).per_million) for clicks in VOLUMES.values())]
            for name, each in rows
        ],
    )
    keeps_up = workshop_ceiling() * cost.MONTH / 1e6
    yield f"""\
Larger months are cheaper per click because prices have tiers, and because a flush every 60 s costs the same
whether it carries one click or a thousand. The workshop's row beyond {keeps_up:.0f}M a month is what it
would cost if it kept up, which it does not (see [scale.md](scale.md)).

## Where the money goes, at 100M clicks a month
"""
    yield _bills(
        {"workshop": bill(WORKSHOP, MIDDLE)}
        | {f"ours, {n} a request": bill(ours[n], MIDDLE) for n in BATCHES}
    )
    yield """\
## Which lever saves what

From the workshop to ours, one step after the other, in dollars per million clicks:
"""
    yield _steps()
    yield f"""\
Three levers are nearly all of it:

- **Batch in the browser.** API Gateway bills each REST request however small it is (units of 512 KB are how
  HTTP APIs are metered), and Firehose rounds each record up to {full:,} bytes, while a click has {one}. So
  a lone click is billed as {full / one:.0f}. A batch travels as one record.
- **Let browsers keep the preflight.** Without `Access-Control-Max-Age` a browser forgets the answer after
  {untold:.0f} s, and every click costs two requests. Safari keeps it for ten minutes at most, Chrome for
  two hours.
- **Ask the Mysfits service once.** The workshop asks for every click, through an API that bills the
  question.

Longer buffers save little and delay clicks by minutes: they pay only where clicks are few.

How many clicks fill Firehose's {full:,} bytes, for ids of 36 characters ({fitting} fit):
"""
    yield table(
        ["clicks a request", "record, bytes", "billed, bytes", "billed per click", "ingestion per million"],
        [
            [
                str(n),
                f"{cost.record_bytes(n, identity=True):,}",
                f"{cost.billed_bytes(n, identity=True):,}",
                f"{cost.billed_bytes(n, identity=True) / n:,.0f}",
                dollars(1e6 / n * cost.billed_bytes(n, identity=True) / cost.GB * 0.029),
            ]
            for n in (1, 2, 5, 10, 20, fitting, fitting + 1, 40, 100)
        ],
    )
    yield from _identity(ours)
    yield """\
What does not work: an HTTP API costs $1.00 a million, but has neither Firehose as an integration nor
mapping templates nor request validation, so it would need a Lambda function per request.

## Prices
"""
    yield table(
        ["price", "tiers", "as of", "source"],
        [[price.item, _tiers(price), price.as_of, price.source] for price in prices.PRICES],
    ).replace("---:", "---")
    yield f"""\
GB are counted as 1,024³ bytes. Check them before you budget: `aws pricing get-products`, or the pages
named.

## Assumptions

- A click is {one} bytes (two UUIDs), an enriched click {cost.ENRICHED_BYTES} with its newline; ours have
  their identity besides.
- A visit is {cost.CLICKS_PER_VISIT} clicks in {visit:.0f} minutes.
- An answer of the API is {cost.ANSWER_BYTES} bytes, headers included.
- The first record opens a buffer; what arrives within the interval joins it until it is full. All share one
  buffer; each object is one PUT and holds at least one processed batch.
- The processor needs {invocation_ms:.0f} ms an invocation and {click_us:.0f} µs a click of a whole vCPU,
  which Lambda gives at {cost.VCPU_MB:,} MB. A lookup takes {lookup_ms:.0f} ms; ours looks all mysfits up at
  once.
- There are {cost.MYSFITS} mysfits, and each running function keeps them for as long as it may.
- The Mysfits service answers through a REST API, as in the workshop; a lookup is billed as one request.
- Each invocation logs {log_bytes} bytes; the workshop's processor also prints a line per click.
- Not counted: retries, failed clicks, execution logs, metrics, KMS keys of your own, storage after the
  first month, reading the clicks, the website, and the Mysfits service itself."""


def _identity(ours: Mapping[int, Design]) -> Iterable[str]:
    """The section on the price of envelopes and ids."""
    rows = []
    for clicks, with_identity in ours.items():
        without = replace(with_identity, identity=False)
        before, after = bill(without, MIDDLE), bill(with_identity, MIDDLE)
        moved = [
            f"{new.item} {dollars((new.dollars - old.dollars) / MIDDLE * 1e6)}"
            for old, new in zip(before.lines, after.lines, strict=True)
            if new.dollars - old.dollars > 0.00005 * MIDDLE / 1e6
        ]
        rows.append(
            [
                str(clicks),
                f"{without.record_bytes:,} → {with_identity.record_bytes:,}",
                f"{cost_ceiling.billed_bytes(without.record_bytes):,} → "
                f"{cost_ceiling.billed_bytes(with_identity.record_bytes):,}",
                dollars(after.per_million - before.per_million),
                ", ".join(moved),
            ]
        )
    yield f"""\
## What identity costs

The envelope of a request takes {cost.ENVELOPE_BYTES} bytes, the id that `clicks.js` gives a click
{cost.CLICK_ID_BYTES}, and a stored line is {cost.IDENTIFIED_BYTES} bytes longer, the mysfit's name
included. At 100M clicks a month, in dollars per million clicks:
"""
    yield table(["clicks a request", "record, bytes", "billed, bytes", "identity costs", "of which"], rows)
    yield """\
A lone click has room for its identity in the 5,120 bytes that Firehose bills anyway; a full batch reaches
the next step. Clicks without an id of their own (`clickId` is optional) save its bytes, and a browser's
retry is then a second click.
"""


def _ceiling() -> Iterable[str]:
    ours = cost_ceiling.of(Config())
    record = cost_ceiling.largest_record(Config())
    config = Config().api
    yield f"""\
Anyone can call a public endpoint. The throttle of the stage bounds the bill: with `api.rate_limit:
{config.rate_limit:g}` and `api.burst_limit: {config.burst_limit}`, the defaults, a day costs at most
**{dollars(ours.per_day)}** (prices of {ours.prices_of}), storage not included. `plan` and `up` always
print this ceiling for the configured stack, with `--json` as `costCeiling`.
"""
    yield table(["item", "a day at the limit"], [*([item, dollars(amount)] for item, amount in ours.lines)])
    rows = []
    for money in (1, 5, 100, 1000):
        paid = parse({"api": {"max_cost_per_day": money}})
        rows.append([f"`max_cost_per_day: {money}`", f"{cost_ceiling.rate_limit(paid):,g}"])
    yield f"""\
- A stage throttles each method for itself (F250): PUT and OPTIONS each reach the limit, so
  {ours.requests_per_second:g} requests a second are billed, and one burst more.
- Each PUT carries the largest record that the model accepts: {config.max_clicks_per_request} clicks, each
  text at its limit in characters of {cost_ceiling.CHARACTER_BYTES} bytes, {record:,} bytes, which Firehose
  bills as {cost_ceiling.billed_bytes(record):,} (F252).
- Requests that the throttle refuses with 429 are not billed, nor are requests for other paths and methods,
  which no throttle of a method counts (403, F345). Requests that the model refuses with 400 are billed,
  take a token, and are part of the ceiling (F251).
- AWS applies throttles on a best-effort basis (F251): for moments, more requests can pass. A budget alarm of
  AWS Budgets is the second net.
- Not in the ceiling: storage, which accumulates; control characters in texts (JSON writes six bytes for
  each, which adds up to {dollars(_control_characters() - ours.per_day)} a day); the time in which the
  processor waits for lookups of invented keys; answers with status 403 and 429 as data that leaves
  AWS; execution logs.
- Prices are those of us-east-1 in every region, as no public text lists all regions' prices; other regions
  cost up to about twice as much. `max_cost_per_day` counts at the same prices: in a dearer region set less.

`api.max_cost_per_day` sets the rate limit from the money, in place of `api.rate_limit`:
"""
    yield table(["setting", "requests a second, of each method"], rows)


def _control_characters() -> float:
    """The ceiling of the defaults if every character of free text took six bytes."""
    ours, config = cost_ceiling.of(Config()), Config()
    record = cost_ceiling.largest_record(config)
    more = (6 - cost_ceiling.CHARACTER_BYTES) * 128 * config.api.max_clicks_per_request
    share = cost_ceiling.billed_bytes(record + more) / cost_ceiling.billed_bytes(record)
    [ingestion] = [amount for item, amount in ours.lines if item == "Firehose ingestion"]
    return ours.per_day + ingestion * (share - 1)


def _bills(bills: dict[str, Breakdown]) -> str:
    columns = list(bills.values())
    rows = [
        [line.item, *(dollars(each.lines[index].dollars) for each in columns)]
        for index, line in enumerate(columns[0].lines)
    ]
    rows.append(["**a month**", *(f"**{dollars(each.total)}**" for each in columns)])
    rows.append(["**per million**", *(f"**{dollars(each.per_million)}**" for each in columns)])
    return table(["item", *bills], rows)


def _steps() -> str:
    volumes = [VOLUMES["1M"], VOLUMES["100M"]]
    current = WORKSHOP
    before = [bill(current, clicks).per_million for clicks in volumes]
    rows = [["the workshop", *(cell for amount in before for cell in (dollars(amount), ""))]]
    for name, change in STEPS:
        current = replace(current, **change)  # type: ignore[arg-type]  # fields of Design by name
        after = [bill(current, clicks).per_million for clicks in volumes]
        pairs = zip(before, after, strict=True)
        rows.append([name, *(cell for old, new in pairs for cell in (dollars(new), dollars(old - new)))])
        before = after
    return table(["step", "at 1M a month", "saves", "at 100M a month", "saves"], rows)


def _tiers(price: prices.Price) -> str:
    # Small prices read better by the million or the thousand; a GB-second is quoted as it is.
    per, name = (1e6, "a million") if price.unit == "request" else (1, f"a {price.unit}")
    amounts = [f"${amount * per:.10f}".rstrip("0") for _, amount in price.tiers]
    padded = [a + "0" * max(0, 2 - len(a.partition(".")[2])) for a in amounts]
    limits = [f"to {limit:,.0f}" for limit, _ in price.tiers[:-1]]
    steps = [f"{a} {b}" for a, b in zip(padded, [*limits, "beyond"], strict=True)]
    return f"{'; '.join(steps) if limits else padded[0]} ({name})"


if __name__ == "__main__":
    print(document())
