"""``decide`` is the whole policy, pure; ``converge`` is the loop that applies the policy.

``up``, ``down``, ``plan`` and ``status`` are the loop with different goals, or end after the decisions. The
graph is in the fields of the resources: a resource is created after, and deleted before, the resources in
the fields, and the resources in the field ``after``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from graphlib import TopologicalSorter
from typing import Literal

from mysfits_stream.aws import errors as aws_errors
from mysfits_stream.aws.waiting import Expired, wait_until
from mysfits_stream.errors import NotOwnedError, ProvisionError, WaitTimeoutError
from mysfits_stream.provision.resource import OWNER_TAG, Diff, Observed, Resource, difference
from mysfits_stream.provision.state import State

TAG_BUDGET = 60.0
"""Seconds for which reads may miss the tags of a new resource (F151)."""

THREADS = 32
"""More than there are resources: what is ready runs at once."""


class Goal(Enum):
    """The goal of a run."""

    PRESENT = "present"
    ABSENT = "absent"


class Action(Enum):
    """The action on a resource."""

    NONE = "none"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


Status = Literal["in-sync", "drifted", "missing", "not-ours"]
Phase = Literal["started", "settling", "done", "failed"]


@dataclass(frozen=True)
class Change:
    """The decision on a resource, with the reasons."""

    resource: Resource
    action: Action
    observed: Observed | None
    diff: Diff = field(default_factory=dict)
    refusal: ProvisionError | None = None
    """Why nothing may be done: NotOwnedError, or what blocks the way to the desired state."""

    @property
    def status(self) -> Status:
        """The status of the resource compared with its desired state."""
        if isinstance(self.refusal, NotOwnedError):
            return "not-ours"
        if self.observed is None:
            return "missing"
        return "drifted" if self.diff else "in-sync"


@dataclass(frozen=True)
class Progress:
    """An event of a resource during a run."""

    resource: str
    action: Action
    phase: Phase
    reason: str = ""
    """Why the resource failed: the error comes out at the end only, when all that runs has ended."""


Notify = Callable[[Progress], None]


def decide(resource: Resource, observed: Observed | None, goal: Goal, stack: str) -> Change:
    """The action for a resource; raises NotOwnedError for a resource of a foreign stack."""
    if observed is None:
        return Change(resource, Action.CREATE if goal is Goal.PRESENT else Action.NONE, None)
    if observed.owner != stack:
        raise NotOwnedError(resource.name, "check ownership", _refusal(observed, stack))
    if goal is Goal.ABSENT:
        return Change(resource, Action.DELETE, observed)
    diff = difference(observed.properties, resource.desired)
    refusal = ProvisionError(resource.name, "update", observed.blocked) if observed.blocked else None
    action = Action.UPDATE if diff and not refusal else Action.NONE
    return Change(resource, action, observed, diff, refusal)


def survey(resources: Iterable[Resource], goal: Goal, stack: str) -> list[Change]:
    """Read everything at once and decide on each resource.

    A refusal is in the change, not raised.
    """

    def look(resource: Resource) -> Change:
        with translated(resource.name, "read"):
            observed = resource.read()
        try:
            return decide(resource, observed, goal, stack)
        except NotOwnedError as refusal:
            return Change(resource, Action.NONE, observed, refusal=refusal)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(look, resources))


def converge(
    resources: Iterable[Resource],
    state: State,
    *,
    goal: Goal,
    dry_run: bool = False,
    notify: Notify = lambda _: None,
) -> list[Change]:
    """Bring every resource to the goal.

    Return the changes in order (with ``dry_run``: the plan). Nothing is changed if a resource is not the
    stack's, or is blocked. Each resource is read again right before the change, and the state file is true
    after each. When a resource fails, its dependents are left alone, running changes are finished, and the
    first error is raised with the others as notes.
    """
    plan = survey(resources, goal, state.stack)
    for change in plan:
        if change.refusal:
            raise change.refusal
    if dry_run:
        return plan
    done = {change.resource.name: change for change in plan}
    pending = [
        change.resource for change in plan if change.action is not Action.NONE or not _at_rest(change, goal)
    ]
    for change in plan:
        if change.resource not in pending:
            _record(state, change.resource, change.observed)
    missing = {change.resource.name for change in plan if change.observed is None}
    done |= _Run(state, goal, notify).carry_out(pending, missing)
    return [done[change.resource.name] for change in plan]


def dependencies(resource: Resource, *, missing: bool = False) -> list[Resource]:
    """The resources in the fields of ``resource``, and in its field ``after``.

    With ``missing``, without those that need not exist before ``resource`` is created.
    """
    if not is_dataclass(resource):
        return []
    later: tuple[str, ...] = getattr(resource, "created_without", ()) if missing else ()
    values = [getattr(resource, f.name) for f in fields(resource) if f.name not in later]
    # The type has the verb: `desired` itself may take work, or fail, and no deletion needs it.
    held = [value for value in values if hasattr(type(value), "settle")]
    return [*held, *getattr(resource, "after", ())]


class _Run:
    """One walk over the graph: every ready resource runs, in a thread of its own."""

    def __init__(self, state: State, goal: Goal, notify: Notify) -> None:
        self._state = state
        self._goal = goal
        self._notify = notify
        self._abandoned = False

    def carry_out(self, pending: Sequence[Resource], missing: Collection[str]) -> Mapping[str, Change]:
        by_name = {resource.name: resource for resource in pending}
        sorter = TopologicalSorter(_graph(pending, self._goal, missing))
        sorter.prepare()
        done: dict[str, Change] = {}
        errors: list[Exception] = []
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="converge")
        running: dict[Future[Change], str] = {}
        settling: set[Future[Change]] = set()
        try:
            while True:
                for name in sorter.get_ready() if sorter.is_active() and not errors else ():
                    running[pool.submit(self._act, by_name[name])] = name
                if not running and not settling:
                    break
                finished, _ = wait({*running, *settling}, return_when=FIRST_COMPLETED)
                for future in finished:
                    if error := future.exception():
                        if not isinstance(error, Exception):
                            raise error
                        errors.append(error)
                    if future in settling:
                        settling.discard(future)
                        if not error:
                            settled = future.result()
                            done[settled.resource.name] = settled
                        continue
                    name = running.pop(future)
                    if not errors:
                        done[name] = future.result()
                        if self._goal is Goal.PRESENT:
                            settling.add(pool.submit(self._settle, done[name]))
                        sorter.done(name)
        finally:
            # Not joined: after Ctrl-C the threads end by themselves, at their next wait, and begin nothing.
            self._abandoned = True
            pool.shutdown(wait=False, cancel_futures=True)
        if errors:
            for other in errors[1:]:
                errors[0].add_note(str(other))
            raise errors[0]
        return done

    def _act(self, resource: Resource) -> Change:
        with translated(resource.name, "read"):
            observed = resource.read()
        change = decide(resource, observed, self._goal, self._state.stack)
        if change.action is Action.NONE:
            _record(self._state, resource, observed)
            return change
        if self._abandoned:
            raise CancelledError
        self._tell(Progress(resource.name, change.action, "started"))
        try:
            self._apply(change)
        except BaseException as error:
            self._tell_failure(change, error)
            raise
        if self._goal is Goal.ABSENT:
            self._state.forget(resource)
            self._tell(Progress(resource.name, change.action, "done"))
            return change
        with translated(resource.name, "read"):
            made = resource.read()
        if made is not None:
            if change.action is Action.CREATE and not made.owner and not made.not_ours_reason:
                made = _with_late_tag(resource)
            # A resource of another owner and the same name may exist by now.
            decide(resource, made, self._goal, self._state.stack)
        _record(self._state, resource, made)
        self._tell(Progress(resource.name, change.action, "settling"))
        return replace(change, observed=made)

    def _tell(self, progress: Progress) -> None:
        if not self._abandoned:
            self._notify(progress)

    def _tell_failure(self, change: Change, error: BaseException) -> None:
        name = change.resource.name
        self._tell(Progress(name, change.action, "failed", str(error).removeprefix(f"{name}: ")))

    def _apply(self, change: Change) -> None:
        with translated(change.resource.name, change.action.value):
            if change.action is Action.CREATE:
                change.resource.create()
            elif change.action is Action.UPDATE:
                change.resource.update(change.diff)
            else:
                change.resource.delete()

    def _settle(self, change: Change) -> Change:
        try:
            with translated(change.resource.name, "settle"):
                change.resource.settle()
        except BaseException as error:
            self._tell_failure(change, error)
            raise
        if change.observed is None:
            # A read right after creation may have missed it (F12).
            with translated(change.resource.name, "read"):
                change = replace(change, observed=change.resource.read())
            _record(self._state, change.resource, change.observed)
        self._tell(Progress(change.resource.name, change.action, "done"))
        return change


def _with_late_tag(resource: Resource) -> Observed | None:
    """The new resource once its owner tag can be read, and completed.

    As read last if no tag shows (F151).
    """
    made: Observed | None = None

    def tagged() -> bool:
        nonlocal made
        made = resource.read()
        return made is not None and made.owner is not None

    with translated(resource.name, "create"):
        try:
            wait_until(
                tagged,
                resource.placement.pace,
                waiting_for="AWS to return the owner tag",
                budget=TAG_BUDGET,
                advice="run the same command again",
            )
        except Expired:
            return made
        # A lost response hides that the create call succeeded: settings waited for the owner tag.
        if (
            made
            and made.owner == resource.placement.owner
            and (diff := difference(made.properties, resource.desired))
        ):
            resource.update(diff)
            made = resource.read()
    return made


def _at_rest(change: Change, goal: Goal) -> bool:
    return change.observed is None or goal is Goal.ABSENT or change.observed.settled


def _record(state: State, resource: Resource, observed: Observed | None) -> None:
    if observed is None:
        state.forget(resource)
    else:
        state.record(resource, observed)


def _graph(pending: Sequence[Resource], goal: Goal, missing: Collection[str]) -> dict[str, set[str]]:
    """Name -> the names that come before, among the resources with pending work.

    ``missing`` are the names of the resources to create.
    """
    names = {resource.name for resource in pending}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for resource in pending:
        for needed in _transitive(resource, missing=goal is Goal.PRESENT and resource.name in missing):
            if needed.name in names:
                first, second = (needed, resource) if goal is Goal.PRESENT else (resource, needed)
                graph[second.name].add(first.name)
    return graph


def _transitive(resource: Resource, *, missing: bool = False) -> Iterator[Resource]:
    for needed in dependencies(resource, missing=missing):
        yield needed
        yield from _transitive(needed)


def _refusal(observed: Observed, stack: str) -> str:
    if observed.not_ours_reason:
        return (
            f"{observed.arn} exists and {observed.not_ours_reason}, so it is left alone. "
            "Choose another name for it, or for the stack"
        )
    holder = f"belongs to stack {observed.owner}" if observed.owner else f"does not carry the tag {OWNER_TAG}"
    adopt = "" if observed.owner else "run `mysfits-stream up --adopt`, or "
    return (
        f"{observed.arn} exists and {holder}, so it is left alone. If it is not yours, choose another stack "
        f"name; if it is, {adopt}tag it {OWNER_TAG}={stack} and run again"
    )


@contextmanager
def translated(resource: str, verb: str) -> Iterator[None]:
    """Raise errors of AWS, and waits that expired, as ProvisionError.

    ``resource`` is the logical name.
    """

    def become(operation: str, reason: str) -> ProvisionError:
        return ProvisionError(resource, operation, reason)

    try:
        with aws_errors.translated(become, verb):
            yield
    except Expired as error:
        raise WaitTimeoutError(resource, verb, str(error)) from error
