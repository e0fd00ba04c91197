"""The cost of clicks: cases by hand, and docs/cost.md against its script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from docs.generate import cost as cost_document
from mysfits_stream import cost, prices
from mysfits_stream.config import Config, DeliveryConfig
from mysfits_stream.cost import WORKSHOP, Breakdown, Design, bill, design, monthly, parse_volume
from mysfits_stream.errors import ConfigError

DOCUMENT = Path(__file__).parents[1] / "docs" / "cost.md"


def dollars(breakdown: Breakdown, item: str) -> float:
    [line] = [line for line in breakdown.lines if line.item == item]
    return line.dollars


def quantity(breakdown: Breakdown, item: str) -> float:
    [line] = [line for line in breakdown.lines if line.item == item]
    return line.quantity


@pytest.mark.parametrize(
    ("price", "amount", "expected"),
    [
        pytest.param(prices.API_REQUESTS, 1e6, 3.50, id="a million requests cost the first tier's price"),
        pytest.param(prices.API_REQUESTS, 333e6, 1165.50, id="333 million fill the first tier"),
        pytest.param(prices.API_REQUESTS, 1e9, 1165.50 + 667 * 2.80, id="a billion fills two tiers"),
        pytest.param(
            prices.API_REQUESTS,
            21e9,
            1165.50 + 667 * 2.80 + 19_000 * 2.38 + 1_000 * 1.51,
            id="beyond 20 billion the last tier has no end",
        ),
        pytest.param(prices.FIREHOSE_GB, 512_000 + 1, 512_000 * 0.029 + 0.025, id="500 TB are 512,000 GB"),
        pytest.param(prices.S3_PUTS, 43_800, 0.219, id="a PUT a minute for a month"),
        pytest.param(prices.LOGS_GB, 10_240, 5_120.0, id="10 TB of logs"),
        pytest.param(prices.TRANSFER_GB, 0, 0.0, id="nothing costs nothing"),
    ],
)
def test_a_price_adds_up_its_tiers(price: prices.Price, amount: float, expected: float) -> None:
    assert price.dollars(amount) == pytest.approx(expected)


@pytest.mark.parametrize("price", prices.PRICES, ids=lambda price: price.item)
def test_tiers_climb_without_a_gap_and_never_get_dearer(price: prices.Price) -> None:
    limits = [limit for limit, _ in price.tiers]
    amounts = [amount for _, amount in price.tiers]
    assert limits == sorted(set(limits))
    assert limits[-1] == float("inf")
    assert amounts == sorted(amounts, reverse=True)


@pytest.mark.parametrize(
    ("clicks", "size", "billed"),
    [
        pytest.param(1, 99, 5120, id="a lone click is billed as 5 KB"),
        pytest.param(10, 10 * 99 + 9 + 2, 5120, id="commas and brackets hold ten together"),
        pytest.param(51, 5101, 5120, id="51 clicks are the most that fit 5 KB"),
        pytest.param(52, 5201, 10240, id="one more click takes the next 5 KB"),
    ],
)
def test_a_record_is_billed_in_steps_of_5_kb(clicks: int, size: int, billed: int) -> None:
    assert cost.record_bytes(clicks) == size
    assert cost.billed_bytes(clicks) == billed


def test_the_workshop_pays_for_two_requests_and_a_lookup_per_click() -> None:
    # A million clicks: one PUT, one preflight and one GET /mysfits/{id} each, all in the first tier.
    month = bill(WORKSHOP, 1e6)
    for item in ("API Gateway: clicks", "API Gateway: preflights", "API Gateway: Mysfits lookups"):
        assert quantity(month, item) == pytest.approx(1e6)
        assert dollars(month, item) == pytest.approx(3.50)
    # 1M x 5,120 B = 4.76837 GB at $0.029.
    assert dollars(month, "Firehose ingestion") == pytest.approx(4.76837158 * 0.029)
    # 2M answers of 500 B = 0.93132 GB at $0.09.
    assert dollars(month, "Data transfer out") == pytest.approx(0.93132257 * 0.09)


def test_the_workshops_lambda_bill_is_its_waiting_for_lookups() -> None:
    # 1M clicks in 2,628,000 s: 0.380518 a second, so 1 + 22.83105 records share a 60 s buffer.
    invocations = 1e6 / (1 + 1e6 / 2_628_000 * 60)
    # At 128 MB the function has 128/1769 of a vCPU, and each lookup waits 50 ms.
    seconds = (invocations * 0.003 + 1e6 * 15e-6) * 1769 / 128 + 1e6 * 0.05
    month = bill(WORKSHOP, 1e6)
    assert quantity(month, "Lambda requests") == pytest.approx(invocations)
    assert quantity(month, "Lambda duration") == pytest.approx(seconds / 8)
    assert quantity(month, "S3 PUT requests") == pytest.approx(invocations)


def test_forty_clicks_a_request_are_one_request_and_one_preflight_a_visit() -> None:
    month = monthly(Config(), 1e6, clicks_per_request=40)
    # 25,000 visits of 40 clicks.
    assert quantity(month, "API Gateway: clicks") == pytest.approx(25_000)
    assert quantity(month, "API Gateway: preflights") == pytest.approx(25_000)
    assert dollars(month, "API Gateway: clicks") == pytest.approx(25_000 * 3.5e-6)
    # An array of 40 clicks of 148 bytes in an envelope of 88 takes 6,049, two steps of Firehose's.
    assert quantity(month, "Firehose ingestion") == pytest.approx(25_000 * 10_240 / 1024**3)


@pytest.mark.parametrize(
    ("clicks_per_request", "kept", "expected"),
    [
        pytest.param(1, 3600, 1, id="an hour outlasts the visit"),
        pytest.param(1, 600, 3, id="ten minutes are over three times in half an hour"),
        pytest.param(1, 5, 40, id="a browser's own five seconds never help, as with no caching"),
        pytest.param(1, 0, 40, id="zero forbids keeping it"),
        pytest.param(10, 5, 4, id="there are never more preflights than requests"),
        pytest.param(80, 3600, 0.5, id="a request that carries two visits has half a preflight for each"),
    ],
)
def test_preflights_per_visit(clicks_per_request: int, kept: float, expected: float) -> None:
    changed = replace(WORKSHOP, clicks_per_request=clicks_per_request, preflight_seconds=kept)
    assert cost.preflights_per_visit(changed) == expected


def test_a_quiet_stream_flushes_every_record_alone() -> None:
    # Ten clicks a month: hardly ever two within a minute.
    invocations, _, lookups = cost.processor_work(WORKSHOP, 10)
    assert invocations == pytest.approx(10, rel=0.001)
    assert lookups == 10


def test_a_busy_stream_fills_its_buffers() -> None:
    # 10^12 clicks of 99 B: a 1 MB buffer is full after 10,591.7 of them, long before 60 s.
    invocations, _, _ = cost.processor_work(WORKSHOP, 1e12)
    assert invocations == pytest.approx(1e12 / (1 + 1024**2 / 99))
    # And 50 MB objects hold 50 MB of lines.
    written = cost.objects(WORKSHOP, 1e12, invocations)
    assert written == pytest.approx(1e12 * cost.ENRICHED_BYTES / (50 * 1024**2))


def test_the_cache_asks_for_each_mysfit_once_per_lifetime() -> None:
    # One running function, 12 mysfits, every 300 s: 2,628,000 / 300 x 12.
    _, _, lookups = cost.processor_work(design(Config()), 1e8)
    assert lookups == pytest.approx(105_120)


def test_five_times_the_delivery_buffer_writes_a_fifth_of_the_objects() -> None:
    shorter, longer = WORKSHOP, replace(WORKSHOP, delivery_buffer_seconds=300)
    puts = [quantity(bill(each, 1e8), "S3 PUT requests") for each in (shorter, longer)]
    assert puts[0] / puts[1] == pytest.approx(5, rel=0.01)


def test_compression_shrinks_storage_only() -> None:
    plain = monthly(Config(), 1e8)
    packed = monthly(Config(delivery=DeliveryConfig(compression="GZIP")), 1e8)
    saved = dollars(plain, "S3 storage, a month") - dollars(packed, "S3 storage, a month")
    assert saved == pytest.approx(dollars(plain, "S3 storage, a month") * 0.8)
    assert plain.total - packed.total == pytest.approx(saved)


def test_the_total_is_the_sum_of_the_lines_and_per_million_its_share() -> None:
    month = monthly(Config(), 4e6)
    assert month.total == pytest.approx(sum(line.dollars for line in month.lines))
    assert month.per_million == pytest.approx(month.total / 4)
    assert all(line.dollars > 0 and line.quantity > 0 for line in month.lines)


@pytest.mark.parametrize("volume", [1e3, 1e6, 1e8, 1e10])
def test_every_larger_batch_up_to_5_kb_is_cheaper(volume: float) -> None:
    totals = [monthly(Config(), volume, n).total for n in (1, 5, 10, 20, 40)]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == len(totals)


def test_the_price_follows_the_configured_architecture() -> None:
    def seconds_price(each: Design) -> float:
        month = bill(each, 1e6)
        return dollars(month, "Lambda duration") / quantity(month, "Lambda duration")

    ours = design(Config())
    assert seconds_price(ours) == pytest.approx(0.0000133334)
    assert seconds_price(replace(ours, architecture="x86_64")) == pytest.approx(0.0000166667)


@pytest.mark.parametrize(
    ("text", "clicks"),
    [
        ("1M/month", 1e6),
        ("1m / Month", 1e6),
        ("2.5G/month", 2.5e9),
        ("2b/month", 2e9),
        ("730/month", 730),
        ("12k/year", 1000),
        ("24/day", 730),
        ("1/hour", 730),
        ("1/minute", 43_800),
        ("20/second", 52_560_000),
        ("20/s", 52_560_000),
    ],
)
def test_a_volume_is_read_as_clicks_a_month(text: str, clicks: float) -> None:
    assert parse_volume(text) == pytest.approx(clicks)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("1M", "such as 1M/month", id="the period is missing"),
        pytest.param("", "such as 1M/month", id="nothing at all"),
        pytest.param("many/month", "such as 1M/month", id="no number"),
        pytest.param("-1/month", "such as 1M/month", id="negative"),
        pytest.param("1T/month", "such as 1M/month", id="an unknown multiple"),
        pytest.param("١/month", "such as 1M/month", id="a digit of another script"),
        pytest.param("1M/fortnight", "unknown period 'fortnight'; known: second", id="an unknown period"),
        pytest.param("0/month", "more than 0", id="zero"),
        pytest.param("9" * 400 + "/month", "at most 1e15", id="more than a float holds"),
    ],
)
def test_a_volume_that_is_none_is_explained(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"^--clicks: ") as caught:
        parse_volume(text)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (0, "$0"),
        (0.00001, "$0"),
        (0.0012345, "$0.00123"),
        (0.192, "$0.192"),
        (9.999, "$10.00"),
        (10.88, "$10.9"),
        (1087.6, "$1,088"),
        (-0.00621, "-$0.00621"),
    ],
)
def test_amounts_are_shown_with_three_digits(amount: float, shown: str) -> None:
    assert cost_document.dollars(amount) == shown


def test_the_document_is_what_the_script_writes() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == cost_document.document() + "\n", (
        "docs/cost.md is out of date: python -m docs.generate.cost > docs/cost.md"
    )
