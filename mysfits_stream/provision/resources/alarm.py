"""A CloudWatch alarm on a metric (F255)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import THROTTLED, ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
)
from mysfits_stream.provision.resources.topic import Topic

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

COMPARED = (
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    "Namespace",
    "MetricName",
    "Dimensions",
    "Statistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
)


@dataclass(frozen=True)
class Alarm:
    """An alarm that notifies ``topic_arn`` at its beginning and at its end."""

    name: str
    placement: Placement
    alarm_name: str
    description: str
    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int
    """Seconds."""
    periods: int
    """How many periods in a row have to be beyond the threshold."""
    comparison: str
    threshold: float
    missing: str
    """How a period without a value counts: ``breaching`` or ``notBreaching``."""
    topic_arn: str
    topic: Topic | None = None
    """The topic, if the stack makes it."""
    type: ClassVar[str] = "AWS::CloudWatch::Alarm"

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return self.placement.account.arn("cloudwatch", f"alarm:{self.alarm_name}")

    @property
    def desired(self) -> Properties:
        """All settings, and the tags."""
        return {
            "AlarmDescription": self.description,
            "ActionsEnabled": True,
            "AlarmActions": [self.topic_arn],
            "OKActions": [self.topic_arn],
            "InsufficientDataActions": [],
            "Namespace": self.namespace,
            "MetricName": self.metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
            "Statistic": self.statistic,
            "Period": self.period,
            "EvaluationPeriods": self.periods,
            "DatapointsToAlarm": self.periods,
            "Threshold": self.threshold,
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.missing,
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The alarm."""
        properties = {"AlarmName": self.alarm_name, **self.desired, "Tags": tag_list(self.placement.tags)}
        return {logical_id(self.name): {"Type": self.type, "Properties": properties}}

    def read(self) -> Observed | None:
        """The alarm as CloudWatch returns it."""
        found = self._describe()
        if found is None:
            return None
        try:
            tags = self._cloudwatch.list_tags_for_resource(ResourceARN=self.arn)["Tags"]
        except ClientError as error:
            if _missing(error):
                return None
            raise
        properties = {key: found.get(key) for key in COMPARED}
        properties["Dimensions"] = sorted(found.get("Dimensions", []), key=lambda each: str(each["Name"]))
        for actions in ("AlarmActions", "OKActions", "InsufficientDataActions"):
            properties[actions] = sorted(found.get(actions, []))
        if properties["DatapointsToAlarm"] is None:
            properties["DatapointsToAlarm"] = found.get("EvaluationPeriods")
        return Observed(
            self.alarm_name,
            self.arn,
            {**properties, "Tags": self.placement.ours(tags)},
            owner_of(tags),
        )

    def create(self) -> None:
        """Create the alarm with its tags."""
        self._put(Tags=tag_list(self.placement.tags))

    def update(self, diff: Diff) -> None:
        """Write all settings at once: PutMetricAlarm replaces all settings, and leaves the tags (F255)."""
        if "Tags" in diff:
            self.tag(self.arn)
        if diff.keys() - {"Tags"}:
            self._put()

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._retry(
            lambda: self._cloudwatch.tag_resource(ResourceARN=arn, Tags=tag_list(self.placement.tags))
        )

    def delete(self) -> None:
        """Delete the alarm."""
        with ignoring("ResourceNotFound", "ResourceNotFoundException"):
            self._retry(lambda: self._cloudwatch.delete_alarms(AlarmNames=[self.alarm_name]))

    def settle(self) -> None:
        """Evaluated from its first minute on."""

    @property
    def _cloudwatch(self) -> CloudWatchClient:
        return self.placement.clients.cloudwatch

    def _describe(self) -> Any:
        answer = self._cloudwatch.describe_alarms(AlarmNames=[self.alarm_name], AlarmTypes=["MetricAlarm"])
        return next(iter(answer.get("MetricAlarms", [])), None)

    def _put(self, **tags: Any) -> None:
        settings: Any = {key: value for key, value in self.desired.items() if key != "Tags"}
        self._retry(lambda: self._cloudwatch.put_metric_alarm(AlarmName=self.alarm_name, **settings, **tags))

    def _retry(self, call: Any) -> Any:
        return retry_while(
            _busy,
            call,
            self.placement.pace,
            waiting_for=f"CloudWatch to take a change of {self.alarm_name}",
            advice="run the same command again",
        )


def _busy(error: Exception) -> bool:
    """CloudWatch takes three writes of alarms a second, fewer than a stack has alarms (F255)."""
    return is_error(error, *THROTTLED) or is_server_error(error)


def _missing(error: Exception) -> bool:
    return is_error(error, "ResourceNotFound", "ResourceNotFoundException")
