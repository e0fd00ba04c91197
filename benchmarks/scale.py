"""How many clicks a second each AWS quota lets through, and where the first ceiling is.

Pure arithmetic on quotas (docs/aws.md, F60 to F68) for the traffic that ``mysfits_stream/cost.py`` assumes,
and a seeded simulation of bursts against a token bucket, which is how AWS throttles. Makes no AWS call.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from mysfits_stream import cost
from mysfits_stream.config import Config

MIB = 1024**2
LAMBDA_PAYLOAD_BYTES = 6_000_000  # request and response each; F65, read the smaller way
HEADROOM = 1.5  # what a quota should leave above the sustained rate


@dataclass(frozen=True)
class Region:
    """What an account may do each second in one kind of region, before it asks for more."""

    name: str
    api_rate: float  # requests to all the account's APIs (F62)
    api_burst: float
    stream_records: float  # Direct PUT, per stream (F63)
    stream_requests: float
    stream_mib: float
    lambda_concurrency: float = 1000  # new accounts begin with less, often 10 (F65)
    bucket_puts: float = 3500  # per prefix; S3 user guide, performance


LARGE = Region("us-east-1, us-west-2, eu-west-1", 10_000, 5_000, 500_000, 2_000, 5)
OTHER = Region("most other regions", 10_000, 5_000, 100_000, 1_000, 1)
NEWER = Region("newer regions", 2_500, 1_250, 100_000, 1_000, 1)


@dataclass(frozen=True)
class Ceiling:
    """One quota beside what a rate of clicks needs of it."""

    quota: str
    unit: str
    needed: float
    allowed: float
    remedy: str

    @property
    def used(self) -> float:
        """The share of the quota that is needed; above 1 AWS refuses the rest."""
        return self.needed / self.allowed

    @property
    def tight(self) -> bool:
        """Whether less than the headroom is left."""
        return self.used * HEADROOM > 1

    @property
    def wanted(self) -> float:
        """What to ask for: the need and its headroom, rounded up to two digits."""
        wish = self.needed * HEADROOM
        step = 10.0 ** (math.floor(math.log10(wish)) - 1)
        return math.ceil(round(wish / step, 6)) * step


def ceilings(clicks_per_second: float, clicks_per_request: int, region: Region) -> list[Ceiling]:
    """Every quota on a click's way, the one that is reached first in front."""
    config = Config()
    month = cost.monthly(config, clicks_per_second * cost.MONTH, clicks_per_request)
    each = {line.item: line.quantity / cost.MONTH for line in month.lines}
    puts, preflights = each["API Gateway: clicks"], each["API Gateway: preflights"]
    busy = each["Lambda duration"] / (config.processor.memory_mb / 1024)
    found = [
        Ceiling("the stage's own throttle", "PUT/s", puts, config.api.rate_limit, "set `api.rate_limit`"),
        Ceiling(
            "API Gateway, account", "requests/s", puts + preflights, region.api_rate, "ask for API throttle"
        ),
        Ceiling(
            "Firehose requests", "requests/s", puts, region.stream_requests, "ask for Direct PUT requests"
        ),
        Ceiling("Firehose records", "records/s", puts, region.stream_records, "ask for Direct PUT records"),
        Ceiling(
            "Firehose data",
            "MiB/s",
            puts * cost.record_bytes(clicks_per_request) / MIB,
            region.stream_mib,
            "ask for Direct PUT data",
        ),
        Ceiling("Lambda", "at once", busy, region.lambda_concurrency, "ask for concurrency"),
        Ceiling("S3", "PUT/s", each["S3 PUT requests"], region.bucket_puts, "longer buffers"),
    ]
    return sorted(found, key=lambda ceiling: -ceiling.used)


def reached_at(clicks_per_request: int, ceiling: str, region: Region) -> float:
    """Clicks a second at which that quota is used up; for quotas whose need grows with the clicks."""
    [found] = [each for each in ceilings(1000, clicks_per_request, region) if each.quota == ceiling]
    return 1000 / found.used


def payloads(clicks_per_request: int, buffer_mib: float) -> tuple[int, int]:
    """Bytes of the processor's request and response for a full processor buffer (F80, F81)."""
    record = cost.record_bytes(clicks_per_request)
    records = int(buffer_mib * MIB // record)
    record_id = "0" * 56
    asked = {"recordId": record_id, "approximateArrivalTimestamp": 1_700_000_000_000, "data": ""}
    answered = {"recordId": record_id, "result": "Ok", "data": ""}
    asked_bytes = len(json.dumps(asked)) + _base64(record)
    answered_bytes = len(json.dumps(answered)) + _base64(clicks_per_request * cost.ENRICHED_BYTES)
    return records * asked_bytes, records * answered_bytes


def _base64(size: int) -> int:
    return math.ceil(size / 3) * 4


def largest_buffer(clicks_per_request: int) -> float:
    """The largest processor buffer in MB, to a tenth, whose request and response Lambda still carries."""
    fitting = [
        tenths / 10
        for tenths in range(2, 31)
        if max(payloads(clicks_per_request, tenths / 10)) <= LAMBDA_PAYLOAD_BYTES
    ]
    return max(fitting)


def workshop_ceiling() -> float:
    """Clicks a second at which one 60 s batch takes the workshop's function its 30 s timeout."""
    return 30 / cost.LOOKUP_SECONDS / cost.WORKSHOP.processor_buffer_seconds


@dataclass(frozen=True)
class Bucket:
    """A token bucket: ``rate`` requests a second, and ``burst`` more after a pause."""

    rate: float
    burst: float


@dataclass(frozen=True)
class Traffic:
    """Requests a second that rise to ``spike`` times as many for ``spike_seconds`` of every minute."""

    rate: float
    spike: float = 1.0
    spike_seconds: float = 0.0

    def at(self, second: float) -> float:
        """The mean rate at that second; a spike ends each minute."""
        return self.rate * (self.spike if second % 60 >= 60 - self.spike_seconds else 1.0)


def throttled_by_arithmetic(bucket: Bucket, traffic: Traffic) -> float:
    """The share refused in a long run.

    Above the bucket's rate only what it refills gets through. Below it, the quiet part of the minute fills
    the bucket again, and refused is what a spike brings beyond the rate and the burst.
    """
    quiet = 60 - traffic.spike_seconds
    offered = traffic.rate * (quiet + traffic.spike * traffic.spike_seconds)
    if traffic.rate >= bucket.rate:
        return 1 - bucket.rate * 60 / offered
    tokens = min(bucket.burst, (bucket.rate - traffic.rate) * quiet)
    excess = (traffic.rate * traffic.spike - bucket.rate) * traffic.spike_seconds
    return max(0.0, excess - tokens) / offered


def throttled_by_simulation(bucket: Bucket, traffic: Traffic, minutes: int = 10, seed: int = 1) -> float:
    """The share refused when requests come at random, by the seed, against the bucket."""
    tokens = bucket.burst
    arrived = refused = 0
    tick = 0.02
    for count in _arrivals(traffic, minutes, tick, random.Random(seed)):  # noqa: S311  # not for secrets
        tokens = min(bucket.burst, tokens + bucket.rate * tick)
        passed = min(count, int(tokens))
        tokens -= passed
        arrived += count
        refused += count - passed
    return refused / arrived


def _arrivals(traffic: Traffic, minutes: int, tick: float, rng: random.Random) -> Iterator[int]:
    for index in range(round(minutes * 60 / tick)):
        yield _poisson(traffic.at(index * tick) * tick, rng)


def _poisson(mean: float, rng: random.Random) -> int:
    if mean > 30:  # near enough to a normal distribution, and quick
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
