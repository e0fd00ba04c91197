"""A custom domain name of the clicks API: made, compared, shown, removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from mysfits_stream.config import AlarmsConfig, ApiConfig, Config
from mysfits_stream.errors import ConfigError
from mysfits_stream.operations.changes import StackChanges
from mysfits_stream.operations.plan import plan
from mysfits_stream.operations.project import Project
from mysfits_stream.operations.up import up
from mysfits_stream.output.progress import ProgressView
from mysfits_stream.provision.engine import Action, Goal, converge, decide, survey
from mysfits_stream.provision.operator_policy import operator_policies
from mysfits_stream.provision.resources.clicks_domain import ClicksDomain
from mysfits_stream.provision.verify_deleted import verify_deleted
from tests.support.answers import error, ok
from tests.support.clock import Time
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import ACCOUNT, Deployment
from tests.support.scripted import ACCOUNT as SCRIPTED
from tests.support.scripted import Scripted, placement

NAME = "clicks.example.com"
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/1"
CONFIG = Config(api=ApiConfig(domain=NAME, certificate_arn=CERTIFICATE))


@pytest.fixture
def domain(local_cloud: CloudUnderTest, tmp_path: Path) -> Deployment:
    """A stack with a domain name, not yet up."""
    return Deployment(local_cloud, tmp_path, CONFIG)


def project(deployment: Deployment, config: Config = CONFIG, target: str = "local") -> Project:
    return Project(config, deployment.directory, replace(deployment.target, name=target))


def test_the_root_of_the_domain_leads_to_the_stage(domain: Deployment) -> None:
    domain.up()
    apigateway: Any = domain.target.clients.apigateway
    found = apigateway.get_domain_name(domainName=NAME)
    assert (found["securityPolicy"], found["endpointConfiguration"]["types"]) == ("TLS_1_2", ["REGIONAL"])
    [mapping] = apigateway.get_base_path_mappings(domainName=NAME)["items"]
    api_id = domain.resource("clicks-api").read().id
    assert mapping == {"basePath": "(none)", "restApiId": api_id, "stage": "prod"}
    assert set(domain.statuses().values()) == {"in-sync"}


def test_the_dns_record_is_told_and_the_endpoint_is_the_domains_on_aws(domain: Deployment) -> None:
    changes = domain.up()
    found: Any = domain.target.clients.apigateway.get_domain_name(domainName=NAME)
    there = StackChanges.of(project(domain, target="aws"), changes).document()
    assert there["endpoint"] == f"https://{NAME}"
    assert there["dns"] == {
        "name": NAME,
        "type": "CNAME",
        "value": found["regionalDomainName"],
        "hostedZoneId": found["regionalHostedZoneId"],
    }
    here = StackChanges.of(project(domain), changes)
    assert here.endpoint == domain.clicks_url.removesuffix("/clicks")
    assert here.dns


def test_the_local_cloud_does_not_serve_the_name(domain: Deployment) -> None:
    domain.up()
    url = f"{domain.cloud.endpoint}/clicks"
    answer = requests.put(url, json={}, headers={"Host": NAME}, timeout=10)
    assert answer.status_code == 403
    domain.put({"userId": "me", "mysfitId": "m-1"}).raise_for_status()


def test_a_stack_without_a_domain_makes_no_call_for_one(deployment: Deployment) -> None:
    changes = deployment.up()
    assert not [call for call in deployment.calls if "Domain" in call or "BasePath" in call]
    assert "clicks-domain" not in {change.resource.name for change in changes}
    assert "dns" not in StackChanges.of(project(deployment, Config()), changes).document()
    text = str(operator_policies(Config(), deployment.target.account))
    assert "domainnames" not in text
    assert f"domainnames/{NAME}" in str(operator_policies(CONFIG, deployment.target.account))


def test_down_removes_the_domain_before_the_api_and_proves_it(domain: Deployment) -> None:
    domain.up()
    domain.calls.clear()
    domain.down()
    deleted = [call for call in domain.calls if call in ("DeleteDomainName", "DeleteRestApi")]
    assert deleted == ["DeleteDomainName", "DeleteRestApi"]
    target = domain.target
    verify_deleted(
        domain.resources(),
        CONFIG.stack,
        target.client("resourcegroupstaggingapi"),
        target.clients.apigateway,
        replace(target.pace, sleep=lambda _seconds: None),
    )


def test_an_api_with_a_mapping_is_not_deleted_by_the_local_cloud_either(domain: Deployment) -> None:
    domain.up()
    api_id = domain.resource("clicks-api").read().id
    with pytest.raises(ClientError, match="remove all base path mappings"):
        domain.target.clients.apigateway.delete_rest_api(restApiId=api_id)


def test_a_plan_without_the_domain_of_before_names_its_deletion(domain: Deployment) -> None:
    up(project(domain), ProgressView())
    for other in (Config(), replace(CONFIG, api=replace(CONFIG.api, domain="other.example.com"))):
        planned = plan(project(domain, other))
        deleted = [each.name for each in planned.changes.resources if each.action is Action.DELETE]
        assert len(deleted) == 1 and deleted[0].endswith("clicks-domain")
        assert planned.changes.dns is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            replace(
                CONFIG, api=replace(CONFIG.api, certificate_arn=CERTIFICATE.replace("eu-west", "us-east"))
            ),
            "api.certificate_arn: .* is in us-east-1, and the stack in eu-west-1; give one of eu-west-1",
        ),
        (
            Config(alarms=AlarmsConfig(topic=f"arn:aws:sns:us-east-1:{ACCOUNT}:ours")),
            "alarms.topic: .* is in us-east-1, and the stack in eu-west-1; give one of eu-west-1",
        ),
    ],
)
def test_what_aws_wants_in_the_region_of_the_stack_is_refused_elsewhere(
    domain: Deployment, config: Config, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        project(domain, config).build()
    assert project(domain, config).build(needs_service=False), "down goes on"


def test_a_domain_that_is_not_configured_any_more_is_retired(domain: Deployment) -> None:
    domain.up()
    state = domain.state
    assert project(domain).retired(state) == []
    [gone] = project(domain, Config()).retired(state)
    assert (gone.name, getattr(gone, "domain_name", "")) == ("clicks-domain", NAME)
    other = replace(CONFIG, api=replace(CONFIG.api, domain="other.example.com"))
    [earlier] = project(domain, other).retired(state)
    assert (earlier.name, getattr(earlier, "domain_name", "")) == ("earlier-clicks-domain", NAME)
    converge([gone], state, goal=Goal.ABSENT)
    assert domain.resource("clicks-domain").read() is None
    assert "clicks-domain" not in domain.state.resources


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"domain": NAME}, "api.domain: needs api.certificate_arn beside it"),
        ({"certificate_arn": CERTIFICATE}, "api.certificate_arn: needs api.domain beside it"),
    ],
)
def test_domain_and_certificate_go_together(settings: dict[str, str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        Config(api=ApiConfig(**settings))  # type: ignore[arg-type]


# What API Gateway is known to answer


def scripted(aws: Scripted, time: Time | None = None) -> ClicksDomain:
    from mysfits_stream.provision import stack

    built = stack.build(
        CONFIG,
        SCRIPTED,
        placement(aws).clients,
        mysfits_api="https://mysfits.example.com",
        answers=lambda _api, _stage: True,
        pace=(time or Time()).pace,
    )
    assert built.clicks_domain
    return built.clicks_domain


def shown(**changed: Any) -> Any:
    return ok(
        **{
            "domainName": NAME,
            "regionalCertificateArn": CERTIFICATE,
            "securityPolicy": "TLS_1_2",
            "endpointConfiguration": {"types": ["REGIONAL"]},
            "domainNameStatus": "AVAILABLE",
            "tags": {"mysfits-stream:stack": "mysfits-clicks"},
            **changed,
        }
    )


API = ok(
    items=[
        {
            "id": "a1",
            "name": "mysfits-clicks",
            "createdDate": datetime(2026, 1, 1, tzinfo=UTC),
            "tags": {"mysfits-stream:stack": "mysfits-clicks"},
        }
    ]
)
MAPPED = ok(items=[{"basePath": "(none)", "restApiId": "a1", "stage": "prod"}])


def test_an_edge_optimized_name_blocks_an_update() -> None:
    edge = {"types": ["EDGE"]}
    resource = scripted(
        Scripted(GetDomainName=shown(endpointConfiguration=edge), GetBasePathMappings=MAPPED, GetRestApis=API)
    )
    change = decide(resource, resource.read(), Goal.PRESENT, CONFIG.stack)
    assert change.action is Action.NONE
    assert "is not regional" in str(change.refusal)


def test_mutual_tls_is_drift_and_ends_with_an_update() -> None:
    trust = {"truststoreUri": "s3://bucket/key"}
    aws = Scripted(
        GetDomainName=shown(mutualTlsAuthentication=trust),
        GetBasePathMappings=MAPPED,
        GetRestApis=API,
        UpdateDomainName=ok(),
    )
    [change] = survey([scripted(aws)], Goal.PRESENT, CONFIG.stack)
    assert change.diff == {"MutualTlsAuthentication": (trust, None)}
    scripted(aws).update(change.diff)
    [asked] = aws.asked("UpdateDomainName")
    assert asked["patchOperations"] == [
        {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}
    ]


def test_a_name_that_exists_already_is_gone_on_with_if_it_shows() -> None:
    """F6: the response to the first call was lost."""
    exists = error(400, "BadRequestException", "The domain name you provided already exists.")
    mine = Scripted(
        CreateDomainName=exists,
        GetDomainName=shown(),
        GetRestApis=API,
        GetBasePathMappings=ok(items=[]),
        CreateBasePathMapping=ok(),
    )
    scripted(mine).create()
    assert mine.asked("CreateBasePathMapping")[0]["restApiId"] == "a1"
    theirs = Scripted(
        CreateDomainName=exists, GetDomainName=error(404, "NotFoundException", "Invalid domain")
    )
    with pytest.raises(ClientError, match="already exists"):
        scripted(theirs).create()


def test_quotas_are_waited_for_and_a_pending_name_too() -> None:
    """F291, F292."""
    time = Time()
    throttled = error(429, "TooManyRequestsException", "Too Many Requests", Retry_After="9")
    aws = Scripted(
        UpdateDomainName=[throttled, ok()],
        GetDomainName=[shown(domainNameStatus="UPDATING"), shown()],
    )
    scripted(aws, time).update({"SecurityPolicy": ("TLS_1_0", "TLS_1_2")})
    assert len(aws.asked("UpdateDomainName")) == 2
    scripted(aws, time).settle()
