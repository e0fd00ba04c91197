"""``up``, ``plan``, ``status`` and ``down``: one loop, four ways to look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from mysfits_stream.commands.app import App, global_options, pass_app
from mysfits_stream.errors import MysfitsStreamError

if TYPE_CHECKING:
    from mysfits_stream.provision.engine import Change
    from mysfits_stream.provision.stack import Report, Stack
    from mysfits_stream.provision.state import State

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
    from mysfits_stream.provision.engine import Action, Goal, converge

    if dry_run:
        return DIFFERS if adopt and adoption.run(app, yes=yes, dry_run=True) else _plan(app)
    with locked(app):
        state = open_state(app)
        if adopt:
            adoption.run(app, yes=yes, dry_run=False)
        with app.out.progress() as progress, interruptible(app):
            resources = build(app, progress.waiting)
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

    open_state(app)
    changes = survey(build(app), Goal.PRESENT, app.config.stack)
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


def build(
    app: App,
    report: Report = lambda _name, _text: None,
    *,
    needs_service: bool = True,
    **options: Any,
) -> Stack:
    """The configured stack on the target; ``options`` go to ``provision.stack.build``.

    Raises ConfigError if no Mysfits service is known and ``needs_service``.
    """
    from mysfits_stream.provision import stack
    from mysfits_stream.target import mysfits_api

    target = app.target
    service = mysfits_api(target) if needs_service else target.mysfits_api or ""
    return stack.build(
        app.config,
        target.account,
        target.clients,
        mysfits_api=service,
        **options,
        answers=target.answers,
        pace=target.pace,
        report=report,
    )


def open_state(app: App) -> State:
    """The state file of this target; raises StateError if it is damaged or another stack's."""
    from mysfits_stream.provision.state import State

    target = app.target
    return State(
        app.directory / f"state-{target.name}.json",
        stack=app.config.stack,
        account=target.account.id,
        region=target.account.region,
    )


@contextmanager
def locked(app: App) -> Iterator[None]:
    """Let no two runs in one directory change the stack at once; a crash leaves nothing to clean up."""
    from filelock import FileLock, Timeout

    from mysfits_stream.errors import StateError
    from mysfits_stream.files import state_errors

    path = app.directory / "lock"
    with state_errors(app.directory):
        app.directory.mkdir(parents=True, exist_ok=True)
        try:
            held = FileLock(path).acquire(timeout=0)
        except Timeout:
            raise StateError(
                f"{path}: another mysfits-stream is changing this stack; wait for it to end"
            ) from None
    with held:
        yield


@contextmanager
def interruptible(app: App) -> Iterator[None]:
    """On Ctrl-C end every wait, in whatever thread it is, and say how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        app.target.interrupt.set()
        app.out.note("What was done is recorded in the state file; the same command resumes.")
        raise


@contextmanager
def prefix_errors(done: str) -> Iterator[None]:
    """Let an error say first what is done all the same."""
    try:
        yield
    except MysfitsStreamError as error:
        raise MysfitsStreamError(f"{done}: {error}") from error


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

    state = open_state(app)
    changes = converge(build(app), state, goal=Goal.PRESENT, dry_run=True)
    app.out.changes(document(app, changes, endpoint_of(app, changes)), planned=True)
    if all(change.action is Action.NONE for change in changes):
        app.out.line("Nothing to do: every resource is as configured.")
        return 0
    return DIFFERS
