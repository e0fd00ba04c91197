"""The arithmetic of the books: running sums, records between two minutes, and bounds."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from mysfits_stream.books.audit import _Closing, _failing_since, _quiet
from mysfits_stream.books.ledger import Ledger, Repeated
from mysfits_stream.books.metrics import Sums
from mysfits_stream.books.statement import Books

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SPAN = timedelta(minutes=8)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def books(
    incoming: dict[int, int],
    ledger: Ledger,
    *,
    high: int = 30,
    processed: int | None = None,
    delivered: int | None = None,
    kept_since: datetime | None = None,
) -> Books:
    total = sum(incoming.values())
    sums = Sums(
        Counter({at(minute): count for minute, count in incoming.items()}),
        Counter(),
        Counter({at(21): total if processed is None else processed}),
        Counter({at(22): total if delivered is None else delivered}),
        (),
        (),
    )
    return _Closing(sums, ledger, NOON, at(high), SPAN, kept_since=kept_since).books(at(60), None)


def stored(counts: dict[int, int], edges: list[datetime] | None = None) -> Ledger:
    ledger = Ledger(edges=sorted(edges or []))
    ledger.stored.update({at(minute): count for minute, count in counts.items()})
    return ledger


def kinds(found: Books) -> list[tuple[str, datetime, int, int]]:
    return [(each.kind, each.minute, each.at_least, each.at_most) for each in found.suspects]


@pytest.mark.parametrize("seed", range(20))
def test_steady_traffic_over_the_ends_of_minutes_closes_and_a_loss_has_its_minute(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    incoming: Counter[int] = Counter()
    requests: Counter[int] = Counter()
    for minute in range(20):
        for _ in range(chance.randrange(50, 90)):
            second = chance.uniform(0, 60)
            requests[minute] += 1
            # A record comes in within a second after its request, in the last minute before its end.
            late = second + chance.uniform(0.01, 1) >= 60 and minute < 19
            incoming[minute + late] += 1
    assert books(dict(incoming), stored(dict(requests))).closes

    lost = chance.randrange(20)
    requests[lost] -= 100
    incoming[lost] += 20
    [first, *more] = books(dict(incoming), stored(dict(requests))).suspects
    assert (first.kind, first.minute) == ("lost", at(lost))
    assert first.at_most + sum(each.at_most for each in more) == 120
    # A few records of the minute before come in after it, so the last of the loss may show a minute later.
    assert {each.minute for each in more} <= {at(lost + later) for later in range(1, 20)}


def test_requests_at_the_end_make_a_bound() -> None:
    edge = [at(30) - timedelta(seconds=second) for second in (1, 2, 40)]
    # Two requests just before the end may have come in after it.
    assert books({5: 10}, stored({5: 10, 29: 3}, edge), high=30).totals.accepted == 10
    assert books({5: 10, 29: 1}, stored({5: 10, 29: 3}, edge), high=30).closes
    assert books({5: 10, 29: 3}, stored({5: 10, 29: 3}, edge), high=30).closes
    found = books({5: 12, 29: 3}, stored({5: 10, 29: 3}, edge), high=30)
    assert kinds(found) == [("lost", at(5), 0, 2)]


@pytest.mark.parametrize(
    ("processed", "delivered", "link"), [(8, 8, "processor"), (10, 8, "delivery"), (10, 10, "bucket")]
)
def test_the_likeliest_link_is_the_one_that_lets_fewer_through(
    processed: int, delivered: int, link: str
) -> None:
    [suspect] = books({5: 10}, stored({5: 8}), processed=processed, delivered=delivered).suspects
    assert (suspect.link, suspect.at_least, suspect.at_most) == (link, 2, 2)
    assert books({5: 8}, stored({5: 10})).suspects[0].kind == "surplus"


def test_each_loss_has_its_own_link_where_a_pause_divides_the_records() -> None:
    sums = Sums(
        Counter({at(5): 10, at(60): 10, at(61): 10}),
        Counter(),
        Counter({at(7): 10, at(63): 17}),
        Counter({at(8): 10, at(64): 17}),
        (),
        (),
    )
    found = _Closing(sums, stored({5: 9, 60: 10, 61: 7}), NOON, at(100), SPAN).books(at(120), None)
    assert [(each.minute, each.link) for each in found.suspects] == [(at(5), "bucket"), (at(61), "processor")]
    assert "17 were processed" in found.suspects[1].reason
    # While records come in all the time, the counts do not tell more.
    steady = dict.fromkeys(range(60), 10)
    [suspect] = books(steady, stored(steady | {7: 9})).suspects
    assert (suspect.minute, suspect.link) == (at(7), "bucket")
    assert "came in without a pause" in suspect.reason


def test_an_erased_error_line_is_no_loss_of_the_processor() -> None:
    ledger = stored({5: 6})
    ledger.erased.errors[at(5)] = ledger.erased.failed[at(5)] = 3
    found = books({5: 10}, ledger, processed=7)
    assert kinds(found) == [("lost", at(5), 1, 1)]
    assert found.suspects[0].link == "bucket"
    assert (found.totals.accepted, found.totals.erased, found.totals.under_way) == (10, 3, 0)


def test_what_may_have_expired_is_a_bound_and_a_later_loss_is_named() -> None:
    incoming = {2: 10, 5: 10, 12: 10, 20: 10}
    found = books(incoming, stored({2: 1, 12: 10, 20: 10}), kept_since=at(10))
    assert found.closes
    assert found.expired and found.expired.document() == {
        "before": "2026-11-26T12:10:00.000Z",
        "atMost": 19,
    }
    assert found.totals.under_way == 0
    found = books(incoming, stored({5: 10, 12: 10, 20: 7}), kept_since=at(10))
    assert kinds(found) == [("lost", at(20), 3, 3)]
    assert found.expired and found.expired.at_most == 10
    # Nothing of the range came in later; a surplus stays one.
    found = books({2: 10}, stored({}), kept_since=at(29))
    assert (found.closes, found.expired and found.expired.at_most) == (True, 10)
    assert kinds(books({2: 10}, stored({2: 12}), kept_since=at(10))) == [("surplus", at(2), 2, 2)]


def test_erased_records_near_the_end_make_a_bound() -> None:
    ledger = stored({5: 10})
    ledger.erased.stored[at(29)] = 2
    assert books({5: 10}, ledger).closes
    assert books({5: 10, 29: 2}, ledger).closes
    assert kinds(books({5: 12, 29: 2}, ledger)) == [("lost", at(5), 0, 2)]


def test_erased_clicks_of_a_request_leave_no_missing_ones() -> None:
    ledger = stored({5: 1})
    ledger.gaps[at(5)], ledger.missing[at(5)] = 3, ["r:0", "r:1", "r:3"]
    ledger.erased.gaps[at(5)] = 2
    [suspect] = books({5: 1}, ledger).suspects
    assert (suspect.kind, suspect.at_least, suspect.ids) == ("incomplete", 1, ("r:0", "r:1", "r:3"))
    assert "2 of these were erased" in suspect.reason
    ledger.erased.gaps[at(5)] = 3
    assert books({5: 1}, ledger).closes


def test_replayed_records_are_no_new_ones() -> None:
    ledger = stored({5: 9})
    ledger.errors[at(5)] = 1
    ledger.replayed_puts[at(10)] = 3
    ledger.recovered = ledger.replayed = 1
    found = books({5: 10, 11: 3}, ledger)
    assert found.closes
    totals = found.totals
    assert (totals.accepted, totals.delivered, totals.failed, totals.replayed) == (10, 10, 0, 1)


def test_a_loss_before_a_replay_keeps_its_minute() -> None:
    ledger = stored({5: 9})
    ledger.errors[at(6)] = 2
    ledger.replayed_puts[at(10)] = 4
    found = books({5: 10, 6: 2, 12: 4}, ledger)
    assert kinds(found) == [("lost", at(5), 1, 1)]


def test_repeated_clicks_outside_the_settled_range_wait() -> None:
    ledger = stored({5: 1, 40: 1})
    ledger.repeated = [Repeated("r:0", at(40), 2, ("k",))]
    found = books({5: 1, 40: 1}, ledger)
    assert found.closes
    assert found.totals.duplicates == 1


def test_failures_go_on_while_the_last_one_is_recent() -> None:
    patience = timedelta(minutes=10)
    failing = tuple(at(minute) for minute in (0, 20, 25, 28))
    assert _failing_since(failing, at(30), patience) == at(20)
    assert _failing_since(failing, at(60), patience) is None
    assert _failing_since((), at(60), patience) is None


def test_an_end_moves_back_to_a_quiet_moment() -> None:
    ledger = Ledger(edges=[at(9.9), at(8.9), at(7.2)])
    ledger.edges.sort()
    assert _quiet(at(10), ledger, at(0)) == at(8)
    assert _quiet(at(10), ledger, at(9)) == at(10)
