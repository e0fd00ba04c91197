"""Calls by CloudFormation: in this process, through the front for all clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.session import Session

from mysfits_stream.localcloud.http.messages import Handler, Request

_front: list[Handler] = []


def serve(front: Handler) -> None:
    """Call ``front`` from now on.

    Stacks in moto are global in the process, and so is ``front``.
    """
    _front[:] = [front]


def call(region: str, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
    """Call a service; a template's numbers, text so far, are converted by the service's model."""
    client = _client(service, region)
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
    return getattr(client, operation)(**_typed(model.input_shape, parameters))


def partition(region: str) -> str:
    """The partition of a region."""
    name: str = _client("s3", region).meta.partition
    return name


@cache
def _client(service: str, region: str) -> Any:
    session = Session()
    session.set_credentials("cloudformation", "cloudformation")
    name: Any = service
    client = session.create_client(
        name,
        region_name=region,
        endpoint_url="http://localhost",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )
    client.meta.events.register("before-send", _answer)
    return client


def _answer(request: Any, **_: Any) -> Any:
    url = urlsplit(request.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in request.headers.items()
    }
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    content = body.encode() if isinstance(body, str) else body
    response = _front[0](Request(request.method, url.path, url.query, headers, content))
    answered: Any = dict(response.headers)
    return AWSResponse(request.url, response.status, answered, _Body(response.body))


class _Body(BytesIO):
    """A response body with botocore's interface of a connection."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _typed(shape: Any, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            return {key: _typed(shape.members[key], item) for key, item in value.items()}
        case "list":
            return [_typed(shape.member, item) for item in value]
        case "map":
            return {key: _typed(shape.value, item) for key, item in value.items()}
        case "integer" | "long":
            return int(value)
        case "float" | "double":
            return float(value)
        case "boolean":
            return str(value).lower() == "true"
        case "string":
            return str(value)
    return value
