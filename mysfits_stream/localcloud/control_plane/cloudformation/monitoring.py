"""The types of monitoring: topics with subscriptions, alarms, and metric filters."""

from __future__ import annotations

from mysfits_stream.localcloud.control_plane.cloudformation.calls import partition
from mysfits_stream.localcloud.control_plane.cloudformation.provided import Provided
from mysfits_stream.localcloud.control_plane.moto_state import CloudFormationModel


class Topic(Provided, CloudFormationModel):
    """A topic, whose reference is its ARN."""

    TYPE = "AWS::SNS::Topic"
    ATTRIBUTES = ("TopicArn",)

    def put(self) -> None:
        """Create the topic, or add a subscription."""
        if not self.exists:
            created = self.call(
                "sns", "create_topic", Name=self.properties["TopicName"], Tags=self.properties.get("Tags", [])
            )
            self.physical_resource_id = created["TopicArn"]
            self.attributes["TopicArn"] = self.physical_resource_id
        for each in self.properties.get("Subscription", []):
            self.call(
                "sns",
                "subscribe",
                TopicArn=self.physical_resource_id,
                Protocol=each["Protocol"],
                Endpoint=each["Endpoint"],
            )

    def remove(self) -> None:
        """Delete the topic with its subscriptions."""
        self.call("sns", "delete_topic", TopicArn=self.physical_resource_id)


class Alarm(Provided, CloudFormationModel):
    """An alarm on a metric."""

    TYPE = "AWS::CloudWatch::Alarm"
    NAME = "AlarmName"

    def put(self) -> None:
        """Create or update the alarm."""
        numbers = {"Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int, "Threshold": float}
        given = {
            key: numbers[key](value) if key in numbers else value for key, value in self.properties.items()
        }
        given["ActionsEnabled"] = str(given.get("ActionsEnabled", True)).lower() == "true"
        self.call("cloudwatch", "put_metric_alarm", **given)
        name = self.physical_resource_id
        self.attributes["Arn"] = f"arn:{partition(self.region)}:cloudwatch:{self.region}::alarm:{name}"

    def remove(self) -> None:
        """Delete the alarm."""
        self.call("cloudwatch", "delete_alarms", AlarmNames=[self.physical_resource_id])


class MetricFilter(Provided, CloudFormationModel):
    """A metric filter of a log group."""

    TYPE = "AWS::Logs::MetricFilter"
    NAME = "FilterName"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create or update the filter."""
        transformations = [
            {f"{key[0].lower()}{key[1:]}": str(value) for key, value in each.items()}
            for each in self.properties["MetricTransformations"]
        ]
        self.call(
            "logs",
            "put_metric_filter",
            logGroupName=self.properties["LogGroupName"],
            filterName=self.physical_resource_id,
            filterPattern=self.properties["FilterPattern"],
            metricTransformations=transformations,
        )

    def remove(self) -> None:
        """Keep the filter, which is deleted with its log group."""
