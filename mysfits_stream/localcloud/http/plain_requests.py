"""Reads the heads of usual requests, and writes the heads of their responses.

cheroot reads a head line by line with checks at each line, makes the variables of WSGI from the headers, and
``read_head`` made headers again: a third of the time of a request. A head that has arrived completely and has
nothing unusual is read here as a whole. For every other head :func:`read` returns None, and cheroot reads the
head and writes the errors: another version of HTTP, chunked bodies, ``Expect``, ``Connection: close``,
percent-encoded paths, repeated headers, bytes beyond ASCII, and everything that is not valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple

END_OF_HEAD = b"\r\n\r\n"
LONGEST = 8 * 1024
LONGEST_NUMBER = 15
MOST_HEADERS = 100
BLANKS = " \t\n\r\x0b\x0c"
# Not two slashes, which begin a host; a percent sign would have to be decoded.
REQUEST_LINE = re.compile(
    r"(?P<method>GET|PUT|POST|DELETE|PATCH|OPTIONS) (?P<uri>(?P<path>/(?:[!$&-.0-;=@-~][!$&-;=@-~]*)?)"
    r"(?:\?(?P<query>[!$-~]*))?) HTTP/1\.1"
)
UNUSUAL = frozenset({"expect", "transfer-encoding"})


class Head(NamedTuple):
    """The head of a request; header names are in lower case."""

    method: str
    uri: str
    path: str
    query: str
    headers: dict[str, str]
    content_length: int
    size: int
    """Bytes, with the empty line at the end."""


def read(data: bytes) -> Head | None:
    """The head at the beginning of ``data``; None for a head that cheroot has to read."""
    end = data.find(END_OF_HEAD, 0, LONGEST)
    if end < 0:
        return None
    try:
        first, *lines = data[:end].decode("ascii").split("\r\n")
    except UnicodeDecodeError:
        return None
    found = REQUEST_LINE.fullmatch(first)
    if found is None or len(lines) > MOST_HEADERS:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = name.strip(BLANKS).lower()
        if not colon or line[0] in " \t" or "\n" in line or name in headers:
            return None
        if "_" not in name:  # X_Amz_Target would be the same variable as X-Amz-Target
            headers[name] = value.strip(BLANKS)
    length = headers.get("content-length", "0")
    if not UNUSUAL.isdisjoint(headers) or headers.get("connection") == "close":
        return None
    if not length.isdigit() or len(length) > LONGEST_NUMBER or headers.get("content-type") == "":
        return None
    method, uri, path, query = found.groups("")
    return Head(method, uri, path, query, headers, int(length), end + len(END_OF_HEAD))


def response_head(status: str, headers: Iterable[tuple[str, str]], server: str, seconds: int) -> bytes:
    """The head of a response at ``seconds`` since the epoch, with the empty line at the end."""
    given = "".join([f"{name}: {value}\r\n" for name, value in headers])
    own = f"Date: {http_date(seconds)}\r\nServer: {server}\r\n\r\n"
    return f"HTTP/1.1 {status}\r\n{given}{own}".encode("latin-1")


@lru_cache(maxsize=2)
def http_date(seconds: int) -> str:
    """The value of a Date header."""
    return formatdate(seconds, usegmt=True)
