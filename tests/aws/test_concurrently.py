"""Reads made together: at once, answered in order, and none left behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mysfits_stream.aws.concurrently import concurrently

PATIENCE = 10.0


def test_all_are_under_way_at_once_and_answer_in_order() -> None:
    meeting = threading.Barrier(3)

    def attend(name: str) -> Any:
        meeting.wait(PATIENCE)
        return name

    assert concurrently(lambda: attend("a"), lambda: attend("b"), lambda: attend("c")) == ["a", "b", "c"]


def test_the_longest_is_made_in_the_callers_own_thread() -> None:
    here, *elsewhere = concurrently(threading.get_ident, threading.get_ident, threading.get_ident)
    assert here == threading.get_ident()
    assert here not in elsewhere


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_what_one_raises_is_raised_once_the_others_have_ended(failing: int) -> None:
    ended: list[int] = []
    failed = threading.Event()

    def read(number: int) -> None:
        if number == failing:
            failed.set()
            raise LookupError(str(number))
        assert failed.wait(PATIENCE)
        ended.append(number)

    with pytest.raises(LookupError, match=str(failing)):
        concurrently(lambda: read(0), lambda: read(1), lambda: read(2))
    assert sorted(ended) == sorted({0, 1, 2} - {failing})


def test_of_several_errors_the_first_in_order_is_raised() -> None:
    raised = threading.Barrier(2)

    def fail(reason: str) -> None:
        raised.wait(PATIENCE)
        raise LookupError(reason)

    with pytest.raises(LookupError, match="first"):
        concurrently(lambda: fail("first"), lambda: fail("second"))
