"""The states of a stack's alarms, as CloudWatch evaluates these."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mysfits_stream.config import Config
from mysfits_stream.provision.alarms import Kind, kinds

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

ALARM = "ALARM"


@dataclass(frozen=True)
class AlarmState:
    """The state of one alarm; ``ALARM`` means that it rings."""

    kind: Kind
    name: str
    state: str
    since: datetime | None
    reason: str

    @property
    def rings(self) -> bool:
        """Whether the metric is beyond the threshold."""
        return self.state == ALARM

    def document(self) -> dict[str, Any]:
        """The state as JSON."""
        return {
            "name": self.name,
            "kind": self.kind.name,
            "state": self.state,
            "since": self.since.isoformat(timespec="seconds").replace("+00:00", "Z") if self.since else None,
            "link": self.kind.link,
            "meaning": self.kind.meaning,
            "command": self.kind.command,
            "reason": self.reason,
        }


def alarm_states(config: Config, cloudwatch: CloudWatchClient) -> tuple[AlarmState, ...]:
    """The states of existing alarms, in the order of a click's path; a single call."""
    wanted = {f"{config.stack}-{kind.name}": kind for kind in kinds(config)}
    answer = cloudwatch.describe_alarms(AlarmNames=list(wanted), AlarmTypes=["MetricAlarm"])
    found: dict[str, Any] = {alarm["AlarmName"]: alarm for alarm in answer.get("MetricAlarms", [])}
    return tuple(
        AlarmState(
            kind=kind,
            name=name,
            state=found[name].get("StateValue", ""),
            since=_utc(found[name].get("StateUpdatedTimestamp")),
            reason=found[name].get("StateReason", ""),
        )
        for name, kind in wanted.items()
        if name in found
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


def pending(email: str) -> str:
    """What is missing until a topic notifies an address."""
    return f"{email} gets no alarm before the link in AWS's email is followed"
