"""``snippet`` and ``publish-site``: the way from a page to the stack's clicks API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import DIRECTORY, FILE, App, global_options, pass_app
from mysfits_stream.commands.help import command

if TYPE_CHECKING:
    from pathlib import Path


@command(
    section="Website",
    examples=("mysfits-stream snippet --out site/",),
)
@click.option(
    "--script",
    metavar="URL",
    default="clicks.js",
    help="URL of clicks.js, as the page refers to it.  [default: clicks.js]",
)
@click.option("--out", metavar="DIR", type=DIRECTORY, help="Write clicks.js to this directory.")
@click.option(
    "--yes", "-y", is_flag=True, help="With --out: overwrite an existing file without confirmation."
)
@global_options
@pass_app
def snippet(app: App, script: str, out: Path | None, yes: bool) -> int:
    """Print the HTML lines that make a page send clicks.

    Elements with data-record-click="MYSFIT_ID" then record clicks, and scripts can import recordClick from
    clicks.js. --out DIR writes clicks.js.
    """
    from mysfits_stream.operations import website

    found = website.snippet(app.project, script, out)
    if found.script:
        questions.ask_to_overwrite(app, found.script.overwritten, yes=yes)
        website.publish(app.project, found.script)
    app.out.snippet(found)
    return 0


@command(
    "publish-site",
    section="Website",
    examples=(
        "mysfits-stream publish-site --out build/site",
        "mysfits-stream publish-site --bucket my-website --dry-run",
    ),
)
@click.option("--bucket", metavar="NAME", help="Upload to this existing bucket.")
@click.option(
    "--source",
    metavar="FILE",
    type=FILE,
    help="Use this page, for example the workshop's, in place of the built-in page.",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="With --source: set another variable of the page, for example awsRegion=eu-west-1.",
)
@click.option(
    "--out", metavar="DIR", type=DIRECTORY, help="Write the files to this directory in place of an upload."
)
@click.option("--dry-run", is_flag=True, help="Show the files without writing them.")
@click.option("--yes", "-y", is_flag=True, help="Overwrite existing files without confirmation.")
@global_options
@pass_app
def publish_site(
    app: App,
    bucket: str | None,
    source: Path | None,
    settings: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Fill the endpoints into a page, and upload the page.

    In the page of --source, only the variables streamingApiEndpoint and mysfitsApiEndpoint and the variables
    of --set change. Existing files that publish-site did not write are overwritten after confirmation only.
    The policy and the public access of the bucket never change.
    """
    from mysfits_stream.operations import website

    if (bucket is None) == (out is None):
        raise click.UsageError("say where the page goes: --bucket NAME or --out DIR")
    look = dry_run or not yes
    site = website.plan_site(
        app.project, bucket=bucket, out=out, source=source, settings=settings, look=look, dry_run=dry_run
    )
    if not dry_run:
        questions.ask_to_overwrite(app, site.publication.overwritten, yes=yes)
        website.publish(app.project, site.publication)
    app.out.site(site)
    return 0


COMMANDS = (snippet, publish_site)
