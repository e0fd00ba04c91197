"""A shop's clicks by configuration: all types, a changed definition, end to end."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.clicks import delivered, failed
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.config import Config
from mysfits_stream.config_file import parse
from tests.support.cloud import CloudUnderTest
from tests.support.definitions import ALL_TYPES, SHOP
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow

PRODUCTS = {"4711": {"name": "Tea", "category": "drinks", "price": 3.5}}
SOLD = {"visitorId": "ada", "productId": "4711", "campaign": "may", "quantity": 2}
WORKSHOP = {"userId": "ada", "mysfitId": "m-1"}
HYDRA = {"mysfitId": "m-1", "goodevil": "evil", "lawchaos": "lawful", "species": "Hydra", "name": "Lerna"}


class Service(BaseHTTPRequestHandler):
    """Products, and one mysfit."""

    def do_GET(self) -> None:
        kind, _, key = self.path.strip("/").partition("/")
        found: Any = PRODUCTS.get(key) if kind == "products" else HYDRA if key == "m-1" else None
        if kind == "items?id=7":
            found = {"title": "Seven", "weight": 0.5, "available": True}
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@dataclass
class Shop(Deployment):
    """A stack whose processor asks the test's own service."""

    service: str = field(kw_only=True)

    @property
    def mysfits_api(self) -> str:
        return self.service

    def failures(self) -> list[bytes]:
        """The contents of failed records."""
        lines = [
            (line, key)
            for key, content in self.objects("processing-failed/").items()
            for line in content.splitlines()
        ]
        return [record.data for line, key in lines if (record := failed.parse(line, key))]


@pytest.fixture
def service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def shop(local_cloud: CloudUnderTest, tmp_path: Path, service: str) -> Shop:
    return Shop(local_cloud, tmp_path, parse(SHOP), service=service)


def test_a_shops_clicks_go_all_the_way_by_configuration_alone(shop: Shop) -> None:
    shop.up()
    assert set(shop.statuses().values()) == {"in-sync"}
    assert shop.put([SOLD, {"visitorId": "bob", "productId": "9"}]).status_code == 200
    for refused in ({**SOLD, "quantity": 0}, {**SOLD, "productId": "x"}, {"visitorId": "ada"}, WORKSHOP):
        assert shop.put(refused).status_code == 400
    shop.pass_buffers()
    known, unknown = shop.delivered()
    tail = ["clickedAt", "clickId", "requestId"]
    assert list(known) == [*SOLD, "name", "category", "price", *tail]
    assert (known["name"], known["price"], known["quantity"]) == ("Tea", 3.5, 2)
    assert list(unknown) == ["visitorId", "productId", "name", "category", "price", "enriched", *tail]
    assert (unknown["name"], unknown["enriched"]) == (None, False)
    assert not shop.failures()


def test_a_changed_definition_loses_no_click_that_lies_in_the_buffers(shop: Shop) -> None:
    changed, shop.config = shop.config, Config()
    shop.up()
    assert shop.put(WORKSHOP).ok
    shop.config = changed
    shop.calls.clear()
    shop.up()
    assert shop.calls.index("UpdateFunctionConfiguration") < shop.calls.index("PutRestApi")
    assert shop.put(SOLD).ok
    shop.pass_buffers()
    earlier, later = sorted(shop.delivered(), key=lambda click: "visitorId" in click)
    assert (earlier["userId"], earlier["mysfitId"], earlier["enriched"]) == ("ada", "m-1", False)
    assert (later["visitorId"], later["name"]) == ("ada", "Tea")
    assert not shop.failures()


def test_lines_of_0_1_0_are_read_and_count_singly() -> None:
    old = {**WORKSHOP, "goodevil": "evil", "lawchaos": "lawful", "species": "Hydra"}
    line = json.dumps({**old, "clickedAt": "2026-01-01T00:00:00.000Z"}).encode()
    clicks = [click for click in map(delivered.parse, [line, line]) if click]
    assert len(list(Distinct().clicks(clicks))) == 2


def valid(chance: random.Random) -> dict[str, Any]:
    """A click that the definition with all types accepts."""
    click: dict[str, Any] = {
        "who": chance.choice(["\u00e9\U0001f409", "x" * 64, 'a"b\\c', "$input.json('$')", "guest"]),
        "item": chance.choice([1, 7, 2**53 - 1]),
        "ratio": chance.choice([-1.5, 0, 99.5, 0.1, 12, 1e-7]),
        "agreed": chance.choice([True, False]),
        "channel": chance.choice(CHANNELS),
    }
    click |= {"code": "AB-7"} if chance.random() < 0.5 else {}
    click |= {"stars": chance.choice([1, 2, 3])} if chance.random() < 0.5 else {}
    click |= (
        {"Note_2": chance.choice(["", "n" * 2048, "#set($x = 1)\u2028\n\t"])} if chance.random() < 0.5 else {}
    )
    return click


CHANNELS = ALL_TYPES["click"]["fields"]["channel"]["enum"]
INVALID: dict[str, list[Any]] = {
    "who": ["x", "x" * 65, 7, None],
    "item": [0, 2**53, "7", 7.5, True],
    "ratio": [-1.6, 99.6, "1", False],
    "agreed": [0, "true", None],
    "channel": ["Web", "", 1],
    "code": ["ab-7", "AB-7\n", "AB-1234", 7],
    "stars": [0, 4, "1", True],
    "Note_2": ["n" * 2049, {}, []],
    "note_2": ["another case"],
    "clickedAt": ["2026-01-01T00:00:00.000Z"],
    "clickId": ["short", "with space", 12345678],
}


def test_a_ledger_of_clicks_of_all_types_balances(shop: Shop) -> None:
    chance = random.Random(15)  # noqa: S311 - repeatable, not secret
    shop.config = parse(ALL_TYPES)
    shop.up()
    assert set(shop.statuses().values()) == {"in-sync"}
    accepted: dict[str, dict[str, Any]] = {}
    for number in range(40):
        clicks = [
            valid(chance) | {"clickId": f"click-{number:03}-{part}"} for part in range(chance.choice((1, 3)))
        ]
        assert shop.put(clicks[0] if len(clicks) == 1 else clicks).status_code == 200, clicks
        accepted |= {click["clickId"]: click for click in clicks}
    for name, values in INVALID.items():
        for value in values:
            assert shop.put([valid(chance), valid(chance) | {name: value}]).status_code == 400, (name, value)
    without = valid(chance)
    del without["agreed"]
    assert shop.put(without).status_code == 400
    shop.pass_buffers()
    assert not shop.failures()
    stored = {line["clickId"]: line for line in shop.delivered()}
    assert stored.keys() == accepted.keys()
    for click_id, click in accepted.items():
        assert {name: stored[click_id].get(name) for name in click} == click
        known = click["item"] == 7
        assert stored[click_id]["title"] == ("Seven" if known else None)
        assert stored[click_id].get("enriched", True) is known
