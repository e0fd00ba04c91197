"""The highest cost of a clicks API in a day, as bounded by the stage's throttle. Pure.

A stage throttles each method separately (F250), so PUT and OPTIONS each reach the limit. A PUT carries the
largest record within the model. Prices are from ``prices.py``, in us-east-1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from mysfits_stream import ecma_subset, prices
from mysfits_stream.click_definition import LARGEST, LONGEST_STRING, Definition, Field
from mysfits_stream.config import Config

DAY = 86_400
KB, MB, GB = 1024, 1024**2, 1024**3
METHODS = 2
"""PUT and OPTIONS."""

RECORD_STEP_BYTES = 5 * KB
"""Firehose rounds every record up to this (F252)."""

LARGEST_RECORD_BYTES = 1_024_000
"""Firehose rejects larger records (F63)."""

CHARACTER_BYTES = 3
"""The most that UTF-8 takes for a UTF-16 code unit, in which lengths are counted."""

ENVELOPE_BYTES = 256
CLICK_ID_BYTES = 64
NUMBER_BYTES = 24
LINE_BYTES = 256
"""What the processor adds to a click at most, attributes of the usual length."""

ANSWER_BYTES = 500
"""Status line, headers and body of an answer of the API."""

# The processor: work measured in seconds of one whole vCPU, which Lambda gives at 1,769 MB.
VCPU_MB = 1769
INVOCATION_CPU_SECONDS = 0.003
CLICK_CPU_SECONDS = 15e-6  # measured for lone clicks
BATCHED_CLICK_CPU_SECONDS = CLICK_CPU_SECONDS / 2  # measured: less than half
LOG_BYTES_PER_INVOCATION = 700  # START, END, REPORT and a summary

MOST_RATE = 10_000.0


def of(config: Config) -> Ceiling:
    """The ceiling of the configured stack."""
    return ceiling(config, rate_limit(config))


def rate_limit(config: Config) -> float:
    """A method's rate limit: ``api.rate_limit``, or the rate within ``api.max_cost_per_day``.

    The least sum, 1 dollar, pays for a burst and some requests a second of any definition.
    """
    dollars = config.api.max_cost_per_day
    if dollars is None:
        return config.api.rate_limit
    # The ceiling is linear in the rate.
    burst = ceiling(config, 0).per_day
    slope = ceiling(config, 1).per_day - burst
    rate = floor((dollars - burst) / slope * 100) / 100
    return min(rate, MOST_RATE)


def ceiling(config: Config, rate: float) -> Ceiling:
    """The ceiling of a day: for each method a whole day at the rate, and a burst."""
    processor, delivery = config.processor, config.delivery
    record = largest_record(config)
    requests = rate * DAY + config.api.burst_limit
    clicks = requests * config.api.max_clicks_per_request
    data = requests * record
    invocations = data / max(processor.buffer_mb * MB, record)
    cpu = invocations * INVOCATION_CPU_SECONDS + clicks * BATCHED_CLICK_CPU_SECONDS
    seconds = cpu * max(1.0, VCPU_MB / processor.memory_mb)
    delivered = data + clicks * LINE_BYTES
    objects = DAY / max(1, delivery.buffer_seconds) + delivered / (delivery.buffer_mb * MB)
    duration = prices.LAMBDA_GB_SECONDS[processor.architecture]
    quantities = (
        ("API Gateway: PUT", prices.API_REQUESTS, requests),
        ("API Gateway: OPTIONS", prices.API_REQUESTS, requests),
        ("Firehose ingestion", prices.FIREHOSE_GB, requests * billed_bytes(record) / GB),
        ("Lambda requests", prices.LAMBDA_REQUESTS, invocations),
        ("Lambda duration", duration, seconds * processor.memory_mb / 1024),
        ("CloudWatch Logs", prices.LOGS_GB, invocations * LOG_BYTES_PER_INVOCATION / GB),
        ("S3 PUT requests", prices.S3_PUTS, objects),
        ("Data transfer out", prices.TRANSFER_GB, METHODS * requests * ANSWER_BYTES / GB),
    )
    # The first tier, the dearest: a flood may come on the first day of a month.
    lines = tuple((item, price.tiers[0][1] * quantity) for item, price, quantity in quantities)
    return Ceiling(rate * METHODS, lines, prices.origin(price for _, price, _ in quantities))


@dataclass(frozen=True)
class Ceiling:
    """The highest cost of a day, in US dollars at the prices of us-east-1."""

    requests_per_second: float
    """Over all methods."""
    lines: tuple[tuple[str, float], ...]
    """(item, dollars a day)."""
    prices_of: str
    """The region of the prices, and the month in which every price was last known to hold."""

    @property
    def per_day(self) -> float:
        """Dollars a day."""
        return sum(dollars for _, dollars in self.lines)

    def document(self) -> dict[str, Any]:
        """The ceiling as JSON."""
        return {
            "perDay": round(self.per_day, 2),
            "requestsPerSecond": self.requests_per_second,
            "pricesOf": self.prices_of,
        }

    def sentence(self) -> str:
        """The ceiling in words."""
        return (
            f"at most ${self.per_day:,.2f} a day without storage, whatever is sent: "
            f"the throttle allows {self.requests_per_second:,g} requests a second over PUT and OPTIONS "
            f"(prices of {self.prices_of}; {prices.OTHER_REGIONS}; docs/cost.md)"
        )


def billed_bytes(size: int) -> int:
    """The size of a record of ``size`` bytes as billed by Firehose."""
    return ceil(size / RECORD_STEP_BYTES) * RECORD_STEP_BYTES


def largest_record(config: Config) -> int:
    """The bytes of the largest record in Firehose: a full array of the largest clicks."""
    count = config.api.max_clicks_per_request
    clicks = count * largest_click(config.definition) + count + 1
    return min(ENVELOPE_BYTES + clicks, LARGEST_RECORD_BYTES)


def largest_click(definition: Definition) -> int:
    """The bytes of the largest click within the model, as compact JSON."""
    members = [(field.name, _largest_value(field)) for field in definition.fields]
    members.append(("clickId", CLICK_ID_BYTES + 2))
    # A member has two quotation marks, a colon and a comma; the object two braces.
    return sum(len(name) + 4 + size for name, size in members) + 1


def _largest_value(field: Field) -> int:
    bounds = dict(field.bounds)
    if "enum" in bounds:
        return max(len(json.dumps(value, ensure_ascii=False).encode()) for value in bounds["enum"])
    if field.type == "string":
        longest = ecma_subset.longest_match(bounds["pattern"]) if "pattern" in bounds else None
        # A pattern that is anchored at both ends matches ASCII only, of which JSON escapes two characters.
        ascii_bytes = (
            2 if {'"', "\\"} & set(bounds.get("pattern", "").replace("\\d", "").replace("\\w", "")) else 1
        )
        size = ascii_bytes if longest is not None else CHARACTER_BYTES
        limits = [each for each in (longest, bounds.get("maxLength")) if each is not None]
        return min(limits, default=LONGEST_STRING) * size + 2
    if field.type == "boolean":
        return len("false")
    if field.type == "number":
        return NUMBER_BYTES
    most = LARGEST["integer"]
    return max(len(str(bounds.get(key, edge))) for key, edge in (("minimum", -most), ("maximum", most)))
