"""Rejects requests beyond the simulation, by the table in ``operations.py``.

Empty values and false are accepted for every member, as no request for a feature. Unlisted services
(DynamoDB, SQS …) are moto's, with moto's own coverage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.members import given_members
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.http.refusals import refused
from mysfits_stream.localcloud.simulated.operations import OF_EVERY_OPERATION, OPERATIONS

NOT_SIMULATED = "NotSimulated"
"""The error code; the status is 400, which SDKs do not retry."""

Members = Mapping[str, frozenset[str] | None]


def is_listed(service: str) -> bool:
    """Whether the local cloud rejects a service's operations outside the table."""
    return service in OPERATIONS


@cache
def simulated_members(service: str, operation: str) -> Members | None:
    """The simulated members by path, with the simulated values; None for a rejected operation."""
    members = OPERATIONS[service].get(operation)
    if members is None:
        return None
    split = (each.partition("=") for each in (members + " " + OF_EVERY_OPERATION.get(service, "")).split())
    return {path: frozenset(values.split("|")) if equals else None for path, equals, values in split}


def operations(service: str) -> Iterable[str]:
    """The simulated operations of a listed service."""
    return OPERATIONS[service]


def services() -> Iterable[str]:
    """The services of the table, by the name in the credential scope."""
    return OPERATIONS


def refusal(service: str, call: Call | None, request: Request) -> Response | None:
    """The rejection of a request to a listed service beyond the simulation."""
    if not is_listed(service):
        return None
    if call is None:
        unknown = Call(service, "Head" if request.method == "HEAD" else "", request.region)
        return not_simulated(unknown, f"{request.method} {request.path} of {service}")
    members = simulated_members(service, call.operation)
    if members is None:
        return not_simulated(call, f"{service}:{call.operation}")
    extra = dict.fromkeys(
        _outermost(members, path)
        for path, value in given_members(call, request)
        if not _asks_for_nothing(value) and not _is_simulated(members, path, value)
    )
    if not extra:
        return None
    return not_simulated(call, f"{service}:{call.operation}: {', '.join(extra)}", plural=len(extra) > 1)


def not_simulated(call: Call, what: str, *, plural: bool = False) -> Response:
    """The refusal, in the protocol of the service."""
    message = f"{what} {'are' if plural else 'is'} not simulated by the local cloud"
    return refused(call, 400, NOT_SIMULATED, message)


def _asks_for_nothing(value: Any) -> bool:
    return value in (None, "", False, "false", [], {})


def _is_simulated(members: Members, path: str, value: Any) -> bool:
    names = path.split(".")
    for length in range(1, len(names) + 1):
        prefix = ".".join(names[:length])
        if prefix in members:
            values = members[prefix]
            return values is None or str(value) in values
    return False


def _outermost(members: Members, path: str) -> str:
    """The outermost member of a path without simulated members: ``VpcConfig`` of its two lists."""
    names = path.split(".")
    prefixes = (".".join(names[:length]) for length in range(1, len(names)))
    return next((p for p in prefixes if not any(each.startswith(f"{p}.") for each in members)), path)
