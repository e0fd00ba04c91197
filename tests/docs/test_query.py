"""The questions of docs/query.md, run as they are written."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.aws.account import Account
from mysfits_stream.config import Config, QueryConfig
from mysfits_stream.localcloud.athena import statements
from mysfits_stream.localcloud.athena.engine import Objects, Run
from mysfits_stream.localcloud.athena.projection import Table
from mysfits_stream.query import schema
from mysfits_stream.query.athena import described, reader
from mysfits_stream.query.athena_sql import Source, translated
from tests.support.asking import Asking
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, key, lines
from tests.support.templates import built

PAGE = (Path(__file__).parents[2] / "docs" / "query.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^### (.+?)\n.*?^```sql\n(.*?)^```", PAGE, re.M | re.S))
DAYS = 4
PAUSE = timedelta(minutes=30)
LATEST = NOON + timedelta(days=999)

Clicks = list[dict[str, str]]


def visits() -> Clicks:
    """Clicks of some visitors on some days, in no order."""
    chance = random.Random(16)  # noqa: S311 - repeatable, not secret
    found = []
    for number in range(400):
        at = NOON + timedelta(seconds=chance.randrange(DAYS * 86400))
        kind = chance.randrange(3)
        found.append(
            enriched(
                at,
                chance.choice(["ann", "bob", "cid", "dee", "guest"]),
                f"m{kind}",
                name=("Orla", "Rex", "Zoe")[kind] if chance.random() < 0.9 else "Abe",
                species=("Griffin", "Chimera", "Troll")[kind],
                clickId=f"click-{number:04}",
            )
        )
    return found


def moment(click: dict[str, str]) -> datetime:
    return datetime.fromisoformat(click["clickedAt"])


def midnight(click: dict[str, str]) -> str:
    return f"{click['clickedAt'][:10]}T00:00:00.000Z"


def top_by_day(clicks: Clicks) -> list[tuple[Any, ...]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for click in clicks:
        counts[midnight(click)][click["name"]] += 1
    return [
        (day, place, name, count)
        for day in sorted(counts)
        for place, (name, count) in enumerate(
            sorted(counts[day].items(), key=lambda item: (-item[1], item[0]))[:3], 1
        )
    ]


def sessions(clicks: Clicks) -> list[tuple[Any, ...]]:
    times: dict[str, list[datetime]] = defaultdict(list)
    for click in clicks:
        if click["userId"] != "guest":
            times[click["userId"]].append(moment(click))
    found = []
    for each in times.values():
        last = None
        for at in sorted(each):
            if last is None or at > last + PAUSE:
                found.append(0)
            found[-1] += 1
            last = at
    return [(len(found), len(times), max(found))]


def funnel(clicks: Clicks) -> list[tuple[Any, ...]]:
    first: dict[str, datetime] = {}
    for click in sorted(clicks, key=moment):
        if click["species"] == "Griffin":
            first.setdefault(click["userId"], moment(click))
    then = {
        click["userId"]
        for click in clicks
        if click["species"] == "Chimera"
        and click["userId"] in first
        and moment(click) > first[click["userId"]]
    }
    return [(len({click["userId"] for click in clicks}), len(first), len(then))]


def returning_visitors(clicks: Clicks) -> list[tuple[Any, ...]]:
    visitors: dict[str, set[str]] = defaultdict(set)
    for click in clicks:
        if click["userId"] != "guest":
            visitors[midnight(click)].add(click["userId"])
    found, before = [], set[str]()
    for day in sorted(visitors):
        found.append((day, len(visitors[day]), len(visitors[day] & before)))
        before |= visitors[day]
    return found


EXPECTED = {
    "Top by day": top_by_day,
    "Sessions": sessions,
    "Funnel": funnel,
    "Returning visitors": returning_visitors,
}


def test_every_question_of_the_page_is_run() -> None:
    assert QUESTIONS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("question", EXPECTED)
def test_a_question_is_answered_as_plain_python_answers_it(question: str, tmp_path: Path) -> None:
    clicks = visits()
    s3 = MemoryS3(Clock(NOON + timedelta(days=DAYS, hours=1)))
    for number in range(0, len(clicks), 40):
        # Late objects, as after a replay.
        s3.objects[key(NOON + timedelta(days=DAYS), number)] = lines(*clicks[number : number + 40])
    assert Asking(s3, tmp_path).ask(QUESTIONS[question]) == EXPECTED[question](clicks)


@pytest.mark.parametrize("question", EXPECTED)
def test_a_question_has_the_same_answer_on_the_local_athena(question: str, tmp_path: Path) -> None:
    clicks = visits()
    content = lines(*clicks)
    now = NOON + timedelta(days=DAYS, hours=1)
    config = Config(query=QueryConfig(athena=True))
    columns = schema.columns(config.definition)
    table = built(config, Account("123456789012", "eu-west-1")).clicks_table
    assert table
    found = Table.of({"Name": table.table_name, **table.desired})
    objects = Objects(lambda _bucket, _prefix: [(key(now), len(content))], lambda _bucket, _key: content)
    partition = table.partitions.of(now)
    source = Source("d", table.table_name, table.partition_column, partition, partition, None, LATEST)
    sql = QUESTIONS[question]
    ran = Run(now, objects, lambda _name: found)
    result = ran.select(statements.parsed(translated(sql, columns, source).sql), "d")
    readers = [reader(kind) for kind in described(sql, columns, tmp_path).types]
    rows = [
        tuple(None if text is None else read(text) for read, text in zip(readers, row, strict=True))
        for row in result.rows
    ]
    assert rows == EXPECTED[question](clicks)
