"""From browser to delivery stream: the endpoint, a preflight request and a click."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests

from mysfits_stream import bounded_http
from mysfits_stream.clicks.sending import TEST_HEADER
from mysfits_stream.doctor.links import BROKEN, OK, REPAIR, Link

SECONDS = 30.0
SAMPLE_ORIGIN = "https://www.example.com"
EXPLANATION = ("Execution failed", "Endpoint response body before transformations")
"""How lines of an execution log go on that say why a click was not stored (F35)."""


@dataclass(frozen=True)
class Answer:
    """An HTTP response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


Http = Callable[[str, str, Mapping[str, str], str | None], Answer]
"""(method, URL, headers, body) -> the answer. Raises requests.RequestException."""


def http(method: str, url: str, headers: Mapping[str, str], body: str | None) -> Answer:
    """Send an HTTP request with bounds on the response's time and size."""
    data = None if body is None else body.encode()
    response = bounded_http.send(method, url, headers=headers, body=data, seconds=SECONDS)
    return Answer(response.status, response.headers, response.text)


def links(
    endpoint: str,
    origins: tuple[str, ...],
    click: Mapping[str, Any] | None,
    send: Http,
    explain: Callable[[str], str],
) -> Iterator[Link]:
    """Endpoint, preflight and put.

    Sends ``click`` as a test click, or an invalid click if None.

    ``explain`` tests the API's method with a body and returns the reason of the failure.
    """
    url = f"{endpoint}/clicks"
    origin = SAMPLE_ORIGIN if "*" in origins else origins[0]
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    try:
        preflight = send("OPTIONS", url, asked, None)
    except requests.RequestException as error:
        advice = f"a new host name may need a minute to resolve; check proxy and firewall; otherwise {REPAIR}"
        yield Link("endpoint", BROKEN, f"no answer from {url}: {error}", advice)
        return
    yield Link("endpoint", OK, f"{endpoint} answers")
    yield _preflight(preflight, origin)
    # An invalid click, so that nothing is stored without --send.
    body = "{}" if click is None else json.dumps(click)
    headers = {"Origin": origin, "Content-Type": "application/json", TEST_HEADER: "1"}
    try:
        answer = send("PUT", url, headers, body)
    except requests.RequestException as error:
        yield Link(
            "put", BROKEN, f"no answer to a click: {error}", "try again; API Gateway answers within 29 s"
        )
        return
    yield _put(answer, click is not None, lambda: explain(body))


def explained(client: Any, api_id: str, body: str) -> str:
    """API Gateway's execution log of a test invocation with ``body``; needs no logging (F35)."""
    pages = client.get_paginator("get_resources").paginate(restApiId=api_id)
    [resource] = [item["id"] for page in pages for item in page["items"] if item["path"] == "/clicks"]
    answer = client.test_invoke_method(
        restApiId=api_id,
        resourceId=resource,
        httpMethod="PUT",
        pathWithQueryString="/clicks",
        headers={"Content-Type": "application/json"},
        body=body,
    )
    lines = [line.split(" : ", 1)[-1] for line in answer.get("log", "").splitlines()]
    telling = [line for line in lines if line.startswith(EXPLANATION)]
    return telling[-1] if telling else f"a test of the method answers {answer.get('status')}"


def _preflight(answer: Answer, origin: str) -> Link:
    def listed(name: str) -> list[str]:
        return [item.strip().lower() for item in answer.headers.get(name, "").split(",")]

    allowed = answer.headers.get("access-control-allow-origin", "")
    if answer.status not in (200, 204):
        lacks = f"answers {answer.status}: {bounded_http.excerpt(answer.text)}"
    elif allowed not in ("*", origin):
        lacks = f"allows the origin {allowed or '(none)'} and not {origin}"
    elif not {"put", "*"} & set(listed("access-control-allow-methods")):
        lacks = "does not allow PUT"
    elif not {"content-type", "*"} & set(listed("access-control-allow-headers")):
        lacks = "does not allow the header Content-Type"
    else:
        return Link("preflight", OK, f"a page of {origin} may send clicks")
    return Link("preflight", BROKEN, f"the preflight {lacks}", f"browsers will send no clicks; {REPAIR}")


def _put(answer: Answer, sent: bool, explain: Callable[[], str]) -> Link:
    said = f"{answer.status} {bounded_http.excerpt(answer.text)}"
    if sent and answer.status == 200:
        return Link("put", OK, "a click was accepted; `mysfits-stream send-test-click` follows a click to S3")
    if not sent and answer.status == 400:
        return Link("put", OK, "invalid clicks are rejected; use --send to test with a real click")
    if not sent and answer.status == 200:
        return Link("put", BROKEN, "invalid clicks are accepted: the API does not validate requests", REPAIR)
    if answer.status == 429:
        return Link(
            "put",
            BROKEN,
            f"throttled: {said}",
            "raise api.rate_limit and api.burst_limit, then run `mysfits-stream up`",
        )
    if answer.status >= 500:
        reason = explain()
        return Link("put", BROKEN, f"answers {said.strip()}; {reason}", _advice(reason))
    return Link("put", BROKEN, f"a click is answered with {said.strip()}", REPAIR)


def _advice(reason: str) -> str:
    if "assume the provided role" in reason:
        return f"the API's role is not assumable (yet: a new role takes up to two minutes); {REPAIR}"
    if "AccessDenied" in reason or "not authorized" in reason:
        return f"the API's role may not put records on the stream; {REPAIR}"
    if "ResourceNotFound" in reason:
        return f"the delivery stream is gone; {REPAIR}"
    if "ServiceUnavailable" in reason or "Slow down" in reason:
        return "the delivery stream throttles; request a higher Firehose quota"
    return REPAIR
