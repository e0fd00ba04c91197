"""Lambda's lines in a function's log, and the conversion of output to events."""

from __future__ import annotations

import math
import signal
import time

from mysfits_stream.localcloud.awslambda.function import Function


def events(output: bytes | bytearray) -> list[str]:
    """A log event per line; carriage returns in an event become line breaks."""
    text = output.decode(errors="replace")
    return [line.replace("\r", "\n") for line in text.split("\n") if line]


def exit_reason(status: int) -> str:
    """AWS's words for the unexpected end of a process."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        known: dict[int, str] = {
            signal.SIGKILL: "killed",
            signal.SIGSEGV: "segmentation fault",
            signal.SIGABRT: "aborted",
        }
        return f"Runtime exited with error: signal: {known.get(-status) or signal.strsignal(-status)}"
    return f"Runtime exited with error: exit status {status}"


def timestamp(moment: float) -> str:
    """A moment in the format of the line of a timeout."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment * 1000) % 1000:03d}Z"


def report(
    function: Function,
    request_id: str,
    duration_ms: float,
    init_ms: float | None,
    memory_mb: int,
    status: str,
) -> str:
    """The last line of an invocation: time, memory and the error."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {math.ceil(duration_ms + (init_ms or 0))} ms",
        f"Memory Size: {function.memory_mb} MB",
        f"Max Memory Used: {memory_mb} MB",
    ]
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    if status:
        parts.append(f"Status: {status}")
    return "\t".join(parts) + "\t"
