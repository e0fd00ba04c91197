"""The program of a function's process: loads the handler, then answers invocations.

Run by ``supervisor.py`` with the descriptor of a socket, the directory of boto3 and the unreadable files as
arguments, under ``python -I -S``: the process sees the standard library, the function's files and boto3 with
dependencies, and nothing of the project. Standard output and error belong to the function. Messages to and
from the parent go over a socket: a length of four bytes, then JSON. The end of the socket ends the process
and all processes of the function.
"""

from __future__ import annotations

import errno
import importlib
import importlib.machinery
import json
import logging
import os
import queue
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

# AWS's Python runtimes come with boto3; a version in the function's own files is found first.
SDK = frozenset({"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"})

Handler = Callable[[Any, Any], Any]
Failure = dict[str, Any]


class Context:
    """The second argument of a handler, as complete as in AWS's Python runtime."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id = request["requestId"]
        self.invoked_function_arn = request["invokedFunctionArn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        self.client_context = _client_context(request.get("clientContext"))
        self.tenant_id = None
        self._deadline = time.monotonic() + request["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function's timeout."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: Any) -> None:
        """Write to the function's log."""
        print(message)


class SdkFinder:
    """Finds boto3 and dependencies of boto3 in a directory with more packages."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """The spec of a package of the SDK; None for any module outside of the SDK."""
        return importlib.machinery.PathFinder.find_spec(name, [self._directory]) if name in SDK else None


def deny_reading(paths: dict[str, str]) -> None:
    """Deny opening files that the runtime's user cannot read on AWS, also when running as root."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and arguments[0] in paths:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), f"/var/task/{paths[arguments[0]]}")

    if paths:
        sys.addaudithook(hook)


class LogFormatter(logging.Formatter):
    """The format of AWS's Python runtime: level, time, request, message, separated by tabs."""

    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        """A record as a single event; line breaks in the record become carriage returns."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        line = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request_id}\t{text}"
        return line.replace("\n", "\r")


def main() -> None:
    """Serve until the parent closes the socket."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(channel, requests), daemon=True).start()
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    root = os.environ["LAMBDA_TASK_ROOT"]
    deny_reading({f"{root}/{name}": name for name in json.loads(sys.argv[3])})
    finder: Any = SdkFinder(sys.argv[2])
    sys.meta_path.append(finder)
    formatter = LogFormatter()
    log = logging.StreamHandler(sys.stdout)
    log.setFormatter(formatter)
    logging.getLogger().addHandler(log)

    started = time.perf_counter()
    handler, failure = load(os.environ["_HANDLER"])
    _send(channel, {"initMs": (time.perf_counter() - started) * 1000, "loaded": handler is not None})
    while True:
        request = requests.get()
        formatter.request_id = request["requestId"]
        if handler is None:
            # AWS ends a process whose initialisation failed, and the next invocation tries again.
            _answer(channel, request, "", failure)
            return
        _answer(channel, request, *handle(handler, request))


def load(name: str) -> tuple[Handler | None, Failure | None]:
    """Load the function ``module.function``, or return the failure as reported by AWS."""
    try:
        module_name, function_name = name.rsplit(".", 1)
    except ValueError as error:
        return None, _failure("Runtime.MalformedHandlerName", f"Bad handler '{name}': {error}")
    module_name = module_name.replace("/", ".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        return None, _failure(
            "Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}"
        )
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        place = f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").rstrip()}\n'
        return None, _failure("Runtime.UserCodeSyntaxError", message, [place])
    except Exception as error:  # any error of the function's module is the function's
        return None, _raised(error)
    handler = getattr(module, function_name, None)
    if not callable(handler):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return None, _failure("Runtime.HandlerNotFound", message)
    return handler, None


def handle(handler: Handler, request: dict[str, Any]) -> tuple[str, Failure | None]:
    """An invocation: the handler's result as JSON, or the failure."""
    os.environ["_X_AMZN_TRACE_ID"] = request["traceId"]
    try:
        event = json.loads(request["payload"])
        result = handler(event, Context(request))
    except Exception as error:  # any error of the handler is the response to the invocation
        return "", _raised(error)
    try:
        payload = json.dumps(result, ensure_ascii=False)
        payload.encode()  # half a surrogate pair has no encoding
        return payload, None
    except (TypeError, ValueError, RecursionError) as error:
        return "", _failure("Runtime.MarshalError", f"Unable to marshal response: {error}")


def _raised(error: BaseException) -> Failure:
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if frame.filename != __file__ and not frame.filename.startswith("<frozen importlib")
    ]
    # On AWS the code is in /var/task, and stack traces show this path.
    stack = [line.replace(os.environ["LAMBDA_TASK_ROOT"], "/var/task") for line in traceback.format_list(own)]
    return _failure(type(error).__name__, str(error), stack)


def _failure(kind: str, message: str, stack: list[str] | None = None) -> Failure:
    return {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": stack or []}


def _answer(channel: socket.socket, request: dict[str, Any], payload: str, failure: Failure | None) -> None:
    if failure:
        failure["requestId"] = request["requestId"]
        lines = [f"[ERROR] {failure['errorType']}: {failure['errorMessage']}"]
        if failure["stackTrace"]:
            lines += ["Traceback (most recent call last):", *"".join(failure["stackTrace"]).splitlines()]
        text = "\r".join(line.replace("\n", "\r") for line in lines)
        print(text.encode("utf-8", "backslashreplace").decode())
        payload = json.dumps(failure, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    sys.stdout.flush()
    sys.stderr.flush()
    _send(channel, {"payload": payload, "failed": failure is not None, "memoryMb": _peak_memory_mb()})


def _peak_memory_mb() -> int:
    # Linux hands getrusage's peak down from the process that started this one; VmHWM is its own.
    if sys.platform == "linux":
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is slow to import
            return next(-(-int(line.split()[1]) // 1024) for line in status if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return -(-peak // (1024 * 1024 if sys.platform == "darwin" else 1024))


def _client_context(document: str | None) -> Any:
    if not document:
        return None
    fields = json.loads(document)
    return SimpleNamespace(
        custom=fields.get("custom"), env=fields.get("env"), client=SimpleNamespace(**fields.get("client", {}))
    )


def _receive(channel: socket.socket, requests: queue.SimpleQueue[dict[str, Any]]) -> None:
    while True:
        header = _read(channel, 4)
        requests.put(json.loads(_read(channel, struct.unpack(">I", header)[0])))


def _read(channel: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        try:
            chunk = channel.recv(size - len(data))
        except OSError:
            chunk = b""
        if not chunk:
            os.killpg(0, signal.SIGKILL)
        data += chunk
    return bytes(data)


def _send(channel: socket.socket, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    channel.sendall(struct.pack(">I", len(data)) + data)


if __name__ == "__main__":
    main()
