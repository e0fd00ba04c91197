"""Athena's queries: started, run in the background, stopped, and read (F221, F222).

An execution is stored where moto keeps executions. ``localcloud.athena`` runs the SQL; the result is written
to S3 and kept, so that GetQueryResults reads no object.
"""

from __future__ import annotations

import datetime as dt
import threading
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

from mysfits_stream.localcloud.control_plane.athena.executions import ENDED, Execution
from mysfits_stream.localcloud.control_plane.athena.workgroups import (
    PRIMARY,
    AthenaError,
    Document,
    answered,
    error_response,
    found_workgroup,
    paged,
)
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Handler, Request, Response
from mysfits_stream.localcloud.http.refusals import refused

NO_LOCATION = (
    "No output location provided. An output location is required either through the Workgroup result "
    "configuration setting or as an API input."
)
MOST_ROWS = 1000


class Storage(Protocol):
    """The clicks' objects and the place of results, as the control plane keeps both."""

    def objects(self, bucket: str, prefix: str) -> Iterable[tuple[str, int]]:
        """Keys and sizes. Raises KeyError for a bucket that does not exist."""

    def object_content(self, bucket: str, key: str) -> bytes:
        """The content of an object."""

    def put_object(self, region: str, bucket: str, key: str, body: bytes) -> None:
        """Store an object."""

    def bucket_owner(self, bucket: str) -> str | None:
        """The account of a bucket; None for an unknown bucket."""


class Queries:
    """The override for Athena's queries; ``later`` runs a job in the background."""

    def __init__(
        self,
        account: str,
        backend: Callable[[str, str], Any],
        storage: Storage,
        now: Callable[[], float],
        later: Callable[[Callable[[], None]], None],
        lock: threading.RLock,
    ) -> None:
        self._account = account
        self._backend = backend
        self._storage = storage
        self._now = now
        self._later = later
        self._lock = lock
        self._running: dict[str, Any] = {}

    def __call__(self, request: Request, moto: Handler) -> Response:
        """Answer one request about queries; other requests go to ``moto``."""
        operations: dict[str, Callable[[str, Document], Document]] = {
            "GetQueryExecution": self._get,
            "GetQueryResults": self._results,
            "ListQueryExecutions": self._list,
            "StartQueryExecution": self._start,
            "StopQueryExecution": self._stop,
        }
        operation = operations.get(request.operation)
        if operation is None:
            return moto(request)
        from mysfits_stream.localcloud.athena.errors import NotSimulatedError, RejectedError

        try:
            return answered(request, partial(operation, request.region))
        except RejectedError as error:
            return error_response(AthenaError(str(error), error.code))
        except NotSimulatedError as error:
            call = Call("athena", request.operation, request.region, json=True)
            message = f"athena:{request.operation}: {error} is not simulated by the local cloud"
            return refused(call, 400, "NotSimulated", message)

    def _start(self, region: str, given: Document) -> Document:
        from mysfits_stream.localcloud.athena import ddl, statements

        backend = self._backend("athena", region)
        workgroup = found_workgroup(backend, given.get("WorkGroup", PRIMARY))
        if workgroup.state != "ENABLED":
            raise AthenaError(f"WorkGroup {workgroup.name} is disabled.")
        token = given.get("ClientRequestToken", "")
        for each in backend.executions.values():
            if token and each.token == token:
                if each.query != given["QueryString"]:
                    raise AthenaError("Idempotent parameters do not match")
                return {"QueryExecutionId": each.id}
        statement = statements.parsed(given["QueryString"])
        context = given.get("QueryExecutionContext", {})
        database = context.get("Database", "default").lower()
        select = statements.is_select(statement)
        change = None if select else ddl.change_of(statement, database)
        location = self._location(workgroup.configuration, given.get("ResultConfiguration", {}))
        execution = Execution(
            id=str(uuid.uuid4()),
            query=given["QueryString"],
            workgroup=workgroup.name,
            database=database,
            location="",
            token=token,
            statement_type="DML" if select else "DDL",
            submitted=self._now(),
        )
        execution.location = f"{location.rstrip('/')}/{execution.id}.{'csv' if select else 'txt'}"
        backend.executions[execution.id] = execution
        cutoff = workgroup.configuration.get("BytesScannedCutoffPerQuery")
        self._later(lambda: self._run(region, execution, statement, change, cutoff))
        return {"QueryExecutionId": execution.id}

    def _location(self, workgroup: Document, request: Document) -> str:
        enforced = workgroup.get("EnforceWorkGroupConfiguration", False)
        results = workgroup.get("ResultConfiguration", {})
        chosen = results if enforced or not request.get("OutputLocation") else request
        location = str(chosen.get("OutputLocation") or "")
        if not location:
            raise AthenaError(NO_LOCATION)
        bucket = location.removeprefix("s3://").partition("/")[0]
        owner = self._storage.bucket_owner(bucket)
        if owner is None or chosen.get("ExpectedBucketOwner", owner) != owner:
            raise AthenaError(f"Unable to verify/create output bucket {bucket}")
        return location

    def _run(
        self, region: str, execution: Execution, statement: Any, change: Any, cutoff: int | None
    ) -> None:
        from mysfits_stream.localcloud.athena.engine import Run
        from mysfits_stream.localcloud.athena.errors import CancelledError, FailedError, NotSimulatedError
        from mysfits_stream.localcloud.control_plane.glue import schema_changes

        run = Run(
            dt.datetime.fromtimestamp(self._now(), dt.UTC),
            self._objects(),
            self._table_finder(region),
            cutoff,
        )
        with self._lock:
            if execution.state != "QUEUED":
                return
            execution.state = "RUNNING"
            self._running[execution.id] = run
        state, reason = "SUCCEEDED", ""
        try:
            if change is None:
                result = run.select(statement, execution.database)
                execution.names, execution.types = result.names, result.types
                execution.column_info, execution.rows = result.column_info(), result.rows
                body = result.csv()
            else:
                with self._lock:
                    schema_changes.apply(change, self._backend("glue", region))
                body = b""
            bucket, _, key = execution.location.removeprefix("s3://").partition("/")
            self._storage.put_object(region, bucket, key, body)
        except CancelledError as error:
            state, reason = "CANCELLED", str(error)
        except FailedError as error:
            state, reason = "FAILED", str(error)
        except NotSimulatedError as error:
            state, reason = "FAILED", f"NOT_SIMULATED: {error} is not simulated by the local cloud"
        except Exception as error:
            # The thread has no reader; the reason belongs to the query.
            state, reason = "FAILED", f"GENERIC_INTERNAL_ERROR: {type(error).__name__}: {error}"
        with self._lock:
            self._running.pop(execution.id, None)
            execution.scanned = run.scanned
            execution.state, execution.reason, execution.completed = state, reason, self._now()

    def _objects(self) -> Any:
        from mysfits_stream.localcloud.athena.engine import Objects
        from mysfits_stream.localcloud.athena.errors import FailedError

        def listed(bucket: str, prefix: str) -> Iterable[tuple[str, int]]:
            try:
                return self._storage.objects(bucket, prefix)
            except KeyError:
                raise FailedError(
                    f"HIVE_CANNOT_OPEN_SPLIT: The specified bucket does not exist: {bucket}"
                ) from None

        return Objects(listed, self._storage.object_content)

    def _table_finder(self, region: str) -> Callable[[Any], Any]:
        from mysfits_stream.localcloud.control_plane.glue import schema_changes

        def find(name: Any) -> Any:
            with self._lock:
                return schema_changes.found_table(name, self._backend("glue", region))

        return find

    def _execution(self, region: str, given: Document) -> Execution:
        found = self._backend("athena", region).executions.get(given["QueryExecutionId"])
        if not isinstance(found, Execution):
            raise AthenaError(f"QueryExecution {given['QueryExecutionId']} was not found")
        return found

    def _get(self, region: str, given: Document) -> Document:
        return {"QueryExecution": self._execution(region, given).document()}

    def _results(self, region: str, given: Document) -> Document:
        found = self._execution(region, given)
        if found.state not in ENDED:
            raise AthenaError(f"Query has not yet finished. Current state: {found.state}")
        if found.state != "SUCCEEDED":
            raise AthenaError(f"Query did not finish successfully. Final query state: {found.state}")
        # The first row of the first page holds the names.
        rows = [found.names, *found.rows] if found.statement_type == "DML" else []
        page, following = paged(rows, given, MOST_ROWS)
        return {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [
                    {"Data": [{} if value is None else {"VarCharValue": value} for value in row]}
                    for row in page
                ],
                "ResultSetMetadata": {"ColumnInfo": found.column_info},
            },
            **following,
        }

    def _list(self, region: str, given: Document) -> Document:
        backend = self._backend("athena", region)
        workgroup = found_workgroup(backend, given.get("WorkGroup", PRIMARY)).name
        ids = [each.id for each in backend.executions.values() if each.workgroup == workgroup]
        ids.reverse()
        page, following = paged(ids, given, 50)
        return {"QueryExecutionIds": page, **following}

    def _stop(self, region: str, given: Document) -> Document:
        found = self._execution(region, given)
        if found.state == "QUEUED":
            found.state, found.reason = "CANCELLED", "Query cancelled by user"
            found.completed = self._now()
        elif run := self._running.get(found.id):
            run.stop()
        return {}
