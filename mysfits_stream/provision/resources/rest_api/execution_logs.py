"""The execution logs of a REST API: API Gateway makes and never deletes the groups (F78)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mysfits_stream.aws.errors import ignoring, is_error, is_server_error
from mysfits_stream.aws.waiting import Pace, retry_while

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient


@dataclass(frozen=True)
class ExecutionLogs:
    """The execution logs of every stage that a REST API has or had."""

    logs: CloudWatchLogsClient
    pace: Pace

    def delete(self, api_id: str) -> None:
        """Delete the log groups of an API; the groups have no tag, so only the API's id finds them."""
        pages = self.logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=f"API-Gateway-Execution-Logs_{api_id}/"
        )
        for group in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
            with ignoring("ResourceNotFoundException"):
                retry_while(
                    _busy,
                    lambda group=group: self.logs.delete_log_group(logGroupName=group),  # type: ignore[misc]
                    self.pace,
                    waiting_for=f"CloudWatch Logs to delete {group}",
                    budget=60,
                    advice="check that no other process changes or deletes the log group, "
                    "and run `down` again",
                )


def _busy(error: Exception) -> bool:
    """A concurrent change of the group is in progress (F27)."""
    return is_error(error, "OperationAbortedException") or is_server_error(error)
