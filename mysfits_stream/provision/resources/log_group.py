"""A CloudWatch log group with a retention, and the log streams that AWS does not create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    difference,
    logical_id,
    owner_of,
    tag_list,
)

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class MetricFilter:
    """A metric that counts a pattern's log events; no value without an event (F257)."""

    name: str
    pattern: str
    namespace: str
    metric: str

    @property
    def properties(self) -> Properties:
        """The filter in CloudFormation's spelling."""
        transformation = {
            "MetricName": self.metric,
            "MetricNamespace": self.namespace,
            "MetricValue": "1",
        }
        return {
            "FilterName": self.name,
            "FilterPattern": self.pattern,
            "MetricTransformations": [transformation],
        }


@dataclass(frozen=True)
class LogGroup:
    """A log group; the streams in ``log_streams`` must exist beforehand (F87)."""

    name: str
    placement: Placement
    group_name: str
    retention_days: int
    log_streams: tuple[str, ...] = ()
    metric_filter: MetricFilter | None = None
    """Compared and written with ``alarms`` only."""
    type: ClassVar[str] = "AWS::Logs::LogGroup"

    @property
    def arn(self) -> str:
        """The group's ARN, without the ``:*`` that some answers carry (F112)."""
        return self.placement.account.arn("logs", f"log-group:{self.group_name}")

    @property
    def desired(self) -> Properties:
        """The retention, the log streams, and the tags; a resurrected group has no tags."""
        return {
            "RetentionInDays": self.retention_days,
            "LogStreams": list(self.log_streams),
            **({"MetricFilter": self.metric_filter.properties} if self.metric_filter else {}),
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The group, and every stream of ``log_streams``."""
        name = logical_id(self.name)
        group = {
            "LogGroupName": self.group_name,
            "RetentionInDays": self.retention_days,
            "Tags": tag_list(self.placement.tags),
        }
        return {
            name: {
                "Type": self.type,
                "DeletionPolicy": "Delete",
                "UpdateReplacePolicy": "Delete",
                "Properties": group,
            },
            **{
                f"{name}{stream}": {
                    "Type": "AWS::Logs::LogStream",
                    "Properties": {"LogGroupName": {"Ref": name}, "LogStreamName": stream},
                }
                for stream in self.log_streams
            },
            **(
                {
                    f"{name}{logical_id(self.metric_filter.name)}": {
                        "Type": "AWS::Logs::MetricFilter",
                        "Properties": {"LogGroupName": {"Ref": name}, **self.metric_filter.properties},
                    }
                }
                if self.metric_filter
                else {}
            ),
        }

    def read(self) -> Observed | None:
        """The group as CloudWatch Logs returns it.

        A group without any tag was made by late log events after the stack's group was deleted (F77). Only
        the stack writes under the name, so the group reads as the stack's, with everything to heal. Where
        an account-level policy decides the retention, the retention is in sync (F152).
        """
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.group_name)
        group: Any = next(
            (g for page in pages for g in page["logGroups"] if g["logGroupName"] == self.group_name), None
        )
        if group is None:
            return None
        try:
            tags = self._logs.list_tags_for_resource(resourceArn=self.arn)["tags"]
            streams = [stream for stream in self.log_streams if self._has(stream)]
            filters = {"MetricFilter": self._filter()} if self.metric_filter else {}
        except ClientError as error:
            if is_error(error, "ResourceNotFoundException"):
                return None
            raise
        retention = group.get("retentionInDays")
        if group.get("retentionPolicyName"):
            retention = self.retention_days
        return Observed(
            self.group_name,
            self.arn,
            {
                "RetentionInDays": retention,
                "LogStreams": streams,
                **filters,
                "Tags": self.placement.ours(tags),
            },
            owner_of(tags) if tags else self.placement.owner,
        )

    def create(self) -> None:
        """Make the group, then its retention and streams."""
        with ignoring("ResourceAlreadyExistsException"):
            self._retry(
                lambda: self._logs.create_log_group(logGroupName=self.group_name, tags=self.placement.tags)
            )
        observed = self.read()
        if observed is None or observed.owner == self.placement.owner:
            # The group may be one that late log events made a moment ago: it has no tag either (F77).
            self.update(difference(observed.properties if observed else {}, self.desired))

    def update(self, diff: Diff) -> None:
        """Set the differing settings."""
        if "Tags" in diff:
            self.tag(self.arn)
        if "RetentionInDays" in diff:
            self._retry(
                lambda: self._logs.put_retention_policy(
                    logGroupName=self.group_name, retentionInDays=self.retention_days
                )
            )
        if "LogStreams" in diff:
            for stream in self.log_streams:
                with ignoring("ResourceAlreadyExistsException"):
                    self._logs.create_log_stream(logGroupName=self.group_name, logStreamName=stream)

        if "MetricFilter" in diff and (wanted := self.metric_filter):
            transformation: Any = {
                "metricName": wanted.metric,
                "metricNamespace": wanted.namespace,
                "metricValue": "1",
            }
            self._retry(
                lambda: self._logs.put_metric_filter(
                    logGroupName=self.group_name,
                    filterName=wanted.name,
                    filterPattern=wanted.pattern,
                    metricTransformations=[transformation],
                )
            )

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._logs.tag_resource(resourceArn=arn, tags=self.placement.tags)

    def delete(self) -> None:
        """Delete the group with all its events."""
        with ignoring("ResourceNotFoundException"):
            self._retry(lambda: self._logs.delete_log_group(logGroupName=self.group_name))

    def settle(self) -> None:
        """Usable at once after creation."""

    @property
    def _logs(self) -> CloudWatchLogsClient:
        return self.placement.clients.logs

    def _has(self, stream: str) -> bool:
        found = self._logs.describe_log_streams(logGroupName=self.group_name, logStreamNamePrefix=stream)
        return any(entry["logStreamName"] == stream for entry in found["logStreams"])

    def _filter(self) -> Properties | None:
        """The wanted metric filter in CloudFormation's spelling; None if missing."""
        name = self.metric_filter.name if self.metric_filter else ""
        found = self._logs.describe_metric_filters(logGroupName=self.group_name, filterNamePrefix=name)
        for each in found["metricFilters"]:
            if each["filterName"] == name:
                return {
                    "FilterName": name,
                    "FilterPattern": each.get("filterPattern"),
                    "MetricTransformations": [
                        {
                            # The members that are not set stay away.
                            f"{key[0].upper()}{key[1:]}": value
                            for key, value in transformation.items()
                            if value is not None
                        }
                        for transformation in each.get("metricTransformations", [])
                    ],
                }
        return None

    def _retry(self, call: Any) -> Any:
        return retry_while(
            _busy,
            call,
            self.placement.pace,
            waiting_for=f"CloudWatch Logs to accept a change of {self.group_name}",
            advice="check that no other process changes or deletes the log group, "
            "and run the same command again",
        )


def _busy(error: Exception) -> bool:
    """A concurrent change of the group is in progress (F27)."""
    return is_error(error, "OperationAbortedException") or is_server_error(error)
