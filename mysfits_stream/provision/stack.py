"""The architecture, in code: every resource of the stack, in the order of a click's path.

    browser ── PUT /clicks ─> clicks API ── mapping template ─> delivery stream ── processor ─> clicks bucket

All ARNs but the REST API's follow from partition, account, region and name, so resources refer to other
resources before any of them exists. A field that holds a resource orders the work; a name or an ARN does
not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mysfits_stream import cost_ceiling
from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.aws.waiting import Pace
from mysfits_stream.click_definition import ADDED
from mysfits_stream.config import RESULTS_PREFIX, Config
from mysfits_stream.date_partitions import date_partitions
from mysfits_stream.provision import alarms, policies
from mysfits_stream.provision.own_processor import handler_name, package_of
from mysfits_stream.provision.processor_zip import Package
from mysfits_stream.provision.resource import SCHEMA, SCHEMA_TAG, Placement, Resource
from mysfits_stream.provision.resources.alias import Alias
from mysfits_stream.provision.resources.bucket import Bucket
from mysfits_stream.provision.resources.delivery_stream import DeliveryStream
from mysfits_stream.provision.resources.function import Function
from mysfits_stream.provision.resources.log_group import LogGroup, MetricFilter
from mysfits_stream.provision.resources.rest_api.openapi import ClicksApi
from mysfits_stream.provision.resources.rest_api.rest_api import RestApi
from mysfits_stream.provision.resources.role import Role
from mysfits_stream.retention import Expiry

if TYPE_CHECKING:
    from mysfits_stream.provision.resources.alarm import Alarm
    from mysfits_stream.provision.resources.clicks_database import ClicksDatabase
    from mysfits_stream.provision.resources.clicks_domain import ClicksDomain
    from mysfits_stream.provision.resources.clicks_table import ClicksTable
    from mysfits_stream.provision.resources.query_workgroup import QueryWorkgroup
    from mysfits_stream.provision.resources.topic import Topic

LOG_STREAM = "S3Delivery"
CLICKS_TABLE = "clicks_raw"
QUERY_RESOURCES = ("clicks-database", "clicks-table", "query-workgroup")
"""The logical names of the resources that only ``query.athena`` makes."""

DEFAULT_PREFIX = "firehose/"
GB = 2**30
DOMAIN = "clicks-domain"
LIVE = "live"
"""The alias that Firehose invokes."""

Report = Callable[[str, str], None]
"""(logical name, what it is waiting for)."""


@dataclass(frozen=True)
class Names:
    """Every physical name; names that are unique beyond a region include the region."""

    bucket: str
    function: str
    stream: str
    api: str
    processor_role: str
    delivery_role: str
    api_role: str
    processor_logs: str
    delivery_logs: str
    database: str
    workgroup: str
    topic: str

    @classmethod
    def of(cls, config: Config, account: Account) -> Names:
        """The names of the configured stack in this account and region."""
        stack, region = config.stack, account.region
        return cls(
            bucket=config.bucket.name or f"{stack}-{account.id}-{region}",
            function=f"{stack}-processor",
            stream=f"{stack}-clicks",
            api=stack,
            processor_role=f"{stack}-{region}-processor",
            delivery_role=f"{stack}-{region}-delivery",
            api_role=f"{stack}-{region}-api",
            processor_logs=f"/aws/lambda/{stack}-processor",
            delivery_logs=f"/aws/kinesisfirehose/{stack}-clicks",
            # SQL would read a hyphen as a minus.
            database=stack.replace("-", "_"),
            workgroup=stack,
            topic=f"{stack}-alarms",
        )


@dataclass(frozen=True)
class Stack:
    """Every resource of the stack, in the order of a click's path."""

    clicks_bucket: Bucket
    processor_logs: LogGroup
    processor_role: Role
    processor: Function
    processor_live: Alias
    delivery_logs: LogGroup
    delivery_role: Role
    delivery_stream: DeliveryStream
    api_role: Role
    clicks_api: RestApi
    clicks_database: ClicksDatabase | None = None
    clicks_table: ClicksTable | None = None
    query_workgroup: QueryWorkgroup | None = None
    alarm_topic: Topic | None = None
    alarms: tuple[Alarm, ...] = ()
    clicks_domain: ClicksDomain | None = None

    def __iter__(self) -> Iterator[Resource]:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                yield from value
            elif value:
                yield value


def build(
    config: Config,
    account: Account,
    clients: Clients,
    *,
    mysfits_api: str,
    answers: Callable[[str, str], bool],
    package: Callable[[], Package] | None = None,
    delete_data: bool = False,
    drain: bool = False,
    expected_versions: int = 0,
    with_query: bool = False,
    with_alarms: bool = False,
    pace: Pace | None = None,
    report: Report = lambda _name, _text: None,
    warn: Callable[[str], None] = lambda _text: None,
) -> Stack:
    """The stack's resources. Pure: only the verbs of the resources make calls.

    ``mysfits_api`` is the base URL of the Mysfits service, ``answers`` whether (API id, stage) serves a
    preflight, ``package`` the processor's package, by default the configured one, ``delete_data`` the licence
    to empty the bucket, ``drain`` whether buffered clicks are delivered before the stream is deleted,
    ``expected_versions`` the number of versions in the bucket, if known, ``with_query`` and
    ``with_alarms`` whether the resources of ``query.athena`` and of ``alarms`` are included in any
    case. ``warn`` receives a line about trouble that does not end the run.
    """
    stack = config.stack
    names = Names.of(config, account)
    pace = pace or Pace()

    def placement(name: str, tags: Mapping[str, str] = MappingProxyType({})) -> Placement:
        reporting = replace(pace, report=lambda text: report(name, text))
        return Placement(stack, account, clients, reporting, {**dict(config.tags or ()), **tags})

    role = partial(Role, path=config.iam.path, permissions_boundary=config.iam.permissions_boundary)

    clicks_bucket = Bucket(
        name="clicks-bucket",
        placement=placement("clicks-bucket"),
        bucket_name=names.bucket,
        expire_old_versions_days=config.bucket.expire_old_versions_days,
        abort_multipart_days=config.bucket.abort_multipart_days,
        expiries=(*config.expiries, *_results(config)),
        kms_key=config.bucket.kms_key,
        delete_data=delete_data,
        expected_versions=expected_versions,
    )
    processor_logs = LogGroup(
        name="processor-logs",
        placement=placement("processor-logs"),
        group_name=names.processor_logs,
        retention_days=config.processor.log_retention_days,
    )
    processor_role = role(
        name="processor-role",
        placement=placement("processor-role"),
        role_name=names.processor_role,
        trust=policies.trusting("lambda.amazonaws.com"),
        permissions=policies.processor_permissions(account, names.processor_logs),
    )
    processor = Function(
        name="processor",
        placement=placement("processor", {SCHEMA_TAG: str(SCHEMA)}),
        function_name=names.function,
        # Packed on first use only: `down` works without the source.
        package=package or cache(partial(package_of, config.processor)),
        handler=handler_name(config.processor),
        runtime=config.processor.runtime,
        architecture=config.processor.architecture,
        memory_mb=config.processor.memory_mb,
        timeout_seconds=config.processor.timeout_seconds,
        environment=(
            ("CACHE_SECONDS", str(config.processor.cache_seconds)),
            ("CLICK", config.definition.environment()),
            ("MYSFITS_API", mysfits_api),
        ),
        role=processor_role,
        log_group=processor_logs,
    )
    processor_live = Alias(
        name="processor-live",
        placement=placement("processor-live"),
        alias_name=LIVE,
        function=processor,
        definition=config.definition,
        stream_arn=account.arn("firehose", f"deliverystream/{names.stream}"),
        warn=warn,
    )
    delivery_logs = LogGroup(
        name="delivery-logs",
        placement=placement("delivery-logs"),
        group_name=names.delivery_logs,
        retention_days=config.delivery.log_retention_days,
        log_streams=(LOG_STREAM,),
        metric_filter=_failed_records(config) if config.alarms.on else None,
    )
    delivery_role = role(
        name="delivery-role",
        placement=placement("delivery-role"),
        role_name=names.delivery_role,
        trust=policies.trusting("firehose.amazonaws.com", external_id=account.id),
        permissions=policies.delivery_permissions(
            account,
            bucket_arn=clicks_bucket.arn,
            function_arn=processor.arn,
            log_group=names.delivery_logs,
            log_stream=LOG_STREAM,
            kms_key=config.bucket.kms_key,
        ),
    )
    delivery_stream = DeliveryStream(
        name="delivery-stream",
        placement=placement("delivery-stream"),
        stream_name=names.stream,
        role=delivery_role,
        bucket=clicks_bucket,
        processor=processor_live,
        log_group=delivery_logs,
        log_stream=LOG_STREAM,
        prefix=config.delivery.prefix,
        error_prefix=config.delivery.error_prefix,
        buffer_seconds=config.delivery.buffer_seconds,
        buffer_mb=config.delivery.buffer_mb,
        compression=config.delivery.compression,
        processor_buffer_seconds=config.processor.buffer_seconds,
        processor_buffer_mb=config.processor.buffer_mb,
        processor_retries=config.processor.retries,
        drain=drain,
    )
    api_role = role(
        name="api-role",
        placement=placement("api-role"),
        role_name=names.api_role,
        # No condition: API Gateway brings no source account or ARN along (F115).
        trust=policies.trusting("apigateway.amazonaws.com"),
        permissions=policies.api_permissions(delivery_stream.arn),
    )
    clicks_api = RestApi(
        name="clicks-api",
        placement=placement("clicks-api"),
        definition=ClicksApi(
            title=names.api,
            stream_name=names.stream,
            role_arn=api_role.arn,
            allowed_origins=config.api.allowed_origins,
            preflight_max_age_seconds=config.api.preflight_max_age_seconds,
            max_clicks_per_request=config.api.max_clicks_per_request,
            allowed_headers=config.api.allowed_headers,
            resource_policy=json.loads(config.api.resource_policy) if config.api.resource_policy else None,
            click=config.definition,
            account=account,
        ),
        stage=config.api.stage,
        rate_limit=cost_ceiling.rate_limit(config),
        burst_limit=config.api.burst_limit,
        answers=answers,
        # Only a stream that is drained must outlive the API: else the two go at the same time.
        # A processor that understands a changed definition, before the API accepts clicks of that definition.
        after=(api_role, processor_live, delivery_stream) if drain else (api_role, processor_live),
    )
    return Stack(
        clicks_domain=_domain(config, placement, clicks_api),
        clicks_bucket=clicks_bucket,
        processor_logs=processor_logs,
        processor_role=processor_role,
        processor=processor,
        processor_live=processor_live,
        delivery_logs=delivery_logs,
        delivery_role=delivery_role,
        delivery_stream=delivery_stream,
        api_role=api_role,
        clicks_api=clicks_api,
        **(
            _query_resources(config, names, placement, clicks_bucket)
            if config.query.athena or with_query
            else {}
        ),
        **(_alarms(config, account, names, placement) if config.alarms.on or with_alarms else {}),
    )


def _results(config: Config) -> tuple[Expiry, ...]:
    """The lifetime of the results of queries."""
    days = config.query.results_expire_days
    return (Expiry("expire_athena_results_days", RESULTS_PREFIX, days),) if config.query.athena else ()


def _domain(
    config: Config, placement: Callable[[str], Placement], clicks_api: RestApi
) -> ClicksDomain | None:
    if not config.api.domain:
        return None
    from mysfits_stream.provision.resources.clicks_domain import ClicksDomain

    return ClicksDomain(
        name=DOMAIN,
        placement=placement(DOMAIN),
        domain_name=config.api.domain,
        certificate_arn=config.api.certificate_arn or "",
        api=clicks_api,
    )


def _query_resources(
    config: Config, names: Names, placement: Callable[[str], Placement], bucket: Bucket
) -> dict[str, Any]:
    """The fields of Stack that ``query.athena`` adds."""
    from mysfits_stream.provision.resources.clicks_database import ClicksDatabase
    from mysfits_stream.provision.resources.clicks_table import ClicksTable
    from mysfits_stream.provision.resources.query_workgroup import QueryWorkgroup

    database_name, table_name, workgroup_name = QUERY_RESOURCES
    database = ClicksDatabase(
        name=database_name, placement=placement(database_name), database_name=names.database
    )
    definition = config.definition
    table = ClicksTable(
        name=table_name,
        placement=placement(table_name),
        table_name=CLICKS_TABLE,
        database=database,
        bucket=bucket,
        columns=(*definition.names, *definition.attributes, *ADDED),
        partitions=date_partitions(config.delivery.prefix if config.query.athena else DEFAULT_PREFIX),
    )
    workgroup = QueryWorkgroup(
        name=workgroup_name,
        placement=placement(workgroup_name),
        workgroup_name=names.workgroup,
        bucket=bucket,
        results_prefix=RESULTS_PREFIX,
        scan_limit_bytes=math.floor(config.query.scan_limit_gb * GB),
    )
    return {"clicks_database": database, "clicks_table": table, "query_workgroup": workgroup}


def _failed_records(config: Config) -> MetricFilter:
    return MetricFilter(
        name="failed-records",
        pattern=alarms.FAILED_PATTERN,
        namespace=f"{alarms.CLICKS}/{config.stack}",
        metric=alarms.FAILED_RECORDS,
    )


def _alarms(
    config: Config, account: Account, names: Names, placement: Callable[[str], Placement]
) -> dict[str, Any]:
    """The fields of Stack for ``alarms``: each kind of alarm, and a topic unless one is given."""
    from mysfits_stream.provision.resources.alarm import Alarm
    from mysfits_stream.provision.resources.topic import Topic

    topic = None
    if not config.alarms.topic:
        topic = Topic(
            name=alarms.TOPIC,
            placement=placement(alarms.TOPIC),
            topic_name=names.topic,
            email=config.alarms.email or "",
        )
    dimensions = {
        alarms.FIREHOSE: (("DeliveryStreamName", names.stream),),
        alarms.LAMBDA: (("FunctionName", names.function),),
        alarms.CLICKS: (),
        alarms.API: (("ApiName", names.api), ("Stage", config.api.stage)),
    }
    made = tuple(
        Alarm(
            name=f"{alarms.PREFIX}{kind.name}",
            placement=placement(f"{alarms.PREFIX}{kind.name}"),
            alarm_name=f"{config.stack}-{kind.name}",
            description=kind.description,
            namespace=f"{alarms.CLICKS}/{config.stack}"
            if kind.namespace == alarms.CLICKS
            else kind.namespace,
            metric=kind.metric,
            dimensions=dimensions[kind.namespace],
            statistic=kind.statistic,
            period=kind.period,
            periods=kind.periods,
            comparison=kind.comparison,
            threshold=float(kind.threshold),
            missing=kind.missing,
            expression=kind.expression,
            topic_arn=config.alarms.topic or account.arn("sns", names.topic),
            topic=topic,
        )
        for kind in alarms.kinds(config)
    )
    return {"alarm_topic": topic, "alarms": made}
