"""moto's state: this module and ``moto_patches.py`` alone import moto.

moto keeps the state of a process in backends, by service, account and region. Global services (IAM, S3, STS)
have a backend for each partition in place of a region.
"""

from __future__ import annotations

import copyreg
import datetime as dt
import importlib
import json
import pickle
import weakref
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

from mysfits_stream.localcloud.control_plane import unused_imports  # noqa: F401  # before moto

# isort: split

import moto
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaAlias, LambdaFunction
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.core.common_models import CloudFormationModel
from moto.core.exceptions import JsonRESTError
from moto.iam.models import AWSManagedPolicy
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey, s3_backends
from moto.utilities.utils import get_partition

from mysfits_stream.localcloud.control_plane import moto_patches
from mysfits_stream.localcloud.control_plane.alarm_evaluation import Rule, Values
from mysfits_stream.localcloud.control_plane.metric_math import compiled
from mysfits_stream.localcloud.http.messages import Handler, run_wsgi, to_environ

__all__ = [
    "CloudFormationModel",
    "JsonRESTError",
    "LambdaAlias",
    "LambdaFunction",
    "MissingBucket",
    "UnknownFunctionException",
]

VERSION: str = moto.__version__
METRICS_OF_A_MINUTE = 100
"""How far back statistics of the same minute are looked for: a stream has a dozen."""

GLOBAL_SERVICES = ("iam", "s3", "sts")


moto_patches.apply()


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which would look through moto's folders and patterns on every call."""

    @lru_cache(maxsize=256)  # noqa: B019 - a cloud has one dispatcher
    def get_backend_for_host(self, host: str | None) -> Any:
        """The service of a host such as ``iam.eu-west-1.amazonaws.com``."""
        return super().get_backend_for_host(host)


def application() -> Handler:
    """A new moto application, as a function from request to response."""
    wsgi = _Dispatcher(create_backend_app)
    return lambda request: run_wsgi(wsgi, to_environ(request))


def reset() -> None:
    """Delete all resources of all accounts."""
    for account in s3_backends.values():
        for partition_backend in account.values():
            for each in partition_backend.buckets.values():
                # Closes the files of large objects; moto closes those of the latest versions only.
                for versions in dict.values(each.keys):
                    for version in versions:
                        if hasattr(version, "dispose"):
                            version.dispose()
    BackendDict.reset()


def backend(service: str, account: str, region: str) -> Any:
    """The backend of a service; for a global service, the backend of the region's partition."""
    return _backend(service, account, partition(region) if service in GLOBAL_SERVICES else region)


def _backend(service: str, account: str, place: str) -> Any:
    """The backend of a region or, for a global service, of a partition; moto makes absent ones."""
    backends = _backends(service)
    # moto takes a lock and compares all its backends for each look-up, and every click looks up two.
    found = dict.get(dict.get(backends, account) or {}, place)
    return backends[account][place] if found is None else found


@cache
def _backends(service: str) -> Any:
    """moto's backends of a service, by account."""
    named: Any = service  # one of moto's literals
    return get_backend(named)


class RoleDocuments(NamedTuple):
    """The policy documents of a role, as JSON, and the role's tags."""

    trust: str
    policies: tuple[str, ...]
    boundary: str | None
    tags: tuple[tuple[str, str], ...]


def role(account: str, partition_name: str, arn: str) -> RoleDocuments | None:
    """The documents of the inline, the attached and the boundary policies.

    None for an unknown role.
    """
    iam = _backend("iam", account, partition_name)
    found = next((each for each in iam.roles.values() if each.arn == arn), None)
    if found is None:
        return None
    attached = [_default_version(policy) for policy in found.managed_policies.values()]
    boundary = found.permissions_boundary_arn
    return RoleDocuments(
        found.assume_role_policy_document,
        (*found.policies.values(), *attached),
        # A boundary that was deleted allows nothing.
        (_default_version(iam.managed_policies.get(boundary)) if boundary else None),
        tuple([(tag["Key"], tag["Value"]) for tag in found.tags]),
    )


def boundaries(account: str, partition_name: str) -> set[str]:
    """The ARNs of the policies that roles have as permissions boundary."""
    iam: Any = get_backend("iam")[account][partition_name]
    return {arn for each in iam.roles.values() if (arn := each.permissions_boundary_arn)}


def role_arn(account: str, region: str, name: str) -> str | None:
    """The ARN of a role, with the role's path; None for an unknown role."""
    roles = backend("iam", account, region).roles.values()
    return next((str(role.arn) for role in roles if role.name == name), None)


def _default_version(policy: Any) -> str:
    versions = policy.versions if policy else ()
    return next((each.document for each in versions if each.is_default), '{"Statement": []}')


@lru_cache(maxsize=64)
def partition(region: str) -> str:
    """The partition of a region, for example ``aws-cn``."""
    name: str = get_partition(region)
    return name


def bucket_owner(bucket: str) -> str | None:
    """The account of a bucket; None for an unknown bucket."""
    owner: str | None = s3_backends.bucket_accounts.get(bucket, ("", None))[1]
    return owner


def bucket(account: str, region: str, name: str) -> Any:
    """A bucket of moto; None for an unknown bucket."""
    return backend("s3", account, region).buckets.get(name)


def objects(bucket: str, prefix: str) -> list[tuple[str, int]]:
    """The keys of a bucket that begin with ``prefix``, in order, with sizes; raises KeyError."""
    return sorted(
        (name, int(key.size))
        for name, key in _keys(bucket).items()
        if name.startswith(prefix) and isinstance(key, FakeKey)
    )


def object_content(bucket: str, key: str) -> bytes:
    """The content of an object; raises KeyError for an unknown object."""
    found = _keys(bucket)[key]
    if not isinstance(found, FakeKey):
        raise KeyError(key)
    return bytes(found.value)


def _keys(bucket: str) -> Any:
    partition_name, account = s3_backends.bucket_accounts.get(bucket, ("", None))
    if account is None:
        raise KeyError(bucket)
    return s3_backends[account][partition_name].buckets[bucket].keys


def bucket_region(bucket: str) -> str | None:
    """The region of a bucket; None for an unknown bucket."""
    partition_name, account = s3_backends.bucket_accounts.get(bucket, ("", None))
    if account is None:
        return None
    region: str = s3_backends[account][partition_name].buckets[bucket].region_name
    return region


def add_managed_policy(account: str, partition_name: str, arn: str, path: str, name: str) -> None:
    """Add a managed policy of AWS to an account, unless the account has the policy already.

    moto loads all 1,500 policies or none; loading all takes too long for each start.
    """
    iam: Any = get_backend("iam")[account][partition_name]
    data = _managed_policies().get(name)
    if data and data.get("Path", "/") == path and arn not in iam.managed_policies:
        iam.managed_policies[arn] = AWSManagedPolicy.from_data(name, account, partition_name, data)


@cache
def _managed_policies() -> dict[str, dict[str, Any]]:
    data = importlib.import_module(moto_patches.MANAGED_POLICIES).aws_managed_policies_data
    policies: dict[str, dict[str, Any]] = json.loads(data)
    return policies


def load_cloudformation() -> None:
    """Load the resource types of moto's stacks; a later definition of a type replaces moto's."""
    import moto.cloudformation.parsing  # noqa: F401  # loads most of moto


def has_resource_type(name: str) -> bool:
    """Whether moto creates resources of a type; moto skips resources of other types."""
    from moto.cloudformation.parsing import get_model_map

    return name in get_model_map()


# Metrics


@dataclass(frozen=True)
class Datum:
    """A value of a CloudWatch metric at a time in seconds since the epoch."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: Mapping[str, str]
    at: float
    samples: int = 1
    """The number of values whose sum ``value`` is."""


def add_metric(cloudwatch: Any, datum: Datum) -> None:
    """Add a value to the statistics of its minute: single values would take memory without end.

    Firehose, too, sends its metrics as statistics of a minute.
    """
    from moto.cloudwatch.models import MetricAggregatedDatum  # at first use: not every start needs metrics

    # moto compares times with naive times, which are UTC.
    moment = dt.datetime.fromtimestamp(datum.at, dt.UTC).replace(tzinfo=None)
    metric, value = (datum.namespace, datum.name, datum.unit), datum.value
    mean = value / datum.samples
    for stored in reversed(cloudwatch.metric_data[-METRICS_OF_A_MINUTE:]):
        if (
            isinstance(stored, MetricAggregatedDatum)
            and (stored.namespace, stored.name, stored.unit) == metric
            and {each.name: each.value for each in stored.dimensions} == datum.dimensions
            and stored.timestamp.replace(second=0, microsecond=0) == moment.replace(second=0, microsecond=0)
        ):
            stored.sum += value
            stored.min, stored.max = min(stored.min, mean), max(stored.max, mean)
            stored.sample_count += datum.samples
            return
    named = [{"Name": key, "Value": of} for key, of in datum.dimensions.items()]
    cloudwatch.metric_data.append(
        MetricAggregatedDatum(
            datum.namespace, datum.name, mean, mean, datum.samples, value, named, moment, datum.unit
        )
    )


# Alarms and topics


@dataclass(frozen=True)
class StoredAlarm:
    """An alarm on one metric, or on metric math over one metric."""

    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    rule: Rule


def alarms(cloudwatch: Any) -> dict[str, StoredAlarm]:
    """Name -> alarm, of all alarms on one metric, or on metric math over one metric.

    Raises ValueError for an alarm on several metrics, or with metric math that is not simulated.
    """
    return {name: _alarm(alarm) for name, alarm in cloudwatch.alarms.items()}


def _alarm(alarm: Any) -> StoredAlarm:
    source, statistic, period, math = alarm, alarm.statistic, alarm.period, None
    dimensions, metric = alarm.dimensions, alarm.metric_name
    if alarm.metric_data_queries:
        queries = sorted(alarm.metric_data_queries, key=lambda each: each.expression is not None)
        if [bool(each.expression) for each in queries] != [False, True] or not queries[0].metric_stat:
            raise ValueError("other than one metric and one expression")
        query, result = queries
        stat = query.metric_stat
        source, statistic, period = stat.metric, stat.stat, stat.period
        dimensions, metric = stat.metric.dimensions, stat.metric.metric_name
        math = compiled(result.expression, query.id)
    return StoredAlarm(
        source.namespace,
        metric,
        {each.name: each.value for each in dimensions},
        Rule(
            statistic=statistic,
            period=int(period),
            periods=int(alarm.evaluation_periods),
            datapoints=int(alarm.datapoints_to_alarm or alarm.evaluation_periods),
            comparison=alarm.comparison_operator,
            threshold=float(alarm.threshold),
            missing=alarm.treat_missing_data or "missing",
            math=math,
        ),
    )


def stored_alarms(cloudwatch: Any) -> dict[str, Any]:
    """Name -> moto's alarm, for ``restore_alarms``."""
    return dict(cloudwatch.alarms)


def restore_alarms(cloudwatch: Any, kept: Mapping[str, Any]) -> None:
    """Let the alarms be those of ``stored_alarms`` again."""
    for name in [name for name in cloudwatch.alarms if name not in kept]:
        del cloudwatch.alarms[name]
        forget_alarm_tags(cloudwatch, name)
    cloudwatch.alarms.update(kept)


def alarm_states(cloudwatch: Any) -> dict[str, tuple[str, str, float]]:
    """Name -> state, reason, and the time of the last change in seconds since the epoch."""
    return {
        name: (
            alarm.state_value,
            alarm.state_reason,
            alarm.state_updated_timestamp.replace(tzinfo=dt.UTC).timestamp(),
        )
        for name, alarm in cloudwatch.alarms.items()
    }


def set_alarm_state(cloudwatch: Any, name: str, state: str, reason: str, at: float) -> None:
    """Write the state of an alarm; ``at`` is when the alarm changed to the state."""
    alarm = cloudwatch.alarms[name]
    alarm.state_value, alarm.state_reason = state, reason
    alarm.state_updated_timestamp = dt.datetime.fromtimestamp(at, dt.UTC).replace(tzinfo=None)


def forget_alarm_tags(cloudwatch: Any, name: str) -> None:
    """Delete the tags of a deleted alarm, which moto keeps."""
    for arn in [arn for arn in cloudwatch.tagger.tags if arn.endswith(f":alarm:{name}")]:
        cloudwatch.tagger.delete_all_tags_for_resource(arn)


def values_of(cloudwatch: Any, namespace: str, name: str, dimensions: Mapping[str, str]) -> list[Values]:
    """The values of a metric with exactly these dimensions."""
    return [
        _values(datum)
        for datum in cloudwatch.metric_data
        if (datum.namespace, datum.name) == (namespace, name)
        and {each.name: each.value for each in datum.dimensions} == dimensions
    ]


def _values(datum: Any) -> Values:
    at = datum.timestamp.replace(tzinfo=dt.UTC).timestamp()
    if hasattr(datum, "sample_count"):
        return Values(at, datum.sum, datum.min, datum.max, datum.sample_count)
    return Values(at, datum.value, datum.value, datum.value, 1)


def topic_tags(sns: Any, name: str) -> dict[str, str] | None:
    """The tags of a topic; None for an unknown topic."""
    found = next((topic for arn, topic in sns.topics.items() if arn.rsplit(":", 1)[-1] == name), None)
    return None if found is None else dict(found._tags if isinstance(found._tags, dict) else {})


# Persistence


def dump() -> dict[str, Any]:
    """All backends in use; the values need :func:`pickler`."""
    in_use: list[Any] = list(BackendDict._instances)  # type: ignore[misc]  # moto's list of backends in use
    return {
        "backends": {
            (accounts.service_name, account, region): backend
            for accounts in in_use
            for account, region, backend in accounts.iter_backends()
        },
        "bucket_accounts": dict(s3_backends.bucket_accounts),
    }


def restore(dumped: Mapping[str, Any]) -> None:
    """Put the result of :func:`dump` into an empty state."""
    for (service, account, region), restored in dumped["backends"].items():
        accounts: Any = get_backend(service)
        accounts[account][region] = restored
    s3_backends.bucket_accounts.update(dumped["bucket_accounts"])


def pickler(file: Any) -> pickle.Pickler:
    """A pickler that can write moto's containers."""
    made = pickle.Pickler(file)
    made.dispatch_table = copyreg.dispatch_table | {
        weakref.WeakValueDictionary: _reduce_weak,
        defaultdict: _reduce_default,
    }
    return made


def _reduce_weak(value: weakref.WeakValueDictionary[Any, Any]) -> Any:
    return _weak, (dict(value),)


def _weak(items: dict[Any, Any]) -> weakref.WeakValueDictionary[Any, Any]:
    return weakref.WeakValueDictionary(items)


def _reduce_default(value: defaultdict[Any, Any]) -> Any:
    """Pickle a default factory of moto, a lambda that makes an empty container, as a type."""
    made = type(value.default_factory()) if value.default_factory else None
    return defaultdict, (made, dict(value))
