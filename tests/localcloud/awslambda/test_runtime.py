"""Functions from zips, each in a real process: what they see and answer, and how AWS tells their failures."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.localcloud.awslambda.function import Function
from mysfits_stream.localcloud.awslambda.runtime import LambdaRuntime
from mysfits_stream.localcloud.iam import Verdict

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:echo"
NOW = 1_795_435_200.25  # 2026-11-23T12:00:00.250Z


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return buffer.getvalue()


def function(source: str, **changes: Any) -> Function:
    made = Function(
        name="echo",
        arn=ARN,
        handler="index.handler",
        runtime="python3.13",
        zip_bytes=zipped(index=source),
        environment={},
        timeout=30,
        memory_mb=256,
        role_arn="arn:aws:iam::123456789012:role/echo",
        log_group="/aws/lambda/echo",
        code_sha256=f"sha-{hash(source)}",
    )
    return replace(made, **changes)


class Host:
    """A runtime, what it logged, and what the functions' roles may do."""

    endpoint = "http://127.0.0.1:4566"

    def __init__(self, directory: Path) -> None:
        self.logged: list[tuple[str, str, str]] = []
        self.created: list[tuple[str, str | None]] = []
        self.denied: set[str] = set()
        self.asked: list[tuple[str, str, str, str]] = []
        self.runtime = LambdaRuntime(
            directory,
            now=lambda: NOW,
            log=self.log,
            create_log=self.create_log,
            allowed=self.allowed,
            client_environment=lambda: {"AWS_ENDPOINT_URL": self.endpoint},
        )

    def log(self, group: str, stream: str, message: str) -> None:
        self.logged.append((group, stream, message))

    def create_log(self, group: str, stream: str | None) -> None:
        self.created.append((group, stream))

    def allowed(self, role: str, service: str, action: str, resource: str) -> Verdict:
        self.asked.append((role, service, action, resource))
        return Verdict.DENIED if action in self.denied else Verdict.ALLOWED

    def lines(self) -> list[str]:
        return [message for _, _, message in self.logged]

    def call(self, source: str, event: Any = None, **changes: Any) -> Any:
        invocation = self.runtime.invoke(function(source, **changes), json.dumps(event).encode())
        return json.loads(invocation.payload)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "lambda")
    yield host
    host.runtime.close()


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


@pytest.mark.parametrize(
    ("files", "handler", "expected"),
    [
        pytest.param(
            {"index": "def handler(event, context):\n    raise KeyError('mysfitId')"},
            "index.handler",
            {"errorType": "KeyError", "errorMessage": "'mysfitId'"},
            id="an exception of the handler",
        ),
        pytest.param(
            {"index": "raise ValueError('at import')"},
            "index.handler",
            {"errorType": "ValueError", "errorMessage": "at import"},
            id="an exception while loading",
        ),
        pytest.param(
            {"index": "import requests_that_is_missing"},
            "index.handler",
            {
                "errorType": "Runtime.ImportModuleError",
                "errorMessage": "Unable to import module 'index': No module named 'requests_that_is_missing'",
            },
            id="a dependency that is not in the zip",
        ),
        pytest.param(
            {"index": ""},
            "other.handler",
            {
                "errorType": "Runtime.ImportModuleError",
                "errorMessage": "Unable to import module 'other': No module named 'other'",
            },
            id="no such module",
        ),
        pytest.param(
            {"index": "handler = 3"},
            "index.handler",
            {
                "errorType": "Runtime.HandlerNotFound",
                "errorMessage": "Handler 'handler' missing on module 'index'",
            },
            id="no such function",
        ),
        pytest.param(
            {"index": ""},
            "index",
            {
                "errorType": "Runtime.MalformedHandlerName",
                "errorMessage": "Bad handler 'index': not enough values to unpack (expected 2, got 1)",
            },
            id="a handler without a dot",
        ),
        pytest.param(
            {"index": "def handler(event, context):\n    return {1, 2}"},
            "index.handler",
            {
                "errorType": "Runtime.MarshalError",
                "errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",
            },
            id="a result that is not JSON",
        ),
    ],
)
def test_a_failing_function_is_an_error_in_aws_words(
    host: Host, files: dict[str, str], handler: str, expected: dict[str, str]
) -> None:
    broken = function("", zip_bytes=zipped(**files), handler=handler)
    for _ in range(2):
        invocation = host.runtime.invoke(broken, b"{}")
        payload = json.loads(invocation.payload)

        assert invocation.error == "Unhandled"
        assert not invocation.timed_out
        assert {key: payload[key] for key in expected} == expected
        assert payload["requestId"] == invocation.request_id
        assert isinstance(payload["stackTrace"], list)


def test_the_stack_trace_shows_the_functions_frames_only(host: Host) -> None:
    payload = host.call("""
        def handler(event, context):
            inner()

        def inner():
            raise RuntimeError("deep")
    """)

    assert len(payload["stackTrace"]) == 2
    assert 'index.py", line 3, in handler' in payload["stackTrace"][0]
    assert 'raise RuntimeError("deep")' in payload["stackTrace"][1]
    error = next(line for line in host.lines() if line.startswith("[ERROR]"))
    assert error.startswith("[ERROR] RuntimeError: deep\nTraceback (most recent call last):\n  File")


def test_a_syntax_error_is_told_with_its_place(host: Host) -> None:
    payload = host.call("def handler(event, context):\n    return (")

    assert payload["errorType"] == "Runtime.UserCodeSyntaxError"
    assert payload["errorMessage"].startswith("Syntax error in module 'index': ")
    assert "Line 2" in payload["stackTrace"][0]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("os._exit(0)", "Runtime exited without providing a reason"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_crash_is_an_exit_error_and_the_next_invocation_starts_anew(
    host: Host, statement: str, reason: str
) -> None:
    source = f"""
        import os, sys
        def handler(event, context):
            if event == "crash":
                print("last words")
                {statement}
            return "well"
    """
    assert host.call(source) == "well"
    crashed = host.runtime.invoke(function(source), b'"crash"')

    assert json.loads(crashed.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {crashed.request_id} Error: {reason}",
    }
    assert "last words" in host.lines()
    assert host.call(source) == "well"


def test_a_process_that_died_while_idle_is_replaced(host: Host) -> None:
    source = """
        import os
        def handler(event, context):
            return os.getpid(), os.getppid()
    """
    first, supervisor = host.call(source)
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, supervisor, os.WEXITED | os.WNOWAIT)

    assert host.call(source)[0] != first


def test_the_timeout_ends_the_function_and_says_so(host: Host) -> None:
    source = """
        import time
        def handler(event, context):
            print("before", flush=True)
            while True:
                time.sleep(60)
    """
    invocation = host.runtime.invoke(function(source, timeout=0.2), b"{}")

    assert invocation.error == "Unhandled"
    assert invocation.timed_out
    assert json.loads(invocation.payload) == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {invocation.request_id} Error: Task timed out after 0.20 seconds",
    }
    assert "before" in host.lines()
    assert (
        f"2026-11-23T12:00:00.250Z {invocation.request_id} Task timed out after 0.20 seconds" in host.lines()
    )
    assert host.lines()[-1].endswith("Status: timeout\t")


def test_a_function_that_never_stops_printing_is_ended_too(host: Host) -> None:
    source = """
        def handler(event, context):
            while True:
                print("x" * 1000)
    """
    assert host.runtime.invoke(function(source, timeout=0.2), b"{}").timed_out


def test_a_response_beyond_six_megabytes_is_refused(host: Host) -> None:
    source = "def handler(event, context): return 'x' * event"
    assert len(host.call(source, 6_291_500)) == 6_291_500

    invocation = host.runtime.invoke(function(source), b"6291556")
    assert invocation.error == "Unhandled"
    assert json.loads(invocation.payload) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


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


def test_closing_ends_every_process_and_removes_its_files(tmp_path: Path) -> None:
    host = Host(tmp_path / "lambda")
    pid = host.call("import os\ndef handler(event, context): return os.getpid()")
    host.runtime.close()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not (tmp_path / "lambda").exists()


# Starts a process that leaves the function's session, loses its parent and has an environment of its own.
DETACH = """
import os, sys, time
def detach():
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(write, str(os.getpid()).encode())
            os.execve(sys.executable, [sys.executable, "-IS", "-c", "import time; time.sleep(600)"], {})
        os._exit(0)
    return int(os.read(read, 100))
def handler(event, context):
    if event == "detach":
        return detach()
    if event == "hang":
        time.sleep(600)
    os._exit(3)
"""


def wait_for_end(descriptor: int) -> None:
    import select

    ended, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    assert ended, "the process is still there"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
@pytest.mark.parametrize("end", ["hang", "crash", "close", "reap"])
def test_no_process_that_a_function_starts_outlives_the_function(host: Host, end: str) -> None:
    detached = host.call(DETACH, "detach", timeout=1)
    descriptor = os.pidfd_open(detached)
    if end == "close":
        host.runtime.close()
    elif end == "reap":
        host.call(DETACH, "detach", timeout=1, environment={"CHANGED": "configuration"})
    else:
        host.call(DETACH, end, timeout=1)
    wait_for_end(descriptor)


@pytest.mark.slow
def test_a_function_does_not_outlive_a_killed_local_cloud(tmp_path: Path) -> None:
    source = (
        DETACH
        + """
def handler(event, context):
    with open(event, "w") as mark:
        mark.write(f"{os.getpid()} {detach()}")
    time.sleep(600)
"""
    )
    archive, mark = tmp_path / "code.zip", tmp_path / "pid"
    archive.write_bytes(zipped(index=source))
    os.mkfifo(mark)
    program = f"""
import pathlib
from mysfits_stream.localcloud.iam import Verdict
from mysfits_stream.localcloud.awslambda.function import Function
from mysfits_stream.localcloud.awslambda.runtime import LambdaRuntime
runtime = LambdaRuntime(
    pathlib.Path({str(tmp_path / "lambda")!r}),
    now=lambda: 0.0,
    log=print,
    create_log=print,
    allowed=lambda *_: Verdict.DENIED,
)
made = Function(
    "echo", {ARN!r}, "index.handler", "python3.13", pathlib.Path({str(archive)!r}).read_bytes(), {{}},
    600, 256, "role", "group", "sha",
)
runtime.invoke(made, {json.dumps(str(mark)).encode()!r})
"""
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=root)
    try:
        pids = map(int, mark.read_text().split())  # a fifo: this waits until the handler runs
        descriptors = [os.pidfd_open(pid) for pid in pids] if sys.platform == "linux" else []
    finally:
        parent.kill()
        parent.wait()
    if not descriptors:
        pytest.skip("only Linux can wait for the end of a process that is not a child")
    for descriptor in descriptors:
        wait_for_end(descriptor)


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


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return chr(0xD83D)", "Runtime.MarshalError"),
        ("raise ValueError(chr(0xD83D))", "ValueError"),
        ("return nested(100000)", "Runtime.MarshalError"),
    ],
)
def test_a_result_without_an_encoding_is_a_function_error(host: Host, body: str, kind: str) -> None:
    source = f"""
        def nested(depth):
            value = []
            for _ in range(depth):
                value = [value]
            return value

        def handler(event, context):
            {body}
    """
    for _ in range(2):
        invocation = host.runtime.invoke(function(source), b"{}")
        assert (invocation.error, json.loads(invocation.payload)["errorType"]) == ("Unhandled", kind)


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
