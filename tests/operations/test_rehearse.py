"""Rehearsals: delivered clicks through the deployed code and through another."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest

from mysfits_stream.clicks import rebuilding
from mysfits_stream.config import Config, ProcessorConfig
from mysfits_stream.errors import ClickError
from mysfits_stream.local_site.mysfits import mysfits
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.recorded_service import RecordedService
from mysfits_stream.operations.rehearse import Rehearsal, rehearse
from tests.support.deployment import Deployment

CLICK = json.loads(Config().definition.environment())
KNOWN = [each["mysfitId"] for each in mysfits()]


def envelope(rebuilt: rebuilding.Rebuilt) -> Any:
    return json.loads(rebuilt.record.data)


def line(number: int, click_id: str = "", **changed: Any) -> dict[str, Any]:
    return {
        "userId": "u",
        "mysfitId": "m",
        **dict.fromkeys(("goodevil", "lawchaos", "species", "name"), "x"),
        "clickedAt": "2026-11-26T12:00:00.250Z",
        "clickId": click_id or f"request:{number}",
        "requestId": "request",
        **changed,
    }


def test_a_line_becomes_its_click_again_in_the_envelope_of_its_request() -> None:
    [rebuilt] = rebuilding.rebuilt([line(3, test=True, enriched=False)], CLICK)
    assert envelope(rebuilt) == {
        "v": 1,
        "requestId": "request",
        "time": 1795694400250,
        "first": 3,
        "test": True,
        "clicks": [{"userId": "u", "mysfitId": "m"}],
    }
    assert rebuilt.ids == ("request:3",)


def test_clicks_of_one_request_that_follow_each_other_share_a_record() -> None:
    lines = [
        line(0),
        line(1),
        line(3),
        line(0, click_id="chosen-by-the-browser"),
        line(4, clickedAt="2026-11-26T12:00:01.000Z"),
        line(0, requestId="another", click_id="another:0"),
        {"userId": "u", "mysfitId": "m", "clickedAt": "2026-11-26T12:00:00Z"},  # of version 0.1.0
    ]
    found = list(rebuilding.rebuilt(lines, CLICK | {"digest": "abc"}))
    assert [each.ids for each in found] == [
        ("request:0", "request:1"),
        ("request:3",),
        ("chosen-by-the-browser",),
        ("request:4",),
        ("another:0",),
        ("line 5",),
    ]
    assert [envelope(each)["first"] for each in found] == [0, 3, 0, 4, 0, 0]
    assert envelope(found[2])["clicks"] == [
        {"userId": "u", "mysfitId": "m", "clickId": "chosen-by-the-browser"}
    ]
    assert {envelope(each)["definition"] for each in found} == {"abc"}


def test_batches_are_cut_by_size() -> None:
    records = list(rebuilding.rebuilt((line(0, requestId=str(n)) for n in range(10)), CLICK))
    size = len(records[0].record.data)
    assert [len(batch) for batch in rebuilding.batches(records, 4 * size)] == [4, 4, 2]
    assert [len(batch) for batch in rebuilding.batches(records, 1)] == [1] * 10


def test_a_path_of_the_service_is_requested_once_and_answered_alike(local_cloud: Any) -> None:
    with RecordedService(f"{local_cloud.endpoint}/_mysfits") as service:
        first = service.answer(f"/mysfits/{KNOWN[0]}")
        assert first[0] == 200
        assert service.answer(f"/mysfits/{KNOWN[0]}") is first
        assert service.answer("/mysfits/nobody")[0] == 404
    with RecordedService("http://127.0.0.1:9") as service:
        assert service.answer("/mysfits")[0] == 502
        assert service.failures == {"/mysfits": "ConnectionError"}


# With the stack


def own(directory: Path, change: Callable[[str], str] = lambda code: code) -> Config:
    """A configuration with a changed copy of the tool's processor."""
    source = files("mysfits_stream") / "lambda_src"
    directory.mkdir()
    for name in ("stream_processor.py", "requirements.txt"):
        (directory / name).write_text((source / name).read_text("utf-8"), "utf-8")
    code = directory / "stream_processor.py"
    changed = change(code.read_text("utf-8"))
    code.write_text(changed, "utf-8")
    # The packages of this machine, in place of a download.
    requests = Path(sys.modules["requests"].__file__ or "").parents[1]
    (directory / "requirements.txt").unlink()
    for name in ("requests", "urllib3", "certifi", "idna", "charset_normalizer"):
        shutil.copytree(
            requests / name, directory / name, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    return replace(Config(), processor=ProcessorConfig(source=str(directory)))


@pytest.fixture
def clicked(deployment: Deployment) -> Deployment:
    """A stack with delivered clicks on three mysfits and on one that does not exist."""
    deployment.deploy()
    for number in range(12):
        mysfit = (KNOWN[0], KNOWN[1], KNOWN[2], "nobody")[number % 4]
        assert deployment.put({"userId": f"u{number}", "mysfitId": mysfit}).status_code == 200
    assert deployment.put([{"userId": "two", "mysfitId": each} for each in KNOWN[:2]]).status_code == 200
    deployment.pass_buffers()
    assert len(deployment.delivered()) == 14
    return deployment


@pytest.fixture
def asked() -> list[str]:
    """The code that was asked about."""
    return []


@pytest.fixture
def rehearsing(clicked: Deployment, asked: list[str]) -> Iterator[Callable[..., Rehearsal]]:
    def run(config: Config | None = None, event: Path | None = None) -> Rehearsal:
        project = Project(config or clicked.config, clicked.directory, clicked.target)
        return rehearse(project, None if event else "2026-09-01", event, asked.append)

    yield run


@pytest.mark.slow
def test_the_same_code_comes_out_the_same_and_is_not_asked_about(
    rehearsing: Callable[..., Rehearsal], asked: list[str]
) -> None:
    result = rehearsing()
    assert (result.same, result.changed.count, result.failing.count) == (14, 0, 0)
    assert not result.differs
    assert asked == []
    assert (result.before.batches, result.after.batches) == (1, 1)
    assert result.cost_after > 0


@pytest.mark.slow
def test_a_planted_regression_is_found_and_nothing_else(
    rehearsing: Callable[..., Rehearsal], asked: list[str], clicked: Deployment, tmp_path: Path
) -> None:
    """One field for one mysfit."""

    def plant(code: str) -> str:
        line = "    usable = all(\n"
        assert line in code
        return code.replace(
            line, f'    if item.get("mysfitId") == "{KNOWN[1]}":\n        attributes["species"] = "?"\n{line}'
        )

    result = rehearsing(own(tmp_path / "own", plant))
    expected = {line["clickId"] for line in clicked.delivered() if line["mysfitId"] == KNOWN[1]}
    assert len(expected) == 4
    assert sorted(result.changed.first) == sorted(expected)
    assert (result.same, result.failing.count) == (10, 0)
    assert result.differs
    assert len(asked) == 1
    assert asked[0].startswith("version 1 of mysfits-clicks-processor (SHA-256 ")
    assert '"u1"' not in json.dumps(result.document())


@pytest.mark.slow
def test_code_that_breaks_the_contract_or_fails_is_told(
    rehearsing: Callable[..., Rehearsal], tmp_path: Path
) -> None:
    """One click that fails, and a response that lacks a record."""

    def fail_one_user(code: str) -> str:
        line = "        if not lines:\n"
        assert line in code
        return code.replace(line, "        if not lines or '\"u3\"' in lines[0][0]:\n")

    result = rehearsing(own(tmp_path / "one", fail_one_user))
    assert (result.failing.count, result.same, result.after.failed) == (1, 13, 1)
    assert result.after.problems == {}

    def drop_records(code: str) -> str:
        return code.replace('return {"records": records}', 'return {"records": records[1:]}')

    broken = rehearsing(own(tmp_path / "contract", drop_records))
    assert broken.failing.count == 14
    assert list(broken.after.problems) == ["record ids are missing in the response: 000000000000"]
    assert broken.differs


@pytest.mark.slow
def test_an_event_of_a_file_is_rehearsed(rehearsing: Callable[..., Rehearsal], tmp_path: Path) -> None:
    [record] = rebuilding.rebuilt([line(0, mysfitId=KNOWN[0])], CLICK)
    data = base64.b64encode(record.record.data).decode()
    path = tmp_path / "event.json"
    path.write_text(
        json.dumps({"records": [{"recordId": "1", "data": data}, {"recordId": "2", "data": "e30="}]})
    )
    result = rehearsing(event=path)
    assert (result.same, result.after.failed) == (2, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not an event of Firehose"),
        ('{"records": [{"recordId": "1"}]}', "is not an event of Firehose .KeyError: 'data'"),
        ('{"records": [{"recordId": "1", "data": "?"}]}', "is not an event of Firehose"),
        (
            '{"records": [{"recordId": "1", "data": ""}, {"recordId": "1", "data": ""}]}',
            "a recordId occurs twice",
        ),
        ('{"records": []}', "there are no clicks to rehearse"),
    ],
)
def test_a_file_that_is_no_event_is_told_in_a_line(
    deployment: Deployment, tmp_path: Path, text: str, reason: str
) -> None:
    deployment.deploy()
    path = tmp_path / "event.json"
    path.write_text(text)
    project = Project(deployment.config, deployment.directory, deployment.target)
    with pytest.raises(ClickError, match=reason) as refused:
        rehearse(project, None, path, lambda _code: None)
    assert "\n" not in str(refused.value)


def test_nothing_runs_without_a_yes(deployment: Deployment, tmp_path: Path) -> None:
    deployment.deploy()

    def refuse(code: str) -> None:
        raise click.Abort

    project = Project(
        own(tmp_path / "own", lambda code: code + "\n"), deployment.directory, deployment.target
    )
    with pytest.raises(click.Abort):
        rehearse(project, "1h", None, refuse)


def test_a_stack_without_an_alias_has_nothing_to_compare_with(deployment: Deployment) -> None:
    project = Project(deployment.config, deployment.directory, deployment.target)
    with pytest.raises(ClickError, match="has no alias live yet; run: mysfits-stream up"):
        rehearse(project, "1h", None, lambda _code: None)
