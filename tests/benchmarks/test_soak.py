"""The judgement of a soak: no accepted click may be lost, and memory may not grow."""

from __future__ import annotations

import os
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks.soak import Soak, growth_of_level, judge, open_files, read_results, slope
from mysfits_stream.localcloud.daemon import Running

RUNNING = Running(1, 1, 1.0, "identity", "0")


def soak(**found: Any) -> Soak:
    flat = [(float(second), 100.0, 70, 60) for second in range(0, 600, 5)]
    return Soak(Path(), RUNNING, **{"samples": flat, **found})


def test_every_accepted_click_is_delivered_or_failed() -> None:
    outcomes = {"+": {"a", "b"}, "-": {"c"}, "?": {"d"}}
    found = soak(delivered=Counter("ad"), failed=Counter("b"))
    assert judge(found, outcomes, 600)[1] == []
    figures, wrong = judge(soak(delivered=Counter("ax")), outcomes, 600)
    assert wrong == ["accepted and lost", "never sent"]
    assert (figures["accepted and lost"], figures["never sent"]) == (1, 1)


def test_memory_that_grows_in_the_second_half_is_wrong() -> None:
    growing = [(float(second), second / 30, 70, 60) for second in range(0, 600, 5)]
    assert judge(soak(samples=growing), {"+": set(), "-": set(), "?": set()}, 600)[1] == [
        "memory grows by 2.00 MB a minute"
    ]


@pytest.mark.parametrize(("name", "index"), [("threads", 2), ("open files", 3)])
def test_threads_and_files_that_grow_are_wrong(name: str, index: int) -> None:
    growing = [[float(second), 100.0, 70, 60] for second in range(0, 600, 5)]
    for number, sample in enumerate(growing):
        sample[index] += number
    none: dict[str, set[str]] = {"+": set(), "-": set(), "?": set()}
    found = soak(samples=[tuple(sample) for sample in growing])
    assert judge(found, none, 600)[1] == [f"{name} grow by 40"]


def test_a_single_peak_of_open_files_is_no_growth() -> None:
    assert growth_of_level([60] * 20 + [200] + [60] * 20) == 0
    assert growth_of_level([60]) == 0


def test_connections_of_clients_are_not_counted_as_open_files() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        before = open_files(os.getpid(), port)
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            # The client's end is a file of this process, too.
            assert open_files(os.getpid(), port) == before + 1
            accepted.close()
            assert open_files(os.getpid(), port) == before + 1
            assert client.fileno() > 0


def test_growth_is_a_minutes() -> None:
    assert slope([(0.0, 10.0), (30.0, 11.0), (60.0, 12.0)]) == pytest.approx(2.0)
    assert slope([]) == 0.0


def test_results_are_read_by_outcome(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("+a\n-b\n?c\n+d\n")
    assert read_results(tmp_path / "results") == {"+": {"a", "d"}, "-": {"b"}, "?": {"c"}}
