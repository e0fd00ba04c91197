"""AWS's list prices as data, for ``cost.py``.

On-demand prices of us-east-1 in US dollars, without free tiers, discounts and tax, whatever the region of the
stack: no public text lists the prices of all regions. Each price names its source and date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

REGION = "us-east-1"
OTHER_REGIONS = "other regions cost up to about twice as much"
MILLION = 1e6
TB = 1024.0  # in GB; AWS's tables count 1,024 of one unit in the next


@dataclass(frozen=True)
class Price:
    """The price of a unit, in tiers over a month's quantity.

    ``tiers`` are (quantity up to which the tier reaches, dollars per unit); the last tier reaches infinity.
    ``as_of`` is the month of the last verification.
    """

    item: str
    unit: str
    tiers: tuple[tuple[float, float], ...]
    source: str
    as_of: str

    def dollars(self, quantity: float) -> float:
        """The price of ``quantity`` units in a month."""
        total, below = 0.0, 0.0
        for limit, dollars in self.tiers:
            total += max(0.0, min(quantity, limit) - below) * dollars
            below = limit
        return total


def origin(used: Iterable[Price]) -> str:
    """The region and the month of prices, of the earliest month: ``us-east-1, 2025-10``."""
    return f"{REGION}, {min(price.as_of for price in used)}"


API_REQUESTS = Price(
    "API Gateway REST requests",
    "request",
    (
        (333 * MILLION, 3.50 / MILLION),
        (1_000 * MILLION, 2.80 / MILLION),
        (20_000 * MILLION, 2.38 / MILLION),
        (inf, 1.51 / MILLION),
    ),
    "AWS whitepaper on private API Gateway integration, table 4; aws.amazon.com/api-gateway/pricing",
    "2026-05",
)
FIREHOSE_GB = Price(
    "Firehose ingestion, Direct PUT",
    "GB",
    ((500 * TB, 0.029), (2_000 * TB, 0.025), (inf, 0.020)),
    "aws.amazon.com/firehose/pricing: each record rounded up to 5 KB",
    "2025-10",
)
ATHENA_TB = Price(
    "Athena SQL, data scanned",
    "TB",
    ((inf, 5.0),),
    "aws.amazon.com/athena/pricing: 10 MB at least for each query (F220)",
    "2025-11",
)
LAMBDA_REQUESTS = Price(
    "Lambda requests", "request", ((inf, 0.20 / MILLION),), "aws.amazon.com/lambda/pricing", "2026-05"
)
LAMBDA_GB_SECONDS = {
    "arm64": Price(
        "Lambda duration, arm64",
        "GB-second",
        ((7.5e9, 0.0000133334), (18.75e9, 0.0000120001), (inf, 0.0000106667)),
        "aws.amazon.com/lambda/pricing",
        "2026-05",
    ),
    "x86_64": Price(
        "Lambda duration, x86_64",
        "GB-second",
        ((6e9, 0.0000166667), (15e9, 0.0000150000), (inf, 0.0000133334)),
        "aws.amazon.com/lambda/pricing",
        "2026-05",
    ),
}
S3_PUTS = Price("S3 Standard PUT", "request", ((inf, 0.005 / 1000),), "aws.amazon.com/s3/pricing", "2025-10")
S3_GB_MONTHS = Price(
    "S3 Standard storage",
    "GB-month",
    ((50 * TB, 0.023), (500 * TB, 0.022), (inf, 0.021)),
    "aws.amazon.com/s3/pricing",
    "2025-10",
)
LOGS_GB = Price(
    "CloudWatch Logs ingestion of Lambda logs",
    "GB",
    ((10 * TB, 0.50), (30 * TB, 0.25), (50 * TB, 0.10), (inf, 0.05)),
    "aws.amazon.com/cloudwatch/pricing: tiers for Lambda logs since May 2025",
    "2026-05",
)
TRANSFER_GB = Price(
    "Data transfer out to the internet",
    "GB",
    ((10 * TB, 0.09), (50 * TB, 0.085), (150 * TB, 0.07), (inf, 0.05)),
    "aws.amazon.com/ec2/pricing/on-demand, data transfer; incoming data is free",
    "2026-06",
)

PRICES = (
    API_REQUESTS,
    FIREHOSE_GB,
    LAMBDA_REQUESTS,
    *LAMBDA_GB_SECONDS.values(),
    S3_PUTS,
    S3_GB_MONTHS,
    LOGS_GB,
    TRANSFER_GB,
)
