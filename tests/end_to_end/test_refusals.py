"""AWS's refusals: expired credentials, and resources of another owner."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from tests.end_to_end.conftest import Shell

pytestmark = pytest.mark.slow

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1"}

REFUSALS = [
    # code, message as AWS words them; what our line has to say
    (
        "ExpiredToken",
        "The security token included in the request is expired",
        ("have expired", "sign in again"),
    ),
    (
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
        ("eu-south-1", "enabled"),
    ),
]


@contextmanager
def _refusing(code: str, message: str) -> Iterator[str]:
    """A stand-in for AWS that refuses everybody; yields its address."""
    body = (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    ).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("code", "message", "says"), REFUSALS, ids=[code for code, *_ in REFUSALS])
def test_refused_credentials_are_explained(
    shell: Shell, code: str, message: str, says: tuple[str, ...]
) -> None:
    with _refusing(code, message) as address:
        outcome = shell.run(
            "plan", "--target", "aws", "--region", "eu-south-1", AWS_ENDPOINT_URL=address, **CREDENTIALS
        )
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    for words in (code, *says):
        assert words in outcome.err


@pytest.mark.parametrize(
    "tags", [[], [{"Key": "mysfits-stream:stack", "Value": "another"}]], ids=["untagged", "another's"]
)
@pytest.mark.parametrize("command", [("up",), ("down", "--yes")], ids=["up", "down"])
def test_a_role_of_our_name_that_is_not_ours_stops_the_run_before_anything_is_changed(
    shell: Shell, tags: Any, command: tuple[str, ...]
) -> None:
    environment = shell.run("local", "start", "--json").json["environment"]
    iam = boto3.client(
        "iam",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="x",
    )
    trust = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
        ' "Principal": {"Service": "lambda.amazonaws.com"}}]}'
    )
    iam.create_role(RoleName="mysfits-clicks-us-east-1-api", AssumeRolePolicyDocument=trust, Tags=tags)
    outcome = shell.run(*command)
    assert outcome.code == 1
    assert "arn:aws:iam::123456789012:role/mysfits-clicks-us-east-1-api" in outcome.err
    assert "mysfits-stream:stack=mysfits-clicks" in outcome.err or "belongs to stack another" in outcome.err
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["mysfits-clicks-us-east-1-api"]
    status = shell.run("status", "--json")
    assert status.code == 2
    assert {r["name"]: r["status"] for r in status.json["resources"]}["api-role"] == "not-ours"
