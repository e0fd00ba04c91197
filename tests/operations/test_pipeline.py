"""AWS's errors in commands on the running pipeline: one line that says what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, TokenRetrievalError
from botocore.parsers import ResponseParserError

from mysfits_stream.config import Config
from mysfits_stream.errors import ClickError
from mysfits_stream.operations.pipeline import translated
from mysfits_stream.operations.project import Project


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (refused("NoSuchBucket", "no"), "stack mysfits-clicks is not complete (ListObjectsV2: NoSuchBucket)"),
        (
            refused("ExpiredToken", "It has expired."),
            "ListObjectsV2: ExpiredToken: It has expired. Your cred",
        ),
        (refused("400", "Bad Request"), "400: Bad Request. Your credentials have expired: sign in again"),
        (
            refused("AccessDenied", "Denied"),
            "Your IAM user or role is missing this permission; `mysfits-stream operator-policy`",
        ),
        (refused("SlowDown", "Please reduce your rate."), "ListObjectsV2: SlowDown: Please reduce your rate"),
        (TokenRetrievalError(provider="sso", error_msg="It ended"), "cannot be renewed: sign in again"),
        (EndpointConnectionError(endpoint_url="https://x"), "Could not connect to the endpoint URL"),
        (
            ResponseParserError("invalid XML\n<html>"),
            "unexpected response (not from AWS). Check AWS_ENDPOINT_URL and proxies",
        ),
    ],
    ids=[
        "no bucket",
        "expired credentials",
        "the same, as HEAD says it",
        "a denial",
        "a refusal",
        "a sign-in that has ended",
        "no connection",
        "a page of somebody else's",
    ],
)
def test_aws_errors_become_ours(
    error: ClientError | BotoCoreError | ResponseParserError, says: str, tmp_path: Path
) -> None:
    unused: Any = None
    project = Project(Config(), tmp_path, unused)
    with pytest.raises(ClickError) as raised, translated(project):
        raise error
    assert says in str(raised.value) and "\n" not in str(raised.value)
    assert raised.value.__cause__ is error
