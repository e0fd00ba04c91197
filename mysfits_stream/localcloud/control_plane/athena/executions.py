"""A query execution as Athena stores it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mysfits_stream.localcloud.control_plane.athena.workgroups import ENGINE, Document

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")


@dataclass
class Execution:
    """A query execution as it is stored."""

    id: str
    query: str
    workgroup: str
    database: str
    location: str
    token: str
    statement_type: str
    submitted: float
    state: str = "QUEUED"
    reason: str = ""
    completed: float | None = None
    scanned: int = 0
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    column_info: list[dict[str, Any]] = field(default_factory=list)
    rows: list[tuple[str | None, ...]] = field(default_factory=list)

    def document(self) -> Document:
        """The execution as GetQueryExecution returns it."""
        status: Document = {"State": self.state, "SubmissionDateTime": self.submitted}
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.state == "FAILED":
            status["AthenaError"] = {
                "ErrorCategory": 2,
                "ErrorType": 1006,
                "Retryable": False,
                "ErrorMessage": self.reason,
            }
        milliseconds = 0
        if self.completed is not None:
            status["CompletionDateTime"] = self.completed
            milliseconds = max(0, int((self.completed - self.submitted) * 1000))
        return {
            "QueryExecutionId": self.id,
            "Query": self.query,
            "StatementType": self.statement_type,
            "ResultConfiguration": {"OutputLocation": self.location},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
            "QueryExecutionContext": {"Database": self.database, "Catalog": "awsdatacatalog"},
            "Status": status,
            "Statistics": {
                "DataScannedInBytes": self.scanned,
                "EngineExecutionTimeInMillis": milliseconds,
                "TotalExecutionTimeInMillis": milliseconds,
            },
            "WorkGroup": self.workgroup,
            "EngineVersion": {"SelectedEngineVersion": ENGINE, "EffectiveEngineVersion": ENGINE},
        }
