"""CloudWatch Logs, where moto differs: valid retentions, and errors for missing groups."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mysfits_stream.localcloud import simulated
from mysfits_stream.localcloud.control_plane.constraints import violation
from mysfits_stream.localcloud.control_plane.logs import metric_filters
from mysfits_stream.localcloud.control_plane.logs.retention_policies import RetentionPolicies
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response, json_response

# Section 8 of the facts.
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
JSON = {"Content-Type": "application/x-amz-json-1.1"}
GROUP_ARN = re.compile(r"arn:[^:]+:logs:(?P<region>[^:]+):\d{12}:log-group:(?P<name>[^:]+)")


class LogGroups:
    """The override for CloudWatch Logs; ``backend`` is moto's, of a region."""

    def __init__(self, backend: Callable[[str], Any], retention_policies: RetentionPolicies) -> None:
        self._backend = backend
        self._retention_policies = retention_policies

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Handle a request to CloudWatch Logs."""
        # A null member is an absent member.
        given = {name: value for name, value in request.json().items() if value is not None}
        request = replace(request, body=json.dumps(given).encode())
        if request.operation != "PutRetentionPolicy" and (
            message := violation("logs", request.operation, given)
        ):
            return _error("InvalidParameterException", message)
        if request.operation == "PutRetentionPolicy" and given.get("retentionInDays") not in RETENTION_DAYS:
            return _error(
                "InvalidParameterException",
                f"1 validation error detected: Value '{given.get('retentionInDays')}' at 'retentionInDays' "
                f"failed to satisfy constraint: Member must satisfy enum value set: {list(RETENTION_DAYS)}",
            )
        if request.operation in ("PutAccountPolicy", "DeleteAccountPolicy"):
            return self._retention_policies.change(request.operation, request.region, given)
        if request.operation in ("ListTagsForResource", "TagResource", "UntagResource"):
            group = GROUP_ARN.fullmatch(given.get("resourceArn", ""))
            if group and group["name"] not in self._backend(group["region"]).groups:
                return _error("ResourceNotFoundException", "The specified resource does not exist.")
        if request.operation == "DeleteLogGroup":
            self._forget_tags(request.region, given.get("logGroupName", ""))
            metric_filters.remove(self._backend(request.region), given.get("logGroupName", ""))
        if request.operation == "PutMetricFilter":
            if not metric_filters.is_simulated(given["filterPattern"]):
                call = Call("logs", request.operation, request.region)
                return simulated.not_simulated(call, f"logs:{request.operation}: filterPattern")
            if not self._has_group(request.region, given):
                return _error("ResourceNotFoundException", "The specified log group does not exist.")
            metric_filters.remove(self._backend(request.region), given["logGroupName"], given["filterName"])
        if request.operation == "GetLogEvents" and not self._has_group(request.region, given):
            return _error("ResourceNotFoundException", "The specified log stream does not exist.")
        response = moto(request)
        if request.operation == "DescribeLogGroups" and response.status == 200:
            return _with_class(self._retention_policies.applied(request.region, response))
        if request.operation == "CreateLogStream":
            # moto says group where it means stream.
            body = response.body.replace(b"log group already exists", b"log stream already exists")
            return response.with_body(body)
        return response

    def _has_group(self, region: str, given: dict[str, Any]) -> bool:
        arn = GROUP_ARN.match(given.get("logGroupIdentifier") or "")
        name = arn["name"] if arn else given.get("logGroupName") or given.get("logGroupIdentifier")
        return name in self._backend(region).groups

    def _forget_tags(self, region: str, name: str) -> None:
        """Delete a deleted group's tags: moto would pass the tags to the next group of the name."""
        backend = self._backend(region)
        if name in backend.groups:
            backend.tagger.delete_all_tags_for_resource(backend.groups[name].arn)


def _with_class(response: Response) -> Response:
    """DescribeLogGroups with the members missing in moto."""
    document = response.json()
    for group in document.get("logGroups") or []:
        group.setdefault("logGroupClass", "STANDARD")
        group.setdefault("deletionProtectionEnabled", False)
    return response.with_body(json.dumps(document).encode())


def _error(code: str, message: str) -> Response:
    return json_response(400, {"__type": code, "message": message}, {**JSON, "x-amzn-ErrorType": code})
