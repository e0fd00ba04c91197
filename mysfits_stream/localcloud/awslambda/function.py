"""Functions and invocations as values, and the error of a function that Lambda does not invoke."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Function:
    """One version of a function, as its deployment left it."""

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
    invoked_arn: str = field(default="", compare=False)
    """The ARN with the qualifier that an invocation names, such as the ARN of an alias."""

    @property
    def identity(self) -> tuple[Any, ...]:
        """What a warm process must agree in to serve this function."""
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
    """What an invocation gave; ``error`` is None or what AWS calls the function error, ``Unhandled``."""

    payload: bytes
    error: str | None
    request_id: str
    version: str
    log_tail: bytes
    seconds: float

    @property
    def timed_out(self) -> bool:
        """Whether the function's timeout ended it."""
        return self.error is not None and json.loads(self.payload)["errorType"] == "Sandbox.Timedout"


class LambdaError(Exception):
    """Lambda refuses to invoke a function: ``code`` is AWS's, ``status`` that of HTTP."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
