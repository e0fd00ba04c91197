"""The embedded local cloud for tests: on an ephemeral port, on a clock that the test moves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mysfits_stream.localcloud.server import LocalCloud
    from tests.deployment import Deployment

START = 1_790_000_000.0
"""Where the clock of every test begins: 2026-09-21, 14:13:20 UTC."""


# What a run of the crash matrix reports. It stands here, and not beside the matrix, because pytest reads this
# file before anything else, whichever tests are asked for and however many processes they run in.

MATRIX_CASES = "crash matrix cases"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("matrix").addoption(
        "--all-cases", action="store_true", help="run every case of the crash matrix, and not only a sample"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    counts = [value for report in reports for name, value in report.user_properties if name == MATRIX_CASES]
    if counts:
        terminalreporter.write_line(f"{MATRIX_CASES}: {sum(int(str(count)) for count in counts)}")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


@dataclass(frozen=True)
class CloudUnderTest:
    """A local cloud at AWS's own pace; nothing is delivered until :meth:`advance` lets time pass."""

    cloud: LocalCloud
    clock: Clock
    region: str = "eu-west-1"

    @property
    def endpoint(self) -> str:
        """Its base URL."""
        return self.cloud.endpoint

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client that fails at once where AWS's would try again."""
        import boto3
        from botocore.config import Config

        name: Any = service
        return boto3.client(
            name,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def advance(self, seconds: float) -> None:
        """Let AWS's time pass, and deliver what is due by then."""
        self.clock.advance(seconds)
        self.cloud.deliver_due()


@pytest.fixture(scope="session", autouse=True)
def _no_aws_settings() -> Iterator[None]:
    """No test sees the credentials, the profile or the endpoint of whoever runs it."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("AWS_", "MYSFITS_STREAM_")):
                environment.delenv(name)
        environment.setenv("AWS_CONFIG_FILE", os.devnull)
        environment.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def cloud_server() -> Iterator[CloudUnderTest]:
    """One local cloud for all tests of this process. Starting it costs a second, emptying it nothing."""
    from mysfits_stream.config import LocalConfig
    from mysfits_stream.localcloud.server import LocalCloud

    clock = Clock()
    cloud = LocalCloud(LocalConfig(time_scale=1), now=clock, background=False)
    cloud.start()
    try:
        yield CloudUnderTest(cloud, clock)
    finally:
        cloud.stop()


@pytest.fixture
def local_cloud(cloud_server: CloudUnderTest) -> CloudUnderTest:
    """An empty local cloud, its clock at START."""
    cloud_server.cloud.reset()
    cloud_server.clock.now = START
    return cloud_server


@pytest.fixture
def deployment(local_cloud: CloudUnderTest, tmp_path: Path) -> Deployment:
    """The default stack on an empty local cloud, not yet up."""
    from tests.deployment import Deployment

    return Deployment(local_cloud, tmp_path)
