"""A custom domain name of the clicks API, its root mapped to the stage (F290 to F294)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from botocore.exceptions import ClientError

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import ignoring, is_error
from mysfits_stream.aws.waiting import wait_until
from mysfits_stream.errors import ProvisionError
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
)
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.resources.rest_api.throttled_changes import Changes

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

ROOT = "(none)"
"""API Gateway's name of the empty base path (F293)."""

REGIONAL = {"Types": ["REGIONAL"]}
SECURITY_POLICY: Literal["TLS_1_2"] = "TLS_1_2"
AVAILABLE_BUDGET = 900.0
"""Seconds until a domain name is AVAILABLE; minutes after a change of the certificate (F291)."""

PATHS = {"RegionalCertificateArn": "/regionalCertificateArn", "SecurityPolicy": "/securityPolicy"}


@dataclass(frozen=True)
class ClicksDomain:
    """A regional domain name with one mapping: its root to the stage of ``api``."""

    name: str
    placement: Placement
    domain_name: str
    certificate_arn: str
    api: RestApi
    type: ClassVar[str] = "AWS::ApiGateway::DomainName"

    @property
    def arn(self) -> str:
        """The domain name's ARN, which has no account."""
        account = self.placement.account
        return f"arn:{account.partition}:apigateway:{account.region}::/domainnames/{self.domain_name}"

    @property
    def desired(self) -> Properties:
        """Certificate, TLS version and mapping; the API by logical name, since AWS assigns its id."""
        return {
            "RegionalCertificateArn": self.certificate_arn,
            "SecurityPolicy": SECURITY_POLICY,
            "EndpointConfiguration": REGIONAL,
            "MutualTlsAuthentication": None,
            "BasePathMappings": {ROOT: {"RestApi": self.api.name, "Stage": self.api.stage}},
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The domain name, and the mapping."""
        name, api = logical_id(self.name), logical_id(self.api.name)
        return {
            name: {
                "Type": self.type,
                "Properties": {
                    "DomainName": self.domain_name,
                    "RegionalCertificateArn": self.certificate_arn,
                    "SecurityPolicy": SECURITY_POLICY,
                    "EndpointConfiguration": REGIONAL,
                    "Tags": tag_list(self.placement.tags),
                },
            },
            f"{name}Mapping": {
                "Type": "AWS::ApiGateway::BasePathMapping",
                "DependsOn": [f"{api}Stage"],
                "Properties": {
                    "DomainName": {"Ref": name},
                    "RestApiId": {"Ref": api},
                    "Stage": self.api.stage,
                },
            },
        }

    def read(self) -> Observed | None:
        """The domain name with its mappings, as API Gateway returns them."""
        found = self.find()
        if found is None:
            return None
        mappings, api_id = concurrently(self._mappings, self.api.find_id)
        names = {api_id: self.api.name}
        properties = {
            "RegionalCertificateArn": found.get("regionalCertificateArn"),
            "SecurityPolicy": found.get("securityPolicy"),
            "EndpointConfiguration": {"Types": found.get("endpointConfiguration", {}).get("types", [])},
            "MutualTlsAuthentication": found.get("mutualTlsAuthentication") or None,
            "BasePathMappings": {
                each.get("basePath", ROOT): {
                    "RestApi": names.get(each["restApiId"], each["restApiId"]),
                    "Stage": each.get("stage"),
                }
                for each in mappings
            },
            "Tags": self.placement.ours(found.get("tags", {})),
        }
        return Observed(
            self.domain_name,
            self.arn,
            properties,
            owner_of(found.get("tags", {})),
            blocked=""
            if properties["EndpointConfiguration"] == REGIONAL
            else f"{self.arn} is not regional, and a change would move the host name that DNS points to. "
            "Delete the domain name in API Gateway's console, run `up` again, and set the new DNS record",
            settled=found.get("domainNameStatus", "AVAILABLE") == "AVAILABLE",
        )

    def create(self) -> None:
        """Create the domain name with its tags, then the mapping."""
        try:
            self._changes.make(
                lambda: self._apigateway.create_domain_name(
                    domainName=self.domain_name,
                    regionalCertificateArn=self.certificate_arn,
                    endpointConfiguration={"types": ["REGIONAL"]},
                    securityPolicy=SECURITY_POLICY,
                    tags=self.placement.tags,
                ),
                "API Gateway to make the domain name",
            )
        except ClientError as error:
            # Ours after a lost response; the names are those of all accounts.
            if not (
                is_error(error, "BadRequestException", "ConflictException", message="already exists")
                and self.find() is not None
            ):
                raise
        self._map()

    def update(self, diff: Diff) -> None:
        """Change certificate and TLS version, and bring the mappings to the root alone."""
        operations: Any = [
            {"op": "replace", "path": path, "value": self.desired[key]}
            for key, path in PATHS.items()
            if key in diff
        ]
        if (diff.get("MutualTlsAuthentication") or (None,))[0]:
            operations.append(
                {"op": "replace", "path": "/mutualTlsAuthentication/truststoreUri", "value": ""}
            )
        if operations:
            self._changes.make(
                lambda: self._apigateway.update_domain_name(
                    domainName=self.domain_name, patchOperations=operations
                ),
                "API Gateway to take the settings of the domain name",
            )
        if "Tags" in diff:
            self.tag(self.arn)
        if "BasePathMappings" in diff:
            self._map()

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._changes.make(
            lambda: self._apigateway.tag_resource(resourceArn=arn, tags=self.placement.tags),
            "API Gateway to tag the domain name",
        )

    def delete(self) -> None:
        """Delete the domain name, which takes its mappings along."""
        with ignoring("NotFoundException"):
            self._changes.make(
                lambda: self._apigateway.delete_domain_name(domainName=self.domain_name),
                "API Gateway to delete the domain name",
            )
        wait_until(
            lambda: self.find() is None,
            self.placement.pace,
            waiting_for=f"API Gateway to forget {self.domain_name}",
            budget=AVAILABLE_BUDGET,
            advice="check its state in API Gateway's console, and run the same command again",
        )

    def settle(self) -> None:
        """Wait until the domain name is AVAILABLE."""
        wait_until(
            self._available,
            self.placement.pace,
            waiting_for=f"{self.domain_name} to be AVAILABLE",
            budget=AVAILABLE_BUDGET,
            advice="check the certificate and its validation in the ACM console, and run `up` again",
        )

    def find(self) -> Any:
        """The domain name as in GetDomainName; None for a missing domain name."""
        try:
            return self._apigateway.get_domain_name(domainName=self.domain_name)
        except ClientError as error:
            if is_error(error, "NotFoundException"):
                return None
            raise

    @property
    def _apigateway(self) -> APIGatewayClient:
        return self.placement.clients.apigateway

    @property
    def _changes(self) -> Changes:
        return Changes.of(self.placement)

    def _available(self) -> bool:
        found = self.find()
        status = found.get("domainNameStatus", "AVAILABLE") if found else ""
        if status == "FAILED":
            reason = str(found.get("domainNameStatusMessage") or "AWS gives no reason").rstrip(".")
            raise ProvisionError(
                self.name, "settle", f"{self.arn} is FAILED: {reason}; see to that, run `up`"
            )
        return status == "AVAILABLE"

    def _mappings(self) -> list[Any]:
        pages = self._apigateway.get_paginator("get_base_path_mappings").paginate(
            domainName=self.domain_name, PaginationConfig={"PageSize": 500}
        )
        with ignoring("NotFoundException"):
            return [each for page in pages for each in page.get("items", ())]
        return []

    def _map(self) -> None:
        """Map the root to the stage, and remove all further mappings."""
        api_id = self.api.find_id()
        if api_id is None:
            raise ProvisionError(self.name, "map", "the clicks API is gone; run `up` again")
        found = {each.get("basePath", ROOT): each for each in self._mappings()}
        root = found.pop(ROOT, None)
        for path in found:
            with ignoring("NotFoundException"):
                self._changes.make(
                    lambda path=path: self._apigateway.delete_base_path_mapping(  # type: ignore[misc]
                        domainName=self.domain_name, basePath=path
                    ),
                    "API Gateway to remove a mapping",
                )
        if root is None:
            with ignoring("ConflictException"):
                self._changes.make(
                    lambda: self._apigateway.create_base_path_mapping(
                        domainName=self.domain_name, restApiId=api_id, stage=self.api.stage
                    ),
                    "API Gateway to map the domain name",
                )
        elif (root["restApiId"], root.get("stage")) != (api_id, self.api.stage):
            self._changes.make(
                lambda: self._apigateway.update_base_path_mapping(
                    domainName=self.domain_name,
                    basePath=ROOT,
                    patchOperations=[
                        {"op": "replace", "path": "/restapiId", "value": api_id},
                        {"op": "replace", "path": "/stage", "value": self.api.stage},
                    ],
                ),
                "API Gateway to map the domain name",
            )
