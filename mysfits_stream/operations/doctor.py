"""``doctor``: every link of a click's path, examined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mysfits_stream import doctor
from mysfits_stream.clicks import composing
from mysfits_stream.doctor.links import BROKEN, Link
from mysfits_stream.operations.pipeline import clicks_bucket, find_api, translated
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.time_range import time_range
from mysfits_stream.target import mysfits_api


@dataclass(frozen=True)
class Diagnosis:
    """Every link of the path, in the order of a click's path."""

    links: tuple[Link, ...]

    @property
    def broken(self) -> list[str]:
        """The names of the broken links."""
        return [link.name for link in self.links if link.status == BROKEN]

    def document(self) -> dict[str, Any]:
        """The path as JSON."""
        return {"healthy": not self.broken, "links": [link.document() for link in self.links]}


def examine(project: Project, *, since: str, send: bool, report: Callable[[Link], None]) -> Diagnosis:
    """Examine every link; ``report`` receives each link at once. ``send`` sends a real click."""
    target, now = project.target, datetime.now(UTC)
    api_id, endpoint = find_api(project)
    path = doctor.Path(
        config=project.config,
        names=project.names,
        resources=project.build(needs_service=False),
        endpoint=endpoint,
        api_id=api_id,
        mysfits_api=target.mysfits_api,
        bucket=clicks_bucket(project),
        client=target.client,
    )
    links = []
    with translated(project):
        window = now - (time_range(since, None, now).since or now)
        click = composing.test_click(project.config.definition, lambda: mysfits_api(target)) if send else None
        for link in doctor.examine(path, window=window, click=click):
            links.append(link)
            report(link)
    return Diagnosis(tuple(links))
