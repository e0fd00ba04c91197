"""The whole life of a stack while AWS is in all of its moods, on several seeds."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.config import ApiConfig, Config
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.provision.engine import Goal, converge, survey
from mysfits_stream.provision.policies import allow, document
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.stack import Stack
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.support.clock import START, Clock
from tests.support.in_process import ApiCall, InProcess, Send

CONFIG = Config()
BUDGET = 300.0
"""AWS's seconds that any run may take: what a user would still wait for."""


@dataclass
class MoodyStack:
    """A stack on a local cloud in all moods."""

    aws: InProcess
    path: Path
    writes: list[str] = field(default_factory=list)

    def intercept(self, call: ApiCall, send: Send) -> Response:
        if not call.operation.startswith(("Get", "List", "Describe", "Head")):
            self.writes.append(call.operation)
        return send()

    def up(self, config: Config = CONFIG, resources: Iterable[Resource] | None = None) -> set[str]:
        """Bring it up; returns what was written."""
        self.writes.clear()
        began = self.aws.clock.now
        converge(resources or self.resources(config), self.aws.state(self.path, config), goal=Goal.PRESENT)
        assert self.aws.clock.now - began < BUDGET
        assert self.differences(config, resources) == []
        return set(self.writes)

    def resources(self, config: Config, **options: Any) -> Stack:
        return self.aws.resources(config, mysfits_api=f"{self.aws.cloud.endpoint}/_mysfits", **options)

    def differences(self, config: Config, resources: Iterable[Resource] | None = None) -> list[str]:
        """The resources that are not as configured, once reads have settled."""
        self.aws.clock.advance(10)
        changes = survey(resources or self.resources(config), Goal.PRESENT, config.stack)
        return [f"{c.resource.name}: {c.status} {c.diff}" for c in changes if c.status != "in-sync"]

    def api_id(self) -> str:
        [api] = self.aws.clients.apigateway.get_rest_apis()["items"]
        return str(api["id"])

    def click(self) -> None:
        """Send a click, as a browser would that tries again."""
        body = json.dumps({"userId": "guest", "mysfitId": self.some_mysfit()}).encode()
        headers = {"content-type": "application/json"}
        for _ in range(60):
            answer = self.aws.invoke("PUT", self.api_id(), "prod", "/clicks", headers, body)
            if answer.status == 200:
                return
            assert answer.status in (403, 500, 502, 503), answer
            self.aws.clock.advance(2)
        raise AssertionError(f"no click was accepted: {answer}")

    def some_mysfit(self) -> str:
        import requests

        listed = requests.get(f"{self.aws.cloud.endpoint}/_mysfits/mysfits", timeout=10).json()
        return str(listed["mysfits"][0]["mysfitId"])

    def delivered(self) -> list[Any]:
        """The enriched clicks that are in the bucket, once the buffers are due."""
        s3, bucket = self.aws.clients.s3, "mysfits-clicks-123456789012-eu-west-1"
        for _ in range(20):
            self.aws.clock.advance(30)
            self.aws.cloud.deliver_due()
            if found := s3.list_objects_v2(Bucket=bucket).get("Contents"):
                bodies = [s3.get_object(Bucket=bucket, Key=o["Key"])["Body"].read() for o in found]
                return [json.loads(line) for body in bodies for line in body.splitlines()]
        return []


@pytest.fixture(params=[1, 2, 3], ids="seed {}".format)
def moody(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MoodyStack]:
    clock = Clock(START)
    cloud = local_cloud(
        Settings(time_scale=1, behavior="aws", seed=request.param), now=clock, background=False
    )
    cloud.start()
    try:
        aws = InProcess(cloud, clock, attempts=5)
        stack = MoodyStack(aws, tmp_path / "state.json")
        aws.intercept = stack.intercept
        yield stack
    finally:
        cloud.stop()


def test_a_domain_name_is_waited_for(moody: MoodyStack) -> None:
    certificate = moody.aws.account.arn("acm", "certificate/1")
    api = ApiConfig(domain="clicks.example.com", certificate_arn=certificate)
    moody.up(replace(CONFIG, api=api))
    changed = replace(CONFIG, api=replace(api, certificate_arn=f"{certificate}0"))
    assert moody.up(changed) == {"UpdateDomainName"}
    found: Any = moody.aws.clients.apigateway.get_domain_name(domainName="clicks.example.com")
    assert found["domainNameStatus"] == "AVAILABLE"


@pytest.mark.slow
def test_a_stack_lives_through_all_moods(moody: MoodyStack) -> None:
    clients = moody.aws.clients
    moody.up()
    assert moody.up() == set(), "the second time there is nothing to do"

    moody.click()
    [click] = moody.delivered()
    assert click["species"]

    clients.iam.put_role_policy(
        RoleName="mysfits-clicks-eu-west-1-api",
        PolicyName="permissions",
        PolicyDocument=json.dumps(document(allow(["firehose:PutRecord"], ["*"]))),
    )
    clients.logs.delete_log_group(logGroupName="/aws/lambda/mysfits-clicks-processor")
    clients.s3.put_bucket_versioning(
        Bucket="mysfits-clicks-123456789012-eu-west-1", VersioningConfiguration={"Status": "Suspended"}
    )
    assert len(moody.differences(CONFIG)) == 3
    assert moody.up() == {"PutRolePolicy", "CreateLogGroup", "PutRetentionPolicy", "PutBucketVersioning"}

    assert moody.up(resources=with_other_code(moody.resources(CONFIG))) == {
        "Invoke",
        "PublishVersion",
        "UpdateAlias",
        "UpdateFunctionCode",
    }

    changed = replace(CONFIG, api=ApiConfig(allowed_origins=("https://www.example.com",)))
    written = moody.up(changed, with_other_code(moody.resources(changed)))
    assert written == {"PutRestApi", "UpdateModel", "CreateDeployment", "UpdateStage", "DeleteDeployment"}

    resources = moody.resources(changed, delete_data=True)
    began = moody.aws.clock.now
    converge(resources, moody.aws.state(moody.path, changed), goal=Goal.ABSENT)
    assert moody.aws.clock.now - began < BUDGET
    moody.aws.clock.advance(10)
    verify_deleted(resources, CONFIG.stack, moody.aws.tagging, clients.apigateway, moody.aws.pace)
    assert not moody.path.exists()


def with_other_code(stack: Stack) -> Stack:
    """The same stack with other code in its processor."""
    package = stack.processor.package()
    buffer = io.BytesIO(package.zip_bytes)
    with zipfile.ZipFile(buffer, "a") as archive:
        # Dated, so that it is the same package the next time.
        archive.writestr(zipfile.ZipInfo("release.txt", (2026, 1, 1, 0, 0, 0)), "2")
    other = replace(package, zip_bytes=buffer.getvalue())
    processor = replace(stack.processor, package=lambda: other)
    live = replace(stack.processor_live, function=processor)
    stream = replace(stack.delivery_stream, processor=live)
    return replace(stack, processor=processor, processor_live=live, delivery_stream=stream)
