"""The processor's connections to a real HTTP server: shared, bounded in time and size."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.config import Config
from mysfits_stream.lambda_src import stream_processor
from mysfits_stream.lambda_src.stream_processor import (
    Connections,
    MysfitsService,
)
from tests.support.scripted_mysfits import (
    HYDRA,
    click,
    event,
    lines,
)


class Counting(ThreadingHTTPServer):
    """A real HTTP server of mysfits that counts connections and useless connections."""

    daemon_threads = False  # so that closing the server waits until all its answers have ended
    request_queue_size = 100
    connections = hung_up = 0

    def process_request(self, *args: Any) -> None:
        self.connections += 1
        super().process_request(*args)


class Answers(BaseHTTPRequestHandler):
    """Answers for any mysfit on an open connection; some paths make trouble."""

    protocol_version = "HTTP/1.1"
    server: Counting

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name in DRIPPING:
            self.wfile.write(DRIPPING[name])
            self.go_on_with(b" ", times=1000, pause=0.03)
        elif name.isdecimal():
            self.wfile.write(f"HTTP/1.1 {name} Any\r\nLocation: /mysfits/a\r\n\r\n".encode())
            self.go_on_with(b" " * (1 << 20), times=100, pause=0)
        else:
            body = b"{}" if name == "nobody" else json.dumps(HYDRA).encode()
            self.send_response(404 if name == "nobody" else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def go_on_with(self, piece: bytes, times: int, pause: float) -> None:
        """Send text repeatedly until the client disconnects or the answer is long enough."""
        self.close_connection = True
        try:
            for _ in range(times):
                if select.select([self.connection], [], [], pause)[0]:
                    break
                self.connection.sendall(piece)
            else:
                return
        except ConnectionError:
            pass
        self.server.hung_up += 1

    def log_message(self, *args: Any) -> None:
        pass


DRIPPING = {
    "nothing": b"",
    "a-status-line": b"HTTP/1.1 2",
    "a-header": b"HTTP/1.1 200 OK\r\nX: ",
    "a-body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "a-body-in-chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n",
    "a-body-without-end": b"HTTP/1.1 200 OK\r\n\r\n",
}


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting(("127.0.0.1", 0), Answers) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join(10)


@pytest.fixture
def connections() -> Iterator[Connections]:
    ours = Connections()
    yield ours
    ours.close()


def test_batches_share_a_connection_until_it_has_been_idle_for_long(
    server: Counting, connections: Connections
) -> None:
    now = 0.0
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: now)
    assert service.get(["/mysfits/a"], 60) == [HYDRA]
    assert service.get(["/mysfits/nobody"], 60) == [None]
    assert service.get(["/mysfits/b"], 60) == [HYDRA]
    assert server.connections == 1
    now += 31
    assert service.get(["/mysfits/c"], 99) == [HYDRA]
    assert server.connections == 2


def test_an_answer_that_drips_leaves_neither_a_thread_nor_a_connection(
    server: Counting, connections: Connections
) -> None:
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: 0.0)
    before = set(threading.enumerate())
    # Reads time out after half of the time that is left: never between two drops.
    *dripped, whole = service.get([*(f"/mysfits/{each}" for each in DRIPPING), "/mysfits/a"], 1.0)
    assert [str(each) for each in dripped] == ["no answer in time"] * len(DRIPPING)
    assert whole == HYDRA
    for thread in set(threading.enumerate()) - before:
        thread.join(10)  # the service's threads too, one for each connection
        assert not thread.is_alive()
    assert server.connections == len(DRIPPING) + 1
    assert server.hung_up == len(DRIPPING)
    assert service.get(["/mysfits/a"], 60) == [HYDRA]


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_an_answer_without_end_is_cut_off(server: Counting, connections: Connections, status: int) -> None:
    service = MysfitsService(f"http://127.0.0.1:{server.server_port}", connections, lambda: 0.0)
    before = set(threading.enumerate())
    [page] = service.get([f"/mysfits/{status}"], 60)
    assert str(page) == "an answer too large"
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert server.hung_up == 1


ONE_INVOCATION = """
import json, sys
import stream_processor

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

event = json.load(sys.stdin)
first, second = (stream_processor.handler(event, Context()) for _ in range(2))
assert first == second
print(json.dumps(first))
"""


def test_lambda_finds_the_handler_and_what_one_invocation_learns_serves_the_next(server: Counting) -> None:
    environment = {
        "MYSFITS_API": f"http://127.0.0.1:{server.server_port}/api",
        "CACHE_SECONDS": "300",
        "CLICK": Config().definition.environment(),
        "PYTHONPATH": str(Path(stream_processor.__file__).parent),
        "HTTP_PROXY": "http://127.0.0.1:1",  # to be left alone
    }
    finished = subprocess.run(
        [sys.executable, "-c", ONE_INVOCATION],
        env=environment,
        input=json.dumps(event(click())),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    *log, answered = map(json.loads, finished.stdout.splitlines())
    assert [line["cacheHits"] for line in log] == [0, 1]
    assert lines(answered["records"][0])[0]["species"] == "Hydra"
    assert server.connections == 1
