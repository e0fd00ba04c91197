"""The stack on a local cloud in this process: clients without sockets, no waits.

botocore builds, signs and parses as ever; in place of the network stands the front of the local cloud, and
whatever a test puts before it. The clock moves while somebody sleeps, and a little with every call.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from botocore.awsrequest import AWSResponse
from botocore.config import Config as ClientConfig
from botocore.retries import standard
from botocore.session import Session

from mysfits_stream.aws import lean, responses
from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.aws.waiting import Interrupt, Pace
from mysfits_stream.config import Config
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.provision import stack
from mysfits_stream.provision.state import State
from mysfits_stream.target import AWS_INVOKE_URL, Target
from tests.support.clock import Clock
from tests.support.deployment import LOADER
from tests.support.without_sockets import answered

ACCOUNT_ID = "123456789012"
ENDPOINT = "http://localhost:4566"
LATENCY = 0.05
"""AWS's seconds that a call takes."""

PARTITIONS = {"cn": ("aws-cn", "amazonaws.com.cn"), "us-gov": ("aws-us-gov", "amazonaws.com")}


@dataclass(frozen=True)
class ApiCall:
    """One call as the deployer makes it; botocore may send it more than once."""

    service: str
    operation: str
    parameters: Mapping[str, Any] = field(repr=False)


Send = Callable[[], Response]
Intercept = Callable[[ApiCall, Send], Response]
"""Stands between a client and the local cloud; what it raises, the client meets."""


def untouched(call: ApiCall, send: Send) -> Response:
    """Let every call pass."""
    return send()


class InProcess:
    """One account and region of a local cloud, as the deployer sees it.

    ``attempts`` is how often botocore sends a call at most; its pauses take no time but the clock's.
    """

    def __init__(
        self, cloud: LocalCloud, clock: Clock, region: str = "eu-west-1", *, attempts: int = 1
    ) -> None:
        self.cloud = cloud
        self.clock = clock
        self.intercept: Intercept = untouched
        partition, suffix = next(
            (found for prefix, found in PARTITIONS.items() if region.startswith(f"{prefix}-")),
            ("aws", "amazonaws.com"),
        )
        self.account = Account(ACCOUNT_ID, region, partition, suffix)
        self._attempts = attempts
        self._session = _session()
        self._asking = threading.local()

    @cached_property
    def clients(self) -> Clients:
        """The deployer's clients."""
        return Clients(
            s3=self.client("s3"),
            iam=self.client("iam"),
            function=self.client("lambda"),
            firehose=self.client("firehose"),
            apigateway=self.client("apigateway"),
            logs=self.client("logs"),
            glue=self.client("glue"),
            athena=self.client("athena"),
            cloudwatch=self.client("cloudwatch"),
            sns=self.client("sns"),
        )

    @cached_property
    def tagging(self) -> Any:
        """A client of the API that finds resources by their tags."""
        return self.client("resourcegroupstaggingapi")

    def client(self, service: str) -> Any:
        """A client whose calls the local cloud answers."""
        made: Any = self._session.create_client(
            service,
            region_name=self.account.region,
            endpoint_url=ENDPOINT,
            config=ClientConfig(
                retries={"mode": "standard", "total_max_attempts": self._attempts},
                s3={"addressing_style": "path"},
            ),
        )
        made.meta.events.register("provide-client-params.*", self._note)
        made.meta.events.register("before-send.*", self._answer)
        self._let_retries_take_no_time(made)
        return made

    @cached_property
    def target(self) -> Target:
        """The target of a project, as AWS."""
        return InProcessTarget(
            name="aws",
            account=self.account,
            session=cast("Any", None),
            endpoint_url=ENDPOINT,
            invoke_url=AWS_INVOKE_URL,
            mysfits_api=f"{ENDPOINT}/_mysfits",
            interrupt=Interrupt(),
            aws=self,
        )

    @property
    def pace(self) -> Pace:
        """Waits on the clock of the local cloud."""
        return Pace(sleep=self.clock.advance, clock=self.clock)

    def resources(self, config: Config, **options: Any) -> stack.Stack:
        """The configured stack."""
        return stack.build(
            config,
            self.account,
            self.clients,
            **{
                "mysfits_api": f"{ENDPOINT}/_mysfits",
                "answers": self.answers,
                "pace": self.pace,
                **options,
            },
        )

    def state(self, path: Path, config: Config) -> State:
        """The state file at ``path``."""
        return State(path, stack=config.stack, account=self.account.id, region=self.account.region)

    def answers(self, api_id: str, stage: str) -> bool:
        """Whether a stage serves the preflight of ``/clicks``."""
        headers = {"origin": "https://example.com", "access-control-request-method": "PUT"}
        return self.invoke("OPTIONS", api_id, stage, "/clicks", headers).status < 400

    def invoke(
        self, method: str, api_id: str, stage: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> Response:
        """Send one request to a deployed API."""
        path = f"/restapis/{api_id}/{stage}/_user_request_{path}"
        return self.cloud.handle(Request(method, path, "", {"host": "localhost", **headers}, body))

    def _note(self, params: Any, **_: Any) -> None:
        self._asking.parameters = params

    def _answer(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        service, operation = event_name.split(".")[1:]
        call = ApiCall(service, operation, self._asking.parameters)
        self.clock.advance(LATENCY)

        def handle(received: Request) -> Response:
            return self.intercept(call, lambda: self.cloud.handle(received))

        return answered(request, handle, self.clock())

    def _let_retries_take_no_time(self, made: Any) -> None:
        service = made.meta.service_model.service_id.hyphenize()
        retries = standard.register_retry_handler(made, self._attempts)
        made.meta.events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")

        def needs_retry(**event: Any) -> float | None:
            delay = retries.needs_retry(**event)
            if delay is None:
                return None
            self.clock.advance(delay)
            return 0.0

        made.meta.events.register(f"needs-retry.{service}", needs_retry, unique_id=f"retry-config-{service}")


@dataclass(frozen=True)
class InProcessTarget(Target):
    """The target with the clients, the waits and the API of ``aws``."""

    aws: InProcess = field(kw_only=True)

    @property
    def clients(self) -> Clients:
        """The deployer's clients."""
        return self.aws.clients

    def client(self, service: str) -> Any:
        """The client of a service, built on first use."""
        if service not in self._clients:
            found = getattr(self.clients, service, None)
            self._clients[service] = self.aws.client(service) if found is None else found
        return self._clients[service]

    @property
    def pace(self) -> Pace:
        """Waits on the clock of the local cloud."""
        return self.aws.pace

    def answers(self, api_id: str, stage: str) -> bool:
        """Whether a stage serves the preflight of ``/clicks``."""
        return self.aws.answers(api_id, stage)


def _session() -> Session:
    session = lean.session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    session.register_component("data_loader", LOADER)
    session.set_credentials("test", "test")
    responses.check(session)
    return session
