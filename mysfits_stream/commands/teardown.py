"""``down``: what goes and what is kept, asked for and proven."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App
from mysfits_stream.commands.stack import build, document, endpoint_of, interruptible, locked, open_state
from mysfits_stream.errors import DataProtectedError, MysfitsStreamError, ProvisionError

if TYPE_CHECKING:
    from mysfits_stream.provision.emptying import Contents
    from mysfits_stream.provision.engine import Change
    from mysfits_stream.provision.resource import Resource

BUCKET_TYPE = "AWS::S3::Bucket"


def run(app: App, *, dry_run: bool, yes: bool, delete_data: bool, keep_data: bool) -> int:
    """Remove the stack; returns the exit code."""
    from mysfits_stream.provision.engine import Goal, converge

    if delete_data and keep_data:
        raise MysfitsStreamError("--delete-data and --keep-data contradict each other; give one of them")
    with locked(app):
        state = open_state(app)
        resources = _chosen(build(app, needs_service=False), keep_data)
        plan = converge(resources, state, goal=Goal.ABSENT, dry_run=True)
        contents = _contents(app, plan)
        app.out.removal(document(app, plan, endpoint_of(app, plan)), contents, as_result=dry_run)
        if dry_run:
            return 0
        if any(change.observed for change in plan):
            delete_data = _allowed_to_delete(app, contents, yes=yes, delete_data=delete_data)
        with app.out.progress() as progress, interruptible(app):
            resources = _chosen(
                build(app, progress.waiting, needs_service=False, delete_data=delete_data), keep_data
            )
            changes = converge(resources, state, goal=Goal.ABSENT, notify=progress.notify)
        _prove(app, resources)
    app.out.removed(document(app, changes, None, now="missing"), kept=keep_data)
    if app.target.name == "local" and not keep_data:
        from mysfits_stream.localcloud import daemon

        daemon.stop(app.directory)
    return 0


def _chosen(resources: Sequence[Resource], keep_data: bool) -> list[Resource]:
    return [resource for resource in resources if not (keep_data and resource.type == BUCKET_TYPE)]


def _contents(app: App, plan: Sequence[Change]) -> Contents | None:
    """What the bucket that is to go holds; None if none is to go."""
    from mysfits_stream.provision.emptying import contents

    for change in plan:
        if change.resource.type == BUCKET_TYPE and change.observed:
            return contents(app.target.clients.s3, change.observed.id)
    return None


def _allowed_to_delete(app: App, contents: Contents | None, *, yes: bool, delete_data: bool) -> bool:
    """Whether the clicks may go, too; raises if nobody said so, or if the whole removal was declined."""
    data = contents if contents and contents.versions else None
    can_ask = sys.stdin.isatty() and not app.out.as_json
    if data and not delete_data:
        if not can_ask or yes:
            raise DataProtectedError(
                "clicks-bucket",
                "delete",
                f"it holds {data.objects} objects in {data.versions} versions, and --yes does not delete "
                "clicks. Add --delete-data to delete them or --keep-data to keep the bucket",
            )
        typed = click.prompt(
            f"Type the stack's name, {app.config.stack}, to delete all clicks with it", default="", err=True
        )
        if typed != app.config.stack:
            raise click.Abort
        return True
    if not yes:
        if not can_ask:
            raise MysfitsStreamError(
                "down asks before it removes anything; add --yes where nobody can answer"
            )
        click.confirm("Remove all this?", abort=True, err=True)
    return delete_data


def _prove(app: App, resources: Sequence[Resource]) -> None:
    """Read everything again, by name and by tag; raises ProvisionError naming what is left."""
    from mysfits_stream.provision.engine import Goal, survey

    left = [
        change.observed.arn
        for change in survey(resources, Goal.ABSENT, app.config.stack)
        if change.observed is not None
    ]
    if left:
        raise ProvisionError("stack", "down", f"still there: {', '.join(left)}. Run `down` again")
