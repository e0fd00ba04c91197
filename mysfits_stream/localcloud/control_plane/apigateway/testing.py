"""TestInvokeMethod: runs a method of the undeployed API; returns its execution log (F35)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mysfits_stream.localcloud.control_plane.apigateway import methods
from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request
from mysfits_stream.localcloud.execute_api import handler as data_plane
from mysfits_stream.localcloud.http.messages import Request, Response

if TYPE_CHECKING:
    from mysfits_stream.localcloud.control_plane.apigateway import RestApis

Document = dict[str, Any]

_STAGE = "test-invoke-stage"


def test_invoke(store: RestApis, api: Document, resource_id: str, http_method: str, body: Document) -> Any:
    """A function that runs the method; its response contains status, headers, body and log."""
    methods.method(api, resource_id, http_method)
    now = store.now()
    try:
        compiled = data_plane.compile(api, store.account, api["region"])
    except data_plane.CompileError as error:
        raise bad_request(f"The local cloud cannot serve this API: {error}") from error
    stage = {"stageName": _STAGE, "variables": body.get("stageVariables") or {}}
    served = data_plane.on_stage(compiled, stage)
    resource = next(each for each in served.resources if each.path == api["resources"][resource_id]["path"])
    method = resource.methods[http_method]
    target = urlsplit(body.get("pathWithQueryString") or "")
    path = target.path or resource.path
    request = Request(
        http_method if http_method != "ANY" else "GET",
        path,
        target.query,
        {name.lower(): value for name, value in (body.get("headers") or {}).items()},
        (body.get("body") or "").encode(),
    )
    parameters = resource.match([part for part in path.split("/") if part]) or {}
    stamp = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(now))
    lines: list[str] = []

    def log(line: str) -> None:
        lines.append(f"{stamp} : {line}")

    call_service = store.calls_in(api["region"]) or _nobody

    def run() -> Any:
        started = time.perf_counter()
        answered = data_plane.invoke_method(served, method, request, parameters, call_service, now, log)
        return 200, _shown(answered, lines, int(1000 * (time.perf_counter() - started)))

    return run


def _shown(answered: Response, lines: list[str], latency: int) -> Document:
    request_id = answered.headers["x-amzn-RequestId"]
    own = ("x-amzn-requestid", "x-amz-apigw-id")
    headers = {name: value for name, value in answered.headers.items() if name.lower() not in own}
    return {
        "status": answered.status,
        "body": answered.body.decode("utf-8", "replace"),
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "log": "\n".join([f"Execution log for request {request_id}", *lines, ""]),
        "latency": latency,
    }


def _nobody(service: str, action: str, headers: Any, body: bytes, role_arn: str | None) -> data_plane.Answer:
    message = json.dumps({"message": f"Nobody serves {service} here"}).encode()
    return 503, {"Content-Type": "application/json"}, message
