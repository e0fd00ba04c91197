"""The ceilings: cases by hand, the simulation, and docs/scale.md against its script."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from docs.generate import scale as scale_document
from docs.generate import scaling
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
from mysfits_stream.config_file import parse
from mysfits_stream.errors import ConfigError

DOCUMENT = Path(__file__).parents[2] / "docs" / "scale.md"


def of(found: list[Ceiling], quota: str) -> Ceiling:
    [ceiling] = [each for each in found if each.quota == quota]
    return ceiling


@pytest.mark.parametrize(
    ("clicks_per_request", "region", "quota", "clicks_per_second"),
    [
        pytest.param(1, LARGE, "Firehose requests", 2_000, id="a request a click"),
        pytest.param(10, LARGE, "Firehose requests", 20_000, id="ten clicks a request lift it tenfold"),
        pytest.param(40, OTHER, "Firehose requests", 40_000, id="a region with half the requests"),
        pytest.param(1, LARGE, "Firehose records", 500_000, id="records are far off"),
        pytest.param(1, LARGE, "Firehose data", 5 * 1024**2 / 236, id="236 bytes a click"),
        pytest.param(40, OTHER, "Firehose data", 1024**2 / (6049 / 40), id="6,049 bytes for forty"),
        # A visit of 40 clicks is 40 requests and a preflight: 1.025 a click.
        pytest.param(1, LARGE, "API Gateway", 10_000 / 1.025, id="preflights count too"),
        pytest.param(40, NEWER, "API Gateway", 2_500 / (2 / 40), id="a newer region"),
        pytest.param(10, LARGE, STAGE, 400, id="40 requests a second by default"),
    ],
)
def test_a_quota_is_used_up_at(
    clicks_per_request: int, region: Region, quota: str, clicks_per_second: float
) -> None:
    assert scaling.reached_at(clicks_per_request, quota, region) == pytest.approx(clicks_per_second)


def test_the_quota_with_the_largest_share_comes_first() -> None:
    shares = [ceiling.used for ceiling in ceilings(10_000, 10, LARGE)]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize(
    ("region", "clicks_per_request"),
    [
        # A click in a batch of n takes 148 + (n + 89) / n bytes: 16 a request use 5 MiB up at 33,921 clicks a
        # second, when 2,000 requests still carry 32,000; 17 at 33,993, when they carry 34,000.
        pytest.param(LARGE, 17, id="2,000 requests and 5 MiB"),
        # 6 use 1 MiB up at 6,400, beyond the 6,000 of 1,000 requests; 7 at 6,484.
        pytest.param(OTHER, 7, id="1,000 requests and 1 MiB"),
    ],
)
def test_data_comes_before_requests_from(region: Region, clicks_per_request: int) -> None:
    assert scaling.data_comes_first(region) == clicks_per_request


@pytest.mark.parametrize("rate", scale_document.RATES)
@pytest.mark.parametrize("clicks_per_request", scale_document.BATCHES)
def test_a_newer_regions_first_quota_is_that_of_most_regions(rate: int, clicks_per_request: int) -> None:
    newer, other = (
        next(each for each in ceilings(rate, clicks_per_request, region) if each.quota != STAGE)
        for region in (NEWER, OTHER)
    )
    assert newer == other


def test_a_new_account_in_a_newer_region_is_allowed_the_least_of_everything() -> None:
    for allowance in fields(Region):
        if allowance.name != "name":
            least = min(getattr(region, allowance.name) for region in scale_document.REGIONS)
            assert getattr(NEW_ACCOUNT, allowance.name) <= least, allowance.name
    assert NEW_ACCOUNT.lambda_concurrency == 10


def test_lambda_needs_what_littles_law_says() -> None:
    # 10,000 lone clicks a second fill 1 MB buffers of 4,443.1 clicks of 236 bytes; at 256 MB a vCPU is 6.91
    # times slower.
    found = of(ceilings(10_000, 1, LARGE), "Lambda concurrency")
    invocations = 10_000 / (1 + 1024**2 / 236)
    working = (invocations * 0.003 + 10_000 * 15e-6) * 1769 / 256
    # Those run in 1.0834 environments, each looking all mysfits up, at once, every 300 s.
    assert found.needed == pytest.approx(working * (1 + 0.05 / 300))


# One click more a second is so many executions more: a share of 3 ms a buffer and 15 us, both on 256 of 1,769
# MB, and a share of the lookup that each environment makes every 300 s.
BUSY = (0.003 / (1 + 1024**2 / 236) + 15e-6) * 1769 / 256 * (1 + 0.05 / 300)


@pytest.mark.parametrize(
    ("quota", "region", "at_once"),
    [
        pytest.param("Lambda concurrency", LARGE, 1000, id="1,000 executions"),
        pytest.param("Lambda concurrency", NEW_ACCOUNT, 10, id="10 in a new account"),
        pytest.param("Firehose invocations", LARGE, 25, id="5 for each of 5 shards"),
        pytest.param("Firehose invocations", OTHER, 5, id="5 for one shard"),
    ],
)
def test_executions_at_once_are_used_up_at(quota: str, region: Region, at_once: int) -> None:
    assert scaling.reached_at(1, quota, region) == pytest.approx(at_once / BUSY)


def test_lambdas_payload_lets_through_what_full_answers_carry() -> None:
    # An answer of 6 MB has 11,450 lone clicks of 524 B, and takes 3 ms and 15 us a click at 1,769 MB.
    clicks = 6_000_000 / 524
    seconds = (0.003 + clicks * 15e-6) * 1769 / 256
    assert scaling.payload_ceiling(1, 10) == pytest.approx(10 * clicks / seconds)


@pytest.mark.parametrize("clicks_per_request", scale_document.BATCHES)
def test_concurrency_comes_before_the_payload(clicks_per_request: int) -> None:
    at_once = LARGE.lambda_concurrency
    assert scaling.payload_ceiling(clicks_per_request, at_once) > scaling.reached_at(
        clicks_per_request, "Lambda concurrency", LARGE
    )


@pytest.mark.parametrize(
    ("rate", "memory_mb"),
    [
        pytest.param(10_000, 256, id="1.06 at once, and half as much again, are within 5"),
        pytest.param(100_000, 1024, id="10.6 at once are not, nor the 5.3 of 512 MB, but the 2.6 of 1,024"),
        pytest.param(1_000_000, 1769, id="15 at a whole vCPU, beyond which nothing is gained"),
    ],
)
def test_memory_makes_up_for_few_executions_at_once(rate: int, memory_mb: int) -> None:
    assert scaling.enough_memory(rate, 1) == memory_mb


@pytest.mark.parametrize("clicks_per_request", scale_document.BATCHES)
def test_more_memory_leaves_headroom_at_the_same_bill(clicks_per_request: int) -> None:
    config = scaling.with_memory(1024)
    found = ceilings(100_000, clicks_per_request, NEW_ACCOUNT, config)
    assert not of(found, "Lambda concurrency").tight
    assert not of(found, "Firehose invocations").tight
    bills = [
        cost.monthly(each, 100_000 * cost.MONTH, clicks_per_request).total for each in (scaling.OURS, config)
    ]
    assert bills[1] == pytest.approx(bills[0], rel=1e-3)


@pytest.mark.parametrize(
    ("needed", "allowed", "tight", "wanted"),
    [
        pytest.param(100, 151, False, 150, id="half as much again is enough"),
        pytest.param(100, 149, True, 150, id="less is tight"),
        pytest.param(10_250, 10_000, True, 16_000, id="what is asked for is rounded up to two digits"),
        pytest.param(0.94, 1, True, 1.5, id="fractions as well"),
    ],
)
def test_headroom_is_half_as_much_again(needed: float, allowed: float, tight: bool, wanted: float) -> None:
    ceiling = Ceiling("quota", "unit", needed, allowed)
    assert ceiling.tight is tight
    assert ceiling.wanted == pytest.approx(wanted)


def test_payloads_of_a_full_buffer_by_hand() -> None:
    # 4,443 records of 236 B. The request's envelope is 130 B and base64 makes 316 of the 236;
    # the answer's envelope is 100 B and the 318 B of an enriched click become 424.
    request, response = scaling.payloads(1, 1)
    assert request == 4_443 * (130 + 316)
    assert response == 4_443 * (100 + 424)


@pytest.mark.parametrize("clicks_per_request", [1, 10, 40])
def test_the_largest_buffer_fits_and_the_next_does_not(clicks_per_request: int) -> None:
    largest = scaling.largest_buffer(clicks_per_request)
    assert max(scaling.payloads(clicks_per_request, largest)) <= 6_000_000
    assert max(scaling.payloads(clicks_per_request, largest + 0.1)) > 6_000_000


def test_the_workshops_function_times_out_from_ten_clicks_a_second() -> None:
    # 60 s x 10 clicks x 50 ms = 30 s.
    assert scaling.workshop_ceiling() == pytest.approx(10)


@pytest.mark.parametrize(
    ("bucket", "traffic", "refused"),
    [
        pytest.param(Bucket(1000, 500), Traffic(100, 5, 10), 0.0, id="spikes below the rate pass"),
        # 10 s x 1,500 too many, less 500 saved up, of 50 x 500 + 10 x 2,500.
        pytest.param(Bucket(1000, 500), Traffic(500, 5, 10), 14_500 / 50_000, id="spikes above it do not"),
        # 10 s x 100 too many are less than the burst.
        pytest.param(Bucket(1000, 5000), Traffic(550, 2, 10), 0.0, id="the burst carries a small spike"),
        # The quiet 50 s refill 50 x 10 tokens, not the bucket's 5,000.
        pytest.param(
            Bucket(1000, 5000),
            Traffic(990, 2, 10),
            (9_800 - 500) / (990 * 70),
            id="a quiet minute too busy to refill the bucket",
        ),
        pytest.param(Bucket(2000, 2000), Traffic(10_000), 0.8, id="five times the rate loses four fifths"),
        pytest.param(Bucket(2000, 2000), Traffic(1_000), 0.0, id="half the rate loses nothing"),
    ],
)
def test_the_simulation_confirms_the_arithmetic(bucket: Bucket, traffic: Traffic, refused: float) -> None:
    assert scaling.throttled_by_arithmetic(bucket, traffic) == pytest.approx(refused)
    assert scaling.throttled_by_simulation(bucket, traffic) == pytest.approx(refused, abs=0.01)


@pytest.mark.parametrize(("what", "traffic", "bucket"), scale_document.BURSTS)
def test_every_burst_in_the_document_is_confirmed_for_another_seed(
    what: str, traffic: Traffic, bucket: Bucket
) -> None:
    simulated = scaling.throttled_by_simulation(bucket, traffic, minutes=3, seed=7)
    assert simulated == pytest.approx(scaling.throttled_by_arithmetic(bucket, traffic), abs=0.02), what


def test_the_same_seed_gives_the_same_traffic() -> None:
    runs = [scaling.throttled_by_simulation(Bucket(50, 5), Traffic(49), 1, seed) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


def test_even_below_the_rate_random_arrivals_meet_an_empty_bucket_without_a_burst() -> None:
    # Arithmetic on means says nothing is refused; chance says otherwise when the bucket is one request deep.
    bucket, traffic = Bucket(50, 1), Traffic(49)
    assert scaling.throttled_by_arithmetic(bucket, traffic) == 0
    assert scaling.throttled_by_simulation(bucket, traffic) > 0.2


@pytest.mark.parametrize("rate", scale_document.RATES)
def test_batching_never_brings_a_ceiling_closer(rate: int) -> None:
    first = [ceilings(rate, n, LARGE)[0].used for n in (1, 10, 40)]
    assert first == sorted(first, reverse=True)


@pytest.mark.parametrize("clicks_per_request", scale_document.BATCHES)
@pytest.mark.parametrize("region", [*scale_document.REGIONS, NEW_ACCOUNT], ids=lambda region: region.name)
def test_up_to_a_hundred_clicks_a_second_only_the_stage_needs_a_higher_limit(
    clicks_per_request: int, region: Region
) -> None:
    assert not [each for each in ceilings(1, clicks_per_request, region) if each.tight]
    tight = [each.quota for each in ceilings(100, clicks_per_request, region) if each.tight]
    assert tight == ([STAGE] if clicks_per_request == 1 else [])


@pytest.mark.parametrize(
    "row",
    [
        # The rate limit ends at 10,000: as many clicks leave it no headroom, ten times as many do not fit.
        pytest.param("| 10,000 | 1 | 10000, not enough | 15,000 requests/s | ", id="no headroom"),
        pytest.param("| 10,000 | 10 | 1500 |  | 2.3 MiB/s, 1,500 requests/s |  |  |  |", id="headroom"),
        pytest.param("| 100,000 | 1 | 10000, not enough | ", id="a tenth of the clicks"),
        pytest.param("| 100,000 | 10 | 10000, not enough | ", id="no headroom with batches"),
        # 5,000 requests, preflights among them, are half of 10,000 and twice the 2,500 of a newer region.
        pytest.param(" |  | 7,500 requests/s | 1024 |", id="a newer region's throttle"),
    ],
)
def test_what_to_request_is_named(row: str) -> None:
    [table] = [block for block in scale_document.document().split("\n\n") if "ask for API throttle" in block]
    assert sum(row in line for line in table.splitlines()) == 1


def test_the_rate_limit_ends_where_the_document_says() -> None:
    most = scale_document.MOST_RATE_LIMIT
    assert parse({"api": {"rate_limit": most}}).api.rate_limit == most
    with pytest.raises(ConfigError, match="rate_limit"):
        parse({"api": {"rate_limit": most + 1}})


@pytest.mark.parametrize(
    ("clicks_per_request", "region", "count"),
    [
        pytest.param(1, LARGE, 75, id="100,000 requests, 2,000 a stream, and half as many again"),
        pytest.param(10, LARGE, 8, id="10,000 requests: 7.5 streams"),
        pytest.param(40, LARGE, 5, id="14.4 MiB/s, 5 a stream: 4.3 streams"),
        pytest.param(40, OTHER, 22, id="14.4 MiB/s, 1 a stream: 21.6 streams"),
    ],
)
def test_stacks_that_share_the_clicks(clicks_per_request: int, region: Region, count: int) -> None:
    assert scaling.stacks(100_000, clicks_per_request, region) == count


def test_a_data_stream_of_lone_clicks_is_bound_by_records() -> None:
    found = scaling.data_stream(100_000, 1)
    assert found.shards == 150
    # A record of 236 bytes is billed as 1 KB: 97.7 MiB/s for 730 hours, at $0.08 and $0.032 a GB.
    gb = 100_000 * 1024 / 1024**3 * 730 * 3600
    assert found.standard == pytest.approx(gb * 0.08 + 730 * 0.04)
    assert found.advantage == pytest.approx(gb * 0.032)
    assert found.provisioned == pytest.approx(150 * 730 * 0.015 + 100_000 * 730 * 3600 * 0.014e-6)


def test_a_data_stream_of_batches_is_bound_by_data_and_by_the_least_that_is_billed() -> None:
    found = scaling.data_stream(100_000, 40)
    assert found.shards == 22  # 2,500 records of 6,049 bytes are 14.4 MiB/s
    assert found.standard == pytest.approx(2_500 * 6 * 1024 / 1024**3 * 730 * 3600 * 0.08 + 730 * 0.04)
    assert found.advantage == pytest.approx(25 / 1024 * 730 * 3600 * 0.032)


def test_the_document_is_what_the_script_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == scale_document.document() + "\n", (
        "docs/scale.md is out of date: python -m docs.generate.scale > docs/scale.md"
    )
