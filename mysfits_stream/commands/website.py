"""``snippet`` and ``publish-site``: the way from a page to the stack's clicks API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App, global_options, pass_app, path

if TYPE_CHECKING:
    from pathlib import Path

    from mysfits_stream.website import Endpoints


@click.command()
@click.option("--script", metavar="URL", default="clicks.js", help="Where the page finds clicks.js.")
@global_options
@pass_app
def snippet(app: App, script: str) -> int:
    """Print the two lines that make a page send its clicks.

    With them, every element that says data-record-click="MYSFIT_ID" records its clicks, and scripts can
    import recordClick from clicks.js. `publish-site --out DIR` writes that file.
    """
    from mysfits_stream import website

    html = website.snippet(_endpoints(app, app.target.mysfits_api or ""), script)
    if app.out.as_json:
        app.out.json({"html": html})
    app.out.line(html)
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
    from mysfits_stream import website
    from mysfits_stream.provision.stack import Names
    from mysfits_stream.target import mysfits_api

    if (bucket is None) == (out is None):
        raise click.UsageError("say where the page goes: --bucket NAME or --out DIR")
    endpoints = _endpoints(app, mysfits_api(app.target))
    replaced: tuple[website.Replacement, ...] = ()
    if source:
        page, replaced = website.filled_page(source, endpoints)
        files: tuple[website.SiteFile, ...] = (page,)
    else:
        files = website.own_page(endpoints)

    if out:
        written = [str(path) for path in website.write(files, out)]
    else:
        clicks_bucket = Names.of(app.config, app.target.account).bucket
        keys = website.publish(files, str(bucket), clicks_bucket, app.target.client("s3"))
        written = [f"s3://{bucket}/{key}" for key in keys]

    if app.out.as_json:
        changes = [vars(replacement) for replacement in replaced]
        app.out.json({"files": written, "endpoints": endpoints.variables(), "replaced": changes})
    for one in replaced:
        app.out.line(f"{source}:{one.line}: {one.variable}: {one.before} -> {one.after}")
    for name in endpoints.variables() if source else ():
        if name not in {one.variable for one in replaced}:
            app.out.line(f"{source}: {name}: not in this page")
    for name in written:
        app.out.line(f"{'wrote' if out else 'uploaded'} {name}")
    return 0


def _endpoints(app: App, service: str) -> Endpoints:
    """What a page has to know; raises ClickError while there is no clicks API."""
    from mysfits_stream.operations.pipeline import find_endpoint
    from mysfits_stream.website import Endpoints

    return Endpoints(find_endpoint(app.project), service, app.config.api.max_clicks_per_request)


COMMANDS = (snippet, publish_site)
