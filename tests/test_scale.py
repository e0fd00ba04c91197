"""Where the ceilings are: cases worked out by hand, the simulation, and docs/scale.md against its script."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import scale, scale_document
from benchmarks.scale import LARGE, NEWER, OTHER, Bucket, Ceiling, Region, Traffic, ceilings

DOCUMENT = Path(__file__).parents[1] / "docs" / "scale.md"


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
        pytest.param(1, LARGE, "Firehose data", 5 * 1024**2 / 99, id="99 bytes a click"),
        pytest.param(40, OTHER, "Firehose data", 1024**2 / (4001 / 40), id="4,001 bytes for forty"),
        # A visit of 40 clicks is 40 requests and a preflight: 1.025 a click.
        pytest.param(1, LARGE, "API Gateway, account", 10_000 / 1.025, id="preflights count too"),
        pytest.param(40, NEWER, "API Gateway, account", 2_500 / (2 / 40), id="a newer region"),
        pytest.param(10, LARGE, "the stage's own throttle", 10_000, id="1,000 requests a second by default"),
    ],
)
def test_a_quota_is_used_up_at(
    clicks_per_request: int, region: Region, quota: str, clicks_per_second: float
) -> None:
    assert scale.reached_at(clicks_per_request, quota, region) == pytest.approx(clicks_per_second)


def test_the_quota_with_the_largest_share_comes_first() -> None:
    shares = [ceiling.used for ceiling in ceilings(10_000, 10, LARGE)]
    assert shares == sorted(shares, reverse=True)


def test_lambda_needs_what_littles_law_says() -> None:
    # 10,000 lone clicks a second fill 1 MB buffers of 10,591.7 clicks; at 256 MB a vCPU is 6.91 times slower.
    found = of(ceilings(10_000, 1, LARGE), "Lambda")
    invocations = 10_000 / (1 + 1024**2 / 99)
    working = (invocations * 0.003 + 10_000 * 15e-6) * 1769 / 256
    # Those run in 1.0566 environments, each looking all mysfits up, at once, every 300 s.
    assert found.needed == pytest.approx(working * (1 + 0.05 / 300))


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
    ceiling = Ceiling("quota", "unit", needed, allowed, "ask")
    assert ceiling.tight is tight
    assert ceiling.wanted == pytest.approx(wanted)


def test_payloads_of_a_full_buffer_by_hand() -> None:
    # 10,591 records of 99 B. The request's envelope is 130 B and base64 makes 132 of the 99;
    # the answer's envelope is 100 B and the 212 B of an enriched click become 284.
    request, response = scale.payloads(1, 1)
    assert request == 10_591 * (130 + 132)
    assert response == 10_591 * (100 + 284)


@pytest.mark.parametrize("clicks_per_request", [1, 10, 40])
def test_the_largest_buffer_fits_and_the_next_does_not(clicks_per_request: int) -> None:
    largest = scale.largest_buffer(clicks_per_request)
    assert max(scale.payloads(clicks_per_request, largest)) <= 6_000_000
    assert max(scale.payloads(clicks_per_request, largest + 0.1)) > 6_000_000


def test_the_workshops_function_times_out_from_ten_clicks_a_second() -> None:
    # 60 s x 10 clicks x 50 ms = 30 s.
    assert scale.workshop_ceiling() == pytest.approx(10)


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
    assert scale.throttled_by_arithmetic(bucket, traffic) == pytest.approx(refused)
    assert scale.throttled_by_simulation(bucket, traffic) == pytest.approx(refused, abs=0.01)


@pytest.mark.parametrize(("what", "traffic", "bucket"), scale_document.BURSTS)
def test_every_burst_in_the_document_is_confirmed_for_another_seed(
    what: str, traffic: Traffic, bucket: Bucket
) -> None:
    simulated = scale.throttled_by_simulation(bucket, traffic, minutes=3, seed=7)
    assert simulated == pytest.approx(scale.throttled_by_arithmetic(bucket, traffic), abs=0.02), what


def test_the_same_seed_gives_the_same_traffic() -> None:
    runs = [scale.throttled_by_simulation(Bucket(50, 5), Traffic(49), 1, seed) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


def test_even_below_the_rate_random_arrivals_meet_an_empty_bucket_without_a_burst() -> None:
    # Arithmetic on means says nothing is refused; chance says otherwise when the bucket is one request deep.
    bucket, traffic = Bucket(50, 1), Traffic(49)
    assert scale.throttled_by_arithmetic(bucket, traffic) == 0
    assert scale.throttled_by_simulation(bucket, traffic) > 0.2


@pytest.mark.parametrize("rate", scale_document.RATES)
def test_batching_never_brings_a_ceiling_closer(rate: int) -> None:
    first = [ceilings(rate, n, LARGE)[0].used for n in (1, 10, 40)]
    assert first == sorted(first, reverse=True)


def test_the_document_is_what_the_script_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == scale_document.document() + "\n", (
        "docs/scale.md is out of date: python -m benchmarks.scale_document > docs/scale.md"
    )
