"""``config.yaml`` -> a frozen :class:`Config`, checked key by key.

The dataclasses below are the schema: a key is a field, a section is a nested dataclass, and the ``limit`` of
a field defines the valid values and their source. ``config.yaml`` in the project's root is the annotated
example, compared with the defaults by a test. Reading is strict: an unknown key, a wrong type or a value out
of range is a :class:`~mysfits_stream.errors.ConfigError` with the key's path.
"""

from __future__ import annotations

import json
import logging
import re
import types
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from mysfits_stream import bucket_names, click_definition, origins, retention, usual_hours
from mysfits_stream.click_definition import DEFAULT_FIELDS, Definition, Enrichment, Field
from mysfits_stream.date_partitions import date_partitions
from mysfits_stream.errors import ConfigError
from mysfits_stream.key_prefixes import rejection
from mysfits_stream.retention import Expiry
from mysfits_stream.usual_hours import UsualHours

log = logging.getLogger(__name__)

DEFAULT_PATH = Path("config.yaml")
LARGEST_FILE = 1024 * 1024  # characters
MOST_VALUES = 10_000

MOODS = {"none": "instant", "aws": "aws"}
"""Values of the deprecated key ``local.moods``, and the values of ``local.behavior``."""

TAG_KEY, TAG_VALUE = r"[\w .:/=+@-]{1,128}", r"[\w .:/=+@-]{0,256}"
MOST_TAGS = 45
"""A resource has at most 50 tags (F46), and one of these is the owner tag."""

PAIRS = tuple[tuple[str, str], ...]
"""The type of keys with values in a configuration, which is hashable."""

LONGEST = 4300
"""How many bits of a number are looked at; Python writes as many digits."""


class JsonText(str):
    """A JSON document of any shape, as text."""


@dataclass(frozen=True)
class OneOf:
    """The value is a member of a set."""

    choices: tuple[Any, ...]

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, or None."""
        return None if value in self.choices else f"must be one of {', '.join(map(str, self.choices))}"


@dataclass(frozen=True)
class Between:
    """The number lies between two others, both included."""

    least: float
    most: float
    unit: str = ""

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, or None."""
        if self.least <= value <= self.most:
            return None
        return f"must be between {self.least:g} and {self.most:g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Matching:
    """The text matches a regular expression as a whole."""

    pattern: str
    meaning: str

    def complaint(self, value: Any) -> str | None:
        """The reason to reject ``value``, or None."""
        return None if re.fullmatch(self.pattern, value) else f"must be {self.meaning}"


@dataclass(frozen=True)
class Origins:
    """The origins whose pages may use the API: ``*``, or a list."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, or None."""
        if values == ("*",) or (values and _are_origins(values) and len(set(values)) == len(values)):
            return None
        return "must be '*' alone, or different origins such as https://www.example.com"


@dataclass(frozen=True)
class NamedOrigins:
    """The origins whose pages may use the local cloud; empty by default."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, or None."""
        return None if _are_origins(values) else "must be origins such as http://localhost:8000"


@dataclass(frozen=True)
class BucketName:
    """A valid bucket name in S3."""

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, or None."""
        reason = bucket_names.rejection(value)
        return f"must be a bucket name that S3 accepts: {reason}" if reason else None


@dataclass(frozen=True)
class StackName:
    """A name of a stack, and the beginning of its bucket's name."""

    shape: Matching = Matching(
        # The bucket's name is the narrowest: 63 characters hold stack, account and the longest region.
        r"[a-z][a-z0-9-]{1,30}[a-z0-9]",
        "3 to 32 of a-z, 0-9 and '-', beginning with a letter and not ending with '-'",
    )

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, or None."""
        if complaint := self.shape.complaint(value):
            return complaint
        reserved = next((each for each in bucket_names.RESERVED_PREFIXES if value.startswith(each)), None)
        return (
            f"must not begin with {reserved}: S3 reserves it, and the bucket's name begins so"
            if reserved
            else None
        )


@dataclass(frozen=True)
class KeyPrefix:
    """The beginning of S3 keys, with expressions valid in Firehose (F89)."""

    shape: Matching = Matching(
        r"([!-~]{1,400}/)?", "at most 400 printable characters that end with a slash, or empty"
    )
    forbidden: str | None = None

    def complaint(self, value: str) -> str | None:
        """The reason to reject ``value``, or None."""
        if complaint := self.shape.complaint(value):
            return complaint
        if self.forbidden and self.forbidden in value:
            return f"must not contain {self.forbidden}"
        if reason := rejection(value):
            return f"must be a prefix that Firehose accepts: {reason}"
        return None


@dataclass(frozen=True)
class Headers:
    """Names of HTTP headers."""

    def complaint(self, values: tuple[str, ...]) -> str | None:
        """The reason to reject ``values``, or None."""
        if all(re.fullmatch(r"[A-Za-z0-9!#$%&*+.^_|~-]+", value) for value in values):
            return None
        return "must be names of HTTP headers such as traceparent"


@dataclass(frozen=True)
class Tags:
    """Tags valid in all services: S3, IAM, Lambda, Firehose, API Gateway and CloudWatch Logs."""

    def complaint(self, values: tuple[tuple[str, str], ...]) -> str | None:
        """The reason to reject ``values``, or None."""
        for key, value in values:
            if key.lower().startswith(("aws:", "mysfits-stream:")):
                return f"keys that begin with aws: or mysfits-stream: are reserved, such as {key}"
            if not re.fullmatch(TAG_KEY, key) or not re.fullmatch(TAG_VALUE, value):
                return "must be keys of 1 to 128, values of 0 to 256 letters, digits, spaces and _.:/=+-@"
        return None if len(values) <= MOST_TAGS else f"must be at most {MOST_TAGS} tags"


@dataclass(frozen=True)
class ResourcePolicy:
    """The policy document of a REST API."""

    def complaint(self, value: JsonText) -> str | None:
        """The reason to reject ``value``, or None."""
        statements = json.loads(value).get("Statement")
        if isinstance(statements, list) and statements and all(map(self._is_statement, statements)):
            return None
        return "must have Version and a list Statement, each with Effect, Principal, Action and Resource"

    def _is_statement(self, found: Any) -> bool:
        elements = ("Principal", "Action", "Resource")
        return (
            isinstance(found, Mapping)
            and "Effect" in found
            and all({each, f"Not{each}"} & found.keys() for each in elements)
        )


Limit = (
    OneOf
    | Between
    | Matching
    | Origins
    | NamedOrigins
    | BucketName
    | StackName
    | KeyPrefix
    | Headers
    | Tags
    | ResourcePolicy
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


def _normalized(values: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send origins; invalid origins stay, for the limit to reject."""
    return tuple(_origin_of(value) or value for value in values)


def _are_origins(values: tuple[str, ...]) -> bool:
    return all(_origin_of(value) == value for value in values)


def _origin_of(text: str) -> str | None:
    try:
        return origins.normalized(text)
    except ValueError:
        return None


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
    allowed_origins: tuple[str, ...] = setting(("*",), Origins(), normalize=_normalized)
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
    """SQL over the clicks with Athena: whether the stack has a table and a workgroup (F210 to F225)."""

    athena: bool = setting(False)
    results_expire_days: int = setting(7, Between(1, 36500, "days"))
    scan_limit_gb: float = setting(10, Between(0.01, 100000, "GB"))


@dataclass(frozen=True)
class AlarmsConfig:
    """Alarms of CloudWatch, and whom they notify; without an address and a topic there are none (F255)."""

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
    allowed_origins: tuple[str, ...] = setting((), NamedOrigins(), normalize=_normalized)
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
    """Raise ConfigError for settings of the delivery whose objects Athena would miss or misread."""
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


def load(
    path: Path | None = None, warn: Callable[[str], None] = log.warning, section: str | None = None
) -> Config:
    """Read a configuration file, or a ``section`` of the file and defaults for all else.

    ``path`` None means ``config.yaml`` in the working directory, or the defaults without a file; a given
    path must exist. ``warn`` is called for each deprecated key. Raises ConfigError with the file, and the
    line of broken YAML or the path of the key.
    """
    import yaml

    if path is None and not DEFAULT_PATH.exists():
        return Config()
    path = path or DEFAULT_PATH
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise ConfigError(f"{path}: longer than {LARGEST_FILE:,} characters")
        _check_nodes(yaml.compose(text, yaml.SafeLoader))
        document = yaml.safe_load(text)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; name another with --config") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConfigError(f"{path}: {where}not valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
        # PyYAML takes tags, and what looks like a date, at their word: Python says what is wrong then.
        raise ConfigError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if document is None:
        return Config()
    _refuse_foreign(path, document)
    if section and isinstance(document, Mapping):
        document = {key: value for key, value in document.items() if key == section}
    try:
        return _anchored(parse(document, lambda text: warn(f"{path}: {text}")), path.parent)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _refuse_foreign(path: Path, document: Any) -> None:
    """Raise ConfigError for another tool's file, of which no key is known or is like a known key."""
    if not isinstance(document, Mapping):
        return
    known = [f.name for f in fields(Config)]
    keys = [key for key in document if isinstance(key, str)]
    if len(keys) > 1 and not any(get_close_matches(key.lower(), known, n=1, cutoff=0.75) for key in keys):
        raise ConfigError(
            f"{path}: another tool's configuration (keys: {', '.join(keys[:3])}); name a file of "
            "mysfits-stream with --config FILE or MYSFITS_STREAM_CONFIG"
        )


def _anchored(config: Config, directory: Path) -> Config:
    """``config`` with ``processor.source`` relative to the working directory, not to the file's directory."""
    if config.processor.source is None:
        return config
    source = str(directory / config.processor.source)
    return replace(config, processor=replace(config.processor, source=source))


def parse(document: Any, warn: Callable[[str], None] = log.warning) -> Config:
    """The configuration of a YAML document; raises ConfigError with the path of the key."""
    _refuse_two_throttles(document)
    return cast(Config, _section(Config, _with_current_keys(document, warn), ""))


def _refuse_two_throttles(document: Any) -> None:
    """Raise ConfigError if both the cost of a day and the rate limit that follows from the cost are set."""
    api = document.get("api") if isinstance(document, Mapping) else None
    if isinstance(api, Mapping) and api.get("max_cost_per_day") is not None and "rate_limit" in api:
        raise ConfigError(
            "api.max_cost_per_day and api.rate_limit: the cost sets the rate limit already; "
            "remove one of the two"
        )


def override(config: Config, settings: Mapping[str, Any]) -> Config:
    """``config`` with settings from options or the environment.

    None leaves a setting unchanged.

    A key names a setting, with the section if any: ``stack``, ``local.access``. Unknown keys are ignored.
    """
    for key, value in settings.items():
        if value is not None:
            config = _override_one(config, key, value)
    return config


def _override_one(config: Config, key: str, value: Any) -> Config:
    section_name, _, name = key.rpartition(".")
    section: Any = getattr(config, section_name) if section_name else config
    known = {f.name: f for f in fields(section)}
    if name not in known:
        return config
    checked = _value(key, get_type_hints(type(section))[name], value, known[name])
    changed = replace(section, **{name: checked})
    return replace(config, **{section_name: changed}) if section_name else changed


def _check_nodes(root: Any) -> None:
    """Raise MarkedYAMLError for a key that is written twice: YAML would use the last value without a word.

    Also for over MOST_VALUES values with aliases written out: a short document with aliases of aliases has
    billions of values, and an alias inside of itself has no end.
    """
    import yaml

    waiting = deque([root] if root else [])
    count = 0
    while waiting:
        node = waiting.popleft()
        count += 1
        if count > MOST_VALUES:
            problem = f"over {MOST_VALUES:,} values, or an alias inside of itself"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        if node.id == "sequence":
            waiting.extend(node.value)
        elif node.id == "mapping":
            seen: set[str] = set()
            for key, value in node.value:
                # A key that is a list or a mapping is refused when the document is built.
                name = key.value if key.id == "scalar" else id(key)
                if str(name) in seen:
                    raise yaml.MarkedYAMLError(
                        problem=f"{name} is written twice", problem_mark=key.start_mark
                    )
                seen.add(str(name))
                waiting.append(value)


def _with_current_keys(document: Any, warn: Callable[[str], None]) -> Any:
    """``document`` with ``local.behavior`` instead of ``local.moods``, deprecated until 1.0."""
    local = document.get("local") if isinstance(document, Mapping) else None
    if not isinstance(local, Mapping) or "moods" not in local:
        return document
    if "behavior" in local:
        raise ConfigError("local.moods: the old name of local.behavior; remove local.moods")
    moods = local["moods"]
    if complaint := OneOf(tuple(MOODS)).complaint(moods):
        raise ConfigError(f"local.moods: {complaint}, found {_describe(moods)}")
    behavior = MOODS[moods]
    warn(f"local.moods is deprecated and works until 1.0; write local.behavior: {behavior}")
    kept = {key: value for key, value in local.items() if key != "moods"}
    return {**document, "local": {**kept, "behavior": behavior}}


def _section(schema: type, document: Any, path: str) -> Any:
    if not isinstance(document, Mapping):
        where = f"{path}: " if path else ""
        raise ConfigError(f"{where}expected keys with values, found {_describe(document)}")
    known = {f.name: f for f in fields(schema)}
    for key in document:
        if key not in known:
            here = _join(path, key if isinstance(key, str) else _describe(key))
            raise ConfigError(f"{here}: unknown key; known here: {', '.join(known)}")
    hints = get_type_hints(schema)
    return schema(
        **{key: _value(_join(path, key), hints[key], value, known[key]) for key, value in document.items()}
    )


def _value(path: str, hint: Any, value: Any, schema_field: Any) -> Any:
    if is_dataclass(hint):
        return _section(cast(type, hint), {} if value is None else value, path)
    allowed = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    if is_dataclass(allowed[0]):
        return _section(cast(type, allowed[0]), value, path)
    if read := schema_field.metadata.get("read"):
        return read(value, path)
    value = _typed(path, allowed[0], value)
    if normalize := schema_field.metadata.get("normalize"):
        value = normalize(value)
    limit: Limit | None = schema_field.metadata.get("limit")
    if limit and (complaint := limit.complaint(value)):
        raise ConfigError(f"{path}: {complaint}, found {_describe(value)}")
    return value


def _typed(path: str, wanted: Any, value: Any) -> Any:
    if wanted == PAIRS:
        keys = _mapping(path, value)
        return tuple((_typed(path, str, key), _typed(_join(path, str(key)), str, keys[key])) for key in keys)
    if get_origin(wanted) is tuple:
        items = value if isinstance(value, list | tuple) else [value]
        return tuple(_typed(f"{path}[{index}]", str, item) for index, item in enumerate(items))
    if wanted is JsonText:
        try:
            return JsonText(json.dumps(_mapping(path, value), default=str))
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError(f"{path}: cannot be written as JSON: {error}") from error
    if get_origin(wanted) is Literal:
        wanted = str
    if wanted is bool:
        if isinstance(value, bool):
            return value
        raise ConfigError(f"{path}: expected true or false, found {_describe(value)}")
    accepted = (int, float) if wanted is float else (wanted,)
    # YAML's true is an int to Python, and never what a number's key means.
    if isinstance(value, bool) or not isinstance(value, accepted):
        kind = {str: "text", int: "a whole number", float: "a number"}[wanted]
        raise ConfigError(f"{path}: expected {kind}, found {_describe(value)}")
    return value


def _mapping(path: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: expected keys with values, found {_describe(value)}")
    return value


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _describe(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a section"
    if isinstance(value, list | tuple):
        return "a list: " + ", ".join(map(_describe, value))
    if isinstance(value, int) and value.bit_length() > LONGEST:
        return "a number of more digits than Python writes"
    return "nothing" if value is None else repr(value)
