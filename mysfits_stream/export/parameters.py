"""Template parameters: the settings that CloudFormation can change by itself.

Type, default and limits come from ``config.py``.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from mysfits_stream import cost_ceiling
from mysfits_stream.config import Config
from mysfits_stream.export.placeholders import Placeholder
from mysfits_stream.setting_limits import Between, KeyPrefix, Matching, OneOf, StackName

SECTIONS = ("bucket", "delivery", "processor", "api")

FIXED = {
    "bucket.name": "it may be left out, and then follows from the stack's name",
    "api.allowed_origins": "part of the API's document, which takes effect by a new deployment",
    "api.preflight_max_age_seconds": "part of the API's document, too",
    "api.max_clicks_per_request": "part of the API's document, too",
    "api.allowed_headers": "part of the API's document, too",
    "api.resource_policy": "part of the API's document, too",
    "api.domain": "whether there is a domain decides on a domain name and a mapping",
    "api.certificate_arn": "the same",
    "bucket.expire_clicks_days": "whether there is a lifetime decides on a lifecycle rule",
    "bucket.expire_failed_days": "the same",
    "bucket.expire_replayed_days": "the same",
    "api.max_cost_per_day": "it sets api.rate_limit, which is a parameter",
    "processor.source": "the files are part of the exported code",
    "processor.handler": "a module of these files",
    "bucket.kms_key": "whether there is a key changes the policies and the encryption",
}
"""Settings of these sections that are written into the template, with the reason."""

PREFIXES = ("delivery.prefix", "delivery.error_prefix")
"""Fixed as well where objects expire: the rules hold the literal part of a prefix."""

FIXED_WITH_ATHENA = {
    "delivery.prefix": "the partitions of the clicks table follow from the prefix",
    "delivery.compression": "Athena cannot read every compression",
}
"""Settings that are written into the template, too, if ``query.athena`` is on."""

FIXED_WITH_ALARMS = {
    "processor.buffer_seconds": "the threshold of the alarm on freshness follows from the buffers",
    "delivery.buffer_seconds": "the same",
}
"""Settings that are written into the template, too, if ``alarms`` are on."""

Parameters = dict[str, dict[str, Any]]


def parametrised(config: Config) -> tuple[Config, Parameters]:
    """``config`` with placeholders for parameters, and the definitions of the parameters."""
    parameters: Parameters = {}
    expires = any(each.days for each in config.expiries)
    fixed = {
        *FIXED,
        *(PREFIXES if expires else ()),
        *(FIXED_WITH_ATHENA if config.query.athena else ()),
        *(FIXED_WITH_ALARMS if config.alarms.on else ()),
    }
    rate = cost_ceiling.rate_limit(config)
    config = replace(config, api=replace(config.api, rate_limit=rate, max_cost_per_day=None))

    def placed(owner: Any, path: str) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for field in fields(owner):
            where = f"{path}.{field.name}" if path else field.name
            value = getattr(owner, field.name)
            if is_dataclass(value):
                if where in SECTIONS:
                    changes[field.name] = replace(value, **placed(value, where))  # type: ignore[type-var]
            elif where in ("stack", "mysfits_api") or (path and where not in fixed):
                name = where.replace(".", "_").title().replace("_", "")
                parameters[name] = _definition(where, value, field.metadata["limit"])
                changes[field.name] = Placeholder(name)
        return changes

    return replace(config, **placed(config, "")), parameters


def _definition(
    path: str, value: Any, limit: Between | KeyPrefix | Matching | OneOf | StackName | None
) -> dict[str, Any]:
    number = isinstance(value, int | float)
    definition: dict[str, Any] = {"Type": "Number" if number else "String"}
    definition["Description"] = f"{path} of config.yaml"
    if value is not None:
        definition["Default"] = value
    match limit:
        case Between(least, most, unit):
            definition["Description"] += f", {unit}" if unit else ""
            # A small sum of money may pay for less than the least rate limit of a configuration.
            definition |= {"MinValue": min(least, value), "MaxValue": most}
        case OneOf(choices):
            definition["AllowedValues"] = list(choices)
        case (
            Matching(pattern, meaning)
            | KeyPrefix(Matching(pattern, meaning))
            | StackName(Matching(pattern, meaning))
        ):
            definition |= {"AllowedPattern": f"^{pattern}$", "ConstraintDescription": f"must be {meaning}"}
    return definition
