"""The endpoints and the delivered clicks of the website, read from the control plane.

With several stacks, the website belongs to the youngest stack. Names follow the convention of the stack: the
REST API has the stack's name, the delivery stream is ``<stack>-clicks``.
"""

from __future__ import annotations

import json
from base64 import b64decode
from functools import partial
from typing import Any

from mysfits_stream.click_definition import browser_client
from mysfits_stream.clicks.prefixes import delivered_pattern, literal
from mysfits_stream.clicks.unpacking import UnreadableError, unpacked
from mysfits_stream.local_site.page import Landed
from mysfits_stream.localcloud.control_plane.control_plane import ControlPlane
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.website.pages import Endpoints


def endpoints(control_plane: ControlPlane, base: str) -> Endpoints:
    """The endpoints of the page; without a clicks API before ``up`` and after ``down``."""
    api = _clicks_api(control_plane)
    clicks = f"{base}/restapis/{api['id']}/{api['stages'][0]}/_user_request_" if api else ""
    return Endpoints(
        clicks=clicks, mysfits=f"{base}/_mysfits", click=_click(control_plane, api) if api else ""
    )


def _click(control_plane: ControlPlane, api: dict[str, Any]) -> str:
    """The definition of a click for the page, from the environment of the stack's processor."""
    arn = control_plane.arn("lambda", api["region"], f"function:{api['name']}-processor")
    function = control_plane.function(arn)
    definition = function.environment.get("CLICK") if function else None
    try:
        return browser_client(definition) if definition else ""
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""  # a function of another author, whose variable CLICK is another thing


def landed(control_plane: ControlPlane) -> list[Landed]:
    """The objects with enriched clicks that the stack's delivery stream has written."""
    api = _clicks_api(control_plane)
    stream = control_plane.stream(api["region"], f"{api['name']}-clicks") if api else None
    if stream is None:
        return []
    destination = stream.destination
    begin = literal(delivered_pattern(destination.prefix))
    with control_plane.lock:
        s3 = control_plane.backend("s3", stream.region)
        if destination.bucket not in s3.buckets:
            return []
        keys, *_ = s3.list_objects(s3.buckets[destination.bucket], begin, None, None, None)
    return [Landed(key.name, key.last_modified.timestamp(), partial(_text, key)) for key in keys]


def held_clicks(cloud: LocalCloud) -> dict[str, int]:
    """The clicks that a stop discards: ``stored`` in buckets, ``in_flight`` in buffers.

    Counts lines of objects and records; a record may hold an array of clicks.
    """
    control_plane = cloud.control_plane
    stored: list[Any] = []
    with control_plane.lock:
        for region, bucket in {(each.region, each.destination.bucket) for each in control_plane.streams()}:
            s3 = control_plane.backend("s3", region)
            if bucket in s3.buckets:
                stored += s3.list_objects(s3.buckets[bucket], "", None, None, None)[0]
    return {
        "stored": sum(_count_clicks(_text(key)) for key in stored),
        "in_flight": sum(map(_count_clicks, cloud.firehose.held())),
    }


def _count_clicks(data: bytes) -> int:
    return sum(_clicks_of_line(line) for line in data.splitlines())


def _clicks_of_line(line: bytes) -> int:
    try:
        document = json.loads(line)
        if isinstance(document, dict) and "rawData" in document:  # a failed record
            document = json.loads(b64decode(document["rawData"]))
    except (ValueError, TypeError, RecursionError):
        return 1
    return len(document) if isinstance(document, list) else 1


def _clicks_api(control_plane: ControlPlane) -> dict[str, Any] | None:
    served = [api for api in control_plane.rest_apis.apis() if api["stages"]]
    return max(served, key=lambda api: int(api["createdDate"]), default=None)


def _text(key: Any) -> bytes:
    try:
        return unpacked(key.value, key.name)
    except UnreadableError:
        # A foreign object under our prefix has no clicks for the panel.
        return b""
