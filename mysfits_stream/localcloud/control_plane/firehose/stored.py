"""A stored delivery stream: its configuration, and the times of its transitions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mysfits_stream.localcloud.control_plane.firehose.destination import read_destination
from mysfits_stream.localcloud.firehose.stream import Stream

SETTLED = {"ENABLING": "ENABLED", "DISABLING": "DISABLED"}


@dataclass
class DeliveryStream:
    """A stored stream. moto's tagging operations read the first three fields."""

    delivery_stream_name: str
    delivery_stream_arn: str
    delivery_stream_type: str
    destination: dict[str, Any]
    created: float
    active_at: float
    updated: float | None = None
    version: int = 1
    gone_at: float | None = None
    encryption: dict[str, str] = field(default_factory=lambda: {"Status": "DISABLED"})
    encryption_settles_at: float = 0.0
    failure: str = ""
    """Why it will not become ACTIVE; empty if it will."""

    view: tuple[Stream, Stream] | None = field(default=None, repr=False, compare=False)
    """The last result of :meth:`at` that is not ``value``, after the ``value`` it was made of."""

    def __post_init__(self) -> None:
        self.value = self._read()

    def status(self, now: float) -> str:
        """DeliveryStreamStatus at time ``now``."""
        if self.gone_at is not None:
            return "DELETING"
        if now < self.active_at:
            return "CREATING"
        return "CREATING_FAILED" if self.failure else "ACTIVE"

    def changed(self, now: float) -> None:
        """A new version of the configuration is in effect."""
        self.version += 1
        self.updated = now
        self.value = self._read()

    def encryption_now(self, now: float) -> dict[str, str]:
        """DeliveryStreamEncryptionConfiguration at time ``now``; a transition ends by time alone."""
        return {**self.encryption, "Status": self._encryption_status(now)}

    def _encryption_status(self, now: float) -> str:
        status = self.encryption["Status"]
        return SETTLED.get(status, status) if now >= self.encryption_settles_at else status

    def at(self, now: float) -> Stream:
        """The stream's view for the data plane at time ``now``."""
        status, encrypted = self.status(now), self._encryption_status(now) == "ENABLED"
        value, view = self.value, self.view
        if status == value.status and encrypted == value.encrypted:
            return value
        if view and view[0] is value and (view[1].status, view[1].encrypted) == (status, encrypted):
            return view[1]
        made = replace(value, status=status, encrypted=encrypted)
        self.view = value, made
        return made

    def _read(self) -> Stream:
        return read_destination(
            self.delivery_stream_name, self.delivery_stream_arn, self.version, self.created, self.destination
        )
