"""A stored delivery stream: its configuration, and the times of its transitions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mysfits_stream.localcloud.control_plane.firehose.destination import read_destination
from mysfits_stream.localcloud.firehose.stream import Stream


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
        settled = {"ENABLING": "ENABLED", "DISABLING": "DISABLED"}
        status = self.encryption["Status"]
        if now >= self.encryption_settles_at:
            status = settled.get(status, status)
        return {**self.encryption, "Status": status}

    def at(self, now: float) -> Stream:
        """The stream's view for the data plane at time ``now``."""
        status, encrypted = self.status(now), self.encryption_now(now)["Status"] == "ENABLED"
        if status == self.value.status and encrypted == self.value.encrypted:
            return self.value
        return replace(self.value, status=status, encrypted=encrypted)

    def _read(self) -> Stream:
        return read_destination(
            self.delivery_stream_name, self.delivery_stream_arn, self.version, self.created, self.destination
        )
