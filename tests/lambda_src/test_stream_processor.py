"""What the processor makes of clicks, and what it does while the Mysfits service is in trouble."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from mysfits_stream.lambda_src import stream_processor
from mysfits_stream.lambda_src.stream_processor import (
    CACHED_ITEMS,
    MAX_ANSWER_BYTES,
    Connections,
    Items,
    MysfitsService,
    Page,
    ServiceError,
    answer,
    attributes_of,
    iso_time,
    read,
)
from tests.support.scripted_mysfits import (
    DEFINITION,
    HEALTHY,
    HYDRA,
    SPHINX,
    Reply,
    ScriptedService,
    World,
    click,
    envelope,
    event,
    lines,
    results,
    says,
)

OK, FAILED = "Ok", "ProcessingFailed"
WORKSHOP = ["userId", "mysfitId", "goodevil", "lawchaos", "species"]
LINE = [*WORKSHOP, "name", "clickedAt", "clickId", "requestId"]
CLICK = {"userId": "Ada", "mysfitId": "hydra-1"}
UNKNOWN = dict.fromkeys(("goodevil", "lawchaos", "species", "name")) | {"enriched": False}


def test_a_click_becomes_a_line_with_its_mysfits_attributes_and_the_requests_time_and_id() -> None:
    [record] = World().process(envelope({"userId": "Ada", "mysfitId": "hydra-1"}))
    assert record["recordId"] == f"{0:056d}"
    assert lines(record) == [
        {
            "userId": "Ada",
            "mysfitId": "hydra-1",
            "goodevil": "Evil",
            "lawchaos": "Chaotic",
            "species": "Hydra",
            "name": "Lerna",
            "clickedAt": "2017-05-18T02:02:24.453Z",
            "clickId": "request-1:0",
            "requestId": "request-1",
        }
    ]
    assert list(lines(record)[0]) == LINE


def test_the_time_of_a_click_has_its_milliseconds_padded() -> None:
    assert iso_time(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
    assert iso_time(0) == "1970-01-01T00:00:00.000Z"


def test_an_array_of_clicks_becomes_as_many_lines_in_one_record() -> None:
    [record] = World().process(
        b"[" + b",".join([click("hydra-1"), click("sphinx_2"), click("hydra-1")]) + b"]"
    )
    assert [line["species"] for line in lines(record)] == ["Hydra", "Sphinx", "Hydra"]


def test_the_clicks_of_an_envelope_are_numbered_from_its_first() -> None:
    [record] = World().process(envelope([CLICK, CLICK], first=7))
    assert [line["clickId"] for line in lines(record)] == ["request-1:7", "request-1:8"]


def test_a_click_keeps_the_id_that_its_client_gave() -> None:
    [record] = World().process(envelope([CLICK | {"clickId": "a-clients-own-id"}, CLICK]))
    assert [line["clickId"] for line in lines(record)] == ["a-clients-own-id", "request-1:1"]


def test_a_record_without_an_envelope_has_the_time_of_its_arrival_and_a_stable_id() -> None:
    """F144: Firehose's record id and the content stay the same when an invocation is retried."""
    first, again = World().process(click()), World().process(click())
    [line] = lines(first[0])
    assert line["clickedAt"] == "2017-05-18T02:02:29.453Z"
    assert line["clickId"] == f"{line['requestId']}:0"
    assert first == again
    other = World().process(click(user="another"))
    assert lines(other[0])[0]["requestId"] != line["requestId"]


def test_a_test_click_says_so() -> None:
    [record] = World().process(envelope(CLICK, test=True))
    [line] = lines(record)
    assert line["test"] is True
    assert list(line) == [*LINE[:6], "test", *LINE[6:]]


def test_a_visitor_with_global_privacy_control_becomes_a_guest() -> None:
    [record] = World().process(envelope([CLICK, CLICK], gpc=True))
    assert [line["userId"] for line in lines(record)] == ["guest", "guest"]
    ignoring = World(definition=defined({"privacy": {"gpc": "ignore"}}))
    [record] = ignoring.process(envelope(CLICK, gpc=True))
    assert [line["userId"] for line in lines(record)] == ["Ada"]


def test_the_user_of_an_earlier_definition_becomes_a_guest_though_that_field_is_unknown_now() -> None:
    """Texts that the current definition lacks: one of these is the user."""
    world = World(definition=defined(SHOP))
    earlier = {"who": "Ada", "visitorId": "Ada", "campaign": "may", "age": 37, "clickId": "click-id-1"}
    [record] = world.process(envelope(earlier, definition="0a1b2c3d", gpc=True))
    [line] = lines(record)
    assert (line["who"], line["visitorId"], line["campaign"], line["age"]) == ("guest", "guest", "may", 37)
    assert line["clickId"] == "click-id-1"


def test_a_click_without_any_field_is_a_line_too() -> None:
    settings = {"click": {"fields": {"campaign": {"maxLength": 9, "required": False}}}, "enrich": None}
    bare = World(definition=defined(settings))
    [record, identified] = bare.process(b"{}", b'{"clickId": "click-id-1"}')
    assert [list(lines(each)[0]) for each in (record, identified)] == [LINE[6:]] * 2
    assert lines(identified)[0]["clickId"] == "click-id-1"


ODD_ENVELOPES: dict[str, dict[str, Any]] = {
    "an unknown version": {"v": 2},
    "a version that is true": {"v": True},
    "no request id": {"requestId": ""},
    "a request id that ends the line": {"requestId": "a\nb"},
    "a request id that is a number": {"requestId": 7},
    "a time that is text": {"time": "now"},
    "a time that is true": {"time": True},
    "a time that no clock can hold": {"time": 10**30},
    "a first that is negative": {"first": -1},
    "a first that is a fraction": {"first": 0.5},
    "a flag that is no flag": {"gpc": "yes"},
    "a test that is no flag": {"test": 1},
    "a member too many": {"more": 1},
    "no click": {"clicks": []},
    "a click that is none": {"clicks": [CLICK, {}]},
    "a click id too short": {"clicks": CLICK | {"clickId": "short"}},
    "an envelope in an envelope": {"clicks": {"v": 1, "clicks": []}},
    "a version that is a fraction": {"v": 1.0},
    "a version of the future": {"v": 10**30},
    "a time that is a fraction": {"time": 1.5e12},
    "a time that is not a number": {"time": float("nan")},
    "a first that is true": {"first": True},
    "a definition that is a list": {"definition": ["0a1b2c3d"], "clicks": CLICK | {"more": []}},
}


@pytest.mark.parametrize("members", ODD_ENVELOPES.values(), ids=ODD_ENVELOPES)
def test_an_envelope_that_the_template_never_writes_fails_alone(members: dict[str, Any]) -> None:
    contents = (envelope(CLICK), envelope(**{"clicks": CLICK} | members), envelope(CLICK))
    assert results(World().process(*contents)) == [OK, FAILED, OK]


def defined(settings: dict[str, Any]) -> stream_processor.Definition:
    return stream_processor.Definition(json.loads(parse(settings).definition.environment()))


SHOP = {
    "click": {
        "fields": {
            "visitorId": {"minLength": 1, "maxLength": 64},
            "productId": {"type": "integer", "minimum": 1},
            "campaign": {"maxLength": 64, "required": False},
        }
    },
    "enrich": {
        "key": "productId",
        "path": "/products/{productId}",
        "list": "",
        "attributes": ["name", "price", "inStock"],
    },
}


def test_a_shops_click_is_enriched_by_configuration_alone() -> None:
    replies = {"/products/7": says({"name": "Tea", "price": 3.5, "colour": "green"})}
    shop = World(definition=defined(SHOP), service=ScriptedService(replies))
    clicks = [{"productId": 7, "visitorId": "Ada"}, {"visitorId": "Bob", "productId": 8, "campaign": "may"}]
    digest = parse(SHOP).definition.digest
    [record] = shop.process(envelope(clicks, definition=digest))
    known, unknown = lines(record)
    tail = {"clickedAt": "2017-05-18T02:02:24.453Z"}
    assert list(known.items())[:6] == list(
        {"visitorId": "Ada", "productId": 7, "name": "Tea", "price": 3.5, "inStock": None, **tail}.items()
    )
    assert list(unknown.items())[:8] == list(
        {
            "visitorId": "Bob",
            "productId": 8,
            "campaign": "may",
            **dict.fromkeys(("name", "price", "inStock")),
            "enriched": False,
            **tail,
        }.items()
    )


def test_without_a_list_a_service_in_trouble_makes_the_batch_come_again() -> None:
    shop = World(definition=defined(SHOP), service=ScriptedService({}, otherwise=(500, b"")))
    with pytest.raises(ServiceError, match="its list: none"):
        shop.process(envelope({"visitorId": "Ada", "productId": 7}, definition=parse(SHOP).definition.digest))
    assert list(shop.service.asked) == ["/products/7"]


def test_clicks_that_an_earlier_definition_accepted_are_still_understood() -> None:
    shop = World(definition=defined(SHOP))
    [record] = shop.process(envelope(CLICK))
    assert list(lines(record)[0].items())[:6] == list(
        {**CLICK, **dict.fromkeys(("name", "price", "inStock")), "enriched": False}.items()
    )
    assert results(World().process(envelope({"visitorId": "Ada"}, definition="0a1b2c3d"))) == [OK]
    hostile = [{"a": {}}, {"a": "x" * 3000}, {"clickedAt": "x"}, {"a b": 1}, {}, "x", {"clickId": 1}]
    assert results(shop.process(*map(envelope, hostile))) == [FAILED] * len(hostile)


def test_without_enrichment_the_service_is_not_asked() -> None:
    plain = World(definition=defined({"enrich": None}))
    [record] = plain.process(envelope(CLICK))
    assert list(lines(record)[0]) == ["userId", "mysfitId", "clickedAt", "clickId", "requestId"]
    assert not plain.service.asked


@pytest.mark.parametrize("key", ["", ".", ".."])
def test_a_key_that_no_path_can_name_is_unknown_without_a_request(key: str) -> None:
    settings = {"click": {"fields": {"userId": {"maxLength": 9}, "mysfitId": {"maxLength": 9}}}}
    world = World(definition=defined(settings), service=ScriptedService({}, otherwise=says(HYDRA)))
    digest = parse(settings).definition.digest
    [record] = world.process(envelope({"userId": "u", "mysfitId": key}, definition=digest))
    assert lines(record)[0]["enriched"] is False
    assert not world.service.asked


MALFORMED = {
    "not text": b"\xff\xfe\x00",
    "text in UTF-16": click().decode().encode("utf-16"),
    "nothing": b"",
    "not JSON": b"userId=guest",
    "two documents": click() + click(),
    "a number too long for Python": b"9" * 5000,
    "nested deeper than a parser can follow": b"[" * 200_000,
    "null": b"null",
    "an array without clicks": b"[]",
    "an array in an array": b"[[" + click() + b"]]",
    "a good click beside a bad one": b"[" + click() + b",{}]",
    "a field too many": b'{"userId":"u","mysfitId":"hydra-1","species":"Unicorn"}',
    "no user": b'{"mysfitId":"hydra-1"}',
    "no mysfit": b'{"userId":"u"}',
    "an empty user": click(user=""),
    "a user too long": click(user="u" * 129),
    "a user that is a number": b'{"userId":1,"mysfitId":"hydra-1"}',
    "a user that is not a number": b'{"userId":NaN,"mysfitId":"hydra-1"}',
    "a mysfit that is an object": b'{"userId":"u","mysfitId":{"S":"hydra-1"}}',
    "a key that occurs twice": b'{"userId":"u","userId":"v","mysfitId":"hydra-1"}',
    "a key that occurs twice in an envelope": envelope(CLICK).replace(b'"v": 1', b'"v": 2, "v": 1'),
    "a key that occurs twice in a click of an envelope": envelope(CLICK).replace(
        b'"userId"', b'"userId": "a:b", "userId"'
    ),
    "an envelope behind which more follows": envelope(CLICK) + b" 1",
    "an empty mysfit": click(""),
    "a mysfit too long": click("m" * 65),
    "a path that climbs": click("../admin"),
    "a path that climbs in disguise": click("..%2fadmin"),
    "a mysfit with a query": click("hydra-1?x=1"),
    "a mysfit with a line's end": click("hydra-1\n"),
    "a mysfit with a digit from another script": click("hydra-\u0661"),
    "a mapping template as a mysfit": click("$util.base64Encode($input.body)"),
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_click_fails_alone_and_asks_the_service_nothing(content: bytes) -> None:
    world = World()
    assert results(world.process(content)) == [FAILED]
    assert not world.service.asked
    assert results(world.process(click(), content, click("sphinx_2"))) == [OK, FAILED, OK]


DATA, ARRIVAL = "data", "approximateArrivalTimestamp"
ODD_FIELDS: dict[str, tuple[str, Any]] = {
    "data that is no base64": (DATA, "!e30="),
    "data with another script's letters": (DATA, "é"),
    "data that is null": (DATA, None),
    "data that is a number": (DATA, 7),
    "data that is an object": (DATA, {}),
    "a time that is null": (ARRIVAL, None),
    "a time that is text": (ARRIVAL, "2017-05-18T02:02:29.453Z"),
    "a time that is a fraction": (ARRIVAL, 1_495_072_949.453),
    "a time that is not a number": (ARRIVAL, float("nan")),
    "a time without end": (ARRIVAL, float("inf")),
    "a time after the last year": (ARRIVAL, 10**15),
    "a time before the first year": (ARRIVAL, -(10**15)),
    "a time that no clock can hold": (ARRIVAL, 10**30),
}


@pytest.mark.parametrize(("name", "value"), ODD_FIELDS.values(), ids=ODD_FIELDS)
def test_a_field_that_firehose_would_not_send_fails_its_record_alone(name: str, value: Any) -> None:
    batch, world = event(click("sphinx_2"), click()), World()
    batch["records"][0][name] = value
    assert results(world.processor.process(batch, 60)["records"]) == [FAILED, OK]
    assert world.log[-1]["failed"] == {"malformed": 1}
    assert world.service.asked == {"/mysfits/hydra-1": 1}


@pytest.mark.parametrize("name", [DATA, ARRIVAL])
def test_a_record_without_a_field_fails_alone(name: str) -> None:
    batch, world = event(click(), click()), World()
    del batch["records"][0][name]
    assert results(world.processor.process(batch, 60)["records"]) == [FAILED, OK]
    assert world.log[-1]["failed"] == {"malformed": 1}


HOSTILE_USERS = {
    "a mapping template": '$util.escapeJavaScript("x") #set($x = 1)',
    "a script": "</script><script>alert(1)</script>",
    "what ends a line of JSON": '"}\n{"userId": "forged',
    "half a surrogate pair": "\ud800",
    "line separators": "\u2028\u2029\x85\x00\x1b[2J",
    "128 characters outside the basic plane": "\U0001f409" * 128,
}


@pytest.mark.parametrize("user", HOSTILE_USERS.values(), ids=HOSTILE_USERS)
def test_a_hostile_user_id_stays_data(user: str) -> None:
    [record] = World().process(click(user=user))
    [line] = lines(record)
    assert line["userId"] == user
    assert line["species"] == "Hydra"


def test_a_click_on_an_unknown_mysfit_is_delivered_and_says_that_it_is_not_enriched() -> None:
    world = World()
    records = world.process(click(), click("unicorn"), b"[" + click() + b"," + click("unicorn") + b"]")
    assert results(records) == [OK, OK, OK]
    [unknown], [known, also_unknown] = lines(records[1]), lines(records[2])
    assert UNKNOWN.items() <= unknown.items()
    assert UNKNOWN.items() <= also_unknown.items()
    assert list(unknown) == [*LINE[:6], "enriched", *LINE[6:]]
    assert "enriched" not in known
    assert world.log[-1]["unknown"] == 1


def test_the_service_is_asked_once_for_each_mysfit_until_the_answer_is_old() -> None:
    world = World(cache_seconds=300)
    batch = [click("hydra-1"), click("sphinx_2")] * 50
    world.process(*batch)
    world.now += 299
    world.process(*batch)
    assert world.service.asked == {"/mysfits/hydra-1": 1, "/mysfits/sphinx_2": 1}
    world.now += 1
    world.process(*batch)
    assert world.service.asked == {"/mysfits/hydra-1": 2, "/mysfits/sphinx_2": 2}


def test_a_mysfit_that_was_not_found_is_asked_for_again_soon() -> None:
    world = World(service=ScriptedService({}), cache_seconds=300)
    world.process(click())
    world.service.replies = HEALTHY
    world.now += 29
    assert is_enriched(world, "hydra-1") == [False]
    world.now += 1
    assert is_enriched(world, "hydra-1") == [True]


def test_without_a_cache_every_batch_asks_anew() -> None:
    world = World(cache_seconds=0)
    for _ in range(2):
        assert is_enriched(world, "hydra-1", "unicorn") == [True, False]
    assert world.service.asked == {"/mysfits/hydra-1": 2, "/mysfits/unicorn": 2}


TROUBLE: dict[str, Reply] = {
    "internal error": (500, b""),
    "unavailable": (503, b"{}"),
    "throttled": (429, b""),
    "forbidden": (403, b'{"message": "Missing Authentication Token"}'),
    "moved": (302, json.dumps(HYDRA).encode()),
    "moved, without end": (302, b" " * 1_000_001),
    "a page in place of JSON": (200, b"<html>"),
    "an empty answer": (200, b""),
    "a list": says([7]),
    "null": says(None),
    "too deep": (200, b"[" * 200_000),
    "no attribute at all": says({"mysfitId": "hydra-1", "age": 3}),
    "species that is no text": says({**HYDRA, "species": ["Hydra"]}),
    "species without end": says({**HYDRA, "species": "H" * 257}),
    "an answer without end": says({**HYDRA, "description": "x" * 1_000_000}),
    "no connection": requests.ConnectionError("http://mysfits.test/api/mysfits/hydra-1"),
    "no connection in time": requests.ConnectTimeout("http://mysfits.test/api/mysfits/hydra-1"),
    "no answer in time": requests.ReadTimeout("http://mysfits.test/api/mysfits/hydra-1"),
    "half an answer": requests.exceptions.ChunkedEncodingError("http://mysfits.test/api/mysfits/hydra-1"),
}


@pytest.mark.parametrize("reply", TROUBLE.values(), ids=TROUBLE)
def test_in_trouble_with_nothing_known_the_batch_fails_as_a_whole_so_that_it_comes_again(
    reply: Reply,
) -> None:
    world = World(service=ScriptedService({}, otherwise=reply))
    with pytest.raises(ServiceError) as raised:
        world.process(click(), b"malformed")
    assert "hydra" not in f"{raised.value}{world.log}"
    world.service.replies = HEALTHY
    assert results(world.process(click(), b"malformed")) == [OK, FAILED]


@pytest.mark.parametrize("reply", TROUBLE.values(), ids=TROUBLE)
def test_in_trouble_what_the_service_said_last_is_good_enough(reply: Reply) -> None:
    world = World(cache_seconds=300)
    world.process(click())
    world.service.replies, world.service.otherwise = {}, reply
    world.now += 10_000
    assert lines(world.process(click())[0])[0]["species"] == "Hydra"
    assert world.log[-1]["stale"] == 1
    assert world.service.asked == {"/mysfits/hydra-1": 2}
    world.now += 29
    world.process(click())
    assert world.service.asked == {"/mysfits/hydra-1": 2}, "the service is left alone for a while"
    world.now += 1
    world.process(click())
    assert world.service.asked == {"/mysfits/hydra-1": 3}


def test_a_mysfit_that_was_not_found_long_ago_is_not_taken_as_missing_in_trouble() -> None:
    world = World(service=ScriptedService({}))
    world.process(click())
    world.service.otherwise = (503, b"")
    world.now += 10_000
    with pytest.raises(ServiceError):
        world.process(click())


def test_what_the_service_did_answer_is_kept_for_the_next_try() -> None:
    world = World(service=ScriptedService({"/mysfits/hydra-1": says(HYDRA)}, otherwise=(503, b"")))
    with pytest.raises(ServiceError):
        world.process(click("hydra-1"), click("sphinx_2"))
    world.service.replies = HEALTHY
    world.process(click("hydra-1"), click("sphinx_2"))
    assert world.service.asked["/mysfits/hydra-1"] == 1


def is_enriched(world: World, *mysfits: str) -> list[bool]:
    """Whether clicks on these mysfits come back enriched."""
    records = world.process(*map(click, mysfits))
    return ["enriched" not in line for record in records for line in lines(record)]


def test_a_service_that_fails_on_an_invented_mysfit_does_not_hold_up_the_others() -> None:
    world = World(service=ScriptedService(HEALTHY, otherwise=(500, b"KeyError: 'Item'")))
    assert is_enriched(world, "hydra-1", "invented") == [True, False]
    assert is_enriched(world, "hydra-1", "invented") == [True, False]
    assert world.service.asked["/mysfits"] == world.service.asked["/mysfits/invented"] == 1


def test_a_mysfit_that_only_the_list_tells_of_is_enriched() -> None:
    replies: dict[str, Reply] = {"/mysfits": says({"mysfits": [7, {"mysfitId": []}, SPHINX]})}
    world = World(service=ScriptedService(replies, otherwise=(500, b"")))
    assert results(world.process(click("sphinx_2"))) == [OK]


def test_an_empty_list_is_no_second_opinion() -> None:
    world = World(service=ScriptedService({"/mysfits": says({"mysfits": []})}, otherwise=(500, b"")))
    with pytest.raises(ServiceError):
        world.process(click())


def test_a_mysfit_without_attributes_takes_no_other_along() -> None:
    broken = {"mysfitId": "broken"}
    replies = {**HEALTHY, "/mysfits/broken": says(broken), "/mysfits": says({"mysfits": [HYDRA, broken]})}
    world = World(service=ScriptedService(replies))
    assert is_enriched(world, "hydra-1", "broken") == [True, False]


def test_timeouts_fit_into_the_time_that_is_left() -> None:
    world = World(service=ScriptedService({}, otherwise=(503, b"")))
    with pytest.raises(ServiceError):
        world.process(click(), seconds_left=3)
    assert len(world.service.timeouts) == 2  # the mysfit and the list
    assert sum(sum(timeout) for timeout in world.service.timeouts) <= 3


def test_without_time_nothing_is_asked_and_the_batch_comes_again() -> None:
    world = World()
    with pytest.raises(ServiceError, match="no time left"):
        world.process(click(), seconds_left=0.5)
    assert not world.service.asked


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    released = threading.Event()

    class Hanging(ScriptedService):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            released.wait(30)
            return super().send(*args, **kwargs)

    world = World(service=Hanging(HEALTHY))
    try:
        with pytest.raises(ServiceError, match="no answer in time"):
            world.process(click(), seconds_left=1.02)
        assert not world.service.asked
    finally:
        released.set()


def test_the_answer_is_measured_to_the_byte() -> None:
    batch = [read(record, DEFINITION) for record in event(click(), click(), click())["records"]]
    attributes = {"hydra-1": attributes_of(HYDRA, DEFINITION.attributes)}
    records, _ = answer(batch, DEFINITION, attributes)
    size = len(json.dumps({"records": records}))
    assert results(answer(batch, DEFINITION, attributes, limit=size)[0]) == [OK, OK, OK]
    assert results(answer(batch, DEFINITION, attributes, limit=size - 1)[0]) == [OK, OK, FAILED]


def test_what_does_not_fit_into_the_answer_fails_and_the_rest_is_answered() -> None:
    one = b"[" + b",".join([click(user="\u20ac" * 128)] * 100) + b"]"
    records = World().process(*[one] * 60)
    size = len(json.dumps({"records": records}))
    extra = len(records[0]["data"])
    assert size <= MAX_ANSWER_BYTES < size + extra
    assert set(results(records)) == {OK, FAILED}
    assert results(World().process(*[one] * 60, click()))[-1] == OK, "a smaller record still fits"


def test_six_megabytes_of_the_shortest_records_are_answered_within_the_limit() -> None:
    count = 6_291_456 // len(json.dumps(event(b"x")["records"][0], separators=(",", ":")) + ",")
    records = World().process(*[b"x"] * count)
    assert results(records) == [FAILED] * count
    assert len(json.dumps({"records": records})) <= MAX_ANSWER_BYTES


def test_a_batch_is_logged_in_one_line_that_tells_nothing_of_its_clicks() -> None:
    world = World()
    world.process(click("hydra-1", "Ada"), click("unicorn", "Ada"), b"Ada")
    world.process(b"[" + click("hydra-1", "Ada") + b"," + click("sphinx_2", "Ada") + b"]")
    first = {"records": 3, "clicks": 2, "mysfits": 2, "cacheHits": 0, "ok": 2, "unknown": 1}
    second = {"records": 1, "clicks": 2, "mysfits": 2, "cacheHits": 1, "ok": 1, "failed": {}}
    assert len(world.log) == 2
    assert first.items() <= world.log[0].items()
    assert second.items() <= world.log[1].items()
    assert world.log[0]["failed"] == {"malformed": 1}
    assert all(word not in str(world.log) for word in ("Ada", "hydra", "unicorn", "sphinx"))


def test_an_empty_batch_is_answered() -> None:
    assert World().process() == []


class Census(MysfitsService):
    """Says that every mysfit whose id begins with ``real`` exists."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, paths: Collection[str], deadline: float, *, lists: bool = False) -> list[Page]:
        self.asked += paths
        return [HYDRA if path.startswith("/mysfits/real") else None for path in paths]


def test_an_id_is_quoted_as_one_segment_of_the_path() -> None:
    service = Census()
    Items(DEFINITION, service, 300, clock=lambda: 0.0).find(["../a b?c"], 60)
    assert service.asked == ["/mysfits/..%2Fa%20b%3Fc"]


def test_a_flood_of_invented_mysfits_leaves_the_cache_bounded_and_the_real_ones_in_it() -> None:
    service = Census()
    mysfits = Items(DEFINITION, service, 300, clock=lambda: 0.0)
    invented = [f"invented-{number}" for number in range(2 * CACHED_ITEMS)]
    mysfits.find(["real"], 60)
    mysfits.find(invented, 60)
    service.asked.clear()
    assert list(mysfits.find(["real", *invented], 60).attributes) == ["real"]
    assert "/mysfits/real" not in service.asked
    assert len(service.asked) == len(invented) - CACHED_ITEMS + 1


class Counting(ThreadingHTTPServer):
    """A real HTTP server of mysfits, which counts connections, and those that were not worth an answer."""

    daemon_threads = False  # so that closing the server waits until all its answers have ended
    request_queue_size = 100
    connections = hung_up = 0

    def process_request(self, *args: Any) -> None:
        self.connections += 1
        super().process_request(*args)


class Answers(BaseHTTPRequestHandler):
    """Answers for any mysfit, on a connection that stays open, unless the path asks for trouble."""

    protocol_version = "HTTP/1.1"
    server: Counting

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name in DRIPPING:
            self.wfile.write(DRIPPING[name])
            self.go_on_with(b" ", times=1000, pause=0.03)
        elif name.isdecimal():
            self.wfile.write(f"HTTP/1.1 {name} Any\r\nLocation: /mysfits/a\r\n\r\n".encode())
            self.go_on_with(b" " * (1 << 20), times=100, pause=0)
        else:
            body = b"{}" if name == "nobody" else json.dumps(HYDRA).encode()
            self.send_response(404 if name == "nobody" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def go_on_with(self, piece: bytes, times: int, pause: float) -> None:
        """Send it again and again, until the client closes the connection or the answer is long enough."""
        self.close_connection = True
        try:
            for _ in range(times):
                if select.select([self.connection], [], [], pause)[0]:
                    break
                self.connection.sendall(piece)
            else:
                return
        except ConnectionError:
            pass
        self.server.hung_up += 1

    def log_message(self, *args: Any) -> None:
        pass


DRIPPING = {
    "nothing": b"",
    "a-status-line": b"HTTP/1.1 2",
    "a-header": b"HTTP/1.1 200 OK\r\nX: ",
    "a-body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "a-body-in-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    "a-body-without-end": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join(10)


@pytest.fixture
def connections() -> Iterator[Connections]:
    ours = Connections()
    yield ours
    ours.close()


def test_batches_share_a_connection_until_it_has_been_idle_for_long(
    server: Counting, connections: Connections
) -> None:
    now = 0.0
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: now)
    assert service.get(["/mysfits/a"], 60) == [HYDRA]
    assert service.get(["/mysfits/nobody"], 60) == [None]
    assert service.get(["/mysfits/b"], 60) == [HYDRA]
    assert server.connections == 1
    now += 31
    assert service.get(["/mysfits/c"], 99) == [HYDRA]
    assert server.connections == 2


def test_an_answer_that_drips_leaves_neither_a_thread_nor_a_connection(
    server: Counting, connections: Connections
) -> None:
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: 0.0)
    before = set(threading.enumerate())
    # Reads time out after half of the time that is left: never between two drops.
    *dripped, whole = service.get([*(f"/mysfits/{each}" for each in DRIPPING), "/mysfits/a"], 1.0)
    assert [str(each) for each in dripped] == ["no answer in time"] * len(DRIPPING)
    assert whole == HYDRA
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # the service's threads too, one for each connection
        assert not thread.is_alive()
    assert server.connections == len(DRIPPING) + 1
    assert server.hung_up == len(DRIPPING)
    assert service.get(["/mysfits/a"], 60) == [HYDRA]


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_answer_without_end_is_cut_off(server: Counting, connections: Connections, status: int) -> None:
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: 0.0)
    before = set(threading.enumerate())
    [page] = service.get([f"/mysfits/{status}"], 60)
    assert str(page) == "an answer too large"
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert server.hung_up == 1


ONE_INVOCATION = """
import json, sys
import stream_processor

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

event = json.load(sys.stdin)
first, second = (stream_processor.handler(event, Context()) for _ in range(2))
assert first == second
print(json.dumps(first))
"""


def test_lambda_finds_the_handler_and_what_one_invocation_learns_serves_the_next(server: Counting) -> None:
    environment = {
        "MYSFITS_API": f"http://127.0.0.1:{server.server_port}/api",
        "CACHE_SECONDS": "300",
        "CLICK": Config().definition.environment(),
        "PYTHONPATH": str(Path(stream_processor.__file__).parent),
        "HTTP_PROXY": "http://127.0.0.1:1",  # to be left alone
    }
    finished = subprocess.run(
        [sys.executable, "-c", ONE_INVOCATION],
        env=environment,
        input=json.dumps(event(click())),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *log, answered = map(json.loads, finished.stdout.splitlines())
    assert [line["cacheHits"] for line in log] == [0, 1]
    assert lines(answered["records"][0])[0]["species"] == "Hydra"
    assert server.connections == 1
