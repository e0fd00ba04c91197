"""Adopting on a terminal: the question is asked, and only a typed yes is a yes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import boto3
import pytest

from mysfits_stream.local_site import daemon
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.operations.options import DIRECTORY
from mysfits_stream.provision.resource import OWNER_TAG
from tests.end_to_end.conftest import TIMEOUT, Shell

pytestmark = pytest.mark.slow

ROLE = "mysfits-clicks-us-east-1-api"


@pytest.fixture
def iam(shell: Shell) -> Any:
    """A client of the shell's local cloud, in which a role of the stack's name is nobody's."""
    running = daemon.ensure(shell.directory / DIRECTORY, Settings())
    client = boto3.client(
        "iam",
        region_name="us-east-1",
        endpoint_url=running.endpoint,
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key="local",
    )
    client.create_role(
        RoleName=ROLE,
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}],
            }
        ),
    )
    return client


def answer(shell: Shell, text: str) -> int:
    """Run `up --adopt` on a terminal and type an answer; the exit code."""
    here, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "mysfits_stream", "up", "--adopt"],
            cwd=shell.directory,
            env=shell.environment(),
            stdin=terminal,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.write(here, f"{text}\n".encode())
        return process.wait(TIMEOUT)
    finally:
        os.close(here)
        os.close(terminal)


def owners(iam: Any) -> list[str]:
    tags = iam.list_role_tags(RoleName=ROLE)["Tags"]
    return [tag["Value"] for tag in tags if tag["Key"] == OWNER_TAG]


def test_anything_but_yes_stops_before_a_tag_is_set(shell: Shell, iam: Any) -> None:
    assert answer(shell, "y") == 130
    assert owners(iam) == []


def test_yes_adopts(shell: Shell, iam: Any) -> None:
    assert answer(shell, "yes") == 0
    assert owners(iam) == ["mysfits-clicks"]
