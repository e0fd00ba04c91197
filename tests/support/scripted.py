"""AWS by script: each request of botocore gets the operation's next answer.

What is played happens in botocore's place for the network (its event ``before-send``), so requests are
built, validated and signed, and answers parsed, by botocore itself. Nothing leaves the process.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from typing import Any, cast

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.session import Session

from mysfits_stream.aws.account import Account, Clients, own_buckets_only
from mysfits_stream.provision.resource import Placement
from tests.support.answers import Answer, rendered
from tests.support.clock import Time

ACCOUNT = Account(id="123456789012", region="eu-west-1")

Written = Answer | Exception | Callable[[Any], Answer]
"""An answer, what breaks the connection, or what makes an answer from the parameters."""


class Scripted:
    """AWS by script: operation -> answers in their order, of which the last one repeats.

    An operation that the script does not name fails the test that calls it.
    """

    def __init__(self, **script: Written | Sequence[Written]) -> None:
        self._script = {
            name: [*written] if isinstance(written, Sequence) else [written]
            for name, written in script.items()
        }
        self._asked: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str], Any] = {}
        self.calls: list[tuple[str, Any]] = []

    def client(self, service: str, region: str = ACCOUNT.region) -> Any:
        """A client with scripted responses and a single attempt, so that no retry hides a fault."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._made(service, region)
        return self._clients[service, region]

    def names(self, *only: str) -> list[str]:
        """The operations asked for, in order; ``only`` these if any are given."""
        return [name for name, _ in self.calls if not only or name in only]

    def asked(self, operation: str) -> list[Any]:
        """The parameters of every call of an operation."""
        return [parameters for name, parameters in self.calls if name == operation]

    def _made(self, service: str, region: str) -> Any:
        made = _session().create_client(
            service,
            region_name=region,
            config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
        )
        asking = threading.local()  # a client is shared by threads, and each has one question at a time

        def note(params: Any, **_: Any) -> None:
            asking.parameters = params

        def answer(request: Any, event_name: str, **_: Any) -> Any:
            operation = made.meta.service_model.operation_model(event_name.rsplit(".", 1)[1])
            given = self._next(operation.name, asking.parameters)
            headers, body = rendered(given, operation)
            return AWSResponse(request.url, given.status, HTTPHeaders.from_dict(headers), Body(body))

        made.meta.events.register("provide-client-params.*", note)
        made.meta.events.register("before-send.*", answer)
        return made

    def _next(self, operation: str, parameters: Any) -> Answer:
        with self._lock:
            self.calls.append((operation, parameters))
            assert operation in self._script, f"nothing is written for {operation}({parameters})"
            written = self._script[operation]
            answer = written[min(self._asked[operation], len(written) - 1)]
            self._asked[operation] += 1
        if isinstance(answer, Exception):
            raise answer
        return answer(parameters) if callable(answer) else answer


class Body(BytesIO):
    """A body as urllib3 streams it."""

    def stream(self, **_: Any) -> Any:
        yield self.read()


@cache
def _session() -> Session:
    session = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, "/dev/null", None),
            "credentials_file": (None, None, "/dev/null", None),
        }
    )
    session.set_credentials("test", "test")
    return session


def placement(aws: Scripted, time: Time | None = None, *, account: Account = ACCOUNT) -> Placement:
    """A placement of the stack ``mysfits-clicks`` whose clients play the script."""
    clients = cast("Clients", _LazyClients(aws, account))
    return Placement("mysfits-clicks", account, clients, (time or Time()).pace)


class _LazyClients:
    """The clients of the deployer, each made at the first use."""

    def __init__(self, aws: Scripted, account: Account) -> None:
        self._aws = aws
        self._account = account

    def __getattr__(self, name: str) -> Any:
        made = self._aws.client("lambda" if name == "function" else name, self._account.region)
        if name == "s3":
            own_buckets_only(made, self._account.id)
        return (lambda: made) if name == "s3control" else made
