"""The result of a run over the stack: each resource's status, action and differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mysfits_stream.operations.project import Project
from mysfits_stream.provision.alarm_states import AlarmState
from mysfits_stream.provision.engine import Action, Change, Status, translated
from mysfits_stream.provision.resource import Diff

API_TYPE = "AWS::ApiGateway::RestApi"
DOMAIN_TYPE = "AWS::ApiGateway::DomainName"


@dataclass(frozen=True)
class ResourceChange:
    """The status of a resource, and its change, done or planned."""

    name: str
    type: str
    id: str | None
    arn: str | None
    status: Status
    action: Action
    diff: Diff

    def document(self) -> dict[str, Any]:
        """The resource as JSON."""
        return {
            "name": self.name,
            "type": self.type,
            "id": self.id,
            "arn": self.arn,
            "status": self.status,
            "action": self.action.value,
            "diff": {key: list(values) for key, values in self.diff.items()},
        }


@dataclass(frozen=True)
class DnsRecord:
    """The DNS record that leads a domain name to API Gateway."""

    name: str
    value: str
    """The regional host name of API Gateway, for a CNAME or a Route 53 alias."""
    hosted_zone_id: str
    """The zone of ``value``, for a Route 53 alias."""

    def document(self) -> dict[str, Any]:
        """The record as JSON."""
        return {"name": self.name, "type": "CNAME", "value": self.value, "hostedZoneId": self.hosted_zone_id}


@dataclass(frozen=True)
class StackChanges:
    """Every resource of the stack, in the order of a click's path."""

    stack: str
    target: str
    account: str
    region: str
    endpoint: str | None
    """The base URL to which ``/clicks`` is added; None while there is no API."""
    resources: tuple[ResourceChange, ...]
    alarms: tuple[AlarmState, ...] = ()
    """The states of the alarms, with ``status`` of a stack with alarms."""
    dns: DnsRecord | None = None
    """The record to set for ``api.domain``, if there is one."""

    @classmethod
    def of(cls, project: Project, changes: Sequence[Change], *, status: Status | None = None) -> StackChanges:
        """The result of a survey or a run; ``status`` is the status of all resources after the run."""
        account = project.target.account
        api = next((each.observed for each in changes if each.resource.type == API_TYPE), None)
        return cls(
            stack=project.config.stack,
            target=project.target.name,
            account=account.id,
            region=account.region,
            endpoint=project.endpoint(api.id) if api and status != "missing" else None,
            dns=_dns(project, changes) if status != "missing" else None,
            resources=tuple(
                ResourceChange(
                    name=change.resource.name,
                    type=change.resource.type,
                    id=change.observed.id if change.observed else None,
                    arn=change.observed.arn if change.observed else None,
                    status=status or change.status,
                    action=change.action,
                    diff=change.diff,
                )
                for change in changes
            ),
        )

    @property
    def in_sync(self) -> bool:
        """Whether every resource is as configured."""
        return all(resource.status == "in-sync" for resource in self.resources)

    @property
    def unchanged(self) -> bool:
        """Whether no resource was or would be changed."""
        return all(resource.action is Action.NONE for resource in self.resources)

    def count(self, action: Action) -> int:
        """The number of resources with the action."""
        return sum(resource.action is action for resource in self.resources)

    def document(self) -> dict[str, Any]:
        """The stack as JSON; docs/commands.md is the contract."""
        return {
            "stack": self.stack,
            "target": self.target,
            "account": self.account,
            "region": self.region,
            "endpoint": self.endpoint,
            **({"dns": self.dns.document()} if self.dns else {}),
            "resources": [resource.document() for resource in self.resources],
            **({"alarms": [state.document() for state in self.alarms]} if self.alarms else {}),
        }


def _dns(project: Project, changes: Sequence[Change]) -> DnsRecord | None:
    """The record for the domain name; read only where a domain name is configured and exists."""
    domain = project.config.api.domain
    names = [each.observed.id for each in changes if each.resource.type == DOMAIN_TYPE and each.observed]
    # What is observed may be a domain name of an earlier configuration.
    if domain is None or domain not in names:
        return None
    with translated("clicks-domain", "read"):
        found = project.target.clients.apigateway.get_domain_name(domainName=domain)
    return DnsRecord(domain, found.get("regionalDomainName", ""), found.get("regionalHostedZoneId", ""))
