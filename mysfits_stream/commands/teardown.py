"""``down``: what goes and what is kept, asked for and proven."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App
from mysfits_stream.commands.stack import document, endpoint_of
from mysfits_stream.errors import DataProtectedError, MysfitsStreamError

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Change
    from mysfits_stream.provision.resource import Resource
    from mysfits_stream.provision.resources.emptying import Contents
    from mysfits_stream.provision.stack import Stack

CLICKS_BUCKET = "clicks-bucket"


def run(
    app: App,
    *,
    dry_run: bool,
    yes: bool,
    delete_data: bool,
    keep_data: bool,
    delete_repository: bool = False,
) -> int:
    """Remove the stack; returns the exit code."""
    from mysfits_stream.operations.project import prefix_errors
    from mysfits_stream.provision.engine import Goal, converge
    from mysfits_stream.provision.verify_deleted import verify_deleted

    if delete_data and keep_data:
        raise MysfitsStreamError("--delete-data and --keep-data contradict each other; give one of them")
    repository = app.config.code_repository if delete_repository else None
    if delete_repository and not repository:
        raise MysfitsStreamError("--delete-repository deletes code_repository, and that is not configured")
    with app.project.locked():
        state = app.project.open_state()
        resources = _without_bucket(app.project.build(needs_service=False), keep_data)
        plan = converge(resources, state, goal=Goal.ABSENT, dry_run=True)
        # Counting lists the whole bucket, as emptying does once more: only for somebody who reads the number.
        unasked = yes and delete_data and not dry_run
        contents = None if unasked else _contents(app, plan)
        app.out.removal(document(app, plan, endpoint_of(app, plan)), contents, as_result=dry_run)
        if not keep_data and any(change.observed for change in plan):
            app.out.note(
                "Clicks that are still on their way to the bucket are lost; --keep-data waits for them."
            )
        if repository:
            app.out.note(f"The repository {repository} goes with all its commits.")
        if dry_run:
            return 0
        if any(change.observed for change in plan):
            delete_data = _allowed_to_delete(app, contents, yes=yes, delete_data=delete_data)
        with app.out.progress() as progress, app.project.interruptible():
            resources = _without_bucket(
                app.project.build(
                    progress.waiting,
                    needs_service=False,
                    delete_data=delete_data,
                    drain=keep_data,
                    expected_versions=contents.versions if contents else 0,
                ),
                keep_data,
            )
            changes = converge(resources, state, goal=Goal.ABSENT, notify=progress.notify)
            verify_deleted(
                app.project.build(needs_service=False),
                app.config.stack,
                app.target.client("resourcegroupstaggingapi"),
                app.target.client("apigateway"),
                replace(app.target.pace, report=partial(progress.waiting, "stack")),
                kept=[CLICKS_BUCKET] if keep_data else [],
                whole=all(change.observed for change in changes),
            )
    if repository:
        from mysfits_stream import codecommit

        with prefix_errors(f"the stack is gone, but repository {repository} is not"):
            codecommit.remove(app.target.client("codecommit"), repository, stack=app.config.stack)
    app.out.removed(document(app, changes, None, now="missing"), kept=keep_data)
    if app.target.name == "local" and not keep_data:
        from mysfits_stream.localcloud import daemon

        daemon.stop(app.directory)
    return 0


def _without_bucket(stack: Stack, keep_data: bool) -> list[Resource]:
    return [resource for resource in stack if not (keep_data and resource is stack.clicks_bucket)]


def _contents(app: App, plan: Sequence[Change]) -> Contents | None:
    """What the bucket that is to go holds; None if none is to go."""
    from mysfits_stream.provision.engine import translated
    from mysfits_stream.provision.resources.emptying import contents

    for change in plan:
        if change.resource.name == CLICKS_BUCKET and change.observed:
            with translated(CLICKS_BUCKET, "count the clicks"):
                return contents(app.target.clients.s3, change.observed.id)
    return None


def _allowed_to_delete(app: App, contents: Contents | None, *, yes: bool, delete_data: bool) -> bool:
    """Whether the clicks may go, too; raises if nobody said so, or if the whole removal was declined."""
    from mysfits_stream.output.console import many

    data = contents if contents and contents.versions else None
    can_ask = sys.stdin.isatty() and not app.out.as_json
    if data and not delete_data:
        if not can_ask or yes:
            raise DataProtectedError(
                CLICKS_BUCKET,
                "delete",
                f"it holds {many(data.objects, 'object')} in {many(data.versions, 'version')}, and --yes "
                "does not delete clicks. Add --delete-data to delete them or --keep-data to keep the bucket",
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
