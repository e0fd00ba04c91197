"""The monthly cost of clicks at list prices.

``bill`` takes any design, ``monthly`` a configured stack.
Pure arithmetic on ``prices.py`` and on the assumptions below, printed in ``docs/cost.md``.
The estimate covers costs in proportion to clicks. Left out: free tiers, the website, the hosts of the Mysfits
service, reading the clicks, and log and S3 storage beyond one month.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from mysfits_stream import cost_ceiling, prices
from mysfits_stream.config import Config
from mysfits_stream.cost_ceiling import (
    ANSWER_BYTES as ANSWER_BYTES,
)
from mysfits_stream.cost_ceiling import (
    CLICK_CPU_SECONDS as CLICK_CPU_SECONDS,
)
from mysfits_stream.cost_ceiling import (
    GB as GB,
)
from mysfits_stream.cost_ceiling import (
    INVOCATION_CPU_SECONDS as INVOCATION_CPU_SECONDS,
)
from mysfits_stream.cost_ceiling import (
    LOG_BYTES_PER_INVOCATION as LOG_BYTES_PER_INVOCATION,
)
from mysfits_stream.cost_ceiling import (
    MB as MB,
)
from mysfits_stream.cost_ceiling import (
    RECORD_STEP_BYTES as RECORD_STEP_BYTES,
)
from mysfits_stream.cost_ceiling import (
    VCPU_MB as VCPU_MB,
)
from mysfits_stream.errors import ConfigError
from mysfits_stream.prices import Price

HOUR = 3600.0
MONTH = 730 * HOUR  # as AWS's own calculator counts

# A click of a visitor who has an id, as the page sends it, and the line it becomes.
_ID = "00000000-0000-0000-0000-000000000000"
_CLICK = {"userId": _ID, "mysfitId": _ID}
_ENRICHED = {"goodevil": "Neutral", "lawchaos": "Chaotic", "species": "Chimera"}
CLICK_BYTES = len(json.dumps(_CLICK, separators=(",", ":")))
ENRICHED_BYTES = len(json.dumps(_CLICK | _ENRICHED | {"clickedAt": "2026-01-01T00:00:00.000Z"})) + 1

# Identity: the envelope of a request, an id for each click, and what a line has of both, and the name.
_CLICK_ID = {"clickId": _ID}
_ENVELOPE = {"v": 1, "requestId": "JKJaXmPLvHcESHA=", "time": 1_767_225_600_000, "first": 0}
ENVELOPE_BYTES = len(json.dumps(_ENVELOPE)) + len(', "clicks": ')
CLICK_ID_BYTES = len(json.dumps(_CLICK_ID, separators=(",", ":"))) - len("{}") + len(",")
_IDENTIFIED = {"name": "Evangeline", **_CLICK_ID, "requestId": _ENVELOPE["requestId"]}
IDENTIFIED_BYTES = len(json.dumps(_IDENTIFIED)) - len("{}") + len(", ")

# Visitors: forty clicks in half an hour, so that even a batch of forty is one visitor's.
CLICKS_PER_VISIT = 40
VISIT_SECONDS = 1800.0
UNTOLD_PREFLIGHT_SECONDS = 5.0  # how long browsers keep a preflight answer that has no Max-Age
MYSFITS = 12

LOOKUP_SECONDS = 0.05  # waiting for the Mysfits service; the cache fetches all mysfits at once
COMPRESSION_RATIO = 5.0


@dataclass(frozen=True)
class Design:
    """The properties of a click pipeline that determine its bill."""

    clicks_per_request: int
    preflight_seconds: float  # how long browsers may keep a preflight's answer
    mysfit_cache_seconds: float  # 0: a request to the Mysfits service for every click
    architecture: str
    memory_mb: int
    processor_buffer_seconds: float
    processor_buffer_mb: float
    delivery_buffer_seconds: float
    delivery_buffer_mb: float
    log_bytes_per_click: int = 0
    compressed: bool = False
    identity: bool = False
    """Whether records are envelopes, clicks have ids, and lines hold both."""

    @property
    def record_bytes(self) -> int:
        """The size of a record."""
        return record_bytes(self.clicks_per_request, identity=self.identity)

    @property
    def enriched_bytes(self) -> int:
        """The size of a line."""
        return ENRICHED_BYTES + IDENTIFIED_BYTES * self.identity


# The workshop's template: no Max-Age, a lookup and a printed line per click (a record id is 56 characters).
WORKSHOP = Design(
    clicks_per_request=1,
    preflight_seconds=UNTOLD_PREFLIGHT_SECONDS,
    mysfit_cache_seconds=0,
    architecture="x86_64",
    memory_mb=128,
    processor_buffer_seconds=60,
    processor_buffer_mb=1,
    delivery_buffer_seconds=60,
    delivery_buffer_mb=50,
    log_bytes_per_click=101,
)


@dataclass(frozen=True)
class Line:
    """A line of the bill."""

    item: str
    quantity: float
    unit: str
    dollars: float


@dataclass(frozen=True)
class Breakdown:
    """A month's bill, line by line."""

    clicks: float
    lines: tuple[Line, ...]
    prices_of: str = prices.origin(prices.PRICES)
    """The region of the prices, and the month in which every price was last known to hold."""

    @property
    def total(self) -> float:
        """Dollars a month."""
        return sum(line.dollars for line in self.lines)

    @property
    def per_million(self) -> float:
        """Dollars per million clicks."""
        return self.total / self.clicks * 1e6


def parse_volume(text: str) -> float:
    """Clicks per month, from text like ``1M/month`` or ``20/second``. Raises ConfigError."""
    pattern = r"\s*(\d+(?:\.\d+)?)\s*([kKmMgGbB]?)\s*/\s*([a-zA-Z]+)\s*"
    wanted = "expected a number, k, M or G if need be, and a period, such as 1M/month, 250k/day or 20/second"
    if not (match := re.fullmatch(pattern, text, re.ASCII)):
        raise ConfigError(f"--clicks: {wanted}; found {text!r}")
    number, unit, period = match.groups()
    if period.lower() not in _PER_MONTH:
        raise ConfigError(f"--clicks: unknown period {period!r}; known: {', '.join(_PER_MONTH)}")
    clicks = float(number) * _TIMES[unit.lower()] * _PER_MONTH[period.lower()]
    if not 0 < clicks <= 1e15:
        raise ConfigError(f"--clicks: must be more than 0 and at most 1e15 a month, found {text!r}")
    return clicks


_TIMES = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
_PER_MONTH = {
    "second": MONTH,
    "s": MONTH,
    "minute": MONTH / 60,
    "hour": 730.0,
    "day": 730 / 24,
    "month": 1.0,
    "year": 1 / 12,
}


def design(config: Config, clicks_per_request: int = 1) -> Design:
    """The design of ``config``, with ``clicks_per_request`` clicks in a request."""
    return Design(
        clicks_per_request=clicks_per_request,
        preflight_seconds=config.api.preflight_max_age_seconds,
        mysfit_cache_seconds=config.processor.cache_seconds,
        architecture=config.processor.architecture,
        memory_mb=config.processor.memory_mb,
        processor_buffer_seconds=config.processor.buffer_seconds,
        processor_buffer_mb=config.processor.buffer_mb,
        delivery_buffer_seconds=config.delivery.buffer_seconds,
        delivery_buffer_mb=config.delivery.buffer_mb,
        compressed=config.delivery.compression != "UNCOMPRESSED",
        identity=True,
    )


def monthly(config: Config, clicks_per_month: float, clicks_per_request: int = 1) -> Breakdown:
    """A month's bill for the configured stack; ``clicks_per_month`` is greater than 0."""
    return bill(design(config, clicks_per_request), clicks_per_month)


def bill(design: Design, clicks: float) -> Breakdown:
    """A month's bill for ``clicks`` clicks at an even rate, at ``prices.py``."""
    requests = clicks / design.clicks_per_request
    preflights = clicks / CLICKS_PER_VISIT * preflights_per_visit(design)
    ingested_gb = requests * cost_ceiling.billed_bytes(design.record_bytes) / GB
    invocations, seconds, lookups = processor_work(design, clicks)
    stored_gb = clicks * design.enriched_bytes / (COMPRESSION_RATIO if design.compressed else 1) / GB
    logs_gb = (invocations * LOG_BYTES_PER_INVOCATION + clicks * design.log_bytes_per_click) / GB
    # One account's requests climb the tiers together, so each kind pays the average price.
    api_requests = requests + preflights + lookups
    each = prices.API_REQUESTS.dollars(api_requests) / api_requests
    return Breakdown(
        clicks,
        (
            Line("API Gateway: clicks", requests, "requests", requests * each),
            Line("API Gateway: preflights", preflights, "requests", preflights * each),
            Line("API Gateway: Mysfits lookups", lookups, "requests", lookups * each),
            _line("Firehose ingestion", prices.FIREHOSE_GB, ingested_gb),
            _line("Lambda requests", prices.LAMBDA_REQUESTS, invocations),
            _line(
                "Lambda duration",
                prices.LAMBDA_GB_SECONDS[design.architecture],
                seconds * design.memory_mb / 1024,
            ),
            _line("S3 PUT requests", prices.S3_PUTS, objects(design, clicks, invocations)),
            _line("S3 storage, a month", prices.S3_GB_MONTHS, stored_gb),
            _line("CloudWatch Logs", prices.LOGS_GB, logs_gb),
            _line("Data transfer out", prices.TRANSFER_GB, (requests + preflights) * ANSWER_BYTES / GB),
        ),
    )


def _line(item: str, price: Price, quantity: float) -> Line:
    unit = price.unit if price.unit.startswith("GB") else f"{price.unit}s"
    return Line(item, quantity, unit, price.dollars(quantity))


def record_bytes(clicks_per_request: int, *, identity: bool = False) -> int:
    """The size of a record: a click or a JSON array of clicks; with ``identity`` an envelope."""
    click = CLICK_BYTES + CLICK_ID_BYTES * identity
    array = 0 if clicks_per_request == 1 else clicks_per_request + 1
    return clicks_per_request * click + array + ENVELOPE_BYTES * identity


def billed_bytes(clicks_per_request: int, *, identity: bool = False) -> int:
    """The size at which Firehose bills that record."""
    return cost_ceiling.billed_bytes(record_bytes(clicks_per_request, identity=identity))


def preflights_per_visit(design: Design) -> float:
    """OPTIONS requests in a visit: a preflight per expiry of the browser's cached response.

    At most one per request.
    """
    requests = CLICKS_PER_VISIT / design.clicks_per_request
    if not design.preflight_seconds:
        return requests
    return min(requests, max(1.0, VISIT_SECONDS / design.preflight_seconds))


def processor_work(design: Design, clicks: float) -> tuple[float, float, float]:
    """A month's invocations of the processor, their total seconds, and the item lookups.

    The first record opens a buffer; later records join the buffer within the interval, until the buffer is
    full (F91). All records share one buffer here, though Firehose may split a busy stream over several.
    """
    requests = clicks / design.clicks_per_request
    joining = min(
        requests / MONTH * design.processor_buffer_seconds,
        design.processor_buffer_mb * MB / design.record_bytes,
    )
    invocations = requests / (1 + joining)
    cpu = (invocations * INVOCATION_CPU_SECONDS + clicks * CLICK_CPU_SECONDS) * max(
        1.0, VCPU_MB / design.memory_mb
    )
    lookups, at_once = clicks, 1
    if design.mysfit_cache_seconds:
        environments = max(1.0, cpu / MONTH)
        expiries = MYSFITS * environments * MONTH / design.mysfit_cache_seconds
        lookups, at_once = min(clicks, invocations * MYSFITS, expiries), MYSFITS
    return invocations, cpu + lookups / at_once * LOOKUP_SECONDS, lookups


def objects(design: Design, clicks: float, invocations: float) -> float:
    """Objects written in a month: an object holds at least one batch of a delivery buffer."""
    batch_mb = clicks / invocations * design.enriched_bytes / MB
    batches = min(
        invocations / MONTH * design.delivery_buffer_seconds,
        design.delivery_buffer_mb / batch_mb,
    )
    return invocations / max(1.0, batches)
