"""Written and published files for a terminal. Makes no call."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.config_file import DEFAULT_PATH

if TYPE_CHECKING:
    from mysfits_stream.operations.export import Written
    from mysfits_stream.operations.init import Initialized
    from mysfits_stream.operations.website import Site, Snippet

WOULD = {
    "create": "would create",
    "replace": "would replace",
    "overwrite": "would overwrite, not written by publish-site:",
    "keep": "would keep, unchanged:",
}


def written(written: Written, *, verbose: bool) -> Iterator[str]:
    """The files of an export."""
    shown = written.paths if verbose else written.paths[:1]
    for path in shown:
        yield f"wrote {path}"
    if len(written.paths) > len(shown):
        yield f"and {len(written.paths) - len(shown)} more files in {written.directory}"


def initialized(initialized: Initialized) -> Iterator[str]:
    """The files of ``init``, and the settings that select these files."""
    for path in initialized.paths:
        yield f"wrote {path}"
    if initialized.settings:
        yield f"To use them, write into config.yaml:\n{initialized.settings.rstrip()}"
    else:
        [path] = initialized.paths
        option = "" if path == DEFAULT_PATH else f" --config {shlex.quote(str(path))}"
        yield f"Next: mysfits-stream{option} plan, then mysfits-stream{option} up"


def snippet(snippet: Snippet) -> Iterator[str]:
    """The lines for a page, and the required file."""
    yield snippet.html
    for place in snippet.script.places if snippet.script else ():
        yield f"wrote {place}"


def site(site: Site) -> Iterator[str]:
    """The values of a page, the remaining variables, and the files."""
    if site.filled:
        replaced = {each.variable for each in site.filled.replaced}
        for each in site.filled.replaced:
            yield f"{site.source}:{each.line}: {each.variable}: {each.before} -> {each.after}"
        for name in site.endpoints:
            if name not in replaced:
                yield f"{site.source}: {name}: not in this page"
        for name in site.filled.left:
            yield f"{site.source}: {name}: still REPLACE_ME; fill it in with --set {name}=VALUE"
    for change in site.publication.changes:
        if site.dry_run:
            yield f"{WOULD[change.action]} {change.place}"
        else:
            yield f"{'uploaded' if site.publication.bucket else 'wrote'} {change.place}"
