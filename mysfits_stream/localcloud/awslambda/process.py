"""Runs the deployed zip of a function in a separate process.

The process sees the function's files, the standard library, the environment variables of Lambda's runtime,
and boto3 for the local cloud: nothing of the host's environment, and no credentials for other clouds. Time is
real, independent of the local cloud's clock: a timeout of 30 seconds is 30 seconds.

Not simulated: layers, container images and the limit of the memory, which is measured only.
"""

from __future__ import annotations

import importlib.util
import json
import os
import selectors
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mysfits_stream.localcloud.awslambda import code_files, log_format
from mysfits_stream.localcloud.awslambda.function import Function, Invocation

BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
SUPERVISOR = Path(__file__).with_name("supervisor.py")
KILL_SECONDS = 5.0  # what the supervisor has for killing all descendants
MAX_RESPONSE = 6291556  # bytes, as AWS's message about it says (F65)
INIT_SECONDS = 10.0  # what the initialisation has for itself, before the function's timeout begins
MAX_OUTPUT = 8 * 1024 * 1024  # bytes that one invocation can print; the rest is not kept
LOG_TAIL = 4096  # bytes of the log that an invocation can give back


class Process:
    """A process of a function, with both ends of the connection."""

    def __init__(
        self, function: Function, code: Path, directory: Path, now: float, client: Mapping[str, str]
    ) -> None:
        self.function = function
        self.stream = time.strftime("%Y/%m/%d/", time.gmtime(now)) + f"[{function.version}]{uuid.uuid4().hex}"
        self.used_at = time.monotonic()
        self.initialised = False
        self.usable = True
        home = directory / f"tmp-{uuid.uuid4().hex}"
        home.mkdir(parents=True)
        self._home = home
        self.channel, theirs = socket.socketpair()
        output, their_output = os.pipe()
        self.output = output
        os.set_blocking(output, False)
        their_lifeline, lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter that runs us, our own file
                [
                    *(sys.executable, "-I", "-S", "-u"),
                    *(str(SUPERVISOR), str(BOOTSTRAP), str(theirs.fileno()), str(their_lifeline)),
                    *(sdk_directory(), json.dumps(code_files.unreadable(function.zip_bytes))),
                ],
                stdin=subprocess.DEVNULL,
                stdout=their_output,
                stderr=their_output,
                pass_fds=[theirs.fileno(), their_lifeline],
                env=_environment(function, code, home, self.stream, client),
                cwd=code,
                start_new_session=True,
            )
        finally:
            theirs.close()
            os.close(their_output)
            os.close(their_lifeline)
        self._lifeline: int | None = lifeline
        self._ending = threading.Lock()
        self._ended = False

    def alive(self) -> bool:
        """Whether the process still runs, and listens."""
        try:
            return bool(self.channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def kill(self) -> None:
        """Let the supervisor kill the process and all descendants, and close the channel."""
        with self._ending:
            if self._lifeline is not None:
                os.close(self._lifeline)
                self._lifeline = None

    def end(self) -> None:
        """Kill and collect the process, and free all resources."""
        self.kill()
        with self._ending:
            if not self._ended:
                self._ended = True
                try:
                    self._process.wait(KILL_SECONDS)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self.channel.close()
                os.close(self.output)
                shutil.rmtree(self._home, ignore_errors=True)

    def exit_status(self) -> int:
        """The exit status of a process with a closed channel."""
        try:
            return self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait(KILL_SECONDS)


class _TimedOut(Exception):
    pass


class _Exited(Exception):
    pass


@dataclass(frozen=True)
class Ended:
    """An invocation and the lines in the function's log."""

    invocation: Invocation
    lines: list[str]


def run(
    process: Process,
    payload: bytes,
    client_context: str | None,
    now: Callable[[], float],
    invoked_arn: str = "",
) -> Ended:
    """Handle an event in the process: the result and the lines of the log.

    ``invoked_arn`` is the ARN in the context of the handler, by default the ARN of the function's version.
    """
    function, request_id = process.function, str(uuid.uuid4())
    before, during = bytearray(), bytearray()
    init_ms, memory_mb, status, remark = None, 0, "", []
    started = time.monotonic()
    answer: dict[str, Any] | None = None
    try:
        if not process.initialised:
            init = _receive(process, before, started + max(INIT_SECONDS, function.timeout))
            process.initialised, process.usable, init_ms = True, init["loaded"], init["initMs"]
        started = time.monotonic()
        _send(process, _request(function, request_id, payload, client_context, invoked_arn))
        answer = _receive(process, during, started + function.timeout)
    except _TimedOut:
        process.usable, status = False, "timeout"
        text = f"Task timed out after {function.timeout:.2f} seconds"
        result = _failed("Sandbox.Timedout", f"RequestId: {request_id} Error: {text}")
        remark = [f"{log_format.timestamp(now())} {request_id} {text}"]
    except _Exited:
        process.usable, status = False, "error"
        reason = log_format.exit_reason(process.exit_status())
        result = _failed("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")
        remark = [f"RequestId: {request_id} Error: {reason}\nRuntime.ExitError"]
    seconds = time.monotonic() - started
    _drain(process, during)
    if answer is not None:
        memory_mb = answer["memoryMb"]
        result = answer["payload"].encode()
        if len(result) > MAX_RESPONSE:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            answer["failed"], result = True, _failed("Function.ResponseSizeTooLarge", message)
    lines = [
        *log_format.events(before),
        f"START RequestId: {request_id} Version: {function.version}",
        *log_format.events(during),
        *remark,
        f"END RequestId: {request_id}",
        log_format.report(function, request_id, seconds * 1000, init_ms, memory_mb, status),
    ]
    invocation = Invocation(
        payload=result,
        error="Unhandled" if answer is None or answer["failed"] else None,
        request_id=request_id,
        version=function.version,
        log_tail="\n".join(lines).encode()[-LOG_TAIL:],
        seconds=seconds,
    )
    return Ended(invocation, lines)


def _request(
    function: Function, request_id: str, payload: bytes, client_context: str | None, invoked_arn: str
) -> dict[str, Any]:
    qualifier = "" if function.version == "$LATEST" else f":{function.version}"
    return {
        "requestId": request_id,
        "payload": payload.decode(),
        "seconds": function.timeout,
        "invokedFunctionArn": invoked_arn or function.arn + qualifier,
        "clientContext": client_context,
        "traceId": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
    }


def _send(process: Process, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    try:
        process.channel.sendall(struct.pack(">I", len(data)) + data)
    except OSError as error:
        raise _Exited from error


def _receive(process: Process, output: bytearray, deadline: float) -> dict[str, Any]:
    """The next message of the process; output of the process goes to ``output`` meanwhile."""
    message = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.channel, selectors.EVENT_READ)
        selector.register(process.output, selectors.EVENT_READ)
        while len(message) < 4 or len(message) < 4 + int.from_bytes(message[:4], "big"):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise _TimedOut
            for key, _ in selector.select(remaining):
                if key.fileobj is process.channel:
                    try:
                        chunk = process.channel.recv(1 << 16)
                    except ConnectionError:
                        chunk = b""
                    if not chunk:
                        raise _Exited
                    message += chunk
                elif not _drain(process, output):
                    selector.unregister(process.output)
    answer: dict[str, Any] = json.loads(message[4:])
    return answer


def _drain(process: Process, output: bytearray) -> bool:
    """Read the available output of the process; False at the end of the output."""
    for _ in range(64):  # at least what the pipe can hold, and an end even if it is printing for ever
        try:
            chunk = os.read(process.output, 1 << 16)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        if len(output) < MAX_OUTPUT:
            output += chunk
    return True


def _failed(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


@cache
def sdk_directory() -> str:
    """The directory of boto3 for functions; empty if boto3 is not installed."""
    spec = importlib.util.find_spec("boto3")
    return str(Path(spec.origin).parents[1]) if spec and spec.origin else ""


def _environment(
    function: Function, code: Path, home: Path, stream: str, client: Mapping[str, str]
) -> dict[str, str]:
    """The variables of Lambda's runtime and the function's own.

    AWS refuses to overwrite the former. ``client`` leads the AWS clients of the function to the local cloud.
    """
    region = function.arn.split(":")[3]
    return {
        "AWS_ENDPOINT_URL": client.get("AWS_ENDPOINT_URL", "http://localhost:9"),
        **function.environment,
        "_HANDLER": function.handler,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_REGION": region,
        # Made up, so that no library looks for the credentials of the host.
        "AWS_ACCESS_KEY_ID": client.get("AWS_ACCESS_KEY_ID", "ASIALOCALCLOUD000000"),
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "LAMBDA_TASK_ROOT": str(code),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TZ": ":UTC",
        # A home of its own keeps the host's .netrc and .aws out of sight.
        "HOME": str(home),
        "TMPDIR": str(home),
    }
