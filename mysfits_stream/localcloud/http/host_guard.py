"""Keeps web pages and other machines away from the local cloud.

It listens on 127.0.0.1 only, yet a browser on this machine can be made to talk to it: through a name that is
re-pointed to 127.0.0.1 (DNS rebinding), or by a page of another site. So a request must name a loopback host,
and what a page of another site may call is what it could call on AWS: a deployed API and the Mysfits service.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mysfits_stream.localcloud.http.messages import Request, Response, json_response

# Names below .localhost are loopback by definition (RFC 6761); S3 clients put the bucket's name there.
LOOPBACK = re.compile(r"(?:[a-z0-9.-]+\.)?localhost\.?|127(?:\.\d{1,3}){3}|\[?::1\]?", re.IGNORECASE)
PUBLIC_PATHS = ("/restapis/", "/_mysfits/")


def refusal(request: Request) -> Response | None:
    """Why a request is not served at all, as a 403; None when it may pass."""
    host = request.headers.get("host", "")
    if not LOOPBACK.fullmatch(_host_name(f"//{host}")):
        return json_response(
            403, {"message": f"the local cloud serves loopback host names only, not {host!r}"}
        )
    origin = request.headers.get("origin")
    public = request.path.startswith(PUBLIC_PATHS[1]) or (
        request.path.startswith(PUBLIC_PATHS[0]) and "/_user_request_" in request.path
    )
    if origin is not None and not public and not LOOPBACK.fullmatch(_host_name(origin)):
        return json_response(403, {"message": f"a page of {origin!r} may not use the local cloud"})
    return None


def _host_name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
