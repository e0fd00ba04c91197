"""Functions that fail, in AWS's words, and the end of their processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.localcloud.awslambda.hosting import ARN, Host, function, zipped


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
