"""The stand-in Mysfits service: the part of the site that the processor calls.

``GET /mysfits`` and ``GET /mysfits/{id}`` answer as the workshop's service does, with our own mysfits.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from mysfits_stream.localcloud.http.messages import Request, Response, json_response

Mysfit = dict[str, Any]

CORS = {"Access-Control-Allow-Origin": "*"}


@cache
def mysfits() -> tuple[Mysfit, ...]:
    """Every mysfit, with the keys of the workshop's service."""
    text = resources.files("mysfits_stream.local_site").joinpath("mysfits.json").read_text("utf-8")
    # Their pictures are for the page to draw.
    pictures = {"thumbImageUri": "", "profileImageUri": ""}
    return tuple(mysfit | pictures for mysfit in json.loads(text))


def handle(request: Request, path: str) -> Response:
    """Answer a request for ``path``, the decoded part below the service's base URL."""
    if request.method == "OPTIONS":
        return Response(204, {**CORS, "Access-Control-Allow-Methods": "GET, OPTIONS"})
    if request.method not in ("GET", "HEAD"):
        return json_response(
            405, {"message": "only GET is served here"}, {**CORS, "Allow": "GET, HEAD, OPTIONS"}
        )
    parts = path.strip("/").split("/")
    if parts == ["mysfits"]:
        return json_response(200, {"mysfits": _matching(request.parameters)}, CORS)
    found = [m for m in mysfits() if parts == ["mysfits", m["mysfitId"]]]
    return (
        json_response(200, found[0], CORS)
        if found
        else json_response(404, {"message": "no such mysfit"}, CORS)
    )


def _matching(parameters: dict[str, str]) -> list[Mysfit]:
    """Filter the list, as the workshop's page does with ``?filter=goodevil&value=good``."""
    key, value = parameters.get("filter"), parameters.get("value")
    return [m for m in mysfits() if key is None or str(m.get(key, "")).lower() == (value or "").lower()]
