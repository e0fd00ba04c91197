"""``up``, ``plan``, ``status`` and ``down``: one loop, four ways to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App, global_options, pass_app

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Change
    from mysfits_stream.provision.resource import Resource
    from mysfits_stream.provision.stack import Report
    from mysfits_stream.provision.state import State

DIFFERS = 2


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@global_options
@pass_app
def up(app: App, dry_run: bool) -> int:
    """Create the stack, or bring it back to what is configured."""
    if dry_run:
        return _plan(app)
    from mysfits_stream.provision.engine import Action, Goal, converge

    state = _state(app)
    with _lock(app), app.out.progress() as progress:
        resources = _resources(app, progress.waiting)
        with _stopping(app):
            changes = converge(resources, state, goal=Goal.PRESENT, notify=progress.notify)
    endpoint = _endpoint(app, changes)
    state.set_endpoint(endpoint)
    app.out.changes(_document(app, changes, endpoint), done=True)
    if all(change.action is Action.NONE for change in changes):
        app.out.line("Nothing to do: every resource is as configured.")
    app.out.endpoint(endpoint)
    return 0


@click.command()
@global_options
@pass_app
def plan(app: App) -> int:
    """Show what `up` would do; exit code 2 if that is anything."""
    return _plan(app)


@click.command()
@global_options
@pass_app
def status(app: App) -> int:
    """Compare every resource with the configuration; exit code 2 if one differs."""
    from mysfits_stream.provision.engine import Goal, survey

    _state(app)
    changes = survey(_resources(app), Goal.PRESENT, app.config.stack)
    endpoint = _endpoint(app, changes)
    app.out.status(_document(app, changes, endpoint))
    return 0 if all(change.status == "in-sync" for change in changes) else DIFFERS


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask; never deletes clicks by itself.")
@click.option("--delete-data", is_flag=True, help="Delete the bucket with all its clicks.")
@click.option("--keep-data", is_flag=True, help="Leave the bucket and its clicks for a later `up`.")
@global_options
@pass_app
def down(app: App, dry_run: bool, yes: bool, delete_data: bool, keep_data: bool) -> int:
    """Remove the stack, and prove that nothing is left."""
    from mysfits_stream.commands import teardown

    return teardown.run(app, dry_run=dry_run, yes=yes, delete_data=delete_data, keep_data=keep_data)
