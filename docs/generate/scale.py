"""Writes ``docs/scale.md``: ``python -m docs.generate.scale > docs/scale.md``.

``scaling.py`` beside this file computes every figure; ``tests/docs/test_scale.py`` compares the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docs.generate import scaling
from docs.generate.cost import dollars, filled, table
from docs.generate.scaling import (
    LARGE,
    NEW_ACCOUNT,
    NEWER,
    OTHER,
    STAGE,
    Bucket,
    Ceiling,
    Region,
    Traffic,
    ceilings,
)
from mysfits_stream import cost
from mysfits_stream.config import ApiConfig

MEASURED = Path(__file__).with_name("volume.json")
FARTHEST = 100_000_000  # clicks, to which the measured costs are continued

RATES = (1, 100, 10_000, 100_000)
BATCHES = (1, 10, 40)
REGIONS = (LARGE, OTHER, NEWER)
MOST_RATE_LIMIT = 10_000  # what api.rate_limit accepts

# Each row: what it shows, requests, and the bucket that they meet.
BURSTS: tuple[tuple[str, Traffic, Bucket], ...] = (
    (
        "10 clicks/s, one a request, spikes ×5; the stage's default",
        Traffic(10, 5, 10),
        Bucket(ApiConfig().rate_limit, ApiConfig().burst_limit),
    ),
    (
        "20 clicks/s, one a request, spikes ×5; the stage's default",
        Traffic(20, 5, 10),
        Bucket(ApiConfig().rate_limit, ApiConfig().burst_limit),
    ),
    (
        "10,000 clicks/s, one a request, steady; API Gateway, account",
        Traffic(10_250),
        Bucket(LARGE.api_rate, LARGE.api_burst),
    ),
    (
        "10,000 clicks/s, ten a request, spikes ×3; API Gateway, account, newer region",
        Traffic(1_250, 3, 10),
        Bucket(NEWER.api_rate, NEWER.api_burst),
    ),
    (
        "10,000 clicks/s, one a request, steady; Firehose",
        Traffic(10_000),
        Bucket(LARGE.stream_requests, LARGE.stream_requests),
    ),
    (
        "10,000 clicks/s, ten a request, spikes ×3; Firehose",
        Traffic(1_000, 3, 10),
        Bucket(LARGE.stream_requests, LARGE.stream_requests),
    ),
    (
        "10,000 clicks/s, forty a request, spikes ×3; Firehose",
        Traffic(250, 3, 10),
        Bucket(LARGE.stream_requests, LARGE.stream_requests),
    ),
    (
        "100,000 clicks/s, forty a request, steady; Firehose",
        Traffic(2_500),
        Bucket(LARGE.stream_requests, LARGE.stream_requests),
    ),
)


def document() -> str:
    """The whole of ``docs/scale.md``."""
    return filled("\n".join(_lines()))


def _lines() -> Iterable[str]:
    ours = scaling.OURS
    most = BATCHES[-1]
    payload = scaling.LAMBDA_PAYLOAD_BYTES / 1e6
    yield f"""\
# How far it scales

Written by `python -m docs.generate.scale`; a test holds this page against the script. It is
arithmetic on published quotas (F60 to F68 of [aws.md](aws.md)) and on the assumptions of
[cost.md](cost.md), confirmed by a simulation. It is not a load test on AWS.

In short, in {LARGE.name}:

- Up to {ours.api.rate_limit / scaling.HEADROOM:,.0f} requests a second nothing needs doing: the stage's own
  throttle, there to bound the bill, lets {ours.api.rate_limit:,.0f} through. Beyond, raise `api.rate_limit`.
- AWS's first ceiling is Firehose's {LARGE.stream_requests:,.0f} requests a second to a stream (elsewhere
  {OTHER.stream_requests:,.0f}). A batch is one request: lone clicks end at {_at(1, "Firehose requests")} a
  second, ten a request at {_at(10, "Firehose requests")}.
- From {scaling.data_comes_first(LARGE)} clicks a request on (elsewhere {scaling.data_comes_first(OTHER)}),
  Firehose's {LARGE.stream_mib:.0f} MiB a second (elsewhere {OTHER.stream_mib:.0f}) come first: with {most} a
  request, {_at(most, "Firehose data")} clicks a second (elsewhere {_at(most, "Firehose data", OTHER)}).
- Then Lambda, in a new account: {NEW_ACCOUNT.lambda_concurrency:,.0f} executions at once end at
  {_at(most, "Lambda concurrency", NEW_ACCOUNT)} clicks a second. More memory lifts that.

## What to configure or request before

With this, {scaling.HEADROOM - 1:.0%} is left above the sustained rate. An empty cell needs nothing;
{RATES[0]} click a second needs nothing anywhere, however many a request.
"""
    yield _todo()
    default, memory = ours.processor.memory_mb, scaling.enough_memory(RATES[-1], 1)
    busy, eased = (_concurrency(mb) for mb in (default, memory))
    bills = [cost.monthly(scaling.with_memory(mb), RATES[-1] * cost.MONTH).total for mb in (default, memory)]
    yield f"""\
- `api.rate_limit` ends at {MOST_RATE_LIMIT:,}. "Not enough" leaves less than {scaling.HEADROOM - 1:.0%} above
  the rate, if it reaches the rate at all: put more clicks into a request, or let the page choose one of
  several stacks per visitor. Each has a stage and a stream of its own; API Gateway's and Lambda's quotas are
  the account's. Raise `api.burst_limit` to half of a raised `api.rate_limit`, AWS's own proportion.
- Firehose's Direct PUT quotas are raised by its limits form, the three of a stream together and in
  proportion; the one named first grows most. API Gateway's throttle and Lambda's concurrency are raised in
  Service Quotas.
- At {RATES[-1]:,} clicks a second {busy.needed:.1f} executions run at once on average, more than the
  {busy.allowed:,.0f} that a new account often begins with (F65). `processor.memory_mb: {memory}` makes that
  {eased.needed:.1f}, at the same bill ({dollars(bills[0])} a month, then {dollars(bills[1])}); or ask for a
  concurrency of {busy.wanted:,g}. Where it is {LARGE.lambda_concurrency:,.0f}, only the limit per shard
  (below) speaks for more memory.
- Clients should repeat 429 and 503 with backoff and jitter, as `clicks.js` does: what a spike brings too
  much is then late, not lost.

## The first ceiling, and the bill

Sustained rates, as a share of what is allowed by default; the larger share is reached first. The bill is a
whole month at that rate, at us-east-1's prices; raised quotas cost nothing themselves.
"""
    yield _first()
    yield """\
## What each quota allows, each second
"""
    yield table(
        ["quota", *(region.name for region in REGIONS), "facts"],
        [
            ["API Gateway, all APIs of the account", *(f"{r.api_rate:,.0f}" for r in REGIONS), "F62"],
            ["API Gateway, burst", *(f"{r.api_burst:,.0f}" for r in REGIONS), "F62"],
            ["Firehose Direct PUT, requests", *(f"{r.stream_requests:,.0f}" for r in REGIONS), "F63"],
            ["Firehose Direct PUT, records", *(f"{r.stream_records:,.0f}" for r in REGIONS), "F63"],
            ["Firehose Direct PUT, MiB", *(f"{r.stream_mib:,.0f}" for r in REGIONS), "F63"],
            ["Firehose, invocations at once", *(f"{r.stream_invocations:,.0f}" for r in REGIONS), "F68"],
            ["Lambda, executions at once", *(f"{r.lambda_concurrency:,.0f}" for r in REGIONS), "F65"],
            ["Lambda, MB each way an invocation", *(f"{payload:.0f}" for _ in REGIONS), "F65"],
            ["S3, PUT for a prefix", *(f"{r.bucket_puts:,.0f}" for r in REGIONS), "S3 guide"],
        ],
    )
    yield """\
In clicks a second, by clicks a request:
"""
    yield _reached()
    yield f"""\
- Firehose has at most {scaling.INVOCATIONS_PER_SHARD} invocations of the processor under way per shard (F68),
  and AWS does not say how many shards a Direct PUT stream has. One per MiB/s is assumed, as in Kinesis; they
  grow with the quota. Were it one whatever the quota, {_at(most, "Firehose invocations", OTHER)} clicks a
  second would be the ceiling, and `processor.memory_mb: {memory}` would make it {memory / default:.0f} times
  that.
- Lambda's payload bounds the clicks of one invocation. In its rows every execution carries all that fit. The
  default buffer of {ours.processor.buffer_mb:g} MB carries less, so concurrency comes first.

## The processor

Lambda carries {payload:.0f} MB each way (F65), and base64 and Firehose's envelope swell a buffer. What a
full buffer of 1 MB becomes, and the largest `processor.buffer_mb` that still fits:
"""
    yield table(
        ["clicks a request", "request, bytes", "response, bytes", "largest `processor.buffer_mb`"],
        [
            [
                str(n),
                *(f"{size:,}" for size in scaling.payloads(n, 1)),
                str(scaling.largest_buffer(n)),
            ]
            for n in BATCHES
        ],
    )
    full = scaling.MIB / cost.CLICK_BYTES
    seconds, lookup_ms = scaling.invocation_seconds(full) + cost.LOOKUP_SECONDS, cost.LOOKUP_SECONDS * 1e3
    yield f"""\
With a larger buffer, the records whose lines no longer fit the response go under the error prefix, to be
replayed.

A full 1 MB buffer of lone clicks is {full:,.0f} clicks, about {seconds:.1f} s at {ours.processor.memory_mb}
MB with an empty cache, against a timeout of {ours.processor.timeout_seconds} s and Firehose's own limit of
300 s (F68).

The workshop's processor asks the Mysfits service once a click, {lookup_ms:.0f} ms each by assumption,
within a timeout of 30 s. A 60 s batch takes it that long at **{scaling.workshop_ceiling():.0f} clicks a
second**. From there on every batch times out, is tried four times and ends under the error prefix (F82).

## Bursts, by arithmetic and by simulation

AWS throttles with token buckets: a rate, and a burst that a pause saves up. A spike here lasts ten seconds
of each minute. Requests come at random (Poisson, seed 1, ten minutes); what the bucket does not hold is
refused. AWS does not say how deep Firehose's bucket is; one second's worth is assumed.
"""
    yield table(
        ["traffic; bucket", "requests/s", "bucket", "refused, arithmetic", "refused, simulation"],
        [
            [
                what,
                f"{traffic.rate:,.0f}",
                f"{bucket.rate:,.0f}/s, {bucket.burst:,.0f}",
                f"{scaling.throttled_by_arithmetic(bucket, traffic):.0%}",
                f"{scaling.throttled_by_simulation(bucket, traffic):.0%}",
            ]
            for what, traffic, bucket in BURSTS
        ],
    )
    busiest, batch = RATES[-1], BATCHES[-1]
    yield f"""\
## {busiest:,} clicks a second: several streams, or another service

With quotas as they are, several stacks share the clicks; with raised quotas, one stack carries them. A Data
Stream of Kinesis is the third way. A month at {busiest:,} clicks a second, in us-east-1:
"""
    yield _beyond(busiest)
    firehose = scaling.stacks(busiest, batch, LARGE)
    yield f"""\
- **The API is the bill.** More clicks a request make every column smaller; nothing else saves as much.
- **Several stacks** ([several-stacks.md](several-stacks.md)) need no answer of AWS's: with {batch} clicks a
  request, {firehose} stacks in {LARGE.name}. The page chooses one for each visitor. The quotas of API Gateway
  and Lambda stay the account's, and each question is asked once a stack.
- **Kinesis Data Streams** begin where other programs read clicks within a second, or read them again for up
  to a year, or where one stream has to grow without a request to AWS: on demand, to 10 GB/s (F350). API
  Gateway writes to such a stream as it writes to Firehose (F354). A new on-demand stream takes 4 MB/s: warm
  it before the first spike. Advantage is billed for {scaling.LEAST_ADVANTAGE_MIB:.0f} MB/s at least (F352).
- **Without Firehose and without a processor:** an on-demand Data Stream delivers to S3 by itself (F351), 5 to
  15 minutes later, compressed. The records are then the API's envelopes as they are: without the attributes
  of the mysfit, which a query has to join, and without a line for each click. No source that we found has
  the price of this delivery; the table is without it.
- **MSK** begins where the readers already speak Kafka. API Gateway cannot write to a topic, so a function or
  a proxy is one more hop; a Serverless cluster costs ${0.75 * cost.MONTH / cost.HOUR:,.0f} a month before the
  first click (F353).

`mysfits-stream` creates stacks with Firehose, and reads clicks as its processor writes them. The other ways
are for those who outgrow it.
"""
    yield from _volumes()


def _beyond(rate: int) -> str:
    rows = []
    for n in BATCHES:
        lines = cost.monthly(scaling.OURS, rate * cost.MONTH, n).lines
        api, firehose = (
            sum(line.dollars for line in lines if line.item.startswith(items))
            for items in (("API Gateway",), ("Firehose", "Lambda"))
        )
        stream = scaling.data_stream(rate, n)
        rows.append(
            [
                str(n),
                dollars(api),
                dollars(firehose),
                *(str(scaling.stacks(rate, n, region)) for region in (LARGE, OTHER)),
                str(stream.shards),
                *(dollars(each) for each in (stream.standard, stream.advantage, stream.provisioned)),
            ]
        )
    head = [
        "clicks a request",
        "API Gateway",
        "Firehose and processor",
        f"stacks, {LARGE.name}",
        "stacks, all others",
        "shards",
        "Data Stream, Standard",
        "Advantage",
        "provisioned",
    ]
    return table(head, rows)


def _volumes() -> Iterable[str]:
    """What commands take over many clicks, as ``volume.py`` measured, and a step further."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    *_, before, last = rows = found["rows"]
    names = list(last["commands"])
    yield f"""\
## Many clicks on a laptop

`python -m docs.generate.volume` measures whole commands on the local cloud, with gzip objects of 2,000 clicks
each: CPU seconds and peak memory of each command. Measured on {found["machine"]}.
"""
    measured = [
        [
            f"{row['clicks']:,}",
            f"{row['objects']:,}",
            *(f"{row['commands'][name]['cpu']:,.1f} s, {row['commands'][name]['mb']} MB" for name in names),
        ]
        for row in rows
    ]
    continued = [f"{FARTHEST:,}, continued", "", *(_continued(before, last, name) for name in names)]
    yield table(["clicks", "objects", *names], [*measured, continued])
    million_mb = (last["cloud_mb"] - before["cloud_mb"]) / (last["clicks"] - before["clicks"]) * 1e6
    send_us = last["send_cpu"] / last["sent"] * 1e6
    yield f"""\
- The last row is no measurement: it continues the line through the two rows above. Each command reads objects
  one by one, so its work grows with the clicks, and its memory does not. `query` keeps what it has read: the
  second question reads new objects only.
- A click on the whole local path takes the local cloud {send_us:,.0f} µs of CPU, with {BATCHES[-1]} clicks a
  request ({last["sent"]:,} clicks sent).
- The local cloud has its objects in memory: {million_mb:,.0f} MB for a million clicks, compressed. The
  {FARTHEST:,} would take {million_mb * FARTHEST / 1e9:,.0f} GB; such a bucket belongs on AWS.
- On AWS the same commands fetch the objects over the network, 16 at a time. With `query --on athena` the
  clicks stay where they are ([query.md](query.md)).""".rstrip("\n")


def _continued(before: dict[str, Any], last: dict[str, Any], name: str) -> str:
    low, high = before["commands"][name]["cpu"], last["commands"][name]["cpu"]
    slope = (high - low) / (last["clicks"] - before["clicks"])
    seconds = high + slope * (FARTHEST - last["clicks"])
    return f"{seconds:,.0f} s" if seconds < 600 else f"{seconds / 60:,.0f} min"


def _at(clicks_per_request: int, quota: str, region: Region = LARGE) -> str:
    return f"{scaling.reached_at(clicks_per_request, quota, region):,.0f}"


def _concurrency(memory_mb: int) -> Ceiling:
    """What a new account's concurrency is asked for at the highest rate, with that memory."""
    found = ceilings(RATES[-1], 1, NEW_ACCOUNT, scaling.with_memory(memory_mb))
    return next(each for each in found if each.quota == "Lambda concurrency")


def _reached() -> str:
    usual = f"{LARGE.lambda_concurrency:,.0f} at once"
    new = f"{NEW_ACCOUNT.lambda_concurrency:,.0f} at once, a new account"
    rows = [
        [quota, where, *(_at(n, quota, region) for n in BATCHES)]
        for quota, where, region in (
            (STAGE, "any, by default", LARGE),
            ("API Gateway", "all but newer regions", LARGE),
            ("API Gateway", NEWER.name, NEWER),
            ("Firehose requests", LARGE.name, LARGE),
            ("Firehose requests", "all others", OTHER),
            ("Firehose records", LARGE.name, LARGE),
            ("Firehose records", "all others", OTHER),
            ("Firehose data", LARGE.name, LARGE),
            ("Firehose data", "all others", OTHER),
            ("Firehose invocations", LARGE.name, LARGE),
            ("Firehose invocations", "all others", OTHER),
            ("Lambda concurrency", usual, LARGE),
            ("Lambda concurrency", new, NEW_ACCOUNT),
        )
    ]
    rows += [
        ["Lambda payload", where, *(f"{scaling.payload_ceiling(n, at_once):,.0f}" for n in BATCHES)]
        for where, at_once in ((usual, LARGE.lambda_concurrency), (new, NEW_ACCOUNT.lambda_concurrency))
    ]
    head = ["quota", "region or account", *(f"{n} a request" for n in BATCHES)]
    return table(head, rows).replace("---:", "---", 1)


def _first() -> str:
    rows = []
    for rate in RATES:
        for n in BATCHES:
            [stage] = [each for each in ceilings(rate, n, LARGE) if each.quota == STAGE]
            month = cost.monthly(scaling.OURS, rate * cost.MONTH, n)
            firsts = [
                next(each for each in ceilings(rate, n, region) if each.quota != STAGE)
                for region in (LARGE, OTHER)
            ]
            rows.append(
                [
                    f"{rate:,}",
                    str(n),
                    _share(stage),
                    *(f"{first.quota}: {_share(first)}" for first in firsts),
                    dollars(month.total),
                    dollars(month.per_million),
                ]
            )
    head = [
        "clicks/s",
        "a request",
        "`api.rate_limit`",
        f"AWS's first, {LARGE.name}",
        "AWS's first, all others",
        "a month",
        "per million",
    ]
    return table(head, rows)


def _todo() -> str:
    rows = []
    for rate in RATES[1:]:
        for n in BATCHES:
            here, elsewhere, newer = (ceilings(rate, n, region) for region in REGIONS)
            memory = scaling.enough_memory(rate, n)
            rows.append(
                [
                    f"{rate:,}",
                    str(n),
                    _rate_limit(here),
                    _asked(here, "Firehose "),
                    _asked(elsewhere, "Firehose "),
                    _asked(here, "API Gateway"),
                    _asked(newer, "API Gateway"),
                    str(memory) if memory > scaling.OURS.processor.memory_mb else "",
                ]
            )
    head = [
        "clicks/s",
        "a request",
        "`api.rate_limit`",
        f"ask for Direct PUT, {LARGE.name}",
        "ask for Direct PUT, all others",
        "ask for API throttle",
        "the same, newer regions",
        "`processor.memory_mb`",
    ]
    return table(head, rows)


def _rate_limit(found: list[Ceiling]) -> str:
    [stage] = [each for each in found if each.quota == STAGE]
    if not stage.tight:
        return ""
    limit = min(stage.wanted, MOST_RATE_LIMIT)
    return f"{limit:.0f}" + (", not enough" if limit < stage.wanted else "")


def _asked(found: list[Ceiling], quota: str) -> str:
    """What to ask AWS for; not a stream's invocations (F68), which memory spares."""
    return ", ".join(
        f"{each.wanted:,g} {each.unit}"
        for each in found
        if each.quota.startswith(quota) and each.tight and each.quota != "Firehose invocations"
    )


def _share(ceiling: Ceiling) -> str:
    if ceiling.used >= 2:
        return f"{round(ceiling.used, 1):,g} times"
    return f"{ceiling.used:.0%}" if ceiling.used >= 0.01 else "under 1%"


if __name__ == "__main__":
    print(document())
