"""A client that asks as fast as it is answered, in a process of its own, over connections that it keeps.

``python -m benchmarks.load`` reads its task from standard input and prints what came of it, both as JSON.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Task:
    """The same request over and over, by several connections at once."""

    url: str
    method: str
    headers: dict[str, str]
    body: str
    seconds: float
    connections: int = 8


@dataclass(frozen=True)
class Outcome:
    """How many were answered with 200 and how many were not, and how long an answer took."""

    answered: int
    refused: int
    per_second: float
    p50: float
    p99: float


def load(task: Task) -> Outcome:
    """Carry a task out in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(task)),
        capture_output=True,
        text=True,
        check=True,
        timeout=task.seconds + 60,
    )
    return Outcome(**json.loads(done.stdout))


async def _carry_out(task: Task) -> Outcome:
    url = urlsplit(task.url)
    lines = [f"{task.method} {url.path or '/'} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in task.headers.items()]
    lines += [f"Content-Length: {len(task.body.encode())}", "", task.body]
    request = "\r\n".join(lines).encode()
    answered: list[float] = []
    refused = 0
    started = time.perf_counter()

    async def connection() -> None:
        nonlocal refused
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        while (asked := time.perf_counter()) - started < task.seconds:
            writer.write(request)
            status, keeps = await _answer(reader)
            if status == 200:
                answered.append(time.perf_counter() - asked)
            else:
                refused += 1
            if not keeps:
                writer.close()
                reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(task.connections)))
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(answered, n=100) if len(answered) > 1 else [0.0] * 99
    return Outcome(len(answered), refused, len(answered) / elapsed, cuts[49], cuts[98])


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of the next answer, its body read, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    if "content-length" in fields:
        await reader.readexactly(int(fields["content-length"]))
    elif fields.get("transfer-encoding") == "chunked":
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    else:
        await reader.read()
        return int(head[9:12]), False
    return int(head[9:12]), head.startswith("http/1.1") and fields.get("connection") != "close"


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_carry_out(Task(**json.load(sys.stdin)))))))
