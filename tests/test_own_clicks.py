"""A shop's own clicks by configuration alone, a changed definition, a stack of 0.1.0: end to end."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.clicks import delivered, failed
from mysfits_stream.clicks.distinct import Distinct
from mysfits_stream.config import Config, parse
from mysfits_stream.provision import stack
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment
from tests.test_click_definition import SHOP

pytestmark = pytest.mark.slow

PRODUCTS = {"4711": {"name": "Tea", "category": "drinks", "price": 3.5}}
SOLD = {"visitorId": "ada", "productId": "4711", "campaign": "may", "quantity": 2}
WORKSHOP = {"userId": "ada", "mysfitId": "m-1"}
HYDRA = {"mysfitId": "m-1", "goodevil": "evil", "lawchaos": "lawful", "species": "Hydra", "name": "Lerna"}
CODE_OF_ANOTHER_VERSION = "def handler(event, context):\n    raise RuntimeError\n"
TEMPLATE_OF_0_1_0 = (
    '{"DeliveryStreamName": "STREAM", "Record": {"Data": "$util.base64Encode($input.json(\'$\'))"}}'
)


class Service(BaseHTTPRequestHandler):
    """Products, and one mysfit."""

    def do_GET(self) -> None:
        kind, _, key = self.path.strip("/").partition("/")
        found = PRODUCTS.get(key) if kind == "products" else HYDRA if key == "m-1" else None
        body = json.dumps(found).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


class Shop(Deployment):
    """A stack whose processor asks the test's own service."""

    service: str

    def resources(self, **options: Any) -> stack.Stack:
        return stack.build(
            self.config,
            self.target.account,
            self.target.clients,
            mysfits_api=self.service,
            answers=self.target.answers,
            pace=self.target.pace,
            **options,
        )

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
    deployed = Shop(local_cloud, tmp_path, parse(SHOP))
    deployed.service = service
    return deployed


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


def test_one_up_brings_a_stack_of_0_1_0_over_with_clicks_in_its_buffers(shop: Shop) -> None:
    shop.config = Config()
    shop.up()
    make_it_0_1_0(shop)
    assert shop.put(WORKSHOP).ok
    assert [json.loads(record) for record in shop.cloud.cloud.firehose.held()] == [WORKSHOP]
    shop.calls.clear()
    shop.up()
    assert shop.calls.index("UpdateFunctionCode") < shop.calls.index("PutRestApi")
    assert set(shop.statuses().values()) == {"in-sync"}
    assert shop.put(WORKSHOP).ok
    shop.pass_buffers()
    lines = shop.delivered()
    assert [(line["species"], line["name"]) for line in lines] == [("Hydra", "Lerna")] * 2
    assert len({line["clickId"] for line in lines}) == 2
    assert not shop.failures()


def test_lines_of_0_1_0_are_read_and_count_singly() -> None:
    old = {**WORKSHOP, "goodevil": "evil", "lawchaos": "lawful", "species": "Hydra"}
    line = json.dumps({**old, "clickedAt": "2026-01-01T00:00:00.000Z"}).encode()
    clicks = [click for click in map(delivered.parse, [line, line]) if click]
    assert len(list(Distinct().clicks(clicks))) == 2


def make_it_0_1_0(shop: Shop) -> None:
    """A processor of another version, without the definition, and the deployed template of 0.1.0."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("stream_processor.py", CODE_OF_ANOTHER_VERSION)
    function: Any = shop.target.clients.function
    function.update_function_code(FunctionName=shop.names.function, ZipFile=target.getvalue())
    function.update_function_configuration(
        FunctionName=shop.names.function,
        Environment={"Variables": {"CACHE_SECONDS": "300", "MYSFITS_API": shop.service}},
    )
    api: Any = shop.target.clients.apigateway
    api_id = shop.resource("clicks-api").read().id
    [resource] = [
        item["id"] for item in api.get_resources(restApiId=api_id)["items"] if item["path"] == "/clicks"
    ]
    api.update_integration(
        restApiId=api_id,
        resourceId=resource,
        httpMethod="PUT",
        patchOperations=[
            {
                "op": "replace",
                "path": "/requestTemplates/application~1json",
                "value": TEMPLATE_OF_0_1_0.replace("STREAM", shop.names.stream),
            }
        ],
    )
    api.create_deployment(restApiId=api_id, stageName=shop.config.api.stage)
