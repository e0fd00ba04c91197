"""Contents of objects without the clicks of a person, and with everybody else's."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.books.lines import Filter, identities
from mysfits_stream.books.person import HashedPerson, Person, canonical, salted_hash
from mysfits_stream.clicks import failed
from tests.support.clicks_bucket import NOON, enriched, failed_line, lines

LATER = NOON + timedelta(hours=1)


def search(value: str, field: str = "userId", cut_off: datetime = LATER) -> Filter:
    return Filter(Person(field, value), cut_off)


def envelope(*users: str, request: str = "r1", first: int = 0, **more: Any) -> bytes:
    clicks = [{"userId": user, "mysfitId": "m1"} for user in users]
    document = {"v": 1, "requestId": request, "time": 1, "first": first, "clicks": clicks, **more}
    return json.dumps(document).encode()


def records(contents: bytes) -> list[bytes]:
    found = [failed.parse(line, "") for line in contents.splitlines()]
    return [record.data for record in found if record]


def test_lines_of_others_stay_byte_for_byte() -> None:
    theirs = b'{"userId" :"bob",  "clickedAt":"2026-11-23T12:00:00.000Z"}'
    own = json.dumps(enriched(NOON, "ann")).encode()
    for contents, rest in [
        (theirs + b"\n" + own + b"\n", theirs + b"\n"),
        (own + b"\n" + theirs, theirs),
        (own + b"\n\n" + theirs + b"\n", b"\n" + theirs + b"\n"),
        (own, b""),
        (theirs, theirs),
    ]:
        found = search("ann")
        assert found.without(contents) == rest
        assert found.found.clicks == (own in contents)


@pytest.mark.parametrize(
    "line",
    [
        b'{"userId": "\\u0061nn", "clickedAt": "x"}',
        b'{"userId": "a\\u006e\\u006E", "mysfitId": "ann"}',
        b'{"mysfitId": "m", "userId":"ann"}',
    ],
)
def test_escapes_of_json_hide_no_click(line: bytes) -> None:
    assert search("ann").without(line) == b""


@pytest.mark.parametrize(
    "line",
    [
        b'{"userId": "annabel"}',
        b'{"userId": "bob", "name": "ann"}',
        b'{"userid": "ann"}',
        b'{"userId": "Ann"}',
        b'{"userId": ["x"], "name": "anna"}',
        b"not JSON, on anna",
    ],
)
def test_another_click_stays(line: bytes) -> None:
    found = search("ann")
    assert found.without(line) == line
    assert not found.found.removed


@pytest.mark.parametrize(
    "line",
    [
        b'{"userId": "ann"',
        b'{"userId": "ann", "userId": "bob"}',
        b'{"who": {"userId": "ann"}}',
        b'["ann"]',
        b'"\\u0061nn"',
        b"ann\xff",
        b"line\\nann",
        "ann".encode("utf-16-le"),
    ],
)
def test_what_cannot_be_parsed_and_holds_the_value_goes_whole(line: bytes) -> None:
    found = search("ann")
    assert found.without(b"{}\n" + line + b"\n{}") == b"{}\n{}"
    assert found.found.raw == 1


IDS = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() or "\n" not in text)
UNGUESSABLE = st.builds(
    lambda text, number: f"{text}{number:032x}{text}", st.text(max_size=6), st.integers(2**100, 2**120)
)


def nested(document: Any, levels: int) -> bytes:
    """JSON in a text of JSON, with each character of the user's id escaped."""
    text = json.dumps(document)
    for _ in range(levels):
        text = json.dumps({"body": text.replace("ann", "\\u0061\\u006e\\u006e")})
    return text.encode()


FOUND: list[tuple[str, str, bytes]] = [
    ("an id of latin-1", "ünal", '{"userId": "ünal"'.encode("latin-1")),
    ("an id of Windows", "d’or", '{"userId": "d’or"'.encode("cp1252")),
    ("UTF-16 with its mark", "ünal", '{"userId": "ünal"'.encode("utf-16")),
    ("UTF-16, the high byte first", "ünal", '{"userId": "ünal"'.encode("utf-16-be")),
    ("UTF-16 after the end of a line", "ann", b"\0" + "user ann,".encode("utf-16-le")),
    ("escapes in UTF-16", "ann", '{"userId": "\\u0061nn"'.encode("utf-16-le")),
    ("UTF-32", "ann", "user ann".encode("utf-32")),
    ("an emoji", "ann😀", '{"userId": "ann😀"'.encode()),
    ("an emoji, escaped as two surrogates", "ann😀", b'{"userId": "ann\\ud83d\\ude00"'),
    ("between quotation marks of a language", "ann", "user «ann»".encode()),
    ("bytes that are no text", "ann", b"\xffann\xfe"),
    ("a longer id of latin-1, which may be bytes that are no text", "nal", "ünal".encode("latin-1")),
    ("a second time, after a longer id", "u-1", b"u-12 u-1"),
    *(
        (f"JSON in JSON, {levels} levels", "ann", nested({"userId": "ann"}, levels)[:-1])
        for levels in (1, 2, 3)
    ),
]
NOT_FOUND: list[tuple[str, str, bytes]] = [
    ("a longer id in UTF-16", "u-1", '{"userId": "u-12"'.encode("utf-16-le")),
    ("a longer id in UTF-32", "u-1", "u-12".encode("utf-32-be")),
    ("an id with an emoji", "ann", '{"userId": "ann😀"'.encode()),
    ("an id after a joiner", "ann", "👩\u200dann".encode()),
    ("an id with a mark", "an", "an\u0303".encode()),
    ("an id with a letter beyond ASCII", "nn", "änn ñnn".encode()),
    ("the id in another normal form", "ün", "u\u0308n".encode()),
    ("other letters", "ann", b"ANN Ann"),
    ("base64", "ann-0123456789", b"x " + base64.b64encode(b"ann-0123456789")),
    ("percent signs", "a@b", b"a%40b"),
]


@pytest.mark.parametrize(("value", "record"), [each[1:] for each in FOUND], ids=[each[0] for each in FOUND])
def test_a_raw_record_with_the_value_goes_whole_in_any_encoding(value: str, record: bytes) -> None:
    other = failed_line(b"bob", NOON)
    found = search(value)
    assert found.without(lines(failed_line(record, NOON), other)) == lines(other)
    assert found.found.raw == 1
    if b"\n" not in record:
        assert search(value).without(b"{}\n" + record + b"\n{}") == b"{}\n{}"


@pytest.mark.parametrize(
    ("value", "record"), [each[1:] for each in NOT_FOUND], ids=[each[0] for each in NOT_FOUND]
)
def test_a_raw_record_without_the_value_stays(value: str, record: bytes) -> None:
    contents = lines(failed_line(record, NOON)) + record
    assert search(value).without(contents) == contents


@given(UNGUESSABLE, st.sampled_from(("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")), st.integers(0, 2))
def test_any_id_is_found_in_a_cut_record_of_any_encoding(own: str, encoding: str, levels: int) -> None:
    try:
        own.encode()
    except UnicodeEncodeError:
        return
    text = json.dumps({"userId": own})
    for _ in range(levels):
        text = json.dumps({"body": text})
    record = text[:-1].encode(encoding)
    found = search(own)
    assert found.without(lines(failed_line(record, NOON))) == b""
    assert found.found.raw == 1


def test_clicks_from_after_the_cut_off_stay() -> None:
    contents = lines(enriched(NOON, "ann"), enriched(LATER, "ann"))
    found = search("ann")
    assert found.without(contents) == lines(enriched(LATER, "ann"))
    assert (found.found.clicks, found.found.later) == (1, 1)


def test_a_number_is_found_in_any_spelling() -> None:
    contents = b'{"n": 5}\n{"n": 5.0}\n{"n": 50e-1}\n{"n": 55}\n{"n": true}\n{"n": "5"}\n'
    assert search("5", "n").without(contents) == b'{"n": 55}\n{"n": true}\n'
    assert search("true", "n").without(b'{"n": true}\n{"n": 1}') == b'{"n": 1}'


def test_an_error_line_keeps_the_clicks_of_others_with_their_identity() -> None:
    line = failed_line(envelope("bob", "ann", "eve", first=7), NOON)
    contents = lines(line)
    found = search("ann")
    rest = found.without(contents)
    assert found.found.failed == 1
    assert [json.loads(data)["first"] for data in records(rest)] == [7, 9]
    assert [json.loads(data)["clicks"]["userId"] for data in records(rest)] == ["bob", "eve"]
    assert {json.loads(each)["errorMessage"] for each in rest.splitlines()} == {line["errorMessage"]}
    assert b"ann" not in b"".join(records(rest))
    assert set(identities(rest)) < set(identities(contents))


def test_a_record_without_an_envelope_keeps_the_ids_that_a_replay_gives() -> None:
    clicks = [{"userId": user, "mysfitId": "m"} for user in ("bob", "ann", "eve")]
    contents = lines(failed_line(json.dumps(clicks).encode(), NOON))
    before = [json.loads(data) for data in failed.split(failed.parse(contents, ""))]  # type: ignore[arg-type]
    rest = search("ann").without(contents)
    assert [json.loads(data) for data in records(rest)] == [before[0], before[2]]


def test_an_error_line_whose_clicks_are_all_the_persons_goes() -> None:
    other = failed_line(envelope("bob"), NOON)
    assert search("ann").without(lines(failed_line(envelope("ann", "ann"), NOON), other)) == lines(other)


def test_an_invalid_envelope_loses_the_persons_clicks_only() -> None:
    contents = lines(failed_line(envelope("bob", "ann", first=0)[:-1] + b', "first": 2}', NOON))
    found = search("ann")
    assert found.without(contents) == b""  # a key twice: readers differ in the value
    assert found.found.raw == 1
    rest = search("ann").without(lines(failed_line(envelope("bob", "ann", first="x"), NOON)))  # type: ignore[arg-type]
    assert [json.loads(data)["clicks"] for data in records(rest)] == [{"userId": "bob", "mysfitId": "m1"}]


@pytest.mark.parametrize(
    "data", [b'{"userId": "ann', b"\xff\xfe ann \x00", b'{"v": 1, "clicks": [], "x": {"y": "ann"}}', b'"ann"']
)
def test_a_failed_record_that_cannot_be_parsed_goes_whole(data: bytes) -> None:
    other = failed_line(b'{"userId": "anna', NOON)
    found = search("ann")
    assert found.without(lines(failed_line(data, NOON), other)) == lines(other)
    assert found.found.raw == 1


def test_a_record_of_an_error_line_without_its_time_is_searched() -> None:
    line = {"rawData": base64.b64encode(b"ann").decode()}
    assert search("ann").without(lines(line)) == b""


def test_failed_clicks_from_after_the_cut_off_stay() -> None:
    contents = lines(failed_line(envelope("ann"), LATER))
    found = search("ann")
    assert found.without(contents) == contents
    assert found.found.later == 1


def test_a_hash_finds_the_same_clicks() -> None:
    person = HashedPerson("userId", "s", salted_hash("s", "ann"))
    found = Filter(person, LATER)
    contents = lines(enriched(NOON, "ann"), enriched(NOON, "bob"), failed_line(envelope("ann"), NOON))
    assert found.without(contents) == lines(enriched(NOON, "bob"))


@given(UNGUESSABLE, st.lists(IDS, max_size=4), st.booleans(), st.data())
def test_no_byte_of_the_person_stays_and_everybody_else_does(
    own: str, others: list[str], is_ascii: bool, data: st.DataObject
) -> None:
    try:
        own.encode()
        "".join(others).encode()
    except UnicodeEncodeError:
        return
    others = [*others, own[:-1], own + "x", own.upper() + "y"]
    users = data.draw(st.permutations([*others, own, own]))
    dump = [
        json.dumps({**enriched(NOON, user), "clickId": f"{at}"}, ensure_ascii=is_ascii)
        for at, user in enumerate(users)
    ]
    contents = "\n".join(dump).encode() + b"\n"
    error_line = json.dumps(failed_line(envelope(*users), NOON)).encode() + b"\n"
    found = search(own)
    rest = found.without(contents + error_line)
    clicks = [json.loads(line) for line in rest.split(b"\n") if line.strip()]
    kept = [user for user in users if user != own]
    assert [click["userId"] for click in clicks if "userId" in click] == kept
    assert [json.loads(record)["clicks"]["userId"] for record in records(rest)] == kept
    assert (found.found.clicks, found.found.failed, found.found.raw) == (2, 2, 0)


def test_a_canonical_value_is_a_text() -> None:
    values: tuple[Any, ...] = ("a", 5, 5.0, 5.5, True, None, [], {})
    found = list(map(canonical, values))
    assert found == ["a", "5", "5", "5.5", "true", None, None, None]
    assert NOON.tzinfo is UTC
