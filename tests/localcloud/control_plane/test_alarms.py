"""Alarms: the state by rule and values, and other answers of CloudWatch and SNS."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.localcloud.control_plane import metric_math
from mysfits_stream.localcloud.control_plane.alarm_evaluation import Rule, Values, evaluate
from tests.support.cloud import CloudUnderTest

NOW = 10_000.0
RULE = Rule("Sum", 60, 1, 1, "GreaterThanThreshold", 0, "notBreaching")


def at(seconds_ago: float, value: float, count: float = 1) -> Values:
    return Values(NOW - seconds_ago, value * count, value, value, count)


@pytest.mark.parametrize(
    ("changes", "values", "state"),
    [
        pytest.param({}, [at(10, 1)], "ALARM", id="beyond the threshold"),
        pytest.param({}, [at(10, 0)], "OK", id="at the threshold"),
        pytest.param({}, [at(60, 1)], "OK", id="the period before is over"),
        pytest.param({}, [], "OK", id="missing is not breaching"),
        pytest.param({"missing": "breaching"}, [], "ALARM", id="missing is breaching"),
        pytest.param({"missing": "missing"}, [], "INSUFFICIENT_DATA", id="missing is missing"),
        pytest.param({"missing": "ignore"}, [], "BEFORE", id="missing changes nothing"),
        pytest.param({"periods": 3, "datapoints": 2}, [at(10, 1), at(130, 1)], "ALARM", id="two of three"),
        pytest.param({"periods": 3, "datapoints": 2}, [at(10, 1)], "OK", id="one of three"),
        pytest.param(
            {"periods": 3, "datapoints": 3, "missing": "missing"},
            [at(10, 1)],
            "ALARM",
            id="what is known decides",
        ),
        pytest.param({"statistic": "Average", "threshold": 2}, [at(1, 1), at(2, 5)], "ALARM", id="average"),
        pytest.param({"statistic": "Average", "threshold": 2}, [at(1, 1, 9), at(2, 5)], "OK", id="weighted"),
        pytest.param({"statistic": "Maximum", "threshold": 4}, [at(1, 1), at(2, 5)], "ALARM", id="maximum"),
        pytest.param({"statistic": "Minimum", "threshold": 4}, [at(1, 1), at(2, 5)], "OK", id="minimum"),
        pytest.param({"statistic": "SampleCount", "threshold": 1}, [at(1, 0), at(2, 0)], "ALARM", id="count"),
        pytest.param({"comparison": "LessThanThreshold", "threshold": 1}, [at(1, 0)], "ALARM", id="below"),
    ],
)
def test_the_state_follows_from_rule_and_values(
    changes: dict[str, Any], values: list[Values], state: str
) -> None:
    assert evaluate(replace(RULE, **changes), values, NOW, "BEFORE").state == state


ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "Namespace": "mine",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def state_of(cloudwatch: Any) -> str:
    [found] = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    return str(found["StateValue"])


def test_a_changed_alarm_keeps_its_tags_and_a_deleted_one_leaves_none(local_cloud: CloudUnderTest) -> None:
    cloudwatch = local_cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "a", "Value": "1"}])
    assert state_of(cloudwatch) == "OK"
    cloudwatch.put_metric_alarm(**{**ALARM, "Period": 300}, Tags=[{"Key": "a", "Value": "1"}])
    [found] = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert found["Period"] == 300
    assert cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == [
        {"Key": "a", "Value": "1"}
    ]
    cloudwatch.delete_alarms(AlarmNames=["errors"])
    cloudwatch.put_metric_alarm(**ALARM)
    assert cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == []


def test_a_metric_filter_counts_matching_events_alone(local_cloud: CloudUnderTest) -> None:
    logs, cloudwatch = (local_cloud.client(name) for name in ("logs", "cloudwatch"))
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    transformation = {"metricName": "Errors", "metricNamespace": "mine", "metricValue": "1"}
    given = {"logGroupName": "g", "filterName": "f", "metricTransformations": [transformation]}
    logs.put_metric_filter(**given, filterPattern='{ $.code = "bad" }')
    cloudwatch.put_metric_alarm(**ALARM)
    plane = local_cloud.cloud.control_plane
    for message in ('{"code": "good"}', "bad", '["bad"]', "{"):
        plane.put_log_event(local_cloud.region, "g", "s", message, local_cloud.clock())
    assert state_of(cloudwatch) == "OK"
    plane.put_log_event(local_cloud.region, "g", "s", '{"code": "bad"}', local_cloud.clock())
    assert state_of(cloudwatch) == "ALARM"


@pytest.mark.parametrize("pattern", ["ERROR", "{ $.code = 1 }", '{ $.a.b = "c" }', '{ $.a = "b*" }', ""])
def test_another_filter_pattern_is_refused_by_name(local_cloud: CloudUnderTest, pattern: str) -> None:
    logs = local_cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    with pytest.raises(ClientError, match="logs:PutMetricFilter: filterPattern is not simulated"):
        logs.put_metric_filter(
            logGroupName="g",
            filterName="f",
            filterPattern=pattern,
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}],
        )


def test_a_topic_of_this_name_with_other_tags_is_refused(local_cloud: CloudUnderTest) -> None:
    sns = local_cloud.client("sns")
    arn = sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"] == arn
    with pytest.raises(ClientError, match="Topic already exists with different tags"):
        sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "2"}])


# Metric math

SIX_TO_TEN = "IF(HOUR(m) * 60 + MINUTE(m) >= 360 AND HOUR(m) * 60 + MINUTE(m) <= 1320, m, 1)"


@pytest.mark.parametrize(
    ("expression", "value", "at", "result"),
    [
        (SIX_TO_TEN, 5, "2026-09-21T06:00", 5),
        (SIX_TO_TEN, None, "2026-09-21T22:00", 0),
        (SIX_TO_TEN, None, "2026-09-21T22:01", 1),
        (SIX_TO_TEN, None, "2026-09-21T05:59", 1),
        ("IF((DAY(m) == 2 && HOUR(m) >= 1 && HOUR(m) < 3), 0, m)", 7, "2026-09-22T02:59", 0),
        ("IF((DAY(m) == 2 && HOUR(m) >= 1 && HOUR(m) < 3), 0, m)", 7, "2026-09-22T03:00", 7),
        ("IF((DAY(m) == 2 && HOUR(m) >= 1 && HOUR(m) < 3), 0, m)", None, "2026-09-22T03:00", None),
        ("IF(DAY(m) < 6 OR MONTH(m) != 9, IF(YEAR(m) > 2025, m, 2), 3)", 4, "2026-09-21T00:00", 4),
        ("IF(DAY(m) < 6 || DATE(m) == 1, 2, 3)", None, "2026-09-26T00:00", 3),
    ],
)
def test_metric_math_is_a_function_of_value_and_time(
    expression: str, value: float | None, at: str, result: float | None
) -> None:
    moment = datetime.fromisoformat(f"{at}+00:00").timestamp()
    assert metric_math.compiled(expression, "m")(value, moment) == result


def with_math(expression: str, **stat: Any) -> dict[str, Any]:
    metric = {"Namespace": "mine", "MetricName": "Errors"}
    return {
        key: value for key, value in ALARM.items() if key not in ("Namespace", "MetricName", "Statistic")
    } | {
        "Metrics": [
            {"Id": "watched", "Expression": expression},
            {
                "Id": "m",
                "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"} | stat,
                "ReturnData": False,
            },
        ]
    }


@pytest.mark.parametrize(
    "expression",
    [
        "RUNNING_SUM(m)",
        "m - 1",
        "IF(m > 1, m, 1)",
        "IF(HOUR(m), m)",
        "IF(HOUR(other) > 1, m, 1)",
        "IF(HOUR(m) > 1, other, 1)",
        "IF(1 < HOUR(m) < 3, m, 1)",
        "IF(HOUR(m) > 1 and 1, m, 1)",
        "IF(HOUR(m) / 2 > 1, m, 1)",
        "IF(HOUR(m).real > 1, m, 1)",
        "__import__('os').getcwd()",
        "IF(",
        "(" * 1500,
        "-" * 2000 + "1",
        f"IF(HOUR(m) > 1, m, {'1' * 2048})",
        f"IF(HOUR(m) > {'9' * 400}, m, 0)",
    ],
)
def test_other_metric_math_is_refused_and_changes_nothing(
    local_cloud: CloudUnderTest, expression: str
) -> None:
    cloudwatch = local_cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    before = cloudwatch.describe_alarms()["MetricAlarms"]
    for name in ("errors", "new"):
        with pytest.raises(ClientError, match=r"NotSimulated.*PutMetricAlarm: Metrics: "):
            cloudwatch.put_metric_alarm(**(with_math(expression) | {"AlarmName": name}))
    assert cloudwatch.describe_alarms()["MetricAlarms"] == before


def test_an_alarm_on_several_metrics_is_refused(local_cloud: CloudUnderTest) -> None:
    given = with_math("IF(HOUR(m) > 1, m, 1)")
    given["Metrics"].append({**given["Metrics"][1], "Id": "n"})
    with pytest.raises(ClientError, match="other than one metric and one expression"):
        local_cloud.client("cloudwatch").put_metric_alarm(**given)
