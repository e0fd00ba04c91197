"""``up``: the stack as configured, and its code committed to the repository, if configured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mysfits_stream import cost_ceiling
from mysfits_stream.cost_ceiling import Ceiling
from mysfits_stream.errors import ClickError, TargetError
from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.left_behind import work_and_note_consequences
from mysfits_stream.operations.project import Project, Reporter, prefix_errors
from mysfits_stream.operations.status import note_pending_address
from mysfits_stream.provision.engine import Change, Goal, converge
from mysfits_stream.target import mysfits_api

if TYPE_CHECKING:
    from mysfits_stream.codecommit import Published

EXAMPLE_SECONDS = 3.0
"""How long the Mysfits service may take to name a mysfit for the example."""


@dataclass(frozen=True)
class Up:
    """The stack after ``up``."""

    changes: StackChanges
    seconds: float
    """The time that the changes took."""
    code: Published | None = None
    """The commit with the stack's code, if a repository is configured."""
    ceiling: Ceiling | None = None
    """The most that a day costs."""
    page: str | None = None
    """The address of the page that the target serves itself."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables with which another AWS client uses the target."""

    def document(self) -> dict[str, Any]:
        """The stack as JSON."""
        code = {"code": self.code.document()} if self.code else {}
        ceiling = {"costCeiling": self.ceiling.document()} if self.ceiling else {}
        page = {"page": self.page} if self.page else {}
        return {**self.changes.document(), **page, **ceiling, **code}


def up(project: Project, reporter: Reporter, clock: Callable[[], float] = time.monotonic) -> Up:
    """Create the stack, or update the stack to the configuration.

    ``reporter`` receives the progress. Raises ExportError before any change if a repository is configured
    and the region has no CodeCommit.
    """
    if project.config.code_repository:
        from mysfits_stream import codecommit

        codecommit.check_region(project.target.account.region)
    with project.locked():
        state, began = project.open_state(), clock()
        with project.interruptible():
            resources = project.build(reporter.waiting)
            retired = project.retired(state, reporter.waiting)

            def change() -> list[Change]:
                changes = converge(resources, state, goal=Goal.PRESENT, notify=reporter.notify)
                if retired:
                    converge(retired, state, goal=Goal.ABSENT, notify=reporter.notify)
                return changes

            done = work_and_note_consequences(project, change)
            note_pending_address(project, resources)
        changes, seconds = StackChanges.of(project, done, status="in-sync"), clock() - began
        state.set_endpoint(changes.endpoint)
    code = None
    if repository := project.config.code_repository:
        from mysfits_stream.operations.publish_code import publish_code

        with prefix_errors(f"the stack is up at {changes.endpoint}, but its code is not committed"):
            code = publish_code(project, repository)
    target = project.target
    ceiling = cost_ceiling.of(project.config)
    return Up(changes, seconds, code, ceiling, page=target.page, environment=target.environment)


def open_page(page: str, opened: Callable[[str], bool]) -> None:
    """Show a page in the user's browser.

    ``opened`` says whether there is one. Raises TargetError if not.
    """
    if not opened(page):
        raise TargetError(f"no browser can be started here; open {page} yourself")


def example_click(project: Project) -> dict[str, Any]:
    """A click for an example, on the first item in the Mysfits service's list.

    Without an item, the key has a plausible value and a note names the reason.
    """
    from mysfits_stream.clicks import composing

    definition = project.config.definition
    values: dict[str, Any] = {}
    user = definition.field(definition.user) if definition.user else None
    if user and user.accepts("me"):
        values[user.name] = "me"
    key = definition.key
    if key and definition.enrichment and definition.enrichment.list:
        try:
            values[key] = composing.items(definition, mysfits_api(project.target), EXAMPLE_SECONDS)[0]
        except ClickError as error:
            project.note(f"note: {error}")
            field = definition.field(key)
            if field and field.accepts("MYSFIT_ID"):
                values[key] = "MYSFIT_ID"
    return composing.complete(definition, values)
