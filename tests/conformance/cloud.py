"""A cloud as the cases use it: AWS clients and deployed APIs at one endpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.config import Config

CASES = Path(__file__).parent / "cases"
REGION = "us-east-1"


@dataclass(frozen=True)
class Cloud:
    """One endpoint."""

    endpoint: str
    invoke_url: str = "{endpoint}/restapis/{api}/{stage}/_user_request_{path}"
    account: str = "123456789012"
    ours: bool = True
    patience: float = 60  # seconds to wait for what is delivered

    def client(self, service: str) -> Any:
        """An AWS client; no retries, so that the first answer is the one that is judged."""
        name: Any = service
        return boto3.client(
            name,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    def invoke(self, api: str, stage: str, path: str, method: str, **parts: Any) -> requests.Response:
        """Send one request to a deployed API."""
        url = self.invoke_url.format(endpoint=self.endpoint, api=api, stage=stage, path=path)
        return requests.request(method, url, timeout=30, **parts)


def load(name: str) -> list[dict[str, Any]]:
    """The cases of one file."""
    found: list[dict[str, Any]] = json.loads((CASES / name).read_text(encoding="utf-8"))
    return found


def expected_failures() -> dict[str, str]:
    """Case id -> why the local cloud differs from the recording.

    The suite fails when such a case passes.
    """
    found: dict[str, str] = json.loads((CASES / "expected_failures.json").read_text(encoding="utf-8"))
    return found


def left_out() -> dict[str, str]:
    """What a case needs that is not part of the click pipeline -> why its cases are not run."""
    found: dict[str, str] = json.loads((CASES / "left_out.json").read_text(encoding="utf-8"))
    return found
