"""Definitions of REST APIs as the data plane serves them, and the services behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mysfits_stream.localcloud.control_plane.apigateway import RestApis
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.http.messages import Request

NOW = 1_800_000_000.0
ROLE = "arn:aws:iam::123456789012:role/api"
CLICK = {"userId": "u1", "mysfitId": "m-1"}
JSON = {"content-type": "application/json", "origin": "https://www.example.com"}


class Backend:
    """The AWS services behind the API: keeps what it is called with, answers or fails as told."""

    def __init__(self, answer: handler.Answer | Exception = (200, {}, b'{"RecordId": "r"}')) -> None:
        self.answer = answer
        self.calls: list[tuple[str, str, dict[str, str], bytes, str | None]] = []

    def __call__(
        self, service: str, action: str, headers: Mapping[str, str], body: bytes, role_arn: str | None
    ) -> handler.Answer:
        self.calls.append((service, action, dict(headers), body, role_arn))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def ask(store: RestApis, method: str, path: str, document: Any = None) -> Any:
    """One request to the control plane; its document."""
    body = document if isinstance(document, bytes) else json.dumps(document or {}).encode()
    where, _, query = path.partition("?")
    answer = store.handle(Request(method, where, query, {}, body))
    assert answer is not None
    assert answer.status < 300, answer.body
    return answer.json() if answer.body else None


def deploy(definition: Any, patches: Mapping[str, str] | None = None, **stage: Any) -> handler.DeployedApi:
    """A definition as it is served after create, put, deploy and stage."""
    store = RestApis("123456789012", now=lambda: NOW, seed=1)
    api = ask(store, "POST", "/restapis", {"name": "api"})["id"]
    ask(store, "PUT", f"/restapis/{api}?mode=overwrite&failonwarnings=true", json.dumps(definition).encode())
    deployment = ask(store, "POST", f"/restapis/{api}/deployments")["id"]
    ask(store, "POST", f"/restapis/{api}/stages", {"stageName": "prod", "deploymentId": deployment, **stage})
    operations = [{"op": "replace", "path": path, "value": value} for path, value in (patches or {}).items()]
    ask(store, "PATCH", f"/restapis/{api}/stages/prod", {"patchOperations": operations})
    served = store.deployed(api, "prod")
    assert served is not None
    return served
