"""Nothing optional adds a call while it is off: the calls of commands, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.config import AlarmsConfig, ApiConfig, Config, QueryConfig
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.operations.plan import plan
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.status import status
from mysfits_stream.operations.up import up
from tests.support.clock import Clock
from tests.support.in_process import ACCOUNT_ID, ENDPOINT, ApiCall, InProcess, Send

pytestmark = pytest.mark.slow

BARE = Config(mysfits_api=f"{ENDPOINT}/_mysfits")
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT_ID}:certificate/1"
OPTIONS: dict[str, dict[str, Any]] = {
    "alarms": {"alarms": AlarmsConfig(email="me@example.com")},
    "athena": {"query": QueryConfig(athena=True)},
    "domain": {"api": ApiConfig(domain="clicks.example.com", certificate_arn=CERTIFICATE)},
}
READS = {
    "api-gateway:GetDeployment": 1,
    "api-gateway:GetGatewayResponses": 1,
    "api-gateway:GetModels": 1,
    "api-gateway:GetRequestValidators": 1,
    "api-gateway:GetResources": 1,
    "api-gateway:GetRestApis": 1,
    "api-gateway:GetStages": 1,
    "cloudwatch-logs:DescribeLogGroups": 2,
    "cloudwatch-logs:DescribeLogStreams": 1,
    "cloudwatch-logs:ListTagsForResource": 2,
    "firehose:DescribeDeliveryStream": 1,
    "firehose:ListTagsForDeliveryStream": 1,
    "iam:GetRole": 5,
    "iam:GetRolePolicy": 3,
    "iam:ListAttachedRolePolicies": 3,
    "iam:ListRolePolicies": 3,
    "lambda:GetAlias": 1,
    "lambda:GetFunction": 2,
    "lambda:GetFunctionConfiguration": 1,
    "resource-groups-tagging-api:GetResources": 1,
    "s3:GetBucketEncryption": 1,
    "s3:GetBucketLifecycleConfiguration": 1,
    "s3:GetBucketOwnershipControls": 1,
    "s3:GetBucketPolicy": 1,
    "s3:GetBucketTagging": 1,
    "s3:GetBucketVersioning": 1,
    "s3:GetPublicAccessBlock": 1,
    "s3:HeadBucket": 1,
}
"""The calls that read a stack without options: status, plan, and up without a change."""


class Silent:
    """Progress that nobody watches."""

    def notify(self, progress: Any) -> None: ...

    def waiting(self, name: str, text: str) -> None: ...


class Counted:
    """A project whose calls are counted."""

    def __init__(self, aws: InProcess, directory: Path) -> None:
        self.aws, self.directory = aws, directory
        self.calls: Counter[str] = Counter()
        aws.intercept = self.intercept

    def intercept(self, call: ApiCall, send: Send) -> Response:
        self.calls[f"{call.service}:{call.operation}"] += 1
        return send()

    def count(self, command: Callable[[Project], object], config: Config) -> Counter[str]:
        self.calls.clear()
        command(Project(config, self.directory, self.aws.target))
        return Counter(self.calls)


@pytest.fixture(scope="module")
def aws() -> Iterator[InProcess]:
    clock = Clock()
    cloud = local_cloud(Settings(time_scale=1), now=clock, background=False)
    try:
        yield InProcess(cloud, clock)
    finally:
        cloud.stop()


@pytest.fixture
def counted(aws: InProcess, tmp_path: Path) -> Counted:
    aws.cloud.reset()
    return Counted(aws, tmp_path)


def bring_up(project: Project) -> None:
    up(project, Silent())


def test_a_stack_without_options_makes_these_calls_and_no_other(counted: Counted) -> None:
    counted.count(bring_up, BARE)
    for command in (status, plan, bring_up):
        assert counted.count(command, BARE) == READS, command


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_is_turned_off_again_leaves_no_call(counted: Counted, option: str) -> None:
    counted.count(bring_up, replace(BARE, **OPTIONS[option]))
    assert counted.count(status, replace(BARE, **OPTIONS[option])) > Counter(READS)
    counted.count(bring_up, BARE)
    for command in (status, plan, bring_up):
        assert counted.count(command, BARE) == READS, command
