"""Account-level retention policies of CloudWatch Logs, missing in moto (F152)."""

from __future__ import annotations

import json
import re
from typing import Any

from mysfits_stream.localcloud.http.messages import Response, json_response

NEVER = "NEVER_EXPIRE"
JSON = {"Content-Type": "application/x-amz-json-1.1"}
CRITERIA = re.compile(r"LogGroupNamePrefix\s+(?P<negated>NOT\s+)?IN\s*(?P<prefixes>\[.*\])", re.DOTALL)


class RetentionPolicies:
    """The policies by region and name; the longest retention of all matching policies wins.

    A policy is in force at once, for existing groups too; on AWS after up to 24 hours.
    """

    def __init__(self) -> None:
        self.policies: dict[str, dict[str, dict[str, Any]]] = {}

    def change(self, operation: str, region: str, given: dict[str, Any]) -> Response:
        """Answer PutAccountPolicy or DeleteAccountPolicy."""
        of_region, name = self.policies.setdefault(region, {}), str(given.get("policyName"))
        if given.get("policyType") != "RETENTION_POLICY":
            return _invalid(f"policyType {given.get('policyType')} is not part of the local cloud")
        if operation == "DeleteAccountPolicy":
            if of_region.pop(name, None) is None:
                return _error("ResourceNotFoundException", "The specified resource does not exist.")
            return json_response(200, {}, JSON)
        try:
            days = json.loads(given["policyDocument"])["retentionInDays"]
            criteria = CRITERIA.fullmatch(given.get("selectionCriteria") or 'LogGroupNamePrefix IN [""]')
            prefixes = json.loads(criteria["prefixes"]) if criteria else None
        except (ValueError, KeyError, TypeError):
            return _invalid("The policy document or the selection criteria are not valid.")
        if criteria is None or not isinstance(prefixes, list) or not (days == NEVER or _is_days(days)):
            return _invalid("The policy document or the selection criteria are not valid.")
        of_region[name] = {"days": days, "negated": bool(criteria["negated"]), "prefixes": prefixes}
        policy = {key: given[key] for key in ("policyName", "policyDocument", "policyType")}
        return json_response(200, {"accountPolicy": policy | {"scope": "ALL"}}, JSON)

    def applied(self, region: str, response: Response) -> Response:
        """DescribeLogGroups with the retention by the policies."""
        document = json.loads(response.body)
        for group in document.get("logGroups", ()):
            if (found := self._of(region, group["logGroupName"])) is not None:
                name, days = found
                group["retentionPolicyName"] = name
                group.pop("retentionInDays", None)
                if days != NEVER:
                    group["retentionInDays"] = days
        return response.with_body(json.dumps(document).encode())

    def _of(self, region: str, group: str) -> tuple[str, Any] | None:
        applying = [
            (name, policy["days"])
            for name, policy in self.policies.get(region, {}).items()
            if any(group.startswith(prefix) for prefix in policy["prefixes"]) is not policy["negated"]
        ]
        return max(applying, key=lambda each: _length(each[1]), default=None)


def _is_days(value: Any) -> bool:
    return isinstance(value, int) and value >= 30


def _length(days: Any) -> float:
    return float("inf") if days == NEVER else float(days)


def _invalid(message: str) -> Response:
    return _error("InvalidParameterException", message)


def _error(code: str, message: str) -> Response:
    return json_response(400, {"__type": code, "message": message}, {**JSON, "x-amzn-ErrorType": code})
