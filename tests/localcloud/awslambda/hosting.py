"""A runtime on a standing clock: functions from source text, roles with permissions."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mysfits_stream.localcloud.awslambda.function import Function
from mysfits_stream.localcloud.awslambda.runtime import LambdaRuntime
from mysfits_stream.localcloud.iam import Verdict

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:echo"
NOW = 1_795_435_200.25  # 2026-11-23T12:00:00.250Z


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", textwrap.dedent(text))
    return buffer.getvalue()


def function(source: str, **changes: Any) -> Function:
    made = Function(
        name="echo",
        arn=ARN,
        handler="index.handler",
        runtime="python3.13",
        zip_bytes=zipped(index=source),
        environment={},
        timeout=30,
        memory_mb=256,
        role_arn="arn:aws:iam::123456789012:role/echo",
        log_group="/aws/lambda/echo",
        code_sha256=f"sha-{hash(source)}",
    )
    return replace(made, **changes)


class Host:
    """A runtime, what it logged, and what the functions' roles may do."""

    endpoint = "http://127.0.0.1:4566"

    def __init__(self, directory: Path) -> None:
        self.logged: list[tuple[str, str, str]] = []
        self.created: list[tuple[str, str | None]] = []
        self.denied: set[str] = set()
        self.asked: list[tuple[str, str, str, str]] = []
        self.runtime = LambdaRuntime(
            directory,
            now=lambda: NOW,
            log=self.log,
            create_log=self.create_log,
            allowed=self.allowed,
            client_environment=lambda: {"AWS_ENDPOINT_URL": self.endpoint},
        )

    def log(self, group: str, stream: str, message: str) -> None:
        self.logged.append((group, stream, message))

    def create_log(self, group: str, stream: str | None) -> None:
        self.created.append((group, stream))

    def allowed(self, role: str, service: str, action: str, resource: str) -> Verdict:
        self.asked.append((role, service, action, resource))
        return Verdict.DENIED if action in self.denied else Verdict.ALLOWED

    def lines(self) -> list[str]:
        return [message for _, _, message in self.logged]

    def call(self, source: str, event: Any = None, **changes: Any) -> Any:
        invocation = self.runtime.invoke(function(source, **changes), json.dumps(event).encode())
        return json.loads(invocation.payload)
