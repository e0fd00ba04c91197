"""Random definitions, clicks, duplicates and queries: SQL gives the answer of plain Python."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mysfits_stream import click_definition
from mysfits_stream.click_definition import Definition, Enrichment, Field
from tests.support.asking import Asking
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, key, lines

NAMES = ("userId", "select", "Order", "file_row_number", "c0", "id", "part", "a_b", "from")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["", "guest", "NULL", "[{", "\\ud800"]
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXTS,
    "integer": st.integers(-(2**53) + 1, 2**53 - 1) | st.integers(-2, 2),
    "number": st.floats(-1e300, 1e300) | st.integers(-5, 5),
    "boolean": st.booleans(),
}
SCALARS = st.none() | TEXTS | st.booleans() | st.integers(-99, 99) | st.sampled_from([0.25, 12.5, -3.75])
Click = dict[str, Any]
Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Stored clicks, and the range that a query asks for."""

    definition: Definition
    stored: tuple[Click, ...]
    since: datetime | None
    until: datetime


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique_by=str.lower))
    fields = tuple(
        Field(name, draw(st.sampled_from(click_definition.TYPES)), (("maxLength", 99),), required=False)
        for name in names
    )
    attributes = tuple(draw(st.lists(st.sampled_from(["price", "group", "n1"]), max_size=2, unique=True)))
    enrichment = Enrichment(names[0], "/", "", attributes) if attributes else None
    definition = Definition(fields, None, enrichment, anonymize=False)
    stored: list[Click] = []
    for number in range(draw(st.integers(0, 12))):
        repeats = draw(st.booleans())
        if stored and repeats:
            copy: Click = dict(stored[draw(st.integers(0, len(stored) - 1))])
            if draw(st.booleans()):  # a retry of a browser: another request
                copy |= {"clickedAt": draw(times()), "requestId": f"retry-{number}"}
            stored.append(copy)
            continue
        click = {field.name: draw(VALUES[field.type]) for field in fields if draw(st.booleans())}
        click |= {name: draw(SCALARS) for name in attributes}
        click["clickedAt"] = draw(times())
        if draw(st.integers(0, 3)):  # else a line of version 0.1.0
            click |= {"clickId": f"click-{number:03}", "requestId": f"request-{number}"}
        if not draw(st.integers(0, 4)):
            click["test"] = True
        if attributes and not draw(st.integers(0, 4)):
            click["enriched"] = False
        stored.append(click)
    bounds = sorted(draw(st.lists(st.integers(0, 300), min_size=2, max_size=2, unique=True)))
    since, until = (NOON + timedelta(minutes=bound) for bound in bounds)
    return World(definition, tuple(stored), draw(st.sampled_from([since, None])), until)


@st.composite
def times(draw: st.DrawFn) -> str:
    at = NOON + timedelta(minutes=draw(st.integers(0, 300)), milliseconds=draw(st.integers(0, 59_999)))
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def rows(world: World, *, raw: bool) -> list[Row]:
    """The rows of ``clicks`` or ``clicks_raw``, by plain Python."""
    found: dict[Any, Row] = {}
    for number, click in enumerate(world.stored):
        at = datetime.fromisoformat(click["clickedAt"])
        if at >= world.until or (world.since and at < world.since):
            continue
        row = row_of(click, world.definition)
        identity = number if raw else click.get("clickId", number)
        if identity not in found or order(row) < order(found[identity]):
            found[identity] = row
    return [row for row in found.values() if raw or not row["test"]]


def row_of(click: Click, definition: Definition) -> Row:
    row: Row = {field.name: typed(click.get(field.name), field.type) for field in definition.fields}
    row |= {name: text(click.get(name)) for name in definition.attributes}
    row |= {name: click.get(name) for name in ("clickedAt", "clickId", "requestId")}
    return row | {"test": click.get("test", False), "enriched": click.get("enriched", True)}


def typed(value: Any, kind: str) -> Any:
    return float(value) if kind == "number" and value is not None else value


def text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def order(row: Row) -> tuple[str, str]:
    """Copies of a click differ in time and request, or in nothing."""
    return row["clickedAt"], str(row["requestId"])


Question = tuple[str, Callable[[list[Row]], Counter[Any]]]


@st.composite
def questions(draw: st.DrawFn, definition: Definition) -> Question:
    """A SELECT over {table}, and its rows from the table's rows."""
    names = [*definition.names, *definition.attributes, "clickedAt", "clickId", "test", "enriched"]
    one, other = draw(st.sampled_from(names)), draw(st.sampled_from(names))
    asked: list[Question] = [
        (f'SELECT "{one}", count(*) FROM {{table}} GROUP BY 1', lambda found: grouped(found, one)),
        (
            f'SELECT "{one}", "{other}" AS o FROM {{table}} WHERE "{one}" IS NOT NULL ORDER BY "{other}"',
            lambda found: Counter((row[one], row[other]) for row in found if row[one] is not None),
        ),
        (
            f'SELECT count(*), count("{one}"), count(DISTINCT "{one}"), min("clickedAt") FROM {{table}}',
            lambda found: Counter([totals(found, one)]),
        ),
        (
            "SELECT date_trunc('hour', \"clickedAt\") AS hour, count(*) FROM {table} GROUP BY 1",
            lambda found: Counter(Counter(f"{row['clickedAt'][:13]}:00:00.000Z" for row in found).items()),
        ),
    ]
    return draw(st.sampled_from(asked))


def grouped(found: list[Row], name: str) -> Counter[Any]:
    return Counter(Counter(row[name] for row in found).items())


def totals(found: list[Row], name: str) -> tuple[Any, ...]:
    values = [row[name] for row in found if row[name] is not None]
    return len(found), len(values), len(set(values)), min((row["clickedAt"] for row in found), default=None)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_sql_gives_the_answer_of_plain_python(data: st.DataObject) -> None:
    world = data.draw(worlds())
    with TemporaryDirectory() as directory:
        s3 = MemoryS3(Clock(NOON + timedelta(hours=6)))
        asking = Asking(s3, Path(directory), world.definition)
        for number, click in enumerate(world.stored):
            # In an object of its own hour or of a later hour, with its neighbours or alone.
            began = datetime.fromisoformat(click["clickedAt"])
            late = timedelta(hours=data.draw(st.integers(0, 1)))
            where = key(began.replace(minute=0, second=0, microsecond=0) + late, data.draw(st.integers(0, 2)))
            s3.objects[where] = s3.objects.get(where, b"") + lines(click)
            if not number % 5:
                asking.ask("SELECT 1")  # the cache grows by and by
        sql, expected = data.draw(questions(world.definition))
        for table, raw in (("clicks", False), ("clicks_raw", True)):
            found = asking.ask(sql.format(table=table), world.since, world.until)
            assert Counter(found) == expected(rows(world, raw=raw)), table
        assert not asking.problems.foreign_lines
