"""A processor with a standing clock and a scripted Mysfits service."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import BaseAdapter

from mysfits_stream.config import Config
from mysfits_stream.lambda_src.stream_processor import Definition, Items, MysfitsService, Processor

OK, FAILED = "Ok", "ProcessingFailed"
CLICK = {"userId": "Ada", "mysfitId": "hydra-1"}
HYDRA = {
    "mysfitId": "hydra-1",
    "goodevil": "Evil",
    "lawchaos": "Chaotic",
    "species": "Hydra",
    "name": "Lerna",
    "age": 709,
}
SPHINX = {"mysfitId": "sphinx_2", "goodevil": "Good", "lawchaos": "Lawful", "species": "Sphinx", "age": 3}
ARRIVED = 1_495_072_949_453
DEFINITION = Definition(json.loads(Config().definition.environment()))
"""The workshop's click, as the function reads it from its environment."""

Reply = tuple[int, bytes] | Exception


def says(value: Any) -> Reply:
    """A 200 with this JSON."""
    return 200, json.dumps(value).encode()


HEALTHY: dict[str, Reply] = {
    "/mysfits/hydra-1": says(HYDRA),
    "/mysfits/sphinx_2": says(SPHINX),
    "/mysfits": says({"mysfits": [HYDRA, SPHINX]}),
}


class ScriptedService(BaseAdapter):
    """In place of the network: replies by path, else ``otherwise``; counts requests."""

    def __init__(self, replies: Mapping[str, Reply], otherwise: Reply = (404, b"")) -> None:
        super().__init__()
        self.replies, self.otherwise = replies, otherwise
        self.asked: Counter[str] = Counter()
        self.timeouts: list[Any] = []

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Reply as the script says."""
        path = str(request.path_url).removeprefix("/api")
        self.asked[path] += 1
        self.timeouts.append(timeout)
        reply = self.replies.get(path, self.otherwise)
        if isinstance(reply, Exception):
            raise reply
        response = requests.Response()
        response.status_code, body = reply
        response.raw, response.request, response.url = io.BytesIO(body), request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class World:
    """A processor and all that it depends on."""

    service: ScriptedService = field(default_factory=lambda: ScriptedService(HEALTHY))
    cache_seconds: float = 300
    now: float = 1_700_000_000.0
    log: list[dict[str, Any]] = field(default_factory=list)
    definition: Definition = field(default_factory=lambda: DEFINITION)

    def __post_init__(self) -> None:
        """Put the parts together."""
        service = MysfitsService("http://mysfits.test/api/", self.service, self.clock)
        items = Items(self.definition, service, self.cache_seconds, self.clock)
        self.processor = Processor(self.definition, items, self.clock, self._log)

    def _log(self, line: str) -> None:
        self.log.append(json.loads(line))

    def clock(self) -> float:
        """The time, which passes only when a test says so."""
        return self.now

    def process(self, *contents: bytes, seconds_left: float = 60) -> list[dict[str, Any]]:
        """What becomes of records with these contents."""
        answer = self.processor.process(event(*contents), seconds_left)
        assert list(answer) == ["records"]
        return answer["records"]


def event(*contents: bytes) -> dict[str, Any]:
    """A Firehose event (F80)."""
    records = [
        {
            "recordId": f"{number:056d}",
            "approximateArrivalTimestamp": ARRIVED + number,
            "data": base64.b64encode(content).decode(),
        }
        for number, content in enumerate(contents)
    ]
    return {
        "invocationId": "an-invocation",
        "deliveryStreamArn": "arn:aws:firehose:eu-west-1:123456789012:deliverystream/clicks",
        "region": "eu-west-1",
        "records": records,
    }


def click(mysfit: str = "hydra-1", user: str = "guest") -> bytes:
    """A record's content: one click."""
    return json.dumps({"userId": user, "mysfitId": mysfit}).encode()


def envelope(clicks: Any, **members: Any) -> bytes:
    """A record's content: the envelope of a request, as the mapping template writes it."""
    return json.dumps(
        {"v": 1, "requestId": "request-1", "time": ARRIVED - 5000, "first": 0, "clicks": clicks} | members
    ).encode()


def lines(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The enriched clicks in a record that came back Ok."""
    assert record["result"] == "Ok"
    text = base64.b64decode(record["data"], validate=True).decode("ascii")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.removesuffix("\n").split("\n")]


def results(records: list[dict[str, Any]]) -> list[str]:
    """Each record's result, in order."""
    return [record["result"] for record in records]
