"""A pipeline that can be troubled, and a ledger of the clicks that are sent through it."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import threading
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests

from mysfits_stream.clicks import delivered, failed
from mysfits_stream.clicks.delivered import ParseProblems
from mysfits_stream.clicks.objects import ClicksBucket
from mysfits_stream.config_file import parse
from mysfits_stream.localcloud.aws_behavior.faults import FaultRule
from mysfits_stream.provision.resource import difference
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment

SETTINGS = {"processor": {"retries": 1, "cache_seconds": 0, "buffer_seconds": 60}}
ATTRIBUTES = {"goodevil": "evil", "lawchaos": "lawful", "species": "Hydra"}
SIZES = (*[1] * 12, 5, 40, 100)
"""How many clicks a request has: most have one, as most records have then."""

USER = re.compile(rb'"userId": ?"(u-[^"]+)"')
RAW = re.compile(rb'"rawData": ?"([^"]*)"')


class MysfitsService:
    """A Mysfits service that knows every mysfit but those called ``new-…``, while it is up."""

    def __init__(self) -> None:
        self.up = True
        self.knows_new = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mysfit = self.path.rpartition("/")[2]
                if not outer.up:
                    self._answer(503, {"message": "down"})
                elif mysfit == "mysfits":
                    self._answer(200, {"mysfits": [{"mysfitId": "m-0", **ATTRIBUTES}]})
                elif mysfit.startswith("new-") and not outer.knows_new:
                    self._answer(404, {"message": "no such mysfit"})
                else:
                    self._answer(200, {"mysfitId": mysfit, **ATTRIBUTES})

            def _answer(self, status: int, document: Any) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class Pipeline(Deployment):
    """A stack whose processor asks a Mysfits service of the test's own."""

    service: MysfitsService = field(kw_only=True)

    @property
    def mysfits_api(self) -> str:
        return self.service.url

    def mend(self, name: str) -> None:
        """Bring one resource back to what is configured."""
        resource = self.resource(name)
        resource.update(difference(resource.read().properties, resource.desired))

    @contextmanager
    def code(self, source: str, timeout: int = 60) -> Iterator[None]:
        """Other code in the processor's place, published without a smoke test."""
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("stream_processor.py", source)
        client = self.target.clients.function
        client.update_function_code(FunctionName=self.names.function, ZipFile=target.getvalue())
        client.update_function_configuration(FunctionName=self.names.function, Timeout=timeout)
        version = client.publish_version(FunctionName=self.names.function)["Version"]
        client.update_alias(FunctionName=self.names.function, Name="live", FunctionVersion=version)
        yield
        self.mend("processor")
        self.mend("processor-live")

    @contextmanager
    def service_down(self) -> Iterator[None]:
        """The Mysfits service answers every request with 503."""
        self.service.up = False
        yield
        self.service.up = True

    def throttled(self) -> AbstractContextManager[None]:
        """Firehose throttles each put."""
        return self.puts(status=503, code="ServiceUnavailableException", message="Slow down.")

    def losing(self) -> AbstractContextManager[None]:
        """Firehose takes each put, and its answer is lost."""
        return self.puts(cut="after")

    @contextmanager
    def role_without(self, action: str) -> Iterator[None]:
        """The delivery role without one of its permissions."""
        iam, role = self.target.clients.iam, self.names.delivery_role
        [name] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        document: Any = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        document["Statement"] = [each for each in document["Statement"] if action not in each["Action"]]
        iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        yield
        self.mend("delivery-role")

    @contextmanager
    def puts(self, **harm: Any) -> Iterator[None]:
        """Every second PutRecord comes to harm; the API makes them, with its own role."""
        faults = self.cloud.cloud.faults
        faults.add(*[FaultRule("PutRecord", skip=1, **harm)] * 100)
        yield
        faults.clear()


class Ledger:
    """Sends clicks through a pipeline and counts them by their unique userId.

    What was answered with 200 is ``accepted``, as often as it was. What Firehose took and the browser was not
    told of is ``unsure``: such a click arrives all the same. All else is ``refused``.
    """

    def __init__(self, pipeline: Pipeline, chance: random.Random) -> None:
        self.pipeline = pipeline
        self.chance = chance
        self.url = pipeline.clicks_url
        self.browser = requests.Session()
        self.accepted: Counter[str] = Counter()
        self.unsure: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.throttled = 0
        self.number = 0
        self.bucket = ClicksBucket.of(pipeline.config, pipeline.names.bucket, pipeline.target.clients.s3)
        self.firehose = pipeline.cloud.cloud.firehose
        self.began = self.now

    def click(self, storm: int) -> dict[str, str]:
        """A click that no other equals; a few are on mysfits that do not exist yet."""
        self.number += 1
        kind = "new" if self.chance.random() < 0.02 else "m"
        return {"userId": f"u-{self.number}-{uuid.UUID(int=self.chance.getrandbits(128))}"} | {
            "mysfitId": f"{kind}-{storm}-{self.chance.randrange(12)}"
        }

    def send(self, storm: int, *, loses_answers: bool = False) -> None:
        """One request: a click, an array, a repeated click, or an invalid click.

        ``loses_answers`` says that an error may mean success.
        """
        clicks = [self.click(storm) for _ in range(self.chance.choice(SIZES))]
        kind = self.chance.random()
        if kind < 0.1:
            # One bad click makes the API refuse the whole request.
            self.chance.choice(clicks)["mysfitId"] = self.chance.choice(("", "../m-1", "a b", "m" * 65))
        body: Any = clicks[0] if len(clicks) == 1 else clicks
        for _ in range(2 if kind > 0.9 else 1):
            status = self.put(body)
            self.throttled += status == 503
            unsure = status == 503 and loses_answers
            count = self.accepted if status == 200 else self.unsure if unsure else self.refused
            count.update(click["userId"] for click in clicks)

    def put(self, body: Any) -> int:
        return self.browser.put(self.url, json=body, timeout=30).status_code

    def advance(self, seconds: float) -> None:
        self.pipeline.cloud.advance(seconds)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.pipeline.cloud.clock(), UTC)

    def delivered(self) -> Counter[str]:
        trouble = ParseProblems()
        # Each hour or day of the range is a call of S3.
        minute = timedelta(minutes=1)
        found = delivered.read(self.bucket, self.began - minute, self.now + minute, trouble)
        users = Counter(click["userId"] for click in found)
        assert not str(trouble)
        return users

    def failed(self) -> Counter[str]:
        trouble = ParseProblems()
        records = failed.read(self.bucket, None, self.now + timedelta(days=1), trouble)
        clicks = [json.loads(data) for record in records for data in failed.clicks_in(record.data)]
        assert not str(trouble)
        return Counter(click["userId"] for click in clicks)

    def in_flight(self) -> Counter[str]:
        """What the delivery stream has in hand."""
        return Counter(user for data in self.firehose.held() for user in users_in(data))

    def check(self) -> None:
        """Each accepted click is delivered, failed or in flight as often as sent, and no other."""
        assert self.delivered() + self.failed() + self.in_flight() == self.accepted + self.unsure

    def settle(self) -> None:
        """Let time pass until nothing is on its way."""
        for _ in range(60):
            if self.firehose.due_at() is None:
                assert not self.in_flight()
                return
            self.advance(120)
        raise AssertionError("records are still on their way after two hours")


def users_in(data: bytes) -> list[str]:
    """The users of a record, of an object's lines, or of an error line's base64."""
    inside = [base64.b64decode(raw) for raw in RAW.findall(data)]
    return [user.decode() for text in (data, *inside) for user in USER.findall(text)]


class Throttled:
    """A Firehose client that takes only a part of what it is given, each time another."""

    def __init__(self, client: Any, chance: random.Random) -> None:
        self._client = client
        self._chance = chance

    def put_record_batch(self, DeliveryStreamName: str, Records: list[Any]) -> Any:
        taken = [self._chance.random() < 0.7 for _ in Records]
        records = [record for record, is_taken in zip(Records, taken, strict=True) if is_taken]
        answers: list[Any] = []
        if records:
            answer = self._client.put_record_batch(DeliveryStreamName=DeliveryStreamName, Records=records)
            answers = answer["RequestResponses"]
        responses = iter(answers)
        slow = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
        return {
            "FailedPutCount": taken.count(False),
            "RequestResponses": [next(responses) if is_taken else slow for is_taken in taken],
        }


def troubled_pipeline(cloud: CloudUnderTest, directory: Path, service: MysfitsService) -> Pipeline:
    """A pipeline that is up, with this Mysfits service, which is up, too."""
    service.up, service.knows_new = True, False
    pipeline = Pipeline(cloud, directory, parse(SETTINGS), service=service)
    pipeline.deploy()
    return pipeline
