"""The processor and the Mysfits service: cache, list, trouble, time and invented ids."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection
from typing import Any

import pytest
import requests

from mysfits_stream.lambda_src.stream_processor import (
    CACHED_ITEMS,
    Items,
    MysfitsService,
    Page,
    ServiceError,
)
from tests.support.scripted_mysfits import (
    DEFINITION,
    FAILED,
    HEALTHY,
    HYDRA,
    OK,
    SPHINX,
    Reply,
    ScriptedService,
    World,
    click,
    lines,
    results,
    says,
)


def test_the_service_is_asked_once_for_each_mysfit_until_the_answer_is_old() -> None:
    world = World(cache_seconds=300)
    batch = [click("hydra-1"), click("sphinx_2")] * 50
    world.process(*batch)
    world.now += 299
    world.process(*batch)
    assert world.service.asked == {"/mysfits/hydra-1": 1, "/mysfits/sphinx_2": 1}
    world.now += 1
    world.process(*batch)
    assert world.service.asked == {"/mysfits/hydra-1": 2, "/mysfits/sphinx_2": 2}


def test_a_mysfit_that_was_not_found_is_asked_for_again_soon() -> None:
    world = World(service=ScriptedService({}), cache_seconds=300)
    world.process(click())
    world.service.replies = HEALTHY
    world.now += 29
    assert is_enriched(world, "hydra-1") == [False]
    world.now += 1
    assert is_enriched(world, "hydra-1") == [True]


def test_without_a_cache_every_batch_asks_anew() -> None:
    world = World(cache_seconds=0)
    for _ in range(2):
        assert is_enriched(world, "hydra-1", "unicorn") == [True, False]
    assert world.service.asked == {"/mysfits/hydra-1": 2, "/mysfits/unicorn": 2}


TROUBLE: dict[str, Reply] = {
    "internal error": (500, b""),
    "unavailable": (503, b"{}"),
    "throttled": (429, b""),
    "forbidden": (403, b'{"message": "Missing Authentication Token"}'),
    "moved": (302, json.dumps(HYDRA).encode()),
    "moved, without end": (302, b" " * 1_000_001),
    "a page in place of JSON": (200, b"<html>"),
    "an empty answer": (200, b""),
    "a list": says([7]),
    "null": says(None),
    "too deep": (200, b"[" * 200_000),
    "no attribute at all": says({"mysfitId": "hydra-1", "age": 3}),
    "species that is no text": says({**HYDRA, "species": ["Hydra"]}),
    "species without end": says({**HYDRA, "species": "H" * 257}),
    "an answer without end": says({**HYDRA, "description": "x" * 1_000_000}),
    "no connection": requests.ConnectionError("http://mysfits.test/api/mysfits/hydra-1"),
    "no connection in time": requests.ConnectTimeout("http://mysfits.test/api/mysfits/hydra-1"),
    "no answer in time": requests.ReadTimeout("http://mysfits.test/api/mysfits/hydra-1"),
    "half an answer": requests.exceptions.ChunkedEncodingError("http://mysfits.test/api/mysfits/hydra-1"),
}


@pytest.mark.parametrize("reply", TROUBLE.values(), ids=TROUBLE)
def test_in_trouble_with_nothing_known_the_batch_fails_as_a_whole_so_that_it_comes_again(
    reply: Reply,
) -> None:
    world = World(service=ScriptedService({}, otherwise=reply))
    with pytest.raises(ServiceError) as raised:
        world.process(click(), b"malformed")
    assert "hydra" not in f"{raised.value}{world.log}"
    world.service.replies = HEALTHY
    assert results(world.process(click(), b"malformed")) == [OK, FAILED]


@pytest.mark.parametrize("reply", TROUBLE.values(), ids=TROUBLE)
def test_in_trouble_what_the_service_said_last_is_good_enough(reply: Reply) -> None:
    world = World(cache_seconds=300)
    world.process(click())
    world.service.replies, world.service.otherwise = {}, reply
    world.now += 10_000
    assert lines(world.process(click())[0])[0]["species"] == "Hydra"
    assert world.log[-1]["stale"] == 1
    assert world.service.asked == {"/mysfits/hydra-1": 2}
    world.now += 29
    world.process(click())
    assert world.service.asked == {"/mysfits/hydra-1": 2}, "the service is left alone for a while"
    world.now += 1
    world.process(click())
    assert world.service.asked == {"/mysfits/hydra-1": 3}


def test_a_mysfit_that_was_not_found_long_ago_is_not_taken_as_missing_in_trouble() -> None:
    world = World(service=ScriptedService({}))
    world.process(click())
    world.service.otherwise = (503, b"")
    world.now += 10_000
    with pytest.raises(ServiceError):
        world.process(click())


def test_what_the_service_did_answer_is_kept_for_the_next_try() -> None:
    world = World(service=ScriptedService({"/mysfits/hydra-1": says(HYDRA)}, otherwise=(503, b"")))
    with pytest.raises(ServiceError):
        world.process(click("hydra-1"), click("sphinx_2"))
    world.service.replies = HEALTHY
    world.process(click("hydra-1"), click("sphinx_2"))
    assert world.service.asked["/mysfits/hydra-1"] == 1


def is_enriched(world: World, *mysfits: str) -> list[bool]:
    """Whether clicks on these mysfits come back enriched."""
    records = world.process(*map(click, mysfits))
    return ["enriched" not in line for record in records for line in lines(record)]


def test_a_service_that_fails_on_an_invented_mysfit_does_not_hold_up_the_others() -> None:
    world = World(service=ScriptedService(HEALTHY, otherwise=(500, b"KeyError: 'Item'")))
    assert is_enriched(world, "hydra-1", "invented") == [True, False]
    assert is_enriched(world, "hydra-1", "invented") == [True, False]
    assert world.service.asked["/mysfits"] == world.service.asked["/mysfits/invented"] == 1


def test_a_mysfit_that_only_the_list_tells_of_is_enriched() -> None:
    replies: dict[str, Reply] = {"/mysfits": says({"mysfits": [7, {"mysfitId": []}, SPHINX]})}
    world = World(service=ScriptedService(replies, otherwise=(500, b"")))
    assert results(world.process(click("sphinx_2"))) == [OK]


def test_an_empty_list_is_no_second_opinion() -> None:
    world = World(service=ScriptedService({"/mysfits": says({"mysfits": []})}, otherwise=(500, b"")))
    with pytest.raises(ServiceError):
        world.process(click())


def test_a_mysfit_without_attributes_takes_no_other_along() -> None:
    broken = {"mysfitId": "broken"}
    replies = {**HEALTHY, "/mysfits/broken": says(broken), "/mysfits": says({"mysfits": [HYDRA, broken]})}
    world = World(service=ScriptedService(replies))
    assert is_enriched(world, "hydra-1", "broken") == [True, False]


def test_timeouts_fit_into_the_time_that_is_left() -> None:
    world = World(service=ScriptedService({}, otherwise=(503, b"")))
    with pytest.raises(ServiceError):
        world.process(click(), seconds_left=3)
    assert len(world.service.timeouts) == 2  # the mysfit and the list
    assert sum(sum(timeout) for timeout in world.service.timeouts) <= 3


def test_without_time_nothing_is_asked_and_the_batch_comes_again() -> None:
    world = World()
    with pytest.raises(ServiceError, match="no time left"):
        world.process(click(), seconds_left=0.5)
    assert not world.service.asked


def test_an_answer_that_never_ends_is_not_waited_for() -> None:
    released = threading.Event()

    class Hanging(ScriptedService):
        def send(self, *args: Any, **kwargs: Any) -> requests.Response:
            released.wait(30)
            return super().send(*args, **kwargs)

    world = World(service=Hanging(HEALTHY))
    try:
        with pytest.raises(ServiceError, match="no answer in time"):
            world.process(click(), seconds_left=1.02)
        assert not world.service.asked
    finally:
        released.set()


class Census(MysfitsService):
    """Says that every mysfit whose id begins with ``real`` exists."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def get(self, paths: Collection[str], deadline: float, *, lists: bool = False) -> list[Page]:
        self.asked += paths
        return [HYDRA if path.startswith("/mysfits/real") else None for path in paths]


def test_an_id_is_quoted_as_one_segment_of_the_path() -> None:
    service = Census()
    Items(DEFINITION, service, 300, clock=lambda: 0.0).find(["../a b?c"], 60)
    assert service.asked == ["/mysfits/..%2Fa%20b%3Fc"]


def test_a_flood_of_invented_mysfits_leaves_the_cache_bounded_and_the_real_ones_in_it() -> None:
    service = Census()
    mysfits = Items(DEFINITION, service, 300, clock=lambda: 0.0)
    invented = [f"invented-{number}" for number in range(2 * CACHED_ITEMS)]
    mysfits.find(["real"], 60)
    mysfits.find(invented, 60)
    service.asked.clear()
    assert list(mysfits.find(["real", *invented], 60).attributes) == ["real"]
    assert "/mysfits/real" not in service.asked
    assert len(service.asked) == len(invented) - CACHED_ITEMS + 1
