"""Headers that API Gateway adds, rejects, drops and renames (F145)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.random_ids import hexadecimal

TRACE_ID = "x-amzn-trace-id"
# Headers of the client that neither templates nor mappings nor functions see.
DROPPED_FROM_REQUEST = {"connection", "content-length", "transfer-encoding"}
# A mapping to one of these headers is a configuration error.
UNMAPPABLE = {
    "authorization",
    "connection",
    "content-length",
    "expect",
    "proxy-authenticate",
    "te",
    "transfer-encoding",
    TRACE_ID,
    "x-amzn-apigateway-api-id",
}
DROPPED_FROM_INTEGRATION_REQUEST = {"referer"}
REMAPPED = {
    "authorization",
    "connection",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "trailer",
    "upgrade",
    "user-agent",
    "www-authenticate",
}
DROPPED_FROM_RESPONSE = {"content-length", "te", "transfer-encoding"}


def of_request(request: Request) -> dict[str, str]:
    """The headers for templates, mappings and functions; names in lower case."""
    return {name: value for name, value in request.headers.items() if name not in DROPPED_FROM_REQUEST}


def forwarded(request: Request, now: float) -> dict[str, str]:
    """The headers added to a request from the network."""
    client = request.environ.get("REMOTE_ADDR", "127.0.0.1")
    before = request.headers.get("x-forwarded-for")
    return {
        "x-forwarded-for": f"{before}, {client}" if before else client,
        "x-forwarded-port": request.environ.get("SERVER_PORT") or "443",
        "x-forwarded-proto": request.environ.get("wsgi.url_scheme") or "https",
        TRACE_ID: request.headers.get(TRACE_ID) or f"Root={trace_root(now)}",
    }


def trace_root(now: float) -> str:
    """The root of a new trace that begins ``now``, in seconds since the epoch."""
    return f"1-{int(now):08x}-{hexadecimal(24)}"


def trace_header(trace_id: str, now: float) -> str:
    """The X-Amzn-Trace-Id of a response: root, parent and whether the trace is sampled."""
    if trace_id.startswith("Root=") and ";" not in trace_id:
        return f"{trace_id.strip()};Parent={hexadecimal(16)};Sampled=0"
    fields = dict(part.strip().split("=", 1) for part in trace_id.split(";") if "=" in part)
    fields = {"Root": trace_root(now), **fields}
    fields.setdefault("Parent", hexadecimal(16))
    fields.setdefault("Sampled", "0")
    return ";".join(f"{name}={value}" for name, value in fields.items())


def unmappable(headers: Mapping[str, str]) -> str | None:
    """The first header that cannot be mapped in an integration request.

    None if all headers can.
    """
    return next((name for name in headers if name.lower() in UNMAPPABLE), None)


def of_response(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a method response as sent to the client."""
    return {sent: value for name, value in headers.items() if (sent := _sent_name(name))}


@lru_cache(maxsize=256)
def _sent_name(name: str) -> str:
    """The name of a response header as sent to the client; empty for a dropped header."""
    if name.lower() in DROPPED_FROM_RESPONSE:
        return ""
    return f"x-amzn-Remapped-{name}" if name.lower() in REMAPPED else name
