"""Who may call the local cloud: the answering route decides, and closed is the default."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream.localcloud.http import host_guard
from mysfits_stream.localcloud.http.host_guard import AllowedCallers
from mysfits_stream.localcloud.http.messages import Request
from tests.localcloud.test_server import click_pipeline
from tests.support.cloud import CloudUnderTest

HOST = "127.0.0.1:4566"
API = "/restapis/abc/prod/_user_request_/clicks"
LISTED = "http://localhost:8000"
SCOPE = "20260101/us-east-1/{}/aws4_request"


def refused(cloud: CloudUnderTest, request: Request, allowed: AllowedCallers) -> bool:
    route = cloud.cloud.routes.find(request).route
    return host_guard.denial(request, route, allowed) is not None


HOSTS = [
    ("127.0.0.1:4566", True, "the address of the listener"),
    ("localhost:4566", True, "the usual name of the address"),
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
    request = Request("GET", API, headers={"host": host})
    assert refused(cloud_server, request, AllowedCallers()) is not served


@pytest.mark.parametrize("path", ["/", API, "/_mysfits/mysfits", "/_local/health", "/_site/"])
def test_every_route_is_guarded(cloud_server: CloudUnderTest, path: str) -> None:
    answer = requests.get(cloud_server.endpoint + path, headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403
    assert "'evil.example'" in answer.json()["message"]


# An example of a request for each route: a route that is added needs an example here.
FORM = "X-Amz-Credential=a/" + SCOPE.format("firehose")
TARGET = {"x-amz-target": "Firehose_20150804.PutRecord"}
EXAMPLES: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "deployed API": [(API, "", {}), ("/restapis/a/b/_user_request_", FORM, {})],
    "stand-in Mysfits service": [("/_mysfits/mysfits", "", {}), ("/%5Fmysfits/mysfits", "", {})],
    "feed of the page": [("/_site/clicks.json", "", {}), ("/_site/clicks%2Ejson", "", {})],
    "page": [("/_site/", "", {}), ("/_site", "", {}), ("/_site/page.js", "", {})],
    "count of clicks": [("/_local/clicks", "", {}), ("/%5Flocal/clicks", "", {})],
    "health": [("/_local/health", "", {})],
    "administration": [("/_local/stop", "", {}), ("/_local/reset", "", {}), ("/%5Flocal/faults", "", {})],
    "moto's switches": [("/moto-api/reset", "", {}), ("/%6doto-api/reset", "", {}), ("//moto-api/", "", {})],
    "records of a delivery stream": [("/", "", TARGET), ("/x", "", TARGET)],
    "invocations of a function": [
        ("/2015-03-31/functions/f/invocations", "", {}),
        ("/2015%2D03-31/functions/f/invocations", "", {}),
        ("/2015-03-31%2Ffunctions%2Ff%2Finvocations", "", {}),
    ],
    "reads without a signature": [("/bucket/key", "", {}), ("/bucket", "", {})],
    "calls of the query protocol": [
        ("/", FORM, {"content-type": "application/x-www-form-urlencoded"}),
        (
            "/restapis/a/_user_request_",
            FORM,
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        ),
    ],
    "control plane": [
        ("/", FORM, {}),
        ("/", "", {}),
        ("/bucket/key", "AWSAccessKeyId=k&Signature=s&Expires=9999999999", {}),
        ("/bucket/key", "response-content-type=Signature=", {}),
        # What looked like a deployed API to a guard that looked at less than the route table.
        ("/restapis/a/_user_request_", FORM, {}),
        ("/restapis/a/b/c/_user_request_/x", FORM, {}),
        ("/restapis/a/b/x_user_request_/x", FORM, {}),
        ("/restapis//b/_user_request_/x", FORM, {}),
        ("/x/restapis/a/b/_user_request_/x", FORM, {}),
        ("/_mysfits", FORM, {}),
        ("/_siteX", FORM, {}),
        ("/2015-03-31/functions", "", {"authorization": "AWS4-HMAC-SHA256 Credential=k/d"}),
    ],
}
OPEN = {"deployed API", "stand-in Mysfits service", "page"}
ORIGINS = [
    None,
    "null",
    "https://evil.example",
    "http://evil.example:4566",
    "http://127.0.0.1:8000",
    "http://localhost:4566",
    f"https://{HOST}",
    f"http://{HOST}.evil.example",
    "http://evil.localhost:4566",
    "",
    f"http://{HOST}",
    LISTED,
]
SITES = [None, "none", "same-origin", "same-site", "cross-site", "", "unheard-of"]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]
TYPES = [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json"]


def test_every_route_has_an_example(cloud_server: CloudUnderTest) -> None:
    routes = cloud_server.cloud.routes
    assert [route.name for route in routes] == list(EXAMPLES)
    assert {route.name for route in routes if route.open_to_other_origins} == OPEN


@pytest.mark.parametrize("name", EXAMPLES)
def test_pages_of_other_origins_reach_open_routes_only(cloud_server: CloudUnderTest, name: str) -> None:
    """Routes, origins, Sec-Fetch-Site, methods and content types against a second rule."""
    allowed = AllowedCallers(origins=(LISTED,))
    seen = set()
    for (path, query, more), origin, site, method, kind in product(
        EXAMPLES[name], ORIGINS, SITES, METHODS, TYPES
    ):
        given = {"host": HOST, "origin": origin, "sec-fetch-site": site, "content-type": kind}
        headers = {key: value for key, value in given.items() if value is not None} | more
        request = Request(method, path, query, headers)
        route = cloud_server.cloud.routes.find(request).route
        closed = {"reads without a signature", "calls of the query protocol", "control plane"}
        # The three routes to the control plane differ in methods and content types.
        assert route.name == name or {route.name, name} <= closed
        ours = origin in (f"http://{HOST}", LISTED)
        no_page = origin is None and site in (None, "none", "same-origin")
        served = name in OPEN or ours or no_page
        assert refused(cloud_server, request, allowed) is not served, (request, route.name)
        seen.add(served)
    assert seen == ({True} if name in OPEN else {True, False})


HOSTILE: list[tuple[str, str, dict[str, str], str, str]] = [
    (
        "POST",
        f"/restapis/a/_user_request_?{FORM}",
        {"Content-Type": "application/x-www-form-urlencoded"},
        '{"DeliveryStreamName":"clicks","x":"&Action=DeleteDeliveryStream&"}',
        "a form that names the operation, at a path that only looks like a deployed API",
    ),
    (
        "GET",
        "/?Action=DeleteRole&RoleName=delivery&X-Amz-Credential=a/" + SCOPE.format("iam"),
        {},
        "",
        "image",
    ),
    ("POST", "/_local/reset", {"Content-Type": "text/plain"}, "", "administration by a form"),
    ("POST", "/%6doto-api/reset", {"Content-Type": "text/plain"}, "", "moto's switch, encoded"),
    ("POST", "/moto-api/reset", {"Content-Type": "text/plain"}, "", "moto's switch"),
    ("DELETE", "/clicks-bucket/key", {}, "", "an object"),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"), [pytest.param(*case[:4], id=case[4]) for case in HOSTILE]
)
@pytest.mark.parametrize(
    "page",
    [
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
    ids=["another site", "another port", "no origin"],
)
def test_a_hostile_page_changes_nothing(
    local_cloud: CloudUnderTest,
    method: str,
    path: str,
    headers: dict[str, str],
    body: str,
    page: dict[str, str],
) -> None:
    click_pipeline(local_cloud)
    before = local_cloud.cloud.control_plane.changes
    url = local_cloud.endpoint + path
    answer = requests.request(method, url, headers={**headers, **page}, data=body, timeout=10)
    assert answer.status_code in (403, 404)
    assert local_cloud.cloud.control_plane.changes == before
    assert local_cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == ["clicks"]


@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/%6doto-api/reset", "//moto-api/reset", "/%2Fmoto-api/reset"]
)
def test_motos_switches_are_not_found_however_they_are_spelled(
    local_cloud: CloudUnderTest, path: str
) -> None:
    click_pipeline(local_cloud)
    host, port = local_cloud.endpoint.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    # requests would normalise the path.
    connection.request("POST", path)
    # A path with two slashes is no path of HTTP: the listener refuses it.
    assert connection.getresponse().status == (400 if path.startswith("//") else 404)
    connection.close()
    assert local_cloud.client("firehose").list_delivery_streams()["DeliveryStreamNames"] == ["clicks"]


@pytest.mark.parametrize("path", [p for p, _, _ in EXAMPLES["invocations of a function"]])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_functions_are_invoked_by_post_only(local_cloud: CloudUnderTest, path: str, method: str) -> None:
    url = local_cloud.endpoint + path
    answer = requests.request(method, url, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


# Other users of the machine


@pytest.fixture
def private(local_cloud: CloudUnderTest) -> Iterator[CloudUnderTest]:
    """A local cloud that serves AWS clients with its access key only."""
    cloud = local_cloud.cloud
    before, cloud.settings = cloud.settings, replace(cloud.settings, access="private")
    yield local_cloud
    cloud.settings = before


def with_key(cloud: CloudUnderTest, service: str, key: str) -> Any:
    client = cloud.client(service)
    client._request_signer._credentials.access_key = key
    return client


def test_aws_clients_need_the_access_key_of_this_local_cloud(private: CloudUnderTest) -> None:
    assert with_key(private, "iam", private.cloud.access_key_id).list_roles()["Roles"] == []
    for service, call in [
        ("iam", "list_roles"),
        ("s3", "list_buckets"),
        ("lambda", "list_functions"),
        ("firehose", "list_delivery_streams"),
        ("apigateway", "get_rest_apis"),
        ("logs", "describe_log_groups"),
    ]:
        with pytest.raises(ClientError) as error:
            getattr(with_key(private, service, "another"), call)()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        assert error.value.response["Error"]["Code"] == "InvalidClientTokenId"
        assert "local status" in error.value.response["Error"]["Message"]


UNKEYED = [
    ("POST", "/", {}, "no signature"),
    ("POST", "/", {"X-Amz-Target": "Firehose_20150804.PutRecord"}, "records without a signature"),
    ("POST", "/2015-03-31/functions/f/invocations", {}, "an invocation without a signature"),
    ("PUT", "/bucket", {}, "a bucket without a signature"),
    ("POST", "/_local/stop", {}, "administration"),
    ("DELETE", "/_local/faults", {"Authorization": "Bearer another"}, "administration with another key"),
    (
        "POST",
        "/",
        {"Authorization": "AWS4-HMAC-SHA256 x, Credential={key}/" + SCOPE.format("iam")},
        "a signature in another order than moto reads it",
    ),
    ("POST", "/?X-Amz-Credential={key}x/" + SCOPE.format("iam"), {}, "a key that only begins alike"),
]


@pytest.mark.parametrize(
    ("method", "path", "headers"), [pytest.param(*case[:3], id=case[3]) for case in UNKEYED]
)
def test_other_users_without_the_key_are_refused(
    private: CloudUnderTest, method: str, path: str, headers: dict[str, str]
) -> None:
    key = private.cloud.access_key_id
    before = private.cloud.control_plane.changes
    answer = requests.request(
        method,
        private.endpoint + path.replace("{key}", key),
        headers={name: value.replace("{key}", key) for name, value in headers.items()},
        timeout=10,
    )
    assert answer.status_code == 403
    assert private.cloud.control_plane.changes == before


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?Action=ListRoles&Version=2010-05-08",
        "/clicks-data",
        "/clicks-data/key",
        "/clicks-data?policy",
        "/clicks-data/key?AWSAccessKeyId=k&Signature=x&Expires=9999999999",
        "/clicks-data/key?%41WSAccessKeyId=k&%53ignature=x&Expires=9999999999",
        "/clicks-data/key?response-content-type=Signature=",
        "/clicks-data/key?X-Amz-Signature=x",
        "/pool/.well-known/jwks.json",
        "/iam_us-east-1/?Action=ListRoles",
    ],
)
def test_without_a_signature_only_public_objects_are_read(private: CloudUnderTest, path: str) -> None:
    s3 = with_key(private, "s3", private.cloud.access_key_id)
    s3.create_bucket(Bucket="clicks-data", CreateBucketConfiguration={"LocationConstraint": private.region})
    s3.put_object(Bucket="clicks-data", Key="key", Body=b"secret")
    answer = requests.get(private.endpoint + path, timeout=10)
    assert answer.status_code == 403
    assert b"secret" not in answer.content and b"ListAllMyBuckets" not in answer.content


def test_the_page_the_service_and_health_need_no_key(private: CloudUnderTest) -> None:
    for path in ("/_mysfits/mysfits", "/_site/", "/_site/clicks.json", "/_local/health"):
        assert requests.get(private.endpoint + path, timeout=10).status_code == 200
    api = requests.put(private.endpoint + API, json=[], timeout=10)
    assert (api.status_code, api.json()) == (403, {"message": "Forbidden"}), "the words of API Gateway"


def test_the_administration_takes_the_key(private: CloudUnderTest) -> None:
    headers = {"Authorization": f"Bearer {private.cloud.access_key_id}"}
    assert requests.get(f"{private.endpoint}/_local/faults", headers=headers, timeout=10).ok


def test_the_key_is_another_for_every_local_cloud(private: CloudUnderTest) -> None:
    key = private.cloud.access_key_id
    assert key.startswith("LKIA") and len(key) == 20
    assert key not in requests.get(f"{private.endpoint}/_local/health", timeout=10).text
