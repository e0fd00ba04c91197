"""``snippet`` and ``publish-site``: the way from a page to the stack's clicks API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import App, global_options, pass_app, path

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--script", metavar="URL", default="clicks.js", help="Where the page finds clicks.js.")
@click.option("--out", metavar="DIR", type=path, help="Write clicks.js to this directory, too.")
@click.option("--yes", "-y", is_flag=True, help="With --out: overwrite your own file without a question.")
@global_options
@pass_app
def snippet(app: App, script: str, out: Path | None, yes: bool) -> int:
    """Print the two lines that make a page send its clicks.

    With them, every element that says data-record-click="MYSFIT_ID" records its clicks, and scripts can
    import recordClick from clicks.js. --out DIR writes that file.
    """
    from mysfits_stream.operations import website

    found = website.snippet(app.project, script, out)
    if found.script:
        questions.ask_to_overwrite(app, found.script.overwritten, yes=yes)
        website.publish(app.project, found.script)
    app.out.snippet(found)
    return 0


@click.command("publish-site")
@click.option("--bucket", metavar="NAME", help="The website's bucket, which must exist.")
@click.option("--source", metavar="FILE", type=path, help="Fill in this page, such as the workshop's.")
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="With --source: the value of another variable, for example awsRegion=eu-west-1.",
)
@click.option("--out", metavar="DIR", type=path, help="Write the files here, and upload nothing.")
@click.option("--dry-run", is_flag=True, help="Show which files would be written, and write none.")
@click.option("--yes", "-y", is_flag=True, help="Overwrite files of your own without a question.")
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
    """Fill the stack's endpoints into a page, and upload it.

    Of a page given with --source only the values of streamingApiEndpoint and mysfitsApiEndpoint change,
    and of variables given with --set. A file that publish-site did not write is only overwritten after a
    question, or with --yes. The bucket is yours: its policy and its public access are never touched.
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
