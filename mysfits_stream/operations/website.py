"""``snippet`` and ``publish-site``: the stack's endpoints in a page, and the page's files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mysfits_stream.errors import SiteError
from mysfits_stream.operations.pipeline import find_endpoint
from mysfits_stream.operations.project import Project
from mysfits_stream.target import mysfits_api
from mysfits_stream.website import pages, publishing
from mysfits_stream.website.pages import Endpoints, FilledPage, SiteFile
from mysfits_stream.website.publishing import FileChange


@dataclass(frozen=True)
class Publication:
    """Files on their way to a directory or to a bucket."""

    changes: tuple[FileChange, ...]
    directory: Path | None = None
    bucket: str | None = None

    @property
    def places(self) -> list[str]:
        """The path or the URL of each file."""
        return [change.place for change in self.changes]

    @property
    def overwritten(self) -> list[str]:
        """The places of files that publish-site did not write and would overwrite."""
        return [change.place for change in self.changes if change.action == "overwrite"]


@dataclass(frozen=True)
class Snippet:
    """The HTML lines for pages that send clicks, and the required file."""

    html: str
    script: Publication | None = None

    def document(self) -> dict[str, Any]:
        """The lines as JSON."""
        return {"html": self.html, **({"files": self.script.places} if self.script else {})}


@dataclass(frozen=True)
class Site:
    """A page with the stack's endpoints, and its files."""

    publication: Publication
    endpoints: Mapping[str, str]
    """JavaScript variable -> value."""
    source: Path | None
    filled: FilledPage | None
    """The user's page; None for our page."""
    dry_run: bool

    def document(self) -> dict[str, Any]:
        """The site as JSON."""
        return {
            "files": self.publication.places,
            "endpoints": dict(self.endpoints),
            "replaced": [vars(each) for each in self.filled.replaced] if self.filled else [],
            "leftOver": list(self.filled.left) if self.filled else [],
            "dryRun": self.dry_run,
            "changes": [
                {"file": change.place, "action": change.action} for change in self.publication.changes
            ],
        }


def snippet(project: Project, script: str, out: Path | None) -> Snippet:
    """The lines for a page that finds clicks.js at ``script``.

    Raises ClickError without a clicks API.

    ``out`` is the directory for clicks.js.
    """
    endpoints = _endpoints(project, project.target.mysfits_api or "")
    html = pages.snippet(endpoints, script)
    if out is None:
        return Snippet(html)
    files = [file for file in pages.own_page(endpoints) if file.name == "clicks.js"]
    return Snippet(html, _to_directory(project, files, out))


def plan_site(
    project: Project,
    *,
    bucket: str | None,
    out: Path | None,
    source: Path | None,
    settings: Sequence[str],
    look: bool,
    dry_run: bool,
) -> Site:
    """Fill the endpoints into our page or ``source``, for ``bucket`` or the directory ``out``.

    ``settings`` are values of other variables, e.g. ``awsRegion=eu-west-1``. ``look`` reads the existing
    files in the bucket.
    """
    if settings and source is None:
        raise SiteError("--set fills variables of your page: name the page with --source FILE")
    endpoints = _endpoints(project, mysfits_api(project.target))
    filled = pages.filled_page(source, endpoints, pages.parse_settings(settings)) if source else None
    files = [filled.file] if filled else list(pages.own_page(endpoints))
    # Pages last, as they are uploaded.
    files.sort(key=lambda file: file.content_type.startswith("text/html"))
    if out:
        publication = _to_directory(project, files, out)
    else:
        publication = _to_bucket(project, files, str(bucket), look=look)
    return Site(publication, endpoints.variables(), source, filled, dry_run)


def publish(project: Project, publication: Publication) -> None:
    """Write or upload the files."""
    files = [change.file for change in publication.changes]
    if publication.directory:
        with project.locked():
            publishing.write(files, publication.directory, project.directory / publishing.RECORD)
    elif publication.bucket:
        publishing.publish(files, publication.bucket, project.names.bucket, project.target.client("s3"))


def _to_directory(project: Project, files: Sequence[SiteFile], directory: Path) -> Publication:
    record = project.directory / publishing.RECORD
    return Publication(tuple(publishing.changes_in_directory(files, directory, record)), directory=directory)


def _to_bucket(project: Project, files: Sequence[SiteFile], bucket: str, *, look: bool) -> Publication:
    publishing.reject_clicks_bucket(bucket, project.names.bucket)
    if look:
        changes = publishing.changes_in_bucket(files, bucket, project.target.client("s3"))
    else:
        changes = publishing.unknown_changes(files, bucket)
    return Publication(tuple(changes), bucket=bucket)


def _endpoints(project: Project, service: str) -> Endpoints:
    config = project.config
    return Endpoints(
        find_endpoint(project), service, config.api.max_clicks_per_request, config.definition.browser()
    )
