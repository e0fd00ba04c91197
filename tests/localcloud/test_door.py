"""A local cloud answers health before it is loaded, and loads once."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from mysfits_stream.localcloud.door import Door, DoorClosedError
from mysfits_stream.localcloud.http.messages import Environ, Request, to_environ
from mysfits_stream.localcloud.http.refusals import Cut
from mysfits_stream.localcloud.settings import Settings


class Cloud:
    """A cloud that answers every request with its path."""

    def __init__(self) -> None:
        self.begun = 0

    def front(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(environ["PATH_INFO"])))])
        return [environ["PATH_INFO"].encode()]

    def begin(self) -> None:
        self.begun += 1


class Maker:
    """Makes a cloud when it may, and counts the attempts."""

    def __init__(self) -> None:
        self.made = 0
        self.entered, self.may = threading.Event(), threading.Event()
        self.may.set()
        self.error: Exception | None = None

    def __call__(self, door: Door[Cloud]) -> Cloud:
        self.made += 1
        self.entered.set()
        self.may.wait(30)
        if self.error:
            raise self.error
        return Cloud()


@pytest.fixture
def maker() -> Maker:
    return Maker()


@pytest.fixture
def stopped() -> list[str]:
    return []


@pytest.fixture
def door(maker: Maker, stopped: list[str]) -> Iterator[Door[Cloud]]:
    made = Door(Settings(), maker, lambda: stopped.append("asked"))
    made.start(0)
    yield made
    maker.may.set()
    made.stop()


def get(door: Door[Cloud], path: str) -> requests.Response:
    return requests.get(f"{door.endpoint}{path}", timeout=30)


def test_health_needs_no_cloud(door: Door[Cloud], maker: Maker) -> None:
    found = get(door, "/_local/health").json()
    assert (found["status"], found["identity"], found["loaded"]) == ("ready", door.identity, False)
    assert maker.made == 0


def test_only_the_path_itself_is_health(door: Door[Cloud]) -> None:
    with socket.create_connection(("127.0.0.1", door.port), 30) as raw:
        host = f"Host: 127.0.0.1:{door.port}"
        raw.sendall(f"GET ///_local/health HTTP/1.1\r\n{host}\r\nConnection: close\r\n\r\n".encode())
        raw.settimeout(30)
        answer = b"".join(iter(lambda: raw.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200") and b"identity" not in answer
    assert door.cloud is not None


def test_health_answers_while_the_cloud_loads(door: Door[Cloud], maker: Maker) -> None:
    maker.may.clear()
    door.load_soon()
    assert maker.entered.wait(30)
    assert get(door, "/_local/health").json()["loaded"] is False
    assert door.cloud is None


def test_the_first_requests_load_one_cloud_and_all_get_answers(door: Door[Cloud], maker: Maker) -> None:
    maker.may.clear()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(get, door, f"/bucket/{number}") for number in range(8)]
        assert maker.entered.wait(30)
        maker.may.set()
        assert [each.result().text for each in asked] == [f"/bucket/{number}" for number in range(8)]
    assert maker.made == 1
    assert door.cloud is not None and door.cloud.begun == 1


def test_a_cloud_that_cannot_be_loaded_is_an_error_of_the_request_and_tried_again(
    door: Door[Cloud], maker: Maker
) -> None:
    maker.error = MemoryError()
    failed = get(door, "/bucket")
    assert (failed.status_code, failed.json()["message"]) == (
        500,
        "the local cloud cannot be loaded; see its log",
    )
    maker.error = None
    assert get(door, "/bucket").text == "/bucket"
    assert maker.made == 2


def test_a_stop_needs_the_key_and_no_cloud(door: Door[Cloud], maker: Maker, stopped: list[str]) -> None:
    url = f"{door.endpoint}/_local/stop"
    assert requests.post(url, timeout=30).status_code == 403
    assert stopped == []
    key = {"Authorization": f"Bearer {door.access_key_id}"}
    assert requests.post(url, headers=key, timeout=30).status_code == 202
    assert (stopped, maker.made) == (["asked"], 0)


def test_a_stop_waits_for_the_end_of_a_load(door: Door[Cloud], maker: Maker) -> None:
    maker.may.clear()
    door.load_soon()
    assert maker.entered.wait(30)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(door.stop)
        maker.may.set()
        stopping.result(30)
    assert door.cloud is not None, "whoever stops the door can stop the cloud, too"


def test_a_stopped_door_loads_no_cloud(door: Door[Cloud], maker: Maker) -> None:
    door.stop()
    with pytest.raises(DoorClosedError):
        door.load()
    with pytest.raises(Cut):
        door(to_environ(Request("GET", "/bucket", "", {})), lambda *_: None)
    assert maker.made == 0


def test_a_cloud_that_is_loaded_before_the_start_begins_with_the_start(maker: Maker) -> None:
    door = Door(Settings(), maker)
    cloud = door.load()
    assert cloud.begun == 0
    door.start(0)
    assert cloud.begun == 1
    door.stop()
