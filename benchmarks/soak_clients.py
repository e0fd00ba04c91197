"""Sends clicks as fast as they are answered; records by identity which were accepted.

``python -m benchmarks.soak_clients URL MYSFIT CONNECTIONS FILE`` runs until standard input ends. Each line of
FILE is a click: ``+`` (accepted with 200), ``-`` (refused) or ``?`` (no answer), and its user id.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

ANSWER_SECONDS = 30.0
PAUSE = 0.2  # seconds after an answer that was not 200


async def send_all(url: str, mysfit: str, connections: int, results: TextIO) -> None:
    """Send clicks over all connections until standard input ends."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await asyncio.gather(*(send(url, mysfit, number, results, ended) for number in range(connections)))


async def send(url: str, mysfit: str, number: int, results: TextIO, ended: asyncio.Event) -> None:
    """Send clicks over one connection, and over the next connection where one is cut."""
    serial = 0
    while not ended.is_set():
        try:
            reader, writer = await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port)
        except OSError:
            await asyncio.sleep(PAUSE)  # as browsers do: no storm of connections on a server that is down
            continue
        try:
            while not ended.is_set():
                serial += 1
                user = f"soak-{number}-{serial}"
                outcome = "?"
                try:
                    writer.write(request(url, {"userId": user, "mysfitId": mysfit}))
                    status, keeps = await asyncio.wait_for(answer(reader), ANSWER_SECONDS)
                    outcome = "+" if status == 200 else "-"
                finally:
                    results.write(f"{outcome}{user}\n")
                if status != 200:
                    await asyncio.sleep(PAUSE)  # as above
                if not keeps:
                    break
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            await asyncio.sleep(PAUSE)  # as above
        finally:
            writer.close()


def request(url: str, click: dict[str, str]) -> bytes:
    """The request of one click."""
    body = json.dumps(click)
    parts = urlsplit(url)
    return (
        f"PUT {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of an answer, its body read, and whether the connection stays."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
    await reader.readexactly(int(fields.get("content-length", 0)))
    return int(head[9:12]), fields.get("connection") != "close"


if __name__ == "__main__":
    with Path(sys.argv[4]).open("w", encoding="ascii") as file:
        asyncio.run(send_all(sys.argv[1], sys.argv[2], int(sys.argv[3]), file))
