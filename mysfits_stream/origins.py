"""Origins of web pages in the form of the header Origin."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\]")


def normalized(text: str) -> str:
    """An origin in lower case, without default port and final slash, as browsers send origins.

    >>> normalized("https://WWW.Example.com:443")
    'https://www.example.com'

    Raises ValueError for text that is no origin, for example a URL with a path.
    """
    parts = urlsplit(text)
    host = parts.netloc.lower()
    if ":" in host and not host.endswith("]"):
        host = host.rpartition(":")[0]
    if (
        parts.scheme not in DEFAULT_PORTS
        or not HOST.fullmatch(host)
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError(f"{text} is no origin")
    port = parts.port  # raises ValueError where it is no port
    return f"{parts.scheme}://{host}" + ("" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}")
