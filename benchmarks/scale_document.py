"""Writes ``docs/scale.md``: ``python -m benchmarks.scale_document > docs/scale.md``.

Every figure comes from ``benchmarks/scale.py``; ``tests/test_scale.py`` compares the page with this script.
"""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks import scale
from benchmarks.cost_document import dollars, filled, table
from benchmarks.scale import LARGE, NEWER, OTHER, Bucket, Ceiling, Region, Traffic, ceilings
from mysfits_stream import cost
from mysfits_stream.config import ApiConfig, Config

RATES = (1, 100, 10_000, 100_000)
BATCHES = (1, 10, 40)
REGIONS = (LARGE, OTHER, NEWER)
MOST_RATE_LIMIT = 10_000  # what api.rate_limit accepts

# Each row: what it shows, requests, and the bucket that they meet.
BURSTS: tuple[tuple[str, Traffic, Bucket], ...] = (
    (
        "100 clicks/s, one a request, spikes ×5; the stage's default",
        Traffic(100, 5, 10),
        Bucket(ApiConfig().rate_limit, ApiConfig().burst_limit),
    ),
    (
        "500 clicks/s, one a request, spikes ×5; the stage's default",
        Traffic(500, 5, 10),
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
    ours = Config()
    data_limit = LARGE.stream_mib * scale.MIB / cost.CLICK_BYTES
    yield f"""\
# How far it scales

Written by `python -m benchmarks.scale_document`; a test holds this page against the script. It is
arithmetic on published quotas (F60 to F68 of [aws.md](aws.md)) and on the assumptions of
[cost.md](cost.md), confirmed by a simulation. It is not a load test on AWS.

In short, in {LARGE.name}:

- Up to {ours.api.rate_limit:,.0f} requests a second nothing needs doing. That is the stage's own throttle,
  there to bound the bill.
- Then Firehose is first, with {LARGE.stream_requests:,.0f} requests a second to a stream. Batching lifts
  it: a batch is one request.
- With batches, Firehose's {LARGE.stream_mib:.0f} MiB a second is first, at {data_limit:,.0f} clicks a
  second. Beyond that, ask AWS for more.

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
            ["Lambda, executions at once", *(f"{r.lambda_concurrency:,.0f}" for r in REGIONS), "F65"],
            ["S3, PUT for a prefix", *(f"{r.bucket_puts:,.0f}" for r in REGIONS), "S3 guide"],
        ],
    )
    yield """\
New accounts begin with less Lambda concurrency, often 10 (F65). In clicks a second, by clicks a request:
"""
    yield _reached()
    yield """\
## The first ceiling, and the bill

Sustained rates in a region with Firehose's larger quotas. The bill is a whole month at that rate.
"""
    yield _first()
    yield f"""\
## What to configure or request

Each quota that leaves less than {scale.HEADROOM - 1:.0%} above the sustained rate, with that much added. An
empty cell needs nothing.
"""
    yield _todo(LARGE)
    yield f"""\
The same in {OTHER.name} (Firehose's smaller quotas):
"""
    yield _todo(OTHER)
    payload = scale.LAMBDA_PAYLOAD_BYTES / 1e6
    yield f"""\
- `api.burst_limit` follows `api.rate_limit` at half of it, AWS's own proportion. `api.rate_limit` ends at
  {MOST_RATE_LIMIT:,}; beyond that, batch.
- API Gateway's account throttle and Lambda's concurrency are raised in Service Quotas, Firehose's Direct
  PUT quotas by its limits form. AWS raises the stream's three together, in proportion.
- Clients should repeat 429 and 503 with backoff and jitter, as `clicks.js` does: what a spike brings too
  much is then late, not lost.
- If AWS does not raise a stream's quotas, run two stacks and let the page choose one per visitor.

## The processor

Lambda carries {payload:.0f} MB each way (F65), and base64 and Firehose's envelope swell a buffer. What a
full buffer of 1 MB becomes, and the largest `processor.buffer_mb` that still fits:
"""
    yield table(
        ["clicks a request", "request, bytes", "response, bytes", "largest `processor.buffer_mb`"],
        [
            [
                str(n),
                *(f"{size:,}" for size in scale.payloads(n, 1)),
                str(scale.largest_buffer(n)),
            ]
            for n in BATCHES
        ],
    )
    full = scale.MIB / cost.CLICK_BYTES
    cpu = full * cost.CLICK_CPU_SECONDS * cost.VCPU_MB / ours.processor.memory_mb
    seconds, lookup_ms = cpu + cost.LOOKUP_SECONDS, cost.LOOKUP_SECONDS * 1e3
    yield f"""\
With a larger buffer, the records whose lines no longer fit the response go under the error prefix, to be
replayed.

A full 1 MB buffer of lone clicks is {full:,.0f} clicks, about {seconds:.1f} s at {ours.processor.memory_mb}
MB with an empty cache, against a timeout of {ours.processor.timeout_seconds} s and Firehose's own limit of
300 s (F68).

The workshop's processor asks the Mysfits service once a click, {lookup_ms:.0f} ms each by assumption,
within a timeout of 30 s. A 60 s batch takes it that long at **{scale.workshop_ceiling():.0f} clicks a
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
                f"{scale.throttled_by_arithmetic(bucket, traffic):.0%}",
                f"{scale.throttled_by_simulation(bucket, traffic):.0%}",
            ]
            for what, traffic, bucket in BURSTS
        ],
    ).rstrip("\n")


def _reached() -> str:
    def row(quota: str, region: Region) -> list[str]:
        return [quota, region.name, *(f"{scale.reached_at(n, quota, region):,.0f}" for n in BATCHES)]

    rows = [row("the stage's own throttle", LARGE)]
    rows[0][1] = "any, by default"
    rows += [
        row(quota, region)
        for quota, regions in (
            ("API Gateway, account", (LARGE, NEWER)),
            ("Firehose requests", (LARGE, OTHER)),
            ("Firehose records", (LARGE, OTHER)),
            ("Firehose data", (LARGE, OTHER)),
        )
        for region in regions
    ]
    return table(["quota", "region", *(f"{n} a request" for n in BATCHES)], rows).replace("---:", "---", 1)


def _first() -> str:
    rows = []
    for rate in RATES:
        for n in BATCHES:
            first = ceilings(rate, n, LARGE)[0]
            lifted = [each for each in ceilings(rate, n, LARGE) if each.quota != "the stage's own throttle"]
            month = cost.monthly(Config(), rate * cost.MONTH, n)
            rows.append(
                [
                    f"{rate:,}",
                    str(n),
                    f"{first.quota} ({_share(first)})",
                    f"{lifted[0].quota} ({_share(lifted[0])})",
                    dollars(month.total),
                    dollars(month.per_million),
                ]
            )
    head = [
        "clicks/s",
        "a request",
        "first ceiling (used)",
        "first of AWS's (used)",
        "a month",
        "per million",
    ]
    return table(head, rows)


def _todo(region: Region) -> str:
    rows = [
        [f"{rate:,}", *("; ".join(_remedies(ceilings(rate, n, region))) for n in BATCHES)] for rate in RATES
    ]
    return table(["clicks/s", *(f"{n} a request" for n in BATCHES)], rows).replace("---:", "---")


def _remedies(found: list[Ceiling]) -> Iterable[str]:
    for ceiling in found:
        if not ceiling.tight:
            continue
        if ceiling.quota == "the stage's own throttle":
            limit = min(ceiling.wanted, MOST_RATE_LIMIT)
            yield f"`api.rate_limit: {limit:.0f}`" + (" is not enough" if limit < ceiling.needed else "")
        else:
            yield f"{ceiling.remedy}: {ceiling.wanted:,g} {ceiling.unit}"


def _share(ceiling: Ceiling) -> str:
    if ceiling.used >= 2:
        return f"{ceiling.used:,.0f} times"
    return f"{ceiling.used:.0%}" if ceiling.used >= 0.01 else "under 1%"


if __name__ == "__main__":
    print(document())
