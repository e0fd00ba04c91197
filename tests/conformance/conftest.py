"""The endpoint of the cases: the local cloud, or an emulator named with ``--endpoint``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.settings import Settings
from tests.conformance.cloud import Cloud


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--endpoint", help="run the conformance cases against the emulator at this URL")
    group.addoption(
        "--invoke-url",
        default="{endpoint}/restapis/{api}/{stage}/_user_request_{path}",
        help="how that emulator spells the URL of a deployed API",
    )
    group.addoption("--account", default="123456789012", help="that emulator's account id")
    group.addoption("--patience", type=float, default=180, help="seconds to wait for what it delivers")


@pytest.fixture(scope="session")
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """Where the cases run."""
    # A run of the whole suite does not read this file early enough to know its options.
    endpoint = request.config.getoption("--endpoint", default=None)
    if endpoint:
        options = request.config.option
        yield Cloud(
            endpoint.rstrip("/"), options.invoke_url, options.account, ours=False, patience=options.patience
        )
        return
    local = local_cloud(Settings(access="open"), background=False)
    local.start()
    try:
        yield Cloud(local.endpoint)
    finally:
        local.stop()
