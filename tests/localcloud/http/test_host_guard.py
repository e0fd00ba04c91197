"""Who may talk to the local cloud."""

from __future__ import annotations

import pytest
import requests

from mysfits_stream.localcloud.http import host_guard
from mysfits_stream.localcloud.http.messages import Request
from mysfits_stream.localcloud.http.routes import find_route
from tests.support.cloud import CloudUnderTest

API = "/restapis/abc/prod/_user_request_/clicks"

HOSTS = [
    ("127.0.0.1:4566", True, "the address that is listened on"),
    ("localhost:4566", True, "its usual name"),
    ("LOCALHOST", True, "names know no case"),
    ("clicks.localhost:4566", True, "an S3 client puts the bucket before the host"),
    ("[::1]:4566", True, "the same in IPv6"),
    ("127.0.0.1.", False, "no address ends with a dot"),
    ("evil.example:4566", False, "a name that was re-pointed to 127.0.0.1"),
    ("localhost.evil.example", False, "it only begins with a loopback name"),
    ("127.0.0.1.evil.example", False, "it only begins with a loopback address"),
    ("evillocalhost", False, "it only ends with a loopback name"),
    ("192.168.0.10", False, "another machine's address"),
    ("127.0.0.1@evil.example", False, "what stands before an at sign is no host"),
    ("[::1", False, "not a host at all"),
    ("", False, "every HTTP/1.1 request names its host"),
]


@pytest.mark.parametrize(("host", "served"), [pytest.param(h, s, id=why) for h, s, why in HOSTS])
def test_only_loopback_hosts_are_served(cloud_server: CloudUnderTest, host: str, served: bool) -> None:
    refusal = host_guard.refusal(
        find_route(cloud_server.cloud.routes, Request("GET", API, headers={"host": host}))
    )
    assert (refusal is None) is served
    assert refusal is None or (
        refusal.status == 403 and "loopback host names only" in refusal.json()["message"]
    )


ORIGINS = [
    ("https://site.example", API, True, "a deployed API answers for its own CORS"),
    ("null", API, True, "a page from a file may click"),
    ("https://site.example", "/_mysfits/mysfits", True, "the Mysfits service is public"),
    ("https://site.example", "/_local/stop", False, "no page may end the local cloud"),
    ("https://site.example", "/bucket/key", False, "no page of another site may read S3"),
    ("null", "/_local/reset", False, "nor may a page without an origin"),
    ("https://site.example", "/restapis/abc", False, "the control plane is not public"),
    ("http://localhost.evil.example", "/_local/stop", False, "the origin only begins with a loopback name"),
    ("http://127.0.0.1:8000", "/bucket/key", True, "a page that is served from this machine"),
]


@pytest.mark.parametrize(
    ("origin", "path", "served"), [pytest.param(o, p, s, id=why) for o, p, s, why in ORIGINS]
)
def test_a_page_of_another_site_calls_what_it_could_call_on_aws(
    cloud_server: CloudUnderTest, origin: str, path: str, served: bool
) -> None:
    request = Request("POST", path, headers={"host": "localhost", "origin": origin})
    refusal = host_guard.refusal(find_route(cloud_server.cloud.routes, request))
    assert (refusal is None) is served
    assert refusal is None or refusal.status == 403


@pytest.mark.parametrize("path", ["/", API, "/_mysfits/mysfits", "/_local/health", "/_site/"])
def test_every_route_is_guarded(cloud_server: CloudUnderTest, path: str) -> None:
    answer = requests.get(cloud_server.endpoint + path, headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert "'evil.example'" in answer.json()["message"]
