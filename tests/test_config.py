"""config.yaml is read strictly: whatever is wrong with it is one line that names the place."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mysfits_stream import config_file
from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError

ROOT = Path(__file__).parents[1]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def leaves(schema: Any, path: str = "") -> dict[str, Any]:
    """Every setting by its path, with its default."""
    found: dict[str, Any] = {}
    for key in fields(schema):
        value = getattr(schema, key.name)
        here = f"{path}.{key.name}".lstrip(".")
        found |= leaves(value, here) if is_dataclass(value) else {here: value}
    return found


def nested(path: str, value: Any) -> Any:
    """A document with one setting."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def test_the_annotated_example_is_the_defaults() -> None:
    assert config_file.load(ROOT / "config.yaml") == Config()


def test_the_annotated_example_names_every_setting() -> None:
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    named = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in document.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert named == leaves(Config()).keys()


@pytest.mark.parametrize("text", ["", "# nothing but a remark\n", "{}", "delivery:\n", "---\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert config_file.load(written(tmp_path, text)) == Config()


@pytest.mark.parametrize(("path", "default"), leaves(Config()).items(), ids=leaves(Config()).keys())
def test_every_default_passes_its_own_check(path: str, default: Any) -> None:
    given_as = list(default) if isinstance(default, tuple) else default
    if path == "click.fields":
        given_as = {field.name: {"type": field.type, **dict(field.bounds)} for field in default}
    assert config_file.parse(nested(path, given_as)) == Config()


GOOD = [
    ("stack", "my-clicks-2", "my-clicks-2"),
    ("region", "ap-southeast-2", "ap-southeast-2"),
    ("region", "us-gov-west-1", "us-gov-west-1"),
    ("region", "cn-northwest-1", "cn-northwest-1"),
    ("region", "eusc-de-east-1", "eusc-de-east-1"),
    ("invoke_url", "http://localhost:4566/restapis/{api_id}/{stage}/_user_request_", None),
    ("invoke_url", "https://{api_id}.execute-api.{region}.{dns_suffix}/{stage}", None),
    ("mysfits_api", "https://abc.execute-api.eu-west-1.amazonaws.com/prod", None),
    ("mysfits_api", "http://me:word@[::1]:8080/prod", None),
    ("bucket.name", "my.clicks", "my.clicks"),
    ("delivery.prefix", "", ""),
    ("delivery.prefix", "clicks/!{timestamp:yyyy}/", "clicks/!{timestamp:yyyy}/"),
    ("delivery.prefix", "c/!{timestamp:YYYY-'W'ww}/", "c/!{timestamp:YYYY-'W'ww}/"),
    ("delivery.error_prefix", "e/!{firehose:random-string}/", "e/!{firehose:random-string}/"),
    ("delivery.buffer_seconds", 0, 0),
    ("processor.buffer_mb", 0.2, 0.2),
    ("processor.buffer_mb", 3, 3),
    ("api.allowed_origins", "https://example.com", ("https://example.com",)),
    ("api.allowed_origins", ["https://a.example", "http://localhost:8000"], None),
    ("api.allowed_origins", "https://WWW.Example.com", ("https://www.example.com",)),
    ("api.allowed_origins", "HTTPS://www.example.com:443/", ("https://www.example.com",)),
    ("api.allowed_origins", "http://localhost:80", ("http://localhost",)),
    ("api.allowed_origins", "http://localhost:", ("http://localhost",)),
    ("api.allowed_origins", "https://localhost:80", ("https://localhost:80",)),
    ("api.allowed_origins", "http://[::1]:8000", ("http://[::1]:8000",)),
    ("local.allowed_origins", ["http://LOCALHOST:8000/"], ("http://localhost:8000",)),
    ("api.stage", "pre-prod", "pre-prod"),
    ("processor.runtime", "python3.15", "python3.15"),
    ("api.allowed_headers", ["traceparent", "X-Amzn-Trace-Id"], None),
    ("tags", {"CostCenter": "42", "team": "Klicks"}, (("CostCenter", "42"), ("team", "Klicks"))),
    ("iam.path", "/team/clicks/", "/team/clicks/"),
    ("iam.permissions_boundary", "arn:aws:iam::123456789012:policy/team/boundary", None),
    ("iam.permissions_boundary", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess", None),
    ("bucket.kms_key", "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab", None),
]


@pytest.mark.parametrize(
    ("path", "value", "expected"), GOOD, ids=[f"{path}={value}" for path, value, _ in GOOD]
)
def test_takes(path: str, value: Any, expected: Any) -> None:
    parsed = leaves(config_file.parse(nested(path, value)))[path]
    assert parsed == (expected or (tuple(value) if isinstance(value, list) else value))


def test_a_resource_policy_is_taken_as_yaml_with_its_version_a_date(tmp_path: Path) -> None:
    statement = "{Effect: Allow, Principal: '*', Action: execute-api:Invoke, Resource: execute-api:/*}"
    text = f"api:\n  resource_policy:\n    Version: 2012-10-17\n    Statement: [{statement}]\n"
    policy = config_file.load(written(tmp_path, text)).api.resource_policy
    assert policy and json.loads(policy)["Version"] == "2012-10-17"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("tags", {"CostCenter": 42}, "tags.CostCenter: expected text, found 42"),
        ("tags", {"aws:team": "x"}, "tags: keys that begin with aws: or mysfits-stream: are reserved"),
        ("tags", {"Mysfits-Stream:stack": "x"}, "are reserved"),
        ("tags", {"a": "<"}, "tags: must be keys of 1 to 128"),
        ("tags", {f"k{number}": "v" for number in range(46)}, "tags: must be at most 45 tags"),
        ("tags", ["a"], "tags: expected keys with values, found a list: 'a'"),
        ("iam.path", "team", "iam.path: must be a path such as /team/"),
        ("iam.path", "/a" * 300 + "/", "iam.path: must be a path"),
        ("iam.permissions_boundary", "boundary", "must be the ARN of a managed policy"),
        ("bucket.kms_key", "alias/mine", "bucket.kms_key: must be the ARN of a key, not of an alias"),
        ("bucket.kms_key", "arn:aws:kms:eu-west-1:123456789012:alias/mine", "not of an alias"),
        ("api.allowed_headers", ["a b"], "api.allowed_headers: must be names of HTTP headers"),
        ("api.allowed_headers", ["x'y"], "api.allowed_headers: must be names of HTTP headers"),
        ("api.resource_policy", {}, "api.resource_policy: must have Version and a list Statement"),
        ("api.resource_policy", {"Statement": ["x"]}, "must have Version and a list Statement"),
        ("api.resource_policy", "text", "api.resource_policy: expected keys with values, found 'text'"),
        ("api.resource_policy", {"a": 10**5000}, "api.resource_policy: cannot be written as JSON"),
    ],
)
def test_what_an_organisation_asks_is_checked(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        config_file.parse(nested(path, value))


BAD_FILES = [
    pytest.param("stack: [", "line 1, column 9: not valid YAML: ", id="broken YAML"),
    pytest.param("a: b: c", "line 1, column 5: not valid YAML: mapping values", id="two colons"),
    pytest.param("\tstack: x", "line 1, column 1: not valid YAML: found character", id="a tab"),
    pytest.param("stack: *nobody", "line 1, column 8: not valid YAML: found undefined alias", id="an alias"),
    pytest.param("stack: !!python/object:os.system x", "not valid YAML: could not determine", id="a tag"),
    pytest.param("stack: \x07", "not valid YAML: ", id="a control character"),
    pytest.param(
        "a: 1\n---\nb: 2", "line 2, column 1: not valid YAML: but found another document", id="two documents"
    ),
    pytest.param("stack: 2020-13-45", "not valid YAML: month must be in 1..12", id="no such day"),
    pytest.param("local: {port: !!int abc}", "not valid YAML: invalid literal", id="a tag that lies"),
    pytest.param("local: {port: !!bool abc}", "not valid YAML: 'abc'", id="a tag of two values"),
    pytest.param("stack: !!timestamp abc", "not valid YAML: ", id="a tag of a time"),
    pytest.param(f"local: {{port: {'9' * 5000}}}", "not valid YAML: Exceeds the limit", id="a huge number"),
    pytest.param(f"local: {{port: 0x{'f' * 5000}}}", "local.port: ", id="a huge number in hexadecimal"),
    pytest.param(f"stack: [0x{'f' * 5000}]", "stack: expected text", id="a huge number in a list"),
    pytest.param(f"? 0x{'f' * 5000}\n: 1", "unknown key", id="a huge number as a key"),
    pytest.param("5: 1", "5: unknown key", id="a number as a key"),
    pytest.param("[" * 20_000, "not valid YAML: maximum recursion depth", id="too deep"),
    pytest.param("&a [*a]", "not valid YAML: over 10,000 values, or an alias inside of itself", id="no end"),
    pytest.param(
        "api: {allowed_origins: &a [*a]}", "not valid YAML: over 10,000 values", id="no end in a value"
    ),
    pytest.param(
        "tags:\n  a0: &a0 [x, x]\n"
        + "".join(f"  a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40)),
        "not valid YAML: over 10,000 values",
        id="aliases of aliases",
    ),
    pytest.param("# " + "x" * (1 << 20), "longer than 1,048,576 characters", id="too long"),
    pytest.param(
        "api:\n  resource_policy:\n    Statement:\n    - Effect: Allow\n      Effect: Deny\n",
        "line 5, column 7: not valid YAML: Effect is written twice",
        id="a key twice in a list",
    ),
    pytest.param("- a", "expected keys with values, found a list: 'a'", id="a list"),
    pytest.param("just text", "expected keys with values, found 'just text'", id="a text"),
    pytest.param("42", "expected keys with values, found 42", id="a number"),
    pytest.param(
        "stack: abc\nstack: abc", "line 2, column 1: not valid YAML: stack is written twice", id="a key twice"
    ),
    pytest.param(
        "api:\n  stage: a\n  stage: b",
        "line 3, column 3: not valid YAML: stage is written twice",
        id="in a section",
    ),
]


@pytest.mark.parametrize(("text", "message"), BAD_FILES)
def test_a_bad_file_is_one_line_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as raised:
        config_file.load(path)
    assert str(raised.value).startswith(f"{path}: ") and message in str(raised.value)
    assert "\n" not in str(raised.value)


BAD_SETTINGS = [
    ("stak", "x", "stak: unknown key; known here: stack, target, region, "),
    ("delivery.bufer_mb", 1, "delivery.bufer_mb: unknown key; known here: buffer_seconds, buffer_mb, "),
    ("api.max_clicks", 1, "api.max_clicks: unknown key"),
    ("stack", 5, "stack: expected text, found 5"),
    ("stack", None, "stack: expected text, found nothing"),
    ("stack", "", "stack: must be 3 to 32 of a-z, 0-9 and '-'"),
    ("stack", "ab", "stack: must be 3 to 32 of a-z, 0-9 and '-'"),
    ("stack", "a" * 33, "stack: must be 3 to 32 of a-z, 0-9 and '-'"),
    ("stack", "Clicks", "found 'Clicks'"),
    ("stack", "clicks-", "not ending with '-', found 'clicks-'"),
    ("stack", "7clicks", "beginning with a letter"),
    ("stack", "clicks\n", "stack: must be 3 to 32"),
    ("target", "gcp", "target: must be one of local, aws, found 'gcp'"),
    ("region", "Ireland", "region: must be a region such as eu-west-1, found 'Ireland'"),
    ("profile", 7, "profile: expected text, found 7"),
    ("mysfits_api", "example.com", "mysfits_api: must be a URL that begins with https:// or http://"),
    ("mysfits_api", "https://x.com?a=b", "mysfits_api: must be a URL that begins with https:// or http://"),
    ("mysfits_api", "https://x.com/a#b", "mysfits_api: must be a URL"),
    ("mysfits_api", "https://[::1", "mysfits_api: must be a URL"),
    ("mysfits_api", "https://x.com:port", "mysfits_api: must be a URL"),
    ("delivery.prefix", "processing-failed/", "delivery.prefix: lies below processing-failed/, which holds"),
    ("delivery.prefix", "processing-failed/a/", "delivery.prefix: lies below processing-failed/, which"),
    (
        "api.resource_policy",
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*"}]},
        "each with Effect, Principal, Action and Resource",
    ),
    ("invoke_url", "https://x/{api}", "invoke_url: must be a URL template with {api_id}"),
    ("invoke_url", "https://x/{", "invoke_url: must be a URL template"),
    ("invoke_url", "https://x/{0}", "invoke_url: must be a URL template"),
    ("bucket", "mine", "bucket: expected keys with values, found 'mine'"),
    ("stack", "xn--clicks", "stack: must not begin with xn--: S3 reserves it"),
    ("stack", "sthree-clicks", "stack: must not begin with sthree-: S3 reserves it"),
    ("bucket.name", "My_Bucket", "bucket.name: must be a bucket name that S3 accepts: 3 to 63 of a-z"),
    ("bucket.name", "ab", "bucket.name: must be a bucket name that S3 accepts: 3 to 63"),
    ("bucket.name", "a" * 64, "bucket.name: must be a bucket name that S3 accepts: 3 to 63"),
    ("bucket.name", "-clicks", "bucket.name: must be a bucket name that S3 accepts: 3 to 63"),
    ("bucket.name", "my..clicks", "that S3 accepts: without adjacent periods"),
    ("bucket.name", "192.168.5.4", "that S3 accepts: not in the form of an IP address"),
    ("bucket.name", "xn--clicks", "that S3 accepts: not beginning with xn--, which S3 reserves"),
    ("bucket.name", "amzn-s3-demo-clicks", "not beginning with amzn-s3-demo-, which S3 reserves"),
    ("bucket.name", "clicks-s3alias", "not ending with -s3alias, which S3 reserves"),
    ("bucket.name", "clicks--ol-s3", "not ending with --ol-s3, which S3 reserves"),
    ("bucket.name", "clicks.mrap", "not ending with .mrap, which S3 reserves"),
    ("bucket.name", "clicks--x-s3", "not ending with --x-s3, which S3 reserves"),
    ("bucket.name", "clicks--table-s3", "not ending with --table-s3, which S3 reserves"),
    ("bucket.name", "clicks-123456789012-eu-west-1-an", "not ending with -an, which S3 reserves"),
    ("bucket.expire_old_versions_days", 0, "must be between 1 and 36500 days, found 0"),
    ("bucket.expire_clicks_days", 0, "bucket.expire_clicks_days: must be between 1 and 36500 days, found 0"),
    ("bucket.expire_failed_days", "7", "bucket.expire_failed_days: expected a whole number, found '7'"),
    ("delivery.buffer_seconds", 901, "delivery.buffer_seconds: must be between 0 and 900 seconds, found 901"),
    ("delivery.buffer_seconds", True, "delivery.buffer_seconds: expected a whole number, found True"),
    ("delivery.buffer_seconds", 1.5, "delivery.buffer_seconds: expected a whole number, found 1.5"),
    ("delivery.buffer_seconds", "60", "delivery.buffer_seconds: expected a whole number, found '60'"),
    ("delivery.buffer_mb", 129, "delivery.buffer_mb: must be between 1 and 128 MB, found 129"),
    ("delivery.compression", "gzip", "delivery.compression: must be one of UNCOMPRESSED, GZIP, ZIP, Snappy"),
    ("delivery.prefix", "clicks", "delivery.prefix: must be at most 400 printable characters that end with"),
    ("delivery.prefix", "with space/", "delivery.prefix: must be at most 400"),
    (
        "delivery.prefix",
        "p/!{timestamp:'y='yyyy'}/",
        "must be a prefix that Firehose accepts: a quote is not",
    ),
    ("delivery.prefix", "p/!{timestamp:HHH}/", "HHH is no date pattern in !{timestamp:HHH}, found"),
    (
        "delivery.prefix",
        "p/!{timestamp:yyyy/",
        "delivery.prefix: must be a prefix that Firehose accepts: the",
    ),
    ("delivery.prefix", "p/!{date:yyyy}/", "!{date:yyyy} is unknown; write !{timestamp:…} or !{firehose:"),
    ("delivery.prefix", "p/!{firehose:random}/", "!{firehose:random} is unknown; write !{firehose:random-"),
    ("delivery.prefix", "!{firehose:error-output-type}/", "must not contain !{firehose:error-output-type}"),
    ("delivery.error_prefix", "e/!{timestamp:V}/", "delivery.error_prefix: must be a prefix that Firehose"),
    ("delivery.log_retention_days", 31, "delivery.log_retention_days: must be one of 1, 3, 5, 7, 14, 30,"),
    ("processor.runtime", "python3.7", "processor.runtime: must be one of python3.11, python3.12,"),
    ("processor.architecture", "arm", "processor.architecture: must be one of arm64, x86_64, found 'arm'"),
    ("processor.memory_mb", 64, "processor.memory_mb: must be between 128 and 10240 MB, found 64"),
    ("processor.timeout_seconds", 900, "processor.timeout_seconds: must be between 10 and 300 seconds"),
    ("processor.buffer_mb", 0.1, "processor.buffer_mb: must be between 0.2 and 3 MB, found 0.1"),
    ("processor.buffer_mb", float("nan"), "processor.buffer_mb: must be between 0.2 and 3 MB, found nan"),
    ("processor.retries", -1, "processor.retries: must be between 0 and 300 retries, found -1"),
    ("api.stage", "pre prod", "api.stage: must be letters, digits, '_' and '-' only, found 'pre prod'"),
    ("api.allowed_origins", [], "api.allowed_origins: must be '*' alone, or different origins such as"),
    ("api.allowed_origins", ["https://a", 5], "api.allowed_origins[1]: expected text, found 5"),
    (
        "api.allowed_origins",
        ["https://a/path"],
        "api.allowed_origins: must be '*' alone, or different origins such as",
    ),
    (
        "api.allowed_origins",
        ["https://a'"],
        "api.allowed_origins: must be '*' alone, or different origins such as",
    ),
    *(
        ("api.allowed_origins", wrong, "api.allowed_origins: must be '*' alone, or different origins such as")
        for wrong in (
            "https://a:99999",
            "https://user@a",
            "https://a?b",
            "https://",
            "https://a b",
            "ftp://a",
            "www.example.com",
            "https://bücher.example",
            "http://[::1",
            ["https://A", "https://a:443/"],
        )
    ),
    (
        "api.allowed_origins",
        ["https://a", "https://a"],
        "api.allowed_origins: must be '*' alone, or different origins such as",
    ),
    (
        "api.allowed_origins",
        ["*", "https://a"],
        "api.allowed_origins: must be '*' alone, or different origins",
    ),
    ("api.rate_limit", float("inf"), "api.rate_limit: must be between 1 and 10000 requests per second"),
    ("api.burst_limit", 0, "api.burst_limit: must be between 1 and 5000 requests, found 0"),
    ("api.max_clicks_per_request", 501, "api.max_clicks_per_request: must be between 1 and 500 clicks"),
    ("query.athena", "yes", "query.athena: expected true or false, found 'yes'"),
    ("query.results_expire_days", 0, "query.results_expire_days: must be between 1 and 36500 days, found 0"),
    ("query.scan_limit_gb", 0.001, "query.scan_limit_gb: must be between 0.01 and 100000 GB, found 0.001"),
    ("local.port", 65536, "local.port: must be between 0 and 65535, found 65536"),
    ("local.time_scale", 0, "local.time_scale: must be between 1 and 100000 times as fast as AWS, found 0"),
    ("local.moods", "bad", "local.moods: must be one of none, aws, found 'bad'"),
    ("local.behavior", "bad", "local.behavior: must be one of instant, aws, found 'bad'"),
]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    BAD_SETTINGS,
    ids=[f"{path}={value!r:.40}" for path, value, _ in BAD_SETTINGS],
)
def test_refuses(path: str, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config_file.parse(nested(path, value))
    assert message in str(raised.value)
    assert str(raised.value).startswith(path.split("[")[0])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("delivery", "message"),
    [
        ({"compression": "ZIP"}, "delivery.compression: Athena cannot read ZIP (F214); with query.athena,"),
        ({"compression": "Snappy"}, "delivery.compression: Athena cannot read Snappy"),
        ({"compression": "HADOOP_SNAPPY"}, "delivery.compression: Athena cannot read HADOOP_SNAPPY"),
        (
            {"prefix": "!{timestamp:dd/MM/yyyy}/"},
            "delivery.prefix: '!{timestamp:dd/MM/yyyy}/' cannot be quer",
        ),
        ({"prefix": "athena-results/"}, "delivery.prefix: athena-results/ is for Athena's results"),
        ({"error_prefix": "athena-results/x/"}, "delivery.error_prefix: athena-results/ is for Athena's"),
    ],
)
def test_a_delivery_that_athena_cannot_read_is_refused_with_athena_only(
    delivery: dict[str, str], message: str
) -> None:
    assert config_file.parse({"delivery": delivery}).query.athena is False
    with pytest.raises(ConfigError, match=re.escape(message)):
        config_file.parse({"delivery": delivery, "query": {"athena": True}})


@pytest.mark.parametrize(("moods", "behavior"), [("none", "instant"), ("aws", "aws")])
def test_the_old_key_of_the_behavior_works_with_a_warning(tmp_path: Path, moods: str, behavior: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"local: {{moods: {moods}, seed: 3}}")
    warnings: list[str] = []
    local = config_file.load(file, warnings.append).local
    assert (local.behavior, local.seed) == (behavior, 3)
    assert warnings == [
        f"{file}: local.moods is deprecated and works until 1.0; write local.behavior: {behavior}"
    ]


def test_the_old_and_the_new_key_of_the_behavior_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match=r"^local\.moods: the old name of local\.behavior; remove"):
        config_file.parse({"local": {"moods": "aws", "behavior": "instant"}})


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file; name another with --config"):
        config_file.load(tmp_path / "nowhere.yaml")


def test_a_link_to_nowhere_is_no_wish_for_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").symlink_to("nowhere")
    with pytest.raises(ConfigError, match=r"config\.yaml: a symbolic link to a file that does not exist"):
        config_file.load()


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        config_file.load(tmp_path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(b"stack: caf\xe9\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        config_file.load(path)


def test_options_come_before_the_file() -> None:
    loaded = config_file.parse({"stack": "from-file", "target": "aws"})
    assert config_file.override(
        loaded, {"stack": "from-option", "target": None, "unknown": "x"}
    ) == config_file.parse({"stack": "from-option", "target": "aws"})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"stack": "X"}, "stack: must be 3 to 32"),
        ({"target": "moon"}, "target: must be one of local, aws, found 'moon'"),
        ({"region": "here"}, "region: must be a region such as eu-west-1, found 'here'"),
    ],
)
def test_options_are_held_to_the_same_limits(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_file.override(Config(), settings)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner),
    max_leaves=5,
)


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(sorted(leaves(Config()))), VALUES)
def test_any_value_is_taken_or_refused_by_its_path(path: str, value: Any) -> None:
    try:
        parsed = config_file.parse(nested(path, value))
    except ConfigError as error:
        assert str(error).startswith(path)
        assert "\n" not in str(error)
    else:
        assert isinstance(parsed, Config)
        hash(parsed)


@pytest.mark.parametrize(
    "text",
    [
        "baseURL: https://example.com/\nlanguageCode: en\ntitle: Mine\n",
        "plugins: []\npermalink: pretty\n",
        "service: shop\nprovider: {name: x}\nfunctions: {}\n",
    ],
)
def test_another_tools_file_is_said_to_be_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"another tool's configuration .* --config FILE or MYSFITS_"):
        config_file.load(path)


@pytest.mark.parametrize("text", ["stak: x\nregoin: y\n", "baseURL: x\nstack: y\n", "title: x\n"])
def test_a_file_of_ours_with_a_mistake_is_not_called_another_tools(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="unknown key"):
        config_file.load(path)
