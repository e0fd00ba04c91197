"""The stack on a test's local cloud: deployed, clicked and read in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
from botocore.awsrequest import AWSResponse

from mysfits_stream.aws import lean, responses
from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Interrupt, Pace
from mysfits_stream.config import Config
from mysfits_stream.provision import stack
from mysfits_stream.provision.engine import Change, Goal, converge, survey
from mysfits_stream.provision.state import State
from mysfits_stream.target import LOCAL_INVOKE_URL, Target
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest
from tests.support.without_sockets import answered

ACCOUNT = "123456789012"

LOADER = lean.built_in()
"""Reads each of botocore's models once, whatever the number of sessions."""


@dataclass
class Deployment:
    """One stack on a local cloud; ``calls`` lists the operations in order."""

    cloud: CloudUnderTest
    directory: Path
    config: Config = field(default_factory=Config)
    region: str = "eu-west-1"
    partition: str = "aws"
    calls: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        core = lean.session()
        core.register_component("data_loader", LOADER)
        core.set_credentials("test", "test")
        core.register("before-call", self._note_call)
        answer: Any = self._answer  # the stubs say that no handler returns anything
        core.register("before-send", answer)
        responses.check(core)
        self.target = Target(
            name="local",
            account=Account(ACCOUNT, self.region, self.partition),
            session=core,
            endpoint_url=self.cloud.endpoint,
            invoke_url=LOCAL_INVOKE_URL,
            mysfits_api=self.mysfits_api,
            interrupt=Interrupt(),
            time_scale=10_000,
        )
        self.names = stack.Names.of(self.config, self.target.account)

    @property
    def mysfits_api(self) -> str:
        """The base URL of the service that the processor asks."""
        return f"{self.cloud.endpoint}/_mysfits"

    def _note_call(self, **details: Any) -> None:
        self.calls.append(details["model"].name)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        return answered(request, self.cloud.cloud.handle, self.cloud.clock())

    def resources(self, **options: Any) -> stack.Stack:
        """The stack's resources."""
        waits, clients = Clock(), self.target.clients
        if self.config.alarms.on:
            services = {name: self.target.client(name) for name in ("cloudwatch", "sns")}
            clients = replace(clients, **services)
        return stack.build(
            self.config,
            self.target.account,
            clients,
            mysfits_api=self.mysfits_api,
            answers=self.target.answers,
            # A wait lasts as long as it sleeps, however slow this machine is.
            pace=Pace(sleep=waits.advance, clock=waits),
            **options,
        )

    def resource(self, name: str) -> Any:
        """The resource of a logical name."""
        return next(resource for resource in self.resources() if resource.name == name)

    @property
    def state(self) -> State:
        """The state file, as it is now."""
        return State(
            self.directory / "state.json", stack=self.config.stack, account=ACCOUNT, region=self.region
        )

    def up(self) -> list[Change]:
        """Converge to present."""
        return converge(self.resources(), self.state, goal=Goal.PRESENT)

    def deploy(self) -> None:
        """Bring the stack up in an empty cloud: with `up` once, then from a snapshot of that.

        For tests of a stack that is up; tests of `up` call :meth:`up`. ``calls`` is empty afterwards.
        """
        made_from = (self.config, self.region, self.partition, self.mysfits_api)
        self.cloud.make_once(made_from, self.directory / "state.json", self.up)
        self.calls.clear()

    def down(self) -> list[Change]:
        """Converge to absent, data included."""
        return converge(self.resources(delete_data=True), self.state, goal=Goal.ABSENT)

    def statuses(self) -> dict[str, str]:
        """Logical name -> status."""
        changes = survey(self.resources(), Goal.PRESENT, self.config.stack)
        return {change.resource.name: change.status for change in changes}

    @property
    def clicks_url(self) -> str:
        """Where clicks are put."""
        observed = self.resource("clicks-api").read()
        return f"{self.target.endpoint(observed.id, self.config.api.stage)}/clicks"

    def put(self, body: Any, **headers: str) -> requests.Response:
        """Put a click, or whatever ``body`` is, as JSON unless the headers say otherwise."""
        text = body if isinstance(body, str) else json.dumps(body)
        return requests.put(
            self.clicks_url,
            data=text.encode(),
            headers={"Content-Type": "application/json", **headers},
            timeout=10,
        )

    def pass_buffers(self) -> None:
        """Let both buffers fill up by time: the processor's, then S3's."""
        for _ in range(2):
            self.cloud.advance(901)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Key -> content of what the clicks bucket holds."""
        s3 = self.target.clients.s3
        found = s3.list_objects_v2(Bucket=self.names.bucket, Prefix=prefix).get("Contents", [])
        return {
            entry["Key"]: s3.get_object(Bucket=self.names.bucket, Key=entry["Key"])["Body"].read()
            for entry in found
        }

    def delivered(self) -> list[Any]:
        """The enriched clicks in the bucket."""
        contents = self.objects(self.config.delivery.prefix).values()
        return [json.loads(line) for content in contents for line in content.splitlines()]
