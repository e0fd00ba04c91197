"""Evaluates IAM policies: may this role be assumed, and may it do this to that?

Pure functions on policy documents as IAM returns them, already parsed from JSON. An explicit Deny beats every
Allow, and what nothing allows is denied. Left out, because nothing on the way of a click has them: session
policies and organisations' policies.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any

Document = Mapping[str, Any]
Context = Mapping[str, str]


class Decision(Enum):
    """What a set of policies says about one action on one resource."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit deny"
    IMPLICIT_DENY = "implicit deny"


class Verdict(Enum):
    """What a service meets when it acts through a role."""

    ALLOWED = "allowed"
    DENIED = "denied"
    CANNOT_ASSUME = "cannot assume"


@dataclass(frozen=True)
class Role:
    """The parsed policy documents by which a service may act through a role; read-only."""

    trust: Mapping[str, Any]
    policies: tuple[Mapping[str, Any], ...]
    boundary: Mapping[str, Any] | None = None
    """The permissions boundary; None for a role without a boundary."""
    tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def reads_context(self) -> bool:
        """Whether a condition or a policy variable can make two requests' decisions differ."""
        return '"Condition"' in self._text or "${" in self._text

    @cached_property
    def _text(self) -> str:
        return json.dumps([self.trust, self.policies, self.boundary, self.tags], sort_keys=True)

    def __hash__(self) -> int:
        return hash(self._text)


QUANTIFIERS = ("", "ForAnyValue", "ForAllValues")


class PolicyError(ValueError):
    """A policy uses an operator that IAM does not have."""


def verdict(
    trust: Document | None,
    policies: Iterable[Document],
    *,
    service: str,
    action: str,
    resource: str,
    external_id: str | None = None,
    boundary: Document | None = None,
    trust_context: Context | None = None,
    context: Context | None = None,
) -> Verdict:
    """Whether ``service`` may assume the role and, as that role, do ``action`` to ``resource``.

    ``trust`` is the role's trust policy, None for a role that does not exist; ``boundary`` its permissions
    boundary. ``external_id`` is the sts:ExternalId that the service presents, as Firehose does with the
    account's number (F116). The contexts are the condition keys of AssumeRole and of the call.
    """
    presented = {} if external_id is None else {"sts:ExternalId": external_id}
    if trust is None or not may_assume(trust, service, {**(trust_context or {}), **presented}):
        return Verdict.CANNOT_ASSUME
    decision = decide(policies, boundary, action, resource, context)
    return Verdict.ALLOWED if decision is Decision.ALLOW else Verdict.DENIED


def decide(
    policies: Iterable[Document],
    boundary: Document | None,
    action: str,
    resource: str,
    context: Context | None = None,
) -> Decision:
    """The decision of a role's policies within its permissions boundary: both must allow."""
    decision = evaluate(policies, action, resource, context)
    if boundary is None or decision is not Decision.ALLOW:
        return decision
    return evaluate([boundary], action, resource, context)


def may_assume(trust: Document, service: str, context: Context | None = None) -> bool:
    """Whether a trust policy lets a service, as ``firehose.amazonaws.com``, assume the role."""
    applicable = [
        statement["Effect"]
        for statement in listed(trust.get("Statement"))
        if _names_principal(statement, service)
        and _matches_action(statement, "sts:AssumeRole")
        and _conditions_hold(statement, context or {})
    ]
    return "Allow" in applicable and "Deny" not in applicable


def evaluate(
    policies: Iterable[Document], action: str, resource: str, context: Context | None = None
) -> Decision:
    """The decision of identity policies on an action and a resource.

    ``action`` is ``s3:PutObject`` for example, ``resource`` an ARN or ``*``.
    """
    decision = Decision.IMPLICIT_DENY
    for policy in policies:
        for statement in listed(policy.get("Statement")):
            if not (
                _matches_action(statement, action)
                and _matches_resource(statement, resource, context or {})
                and _conditions_hold(statement, context or {})
            ):
                continue
            if statement["Effect"] == "Deny":
                return Decision.EXPLICIT_DENY
            decision = Decision.ALLOW
    return decision


def listed(value: Any) -> list[Any]:
    """The values of a policy's member, where IAM accepts a single value in place of a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _names_principal(statement: Document, service: str) -> bool:
    if "NotPrincipal" in statement:
        return not _is_principal(statement["NotPrincipal"], service)
    return _is_principal(statement.get("Principal", {}), service)


def _is_principal(principal: Any, service: str) -> bool:
    if isinstance(principal, str):
        return principal == "*"
    return service in listed(principal.get("Service"))


def _matches_action(statement: Document, action: str) -> bool:
    # Actions are compared without regard to case, resources are not.
    def named(key: str) -> bool:
        return any(_like(action.lower(), pattern.lower()) for pattern in listed(statement[key]))

    return not named("NotAction") if "NotAction" in statement else named("Action")


def _matches_resource(statement: Document, resource: str, context: Context) -> bool:
    def named(key: str) -> bool:
        return any(_like(resource, pattern, context) for pattern in listed(statement[key]))

    return not named("NotResource") if "NotResource" in statement else named("Resource")


def _conditions_hold(statement: Document, context: Context) -> bool:
    if "Condition" not in statement:
        return True
    present = {key.lower(): value for key, value in context.items()}
    return all(
        _holds(operator, present.get(key.lower()), [_text(value) for value in listed(values)], context)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    )


def unknown_operator(statement: Document) -> str | None:
    """The first condition operator of a statement that IAM does not have."""
    return next((op for op in statement.get("Condition") or {} if _operator(op) is None), None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _holds(operator: str, actual: str | None, wanted: list[str], context: Context) -> bool:
    # A set operator over a key with one value is the plain operator, but for a missing key.
    known = _operator(operator)
    if known is None:
        raise PolicyError(f"{operator}: no such condition operator")
    quantifier, plain, optional = known
    if plain == "Null":
        return (actual is None) == (wanted[0].lower() == "true")
    negated = "Not" in plain
    compare = _OPERATORS[plain.replace("Not", "")]
    if actual is None:
        return optional or negated or quantifier == "ForAllValues"
    return any(compare(actual, value, context) for value in wanted) != negated


def _operator(name: str) -> tuple[str, str, bool] | None:
    """Quantifier, plain operator and whether the key may be missing.

    None for an unknown operator.
    """
    quantifier, _, plain = name.rpartition(":")
    plain, optional = (plain[:-8], True) if plain.endswith("IfExists") else (plain, False)
    known = plain == "Null" or plain.replace("Not", "") in _OPERATORS
    return (quantifier, plain, optional) if known and quantifier in QUANTIFIERS else None


def _like(text: str, pattern: str, context: Context | None = None) -> bool:
    """Whether a pattern with ``*``, ``?`` and ``${variables}`` matches the whole text."""
    if "${" in pattern:
        source = _substituted(pattern, context or {}, _glob_source)
        return source is not None and re.fullmatch(source, text, re.DOTALL) is not None
    return pattern == "*" or _glob(pattern).fullmatch(text) is not None


def _equal(text: str, wanted: str, context: Context) -> bool:
    if "${" in wanted:
        source = _substituted(wanted, context, re.escape)
        return source is not None and re.fullmatch(source, text, re.DOTALL) is not None
    return text == wanted


@lru_cache(maxsize=4096)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(_glob_source(pattern), re.DOTALL)


def _glob_source(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")


def _substituted(pattern: str, context: Context, literally: Callable[[str], str]) -> str | None:
    """A regular expression with the policy variables' values in place.

    None where one has no value.
    """
    present = {key.lower(): value for key, value in context.items()} | {"*": "*", "?": "?", "$": "$"}
    source = ""
    for index, piece in enumerate(re.split(r"\$\{([^}]*)\}", pattern)):
        if index % 2 == 0:
            source += literally(piece)
            continue
        name, _, default = (part.strip() for part in piece.partition(","))
        value = present.get(name.lower(), default.strip("'") or None)
        if value is None:
            return None
        source += re.escape(value)
    return source


def _arn_like(actual: str, wanted: str, context: Context) -> bool:
    """Compare ARNs part by part: only in the last part does a wildcard reach over a colon."""
    ours, theirs = actual.split(":", 5), wanted.split(":", 5)
    return len(ours) == len(theirs) == 6 and all(
        _like(part, pattern, context) for part, pattern in zip(ours, theirs, strict=True)
    )


def _moment(value: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    parsed = dt.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)).timestamp()


def _comparison(
    convert: Callable[[str], Any], compare: Callable[[Any, Any], bool]
) -> Callable[[str, str, Context], bool]:
    return lambda actual, wanted, _: compare(convert(actual), convert(wanted))


def _in_network(actual: str, wanted: str, _: Context) -> bool:
    return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)


_OPERATORS: dict[str, Callable[[str, str, Context], bool]] = {
    "StringEquals": _equal,
    "StringEqualsIgnoreCase": lambda actual, wanted, _: actual.lower() == wanted.lower(),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda actual, wanted, _: actual.lower() == wanted.lower(),
    "BinaryEquals": lambda actual, wanted, _: actual == wanted,
    "IpAddress": _in_network,
    "NumericEquals": _comparison(float, lambda a, b: a == b),
    "NumericLessThan": _comparison(float, lambda a, b: a < b),
    "NumericLessThanEquals": _comparison(float, lambda a, b: a <= b),
    "NumericGreaterThan": _comparison(float, lambda a, b: a > b),
    "NumericGreaterThanEquals": _comparison(float, lambda a, b: a >= b),
    "DateEquals": _comparison(_moment, lambda a, b: a == b),
    "DateLessThan": _comparison(_moment, lambda a, b: a < b),
    "DateLessThanEquals": _comparison(_moment, lambda a, b: a <= b),
    "DateGreaterThan": _comparison(_moment, lambda a, b: a > b),
    "DateGreaterThanEquals": _comparison(_moment, lambda a, b: a >= b),
}
