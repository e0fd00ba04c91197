"""Custom domain names and their base path mappings in the control plane (F290 to F294).

Regional names only. No request is served by such a name: the local cloud has no DNS and no certificate.
"""

from __future__ import annotations

from typing import Any

from mysfits_stream.localcloud.control_plane import moto_state
from mysfits_stream.localcloud.control_plane.apigateway import patch, stages
from mysfits_stream.localcloud.control_plane.apigateway.errors import bad_request, conflict, not_found

Document = dict[str, Any]
Domains = dict[str, Document]
"""``region/name`` -> the domain name, with its mappings by base path."""

ROOT = "(none)"
ZONE = "Z2FDTNDATAQYW2"


def create(domains: Domains, region: str, body: Document, identifier: str) -> Document:
    """CreateDomainName."""
    name = str(body.get("domainName") or "")
    if any(each["domainName"] == name for each in domains.values()):
        raise bad_request("The domain name you provided already exists.")
    if not body.get("regionalCertificateArn"):
        raise bad_request("A certificate must be provided for the domain name.")
    domains[f"{region}/{name}"] = domain = {
        "domainName": name,
        "domainNameArn": f"arn:{moto_state.partition(region)}:apigateway:{region}::/domainnames/{name}",
        "regionalDomainName": f"d-{identifier}.execute-api.{region}.amazonaws.com",
        "regionalHostedZoneId": ZONE,
        "regionalCertificateArn": body["regionalCertificateArn"],
        "endpointConfiguration": {"types": ["REGIONAL"], "ipAddressType": "ipv4"},
        "domainNameStatus": "AVAILABLE",
        "securityPolicy": body.get("securityPolicy", "TLS_1_2"),
        "routingMode": "BASE_PATH_MAPPING_ONLY",
        "tags": dict(body.get("tags") or {}),
        "mappings": {},
    }
    return shown(domain)


def shown(domain: Document) -> Document:
    """The response of GetDomainName."""
    return {key: value for key, value in domain.items() if key != "mappings"}


def find(domains: Domains, region: str, name: str) -> Document:
    """The domain name of a region."""
    domain = domains.get(f"{region}/{name}")
    if domain is None:
        raise not_found("Invalid domain name identifier specified")
    return domain


def update(domain: Document, operations: list[Document]) -> Document:
    """UpdateDomainName: certificate and TLS version."""
    patch.apply(domain, operations, {"regionalCertificateArn": str, "securityPolicy": str})
    return shown(domain)


def delete(domains: Domains, region: str, name: str) -> None:
    """DeleteDomainName, with its mappings."""
    find(domains, region, name)
    del domains[f"{region}/{name}"]


def create_mapping(domain: Document, body: Document, api: Document) -> Document:
    """CreateBasePathMapping."""
    path = body.get("basePath") or ROOT
    if path in domain["mappings"]:
        raise conflict("Base path already exists for this domain name")
    if body.get("stage"):
        stages.stage(api, body["stage"])
    domain["mappings"][path] = mapping = {"basePath": path, "restApiId": api["id"]}
    if body.get("stage"):
        mapping["stage"] = body["stage"]
    return mapping


def mapping(domain: Document, path: str) -> Document:
    """One mapping of a domain name."""
    found: Document | None = domain["mappings"].get(path)
    if found is None:
        raise not_found("Invalid base path mapping identifier specified")
    return found


def update_mapping(domain: Document, path: str, operations: list[Document]) -> Document:
    """UpdateBasePathMapping: API and stage."""
    changed = mapping(domain, path)
    for operation in operations:
        member = {"/restapiId": "restApiId", "/stage": "stage"}.get(str(operation.get("path")))
        if operation.get("op") != "replace" or member is None:
            raise bad_request(
                f"Invalid patch path  '{operation.get('path')}' specified for op '{operation.get('op')}'. "
                "Please choose supported operations"
            )
        changed[member] = operation.get("value")
    return changed


def delete_mapping(domain: Document, path: str) -> None:
    """DeleteBasePathMapping."""
    mapping(domain, path)
    del domain["mappings"][path]


def check_unmapped(domains: Domains, api_id: str) -> None:
    """Raises ApiError for an API that a domain name is mapped to (F294)."""
    for domain in domains.values():
        if any(each["restApiId"] == api_id for each in domain["mappings"].values()):
            raise bad_request(
                "Please remove all base path mappings related to the domains in your account before "
                "deleting the API."
            )
