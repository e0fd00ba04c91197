"""``up``, ``plan``, ``status`` and ``down``: one loop, four ways to look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options, pass_app

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Change

DIFFERS = 2
API_TYPE = "AWS::ApiGateway::RestApi"
EXAMPLE_SECONDS = 3.0
"""How long the Mysfits service may take to name a mysfit for an example."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--adopt", is_flag=True, help="Take over what has the stack's names and no owner; asks first.")
@click.option("--yes", "-y", is_flag=True, help="With --adopt: do not ask.")
@global_options
@pass_app
def up(app: App, dry_run: bool, adopt: bool, yes: bool) -> int:
    """Create the stack, or bring it back to what is configured."""
    from mysfits_stream.commands import adoption, export
    from mysfits_stream.operations.project import prefix_errors
    from mysfits_stream.provision.engine import Action, Goal, converge

    if dry_run:
        return DIFFERS if adopt and adoption.run(app, yes=yes, dry_run=True) else _plan(app)
    with app.project.locked():
        state = app.project.open_state()
        if adopt:
            adoption.run(app, yes=yes, dry_run=False)
        with app.out.progress() as progress, app.project.interruptible():
            resources = app.project.build(progress.waiting)
            changes = converge(resources, state, goal=Goal.PRESENT, notify=progress.notify)
        endpoint = endpoint_of(app, changes)
        state.set_endpoint(endpoint)
    repository = app.config.code_repository
    with prefix_errors(f"the stack is up at {endpoint}, but its code is not committed"):
        published = export.publish(app, repository) if repository else None
    result = document(app, changes, endpoint, now="in-sync")
    app.out.changes(result | {"code": vars(published)} if published else result)
    if all(change.action is Action.NONE for change in changes):
        app.out.line("Nothing to do: every resource is as configured.")
    if published:
        export.say(app, published)
    if not app.out.as_json and not app.out.quiet:
        app.out.endpoint(endpoint, _some_mysfit(app))
    return 0


@click.command()
@click.option("--clicks", metavar="VOLUME", help="Say what so many clicks cost, such as 1M/month.")
@global_options
@pass_app
def plan(app: App, clicks: str | None) -> int:
    """Show what `up` would do.

    Exit code 2 if that is anything.
    """
    from mysfits_stream import cost

    volume = cost.parse_volume(clicks) if clicks else None
    code = _plan(app)
    if volume:
        app.out.cost(cost.monthly(app.config, volume))
    return code


@click.command()
@global_options
@pass_app
def status(app: App) -> int:
    """Compare every resource with the settings.

    Exit code 2 if one differs.
    """
    from mysfits_stream.provision.engine import Goal, survey

    app.project.open_state()
    changes = survey(app.project.build(), Goal.PRESENT, app.config.stack)
    app.out.status(document(app, changes, endpoint_of(app, changes)))
    return 0 if all(change.status == "in-sync" for change in changes) else DIFFERS


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask; never deletes clicks by itself.")
@click.option("--delete-data", is_flag=True, help="Delete the bucket with all its clicks.")
@click.option("--keep-data", is_flag=True, help="Leave the bucket and its clicks for a later `up`.")
@click.option("--delete-repository", is_flag=True, help="Delete code_repository with all its commits, too.")
@global_options
@pass_app
def down(
    app: App, dry_run: bool, yes: bool, delete_data: bool, keep_data: bool, delete_repository: bool
) -> int:
    """Remove the stack, and prove that nothing is left."""
    from mysfits_stream.commands import teardown

    return teardown.run(
        app,
        dry_run=dry_run,
        yes=yes,
        delete_data=delete_data,
        keep_data=keep_data,
        delete_repository=delete_repository,
    )


@click.command("operator-policy")
@global_options
@pass_app
def operator_policy(app: App) -> int:
    """Print the IAM policy that running this tool takes."""
    from mysfits_stream.provision.operator_policy import operator_policy
    from mysfits_stream.provision.stack import Names

    account = app.target.account
    app.out.json(operator_policy(Names.of(app.config, account), account, app.config.code_repository))
    return 0


COMMANDS = (up, plan, status, down, operator_policy)


def endpoint_of(app: App, changes: list[Change]) -> str | None:
    """The base URL to which ``/clicks`` is added, None while there is no API."""
    for change in changes:
        if change.resource.type == API_TYPE and change.observed:
            return app.target.endpoint(change.observed.id, app.config.api.stage)
    return None


def document(
    app: App, changes: list[Change], endpoint: str | None, *, now: str | None = None
) -> dict[str, Any]:
    """What the JSON contract says of these changes; ``now`` is the status after they were carried out."""
    account = app.target.account
    return {
        "stack": app.config.stack,
        "target": app.target.name,
        "account": account.id,
        "region": account.region,
        "endpoint": endpoint,
        "resources": [
            {
                "name": change.resource.name,
                "type": change.resource.type,
                "id": change.observed.id if change.observed else None,
                "arn": change.observed.arn if change.observed else None,
                "status": now or change.status,
                "action": change.action.value,
                "diff": {key: list(values) for key, values in change.diff.items()},
            }
            for change in changes
        ],
    }


def _some_mysfit(app: App) -> str:
    """A mysfit to click on; a placeholder if the Mysfits service cannot name one just now."""
    from mysfits_stream.clicks.sending import first_mysfit
    from mysfits_stream.errors import ClickError
    from mysfits_stream.target import mysfits_api

    try:
        return first_mysfit(mysfits_api(app.target), EXAMPLE_SECONDS)
    except ClickError as error:
        app.out.note(f"note: {error}")
        return "MYSFIT_ID"


def _plan(app: App) -> int:
    from mysfits_stream.provision.engine import Action, Goal, converge

    state = app.project.open_state()
    changes = converge(app.project.build(), state, goal=Goal.PRESENT, dry_run=True)
    app.out.changes(document(app, changes, endpoint_of(app, changes)), planned=True)
    if all(change.action is Action.NONE for change in changes):
        app.out.line("Nothing to do: every resource is as configured.")
        return 0
    return DIFFERS
