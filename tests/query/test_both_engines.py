"""Laptop, local Athena and plain Python agree for any definition and clicks."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mysfits_stream.click_definition import Field
from mysfits_stream.config import ClickConfig, Config, DeliveryConfig, EnrichConfig, QueryConfig
from mysfits_stream.errors import QueryError
from mysfits_stream.operations import query as laptop
from mysfits_stream.operations import query_athena
from mysfits_stream.operations.project import Project
from tests.support.clock import START
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

NOW = datetime.fromtimestamp(START, UTC)
TYPES = ("string", "integer", "number", "boolean")
NAMES = ("amount", "Order", "select", "_x", "datehour", "productId", "value")
BEGINS = tuple(f"{NOW - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}" for hours in (6, 26))
PREFIXES = ("firehose/", "clicks/y=!{timestamp:yyyy}/m=!{timestamp:MM}/d=!{timestamp:dd}/", "")


@dataclass(frozen=True)
class Case:
    """A definition, lines in objects, and a range."""

    config: Config
    lines: list[dict[str, Any]]
    since: str | None


@st.composite
def cases(draw: st.DrawFn) -> Case:
    kinds = {name: draw(st.sampled_from(TYPES)) for name in draw(st.sets(st.sampled_from(NAMES), max_size=4))}
    bounds = {"string": (("maxLength", 64),)}
    fields = (
        Field("user", bounds=(("maxLength", 64),)),
        Field("item", bounds=(("maxLength", 64),), required=False),
        *(Field(name, kind, bounds.get(kind, ()), required=False) for name, kind in kinds.items()),
    )
    enriched = draw(st.booleans())
    config = Config(
        click=ClickConfig(fields, "user"),
        enrich=EnrichConfig("item", "/items/{item}", "", ("colour",)) if enriched else None,
        delivery=DeliveryConfig(prefix=draw(st.sampled_from(PREFIXES))),
        query=QueryConfig(athena=True),
    )
    values: dict[str, st.SearchStrategy[Any]] = {
        "string": st.sampled_from(["a", "ä'\"", "1", "true", "", "x y", "NULL"]),
        "integer": st.integers(-(2**53), 2**53),
        "number": st.one_of(st.integers(-5, 5), st.sampled_from([0.5, -1.25, 1e21, 3.0])),
        "boolean": st.booleans(),
    }
    # A line may be of an earlier definition, with another type, or of version 0.1.0, without an id.
    any_value = st.one_of(*values.values(), st.none())
    lines = []
    for _ in range(draw(st.integers(0, 12))):
        line: dict[str, Any] = {"user": draw(st.sampled_from("abc"))}
        for name, kind in kinds.items():
            if draw(st.booleans()):
                line[name] = draw(st.one_of(values[kind], any_value))
        if enriched:
            line["colour"] = draw(st.sampled_from(["red", None, "blue"]))
        minutes = draw(st.integers(0, 60 * 30))
        clicked = NOW - timedelta(minutes=minutes)
        line["clickedAt"] = f"{clicked:%Y-%m-%dT%H:%M:%S}.{draw(st.sampled_from(['000', '123']))}Z"
        if draw(st.booleans()):
            line["clickId"] = draw(st.sampled_from(["id-00001", "id-00002", "id-00003"]))
            line["requestId"] = draw(st.sampled_from(["r1", "r2"]))
        if draw(st.integers(0, 4)) == 0:
            line["test"] = True
        lines.append(line)
    return Case(config, lines, draw(st.sampled_from([None, *BEGINS])))


class Bench:
    """Both engines over one bucket."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._number = 0

    def prepare(self, case: Case) -> Project:
        """Put the lines into objects as Firehose names these, and make the table."""
        self._number += 1
        config = replace(case.config, stack=f"stack-{self._number}")
        target = self._deployment.target
        project = Project(config, self._deployment.directory, target)
        built = project.build()
        assert built.clicks_database and built.clicks_table and built.query_workgroup
        for resource in (
            built.clicks_bucket,
            built.clicks_database,
            built.clicks_table,
            built.query_workgroup,
        ):
            resource.create()
        prefix = config.delivery.prefix
        for number, line in enumerate(case.lines):
            clicked = datetime.fromisoformat(line["clickedAt"])
            folder = prefix.replace("!{timestamp:yyyy}", f"{clicked:%Y}").replace(
                "!{timestamp:MM}", f"{clicked:%m}"
            )
            folder = folder.replace("!{timestamp:dd}", f"{clicked:%d}")
            if "!{" not in prefix:
                folder += f"{clicked:%Y/%m/%d/%H}/"
            packed = number % 2 == 0
            body = json.dumps(line).encode() + b"\n" + (b"no click\n" if number % 3 == 0 else b"")
            key = f"{folder}s-1-{clicked:%Y-%m-%d-%H-%M-%S}-{number:08}-0000-0000-0000-000000000000"
            target.clients.s3.put_object(
                Bucket=project.names.bucket,
                Key=key + (".gz" if packed else ""),
                Body=gzip.compress(body) if packed else body,
            )
        return project

    def on_laptop(self, project: Project, sql: str, since: str | None) -> Any:
        def ignore(_: object) -> None: ...

        with laptop.query(project, sql, since, None, confirm=ignore, report=ignore) as answer:
            assert answer.rows
            return answer.rows.names, list(answer.rows.values)

    def on_athena(self, project: Project, sql: str, since: str | None) -> Any:
        with query_athena.query(project, sql, since, None) as answer:
            assert answer.rows
            return answer.rows.names, list(answer.rows.values)


@pytest.fixture
def bench(deployment: Deployment) -> Bench:
    return Bench(deployment)


def once_each(case: Case) -> list[dict[str, Any]]:
    """The rows of ``clicks``, in plain Python: of equal ids the earliest, without test clicks."""
    begin = datetime.fromisoformat(case.since) if case.since else None
    found, seen = [], set()

    def order(line: dict[str, Any]) -> tuple[str, str]:
        return line["clickedAt"], line.get("requestId") or "~"

    for line in sorted(case.lines, key=order):
        if begin and datetime.fromisoformat(line["clickedAt"]) < begin:
            continue
        if (click_id := line.get("clickId")) in seen and click_id:
            continue
        seen.add(click_id)
        found.append(line)
    return found


QUERIES = [
    'SELECT "user", count(*) AS clicks, count(DISTINCT "clickId") FROM clicks GROUP BY 1 ORDER BY 1',
    "SELECT date_trunc('hour', clickedAt) AS Hour, count(*) FROM clicks_raw GROUP BY ALL ORDER BY 1",
    'WITH gaps AS (SELECT "user", clickedAt - lag(clickedAt) OVER (PARTITION BY "user" ORDER BY clickedAt) '
    'AS gap FROM clicks_raw) SELECT "user", count(*) FILTER (WHERE gap IS NULL OR gap > INTERVAL 30 MINUTE) '
    'AS sessions FROM gaps GROUP BY "user" ORDER BY "user"',
    "SELECT count(*), min(clickedAt), max(clickedAt), count(*) / 2, 0.1 + 0.2 FROM clicks",
]


@settings(
    max_examples=8,
    # A shrink takes minutes: each example makes a bucket, a table and ten queries.
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_laptop_and_athena_and_python_agree(bench: Bench, case: Case) -> None:
    project = bench.prepare(case)
    answers = []
    for sql in QUERIES:
        answers.append(bench.on_laptop(project, sql, case.since))
        assert bench.on_athena(project, sql, case.since) == answers[-1], sql
    listed = 'SELECT * FROM clicks_raw ORDER BY "clickedAt", "user"'
    names, rows = bench.on_laptop(project, listed, case.since)
    other_names, other_rows = bench.on_athena(project, listed, case.since)
    assert other_names == names
    assert sorted(map(repr, other_rows)) == sorted(map(repr, rows))
    expected: dict[str, int] = {}
    for line in once_each(case):
        if not line.get("test"):
            expected[line["user"]] = expected.get(line["user"], 0) + 1
    _, counted = answers[0]
    assert {user: clicks for user, clicks, _ in counted} == expected


def test_a_query_without_the_setting_is_refused(deployment: Deployment) -> None:
    project = Project(Config(), deployment.directory, deployment.target)
    with (
        pytest.raises(QueryError, match=r"set query\.athena: true in config\.yaml and run"),
        query_athena.query(project, "SELECT 1", None, None),
    ):
        pass
    assert deployment.calls == []
