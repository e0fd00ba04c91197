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
) -> Books:
    total = sum(incoming.values())
    sums = Sums(
        Counter({at(minute): count for minute, count in incoming.items()}),
        Counter(),
        Counter({at(1): total if processed is None else processed}),
        Counter({at(2): total if delivered is None else delivered}),
        (),
        (),
    )
    return _Closing(sums, ledger, NOON, at(high), SPAN).books(at(60), None)


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
