"""The functions' processes: warm, bounded in number, and ended with the local cloud.

A process is used again, as on AWS, so the variables of a handler's module survive between invocations;
changed code or configuration starts a new process. ``process.py`` runs a process.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from mysfits_stream.localcloud.awslambda import code_files
from mysfits_stream.localcloud.awslambda.function import Function, Invocation, LambdaError
from mysfits_stream.localcloud.awslambda.process import Process, run
from mysfits_stream.localcloud.iam import Verdict

Allowed = Callable[[str, str, str, str], Verdict]


class LambdaRuntime:
    """Invokes functions; safe to call from several threads.

    ``log(group, stream, message)`` receives the lines of a function's log, after ``create_log(group, None)``
    for the log group and ``create_log(group, stream)`` for the log stream, if ``allowed(role, service,
    action, resource)`` permits the action for the function's role. ``client_environment`` returns the
    variables that lead AWS clients of functions to the local cloud. At most ``processes`` invocations run at
    once, further invocations wait. ``directory`` is for unpacked zips; the runtime owns the directory, and
    :meth:`close` removes the directory.
    """

    def __init__(
        self,
        directory: Path,
        *,
        now: Callable[[], float],
        log: Callable[[str, str, str], None],
        create_log: Callable[[str, str | None], None],
        allowed: Allowed,
        client_environment: Callable[[], Mapping[str, str]] = dict,
        processes: int = 5,
        idle_seconds: float = 600.0,
    ) -> None:
        self._directory = directory
        self._now = now
        self._log = log
        self._create_log = create_log
        self._allowed = allowed
        self._idle_seconds = idle_seconds
        self._client_environment = client_environment
        self._processes = processes
        self._slots = threading.Semaphore(processes)
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._running: Counter[str] = Counter()
        self._closed = False

    def invoke(self, function: Function, payload: bytes, client_context: str | None = None) -> Invocation:
        """Run the function once and wait for its end.

        A failing function is an Invocation with an error. Raises LambdaError for an invocation over the
        reserved concurrency of the function.
        """
        with self._counted(function), self._slots:
            process = self._take(function)
            try:
                ended = run(process, payload, client_context, self._now, function.invoked_arn)
            finally:
                self._give_back(process)
        self._write_log(process, ended.lines)
        return ended.invocation

    @contextlib.contextmanager
    def _counted(self, function: Function) -> Iterator[None]:
        """Count the invocation as running."""
        with self._lock:
            reserved = function.reserved_concurrency
            if reserved is not None and self._running[function.arn] >= reserved:
                raise LambdaError("TooManyRequestsException", "Rate Exceeded.", 429)
            self._running[function.arn] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[function.arn] -= 1
                self._running += Counter()  # drops the zeros

    def reap(self) -> None:
        """End the processes unused for ``idle_seconds``."""
        horizon = time.monotonic() - self._idle_seconds
        with self._lock:
            expired = [process for process in self._idle if process.used_at < horizon]
            self._idle = [process for process in self._idle if process.used_at >= horizon]
        for process in expired:
            process.end()

    def close(self) -> None:
        """End every process, running invocations included, and remove the unpacked files."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, self._idle = self._idle, []
            for process in self._busy:
                process.kill()
        for process in idle:
            process.end()
        for _ in range(self._processes):
            self._slots.acquire(timeout=5)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _take(self, function: Function) -> Process:
        self.reap()
        with self._lock:
            dead = [process for process in self._idle if not process.alive()]
            warm = [
                process
                for process in self._idle
                if process.function.identity == function.identity and process not in dead
            ]
            stale = dead + [
                process
                for process in self._idle
                if process.function.arn == function.arn
                and process.function.version == function.version
                and process not in warm
                and process not in dead
            ]
            taken = warm[-1] if warm else None
            self._idle = [process for process in self._idle if process not in stale and process is not taken]
            if taken:
                self._busy.add(taken)
        for process in stale:
            process.end()
        return taken or self._start(function)

    def _start(self, function: Function) -> Process:
        with self._lock:
            if self._closed:
                raise RuntimeError("the Lambda runtime is closed")
            code = self._directory / re.sub(r"[^A-Za-z0-9]", "-", function.code_sha256)
            if not code.exists():
                code_files.unpack(function.zip_bytes, code)
            process = Process(function, code, self._directory, self._now(), self._client_environment())
            self._busy.add(process)
            return process

    def _give_back(self, process: Process) -> None:
        process.used_at = time.monotonic()
        with self._lock:
            self._busy.discard(process)
            keep = process.usable and not self._closed
            if keep:
                self._idle.append(process)
        if not keep:
            process.end()

    def _write_log(self, process: Process, lines: list[str]) -> None:
        function = process.function
        _, partition, _, region, account, *_ = function.arn.split(":")
        group, stream = function.log_group, process.stream
        arn = f"arn:{partition}:logs:{region}:{account}:log-group:{group}:log-stream:"

        def may(action: str, resource: str) -> bool:
            verdict = self._allowed(function.role_arn, "lambda.amazonaws.com", action, resource)
            return verdict is Verdict.ALLOWED

        # A group is made as a group without a stream, so a function that may brings it back (F77).
        if may("logs:CreateLogGroup", arn):
            self._create_log(group, None)
        if may("logs:CreateLogStream", arn + stream):
            self._create_log(group, stream)
        if may("logs:PutLogEvents", arn + stream):
            for line in lines:
                self._log(group, stream, line)
