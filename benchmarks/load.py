"""A client that asks as fast as it is answered, in a process of its own.

It shares the machine with the server that it measures, so it is a bare loop over sockets: a request takes it
a quarter of the time that asyncio's streams take, the same for every server.
``python -m benchmarks.load`` reads its task from standard input and prints what came of it, both as JSON.
"""

from __future__ import annotations

import json
import re
import select
import socket
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


@dataclass
class Answer:
    """The next answer on a connection, as far as it has arrived."""

    data: bytes = b""
    ended: bool = False
    """Whether the server has closed the connection."""

    @property
    def is_complete(self) -> bool:
        """Whether the head and the whole body are here."""
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return False
        if length := LENGTH.search(head):
            return len(body) >= int(length[1])
        return body.endswith(b"0\r\n\r\n") if CHUNKED.search(head) else self.ended

    @property
    def status(self) -> int:
        """The status of an answer whose head is here."""
        return int(self.data[9:12])

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection takes another request."""
        head = self.data.partition(b"\r\n\r\n")[0]
        return not self.ended and head.startswith(b"HTTP/1.1") and not CLOSE.search(head)


LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


def carry_out(task: Task) -> Outcome:
    """Send a task's requests from one thread, each once the one before is answered."""
    url = urlsplit(task.url)
    lines = [f"{task.method} {url.path or '/'} HTTP/1.1", f"Host: {url.netloc}"]
    lines += [f"{name}: {value}" for name, value in task.headers.items()]
    lines += [f"Content-Length: {len(task.body.encode())}", "", task.body]
    request = "\r\n".join(lines).encode()
    poll = select.poll()
    connections: dict[int, socket.socket] = {}
    asked: dict[int, float] = {}
    answers: dict[int, Answer] = {}
    answered: list[float] = []
    refused = 0

    def ask(connection: socket.socket) -> None:
        number = connection.fileno()
        asked[number], answers[number] = time.perf_counter(), Answer()
        connection.sendall(request)

    def connect() -> None:
        connection = socket.create_connection((url.hostname, url.port))
        connections[connection.fileno()] = connection
        poll.register(connection, select.POLLIN)
        ask(connection)

    def close(number: int) -> None:
        poll.unregister(number)
        connections.pop(number).close()

    started = time.perf_counter()
    for _ in range(task.connections):
        connect()
    while connections:
        for number, _ in poll.poll():
            connection, answer = connections[number], answers[number]
            arrived = connection.recv(65536)
            answer.data, answer.ended = answer.data + arrived, not arrived
            if not answer.is_complete:
                if answer.ended:
                    raise ConnectionError("the server closed a connection in the middle of an answer")
                continue
            now = time.perf_counter()
            if answer.status == 200:
                answered.append(now - asked[number])
            else:
                refused += 1
            goes_on = now - started < task.seconds
            if goes_on and answer.keeps_connection:
                ask(connection)
                continue
            close(number)
            if goes_on:
                connect()
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(answered, n=100) if len(answered) > 1 else [0.0] * 99
    return Outcome(len(answered), refused, len(answered) / elapsed, cuts[49], cuts[98])


if __name__ == "__main__":
    print(json.dumps(asdict(carry_out(Task(**json.load(sys.stdin))))))
