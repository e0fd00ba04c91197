"""The counts of erased records: an erasure changes nothing in the bucket's books."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mysfits_stream.books.erased_counts import MOST_BYTES, NAME, ErasedCounts, of_lines, of_metadata
from mysfits_stream.books.ledger import Ledger, _Reader
from mysfits_stream.books.lines import Filter, ids_of
from mysfits_stream.books.person import Person
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.objects import StoredObject
from tests.support.clicks_bucket import NOON, enriched, failed_line, lines

LATER = NOON + timedelta(hours=1)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def request(chance: random.Random, number: int) -> list[dict[str, Any]]:
    """The stored clicks of a request, of a few users."""
    moment = at(chance.randrange(-5, 5) + chance.random())
    ids = [{"requestId": f"r{number}=", "clickId": f"r{number}=:{index}"} for index in range(4)]
    return [
        enriched(moment, chance.choice(("ann", "bob", "eve"))) | (ids[index] if number % 7 else {})
        for index in range(chance.randrange(1, 4))
    ]


def error(chance: random.Random, number: int) -> dict[str, Any]:
    users = [chance.choice(("ann", "bob", "eve")) for _ in range(chance.randrange(1, 4))]
    return error_of(f"f{number}", users, at(chance.randrange(0, 5)))


def error_of(request_id: str, users: list[str], arrived: datetime) -> dict[str, Any]:
    document: dict[str, Any] = {
        "v": 1,
        "requestId": request_id,
        "time": 1,
        "first": 0,
        "clicks": [{"userId": user} for user in users],
    }
    return failed_line(json.dumps(document).encode(), arrived)


def error_before(clicks: list[dict[str, Any]]) -> dict[str, Any]:
    """The error line of a request whose clicks a replay put on the stream at once."""
    return error_of(clicks[0]["requestId"], [click["userId"] for click in clicks], NOON)


def ledger_of(objects: dict[str, tuple[bytes, dict[str, str]]]) -> Ledger:
    reader = _Reader(at(-60), ())
    for place in ("processing-failed/", "replayed/", "firehose/"):
        for key, (contents, metadata) in objects.items():
            if not key.startswith(place):
                continue
            stored = StoredObject(key, 1, NOON, NOON, "", metadata)
            reader.erased(stored, is_copied=place != "firehose/")
            for line in contents.splitlines():
                if place == "firehose/":
                    reader.line(stored, line)
                elif said := failed.parse(line, key):
                    reader.error(said, line, is_replayed=place == "replayed/")
    return reader.finished()


def erase(
    objects: dict[str, tuple[bytes, dict[str, str]]], user: str
) -> dict[str, tuple[bytes, dict[str, str]]]:
    claims: dict[int, str] = {}
    searches = {key: Filter(Person("userId", user), LATER) for key in objects}
    rests = {key: searches[key].without(contents) for key, (contents, _) in objects.items()}
    removed = [line for search in searches.values() for line, _ in search.removed]
    requests = {next(ids_of(record))[0] for line in removed if (record := failed.parse(line, ""))}
    after = {}
    for key, (_, metadata) in objects.items():
        search, rest = searches[key], rests[key]
        if search.removed:
            counts = of_lines(key, NOON, search.removed, rest, claims, requests)
            metadata = counts.metadata(metadata, LATER)
        after[key] = rest, metadata
    return after


def sides(ledger: Ledger) -> dict[datetime, int]:
    """Minute -> records of the bucket's side, erased ones included."""
    total: Counter[datetime] = Counter()
    for side in (ledger.stored, ledger.errors, ledger.replayed_puts, ledger.times_without_id):
        total.update(side)
    for minute in ledger.erased.minutes:
        total[minute] += ledger.erased.balance(minute)
    return {minute: count for minute, count in total.items() if count}


@pytest.mark.parametrize("seed", range(40))
def test_the_books_count_the_same_records_after_erasures_of_several_persons(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    requests = [request(chance, number) for number in range(30)]
    # Firehose delivers at least once: a few objects are there twice.
    stored = lines(*(click for clicks in requests[:20] for click in clicks))
    raw = failed_line(b"bob and ann", NOON)
    replayed = [error_before(clicks) for clicks in requests[20:26] if "requestId" in clicks[0]]
    errors = lines(*(error(chance, number) for number in range(8)), raw, raw, *replayed)
    objects: dict[str, tuple[bytes, dict[str, str]]] = {
        "firehose/1": (stored, {}),
        "firehose/2": (lines(*(click for clicks in requests[20:] for click in clicks)), {}),
        "firehose/3": (stored if seed % 2 else b"", {}),
        "processing-failed/1": (errors, {}),
        "replayed/1": (errors if seed % 3 else b"", {}),
    }
    before = ledger_of(objects)
    for user in chance.sample(("ann", "bob", "eve"), chance.randrange(1, 4)):
        objects = erase(objects, user)
        after = ledger_of(objects)
        assert sides(after) == sides(before)
        assert sum(after.gaps.values()) == sum(after.erased.gaps.values())
        erased = after.erased
        assert before.failed + before.recovered == after.failed + after.recovered + sum(
            erased.failed.values()
        )
        assert user not in json.dumps([metadata for _, metadata in objects.values()])


def test_a_line_without_ids_is_counted_beside_a_line_with_ids_of_the_same_time() -> None:
    without_ids = lines(enriched(NOON, "ann"))
    with_ids = lines(enriched(NOON, "bob") | {"requestId": "r1=", "clickId": "r1=:0"})
    search = Filter(Person("userId", "ann"), LATER)
    rest = search.without(without_ids + with_ids)
    counts = of_lines("firehose/1", NOON, search.removed, rest, {})
    assert (counts.without_id.total(), counts.times_without_id.total()) == (1, 1)


def test_counts_that_do_not_fit_are_summed_by_hour_and_by_day() -> None:
    def metadata(minutes: int, **other: str) -> dict[str, str]:
        counts = ErasedCounts(stored=Counter({at(-minute): 1 for minute in range(minutes)}))
        return counts.metadata(other, LATER)

    assert of_metadata(metadata(50)).stored == Counter({at(-minute): 1 for minute in range(50)})
    for minutes in (200, 10_000):
        found = metadata(minutes, origin="é" * 300)
        assert sum(len(f"x-amz-meta-{name}{value}".encode()) for name, value in found.items()) <= MOST_BYTES
        assert of_metadata(found).stored.total() == minutes
        assert found["origin"] == "é" * 300
    assert metadata(1, origin="x" * 2040) == {"origin": "x" * 2040}
    earlier = metadata(1)
    taken = 2 * len("x-amz-meta-") + sum(len(name) for name in ("origin", NAME, earlier[NAME]))
    full = {"origin": "x" * (MOST_BYTES - taken), **earlier}
    another_day = ErasedCounts(stored=Counter({at(-60 * 24 * 3): 1}))
    assert another_day.metadata(full, LATER) == full


def test_minutes_that_cloudwatch_does_not_know_any_more_are_left_out() -> None:
    old = ErasedCounts(stored=Counter({at(-15 * 1440): 3})).metadata({}, NOON - timedelta(hours=1))
    assert of_metadata(old).stored == {at(-15 * 1440): 3}
    assert ErasedCounts().metadata(old, LATER) == {}
    new = ErasedCounts(errors=Counter({NOON: -1})).metadata(old, LATER)
    assert new == {NAME: '{"errors":{"2026-11-23T12:00":-1}}'}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("stored", "errors", "2026-11-23T12:00", "x")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON | st.text(), st.booleans())
def test_metadata_of_others_are_no_counts(document: Any, is_json: bool) -> None:
    text = json.dumps(document) if is_json else str(document)
    found = of_metadata({NAME: text})
    assert all(isinstance(minute, datetime) for minute in found.minutes)
    assert all(count >= 0 for count in found.stored.values()), "nothing was ever stored less than not at all"
    assert of_metadata({}) == ErasedCounts()
