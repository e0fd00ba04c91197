"""The most that a day costs: by hand, for every setting, and under a flood."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from mysfits_stream import cost_ceiling, prices
from mysfits_stream.config import ApiConfig, Config, ProcessorConfig
from mysfits_stream.config_file import parse
from mysfits_stream.cost_ceiling import GB, billed_bytes, largest_click, largest_record
from mysfits_stream.errors import ConfigError
from mysfits_stream.operations.left_behind import lowered_limits
from mysfits_stream.provision.engine import Action, Change
from tests.support.deployment import Deployment

DAY = 86_400


def dollars(config: Config, item: str) -> float:
    [found] = [amount for name, amount in cost_ceiling.of(config).lines if name == item]
    return found


def test_the_defaults_cost_less_than_thirty_dollars_a_day() -> None:
    found = cost_ceiling.of(Config())
    assert found.document() == {"perDay": 29.94, "requestsPerSecond": 80, "pricesOf": "us-east-1, 2025-10"}


def test_the_sentence_names_region_and_month_of_the_prices() -> None:
    sentence = cost_ceiling.of(Config(region="sa-east-1")).sentence()
    assert "(prices of us-east-1, 2025-10; other regions cost up to about twice as much; " in sentence


def test_the_prices_are_as_old_as_the_oldest() -> None:
    assert prices.origin([prices.TRANSFER_GB, prices.S3_PUTS, prices.LOGS_GB]) == "us-east-1, 2025-10"
    assert prices.origin([prices.TRANSFER_GB]) == "us-east-1, 2026-06"


def test_each_method_reaches_the_limit_and_one_burst() -> None:
    config = Config(api=ApiConfig(rate_limit=10, burst_limit=50))
    requests_a_day = 10 * DAY + 50
    for method in ("PUT", "OPTIONS"):
        assert dollars(config, f"API Gateway: {method}") == pytest.approx(requests_a_day * 3.5e-6)


def test_every_record_is_the_largest_and_rounded_up_to_5_kb() -> None:
    config = Config(api=ApiConfig(rate_limit=10, burst_limit=50, max_clicks_per_request=2))
    # {"userId":"…","mysfitId":"…","clickId":"…"}: 40 bytes, 128 characters of 3 bytes, and twice 64 of ASCII.
    assert largest_click(config.definition) == 40 + 384 + 64 + 64
    assert largest_record(config) == 256 + 2 * 552 + 3
    assert dollars(config, "Firehose ingestion") == pytest.approx((10 * DAY + 50) * 5120 / GB * 0.029)


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ({"type": "string", "maxLength": 10}, 32),
        ({"type": "string", "maxLength": 10, "pattern": "^[a-z]{1,20}$"}, 12),
        ({"type": "string", "pattern": '^["a]{1,10}$'}, 22),
        ({"type": "string", "enum": ["a", "éé"]}, 6),
        ({"type": "integer", "minimum": -5, "maximum": 1000}, 4),
        ({"type": "integer"}, 17),
        ({"type": "number"}, 24),
        ({"type": "boolean"}, 5),
    ],
    ids=str,
)
def test_a_field_is_as_large_as_its_largest_value(field: dict[str, Any], size: int) -> None:
    config = parse({"click": {"fields": {"a": field}, "user": None}, "enrich": None})
    assert largest_click(config.definition) == len('{"a":,"clickId":""}') + 64 + size


def test_no_record_is_larger_than_firehose_accepts() -> None:
    fields = {f"field{number}": {"maxLength": 2048} for number in range(5)}
    config = parse({"click": {"fields": fields}, "enrich": None, "api": {"max_clicks_per_request": 500}})
    assert largest_record(config) == 1_024_000


@pytest.mark.parametrize("money", [1, 2.5, 5, 29.94, 1000])
@pytest.mark.parametrize("memory", [128, 10240])
@pytest.mark.parametrize("clicks", [1, 500])
def test_a_sum_of_money_pays_for_the_highest_limit_that_it_covers(
    money: float, memory: int, clicks: int
) -> None:
    config = Config(
        api=ApiConfig(max_cost_per_day=money, max_clicks_per_request=clicks),
        processor=ProcessorConfig(memory_mb=memory),
    )
    rate = cost_ceiling.rate_limit(config)
    assert cost_ceiling.of(config).per_day <= money
    assert cost_ceiling.ceiling(config, rate + 0.01).per_day > money


def test_more_money_than_the_highest_limit_costs_sets_the_highest_limit() -> None:
    assert cost_ceiling.rate_limit(Config(api=ApiConfig(max_cost_per_day=100_000))) == 10_000


def test_a_dollar_pays_for_some_requests_of_the_dearest_configuration() -> None:
    fields = {f"field{number}": {"maxLength": 2048} for number in range(10)}
    api = {"burst_limit": 5000, "max_cost_per_day": 1, "max_clicks_per_request": 500}
    config = parse(
        {
            "click": {"fields": fields},
            "enrich": None,
            "api": api,
            "processor": {"memory_mb": 10240, "architecture": "x86_64", "buffer_mb": 0.2},
            "delivery": {"buffer_seconds": 0, "buffer_mb": 1},
        }
    )
    assert cost_ceiling.rate_limit(config) > 0


def test_the_throttle_of_the_stack_follows_from_the_money(deployment: Deployment) -> None:
    deployment.config = Config(api=ApiConfig(max_cost_per_day=5))
    api = deployment.resource("clicks-api")
    assert api.desired["MethodSettings"]["*/*"]["throttlingRateLimit"] == cost_ceiling.rate_limit(
        deployment.config
    )


def test_money_and_a_rate_together_are_an_error_that_names_both() -> None:
    with pytest.raises(ConfigError, match=r"api\.max_cost_per_day and api\.rate_limit"):
        parse({"api": {"max_cost_per_day": 5, "rate_limit": 10}})
    assert parse({"api": {"max_cost_per_day": None, "rate_limit": 10}}).api.rate_limit == 10


def changed(observed: Any, desired: Any) -> list[Change]:
    class Api:
        name = "clicks-api"

    api: Any = Api()
    return [Change(api, Action.UPDATE, None, {"MethodSettings": (observed, desired)})]


def settings(rate: float) -> dict[str, Any]:
    return {"*/*": {"throttlingRateLimit": rate, "throttlingBurstLimit": 100}}


def test_a_lower_limit_is_said_in_words() -> None:
    lowered = changed(settings(1000.0), settings(40))
    assert list(lowered_limits(Config(), lowered)) == [
        "clicks-api: lowers the limit from 1000 to 40 requests a second; set api.rate_limit to keep it"
    ]
    [paid] = lowered_limits(Config(api=ApiConfig(max_cost_per_day=5)), lowered)
    assert paid.endswith("raise api.max_cost_per_day to keep it")


@pytest.mark.parametrize("observed", [settings(40), settings(10), {}, None, {"*/*": {}}], ids=str)
def test_another_change_of_the_limit_is_not(observed: Any) -> None:
    assert list(lowered_limits(Config(), changed(observed, settings(40)))) == []


@pytest.mark.parametrize("text", ["x", "é", "€"], ids=ascii)
def test_a_flood_never_costs_more_than_the_ceiling(deployment: Deployment, text: str) -> None:
    deployment.config = Config(api=ApiConfig(rate_limit=4, burst_limit=8, max_clicks_per_request=12))
    deployment.deploy()
    click = {"userId": text * 128, "mysfitId": "m" * 64, "clickId": "c" * 64}
    body = json.dumps([click] * 12, ensure_ascii=False).encode()
    url, cloud = deployment.clicks_url, deployment.cloud
    preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}
    # The deployment itself sends preflights.
    cloud.clock.advance(10)
    cloud.cloud.firehose.take_metrics()
    per_day = cost_ceiling.of(deployment.config).per_day
    burst = cost_ceiling.ceiling(deployment.config, 0).per_day
    spent, accepted = 0.0, 0
    with requests.Session() as session:
        for second in range(1, 11):
            statuses = [
                session.put(url, data=body, headers={"Content-Type": "application/json"}).status_code
                for _ in range(14)
            ] + [session.options(url, headers=preflight).status_code for _ in range(14)]
            assert set(statuses) <= {200, 429}
            counted = {each.name: each.value for each in cloud.cloud.firehose.take_metrics()}
            records = int(counted["IncomingRecords"])
            billed = records * billed_bytes(int(counted["IncomingBytes"] / records))
            accepted += statuses.count(200)
            spent += statuses.count(200) * prices.API_REQUESTS.tiers[0][1]
            spent += billed / GB * prices.FIREHOSE_GB.tiers[0][1]
            assert spent <= burst + (per_day - burst) * second / DAY, second
            cloud.clock.advance(1)
    # The flood reached the limit: both bursts, and the rate of both methods.
    assert accepted == 2 * (8 + 9 * 4)
