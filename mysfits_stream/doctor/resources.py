"""Compares the stack's resources with the configuration, before any click fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.doctor.links import BROKEN, OK, REPAIR, UNKNOWN, WARNING, Link, examined
from mysfits_stream.provision.resource import Resource, difference

CARRYING = frozenset(
    {
        "AssumeRolePolicyDocument",
        "Policies",
        "Methods",
        "Stage",
        "Deployment",
        "DisableExecuteApiEndpoint",
        "ReservedConcurrentExecutions",
    }
)
"""Properties of roles and API; where one is another than configured, no click can be counted on to pass."""

RECORDING = "AWS::Logs::LogGroup"
"""The type of those that clicks pass without."""

SEEN_BELOW = frozenset({"clicks-api", "delivery-stream", "clicks-bucket"})
"""Whose absence has a link of its own."""

MISSING = "does not exist"


def compared(resources: Iterable[Resource]) -> Iterator[Link]:
    """A link for each resource with drift, or a single link if no resource has drift."""
    # In the order in which a click meets them.
    looks = [partial(_examined, resource) for resource in reversed(tuple(resources))]
    links = [link for found in concurrently(*looks) for link in found]
    wrong = [link for link in links if link.status != OK]
    if not wrong:
        yield Link("resources", OK, f"all {len(links)} resources are as configured")
    elif all(link.detail == MISSING for link in links):
        yield Link("resources", UNKNOWN, "no resource exists", "run `mysfits-stream up`")
    else:
        yield from (link for link in wrong if link.detail != MISSING or link.name not in SEEN_BELOW)


def _examined(resource: Resource) -> list[Link]:
    return list(examined(resource.name, lambda: [_link(resource)]))


def _link(resource: Resource) -> Link:
    observed = resource.read()
    if observed is None:
        status = WARNING if resource.type == RECORDING else BROKEN
        return Link(resource.name, status, MISSING, "run `mysfits-stream up`")
    diff = difference(observed.properties, resource.desired)
    if not diff:
        return Link(resource.name, OK, "as configured")
    if observed.blocked:
        return Link(resource.name, BROKEN, f"not as configured: {', '.join(diff)}", observed.blocked)
    status = BROKEN if CARRYING & diff.keys() else WARNING
    return Link(resource.name, status, f"not as configured: {', '.join(diff)}", REPAIR)
