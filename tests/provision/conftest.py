"""Resources in memory for the tests of converge()."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.converging import World, end_threads


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a state file."""
    return tmp_path / "state.json"


@pytest.fixture
def no_thread_stays_behind() -> Iterator[None]:
    yield
    end_threads()
