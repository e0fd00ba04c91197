"""The alarms of the stack: which one rings, what it means, and where to look further."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from mysfits_stream.config import Config
from mysfits_stream.doctor.links import OK, WARNING, Link
from mysfits_stream.provision.alarm_states import alarm_states, pending


class Topic(Protocol):
    """The topic that the stack made for an address."""

    @property
    def email(self) -> str:
        """The address."""

    def is_pending(self) -> bool:
        """Whether the owner of the address has yet to confirm."""


def links(config: Config, cloudwatch: Any, topic: Topic | None) -> Iterator[Link]:
    """A link for each ringing alarm, or a single link; and a link for a pending address."""
    states = alarm_states(config, cloudwatch)
    ringing = [state for state in states if state.rings]
    for state in ringing:
        since = f" since {state.since:%H:%M:%S} UTC" if state.since else ""
        detail = f"{state.name} rings{since}: {state.kind.meaning}"
        yield Link(f"alarm-{state.kind.name}", WARNING, detail, f"run `{state.kind.command}`")
    if states and not ringing:
        yield Link("alarms", OK, f"none of {len(states)} alarms rings")
    if topic and topic.is_pending():
        yield Link(
            "alarm-topic",
            WARNING,
            pending(topic.email),
            "AWS drops the address after two to three days; then `mysfits-stream up` subscribes it again",
        )
