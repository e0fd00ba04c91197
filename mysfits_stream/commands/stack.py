"""The stack: ``up``, ``plan``, ``status``, ``rollback``, ``down`` and ``operator-policy``."""

from __future__ import annotations

from functools import partial
from importlib import import_module

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import App, global_options, pass_app
from mysfits_stream.commands.help import command

DIFFERS = 2
"""Exit code where something differs from the configuration."""


@command(
    section="Stack",
    examples=(
        "mysfits-stream up",
        "mysfits-stream up --target aws --region eu-west-1",
        "mysfits-stream up --adopt",
    ),
)
@click.option("--dry-run", is_flag=True, help="Show the changes without making them.")
@click.option(
    "--adopt",
    is_flag=True,
    help="Adopt existing untagged resources that have this stack's names, after confirmation.",
)
@click.option("--yes", "-y", is_flag=True, help="With --adopt: skip the confirmation.")
@click.option("--open", "open_page", is_flag=True, help="Open the local cloud's page in a browser.")
@global_options
@pass_app
def up(app: App, dry_run: bool, adopt: bool, yes: bool, open_page: bool) -> int:
    """Create the stack, or update the stack to its configuration."""
    app.beside = partial(import_module, "mysfits_stream.operations.up")
    project = app.project  # first, because a local cloud loads while the command imports

    from mysfits_stream.operations import up

    if open_page and not project.target.page:
        raise click.UsageError("--open shows the local cloud's page; publish-site puts the page on AWS")
    if adopt:
        from mysfits_stream.operations import adopt as adoption

        found = adoption.adoptable(project)
        if found.items:
            app.out.adoption(found, as_result=dry_run)
            if dry_run:
                return DIFFERS
            questions.ask_to_adopt(app, found.tag, yes=yes)
            adoption.adopt(project, found)
    if dry_run:
        from mysfits_stream.operations import plan

        planned = plan.plan(project)
        app.out.plan(planned)
        return 0 if planned.changes.unchanged else DIFFERS
    with app.out.progress() as progress:
        done = up.up(project, progress)
    app.out.up(done, example_click=lambda: up.example_click(project))
    if open_page and done.page:
        import webbrowser

        up.open_page(done.page, opened=webbrowser.open)
    return 0


@command(
    section="Stack",
    examples=("mysfits-stream plan --target aws", "mysfits-stream plan --clicks 1M/month"),
)
@click.option(
    "--clicks", metavar="VOLUME", help="Estimate the monthly cost of this volume, for example 1M/month."
)
@global_options
@pass_app
def plan(app: App, clicks: str | None) -> int:
    """Show the changes that `up` would make.

    Exit code 2 if there is a change.
    """
    app.beside = partial(import_module, "mysfits_stream.operations.plan")
    project = app.project

    from mysfits_stream.operations import plan

    planned = plan.plan(project, clicks)
    app.out.plan(planned)
    return 0 if planned.changes.unchanged else DIFFERS


@command(
    section="Stack",
    examples=("mysfits-stream status", "mysfits-stream status --target aws --json"),
)
@global_options
@pass_app
def status(app: App) -> int:
    """Compare every resource with the configuration.

    Exit code 2 if a resource differs, is missing or is not this stack's.
    """
    if app.has_no_local_cloud:
        from mysfits_stream.operations import status

        app.out.note("No local cloud runs here; mysfits-stream up starts one.")
        found = status.status_without_local_cloud(app.absent_project)
    else:
        app.beside = partial(import_module, "mysfits_stream.operations.status")
        project = app.project

        from mysfits_stream.operations import status

        found = status.status(project)
    app.out.status(found)
    return 0 if found.in_sync else DIFFERS


@command(
    section="Stack",
    examples=(
        "mysfits-stream down --dry-run",
        "mysfits-stream down --keep-data",
        "mysfits-stream down --yes --delete-data",
    ),
)
@click.option("--dry-run", is_flag=True, help="Show the resources without deleting them.")
@click.option(
    "--yes", "-y", is_flag=True, help="Skip the confirmation. Clicks are deleted only with --delete-data."
)
@click.option("--delete-data", is_flag=True, help="Delete the clicks bucket with all clicks.")
@click.option("--keep-data", is_flag=True, help="Keep the clicks bucket with all clicks for a later `up`.")
@click.option(
    "--delete-repository",
    is_flag=True,
    help="Delete the CodeCommit repository code_repository with all commits, too.",
)
@global_options
@pass_app
def down(
    app: App, dry_run: bool, yes: bool, delete_data: bool, keep_data: bool, delete_repository: bool
) -> int:
    """Delete the stack, and verify that no resource is left."""
    from mysfits_stream.operations import down

    if delete_data and keep_data:
        raise click.UsageError("--delete-data and --keep-data contradict each other; give one of them")
    # Counting lists the whole bucket, as emptying does: only if the count is printed.
    count = dry_run or not (yes and delete_data)
    removal = down.plan_removal(
        app.project, keep_data=keep_data, delete_repository=delete_repository, count=count
    )
    app.out.removal(removal, as_result=dry_run)
    if dry_run:
        return 0
    delete_data = questions.ask_to_remove(app, removal, yes=yes, delete_data=delete_data)
    with app.out.progress() as progress:
        removed = down.down(app.project, removal, progress, delete_data=delete_data)
    app.out.removed(removed)
    return 0


@command(
    "operator-policy",
    section="Project",
    examples=(
        "mysfits-stream operator-policy --target aws > policy.json",
        "mysfits-stream operator-policy --target aws --for erase > policy.json",
        "mysfits-stream operator-policy --target aws --trust github:example/shop > trust.json",
    ),
)
@click.option(
    "--for",
    "purposes",
    metavar="COMMAND",
    multiple=True,
    help="Allow a command that needs permissions of its own, too: erase.",
)
@click.option(
    "--trust",
    metavar="github:OWNER/REPO",
    help="Print the trust policy of a role for this repository's GitHub Actions instead.",
)
@global_options
@pass_app
def operator_policy(app: App, purposes: tuple[str, ...], trust: str | None) -> int:
    """Print the IAM policy that the user of this tool needs."""
    from mysfits_stream.operations import operator_policy

    if trust and purposes:
        raise click.UsageError("--trust prints a trust policy alone: remove --for")
    if trust:
        app.out.json(operator_policy.trust_policy(app.project, trust))
        return 0
    app.out.json(operator_policy.operator_policy(app.project, purposes))
    return 0


@command(section="Stack", examples=("mysfits-stream rollback", "mysfits-stream rollback 4"))
@click.argument("version", type=click.IntRange(min=1), required=False)
@global_options
@pass_app
def rollback(app: App, version: int | None) -> int:
    """Run clicks through an earlier version of the processor.

    Without VERSION, the version before the current one. The next `up` publishes this directory's code again.
    """
    from mysfits_stream.operations import rollback

    app.out.rolled_back(rollback.rollback(app.standing_project, None if version is None else str(version)))
    return 0


COMMANDS = (up, plan, status, rollback, down, operator_policy)
