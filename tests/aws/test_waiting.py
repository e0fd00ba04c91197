"""The two loops that wait for AWS, in a time of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from mysfits_stream.aws.waiting import (
    IAM_BUDGET,
    Expired,
    Interrupt,
    Interrupted,
    retry_while,
    wait_until,
)
from tests.support.clock import Time


class TransientError(Exception):
    pass


class OtherTransientError(Exception):
    pass


class PermanentError(Exception):
    pass


def transient(error: Exception) -> bool:
    return isinstance(error, TransientError | OtherTransientError)


def failing(*errors: Exception) -> Callable[[], str]:
    left: Iterator[Exception] = iter(errors)

    def call() -> str:
        for error in left:
            raise error
        return "done"

    return call


@pytest.fixture
def time() -> Time:
    return Time()


def test_what_answers_at_once_is_not_waited_for(time: Time) -> None:
    assert retry_while(transient, failing(), time.pace, waiting_for="x", advice="y") == "done"
    wait_until(lambda: True, time.pace, waiting_for="x", advice="y", budget=0)
    assert (time.slept, time.reports) == ([], [])


def test_pauses_are_dense_at_first_and_then_steady(time: Time) -> None:
    """F3."""
    errors = [TransientError()] * 65
    retry_while(transient, failing(*errors), time.pace, waiting_for="x", advice="y")
    assert time.slept == [0.25, 0.5, *[1.0] * 60, 2.0, 2.0, 2.0]


def test_messages_that_change_share_one_budget(time: Time) -> None:
    """F5."""
    errors = [TransientError("a"), OtherTransientError("b")] * 100
    with pytest.raises(Expired) as raised:
        retry_while(transient, failing(*errors), time.pace, waiting_for="IAM", advice="y", budget=10)
    assert time.now <= 10
    assert isinstance(raised.value.__cause__, TransientError | OtherTransientError)


def test_an_error_that_time_does_not_heal_comes_out_at_once(time: Time) -> None:
    with pytest.raises(PermanentError):
        retry_while(
            transient, failing(TransientError(), PermanentError()), time.pace, waiting_for="x", advice="y"
        )
    assert time.slept == [0.25]


def test_an_interrupted_call_is_not_taken_for_an_answer(time: Time) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retry_while(lambda _: True, interrupted, time.pace, waiting_for="x", advice="y")
    assert time.slept == []


def test_the_last_answer_and_the_advice_are_in_the_verdict(time: Time) -> None:
    call = failing(*[TransientError("not yet.")] * 1000)
    with pytest.raises(Expired) as raised:
        retry_while(transient, call, time.pace, waiting_for="the role", budget=5, advice="check it.")
    text = str(raised.value)
    assert text.startswith("still waiting for the role after 5 s")
    assert "check it" in text and "last response of AWS: not yet" in text and "\n" not in text


def test_a_wait_says_what_it_waits_for_and_how_long(time: Time) -> None:
    retry_while(
        transient, failing(*[TransientError()] * 5), time.pace, waiting_for="IAM to propagate", advice="y"
    )
    assert time.reports[0] == f"waiting for IAM to propagate, 0 s of {IAM_BUDGET:.0f} s"
    assert time.reports[-1] == "waiting for IAM to propagate, 3 s of 120 s"


def test_the_pause_that_aws_asks_for_is_kept(time: Time) -> None:
    """F21, F61."""
    retry_while(
        transient,
        failing(*[TransientError()] * 2),
        time.pace,
        waiting_for="x",
        advice="y",
        pause=lambda _: 31.0,
    )
    assert time.slept == [31.0, 31.0]


def test_a_pause_that_goes_beyond_the_budget_is_not_begun(time: Time) -> None:
    with pytest.raises(Expired):
        retry_while(
            transient,
            failing(*[TransientError()] * 2),
            time.pace,
            waiting_for="x",
            advice="y",
            budget=30,
            pause=lambda _: 31.0,
        )
    assert time.slept == []


def test_a_slow_call_counts_against_the_budget(time: Time) -> None:
    def slow() -> None:
        time.now += 50
        raise TransientError

    with pytest.raises(Expired):
        retry_while(transient, slow, time.pace, waiting_for="x", advice="y", budget=120)
    assert time.now < 170


def test_a_condition_is_asked_again_until_it_holds(time: Time) -> None:
    answers = iter([False, False, False, False, True])
    wait_until(lambda: next(answers), time.pace, waiting_for="x", advice="y", budget=10)
    assert time.slept == [0.25, 0.5, 1.0, 1.0]


def test_a_condition_that_never_holds_ends_with_the_budget(time: Time) -> None:
    with pytest.raises(Expired, match=r"^still waiting for the stream after 60 s; run `up` again$"):
        wait_until(lambda: False, time.pace, waiting_for="the stream", budget=60, advice="run `up` again")
    assert 55 < time.now <= 60


def test_an_error_of_a_condition_comes_out(time: Time) -> None:
    with pytest.raises(PermanentError):
        wait_until(
            lambda: bool(failing(PermanentError())()), time.pace, waiting_for="x", advice="y", budget=60
        )


def test_a_condition_holds_several_times_without_a_miss() -> None:
    time = Time()
    seen = iter([True, False, True, True, False, True, True, True])
    wait_until(lambda: next(seen), time.pace, waiting_for="x", advice="y", budget=60, in_a_row=3)
    assert next(seen, None) is None


def test_an_interrupt_ends_every_sleep_now_and_from_now_on() -> None:
    interrupt = Interrupt()
    asleep = threading.Barrier(2)
    ended: list[str] = []

    def sleeper() -> None:
        asleep.wait(10)
        try:
            interrupt.sleep(3600)
        except Interrupted as error:
            ended.append(str(error))

    thread = threading.Thread(target=sleeper)
    thread.start()
    asleep.wait(10)
    interrupt.set()
    thread.join(10)
    assert ended == ["interrupted"]
    with pytest.raises(Interrupted):
        interrupt.sleep(3600)


def test_without_an_interrupt_a_sleep_just_ends() -> None:
    Interrupt().sleep(0)
