from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from mysfits_stream.clicks import sending
from mysfits_stream.clicks.sending import TestClick
from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from tests.support.clicks_bucket import (
    NOON,
    Clock,
    MemoryS3,
    clicks_bucket,
    enriched,
    failed_line,
    key,
    lines,
)

ENDPOINT = "https://api.example.com/prod"
ACCEPTED = (200, '{"status": "accepted"}')
Answer = tuple[int, str] | Exception


ID = "the-id-of-our-click"


def ours(user: str = "ann", mysfit: str = "m1", click_id: str = ID) -> TestClick:
    return TestClick({"userId": user, "mysfitId": mysfit}, click_id)


def landed(at: datetime, click_id: str = ID, **others: str) -> dict[str, str]:
    return enriched(at, **others) | {"clickId": click_id}


class Api:
    """Answers puts with what it is told, the last answer for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.puts: list[tuple[str, Mapping[str, Any]]] = []

    def put(self, url: str, click: Mapping[str, Any]) -> tuple[int, str]:
        self.puts.append((url, click))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def send(api: Api, clock: Clock, *clicks: TestClick) -> list[TestClick]:
    clicks = clicks or (ours(),)
    return sending.send(ENDPOINT, clicks, clock.pace, put=api.put, clock=clock.seconds)


def test_a_click_is_put_to_the_endpoint() -> None:
    api = Api(ACCEPTED)
    [click] = send(api, Clock())
    assert click.status == "accepted"
    assert api.puts == [(f"{ENDPOINT}/clicks", {"userId": "ann", "mysfitId": "m1", "clickId": ID})]


@pytest.mark.parametrize(
    "not_yet",
    [
        (403, '{"message":"Missing Authentication Token"}'),
        (403, '{"message":"Forbidden"}'),
        (404, ""),
        (429, '{"message":"Too Many Requests"}'),
        (500, '{"message": "Internal server error"}'),
        (502, '{"message": "The click could not be stored"}'),
        (503, ""),
        requests.ConnectionError("cannot resolve"),
    ],
    ids=str,
)
def test_what_a_new_deployment_may_answer_is_waited_out(not_yet: Answer) -> None:
    clock = Clock()
    [click] = send(Api(not_yet, not_yet, ACCEPTED), clock)
    assert click.status == "accepted"
    assert click.accepted == (clock.at - NOON).total_seconds() > 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("100000", 30.0), ("soon", 0.25), ("-1", 0.25), (None, 0.25)],
    ids=str,
)
def test_a_throttled_click_waits_as_long_as_the_api_asks_for(header: str | None, seconds: float) -> None:
    clock = Clock()
    throttled = sending.Answer(429, "", sending.retry_after(header))
    [click] = send(Api(throttled, ACCEPTED), clock)
    assert (click.status, click.accepted) == ("accepted", seconds)


@pytest.mark.parametrize(
    "answer",
    [(400, '{"message": "Invalid request body"}'), (401, ""), (415, ""), (204, "")],
    ids=str,
)
def test_what_cannot_pass_is_refused_at_once_with_the_apis_words(answer: tuple[int, str]) -> None:
    api = Api(answer)
    [click] = send(api, Clock())
    assert (click.status, click.reason) == ("refused", f"HTTP {answer[0]}: {answer[1]}")
    assert len(api.puts) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, '{"message": "Internal server error"}'), "HTTP 500"),
        (requests.ConnectionError("no route"), "no route"),
    ],
)
def test_an_api_that_never_gets_ready_is_given_up_after_its_budget(answer: Answer, reason: str) -> None:
    clock = Clock()
    [click] = send(Api(answer), clock)
    assert click.status == "refused"
    assert reason in str(click.reason)
    assert 100 <= (clock.at - NOON).total_seconds() <= 120


CLICK = json.dumps({"userId": "ann", "mysfitId": "m1", "clickId": ID}).encode()


class Delivery:
    """Clicks accepted at noon, and a bucket in which objects appear while they are followed."""

    def __init__(self, *clicks: TestClick) -> None:
        self.clock = Clock()
        self.s3 = MemoryS3(self.clock)
        began = self.clock.seconds()
        self.clicks = [
            replace(each, status="accepted", began=began, accepted=0.1) for each in clicks or (ours(),)
        ]
        self._landing: list[tuple[float, str, bytes]] = []
        self.clock.on_sleep = self._land

    def lands(self, after: float, name: str, body: bytes) -> None:
        self._landing.append((after, name, body))

    def _land(self) -> None:
        for after, name, body in self._landing:
            if (self.clock.at - NOON).total_seconds() >= after:
                self.s3.objects[name] = body

    def follow(self, budget: float = 180) -> list[TestClick]:
        return sending.follow(
            self.clicks,
            clicks_bucket(self.s3),
            NOON,
            budget=budget,
            pace=self.clock.pace,
            clock=self.clock.seconds,
        )


def test_a_click_is_followed_to_the_object_that_holds_it() -> None:
    world = Delivery()
    record, name = landed(NOON + timedelta(seconds=1)), key(NOON - timedelta(seconds=30))
    world.lands(75, name, lines(enriched(NOON, "bob"), record))
    [click] = world.follow()
    assert (click.status, click.record, click.object) == ("delivered", record, name)
    assert 75 <= click.seconds <= 78
    assert click.arrived == record["clickedAt"]


def test_the_document_of_a_click_has_the_keys_that_are_promised() -> None:
    world = Delivery()
    world.lands(1, key(NOON), lines(landed(NOON)))
    document = world.follow()[0].document()
    result = ["status", "record", "object", "seconds"]
    assert list(document) == ["userId", "mysfitId", "click", "clickId", *result]
    assert json.loads(json.dumps(document)) == document


def test_another_click_of_the_same_user_on_the_same_mysfit_is_not_taken_for_ours() -> None:
    world = Delivery()
    world.lands(1, key(NOON, 1), lines(enriched(NOON), landed(NOON, "the-id-of-another")))
    world.lands(60, key(NOON, 2), lines(landed(NOON + timedelta(seconds=1))))
    [click] = world.follow()
    assert click.object == key(NOON, 2)


def test_a_record_stands_for_one_click_only() -> None:
    world = Delivery(*(ours(click_id=f"click-id-{n}") for n in range(3)))
    one, two, three = (landed(NOON + timedelta(seconds=n), f"click-id-{n}") for n in range(3))
    world.lands(5, key(NOON, 1), lines(two, two))
    world.lands(9, key(NOON, 2), lines(one))
    world.lands(9, key(NOON, 3), lines(three))
    assert [click.record for click in world.follow()] == [one, two, three]


def test_each_object_is_read_once() -> None:
    world = Delivery()
    world.lands(1, key(NOON, 1), lines(enriched(NOON, "bob")))
    world.lands(40, key(NOON, 2), lines(landed(NOON)))
    world.follow()
    assert [name for operation, name in world.s3.calls if operation == "get"] == [key(NOON, 1), key(NOON, 2)]


@pytest.mark.parametrize(
    "data",
    [CLICK, b"[1," + CLICK + b"]", b'{"v": 1, "clicks": [' + CLICK + b"]}"],
    ids=["alone", "array", "envelope"],
)
def test_a_click_that_failed_is_found_with_its_error(data: bytes) -> None:
    world = Delivery()
    name = key(NOON, prefix="processing-failed/")
    world.lands(20, name, b"broken\n" + lines(failed_line(b"\xff", NOON), failed_line(data, NOON)))
    [click] = world.follow()
    assert (click.status, click.object) == ("failed", name)
    assert click.reason == "Lambda.FunctionError: it broke"


def test_a_click_that_does_not_arrive_in_time_is_not_delivered() -> None:
    world = Delivery()
    world.lands(1, key(NOON, 1) + ".gz", b"\x1f\x8bbroken")
    [click] = world.follow(budget=60)
    assert click.status == "not-delivered"
    assert "doctor" in str(click.reason)
    assert 55 <= click.seconds <= 60


def test_failed_records_of_others_in_any_shape_are_passed_over() -> None:
    world = Delivery()
    odd = [b'{"clickId": {}, "mysfitId": []}', b"5", b"[]", b'{"mysfitId": "m1"}', b"[" * 50_000]
    world.lands(1, key(NOON, 1, prefix="processing-failed/"), lines(*(failed_line(x, NOON) for x in odd)))
    world.lands(9, key(NOON, 2), lines(landed(NOON)))
    assert world.follow()[0].status == "delivered"


def test_refused_clicks_are_not_looked_for() -> None:
    world = Delivery()
    world.clicks = [replace(ours(), status="refused", reason="HTTP 400")]
    assert world.follow() == world.clicks
    assert world.s3.calls == []


@pytest.mark.parametrize(
    ("settings", "time_scale", "seconds"),
    [
        ({}, 1.0, 240.0),
        ({}, 120.0, 61.5),
        ({"processor": {"buffer_seconds": 900}, "delivery": {"buffer_seconds": 900}}, 1.0, 1920.0),
    ],
    ids=["on AWS", "on a faster cloud", "with the longest buffers"],
)
def test_a_click_is_given_the_time_that_its_buffers_take(
    settings: dict[str, dict[str, int]], time_scale: float, seconds: float
) -> None:
    config: Config = parse(settings)
    assert sending.default_timeout(config, time_scale) == seconds


class Recorder(BaseHTTPRequestHandler):
    """Answers a put with what it was sent."""

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = json.dumps({"headers": {k.lower(): v for k, v in self.headers.items()}, "body": body}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


def test_a_browsers_headers_go_with_a_click() -> None:
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    server.timeout = 10
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/clicks"
        status, body = sending.put(url, {"userId": "é", "mysfitId": "m1"})
    finally:
        thread.join()
        server.server_close()
    assert status == 200
    said = json.loads(body)
    assert said["headers"]["content-type"] == "application/json"
    assert said["headers"]["origin"] == sending.ORIGIN
    assert said["headers"]["x-mysfits-test"] == "1"
    assert json.loads(said["body"]) == {"userId": "é", "mysfitId": "m1"}
