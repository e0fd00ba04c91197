"""Functions from zips, each in a real process: environment, context, versions and log."""

from __future__ import annotations

import io
import json
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.localcloud.awslambda.runtime import LambdaRuntime
from tests.localcloud.awslambda.hosting import ARN, NOW, Host, function, zipped


def test_the_handler_gets_the_event_and_its_result_comes_back(host: Host) -> None:
    source = """
        def handler(event, context):
            return {"got": event, "snowman": "\u2603"}
    """
    invocation = host.runtime.invoke(function(source), b'{"a": [1, null]}')

    assert json.loads(invocation.payload) == {"got": {"a": [1, None]}, "snowman": "☃"}
    assert invocation.error is None
    assert invocation.version == "$LATEST"


def test_the_context_is_complete(host: Host) -> None:
    source = """
        def handler(event, context):
            context.log("said through the context")
            return {
                "name": context.function_name,
                "version": context.function_version,
                "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb,
                "group": context.log_group_name,
                "stream": context.log_stream_name,
                "request": context.aws_request_id,
                "remaining": context.get_remaining_time_in_millis(),
                "identity": context.identity.cognito_identity_id,
                "client": context.client_context.custom,
            }
    """
    invocation = host.runtime.invoke(function(source), b"{}", client_context='{"custom": {"a": "b"}}')
    context = json.loads(invocation.payload)

    assert 29_000 < context.pop("remaining") <= 30_000
    assert context.pop("request") == invocation.request_id
    assert context.pop("stream").startswith("2026/11/23/[$LATEST]")
    assert context == {
        "name": "echo",
        "version": "$LATEST",
        "arn": ARN,
        "memory": "256",
        "group": "/aws/lambda/echo",
        "identity": None,
        "client": {"a": "b"},
    }
    assert "said through the context" in host.lines()


def test_a_published_version_is_named_in_the_invoked_arn(host: Host) -> None:
    source = "def handler(event, context): return context.invoked_function_arn"

    assert host.call(source, version="3") == f"{ARN}:3"


def test_nothing_of_the_host_is_visible(host: Host) -> None:
    source = """
        import os, sys

        def handler(event, context):
            return {"environment": dict(os.environ), "path": sys.path, "home": os.path.expanduser("~")}
    """
    seen = host.call(source, environment={"MYSFITS_API": "http://127.0.0.1:1"})
    environment = seen["environment"]

    assert environment["MYSFITS_API"] == "http://127.0.0.1:1"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert environment["LAMBDA_TASK_ROOT"] == seen["path"][0]
    shared = {name for name, value in environment.items() if os.environ.get(name) == value}
    # LC_CTYPE is what Python itself sets when it starts without a locale.
    assert shared <= {"PATH", "LANG", "LC_CTYPE", "TZ"}
    assert environment["AWS_ACCESS_KEY_ID"] != os.environ.get("AWS_ACCESS_KEY_ID")
    assert seen["home"] == environment["HOME"] != os.environ.get("HOME")
    assert not [entry for entry in seen["path"] if "site-packages" in entry]
    assert str(Path(__file__).parents[3]) not in seen["path"]


def test_a_module_of_the_zip_comes_before_the_standard_library(host: Host) -> None:
    files = zipped(
        index="import colorsys\ndef handler(event, context): return colorsys.WHOSE", colorsys="WHOSE = 'mine'"
    )

    assert host.call("", zip_bytes=files) == "mine"


COUNTER = """
    count = 0

    def handler(event, context):
        global count
        count += 1
        return count
"""


def test_a_warm_process_keeps_what_the_module_holds(host: Host) -> None:
    assert [host.call(COUNTER) for _ in range(3)] == [1, 2, 3]
    reports = [line for line in host.lines() if line.startswith("REPORT")]
    assert ["Init Duration" in report for report in reports] == [True, False, False]


@pytest.mark.parametrize(
    "change",
    [{"code_sha256": "other"}, {"environment": {"A": "1"}}, {"timeout": 31}, {"memory_mb": 512}],
    ids=lambda change: f"changed {next(iter(change))}",
)
def test_a_changed_function_gets_a_new_process(host: Host, change: dict[str, Any]) -> None:
    assert host.call(COUNTER) == 1
    assert host.call(COUNTER, **change) == 1
    assert host.call(COUNTER) == 1, "and the old process is gone"


def test_an_idle_process_is_ended(tmp_path: Path) -> None:
    host = Host(tmp_path / "lambda")
    runtime = LambdaRuntime(
        tmp_path / "idle",
        now=lambda: NOW,
        log=host.log,
        create_log=host.create_log,
        allowed=host.allowed,
        idle_seconds=-1,
    )
    try:
        counts = [runtime.invoke(function(COUNTER), b"{}").payload for _ in range(2)]
    finally:
        runtime.close()
        host.runtime.close()
    assert counts == [b"1", b"1"]


def test_the_log_has_start_end_and_report_lines(host: Host) -> None:
    source = """
        import logging, sys
        print("while loading")

        def handler(event, context):
            print("to stdout")
            print("to stderr", file=sys.stderr)
            logging.getLogger().warning("through logging\\nin two lines")
    """
    invocation = host.runtime.invoke(function(source), b"{}")
    request = invocation.request_id
    lines = host.lines()

    assert lines[:4] == [
        "while loading",
        f"START RequestId: {request} Version: $LATEST",
        "to stdout",
        "to stderr",
    ]
    level, _, logged_request, text = lines[4].split("\t")
    assert (level, logged_request, text) == ("[WARNING]", request, "through logging\nin two lines")
    assert lines[5] == f"END RequestId: {request}"
    report = dict(part.split(": ") for part in lines[6].strip().split("\t"))
    assert report["REPORT RequestId"] == request
    assert report["Memory Size"] == "256 MB"
    assert 5 < int(report["Max Memory Used"].split()[0]) < 60
    assert float(report["Duration"].split()[0]) >= 0
    assert {(group, stream) for group, stream, _ in host.logged} == {("/aws/lambda/echo", host.logged[0][1])}
    assert invocation.log_tail.decode() == "\n".join(lines)


LOG = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/echo:log-stream:"


def test_the_role_decides_what_is_made_and_written_of_the_log(host: Host) -> None:
    assert host.call("def handler(event, context): return 1") == 1
    [(_, stream, _), *_] = host.logged
    who = ("arn:aws:iam::123456789012:role/echo", "lambda.amazonaws.com")
    assert host.asked == [
        (*who, "logs:CreateLogGroup", LOG),
        (*who, "logs:CreateLogStream", LOG + stream),
        (*who, "logs:PutLogEvents", LOG + stream),
    ]
    assert stream.startswith("2026/")
    assert host.created == [("/aws/lambda/echo", None), ("/aws/lambda/echo", stream)]


def test_without_permission_nothing_is_logged(host: Host) -> None:
    host.denied = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
    assert host.call("def handler(event, context): print('lost'); return 1") == 1
    assert (host.created, host.logged) == ([], [])


def test_concurrent_invocations_have_processes_of_their_own(host: Host, tmp_path: Path) -> None:
    # Each handler waits until both have begun, so one process alone could never answer.
    source = """
        import os, pathlib, time
        def handler(event, context):
            meeting = pathlib.Path(event)
            (meeting / str(os.getpid())).touch()
            while len(list(meeting.iterdir())) < 2:
                time.sleep(0.005)
            return os.getpid()
    """
    pids: list[int] = []
    threads = [
        threading.Thread(target=lambda: pids.append(host.call(source, str(tmp_path / "meeting"))))
        for _ in range(2)
    ]
    (tmp_path / "meeting").mkdir()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(set(pids)) == 2


def test_a_function_imports_boto3_and_nothing_else_of_the_host(host: Host) -> None:
    source = """
        import boto3

        def handler(event, context):
            try:
                import moto
            except ImportError:
                return [boto3.client("firehose").meta.endpoint_url, boto3.client("s3").meta.region_name]
    """
    assert host.call(source) == [host.endpoint, "eu-west-1"]


def test_the_boto3_of_the_function_wins(host: Host) -> None:
    source = "import boto3\ndef handler(event, context): return boto3.OWN"
    assert host.call(source, zip_bytes=zipped(index=source, boto3="OWN = 1")) == 1


def test_the_context_has_the_arn_that_was_invoked(host: Host) -> None:
    source = "def handler(event, context): return context.invoked_function_arn"
    assert host.call(source, invoked_arn=f"{ARN}:live") == f"{ARN}:live"
    assert host.call(source) == ARN


@pytest.mark.parametrize(
    ("mode", "readable"),
    [(0o100644, True), (0o100600, False), (0o100640, False), (0o100604, True), (0, True), (0o600, True)],
)
def test_a_file_without_read_permission_for_others_cannot_be_imported(
    host: Host, mode: int, readable: bool
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("index.py")
        entry.create_system, entry.external_attr = 3, mode << 16
        archive.writestr(entry, "def handler(event, context):\n    return 'read'")
    made = function("", zip_bytes=buffer.getvalue(), code_sha256=f"sha-{mode}")
    invocation = host.runtime.invoke(made, b"{}")
    payload = json.loads(invocation.payload)
    if readable:
        assert payload == "read"
    else:
        assert payload["errorType"] == "PermissionError"
        assert payload["errorMessage"] == "[Errno 13] Permission denied: '/var/task/index.py'"
