"""``logs``: events merged by time, limited, followed, and safe for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mysfits_stream.config import Config
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.logs import LogEvent, LogEvents, follow, logs
from mysfits_stream.operations.project import Project
from mysfits_stream.output import logs as rendering
from tests.support.clock import START
from tests.support.deployment import Deployment

BEGIN = datetime.fromtimestamp(START, UTC)


@pytest.fixture
def project(deployment: Deployment) -> Project:
    return Project(Config(), deployment.directory, deployment.target)


def write(deployment: Deployment, group: str, stream: str, *messages: str, seconds: float = 0) -> None:
    client = deployment.target.client("logs")
    found = client.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    if not found:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    for number, message in enumerate(messages):
        at = START + seconds + number
        deployment.cloud.cloud.control_plane.put_log_event(deployment.region, group, stream, message, at)


def read(project: Project, source: str | None = None, **options: Any) -> LogEvents:
    options = {"lines": 100, "since": "1h", "now": lambda: BEGIN + timedelta(minutes=1), **options}
    return logs(project, source, **options)


def test_what_the_processor_logs_of_a_click_is_found(deployment: Deployment, project: Project) -> None:
    deployment.deploy()
    deployment.put({"userId": "ann", "mysfitId": "m1"})
    deployment.pass_buffers()
    found = read(project, "processor", now=lambda: BEGIN + timedelta(hours=1))
    assert any('"records":' in event.message for event in found.events), found
    assert {event.source for event in found.events} == {"processor"}
    assert found.groups == (project.names.processor_logs,)


def test_sources_are_merged_by_time_and_limited_to_the_latest(
    deployment: Deployment, project: Project
) -> None:
    deployment.deploy()
    names = project.names
    write(deployment, names.processor_logs, "2026/09/21/[$LATEST]a", "one", "three", seconds=0)
    write(deployment, names.processor_logs, "2026/09/21/[$LATEST]b", "four", seconds=2)
    write(deployment, names.delivery_logs, "S3Delivery", "two", seconds=0.5)
    # `up` has tested the processor before, and the function logged the test.
    assert [event.message for event in read(project).events][-4:] == ["one", "two", "three", "four"]
    assert [event.message for event in read(project, lines=2).events] == ["three", "four"]
    assert [event.message for event in read(project, "delivery").events] == ["two"]
    later = (BEGIN + timedelta(seconds=1)).isoformat()
    assert [event.message for event in read(project, since=later).events] == ["three", "four"]


def test_the_document_names_groups_sources_streams_and_times(
    deployment: Deployment, project: Project
) -> None:
    deployment.deploy()
    write(deployment, project.names.delivery_logs, "S3Delivery", "denied\n", seconds=0.25)
    assert read(project, "delivery").document() == {
        "logGroups": ["/aws/kinesisfirehose/mysfits-clicks-clicks"],
        "events": [
            {
                "source": "delivery",
                "time": "2026-09-21T14:13:20.250Z",
                "stream": "S3Delivery",
                "message": "denied",
            }
        ],
    }


def test_new_events_are_followed_each_once_even_if_they_come_late(
    deployment: Deployment, project: Project
) -> None:
    deployment.deploy()
    group = project.names.processor_logs
    write(deployment, group, "a", "one", "two", "three", seconds=60)
    found = follow(project, None, lines=2, since="1h", now=lambda: BEGIN)
    assert [next(found).message for _ in range(2)] == ["two", "three"]
    write(deployment, group, "b", "late", seconds=30)
    write(deployment, group, "a", "four", seconds=70)
    assert [next(found).message for _ in range(2)] == ["late", "four"]


def test_a_stack_without_logs_is_an_error_with_advice(deployment: Deployment, project: Project) -> None:
    with pytest.raises(ClickError, match="run: mysfits-stream up"):
        read(project)


def test_no_events_are_said() -> None:
    found = rendering.events(LogEvents(("/aws/lambda/p", "/aws/f"), BEGIN, ()), None)
    assert [str(line) for line in found] == [
        "no log events in /aws/lambda/p and /aws/f since 2026-09-21 14:13:20 UTC"
    ]


def test_a_message_can_neither_drive_the_terminal_nor_forge_an_event() -> None:
    text = rendering.event(
        LogEvent("processor", BEGIN, "s", "\x1b[2Jred\r\n2026-09-21 14:13:20.000  delivery   fine", "1"),
        None,
    )
    assert str(text) == (
        "2026-09-21 14:13:20.000  processor  \\x1b[2Jred\\r\n    2026-09-21 14:13:20.000  delivery   fine"
    )
    padded = rendering.event(LogEvent("p", BEGIN, "s", " ".join(["2026-09-21"] * 9), "1"), 40)
    assert all(line.startswith("    ") for line in str(padded).split("\n")[1:])
