"""Resources in memory, and the runs of converge() over them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from mysfits_stream.provision.engine import (
    Change,
    Goal,
    converge,
)
from mysfits_stream.provision.resource import Diff, Observed, Placement, Properties, Resource, Template
from mysfits_stream.provision.state import State
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT

STACK = "clicks"
PLACEMENT = Placement(STACK, ACCOUNT, cast("Any", None), Time().pace)


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


def state(path: Path) -> State:
    return State(path, stack=STACK, account="123456789012", region="eu-west-1")


def up(world: World, path: Path, **options: Any) -> list[Change]:
    return converge(resources(world), state(path), goal=Goal.PRESENT, **options)


def down(world: World, path: Path, **options: Any) -> list[Change]:
    return converge(resources(world), state(path), goal=Goal.ABSENT, **options)


def end_threads() -> None:
    """A process that dies takes its threads along; here they live on until their verb ends."""
    for thread in threading.enumerate():
        if thread.name.startswith("converge"):
            thread.join(10)
            assert not thread.is_alive()


def awaited(event: threading.Event) -> None:
    assert event.wait(10), "nobody came"


def met(barrier: threading.Barrier) -> None:
    barrier.wait(10)
