"""A CloudWatch alarm on a metric, or on metric math over the metric (F255, F340)."""

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

METRIC, RESULT = "records", "watched"
"""The Ids of the metric and of the expression over the metric."""

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
    "Metrics",
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
    expression: str = ""
    """Metric math over the metric with the Id ``records``; empty: the metric itself."""
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
            **self._source,
            "EvaluationPeriods": self.periods,
            "DatapointsToAlarm": self.periods,
            "Threshold": self.threshold,
            "ComparisonOperator": self.comparison,
            "TreatMissingData": self.missing,
            "Tags": self.placement.tags,
        }

    @property
    def _source(self) -> Properties:
        """The metric, or the expression with its metric."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions]
        metric = {"Namespace": self.namespace, "MetricName": self.metric, "Dimensions": dimensions}
        if not self.expression:
            return {**metric, "Statistic": self.statistic, "Period": self.period, "Metrics": []}
        return {
            **{"Namespace": None, "MetricName": None, "Dimensions": [], "Statistic": None, "Period": None},
            "Metrics": [
                {
                    "Id": METRIC,
                    "MetricStat": {"Metric": metric, "Period": self.period, "Stat": self.statistic},
                    "ReturnData": False,
                },
                {"Id": RESULT, "Expression": self.expression, "ReturnData": True},
            ],
        }

    @property
    def _written(self) -> Properties:
        """The settings to write: empty settings exclude others, and are the defaults."""
        return {key: value for key, value in self.desired.items() if value is not None and value != []}

    def template(self) -> Template:
        """The alarm."""
        properties = {"AlarmName": self.alarm_name, **self._written, "Tags": tag_list(self.placement.tags)}
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
        properties["Dimensions"] = _by_name(found.get("Dimensions", []))
        properties["Metrics"] = _comparable(found.get("Metrics", []))
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
        """Write all settings at once; PutMetricAlarm replaces settings, but no tags (F255)."""
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
        settings: Any = {key: value for key, value in self._written.items() if key != "Tags"}
        self._retry(lambda: self._cloudwatch.put_metric_alarm(AlarmName=self.alarm_name, **settings, **tags))

    def _retry(self, call: Any) -> Any:
        return retry_while(
            _busy,
            call,
            self.placement.pace,
            waiting_for=f"CloudWatch to take a change of {self.alarm_name}",
            advice="run the same command again",
        )


def _by_name(dimensions: Any) -> list[Any]:
    return sorted(dimensions, key=lambda each: str(each["Name"]))


def _comparable(metrics: Any) -> list[Any]:
    """The metrics of an expression by Id, without empty members and labels."""
    found = []
    for each in sorted(metrics, key=lambda each: str(each["Id"])):
        members = {key: value for key, value in each.items() if value is not None and key != "Label"}
        if "MetricStat" in members:
            stat = {key: value for key, value in members["MetricStat"].items() if value is not None}
            metric = stat.get("Metric", {})
            members["MetricStat"] = {
                **stat,
                "Metric": {**metric, "Dimensions": _by_name(metric.get("Dimensions", []))},
            }
        found.append(members)
    return found


def _busy(error: Exception) -> bool:
    """CloudWatch takes three writes of alarms a second, fewer than a stack has alarms (F255)."""
    return is_error(error, *THROTTLED) or is_server_error(error)


def _missing(error: Exception) -> bool:
    return is_error(error, "ResourceNotFound", "ResourceNotFoundException")
