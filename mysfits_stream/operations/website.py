"""``snippet`` and ``publish-site``: the stack's endpoints in a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mysfits_stream import website
from mysfits_stream.operations.pipeline import find_endpoint
from mysfits_stream.operations.project import Project
from mysfits_stream.target import mysfits_api
from mysfits_stream.website import Endpoints, Replacement, SiteFile


@dataclass(frozen=True)
class Snippet:
    """The lines of HTML that make a page send its clicks."""

    html: str

    def document(self) -> dict[str, str]:
        """The lines as JSON."""
        return {"html": self.html}


@dataclass(frozen=True)
class Site:
    """A published page and its files."""

    source: Path | None
    files: tuple[str, ...]
    """Paths, or URLs in S3."""
    uploaded: bool
    endpoints: Mapping[str, str]
    """JavaScript variable -> value."""
    replaced: tuple[Replacement, ...]

    def document(self) -> dict[str, Any]:
        """The site as JSON."""
        replaced = [vars(replacement) for replacement in self.replaced]
        return {"files": list(self.files), "endpoints": dict(self.endpoints), "replaced": replaced}


def snippet(project: Project, script: str) -> Snippet:
    """The lines for a page that finds clicks.js at ``script``; raises ClickError without a clicks API."""
    return Snippet(website.snippet(_endpoints(project, project.target.mysfits_api or ""), script))


def publish_site(project: Project, *, bucket: str | None, source: Path | None, out: Path | None) -> Site:
    """Fill the endpoints into our page or ``source``, and upload it to ``bucket`` or write it to ``out``."""
    endpoints = _endpoints(project, mysfits_api(project.target))
    files: tuple[SiteFile, ...]
    replaced: tuple[Replacement, ...] = ()
    if source:
        page, replaced = website.filled_page(source, endpoints)
        files = (page,)
    else:
        files = website.own_page(endpoints)
    if out:
        written = [str(path) for path in website.write(files, out)]
    else:
        keys = website.publish(files, str(bucket), project.names.bucket, project.target.client("s3"))
        written = [f"s3://{bucket}/{key}" for key in keys]
    return Site(source, tuple(written), out is None, endpoints.variables(), replaced)


def _endpoints(project: Project, service: str) -> Endpoints:
    return Endpoints(find_endpoint(project), service, project.config.api.max_clicks_per_request)
