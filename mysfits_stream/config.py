"""The settings: a frozen :class:`Config`, whose defaults work without a file.

The dataclasses below are the schema: a key of ``config.yaml`` is a field, a section is a nested dataclass,
and the ``limit`` of a field defines the valid values and their source. ``config.yaml`` in the project's root
is the annotated example, compared with the defaults by a test; ``config_file.py`` reads files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from mysfits_stream import click_definition, retention, usual_hours
from mysfits_stream.click_definition import DEFAULT_FIELDS, Definition, Enrichment, Field
from mysfits_stream.date_partitions import date_partitions
from mysfits_stream.errors import ConfigError
from mysfits_stream.retention import Expiry
from mysfits_stream.setting_limits import (
    Between,
    BucketName,
    Headers,
    JsonText,
    KeyPrefix,
    Limit,
    Matching,
    NamedOrigins,
    OneOf,
    Origins,
    ResourcePolicy,
    StackName,
    Tags,
    normalized_origins,
)
from mysfits_stream.usual_hours import UsualHours

HTTP_URL = Matching(
    r"https?://([^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#:@\[\]]+)(:\d{1,5})?(/[^\s?#]*)?",
    "a URL that begins with https:// or http://, without ? and #",
)
INVOKE_URL = Matching(
    r"https?://([^\s{}]|\{(api_id|region|stage|dns_suffix)\})+",
    "a URL template with {api_id}, {region}, {stage} or {dns_suffix}",
)
RESULTS_PREFIX = "athena-results/"
"""Where Athena writes results in the clicks bucket; they expire, so nothing else lies there."""

UNREADABLE_FOR_ATHENA = ("ZIP", "Snappy", "HADOOP_SNAPPY")
"""Compressions of Firehose whose objects Athena cannot read as JSON lines (F214)."""

RETENTION_DAYS = OneOf(
    # What CloudWatch Logs accepts (aws.md, section 8).
    (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
)


def setting(
    default: Any,
    limit: Limit | None = None,
    *,
    read: Callable[[Any, str], Any] | None = None,
    normalize: Callable[[Any], Any] | None = None,
) -> Any:
    """A field with a default and, in its metadata, the limit of its values.

    ``read`` makes the value of a document and the key's path, for values neither scalar nor list.
    ``normalize`` brings equivalent values into a single form before the limit applies.
    """
    return field(default=default, metadata={"limit": limit, "read": read, "normalize": normalize})


@dataclass(frozen=True)
class ClickConfig:
    """The members of a click, and the user's member: "" for the default, None for no user."""

    fields: tuple[Field, ...] = setting(DEFAULT_FIELDS, read=click_definition.parse_fields)
    user: str | None = setting("")


@dataclass(frozen=True)
class EnrichConfig:
    """The lookup of a clicked item in the Mysfits service, and the attributes for enrichment."""

    key: str = setting("mysfitId")
    path: str = setting("/mysfits/{mysfitId}")
    list: str = setting("/mysfits")
    attributes: tuple[str, ...] = setting(("goodevil", "lawchaos", "species", "name"))


@dataclass(frozen=True)
class PrivacyConfig:
    """The effect of a visitor's Global Privacy Control."""

    gpc: Literal["anonymize", "ignore"] = setting("anonymize", OneOf(("anonymize", "ignore")))


@dataclass(frozen=True)
class BucketConfig:
    """The clicks bucket."""

    name: str | None = setting(None, BucketName())
    kms_key: str | None = setting(
        None,
        Matching(r"arn:[\w-]+:kms:[a-z0-9-]+:\d{12}:key/[\w-]+", "the ARN of a key, not of an alias"),
    )
    expire_old_versions_days: int = setting(30, Between(1, 36500, "days"))
    abort_multipart_days: int = setting(7, Between(1, 36500, "days"))
    expire_clicks_days: int | None = setting(None, Between(1, 36500, "days"))
    expire_failed_days: int | None = setting(None, Between(1, 36500, "days"))
    expire_replayed_days: int | None = setting(None, Between(1, 36500, "days"))


@dataclass(frozen=True)
class DeliveryConfig:
    """How the delivery stream writes to the clicks bucket (F67, F88, F89)."""

    buffer_seconds: int = setting(60, Between(0, 900, "seconds"))
    buffer_mb: int = setting(50, Between(1, 128, "MB"))
    compression: Literal["UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"] = setting(
        "UNCOMPRESSED", OneOf(("UNCOMPRESSED", "GZIP", "ZIP", "Snappy", "HADOOP_SNAPPY"))
    )
    prefix: str = setting("firehose/", KeyPrefix(forbidden="!{firehose:error-output-type}"))
    error_prefix: str = setting("", KeyPrefix())
    log_retention_days: int = setting(30, RETENTION_DAYS)


@dataclass(frozen=True)
class ProcessorConfig:
    """The Lambda function that enriches clicks, and its batches from Firehose (F65, F66, F68).

    ``source`` is a folder or a module of the user's own, relative to the configuration file; None selects the
    tool's processor.
    """

    source: str | None = setting(None, Matching(r"[^\x00-\x1f]+", "the path of a folder or of a .py file"))
    handler: str | None = setting(
        None,
        Matching(r"(?!.{129})[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", "module.function, such as my_processor.handler"),
    )
    runtime: str = setting(
        "python3.13", OneOf(("python3.11", "python3.12", "python3.13", "python3.14", "python3.15"))
    )
    architecture: str = setting("arm64", OneOf(("arm64", "x86_64")))
    memory_mb: int = setting(256, Between(128, 10240, "MB"))
    timeout_seconds: int = setting(60, Between(10, 300, "seconds"))
    buffer_seconds: int = setting(60, Between(0, 900, "seconds"))
    buffer_mb: float = setting(1, Between(0.2, 3, "MB"))
    retries: int = setting(3, Between(0, 300, "retries"))
    cache_seconds: int = setting(300, Between(0, 86400, "seconds"))
    log_retention_days: int = setting(30, RETENTION_DAYS)


@dataclass(frozen=True)
class ApiConfig:
    """The clicks API, as browsers see it (F62, F104, F109)."""

    stage: str = setting("prod", Matching(r"[A-Za-z0-9_-]{1,128}", "letters, digits, '_' and '-' only"))
    allowed_origins: tuple[str, ...] = setting(("*",), Origins(), normalize=normalized_origins)
    preflight_max_age_seconds: int = setting(3600, Between(0, 86400, "seconds"))
    rate_limit: float = setting(40, Between(1, 10000, "requests per second"))
    burst_limit: int = setting(100, Between(1, 5000, "requests"))
    max_cost_per_day: float | None = setting(None, Between(1, 100000, "US dollars"))
    max_clicks_per_request: int = setting(100, Between(1, 500, "clicks"))
    allowed_headers: tuple[str, ...] = setting((), Headers())
    resource_policy: JsonText | None = setting(None, ResourcePolicy())  # noqa: RUF009 - a str
    domain: str | None = setting(
        None,
        Matching(
            r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
            "a domain name in lower case, such as clicks.example.com",
        ),
    )
    certificate_arn: str | None = setting(
        None,
        Matching(
            r"arn:[\w-]+:acm:[\w-]+:\d{12}:certificate/[\w-]+",
            "the ARN of a certificate in ACM, in the region",
        ),
    )


@dataclass(frozen=True)
class IamConfig:
    """An organisation's requirements for every role."""

    path: str = setting("/", Matching(r"(?!.{513})/([\w+=,.@-]+/)*", "a path such as /team/, / by default"))
    permissions_boundary: str | None = setting(
        None, Matching(r"arn:[\w-]+:iam::(aws|\d{12}):policy/[\w+=,.@/-]+", "the ARN of a managed policy")
    )


@dataclass(frozen=True)
class QueryConfig:
    """SQL over the clicks with Athena: whether the stack has table and workgroup (F210-F225)."""

    athena: bool = setting(False)
    results_expire_days: int = setting(7, Between(1, 36500, "days"))
    scan_limit_gb: float = setting(10, Between(0.01, 100000, "GB"))


@dataclass(frozen=True)
class AlarmsConfig:
    """CloudWatch alarms and their receiver; no alarms without an address and a topic (F255)."""

    email: str | None = setting(None, Matching(r"[^@\s]{1,64}@[^@\s]{1,255}", "an email address"))
    topic: str | None = setting(
        None, Matching(r"arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", "the ARN of an SNS topic")
    )
    quiet_minutes: int = setting(60, Between(5, 1440, "minutes"))
    usual_hours: str | None = setting(
        None, Matching(usual_hours.PATTERN, "hours in UTC such as 06:00-22:00, or Mon-Fri 06:00-22:00")
    )

    @property
    def on(self) -> bool:
        """Whether the stack has alarms."""
        return self.email is not None or self.topic is not None

    @property
    def usual(self) -> UsualHours | None:
        """The hours in which a pause rings; None: at any time."""
        return UsualHours.of(self.usual_hours) if self.usual_hours else None


@dataclass(frozen=True)
class LocalConfig:
    """The embedded local cloud; read only with target ``local``."""

    port: int = setting(0, Between(0, 65535))
    time_scale: float = setting(120, Between(1, 100000, "times as fast as AWS"))
    behavior: str = setting("instant", OneOf(("instant", "aws")))
    seed: int = setting(1, Between(0, 2**31))
    allowed_origins: tuple[str, ...] = setting((), NamedOrigins(), normalize=normalized_origins)
    access: Literal["private", "open"] = setting("private", OneOf(("private", "open")))


@dataclass(frozen=True)
class Config:
    """All settings; the defaults work without a file."""

    stack: str = setting("mysfits-clicks", StackName())
    target: Literal["local", "aws"] = setting("local", OneOf(("local", "aws")))
    region: str | None = setting(None, Matching(r"[a-z]{2,4}(-[a-z]+)+-\d", "a region such as eu-west-1"))
    profile: str | None = setting(None)
    invoke_url: str | None = setting(None, INVOKE_URL)
    mysfits_api: str | None = setting(None, HTTP_URL)
    code_repository: str | None = setting(
        None,
        Matching(r"[A-Za-z0-9_.-]{1,100}(?<!\.git)", "a repository name: 1 to 100 of A-Z, a-z, 0-9, '_.-'"),
    )
    tags: tuple[tuple[str, str], ...] | None = setting(None, Tags())
    iam: IamConfig = IamConfig()
    click: ClickConfig = ClickConfig()
    enrich: EnrichConfig | None = EnrichConfig()
    privacy: PrivacyConfig = PrivacyConfig()
    bucket: BucketConfig = BucketConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    processor: ProcessorConfig = ProcessorConfig()
    api: ApiConfig = ApiConfig()
    query: QueryConfig = QueryConfig()
    alarms: AlarmsConfig = AlarmsConfig()
    local: LocalConfig = LocalConfig()

    def __post_init__(self) -> None:
        """Raise ConfigError for settings that do not fit each other."""
        _ = self.definition
        if self.alarms.email and self.alarms.topic:
            raise ConfigError(
                "alarms.email and alarms.topic: an address has a topic of its own; remove one of the two"
            )
        usual = self.alarms.usual
        if usual and usual.minutes < self.alarms.quiet_minutes:
            raise ConfigError(
                f"alarms.quiet_minutes: a pause of {self.alarms.quiet_minutes} minutes does not fit into "
                f"alarms.usual_hours ({self.alarms.usual_hours})"
            )
        if reason := retention.rejection(self.expiries):
            raise ConfigError(reason)
        if self.query.athena:
            _check_athena(self.delivery)
        if (self.api.domain is None) != (self.api.certificate_arn is None):
            given, missing = (
                ("domain", "certificate_arn") if self.api.domain else ("certificate_arn", "domain")
            )
            raise ConfigError(f"api.{given}: needs api.{missing} beside it; set both, or none")

    @property
    def expiries(self) -> tuple[Expiry, ...]:
        """How long the bucket keeps clicks, failed clicks and replayed clicks."""
        bucket, delivery = self.bucket, self.delivery
        return retention.expiries(
            delivery.prefix,
            delivery.error_prefix,
            clicks=bucket.expire_clicks_days,
            failed=bucket.expire_failed_days,
            replayed=bucket.expire_replayed_days,
        )

    @cached_property
    def definition(self) -> Definition:
        """The definition of a click: ``click``, ``enrich`` and ``privacy``."""
        enrich = self.enrich
        return click_definition.define(
            self.click.fields,
            self.click.user,
            Enrichment(enrich.key, enrich.path, enrich.list, enrich.attributes) if enrich else None,
            anonymize=self.privacy.gpc == "anonymize",
        )


def _check_athena(delivery: DeliveryConfig) -> None:
    """Raise ConfigError for delivery settings whose objects Athena would miss or misread."""
    if delivery.compression in UNREADABLE_FOR_ATHENA:
        raise ConfigError(
            f"delivery.compression: Athena cannot read {delivery.compression} (F214); with query.athena, use "
            "GZIP or UNCOMPRESSED"
        )
    try:
        date_partitions(delivery.prefix)
    except ValueError as error:
        raise ConfigError(
            f"delivery.prefix: {delivery.prefix!r} cannot be queried with Athena: {error}; change the prefix "
            "or set query.athena: false"
        ) from None
    for key in ("prefix", "error_prefix"):
        if getattr(delivery, key).startswith(RESULTS_PREFIX):
            raise ConfigError(f"delivery.{key}: {RESULTS_PREFIX} is for Athena's results, which expire")
