"""How fast the processor is: 500 clicks, 12 mysfits, 5 ms for each answer.

Beside it, in the same rounds: the workshop's way, which asks the service anew for every record, and the
floor, which is decoding and encoding the same records and nothing else.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import multiprocessing
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import requests

from benchmarks.measure import Comparison, Target, compare
from mysfits_stream.config import Config
from mysfits_stream.lambda_src.stream_processor import Definition, Processor, build

CLICKS, MYSFITS, SERVICE_SECONDS = 500, 12, 0.005
TIMEOUT = 60.0
DEFINITION = Definition(json.loads(Config().definition.environment()))

ATTRIBUTES = ("goodevil", "lawchaos", "species")
BESTIARY: dict[str, dict[str, Any]] = {
    mysfit_id: {
        "mysfitId": mysfit_id,
        "name": f"Mysfit {number}",
        "species": ("Hydra", "Sphinx", "Basilisk", "Selkie")[number % 4],
        "age": 100 + number,
        "description": "Lives under the hill, comes out when the moon is new, and likes to be scratched. "
        * 4,
        "goodevil": ("Good", "Neutral", "Evil")[number % 3],
        "lawchaos": ("Lawful", "Neutral", "Chaotic")[number // 3 % 3],
        "thumbImageUri": f"https://example.com/thumb/{number}.jpg",
        "profileImageUri": f"https://example.com/profile/{number}.jpg",
    }
    for number, mysfit_id in enumerate(str(uuid.UUID(int=7 * n)) for n in range(1, MYSFITS + 1))
}


def run() -> Comparison:
    """The workshop's way, ours from cold and warm, and the floor."""
    event, bare = batch(), batch(bare=True)
    with mysfits_service() as base_url:
        warm = cold(base_url)
        check(base_url, event, bare, warm)
        return compare(
            f"Processor: {CLICKS} clicks on {MYSFITS} mysfits, a service {SERVICE_SECONDS * 1000:g} ms away",
            {
                "workshop's way": lambda: workshop(base_url, bare),
                "cold": lambda: cold(base_url).process(event, TIMEOUT),
                "warm": lambda: warm.process(event, TIMEOUT),
                "floor": lambda: floor(event),
            },
            targets=(
                Target("workshop's way", "cold", 150),
                Target("workshop's way", "warm", 600),
                Target("floor", "warm", 0.8),
            ),
        )


def batch(*, bare: bool = False) -> dict[str, Any]:
    """A Firehose event of clicks on every mysfit in turn: in envelopes, or ``bare``."""
    mysfits = itertools.cycle(BESTIARY)

    def content(number: int) -> dict[str, Any]:
        click = {"userId": str(uuid.UUID(int=number)), "mysfitId": next(mysfits)}
        request_id = base64.b64encode(f"request-{number:013}".encode()).decode()
        envelope = {"v": 1, "requestId": request_id, "time": 1_760_000_000_000 + number * 37, "first": 0}
        return (
            click
            if bare
            else envelope | {"clicks": click | {"clickId": str(uuid.UUID(int=~number % 2**128))}}
        )

    return {
        "invocationId": "7d9d1d9d-invocation",
        "records": [
            {
                "recordId": f"{number:056d}000000",
                "approximateArrivalTimestamp": 1_760_000_000_000 + number * 37,
                "data": encode(content(number)),
            }
            for number in range(CLICKS)
        ],
    }


def workshop(base_url: str, event: dict[str, Any]) -> dict[str, Any]:
    """What module 5 describes: a request for each record, five fields, a newline."""
    records = []
    for record in event["records"]:
        click = json.loads(base64.b64decode(record["data"]))
        mysfit = requests.get(f"{base_url}/mysfits/{click['mysfitId']}", timeout=30).json()
        enriched = {**click, **{name: mysfit[name] for name in ATTRIBUTES}}
        records.append({"recordId": record["recordId"], "result": "Ok", "data": encode(enriched, "\n")})
    return {"records": records}


def floor(event: dict[str, Any]) -> list[str]:
    """Decode every record and encode the same line as ours; check nothing, ask nothing."""
    outcome = []
    for record in event["records"]:
        envelope = json.loads(base64.b64decode(record["data"]))
        click = envelope["clicks"]
        mysfit = BESTIARY[click["mysfitId"]]
        line = {"userId": click["userId"], "mysfitId": click["mysfitId"]}
        line |= {name: mysfit[name] for name in (*ATTRIBUTES, "name")}
        line |= {
            "clickedAt": envelope["time"],
            "clickId": click["clickId"],
            "requestId": envelope["requestId"],
        }
        outcome.append(encode(line, "\n"))
    return outcome


def encode(value: dict[str, Any], end: str = "") -> str:
    """A record's data: JSON in base64."""
    return base64.b64encode((json.dumps(value) + end).encode()).decode()


def check(base_url: str, event: dict[str, Any], bare: dict[str, Any], ours: Processor) -> None:
    """Compare both sides: the same lines, ours with name, time and identity besides."""
    expected, found = workshop(base_url, bare)["records"], ours.process(event, TIMEOUT)["records"]
    for theirs, enriched in zip(expected, found, strict=True):
        line = json.loads(base64.b64decode(enriched["data"]))
        line = {name: line[name] for name in ("userId", "mysfitId", *ATTRIBUTES)}
        if line != json.loads(base64.b64decode(theirs["data"])):
            raise AssertionError(f"{line} is not what the workshop's way makes of that click")


def cold(base_url: str) -> Processor:
    """A processor that knows nothing yet, and logs nowhere: a terminal takes time."""
    return build(base_url, 3600, DEFINITION, log=lambda line: None)


@contextmanager
def mysfits_service() -> Iterator[str]:
    """The base URL of a stand-in service in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        if not ours.poll(30):
            raise TimeoutError("the stand-in for the Mysfits service did not start")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.terminate()
        server.join(10)


def serve(port: Connection) -> None:
    """Answer requests until terminated; sends its port first."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                mysfit_id = request.split(b" ", 2)[1].decode().rpartition("/")[2]
                body = json.dumps(BESTIARY[mysfit_id]).encode()
                await asyncio.sleep(SERVICE_SECONDS)  # the simulated latency of the service
                head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def forever() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


def main() -> None:
    """Print the comparison."""
    print(run())


if __name__ == "__main__":
    main()
