"""Decides who may send a request, once, on the route of the request.

A rejected request is a 403.

The local cloud listens on 127.0.0.1 only. Still, a browser on the machine sends requests for pages of foreign
sites, directly or through a host name that resolves to 127.0.0.1 (DNS rebinding), and other users of the
machine can connect. So a request must name a loopback host. A closed route rejects pages of other origins,
unless the settings allow the origin, and callers without the access key of the local cloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest
from urllib.parse import urlsplit

from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.http.routes import Route

# Names below .localhost are loopback by definition (RFC 6761); S3 clients put the bucket's name there.
LOOPBACK = re.compile(r"(?:[a-z0-9.-]+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[?::1\]?", re.IGNORECASE)
SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/\s,]+)/\d{8}/[^/\s]+/[^/\s]+/aws4_request\b.*"
)
BEARER = re.compile(r"Bearer (?P<key>[^/\s,]+)")  # for the administration
PRESIGNED = re.compile(r"(?P<key>[^/\s]+)/\d{8}/[^/\s]+/[^/\s]+/aws4_request")


@dataclass(frozen=True)
class AllowedCallers:
    """Callers of closed routes: pages of ``origins``, and holders of ``access_key_id``.

    Without an ``access_key_id``, every user of the machine may call.
    """

    origins: tuple[str, ...] = ()
    access_key_id: str | None = None


@dataclass(frozen=True)
class Denial:
    """Why a request is not served."""

    message: str
    wrong_key: bool = False
    """Whether the access key is wrong: AWS clients expect a refusal in the protocol of the service."""


def denial(request: Request, route: Route, allowed: AllowedCallers) -> Denial | None:
    """The reason to reject a request, or None. Needs no body."""
    host = request.headers.get("host", "")
    if not _is_loopback(host):
        return Denial(f"the local cloud serves loopback host names only, not {host!r}")
    if not route.open_to_other_origins and (page := _foreign_page(request, host, allowed.origins)):
        return Denial(f"{page} may not use the local cloud; list its origin in local.allowed_origins")
    if route.needs_access_key and allowed.access_key_id is not None:
        key = access_key_id(request)
        if not compare_digest(key.encode(), allowed.access_key_id.encode()):
            return Denial(
                "the access key id is not that of this local cloud; `mysfits-stream local status` prints the "
                "right one, and local.access: open serves every user of this machine",
                wrong_key=True,
            )
    return None


def access_key_id(request: Request) -> str:
    """The access key id of a request, in the header or in the query; empty without a valid key."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        found = SIGNATURE.fullmatch(authorization) or BEARER.fullmatch(authorization)
    else:
        found = PRESIGNED.fullmatch(request.parameters.get("X-Amz-Credential", ""))
    return found["key"] if found else ""


def _foreign_page(request: Request, host: str, origins: tuple[str, ...]) -> str:
    """The foreign page behind a request, for a message; empty for other callers."""
    origin = request.headers.get("origin")
    if origin is not None:
        return (
            "" if origin.lower() == f"http://{host}".lower() or origin in origins else f"a page of {origin!r}"
        )
    # Images, frames, links and forms with GET have no Origin. Pages on other ports are "same-site".
    site = request.headers.get("sec-fetch-site", "none")
    return "" if site in ("none", "same-origin") else f"a {site} page"


@lru_cache(maxsize=64)
def _is_loopback(host: str) -> bool:
    """Whether a Host header names this machine."""
    return LOOPBACK.fullmatch(_host_name(f"//{host}")) is not None


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
