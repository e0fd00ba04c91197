"""How many clicks a second each AWS quota lets through, and where the first ceiling is.

Pure arithmetic on quotas (docs/aws.md, F60 to F68) for the traffic that ``mysfits_stream/cost.py`` assumes,
and a seeded simulation of bursts against a token bucket, which is how AWS throttles. Makes no AWS call.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mysfits_stream import cost
from mysfits_stream.config import Config
from mysfits_stream.prices import Price

MIB = 1024**2
LAMBDA_PAYLOAD_BYTES = 6_000_000  # request and response each; F65, read the smaller way
INVOCATIONS_PER_SHARD = 5  # of the processor, under way at once (F68)
HEADROOM = 1.5  # what a quota should leave above the sustained rate
OURS = Config()
STAGE = "the stage's own throttle"


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

    @property
    def stream_invocations(self) -> float:
        """The processor's invocations under way at once for a stream.

        AWS allows five a shard (F68) and does not say how many shards a Direct PUT stream has. Assumed is one
        for each MiB/s, which is what a shard of Kinesis Data Streams takes.
        """
        return INVOCATIONS_PER_SHARD * self.stream_mib


LARGE = Region("us-east-1, us-west-2, eu-west-1", 10_000, 5_000, 500_000, 2_000, 5)
OTHER = Region("most other regions", 10_000, 5_000, 100_000, 1_000, 1)
NEWER = Region("newer regions", 2_500, 1_250, 100_000, 1_000, 1)
NEW_ACCOUNT = replace(NEWER, name="a new account there", lambda_concurrency=10)  # the least of everything


SHARD_RECORDS, SHARD_MIB = 1_000, 1.0  # a second (F350)
RECORD_STEP, PUT_UNIT = 1024, 25 * 1024  # what a record is rounded up to (F352)
LEAST_ADVANTAGE_MIB = 25.0  # a second, billed at least (F352)
_KINESIS = "aws.amazon.com/kinesis/data-streams/pricing, as quoted (F352)"
STANDARD_GB = Price("Data Streams, on-demand Standard", "GB", ((math.inf, 0.08),), _KINESIS, "2026-11")
STREAM_HOURS = Price("Data Streams, on-demand Standard", "hour", ((math.inf, 0.04),), _KINESIS, "2026-11")
ADVANTAGE_GB = Price("Data Streams, on-demand Advantage", "GB", ((math.inf, 0.032),), _KINESIS, "2026-11")
SHARD_HOURS = Price("Data Streams, provisioned", "shard-hour", ((math.inf, 0.015),), _KINESIS, "2026-11")
PUT_UNITS = Price("Data Streams, provisioned", "unit", ((math.inf, 0.014 / 1e6),), _KINESIS, "2026-11")


@dataclass(frozen=True)
class DataStream:
    """A Kinesis Data Stream in place of Firehose: shards, and a month's bill by mode."""

    shards: int
    standard: float
    advantage: float
    provisioned: float


@dataclass(frozen=True)
class Ceiling:
    """One quota beside what a rate of clicks needs of it."""

    quota: str
    unit: str
    needed: float
    allowed: float

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


def ceilings(
    clicks_per_second: float, clicks_per_request: int, region: Region, config: Config = OURS
) -> list[Ceiling]:
    """Every quota that clicks reach, the one that is reached first in front."""
    month = cost.monthly(config, clicks_per_second * cost.MONTH, clicks_per_request)
    each = {line.item: line.quantity / cost.MONTH for line in month.lines}
    puts, preflights = each["API Gateway: clicks"], each["API Gateway: preflights"]
    data = puts * cost.record_bytes(clicks_per_request, identity=True) / MIB
    busy = each["Lambda duration"] / (config.processor.memory_mb / 1024)
    found = [
        Ceiling(STAGE, "PUT/s", puts, config.api.rate_limit),
        Ceiling("API Gateway", "requests/s", puts + preflights, region.api_rate),
        Ceiling("Firehose requests", "requests/s", puts, region.stream_requests),
        Ceiling("Firehose records", "records/s", puts, region.stream_records),
        Ceiling("Firehose data", "MiB/s", data, region.stream_mib),
        Ceiling("Firehose invocations", "at once", busy, region.stream_invocations),
        Ceiling("Lambda concurrency", "at once", busy, region.lambda_concurrency),
        Ceiling("S3", "PUT/s", each["S3 PUT requests"], region.bucket_puts),
    ]
    return sorted(found, key=lambda ceiling: -ceiling.used)


def reached_at(clicks_per_request: int, quota: str, region: Region) -> float:
    """Clicks a second at which that quota is used up."""
    plenty = 1e6  # so many that buffers are full and every need grows with the clicks
    [found] = [each for each in ceilings(plenty, clicks_per_request, region) if each.quota == quota]
    return plenty / found.used


def stacks(clicks_per_second: float, clicks_per_request: int, region: Region) -> int:
    """How many stacks carry the clicks with headroom, if no quota of Firehose is raised."""
    per_stream = ("Firehose requests", "Firehose records", "Firehose data")
    found = ceilings(clicks_per_second, clicks_per_request, region)
    return math.ceil(max(each.used for each in found if each.quota in per_stream) * HEADROOM)


def data_stream(clicks_per_second: float, clicks_per_request: int) -> DataStream:
    """The Data Stream that takes the same records as Firehose, its shards with headroom."""
    records = clicks_per_second / clicks_per_request
    size = cost.record_bytes(clicks_per_request, identity=True)
    mib = records * math.ceil(size / RECORD_STEP) * RECORD_STEP / MIB
    month_gb = mib / 1024 * cost.MONTH
    least_gb = LEAST_ADVANTAGE_MIB / 1024 * cost.MONTH
    shards = math.ceil(max(records / SHARD_RECORDS, records * size / MIB / SHARD_MIB) * HEADROOM)
    units = records * math.ceil(size / PUT_UNIT) * cost.MONTH
    hours = cost.MONTH / cost.HOUR
    return DataStream(
        shards,
        STANDARD_GB.dollars(month_gb) + STREAM_HOURS.dollars(hours),
        ADVANTAGE_GB.dollars(max(month_gb, least_gb)),
        SHARD_HOURS.dollars(hours * shards) + PUT_UNITS.dollars(units),
    )


def data_comes_first(region: Region) -> int:
    """The fewest clicks a request with which a stream's data is used up before its requests."""
    for clicks_per_request in range(1, OURS.api.max_clicks_per_request + 1):
        data, requests = (
            reached_at(clicks_per_request, quota, region) for quota in ("Firehose data", "Firehose requests")
        )
        if data < requests:
            return clicks_per_request
    raise ValueError(f"{region.name}: requests come first however many clicks a request carries")


def with_memory(memory_mb: int) -> Config:
    """The defaults, but for the processor's memory."""
    return replace(OURS, processor=replace(OURS.processor, memory_mb=memory_mb))


def enough_memory(clicks_per_second: float, clicks_per_request: int) -> int:
    """The memory, doubled from the default, with headroom for invocations anywhere.

    Twice the memory is twice the CPU, so half as many are under way. Beyond a whole vCPU nothing is gained:
    there it ends, enough or not.
    """
    memory_mb = OURS.processor.memory_mb
    while memory_mb < cost.VCPU_MB and any(
        ceiling.tight
        for ceiling in ceilings(clicks_per_second, clicks_per_request, NEW_ACCOUNT, with_memory(memory_mb))
        if ceiling.quota in ("Firehose invocations", "Lambda concurrency")
    ):
        memory_mb = min(memory_mb * 2, cost.VCPU_MB)
    return memory_mb


def invocation_seconds(clicks: float) -> float:
    """How long the processor works on so many clicks when it knows the mysfits."""
    slower = max(1.0, cost.VCPU_MB / OURS.processor.memory_mb)
    return (cost.INVOCATION_CPU_SECONDS + clicks * cost.CLICK_CPU_SECONDS) * slower


def payload_ceiling(clicks_per_request: int, at_once: float) -> float:
    """Clicks a second through so many full executions at once."""
    clicks = MIB // cost.record_bytes(clicks_per_request, identity=True) * clicks_per_request
    most = clicks * LAMBDA_PAYLOAD_BYTES / max(payloads(clicks_per_request, 1))
    return at_once * most / invocation_seconds(most)


def payloads(clicks_per_request: int, buffer_mib: float) -> tuple[int, int]:
    """Bytes of the processor's request and response for a full processor buffer (F80, F81)."""
    record = cost.record_bytes(clicks_per_request, identity=True)
    records = int(buffer_mib * MIB // record)
    record_id = "0" * 56
    asked = {"recordId": record_id, "approximateArrivalTimestamp": 1_700_000_000_000, "data": ""}
    answered = {"recordId": record_id, "result": "Ok", "data": ""}
    asked_bytes = len(json.dumps(asked)) + _base64(record)
    answered_bytes = len(json.dumps(answered)) + _base64(
        clicks_per_request * (cost.ENRICHED_BYTES + cost.IDENTIFIED_BYTES)
    )
    return records * asked_bytes, records * answered_bytes


def _base64(size: int) -> int:
    return math.ceil(size / 3) * 4


def largest_buffer(clicks_per_request: int) -> float:
    """The largest processor buffer that Lambda carries both ways, in MB to a tenth."""
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
    """Requests a second, ``spike`` times as many for ``spike_seconds`` of a minute."""

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
