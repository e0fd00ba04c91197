"""``snippet`` and ``publish-site``: the way from a page to the stack's clicks API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App, global_options, pass_app, path

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--script", metavar="URL", default="clicks.js", help="Where the page finds clicks.js.")
@global_options
@pass_app
def snippet(app: App, script: str) -> int:
    """Print the two lines that make a page send its clicks.

    With them, every element that says data-record-click="MYSFIT_ID" records its clicks, and scripts can
    import recordClick from clicks.js. `publish-site --out DIR` writes that file.
    """
    from mysfits_stream.operations.website import snippet

    app.out.snippet(snippet(app.project, script))
    return 0


@click.command("publish-site")
@click.option("--bucket", metavar="NAME", help="The website's bucket, which must exist.")
@click.option(
    "--source", metavar="FILE", type=path, help="Fill in this page, such as the workshop's, in place of ours."
)
@click.option("--out", metavar="DIR", type=path, help="Write the files here, and upload nothing.")
@global_options
@pass_app
def publish_site(app: App, bucket: str | None, source: Path | None, out: Path | None) -> int:
    """Fill the stack's endpoints into a page, and upload it.

    Of a page given with --source only the values of streamingApiEndpoint and mysfitsApiEndpoint change.
    The bucket is yours: its policy and its public access are never touched.
    """
    from mysfits_stream.operations.website import publish_site

    if (bucket is None) == (out is None):
        raise click.UsageError("say where the page goes: --bucket NAME or --out DIR")
    app.out.site(publish_site(app.project, bucket=bucket, source=source, out=out))
    return 0


COMMANDS = (snippet, publish_site)
