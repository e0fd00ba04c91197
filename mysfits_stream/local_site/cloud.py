"""The project's local cloud: :class:`LocalCloud` with the page and the Mysfits service."""

from __future__ import annotations

from typing import Any

from mysfits_stream.local_site import feed, mysfits
from mysfits_stream.local_site.daemon import HELD_CLICKS
from mysfits_stream.local_site.page import Site
from mysfits_stream.localcloud.http.messages import json_response
from mysfits_stream.localcloud.http.routes import MEGABYTE, Route
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings


def local_cloud(settings: Settings | None = None, **options: Any) -> LocalCloud:
    """A local cloud with the project's routes.

    ``options`` are parameters of :class:`LocalCloud`.
    """
    return LocalCloud(settings, routes=site_routes, **options)


def site_routes(cloud: LocalCloud) -> tuple[Route, ...]:
    """The routes of the stand-in Mysfits service, of the page and of the feed."""
    site = Site(
        lambda: feed.endpoints(cloud.control_plane, cloud.endpoint),
        lambda: feed.landed(cloud.control_plane),
    )
    return (
        Route(
            "stand-in Mysfits service",
            r"/_mysfits(?P<path>/.*)",
            mysfits.handle,
            open_to_other_origins=True,
            needs_access_key=False,
            max_body=MEGABYTE,
        ),
        *site.routes(),
        Route(
            "count of clicks",
            HELD_CLICKS,
            lambda request: json_response(200, feed.held_clicks(cloud)),
            methods=("GET",),
        ),
    )
