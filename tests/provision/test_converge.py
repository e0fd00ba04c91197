"""converge() behind up, down, plan and status: order, drift, refusals, progress."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from mysfits_stream.errors import NotOwnedError, ProvisionError
from mysfits_stream.provision.engine import (
    Action,
    Goal,
    Progress,
    converge,
    dependencies,
    survey,
)
from mysfits_stream.provision.resource import Observed, Properties, Resource
from tests.support.converging import (
    STACK,
    Thing,
    World,
    awaited,
    down,
    met,
    resources,
    state,
    up,
)

pytestmark = pytest.mark.usefixtures("no_thread_stays_behind")

NEEDS = {("function", "role"), ("function", "logs"), ("stream", "function"), ("stream", "role")}


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
        world.hooks["create", name] = lambda: met(together)
    up(world, path)
    assert sorted(world.done("create")[:3]) == ["alone", "logs", "role"]


def test_settling_does_not_hold_up_who_depends(world: World, path: Path) -> None:
    """The API is deployed while the stream is still CREATING."""
    created = threading.Event()
    world.hooks["create", "stream"] = created.set
    world.hooks["settle", "function"] = lambda: awaited(created)
    world.hooks["settle", "role"] = lambda: awaited(created)
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


@dataclass(frozen=True)
class Independent(Thing):
    """Its creation does not need the first field; a change does."""

    created_without: ClassVar[tuple[str, ...]] = ("first",)


def test_a_creation_waits_for_no_resource_that_it_does_not_need(world: World, path: Path) -> None:
    created = threading.Event()
    function = Thing("function", world)
    stream = Independent("stream", world, function)
    world.hooks["create", "function"] = lambda: awaited(created)
    world.hooks["create", "stream"] = created.set
    converge([function, stream], state(path), goal=Goal.PRESENT)
    assert world.done("create") in (["function", "stream"], ["stream", "function"])
    assert dependencies(stream) == [function] and dependencies(stream, missing=True) == []


def test_a_change_and_a_deletion_keep_that_order(world: World, path: Path) -> None:
    function = Thing("function", world)
    stream = Independent("stream", world, function)
    converge([function, stream], state(path), goal=Goal.PRESENT)
    for name in ("function", "stream"):
        world.things[name] = replace(world.things[name], properties={"Size": 9})
    converge([function, stream], state(path), goal=Goal.PRESENT)
    assert world.done("update") == ["function", "stream"]
    converge([function, stream], state(path), goal=Goal.ABSENT)
    assert world.done("delete") == ["stream", "function"]


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
