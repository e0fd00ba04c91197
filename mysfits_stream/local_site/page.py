"""The website on the local cloud: our page at ``/_site/`` with its endpoints, and a feed for the panel.

The page is generated for every request, because ``up`` and ``down`` change the endpoints. The feed,
``/_site/clicks.json``, lists the enriched clicks in the bucket, newest first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream.localcloud.http.messages import Request, Response, json_response
from mysfits_stream.localcloud.http.routes import MEGABYTE, Route
from mysfits_stream.website import pages

PATH = "/_site/"
FEED = "clicks.json"
SHOWN = 40
"""Clicks in one answer of the feed."""

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ENRICHED = ("userId", "mysfitId", "goodevil", "lawchaos", "species", "clickedAt")

Click = dict[str, Any]


@dataclass(frozen=True)
class Landed:
    """An object with enriched clicks in the clicks bucket; ``modified`` is the time of the write."""

    key: str
    modified: float
    body: Callable[[], bytes]
    """The uncompressed content."""


class Site:
    """Answers requests below ``/_site/``.

    ``endpoints`` returns the current endpoints of the page, ``landed`` the objects with enriched clicks.
    """

    def __init__(
        self, endpoints: Callable[[], pages.Endpoints], landed: Callable[[], Iterable[Landed]]
    ) -> None:
        self._endpoints = endpoints
        self._landed = landed
        # Objects are read once: Firehose never writes a key twice.
        self._read: Mapping[tuple[str, float], tuple[Click, ...]] = {}

    def routes(self) -> tuple[Route, ...]:
        """The feed, closed to other origins because the feed shows stored clicks, and the open page."""
        return (
            Route(
                "feed of the page",
                rf"{PATH}{re.escape(FEED)}",
                self.feed_response,
                needs_access_key=False,
                max_body=MEGABYTE,
            ),
            Route(
                "page",
                r"/_site(?P<path>/.*)?",
                self.asset,
                open_to_other_origins=True,
                needs_access_key=False,
                max_body=MEGABYTE,
            ),
        )

    def asset(self, request: Request, path: str | None) -> Response:
        """Answer one request for a file of the page; ``path`` is the part below ``/_site``."""
        if refusal := _only_get(request):
            return refusal
        if not path:
            return Response(301, {"Location": PATH})
        name = path.removeprefix("/") or "index.html"
        for file in pages.own_page(self._endpoints(), feed=FEED):
            if file.name == name:
                return Response(200, {"Content-Type": file.content_type, **HEADERS}, file.body)
        return json_response(404, {"message": f"the website has no {name}"})

    def feed_response(self, request: Request) -> Response:
        """Answer one request for the feed."""
        return _only_get(request) or json_response(200, self.feed(), HEADERS)

    def feed(self) -> dict[str, Any]:
        """The number of enriched clicks in the bucket, and the newest clicks."""
        objects = sorted(self._landed(), key=lambda found: (found.modified, found.key), reverse=True)
        known = self._read
        read = {}
        for found in objects:
            this = (found.key, found.modified)
            read[this] = known[this] if this in known else _clicks(found)
        self._read = read
        newest: list[Click] = []
        for clicks in read.values():
            newest += clicks
            if len(newest) >= SHOWN:
                break
        newest.sort(key=lambda click: str(click["clickedAt"]), reverse=True)
        return {"total": sum(map(len, read.values())), "clicks": newest[:SHOWN]}


def _only_get(request: Request) -> Response | None:
    if request.method in ("GET", "HEAD"):
        return None
    return json_response(405, {"message": "only GET is served here"}, {"Allow": "GET, HEAD"})


def _clicks(found: Landed) -> tuple[Click, ...]:
    """The enriched clicks of an object; other lines are left out."""
    clicks = []
    for number, line in enumerate(found.body().decode("utf-8", "replace").splitlines()):
        try:
            click = json.loads(line)
        except ValueError:
            continue
        if isinstance(click, dict) and all(isinstance(click.get(key), str) for key in ENRICHED):
            wanted = {key: click[key] for key in ENRICHED}
            clicks.append({"id": f"{found.key}#{number}", "key": found.key, **wanted})
    return tuple(reversed(clicks))
