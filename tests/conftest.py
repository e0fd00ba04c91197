"""The embedded local cloud for tests: on an ephemeral port, on a clock that the test moves."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.clock import START, Clock
from tests.support.cloud import CloudUnderTest
from tests.support.command_server import CommandServer

if TYPE_CHECKING:
    from tests.support.deployment import Deployment
    from tests.support.ledger import MysfitsService, Pipeline

# What a run of the crash matrix reports. It stands here, and not beside the matrix, because pytest reads this
# file before anything else, whichever tests are asked for and however many processes they run in.

MATRIX_CASES = "crash matrix cases"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("matrix").addoption(
        "--all-cases", action="store_true", help="run every case of matrix tests, and not only a sample"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    counts = [value for report in reports for name, value in report.user_properties if name == MATRIX_CASES]
    if counts:
        terminalreporter.write_line(f"{MATRIX_CASES}: {sum(int(str(count)) for count in counts)}")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts the tests' own runs, also after a start of pytest in the background.

    Such a shell lets its children ignore SIGINT, and their children inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
def cloud_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudUnderTest]:
    """One local cloud for all tests of a process: starting takes a second, emptying nothing."""
    from mysfits_stream.local_site.cloud import local_cloud
    from mysfits_stream.localcloud.settings import Settings

    clock = Clock()
    cloud = local_cloud(Settings(time_scale=1, access="open"), now=clock, background=False)
    cloud.start()
    try:
        yield CloudUnderTest(cloud, clock, snapshots=tmp_path_factory.mktemp("snapshots"))
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
    from tests.support.deployment import Deployment

    return Deployment(local_cloud, tmp_path)


@pytest.fixture(scope="session")
def command_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    """Runs commands in processes of their own; one for all tests of this process."""
    server = CommandServer(tmp_path_factory.mktemp("commands"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def mysfits_service() -> Iterator[MysfitsService]:
    """A Mysfits service of the tests' own, for all pipelines of this process."""
    from tests.support.ledger import MysfitsService

    service = MysfitsService()
    yield service
    service.close()


@pytest.fixture
def pipeline(local_cloud: CloudUnderTest, tmp_path: Path, mysfits_service: MysfitsService) -> Pipeline:
    """A stack that is up, with a Mysfits service that the test can trouble."""
    from tests.support.ledger import troubled_pipeline

    return troubled_pipeline(local_cloud, tmp_path, mysfits_service)
