"""Rejects requests of other machines, and of pages of other sites in a browser of this machine.

The local cloud listens on 127.0.0.1 only. A browser can still be made to send requests: through a name that
resolves to 127.0.0.1 (DNS rebinding), or by a page of another site. So a request must name a loopback host,
and pages of other sites reach only routes that are open to other origins.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mysfits_stream.localcloud.http.messages import Response, json_response
from mysfits_stream.localcloud.http.routes import RoutedRequest

# Names below .localhost are loopback by definition (RFC 6761); S3 clients put the bucket's name there.
LOOPBACK = re.compile(r"(?:[a-z0-9.-]+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[?::1\]?", re.IGNORECASE)


def refusal(routed: RoutedRequest) -> Response | None:
    """Why a request is not served at all, as a 403; None for a request that may pass."""
    headers = routed.request.headers
    host = headers.get("host", "")
    if not LOOPBACK.fullmatch(_host_name(f"//{host}")):
        return json_response(
            403, {"message": f"the local cloud serves loopback host names only, not {host!r}"}
        )
    origin = headers.get("origin")
    if origin is None or routed.route.open_to_other_origins or LOOPBACK.fullmatch(_host_name(origin)):
        return None
    return json_response(403, {"message": f"a page of {origin!r} may not use the local cloud"})


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
