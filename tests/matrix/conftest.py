"""The world of the crash matrix, and the calls of its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings
from tests.matrix.world import Which, World, perform
from tests.support.clock import Clock
from tests.support.in_process import InProcess


@pytest.fixture(scope="session")
def cloud_and_clock() -> Iterator[tuple[LocalCloud, Clock]]:
    """One local cloud for all cases of this process; its data plane stands still."""
    clock = Clock()
    cloud = local_cloud(Settings(time_scale=1), now=clock, background=False)
    try:
        yield cloud, clock
    finally:
        cloud.stop()


@pytest.fixture(scope="session")
def connected(cloud_and_clock: tuple[LocalCloud, Clock]) -> InProcess:
    """The deployer's clients; making them takes longer than a case."""
    return InProcess(*cloud_and_clock)


@pytest.fixture(scope="session")
def undisturbed() -> Callable[[str, World], list[Which]]:
    """The calls of a run to which nothing happens."""
    known: dict[str, list[Which]] = {}

    def calls(run: str, world: World) -> list[Which]:
        if run not in known:
            case, wrong = perform(world, run, None, None)
            assert not wrong, f"{run}, even without harm: {wrong}"
            known[run] = sorted(case.calls)
        return known[run]

    return calls


@pytest.fixture(scope="session")
def world(
    cloud_and_clock: tuple[LocalCloud, Clock],
    connected: InProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> World:
    """An account and a directory, which each case begins in anew."""
    return World(*cloud_and_clock, connected, tmp_path_factory.mktemp("matrix"))
