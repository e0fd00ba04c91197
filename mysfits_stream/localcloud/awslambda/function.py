"""Functions and invocations as values, and the error for functions that cannot be invoked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Function:
    """A version of a function."""

    name: str
    arn: str  # without a qualifier
    handler: str
    runtime: str
    zip_bytes: bytes = field(repr=False)
    environment: Mapping[str, str]
    timeout: float
    memory_mb: int
    role_arn: str
    log_group: str
    code_sha256: str
    version: str = "$LATEST"
    reserved_concurrency: int | None = field(default=None, compare=False)
    """How many invocations of all versions may run at once; None without a limit."""
    invoked_arn: str = field(default="", compare=False)
    """The ARN with the qualifier that an invocation names, such as the ARN of an alias."""

    @property
    def identity(self) -> tuple[Any, ...]:
        """The values of a function for which a warm process can be reused."""
        environment = tuple(sorted(self.environment.items()))
        return (
            self.arn,
            self.version,
            self.code_sha256,
            self.handler,
            self.runtime,
            environment,
            self.timeout,
            self.memory_mb,
            self.log_group,
        )


@dataclass(frozen=True)
class Invocation:
    """The result of an invocation; ``error`` is None or AWS's function error, ``Unhandled``."""

    payload: bytes
    error: str | None
    request_id: str
    version: str
    log_tail: bytes
    seconds: float

    @property
    def timed_out(self) -> bool:
        """Whether the function's timeout ended the invocation."""
        return self.error is not None and json.loads(self.payload)["errorType"] == "Sandbox.Timedout"


class LambdaError(Exception):
    """Lambda refuses an invocation: ``code`` is AWS's, ``status`` the status of HTTP."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
