"""HTTP requests with bounds on time, size and depth, for slow, endless or hostile services.

A timeout of ``requests`` begins anew with each byte, so a response that drips never ends. Here the connection
is closed when the time for the whole exchange is over.

    >>> response = send("GET", "https://mysfits.example.com/mysfits", seconds=30)  # doctest: +SKIP
    >>> response.json()["mysfits"]  # doctest: +SKIP
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from mysfits_stream.lambda_src.stream_processor import MAX_PAGE_BYTES, Connections

CONNECT_SECONDS = 10.0
EXCERPT = 200
"""Characters of a response in a message."""


@dataclass(frozen=True)
class Response:
    """A whole HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8; undecodable bytes are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body's JSON value. Raises ValueError, for a body that is nested too deeply, too."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None


def send(
    method: str,
    url: str,
    *,
    seconds: float,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    most: int = MAX_PAGE_BYTES,
) -> Response:
    """Send one request, follow no redirect, and read the response, all within ``seconds``.

    ``most`` is the limit of the body in bytes. Proxies and CA bundles are those of the environment. Raises
    requests.RequestException: Timeout after ``seconds``.
    """
    started = time.monotonic()
    request = requests.Request(
        method, url, headers={"User-Agent": "mysfits-stream", **(headers or {})}, data=body
    ).prepare()
    with requests.Session() as session:
        environment = session.merge_environment_settings(str(request.url), {}, True, None, None)
    options: Any = {**environment, "timeout": (min(CONNECT_SECONDS, seconds), seconds)}
    connections = Connections()
    received = bytearray()
    try:
        with _ended_after(seconds, connections), connections.send(request, **options) as response:
            for chunk in response.iter_content(1 << 16):
                received += chunk
                if len(received) > most:
                    raise requests.RequestException(f"the response is larger than {most:,} bytes")
        # A connection that is closed among the headers looks like the end of them.
        _raise_after(started + seconds, seconds)
    except (requests.RequestException, OSError):
        _raise_after(started + seconds, seconds)
        raise
    finally:
        connections.close()
    names = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, names, bytes(received))


def excerpt(text: str) -> str:
    """The begin of a text from outside, in a single line."""
    line = " ".join(text[: 2 * EXCERPT].split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"


def _raise_after(deadline: float, seconds: float) -> None:
    if time.monotonic() >= deadline:
        raise requests.Timeout(f"no complete response within {seconds:g} s")


@contextmanager
def _ended_after(seconds: float, connections: Connections) -> Iterator[None]:
    over = threading.Event()

    def end() -> None:
        if not over.wait(seconds):
            connections.close()
            while not over.wait(0.1):  # a connection that was only just made
                connections.close()

    thread = threading.Thread(target=end, daemon=True, name="response deadline")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
