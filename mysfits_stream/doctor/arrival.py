"""The Mysfits service, and the clicks that arrived: delivered clicks and failed clicks."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import requests

from mysfits_stream import bounded_http
from mysfits_stream.click_definition import Definition, Enrichment
from mysfits_stream.clicks import failed
from mysfits_stream.clicks.composing import listed
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.doctor.api import Http
from mysfits_stream.doctor.links import (
    BROKEN,
    OK,
    REPLAY,
    SINGLE_RECORDS,
    UNKNOWN,
    WARNING,
    Link,
    advice_for,
)

SERVICE_ADVICE = "clicks fail until the service answers; then `mysfits-stream replay` puts failed clicks back"


def service(base_url: str, definition: Definition, send: Http) -> Link:
    """Whether the Mysfits service answers here, with a list of items with usable attributes."""
    enrichment = definition.enrichment
    if enrichment is None:
        return Link("mysfits-service", OK, "not used: clicks are stored as they come (enrich: null)")
    if not enrichment.list:
        return Link("mysfits-service", UNKNOWN, "enrich.list is empty: there is no list of items to look at")
    url = f"{base_url.rstrip('/')}{enrichment.list}"
    try:
        answer = send("GET", url, {}, None)
    except requests.RequestException as error:
        return Link("mysfits-service", BROKEN, f"no answer from {url}: {error}", SERVICE_ADVICE)
    if answer.status != 200:
        detail = f"{url} answers {answer.status}: {bounded_http.excerpt(answer.text)}"
        return Link("mysfits-service", BROKEN, detail, SERVICE_ADVICE)
    try:
        mysfits = listed(json.loads(answer.text))
    except (ValueError, RecursionError):
        mysfits = None
    if mysfits is None:
        return Link(
            "mysfits-service", BROKEN, f"{url} does not answer with a list of mysfits", SERVICE_ADVICE
        )
    usable = [each for each in mysfits if isinstance(each, dict) and _has_attributes(each, enrichment)]
    if not usable:
        return Link("mysfits-service", BROKEN, f"{url} lists no mysfits", SERVICE_ADVICE)
    if len(usable) < len(mysfits):
        without = len(mysfits) - len(usable)
        detail = f"mysfits without {', '.join(enrichment.attributes)}: {without} of {len(mysfits)}"
        return Link("mysfits-service", WARNING, detail, "clicks on these mysfits arrive without attributes")
    return Link("mysfits-service", OK, f"mysfits at {url}: {len(mysfits)}, requested from this machine")


def _has_attributes(item: dict[str, Any], enrichment: Enrichment) -> bool:
    values = [item[name] for name in enrichment.attributes if name in item]
    return bool(values) and not any(isinstance(value, dict | list) for value in values)


def freshness(bucket: ClicksBucket, since: datetime, now: datetime) -> tuple[Link, datetime | None]:
    """When clicks last arrived in the bucket, as a link and as a moment."""
    last = None
    for stored in bucket.delivered(since, now):
        last = stored if last is None or stored.modified > last.modified else last
    if last is None:
        detail = f"no clicks arrived since {since:%Y-%m-%d %H:%M} UTC"
        return Link(
            "data", UNKNOWN, detail, "`mysfits-stream send-test-click` sends a click and follows it"
        ), None
    return Link("data", OK, f"the last clicks arrived {_ago(now - last.modified)} ago"), last.modified


def failed_clicks(bucket: ClicksBucket, since: datetime, now: datetime, delivered: datetime | None) -> Link:
    """Objects under the error prefix.

    Broken if no click was delivered after the last failed batch.
    """
    trouble = ParseProblems()
    groups = failed.grouped(failed.read(bucket, since, now, trouble))
    if not groups and str(trouble):
        return Link("failed-clicks", UNKNOWN, str(trouble))
    if not groups:
        return Link("failed-clicks", OK, "no failed clicks in this time range")
    detail = ", ".join(f"{group.count} x {group.code}" for group in groups)
    serious = [group for group in groups if group.code not in SINGLE_RECORDS]
    if not serious:
        return Link("failed-clicks", WARNING, detail, f"{advice_for(groups[0].code)}; {REPLAY}")
    latest = max(serious, key=lambda group: group.last)
    status = WARNING if delivered and delivered > latest.last else BROKEN
    return Link(
        "failed-clicks", status, f"{detail}: {latest.message}", f"{advice_for(latest.code)}; {REPLAY}"
    )


def _ago(age: timedelta) -> str:
    seconds = max(0, round(age.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
