"""Written and published files for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mysfits_stream.operations.export import Written
    from mysfits_stream.operations.website import Site


def written(written: Written, *, verbose: bool) -> Iterator[str]:
    """The files of an export."""
    shown = written.paths if verbose else written.paths[:1]
    for path in shown:
        yield f"wrote {path}"
    if len(written.paths) > len(shown):
        yield f"and {len(written.paths) - len(shown)} more files in {written.directory}"


def site(site: Site) -> Iterator[str]:
    """The values that were filled into a page, and its files."""
    for one in site.replaced:
        yield f"{site.source}:{one.line}: {one.variable}: {one.before} -> {one.after}"
    for name in site.endpoints if site.source else ():
        if name not in {one.variable for one in site.replaced}:
            yield f"{site.source}: {name}: not in this page"
    for name in site.files:
        yield f"{'uploaded' if site.uploaded else 'wrote'} {name}"
