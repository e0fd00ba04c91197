"""Runs that AWS, or the operator's own credentials, do not let through in one go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mysfits_stream.config import Config
from mysfits_stream.errors import ProvisionError, WaitTimeoutError
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.aws_behavior import FaultRule
from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import refused
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.provision.engine import Goal, converge, survey
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.support.clock import Clock
from tests.support.in_process import ApiCall, InProcess, Send

pytestmark = pytest.mark.slow

CONFIG = Config()
REGION = "eu-west-1"


@dataclass
class Deployer:
    """Somebody who runs ``up`` and ``down``, and what they are told meanwhile."""

    aws: InProcess
    path: Path
    told: list[tuple[str, str]] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)

    def up(self) -> None:
        self._run(Goal.PRESENT)
        changes = survey(self.aws.resources(CONFIG), Goal.PRESENT, CONFIG.stack)
        assert {change.status for change in changes} == {"in-sync"}

    def down(self) -> None:
        self._run(Goal.ABSENT)
        resources = self.aws.resources(CONFIG)
        verify_deleted(resources, CONFIG.stack, self.aws.tagging, self.aws.clients.apigateway, self.aws.pace)

    def _run(self, goal: Goal) -> None:
        resources = self.aws.resources(
            CONFIG, delete_data=True, report=lambda name, text: self.told.append((name, text))
        )
        converge(resources, self.aws.state(self.path, CONFIG), goal=goal)

    def listen(self, call: ApiCall, send: Send) -> Response:
        self.operations.append(call.operation)
        return send()


@pytest.fixture
def deployer(tmp_path: Path) -> Iterator[Deployer]:
    clock = Clock()
    cloud = local_cloud(Settings(time_scale=1), now=clock, background=False, sleep=clock.advance)
    try:
        made = Deployer(InProcess(cloud, clock), tmp_path / "state.json")
        made.aws.intercept = made.listen
        yield made
    finally:
        cloud.stop()


def expiring_after(calls: int) -> Callable[[ApiCall, Send], Response]:
    """Credentials that are good for so many calls."""
    lock = threading.Lock()
    left = calls

    def intercept(call: ApiCall, send: Send) -> Response:
        nonlocal left
        with lock:
            left -= 1
            expired = left < 0
        if not expired:
            return send()
        service = {"cloudwatch-logs": "logs", "api-gateway": "apigateway"}.get(call.service, call.service)
        code = "ExpiredToken" if service in ("iam", "s3") else "ExpiredTokenException"
        message = "The security token included in the request is expired"
        status = 400 if service == "s3" else 403
        return refused(Call(service, call.operation, REGION), status, code, message)

    return intercept


@pytest.mark.parametrize("calls", [0, 20, 40, 60, 80])
def test_credentials_that_expire_on_the_way_stop_the_run_and_the_next_resumes(
    deployer: Deployer, calls: int
) -> None:
    deployer.aws.intercept = expiring_after(calls)
    with pytest.raises(ProvisionError, match="Your credentials have expired: sign in again"):
        deployer.up()
    deployer.aws.intercept = deployer.listen
    deployer.up()
    deployer.aws.intercept = expiring_after(calls)
    with pytest.raises(ProvisionError, match="Your credentials have expired: sign in again"):
        deployer.down()
    deployer.aws.intercept = deployer.listen
    deployer.down()


def test_the_quota_of_deletions_is_waited_out_and_the_wait_says_how_long(deployer: Deployer) -> None:
    deployer.up()
    throttled = FaultRule(
        "DeleteRestApi", 3, code="TooManyRequestsException", message="Too Many Requests", status=429
    )
    deployer.aws.cloud.faults.add(throttled)
    began = deployer.aws.clock.now
    deployer.down()
    assert deployer.aws.clock.now - began > 3 * 30, "it came back as late as the quota asks for"
    waits = [text for name, text in deployer.told if name == "clicks-api"]
    assert any("one deletion in 30 s" in text and "of 900 s" in text for text in waits), waits


def test_a_quota_that_says_when_is_taken_at_its_word(deployer: Deployer) -> None:
    deployer.up()
    rule = FaultRule("DeleteRestApi", code="TooManyRequestsException", status=429, retry_after=7)
    deployer.aws.cloud.faults.add(rule)
    began = deployer.aws.clock.now
    deployer.down()
    assert 7 <= deployer.aws.clock.now - began < 25


def test_what_is_slow_and_what_is_limited_goes_first(deployer: Deployer) -> None:
    first = {"DeleteRestApi", "DeleteDeliveryStream"}
    both_asked = threading.Barrier(len(first), timeout=30)

    def meet(call: ApiCall, send: Send) -> Response:
        deployer.operations.append(call.operation)
        if call.operation in first:
            both_asked.wait()
        return send()

    deployer.up()
    deployer.operations.clear()
    deployer.aws.intercept = meet
    deployer.down()
    order = [operation for operation in deployer.operations if operation.startswith("Delete")]
    assert set(order[:2]) == first
    assert order.index("DeleteDeliveryStream") < order.index("DeleteFunction")
    assert order.index("DeleteDeliveryStream") < order.index("DeleteBucket")
    assert order.index("DeleteRestApi") < len(order) - order[::-1].index("DeleteRole") - 1


def test_a_conflict_over_an_api_that_is_gone_is_told_from_one_that_passes(deployer: Deployer) -> None:
    conflict = FaultRule(
        "PutRestApi",
        1000,
        code="ConflictException",
        message="Unable to complete operation due to concurrent modification. Please try again later.",
        status=409,
    )
    deployer.aws.cloud.faults.add(conflict)
    began = deployer.aws.clock.now
    with pytest.raises(WaitTimeoutError, match="another run may be changing the API"):
        deployer.up()
    assert deployer.aws.clock.now - began < 100
    deployer.aws.cloud.faults.add(
        FaultRule("GetRestApi", code="NotFoundException", message="gone", status=404)
    )
    with pytest.raises(ProvisionError, match="GetRestApi: NotFoundException"):
        deployer.up()
    deployer.aws.cloud.faults.clear()
    deployer.up()


def test_a_conflict_that_passes_is_waited_out(deployer: Deployer) -> None:
    message = "Unable to complete operation due to concurrent modification. Please try again later."
    deployer.aws.cloud.faults.add(
        FaultRule("CreateDeployment", 5, code="ConflictException", message=message, status=409)
    )
    deployer.up()


def test_two_apis_of_ours_are_healed_to_one(deployer: Deployer) -> None:
    deployer.up()
    apigateway = deployer.aws.clients.apigateway
    [first] = apigateway.get_rest_apis()["items"]
    deployer.aws.clock.advance(60)
    apigateway.create_rest_api(name=CONFIG.stack, tags={OWNER_TAG: CONFIG.stack})
    deployer.up()
    assert [api["id"] for api in apigateway.get_rest_apis()["items"]] == [first["id"]]


def test_execution_logs_that_the_api_leaves_behind_go_with_it(deployer: Deployer) -> None:
    deployer.up()
    logs = deployer.aws.clients.logs
    [api] = deployer.aws.clients.apigateway.get_rest_apis()["items"]
    logs.create_log_group(logGroupName=f"API-Gateway-Execution-Logs_{api['id']}/prod")
    deployer.down()
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_log_group_that_late_events_brought_back_does_not_stop_the_next_up(deployer: Deployer) -> None:
    deployer.aws.clients.logs.create_log_group(logGroupName=f"/aws/lambda/{CONFIG.stack}-processor")
    deployer.up()
    deployer.down()


def test_a_denial_of_the_operators_fails_at_once_and_names_the_action(deployer: Deployer) -> None:
    message = (
        "User: arn:aws:iam::123456789012:user/somebody is not authorized to perform: iam:PassRole on "
        "resource: arn:aws:iam::123456789012:role/mysfits-clicks-eu-west-1-processor"
    )
    deployer.aws.cloud.faults.add(
        FaultRule("CreateFunction", 1000, code="AccessDeniedException", message=message, status=403)
    )
    with pytest.raises(ProvisionError, match=r"iam:PassRole.*Your IAM user or role is missing this"):
        deployer.up()
    assert deployer.operations.count("CreateFunction") == 1


def test_a_stream_that_failed_is_explained_and_the_next_up_replaces_it(deployer: Deployer) -> None:
    deployer.aws.cloud.faults.add(FaultRule("CreateDeliveryStream", later="the key is disabled"))
    with pytest.raises(ProvisionError, match=r"CREATING_FAILED: the key is disabled; the next `up` replaces"):
        deployer.up()
    deployer.operations.clear()
    deployer.up()
    assert deployer.operations.count("DeleteDeliveryStream") == 1
    assert deployer.operations.count("CreateDeliveryStream") == 1
    deployer.down()


def test_a_stream_that_failed_goes_with_the_rest(deployer: Deployer) -> None:
    deployer.aws.cloud.faults.add(FaultRule("CreateDeliveryStream", later="the key is disabled"))
    with pytest.raises(ProvisionError, match="CREATING_FAILED"):
        deployer.up()
    deployer.down()
