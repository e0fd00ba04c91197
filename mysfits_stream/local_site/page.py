"""The website on the local cloud: our page at ``/_site/``, and a feed for the panel.

The page is generated for every request, because ``up`` and ``down`` change the endpoints. The feed,
``/_site/clicks.json``, lists the enriched clicks in the bucket, newest first.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream.local_site import PAGE
from mysfits_stream.localcloud.http.messages import Request, Response, json_response
from mysfits_stream.localcloud.http.routes import MEGABYTE, Route
from mysfits_stream.website import pages

FEED = "clicks.json"
DEFAULT_KEY = "mysfitId"
"""The key of the workshop's click."""
SHOWN = 40
"""Clicks in one answer of the feed."""
LEADERS = 5
"""Items in the leaderboard of the feed."""

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Click = dict[str, Any]
"""An enriched click below ``click``, with its object's ``key`` and an ``id`` of the line."""


@dataclass(frozen=True)
class Landed:
    """An object with enriched clicks in the clicks bucket.

    ``modified`` is the time of the write.
    """

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
        self._distinct: list[Click] = []
        self._leaders: list[dict[str, Any]] = []

    def routes(self) -> tuple[Route, ...]:
        """The feed, closed to other origins since it shows stored clicks, and the open page."""
        return (
            Route(
                "feed of the page",
                rf"{PAGE}{re.escape(FEED)}",
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
            return Response(301, {"Location": PAGE})
        name = path.removeprefix("/") or "index.html"
        for file in pages.own_page(self._endpoints(), feed=FEED):
            if file.name == name:
                return Response(200, {"Content-Type": file.content_type, **HEADERS}, file.body)
        return json_response(404, {"message": f"the website has no {name}"})

    def feed_response(self, request: Request) -> Response:
        """Answer one request for the feed."""
        return _only_get(request) or json_response(200, self.feed(), HEADERS)

    def feed(self) -> dict[str, Any]:
        """The number of enriched clicks in the bucket, the newest clicks, and the leaderboard.

        Each click counts once; test clicks are left out.
        """
        objects = sorted(self._landed(), key=lambda found: (found.modified, found.key), reverse=True)
        known = self._read
        read = {}
        for found in objects:
            this = (found.key, found.modified)
            read[this] = known[this] if this in known else _clicks(found)
        if read.keys() != known.keys():
            oldest_first = (found for clicks in reversed(read.values()) for found in reversed(clicks))
            self._distinct = list(_distinct(oldest_first))
            self._leaders = _leaders(self._distinct, self._key())
        self._read = read
        newest = self._distinct[: -SHOWN - 1 : -1]
        newest.sort(key=lambda found: found["click"]["clickedAt"], reverse=True)
        return {"total": len(self._distinct), "clicks": newest, "leaders": self._leaders}

    def _key(self) -> str | None:
        """The field that names what was clicked."""
        definition = self._endpoints().click
        return json.loads(definition)["key"] if definition else DEFAULT_KEY


def _only_get(request: Request) -> Response | None:
    if request.method in ("GET", "HEAD"):
        return None
    return json_response(405, {"message": "only GET is served here"}, {"Allow": "GET, HEAD"})


def _distinct(clicks: Iterable[Click]) -> Iterator[Click]:
    """Each click once; a line without ``clickId``, of version 0.1.0, counts as itself."""
    seen: set[str] = set()
    for found in clicks:
        click_id = found["click"].get("clickId")
        if not isinstance(click_id, str) or click_id not in seen:
            yield found
        if isinstance(click_id, str):
            seen.add(click_id)


def _leaders(clicks: Iterable[Click], field: str | None) -> list[dict[str, Any]]:
    """The keys with the most clicks, with their names.

    Of equals, the key that was clicked first.
    """
    counts: Counter[Any] = Counter()
    names: dict[Any, Any] = {}
    for found in clicks:
        if (key := found["click"].get(field)) is not None:
            counts[key] += 1
            names[key] = found["click"].get("name") or names.get(key)
    return [{"key": key, "name": names[key], "clicks": count} for key, count in counts.most_common(LEADERS)]


def _clicks(found: Landed) -> tuple[Click, ...]:
    """The enriched clicks of an object, the last first.

    Other lines and test clicks are left out.
    """
    clicks = []
    for number, line in enumerate(found.body().decode("utf-8", "replace").splitlines()):
        try:
            click = json.loads(line)
        except ValueError:
            continue
        scalars = isinstance(click, dict) and not any(isinstance(v, dict | list) for v in click.values())
        if scalars and isinstance(click.get("clickedAt"), str) and click.get("test") is not True:
            clicks.append({"click": click, "id": f"{found.key}#{number}", "key": found.key})
    return tuple(reversed(clicks))
