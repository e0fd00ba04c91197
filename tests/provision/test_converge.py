"""converge() is the one loop behind up, down, plan and status: order, refusals, failures, resuming."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.errors import NotOwnedError, ProvisionError, WaitTimeoutError
from mysfits_stream.provision.engine import (
    Action,
    Change,
    Goal,
    Progress,
    converge,
    dependencies,
    survey,
)
from mysfits_stream.provision.resource import Diff, Observed, Placement, Properties, Resource, Template
from mysfits_stream.provision.state import State
from tests.support.scripted import ACCOUNT, Time

STACK = "clicks"
PLACEMENT = Placement(STACK, ACCOUNT, cast("Any", None), Time().pace)


class Killed(BaseException):
    """The process died here."""


@dataclass
class World:
    """What exists, and everything that was done to it."""

    things: dict[str, Observed] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    hooks: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    """(verb, name) -> what happens before the verb does its work."""
    late_hooks: dict[tuple[str, str], Callable[[], None]] = field(default_factory=dict)
    """The same, after it."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, verb: str, name: str) -> None:
        with self.lock:
            self.calls.append((verb, name))
        if hook := self.hooks.get((verb, name)):
            hook()

    def late(self, verb: str, name: str) -> None:
        if hook := self.late_hooks.get((verb, name)):
            hook()

    def done(self, *verbs: str) -> list[str]:
        """The names to which these verbs were applied, in order."""
        return [name for verb, name in self.calls if verb in verbs]

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [(verb, name) for verb, name in self.calls if verb in ("create", "update", "delete")]


@dataclass(frozen=True)
class Thing:
    """A resource of the world above; it needs those that it holds, as real ones do."""

    name: str
    world: World
    first: Thing | None = None
    second: Thing | None = None
    after: tuple[Resource, ...] = ()
    size: int = 1
    type: ClassVar[str] = "Test::Thing"

    @property
    def placement(self) -> Placement:
        return PLACEMENT

    @property
    def desired(self) -> Properties:
        return {"Size": self.size}

    def template(self) -> Template:
        return {}

    def read(self) -> Observed | None:
        self.world.call("read", self.name)
        return self.world.things.get(self.name)

    def create(self) -> None:
        self.world.call("create", self.name)
        self.world.things.setdefault(self.name, self.seen())
        self.world.late("create", self.name)

    def update(self, diff: Diff) -> None:
        self.world.call("update", self.name)
        self.world.things[self.name] = self.seen()
        self.world.late("update", self.name)

    def tag(self, arn: str) -> None:
        raise AssertionError("converge tags nothing")

    def delete(self) -> None:
        self.world.call("delete", self.name)
        self.world.things.pop(self.name, None)
        self.world.late("delete", self.name)

    def settle(self) -> None:
        self.world.call("settle", self.name)

    def seen(self, owner: str | None = STACK, **changed: Any) -> Observed:
        return Observed(f"id-{self.name}", f"arn:{self.name}", {"Size": self.size}, owner, **changed)


def resources(world: World) -> list[Thing]:
    """A graph as the stack's: two roots, what needs both, what needs that, and one alone."""
    role = Thing("role", world)
    logs = Thing("logs", world)
    function = Thing("function", world, role, logs)
    stream = Thing("stream", world, function)
    alone = Thing("alone", world)
    return [logs, role, function, stream, alone]


NEEDS = {("function", "role"), ("function", "logs"), ("stream", "function"), ("stream", "role")}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.json"


def state(path: Path) -> State:
    return State(path, stack=STACK, account="123456789012", region="eu-west-1")


def up(world: World, path: Path, **options: Any) -> list[Change]:
    return converge(resources(world), state(path), goal=Goal.PRESENT, **options)


def down(world: World, path: Path, **options: Any) -> list[Change]:
    return converge(resources(world), state(path), goal=Goal.ABSENT, **options)


def test_who_holds_another_resource_comes_after_it(world: World, path: Path) -> None:
    changes = up(world, path)
    order = world.done("create")
    assert sorted(order) == ["alone", "function", "logs", "role", "stream"]
    assert all(order.index(needed) < order.index(who) for who, needed in NEEDS)
    # What is returned has the order of what was given.
    assert [change.resource.name for change in changes] == ["logs", "role", "function", "stream", "alone"]
    assert {change.action for change in changes} == {Action.CREATE}
    assert all(change.observed is not None for change in changes)


def test_who_holds_another_resource_goes_before_it(world: World, path: Path) -> None:
    up(world, path)
    changes = down(world, path)
    order = world.done("delete")
    assert all(order.index(who) < order.index(needed) for who, needed in NEEDS)
    assert {change.action for change in changes} == {Action.DELETE}
    assert (world.things, path.exists()) == ({}, False)


def test_order_is_kept_through_a_resource_that_has_nothing_to_do(world: World, path: Path) -> None:
    """stream needs role by way of function, which exists already."""
    up(world, path)
    del world.things["role"], world.things["stream"]
    world.calls.clear()
    up(world, path)
    assert world.done("create") == ["role", "stream"]


def test_what_is_independent_runs_at_once(world: World, path: Path) -> None:
    together = threading.Barrier(3)
    for name in ("role", "logs", "alone"):
        world.hooks["create", name] = lambda: _met(together)
    up(world, path)
    assert sorted(world.done("create")[:3]) == ["alone", "logs", "role"]


def test_settling_does_not_hold_up_who_depends(world: World, path: Path) -> None:
    """The API is deployed while the stream is still CREATING."""
    created = threading.Event()
    world.hooks["create", "stream"] = created.set
    world.hooks["settle", "function"] = lambda: _awaited(created)
    world.hooks["settle", "role"] = lambda: _awaited(created)
    up(world, path)
    assert sorted(world.done("settle")) == ["alone", "function", "logs", "role", "stream"]


def test_a_second_run_writes_nothing_and_waits_for_nothing(world: World, path: Path) -> None:
    up(world, path)
    world.calls.clear()
    before = path.read_bytes()
    changes = up(world, path)
    assert {change.action for change in changes} == {Action.NONE}
    assert {verb for verb, _ in world.calls} == {"read"}
    assert path.read_bytes() == before


def test_drift_is_healed_and_only_that(world: World, path: Path) -> None:
    up(world, path)
    stream = resources(world)[3]
    world.things["stream"] = Observed("id-stream", "arn:stream", {"Size": 9}, STACK)
    world.calls.clear()
    changes = up(world, path)
    assert world.writes == [("update", "stream")]
    assert changes[3].diff == {"Size": (9, 1)}
    assert world.things["stream"] == stream.seen()


@pytest.mark.parametrize("goal", Goal, ids=lambda goal: goal.value)
@pytest.mark.parametrize("made", [True, False], ids=["of what exists", "of nothing"])
def test_a_dry_run(world: World, path: Path, goal: Goal, made: bool) -> None:
    """It decides the same, and changes neither the world nor the state file."""
    if made:
        up(world, path)
        world.things["stream"] = Observed("id-stream", "arn:stream", {"Size": 9}, STACK)
    world.calls.clear()
    before = path.read_bytes() if made else None
    plan = converge(resources(world), state(path), goal=goal, dry_run=True)
    assert {verb for verb, _ in world.calls} == {"read"}
    assert (path.read_bytes() if path.exists() else None) == before
    done = converge(resources(world), state(path), goal=goal)
    assert [(c.resource.name, c.action, c.diff) for c in plan] == [
        (c.resource.name, c.action, c.diff) for c in done
    ]


@pytest.mark.parametrize("goal", Goal, ids=lambda goal: goal.value)
def test_nothing_is_touched_if_anything_is_not_ours(world: World, path: Path, goal: Goal) -> None:
    if goal is Goal.ABSENT:
        up(world, path)
    world.things["stream"] = Observed("id-stream", "arn:stream", {}, "another")
    world.calls.clear()
    with pytest.raises(NotOwnedError, match="arn:stream exists and belongs to stack another"):
        converge(resources(world), state(path), goal=goal)
    assert world.writes == []


def test_a_survey_reports_what_is_not_ours_and_goes_on(world: World) -> None:
    things = resources(world)
    world.things |= {"role": things[1].seen("another"), "logs": things[0].seen()}
    found = survey(things, Goal.PRESENT, STACK)
    assert [change.status for change in found] == ["in-sync", "not-ours", "missing", "missing", "missing"]
    assert found[1].action is Action.NONE and found[1].refusal is not None


def test_what_somebody_else_made_meanwhile_is_not_recorded_as_ours(world: World, path: Path) -> None:
    alone = resources(world)[4]
    world.hooks["create", "alone"] = lambda: world.things.update(alone=alone.seen("another"))
    with pytest.raises(NotOwnedError, match="belongs to stack another"):
        up(world, path)
    assert "alone" not in state(path).resources


def test_what_became_as_desired_meanwhile_is_left_alone(world: World, path: Path) -> None:
    """Each resource is read again right before it is changed: another run may have been faster."""
    things = resources(world)
    world.hooks["create", "role"] = lambda: world.things.update(function=things[2].seen())
    changes = up(world, path)
    assert "function" not in world.done("create")
    assert changes[2].action is Action.NONE
    assert "function" in state(path).resources


def failing(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def refused(operation: str, message: str = "no", code: str = "Refused") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_what_depends_on_a_failure_is_left_alone_and_the_rest_is_finished(world: World, path: Path) -> None:
    started, failed = threading.Event(), threading.Event()

    def fail() -> None:
        _awaited(started)
        raise refused("CreateFunction")

    def linger() -> None:
        started.set()
        _awaited(failed)

    world.hooks["create", "role"] = fail
    world.hooks["create", "alone"] = linger
    notes: list[Progress] = []

    def notify(progress: Progress) -> None:
        notes.append(progress)
        if progress.phase == "failed":
            failed.set()

    with pytest.raises(ProvisionError) as raised:
        up(world, path, notify=notify)
    assert str(raised.value) == "role: CreateFunction: Refused: no"
    assert isinstance(raised.value.__cause__, ClientError)
    assert not {"function", "stream"} & set(world.done("create"))
    # What ran was finished, and the state file knows of it.
    assert {"alone", "logs"} >= state(path).resources.keys() >= {"alone"}
    assert Progress("role", Action.CREATE, "failed") in notes


def test_other_errors_are_noted_on_the_first(world: World, path: Path) -> None:
    together = threading.Barrier(2)

    def fail(operation: str) -> None:
        _met(together)
        raise refused(operation)

    world.hooks["create", "role"] = lambda: fail("CreateRole")
    world.hooks["create", "alone"] = lambda: fail("CreateAlone")
    with pytest.raises(ProvisionError) as raised:
        up(world, path)
    texts = {str(raised.value), *raised.value.__notes__}
    assert texts == {"role: CreateRole: Refused: no", "alone: CreateAlone: Refused: no"}


def test_an_error_while_settling_comes_out_and_the_rest_settles(world: World, path: Path) -> None:
    world.hooks["settle", "stream"] = failing(Expired("still waiting for stream to be ACTIVE"))
    with pytest.raises(WaitTimeoutError, match="stream: settle: still waiting"):
        up(world, path)
    assert state(path).resources.keys() == {"alone", "function", "logs", "role", "stream"}


SIGN_IN = "Your credentials cannot be renewed: sign in again, then run the same command to resume"
CONFIGURE = (
    "No usable credentials: sign in again, or configure a profile (`aws configure sso` or `aws configure`; "
    "choose with --profile), then run the same command to resume"
)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        pytest.param(
            Expired("still waiting for IAM after 120 s"),
            WaitTimeoutError,
            "alone: create: still waiting for IAM after 120 s",
            id="a wait",
        ),
        pytest.param(
            refused("CreateAlone"), ProvisionError, "alone: CreateAlone: Refused: no", id="a refusal"
        ),
        pytest.param(
            refused("CreateAlone", "User: me is not authorized to perform: a:B", "AccessDeniedException"),
            ProvisionError,
            "alone: CreateAlone: AccessDeniedException: User: me is not authorized to perform: a:B. Your IAM "
            "user or role is missing this permission; `mysfits-stream operator-policy` prints the required "
            "policy",
            id="the operator's denial, which names the action",
        ),
        pytest.param(
            refused("CreateAlone", "The security token has expired.", "ExpiredToken"),
            ProvisionError,
            "alone: CreateAlone: ExpiredToken: The security token has expired. "
            "Your credentials have expired: sign in again, then run the same command to resume",
            id="expired credentials",
        ),
        pytest.param(
            refused("HeadBucket", "Bad Request", "400"),
            ProvisionError,
            "alone: HeadBucket: 400: Bad Request. "
            "Your credentials have expired: sign in again, then run the same command to resume",
            id="expired credentials, as HEAD says it",
        ),
        pytest.param(
            refused("HeadBucket", "Forbidden", "403"),
            ProvisionError,
            "alone: HeadBucket: 403: Forbidden. It belongs to another account, or your IAM user or role is "
            "missing s3:ListBucket; `mysfits-stream operator-policy` prints the required "
            "policy",
            id="the operator's denial, as HEAD says it",
        ),
        *(
            pytest.param(error, ProvisionError, f"alone: create: {error}. {SIGN_IN}", id=type(error).__name__)
            for error in (
                TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
                SSOTokenLoadError(error_msg="it is not there"),
            )
        ),
        *(
            pytest.param(
                error, ProvisionError, f"alone: create: {text}. {CONFIGURE}", id=type(error).__name__
            )
            for error, text in (
                (
                    CredentialRetrievalError(provider="custom-process", error_msg="no"),
                    "Error when retrieving credentials from custom-process: no",
                ),
                (NoCredentialsError(), "Unable to locate credentials"),
            )
        ),
        pytest.param(
            ClientError({"Error": {}}, "CreateAlone"),
            ProvisionError,
            "alone: CreateAlone: Unknown: no message",
            id="an error without a text",
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://x"),
            ProvisionError,
            'alone: create: Could not connect to the endpoint URL: "https://x". '
            "Check the region's name, your connection and proxies, and AWS_ENDPOINT_URL",
            id="no connection",
        ),
        pytest.param(
            ResponseParserError("Unable to parse response (syntax error): invalid XML\n<html>"),
            ProvisionError,
            "alone: create: unexpected response (not from AWS). Check AWS_ENDPOINT_URL and proxies",
            id="a page of somebody else's",
        ),
    ],
)
def test_foreign_errors_become_ours(
    world: World, path: Path, error: Exception, kind: type, text: str
) -> None:
    world.hooks["create", "alone"] = failing(error)
    with pytest.raises(ProvisionError) as raised:
        up(world, path)
    assert (type(raised.value), str(raised.value), raised.value.__cause__) == (kind, text, error)


def test_an_error_of_ours_comes_out_as_it_is(world: World, path: Path) -> None:
    world.hooks["create", "alone"] = failing(KeyError("a bug"))
    with pytest.raises(KeyError, match="a bug"):
        up(world, path)


NAMES = ("logs", "role", "function", "stream", "alone")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("moment", ["hooks", "late_hooks"], ids=["before", "after"])
@pytest.mark.parametrize("goal", Goal, ids=lambda goal: goal.value)
def test_a_run_that_dies(world: World, path: Path, goal: Goal, moment: str, name: str) -> None:
    """Killed before or after the change of any one resource: the next `up` finishes, and so does `down`."""
    if goal is Goal.ABSENT:
        up(world, path)
    verb = "create" if goal is Goal.PRESENT else "delete"
    getattr(world, moment)[verb, name] = failing(Killed())
    with pytest.raises(Killed):
        converge(resources(world), state(path), goal=goal)
    end_threads()
    world.hooks.clear()
    world.late_hooks.clear()

    up(world, path)
    assert world.things == {thing.name: thing.seen() for thing in resources(world)}
    assert state(path).resources.keys() == set(NAMES)

    down(world, path)
    assert (world.things, path.exists()) == ({}, False)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_died_is_removed_with_nothing_left(world: World, path: Path, name: str) -> None:
    world.late_hooks["create", name] = failing(Killed())
    with pytest.raises(Killed):
        up(world, path)
    end_threads()
    down(world, path)
    assert (world.things, path.exists()) == ({}, False)


def test_what_is_unsettled_is_waited_for_and_not_changed(world: World, path: Path) -> None:
    """A run that was stopped while the stream was CREATING is resumed by waiting."""
    up(world, path)
    stream = resources(world)[3]
    world.things["stream"] = stream.seen(settled=False)
    world.calls.clear()
    changes = up(world, path)
    assert (world.writes, world.done("settle")) == ([], ["stream"])
    assert changes[3].action is Action.NONE


def test_a_lost_state_file_is_written_again_from_what_exists(world: World, path: Path) -> None:
    up(world, path)
    before = path.read_bytes()
    path.unlink()
    world.calls.clear()
    up(world, path)
    assert (world.writes, path.read_bytes()) == ([], before)


def test_a_state_file_that_knows_too_much_is_mended(world: World, path: Path) -> None:
    """It is never an input: what is gone by another's hand is made again, or forgotten."""
    up(world, path)
    world.things.clear()
    down(world, path)
    assert not path.exists()


def test_progress_is_told_from_start_to_end(world: World, path: Path) -> None:
    told: list[Progress] = []
    up(world, path, notify=told.append)
    assert [(p.action, p.phase) for p in told if p.resource == "stream"] == [
        (Action.CREATE, "started"),
        (Action.CREATE, "settling"),
        (Action.CREATE, "done"),
    ]
    told.clear()
    down(world, path, notify=told.append)
    assert [(p.action, p.phase) for p in told if p.resource == "stream"] == [
        (Action.DELETE, "started"),
        (Action.DELETE, "done"),
    ]


def test_the_graph_is_in_the_fields(world: World) -> None:
    logs, role, function, stream, alone = resources(world)
    expected: list[tuple[Thing, list[Resource]]] = [
        (function, [role, logs]),
        (stream, [function]),
        (alone, []),
        (role, []),
        (logs, []),
    ]
    assert [(thing, dependencies(thing)) for thing, _ in expected] == expected


def test_a_created_resource_is_ours_before_its_tag_can_be_read(world: World, path: Path) -> None:
    """F151: a create call that succeeds proves the ownership; the run waits for the tag."""
    thing = Thing("stream", world)
    hidden = replace(thing.seen(), owner=None)
    reads = iter([hidden, hidden, thing.seen()])
    world.late_hooks["create", "stream"] = lambda: world.things.update(stream=hidden)

    def show() -> None:
        if "stream" in world.things:
            world.things["stream"] = next(reads, thing.seen())

    world.hooks["read", "stream"] = show
    [change] = converge([thing], state(path), goal=Goal.PRESENT)
    assert change.observed and change.observed.owner == STACK
    assert world.done("update") == []


def test_a_created_resource_that_waited_for_its_tag_is_completed(world: World, path: Path) -> None:
    """F6: a lost response and a late tag, so that create() wrote no settings."""
    thing = Thing("bucket", world)
    bare = replace(thing.seen(), properties={}, owner=None)
    world.late_hooks["create", "bucket"] = lambda: world.things.update(bucket=bare)
    reads = iter([bare, bare, replace(bare, owner=STACK)])

    def show() -> None:
        if world.things.get("bucket") == bare:
            world.things["bucket"] = next(reads)

    world.hooks["read", "bucket"] = show
    converge([thing], state(path), goal=Goal.PRESENT)
    assert world.done("update") == ["bucket"]


def test_a_tag_that_never_shows_ends_as_not_ours(world: World, path: Path) -> None:
    thing = Thing("stream", world)
    world.late_hooks["create", "stream"] = lambda: world.things.update(
        stream=replace(thing.seen(), owner=None)
    )
    with pytest.raises(NotOwnedError, match="up --adopt"):
        converge([thing], state(path), goal=Goal.PRESENT)
    assert world.done("update") == []


def test_what_blocks_a_resource_stops_the_run_before_any_change(world: World, path: Path) -> None:
    blocked = Thing("role", world)
    world.things["role"] = replace(blocked.seen(), properties={"Size": 2}, blocked="set iam.path")
    with pytest.raises(ProvisionError, match=r"role: update: set iam\.path"):
        converge([blocked, Thing("alone", world)], state(path), goal=Goal.PRESENT)
    assert world.writes == []
    [change] = survey([blocked], Goal.PRESENT, STACK)
    assert (change.status, change.action) == ("drifted", Action.NONE)
    converge([blocked], state(path), goal=Goal.ABSENT)
    assert world.done("delete") == ["role"]


def test_after_orders_a_resource_like_a_field(world: World, path: Path) -> None:
    stream = Thing("stream", world)
    api = Thing("api", world, after=(stream,))
    assert dependencies(api) == [stream]
    converge([api, stream], state(path), goal=Goal.PRESENT)
    assert world.done("create") == ["stream", "api"]
    converge([api, stream], state(path), goal=Goal.ABSENT)
    assert world.done("delete") == ["api", "stream"]


def test_the_graph_does_not_ask_what_is_desired(world: World, path: Path) -> None:
    """To remove a stack, nothing has to be packed or computed."""

    @dataclass(frozen=True)
    class Unknowable(Thing):
        @property
        def desired(self) -> Properties:
            raise AssertionError("asked for")

    below = Unknowable("below", world)
    above = Unknowable("above", world, below)
    world.things = {"below": below.seen(), "above": above.seen()}
    converge([below, above], state(path), goal=Goal.ABSENT)
    assert world.done("delete") == ["above", "below"]


def test_an_interruption_comes_out_at_once_with_the_state_true(world: World, path: Path) -> None:
    released = threading.Event()
    world.hooks["create", "alone"] = lambda: _awaited(released)
    world.late_hooks["create", "role"] = failing(KeyboardInterrupt())
    try:
        with pytest.raises(KeyboardInterrupt):
            up(world, path)
        assert "stream" not in world.done("create")
    finally:
        released.set()


def test_after_an_interruption_nothing_more_is_begun_or_told(world: World, path: Path) -> None:
    looking, released = threading.Event(), threading.Event()
    told: list[Progress] = []

    def look_again() -> None:
        if world.done("read").count("alone") > 1:
            looking.set()
            _awaited(released)

    def interrupted() -> None:
        _awaited(looking)
        raise KeyboardInterrupt

    world.hooks["read", "alone"] = look_again
    world.late_hooks["create", "role"] = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            converge(resources(world), state(path), goal=Goal.PRESENT, notify=told.append)
        before = list(told)
    finally:
        released.set()
    end_threads()
    assert "alone" not in world.done("create")
    assert told == before


def end_threads() -> None:
    """A process that dies takes its threads along; here they live on until their verb ends."""
    for thread in threading.enumerate():
        if thread.name.startswith("converge"):
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(autouse=True)
def _no_thread_stays_behind() -> Iterator[None]:
    yield
    end_threads()


def _awaited(event: threading.Event) -> None:
    assert event.wait(10), "nobody came"


def _met(barrier: threading.Barrier) -> None:
    barrier.wait(10)
