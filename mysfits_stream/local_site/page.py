"""The website on the local cloud: our page at ``/_site/``, its endpoints filled in, and a feed for its panel.

The page is made anew for every visitor, because ``up`` and ``down`` change what there is to talk to. The
feed, ``/_site/clicks.json``, tells which enriched clicks have landed in the bucket, newest first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream import website
from mysfits_stream.localcloud.http.messages import Request, Response, json_response

PATH = "/_site/"
FEED = "clicks.json"
SHOWN = 40
"""Clicks in one answer of the feed."""

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
ENRICHED = ("userId", "mysfitId", "goodevil", "lawchaos", "species", "clickedAt")

Click = dict[str, Any]


@dataclass(frozen=True)
class Landed:
    """An object in the clicks bucket that holds enriched clicks; ``modified`` is when it was written."""

    key: str
    modified: float
    body: Callable[[], bytes]
    """What was delivered, not compressed."""


class Site:
    """Answers requests below ``/_site/``.

    ``endpoints`` says what the page has to talk to at this moment, ``landed`` which objects there are.
    """

    def __init__(
        self, endpoints: Callable[[], website.Endpoints], landed: Callable[[], Iterable[Landed]]
    ) -> None:
        self._endpoints = endpoints
        self._landed = landed
        # Objects are read once: Firehose never writes a key twice.
        self._read: Mapping[tuple[str, float], tuple[Click, ...]] = {}

    def __call__(self, request: Request) -> Response:
        """Answer one request for a path that begins with ``/_site``."""
        if request.method not in ("GET", "HEAD"):
            return json_response(405, {"message": "only GET is served here"}, {"Allow": "GET, HEAD"})
        if request.path == PATH.rstrip("/"):
            return Response(301, {"Location": PATH})
        name = request.path.removeprefix(PATH) or "index.html"
        if name == FEED:
            return json_response(200, self.feed(), HEADERS)
        for file in website.own_page(self._endpoints(), feed=FEED):
            if file.name == name:
                return Response(200, {"Content-Type": file.content_type, **HEADERS}, file.body)
        return json_response(404, {"message": f"the website has no {name}"})

    def feed(self) -> dict[str, Any]:
        """How many enriched clicks the bucket holds, and the newest of them."""
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


def _clicks(found: Landed) -> tuple[Click, ...]:
    """The enriched clicks of an object; a line that is none is not for the panel."""
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
