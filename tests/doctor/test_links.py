"""Each link of the doctor alone: what it answers, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.config import Config
from mysfits_stream.doctor import api, arrival, delivery
from mysfits_stream.doctor.api import Answer
from mysfits_stream.doctor.links import BROKEN, OK, UNKNOWN, WARNING, Link, examined
from mysfits_stream.doctor.resources import compared
from mysfits_stream.provision.resource import Observed
from tests.support.clicks_bucket import (
    NOON,
    Clock,
    MemoryS3,
    click,
    clicks_bucket,
    enriched,
    failed_line,
    key,
    lines,
)

ENDPOINT = "https://api.example.com/prod"
CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "OPTIONS,PUT",
    "access-control-allow-headers": "Content-Type",
}
MINUTE = timedelta(minutes=1)


def answers(*given: Answer | Exception) -> api.Http:
    """A network that answers one request after the other."""
    remaining = list(given)

    def send(method: str, url: str, headers: Any, body: str | None) -> Answer:
        answer = remaining.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return send


PREFLIGHT = Answer(200, CORS, "")
CLICK = {"userId": "doctor", "mysfitId": "m1"}
REFUSED = Answer(400, {}, '{"message": "Invalid request body"}')


def look(*given: Answer | Exception, click: Any = None, reason: str = "because") -> dict[str, Link]:
    found = api.links(ENDPOINT, ("*",), click, answers(*given), lambda _: reason)
    return {link.name: link for link in found}


def test_an_api_that_refuses_what_is_no_click_is_healthy() -> None:
    assert {link.status for link in look(PREFLIGHT, REFUSED).values()} == {OK}


def test_only_with_a_mysfit_a_click_is_sent() -> None:
    bodies: list[str | None] = []

    def send(method: str, url: str, headers: Any, body: str | None) -> Answer:
        bodies.append(body)
        return PREFLIGHT if method == "OPTIONS" else Answer(200, {}, "")

    list(api.links(ENDPOINT, ("*",), CLICK, send, lambda _: ""))
    assert json.loads(str(bodies[1])) == CLICK
    list(api.links(ENDPOINT, ("*",), None, send, lambda _: ""))
    assert bodies[3] == "{}"


def test_an_endpoint_without_an_answer_ends_the_walk_to_it() -> None:
    found = look(requests.ConnectionError("cannot resolve"))
    assert list(found) == ["endpoint"]
    assert (found["endpoint"].status, "cannot resolve" in found["endpoint"].detail) == (BROKEN, True)


@pytest.mark.parametrize(
    ("answer", "lack"),
    [
        (Answer(403, CORS, "Missing Authentication Token"), "answers 403"),
        (Answer(200, CORS | {"access-control-allow-origin": "https://other"}, ""), "https://other and not"),
        (Answer(200, {}, ""), "the origin (none)"),
        (Answer(200, CORS | {"access-control-allow-methods": "GET"}, ""), "PUT"),
        (Answer(200, CORS | {"access-control-allow-headers": ""}, ""), "Content-Type"),
    ],
    ids=["refused", "another origin", "no origin", "another method", "no header"],
)
def test_a_preflight_that_keeps_browsers_out_is_broken(answer: Answer, lack: str) -> None:
    link = look(answer, REFUSED)["preflight"]
    assert link.status == BROKEN
    assert lack in link.detail


@pytest.mark.parametrize(
    ("answer", "mysfit", "reason", "advice"),
    [
        (Answer(200, {}, ""), None, "", "mysfits-stream up"),
        (Answer(403, {}, "Forbidden"), None, "", "mysfits-stream up"),
        (Answer(400, {}, "Invalid"), "m1", "", "mysfits-stream up"),
        (Answer(429, {}, "Too Many Requests"), "m1", "", "api.rate_limit"),
        (requests.Timeout("too slow"), "m1", "", "29 s"),
        (
            Answer(500, {}, "Internal server error"),
            "m1",
            "Execution failed due to configuration error: API Gateway does not have permission to assume the "
            "provided role",
            "not assumable",
        ),
        (Answer(502, {}, ""), "m1", '{"__type": "AccessDeniedException"}', "may not put records"),
        (Answer(502, {}, ""), "m1", '{"__type": "ResourceNotFoundException"}', "stream is gone"),
        (Answer(503, {}, ""), "m1", '{"__type": "ServiceUnavailableException"}', "quota"),
        (Answer(503, {}, ""), "m1", "something else", "mysfits-stream up"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_put_that_fails_is_broken_with_what_to_do(
    answer: Answer | Exception, mysfit: str | None, reason: str, advice: str
) -> None:
    link = look(PREFLIGHT, answer, click=mysfit and CLICK, reason=reason)["put"]
    assert link.status == BROKEN
    assert reason in link.detail
    assert advice in link.advice


def metrics(**points: list[tuple[int, float]]) -> delivery.Metrics:
    """Metrics by minutes before noon."""
    found = {name: [(NOON - MINUTE * ago, value) for ago, value in given] for name, given in points.items()}
    return delivery.Metrics({name: [] for name in delivery.METRICS} | found)


@pytest.mark.parametrize(
    ("measured", "link", "status"),
    [
        (metrics(), "records", UNKNOWN),
        (metrics(incoming=[(5, 3.0)]), "records", OK),
        (metrics(incoming=[(5, 3.0)], throttled=[(5, 2.0)]), "records", WARNING),
        (metrics(), "processing", UNKNOWN),
        (metrics(processing=[(9, 1.0), (5, 1.0)]), "processing", OK),
        (metrics(processing=[(9, 0.25), (5, 1.0)]), "processing", WARNING),
        (metrics(processing=[(9, 1.0), (5, 0.0)]), "processing", BROKEN),
        (metrics(delivery=[(5, 0.5)]), "delivery", BROKEN),
        (metrics(incoming=[(5, 3.0)]), "delivery", UNKNOWN),
        (metrics(incoming=[(30, 0.0), (5, 3.0)]), "delivery", UNKNOWN),
        (metrics(incoming=[(30, 3.0)]), "delivery", BROKEN),
        (metrics(incoming=[(30, 3.0)], delivery=[(28, 1.0)]), "delivery", OK),
    ],
    ids=[
        "nothing came in",
        "records came in",
        "some were throttled",
        "nothing was processed",
        "all was processed",
        "processing failed and recovered",
        "processing fails",
        "half of the writes fail",
        "what came in may still be buffered",
        "a minute without records does not count",
        "what came in long ago was never written",
        "what came in was written",
    ],
)
def test_metrics_tell_whether_a_link_works(measured: delivery.Metrics, link: str, status: str) -> None:
    found = {each.name: each for each in delivery.flow(measured, NOON, MINUTE * 10)}
    assert found[link].status == status


class Cloudwatch:
    """Answers with one point for each metric, on two pages; keeps the queries."""

    queries: list[Any]

    def get_paginator(self, operation: str) -> Cloudwatch:
        assert operation == "get_metric_data"
        return self

    def paginate(self, MetricDataQueries: list[Any], StartTime: datetime, **_: Any) -> Iterator[Any]:
        self.queries = MetricDataQueries
        for minutes in (1, 0):
            yield {
                "MetricDataResults": [
                    {"Id": query["Id"], "Timestamps": [StartTime + MINUTE * minutes], "Values": [2.0]}
                    for query in MetricDataQueries
                ]
            }


@pytest.mark.parametrize(
    ("window", "period"),
    [
        (timedelta(hours=1), 60),
        (timedelta(days=1), 60),
        (timedelta(days=7), 420),
        (timedelta(days=15), 900),
        (timedelta(days=16), 1200),
        (timedelta(days=64), 7200),
    ],
)
def test_metrics_are_asked_for_as_finely_as_cloudwatch_keeps_them(window: timedelta, period: int) -> None:
    cloudwatch = Cloudwatch()
    measured = delivery.measured(cloudwatch, "shop-clicks", "shop-processor", NOON - window, NOON)
    assert {query["MetricStat"]["Period"] for query in cloudwatch.queries} == {period}
    assert measured.points["incoming"] == [(NOON - window, 2.0), (NOON - window + MINUTE, 2.0)]
    assert measured.total("errors") == 4
    names = {
        query["MetricStat"]["Metric"]["Namespace"]: query["MetricStat"]["Metric"]["Dimensions"][0]
        for query in cloudwatch.queries
    }
    assert names == {
        "AWS/Firehose": {"Name": "DeliveryStreamName", "Value": "shop-clicks"},
        "AWS/Lambda": {"Name": "FunctionName", "Value": "shop-processor"},
    }


class Logs:
    """CloudWatch Logs with the events of one log stream."""

    def __init__(self, *messages: str) -> None:
        self.messages = messages

    def describe_log_streams(self, **_: Any) -> Any:
        return {"logStreams": [{"logStreamName": "a"}] if self.messages else []}

    def get_log_events(self, **_: Any) -> Any:
        return {
            "events": [
                {"timestamp": int(NOON.timestamp() * 1000) + n, "message": text}
                for n, text in enumerate(self.messages)
            ]
        }


class NoLogs:
    """CloudWatch Logs without the log group that is asked for."""

    def _missing(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "Logs")

    describe_log_streams = get_log_events = _missing


def test_an_error_log_without_errors_is_healthy_and_a_missing_one_is_said() -> None:
    assert delivery.error_log(Logs(), "g", "s", NOON).status == OK
    assert delivery.error_log(NoLogs(), "g", "s", NOON).status == WARNING


def test_the_error_log_is_counted_by_code_and_the_link_outweighs_single_records() -> None:
    single = json.dumps({"errorCode": "Lambda.ProcessingFailedStatus", "message": "no click"})
    denied = json.dumps({"errorCode": "S3.AccessDenied", "message": "Access was denied."})
    link = delivery.error_log(Logs(single, denied, single, "not JSON"), "g", "s", NOON)
    assert link.status == WARNING
    assert "2 x Lambda.ProcessingFailedStatus, 1 x S3.AccessDenied" in link.detail
    assert "delivery role" in link.advice


@pytest.mark.parametrize(
    ("codes", "advice"),
    [
        (["FunctionError"] * 4 + ["ResourceNotFound"], "processor is gone"),
        (["ResourceNotFound"] * 4 + ["FunctionError"], "see its log"),
        (["ResourceNotFound"] + ["ProcessingFailedStatus"] * 4, "processor is gone"),
        (["ProcessingFailedStatus"], "invalid clicks"),
    ],
    ids=["what fails since", "the latest counts", "single records do not", "unless there is nothing else"],
)
def test_the_error_logs_advice_is_on_what_fails_now(codes: list[str], advice: str) -> None:
    said = [json.dumps({"errorCode": f"Lambda.{code}", "message": f"said of {code}"}) for code in codes]
    link = delivery.error_log(Logs(*said), "g", "s", NOON)
    assert advice in link.advice


@pytest.mark.parametrize(
    ("complaint", "named"),
    [("the Mysfits service is in trouble", True), ("KeyError: 'x'", False)],
)
def test_the_mysfits_service_is_blamed_only_where_the_log_does(complaint: str, named: bool) -> None:
    log = delivery.function(None, Logs(json.dumps({"error": complaint})), "g", NOON)
    assert ("Mysfits service" in log.advice) is named
    measured = metrics(errors=[(3, 2.0)], processing=[(5, 0.0)])
    of_numbers = [*delivery.flow(measured, NOON, MINUTE), delivery.function(measured, Logs(), "g", NOON)]
    assert [link.name for link in of_numbers if "Mysfits service" in link.advice] == []


@pytest.mark.parametrize(
    ("messages", "status", "detail"),
    [
        (['{"records": 5, "ok": 5, "trouble": {}}', "START RequestId: x"], OK, "no errors"),
        (['{"records": 5, "error": "the Mysfits service is in trouble"}'], WARNING, "in trouble"),
        (["2026-11-23T12:00:00Z x Task timed out after 60.00 seconds"], WARNING, "Task timed out"),
        (["[ERROR] KeyError: 'x'"], WARNING, "KeyError"),
        (["RequestId: x Error: Runtime exited with error: exit status 1"], WARNING, "Runtime exited"),
    ],
    ids=["quiet", "service down", "timeout", "exception", "crash"],
)
def test_the_processors_log_tells_of_errors(messages: list[str], status: str, detail: str) -> None:
    link = delivery.function(None, Logs(*messages), "g", NOON)
    assert link.status == status
    assert detail in link.detail


def test_the_processors_metrics_tell_of_errors_and_throttles() -> None:
    measured = metrics(errors=[(3, 2.0)], throttles=[(3, 1.0)])
    link = delivery.function(measured, NoLogs(), "g", NOON)
    assert (link.status, link.detail) == (WARNING, "errors: 2, throttles: 1")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(200, {}, '{"mysfits": [{"goodevil": "x", "lawchaos": "y", "species": "z"}]}'), OK),
        (Answer(200, {}, '{"mysfits": [{"goodevil": "x", "lawchaos": "y", "species": "z"}, {}]}'), WARNING),
        (Answer(200, {}, '{"mysfits": []}'), BROKEN),
        (Answer(200, {}, '{"mysfits": [null]}'), BROKEN),
        (Answer(200, {}, "<html>"), BROKEN),
        (Answer(200, {}, "[]"), BROKEN),
        (Answer(503, {}, "down"), BROKEN),
        (requests.ConnectionError("refused"), BROKEN),
    ],
)
def test_the_mysfits_service_has_to_answer_with_mysfits(answer: Answer | Exception, status: str) -> None:
    assert (
        arrival.service("https://mysfits.example.com/", Config().definition, answers(answer)).status == status
    )


def failures(**by_code: int) -> ClicksBucket:
    """A bucket with failed clicks, each code so many minutes before noon."""
    s3 = MemoryS3(Clock())
    for code, ago in by_code.items():
        at = NOON - MINUTE * ago
        s3.objects[key(at, prefix="processing-failed/")] = lines(
            failed_line(click("a"), at, f"Lambda.{code}")
        )
    return clicks_bucket(s3)


@pytest.mark.parametrize(
    ("bucket", "delivered_ago", "status"),
    [
        (failures(), None, OK),
        (failures(ProcessingFailedStatus=5), None, WARNING),
        (failures(FunctionError=5), None, BROKEN),
        (failures(FunctionError=5), 9, BROKEN),
        (failures(FunctionError=5), 2, WARNING),
        (failures(FunctionError=5, ProcessingFailedStatus=1), 2, WARNING),
        (failures(FunctionError=500), None, OK),
    ],
    ids=[
        "none",
        "bad records alone break no link",
        "whole batches fail and nothing arrives",
        "they fail since clicks last arrived",
        "clicks arrived since",
        "a bad record after that changes nothing",
        "too long ago",
    ],
)
def test_failed_clicks_break_the_link_until_others_arrive(
    bucket: ClicksBucket, delivered_ago: int | None, status: str
) -> None:
    delivered = None if delivered_ago is None else NOON - MINUTE * delivered_ago
    assert arrival.failed_clicks(bucket, NOON - MINUTE * 60, NOON, delivered).status == status


def test_error_objects_that_cannot_be_read_are_not_taken_for_none() -> None:
    s3 = MemoryS3(Clock())
    unreadable = key(NOON - MINUTE, prefix="processing-failed/")
    s3.objects[unreadable] = lines(failed_line(b"x", NOON - MINUTE))
    s3.unreadable = {unreadable: "AccessDenied"}
    link = arrival.failed_clicks(clicks_bucket(s3), NOON - MINUTE * 60, NOON, None)
    assert (link.status, link.detail) == ("unknown", f"{unreadable} cannot be read (AccessDenied: no)")


def test_freshness_is_the_age_of_what_arrived_last() -> None:
    clock = Clock(NOON - MINUTE * 7)
    s3 = MemoryS3(clock)
    s3.objects[key(NOON - MINUTE * 8)] = lines(enriched(NOON - MINUTE * 8))
    link, at = arrival.freshness(clicks_bucket(s3), NOON - MINUTE * 60, NOON)
    assert (link.status, link.detail, at) == (OK, "the last clicks arrived 7 min ago", clock.at)
    link, at = arrival.freshness(clicks_bucket(MemoryS3(clock)), NOON - MINUTE * 60, NOON)
    assert (link.status, at) == (UNKNOWN, None)


def test_what_may_not_be_looked_at_is_unknown_and_ends_nothing() -> None:
    def denied() -> Iterator[Link]:
        yield Link("a", OK, "")
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricData")

    first, second = examined("metrics", denied)
    assert (first.status, second.name, second.status) == (OK, "metrics", UNKNOWN)
    assert "operator-policy" in second.advice


@dataclass(frozen=True)
class Thing:
    """A resource as far as the doctor asks it; ``found`` is what AWS answers."""

    name: str
    found: Observed | ClientError | None
    desired: dict[str, Any]
    type: str = "AWS::IAM::Role"

    def read(self) -> Observed | None:
        if isinstance(self.found, ClientError):
            raise self.found
        return self.found


def test_a_resource_that_may_not_be_read_hides_no_other() -> None:
    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetRole")
    things: Any = [
        Thing("processor", Observed("p", "arn:p", {"MemorySize": 512}), {"MemorySize": 256}),
        Thing("delivery-role", denied, {}),
        Thing("api-role", Observed("r", "arn:r", {"Policies": {}}), {"Policies": {"permissions": {}}}),
        Thing("clicks-api", Observed("a", "arn:a", {"Methods": {}}), {"Methods": {}}),
    ]
    assert [(link.name, link.status) for link in compared(things)] == [
        ("api-role", BROKEN),
        ("delivery-role", UNKNOWN),
        ("processor", WARNING),
    ]


def test_moments_in_details_are_those_of_utc() -> None:
    at = datetime.fromisoformat("2026-11-23T14:00:00+02:00")
    [records] = [each for each in delivery.flow(metrics(), NOON, MINUTE) if each.name == "records"]
    assert records.detail == "0 came in"
    measured = delivery.Metrics({name: [] for name in delivery.METRICS} | {"incoming": [(at, 1.0)]})
    first = next(delivery.flow(measured, NOON, MINUTE))
    assert first.detail == "1 came in, the last at 2026-11-23 12:00:00 UTC"
