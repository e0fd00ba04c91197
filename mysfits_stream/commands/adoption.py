"""``up --adopt``: what would become ours, named and asked for."""

from __future__ import annotations

import sys

import click

from mysfits_stream.commands.app import App
from mysfits_stream.errors import MysfitsStreamError


def run(app: App, *, yes: bool, dry_run: bool) -> bool:
    """Name what has our names and no owner, ask, and tag it; whether there is any."""
    from mysfits_stream.provision.adopt import adopt, adoptable
    from mysfits_stream.provision.engine import Goal, survey
    from mysfits_stream.provision.resource import OWNER_TAG

    found = adoptable(survey(app.project.build(), Goal.PRESENT, app.config.stack))
    for item in found:
        click.echo(f"adopt {item.resource.name:<16} {item.arn}", err=True)
    if found and dry_run and app.out.as_json:
        app.out.json({"adopt": [{"name": item.resource.name, "arn": item.arn} for item in found]})
    if not found or dry_run:
        return bool(found)
    if not yes:
        if not sys.stdin.isatty() or app.out.as_json:
            raise MysfitsStreamError("up --adopt asks before it tags; add --yes where nobody can answer")
        click.echo(
            f"With the tag {OWNER_TAG}={app.config.stack} they belong to this stack: up changes them, and "
            "down deletes them.",
            err=True,
        )
        if click.prompt("Type yes to adopt all of them", default="", show_default=False, err=True) != "yes":
            raise click.Abort
    adopt(found)
    return True
