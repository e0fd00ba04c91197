"""The processor's lines: clicks, envelopes, enrichment by definition, limits, log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mysfits_stream.config_file import parse
from mysfits_stream.lambda_src import stream_processor
from mysfits_stream.lambda_src.stream_processor import (
    MAX_ANSWER_BYTES,
    ServiceError,
    answer,
    attributes_of,
    iso_time,
    read,
)
from tests.support.scripted_mysfits import (
    CLICK,
    DEFINITION,
    FAILED,
    HYDRA,
    OK,
    ScriptedService,
    World,
    click,
    envelope,
    event,
    lines,
    results,
    says,
)

WORKSHOP = ["userId", "mysfitId", "goodevil", "lawchaos", "species"]
LINE = [*WORKSHOP, "name", "clickedAt", "clickId", "requestId"]
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
