"""A function in moto's store, with the members missing in moto, and for the data plane."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any

from mysfits_stream.localcloud.awslambda.function import Function, LambdaError
from mysfits_stream.localcloud.control_plane.moto_state import LambdaFunction

BUSY = "The operation cannot be performed at this time."


class StoredFunction(LambdaFunction):
    """A function as stored by moto, with the members missing in moto."""

    last_version = 0
    """The number of the last version that was published; numbers are never used again."""

    def __init__(self, account: str, region: str, spec: dict[str, Any], now: float, active_at: float) -> None:
        super().__init__(account, spec, region, version="$LATEST")
        self.logging_config = self._logging(spec.get("LoggingConfig"))
        self.settles_at = active_at
        self.state = "Pending"
        self.last_update_status: str | None = None
        self.touch(now)

    def touch(self, now: float) -> None:
        """Record a change of the function at time ``now``."""
        moment = dt.datetime.fromtimestamp(now, dt.UTC)
        self.last_modified = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
        self.revision_id = str(uuid.uuid4())

    def settle(self, now: float) -> None:
        """End a running transition if due (F54)."""
        # A version has no status of an update.
        settled = "Active", "Successful" if self.version == "$LATEST" else None
        if now >= self.settles_at and (self.state, self.last_update_status) != settled:
            self.state, self.last_update_status = settled
            self.revision_id = str(uuid.uuid4())

    def check_idle(self) -> None:
        """Raises LambdaError while the function is created or updated (F15)."""
        if self.state == "Pending":
            raise in_state(self)
        if self.last_update_status == "InProgress":
            message = f"{BUSY} An update is in progress for resource: {self.function_arn}"
            raise LambdaError("ResourceConflictException", message, 409)

    def set_version(self, version: int) -> None:
        """Become a published version, with the modification time of the published function."""
        last_modified = self.last_modified
        super().set_version(version)
        self.last_modified, self.revision_id = last_modified, str(uuid.uuid4())

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """FunctionConfiguration, without members that have no value."""
        configuration = {
            **super().get_configuration(on_create=True),
            "State": self.state,
            "LoggingConfig": self.logging_config,
            "RevisionId": self.revision_id,
            "RuntimeVersionConfig": {"RuntimeVersionArn": self._runtime_version()},
        }
        creating = {"Reason": "The function is being created.", "ReasonCode": "Creating"}
        if self.state == "Pending":
            configuration |= {f"State{key}": value for key, value in creating.items()}
        if self.last_update_status:
            configuration["LastUpdateStatus"] = self.last_update_status
        if self.last_update_status == "InProgress":
            configuration |= {f"LastUpdateStatus{key}": value for key, value in creating.items()}
        return {key: value for key, value in configuration.items() if value not in (None, [])}

    def get_code(self) -> dict[str, Any]:
        """GetFunction, with a reserved concurrency of 0.

        Moto omits the zero, and 0 stops the function.
        """
        answer: dict[str, Any] = super().get_code()
        if self.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": self.reserved_concurrency}
        return answer

    def update_configuration(self, config_updates: dict[str, Any]) -> dict[str, Any]:
        """Change the given members; an empty Environment removes the variables."""
        given = dict(config_updates)
        if "Environment" in given:
            given["Environment"] = {"Variables": given["Environment"].get("Variables") or {}}
        if "LoggingConfig" in given:
            self.logging_config = self._logging({**self.logging_config, **given["LoggingConfig"]})
        if "EphemeralStorage" in given:
            self.ephemeral_storage = given["EphemeralStorage"]["Size"]
        if "TracingConfig" in given:
            self.tracing_config = given["TracingConfig"]
        if "KMSKeyArn" in given:
            self.kms_key_arn = given["KMSKeyArn"] or None
        return dict(super().update_configuration(given))

    def update_function_code(self, updated_spec: dict[str, Any]) -> dict[str, Any]:
        """Change the code and the architecture."""
        if updated_spec.get("Architectures"):
            self.architectures = updated_spec["Architectures"]
        return dict(super().update_function_code(updated_spec))

    def _logging(self, given: dict[str, str] | None) -> dict[str, str]:
        return {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{self.function_name}", **(given or {})}

    def _runtime_version(self) -> str:
        digest = hashlib.sha256((self.run_time or "").encode()).hexdigest()
        return f"arn:{self.partition}:lambda:{self.region}::runtime:{digest}"


def in_state(stored: LambdaFunction) -> LambdaError:
    """The error for an operation that the function's state does not permit (F15)."""
    message = f"{BUSY} The function is currently in the following state: {stored.state}"
    return LambdaError("ResourceConflictException", message, 409)


def reserved_concurrency(stored: LambdaFunction) -> int | None:
    """The reserved concurrency of a function; None without a reservation."""
    return None if stored.reserved_concurrency is None else int(stored.reserved_concurrency)


def value_of(stored: LambdaFunction) -> Function:
    """A function for the data plane; a function made by CloudFormation is moto's own."""
    version = str(stored.version)
    logging = getattr(stored, "logging_config", {"LogGroup": stored.logs_group_name})
    return Function(
        name=stored.function_name,
        arn=stored.function_arn.removesuffix(f":{version}"),
        handler=stored.handler or "",
        runtime=stored.run_time or "",
        zip_bytes=stored.code_bytes,
        environment=dict(stored.environment_vars),
        timeout=float(stored.timeout),
        memory_mb=int(stored.memory_size),
        role_arn=stored.role,
        log_group=logging["LogGroup"],
        code_sha256=stored.code_sha_256,
        version=version,
    )
