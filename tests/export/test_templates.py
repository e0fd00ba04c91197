"""The templates: the same stack for CloudFormation and SAM, any account and region."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner

from mysfits_stream import cost_ceiling
from mysfits_stream.aws.account import Account
from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.config import (
    AlarmsConfig,
    ApiConfig,
    BucketConfig,
    Config,
    DeliveryConfig,
    ProcessorConfig,
    QueryConfig,
)
from mysfits_stream.config_file import parse
from mysfits_stream.errors import ExportError
from mysfits_stream.export import cloudformation, files, importing, sam
from mysfits_stream.export.parameters import FIXED, FIXED_WITH_ATHENA, SECTIONS, parametrised
from mysfits_stream.export.placeholders import Placeholder, references, rendered
from mysfits_stream.provision.processor_zip import processor_package
from mysfits_stream.provision.resource import logical_id
from tests.support.definitions import ALL_TYPES, SHOP
from tests.support.templates import SERVICE, built, intrinsics, resolved, values

ACCOUNTS = [
    pytest.param(Account("123456789012", "us-east-1"), id="us-east-1, the region that is never named"),
    pytest.param(Account("123456789012", "eu-west-1"), id="eu-west-1"),
    pytest.param(
        Account("210987654321", "cn-north-1", "aws-cn", "amazonaws.com.cn"), id="China, its own partition"
    ),
    pytest.param(Account("210987654321", "us-gov-west-1", "aws-us-gov"), id="GovCloud, another partition"),
]

REGIONS = ("us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1")

CONFIGS = {
    "the defaults": Config(),
    "the service known": Config(mysfits_api=SERVICE),
    "several origins, which is another document": Config(
        api=ApiConfig(allowed_origins=("https://a.example", "https://b.example:8443"))
    ),
    "everything else than by default": Config(
        stack="other",
        bucket=BucketConfig(name="a-bucket-of-mine", expire_old_versions_days=1, abort_multipart_days=2),
        delivery=DeliveryConfig(
            buffer_seconds=0,
            buffer_mb=1,
            compression="GZIP",
            prefix="clicks/!{timestamp:yyyy}/",
            error_prefix="broken/",
            log_retention_days=1,
        ),
        processor=ProcessorConfig(
            runtime="python3.12",
            architecture="x86_64",
            memory_mb=1024,
            timeout_seconds=300,
            buffer_seconds=0,
            buffer_mb=0.2,
            retries=0,
            cache_seconds=0,
            log_retention_days=3653,
        ),
        api=ApiConfig(
            stage="v2",
            allowed_origins=("https://a.example",),
            preflight_max_age_seconds=0,
            rate_limit=1.5,
            burst_limit=1,
            max_clicks_per_request=1,
        ),
    ),
    "clicks that expire": Config(
        bucket=BucketConfig(expire_clicks_days=30, expire_failed_days=14, expire_replayed_days=7),
        delivery=DeliveryConfig(prefix="clicks/!{timestamp:yyyy}/", error_prefix="broken/"),
    ),
    "everything optional": Config(
        api=ApiConfig(
            domain="clicks.example.com", certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/1"
        ),
        alarms=AlarmsConfig(email="me@example.com", usual_hours="Mon-Fri 06:00-22:00"),
        query=QueryConfig(athena=True),
    ),
    "alarms by email": Config(alarms=AlarmsConfig(email="me@example.com")),
    "alarms to a topic": Config(
        alarms=AlarmsConfig(
            topic="arn:aws:sns:eu-west-1:123456789012:ours",
            quiet_minutes=720,
            usual_hours="Mon-Fri 06:00-22:00",
        )
    ),
    "a table for Athena": Config(
        query=QueryConfig(athena=True, results_expire_days=3),
        delivery=DeliveryConfig(prefix="clicks/y=!{timestamp:yyyy}/m=!{timestamp:MM}/", compression="GZIP"),
    ),
    "a shop": parse(SHOP),
    "clicks of all types": parse(ALL_TYPES),
    "a prefix that looks like a substitution": Config(delivery=DeliveryConfig(prefix="${AWS::Region}/")),
}


@pytest.mark.parametrize("config", [pytest.param(config, id=reason) for reason, config in CONFIGS.items()])
@pytest.mark.parametrize("account", ACCOUNTS)
def test_the_template_deployed_with_its_defaults_describes_what_up_makes(
    config: Config, account: Account
) -> None:
    template = cloudformation.template(config)
    known = values(template, config, account)
    concrete = [part for resource in built(config, account) for part in resource.template().items()]
    for (name, described), (theirs, part) in zip(template["Resources"].items(), concrete, strict=True):
        deployed = resolved(described["Properties"], known)
        wanted = resolved(part["Properties"], known)
        if part["Type"] in ("AWS::ApiGateway::Deployment", "AWS::ApiGateway::Stage"):
            # A deployment is called by its document's digest, in which the placeholders stand.
            digest = re.compile(r"[0-9a-f]{16}")
            deployed, wanted = (digest.sub("", json.dumps(each)) for each in (deployed, wanted))
        elif part["Type"] != "AWS::Lambda::Version":  # called by a digest, too
            assert name == theirs
        assert deployed == wanted
        assert described["Type"] == part["Type"]


def test_the_template_names_no_account_region_or_partition() -> None:
    text = json.dumps(cloudformation.template(Config()))
    assert not re.search(r"\d{12}|arn:aws|amazonaws\.com/|(us|eu|cn)-[a-z]+-\d", text)


@pytest.mark.parametrize("config", [pytest.param(config, id=reason) for reason, config in CONFIGS.items()])
def test_all_that_a_template_refers_to_is_in_it(config: Config) -> None:
    for template in (cloudformation.template(config), sam.template(config), importing.template(config)):
        known = {*template["Parameters"], *template["Resources"]}
        used = set(references([*template["Resources"].values(), template.get("Outputs", {})]))
        used = {name.removesuffix(".Alias") for name in used}  # of SAM
        assert {name for name in used if not name.startswith("AWS::")} <= known
        assert set(template["Parameters"]) <= used


def test_whatever_comes_first_is_referred_to_or_said_in_depends_on() -> None:
    template = cloudformation.template(Config())
    for resource in built(Config(), Account("1" * 12, "eu-west-1")):
        described = template["Resources"][logical_id(resource.name)]
        first = {*references(described), *described.get("DependsOn", ())}
        held = (getattr(resource, field.name) for field in fields(resource))  # type: ignore[arg-type]
        assert {logical_id(needed.name) for needed in held if hasattr(needed, "settle")} <= first


def test_clicks_outlive_the_template_that_made_their_bucket() -> None:
    for template in (cloudformation.template(Config()), sam.template(Config())):
        bucket = template["Resources"]["ClicksBucket"]
        assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_everything_that_can_have_a_tag_has_the_owner_tag() -> None:
    resources = cloudformation.template(Config())["Resources"]
    tagged = {name for name, part in resources.items() if "Tags" in part["Properties"]}
    untaggable = {"ClicksBucketPolicy", "DeliveryLogsS3Delivery", "ProcessorLive"}
    untaggable |= {name for name in resources if name.startswith(("ClicksApiDeployment", "ProcessorVersion"))}
    assert tagged == set(resources) - untaggable
    for name in tagged:
        tags = {tag["Key"]: tag["Value"] for tag in resources[name]["Properties"]["Tags"]}
        schema = {"mysfits-stream:schema": "2"} if name == "Processor" else {}
        assert tags == {"mysfits-stream:stack": {"Ref": "Stack"}} | schema


def test_a_template_changes_the_processor_before_the_api() -> None:
    """The processor that understands a changed definition, before the API accepts clicks of it."""
    templates = {
        "ProcessorLive": cloudformation.template(Config()),
        "ProcessorAliaslive": sam.template(Config()),
    }
    for alias, template in templates.items():
        resources = template["Resources"]
        assert alias in resources["ClicksApi"]["DependsOn"]
        for part in resources.values():
            if part["Type"] == "AWS::Lambda::Version":
                assert part["Properties"]["FunctionName"] == {"Ref": "Processor"}
        for part in resources.values():
            if part["Type"] == "AWS::ApiGateway::Deployment":
                assert part["Properties"]["RestApiId"] == {"Ref": "ClicksApi"}


def test_the_outputs_are_the_endpoint_and_every_arn() -> None:
    config, account = Config(), Account("123456789012", "cn-north-1", "aws-cn", "amazonaws.com.cn")
    template = cloudformation.template(config)
    found = {
        name: resolved(output["Value"], values(template, config, account))
        for name, output in template["Outputs"].items()
    }
    assert found.pop("StreamingApiEndpoint") == (
        "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/prod"
    )
    assert found.pop("ClicksApiArn") == "arn:aws-cn:apigateway:cn-north-1::/restapis/a1b2c3d4e5"
    others: list[Any] = [r for r in built(config, account) if r.name != "clicks-api"]
    assert found == {f"{logical_id(resource.name)}Arn": resource.arn for resource in others}


# Parameters


def test_every_setting_of_the_stack_is_a_parameter_or_has_a_reason_not_to_be_one() -> None:
    config, parameters = parametrised(Config())
    paths = {f"{section}.{field.name}" for section in SECTIONS for field in fields(getattr(config, section))}
    assert set(FIXED) <= paths
    for path in paths - set(FIXED):
        name = path.replace(".", "_").title().replace("_", "")
        section, key = path.split(".")
        assert getattr(getattr(config, section), key) == Placeholder(name)
        assert parameters[name]["Default"] == getattr(getattr(Config(), section), key)


def test_the_throttle_that_a_sum_of_money_pays_for_is_the_parameters_default() -> None:
    config = Config(api=ApiConfig(max_cost_per_day=5))
    assert parametrised(config)[1]["ApiRateLimit"]["Default"] == cost_ceiling.rate_limit(config)


def test_a_parameter_takes_what_the_setting_takes() -> None:
    parameters = parametrised(Config())[1]
    assert parameters["DeliveryBufferSeconds"] == {
        "Type": "Number",
        "Description": "delivery.buffer_seconds of config.yaml, seconds",
        "Default": 60,
        "MinValue": 0,
        "MaxValue": 900,
    }
    assert parameters["DeliveryCompression"]["AllowedValues"] == [
        "UNCOMPRESSED",
        "GZIP",
        "ZIP",
        "Snappy",
        "HADOOP_SNAPPY",
    ]
    pattern = re.compile(parameters["Stack"]["AllowedPattern"])
    assert pattern.search("clicks-of-today") and not pattern.search("Clicks")


def test_the_service_has_to_be_named_unless_the_configuration_does() -> None:
    assert "Default" not in parametrised(Config())[1]["MysfitsApi"]
    assert parametrised(Config(mysfits_api=SERVICE))[1]["MysfitsApi"]["Default"] == SERVICE


def test_another_document_is_another_deployment_and_the_same_one_is_the_same() -> None:
    def deployment(config: Config) -> list[str]:
        return [
            name
            for name, part in cloudformation.template(config)["Resources"].items()
            if part["Type"] == "AWS::ApiGateway::Deployment"
        ]

    assert deployment(Config()) == deployment(Config(delivery=DeliveryConfig(buffer_seconds=300)))
    assert deployment(Config()) != deployment(Config(api=ApiConfig(max_clicks_per_request=10)))


def test_what_a_clicks_table_follows_from_is_no_parameter() -> None:
    config = Config(query=QueryConfig(athena=True))
    placed, parameters = parametrised(config)
    assert not {"DeliveryPrefix", "DeliveryCompression"} & parameters.keys()
    assert placed.delivery.prefix == config.delivery.prefix
    assert {f"delivery.{key}" for key in ("prefix", "compression")} == set(FIXED_WITH_ATHENA)


# Placeholders

RENDERED = [
    pytest.param("plain", "plain", id="no placeholder"),
    pytest.param(Placeholder("Stack"), {"Ref": "Stack"}, id="alone"),
    pytest.param(f"{Placeholder('Stack')}-x", {"Fn::Sub": "${Stack}-x"}, id="a part of a text"),
    pytest.param(f"{Placeholder('Size'):g}", {"Ref": "Size"}, id="formatted as a number"),
    pytest.param("the:arn", {"Fn::GetAtt": ["Bucket", "Arn"]}, id="what an attribute yields"),
    pytest.param("the:arn/*", {"Fn::Sub": "${Bucket.Arn}/*"}, id="and goes on after a slash"),
    pytest.param("the:arn:*", {"Fn::Sub": "${Bucket.Arn}:*"}, id="or after a colon"),
    pytest.param("the:arn-of-another", "the:arn-of-another", id="a longer name is another's"),
    pytest.param(
        f"${{AWS::Region}}/{Placeholder('Stack')}",
        {"Fn::Sub": "${!AWS::Region}/${Stack}"},
        id="what looks like a substitution stays text",
    ),
    pytest.param(
        Placeholder("Stack").replace("-", "_"),
        {"Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "Stack"}]}]},
        id="with one text in place of another",
    ),
    pytest.param(
        f"a/{Placeholder('Stack').replace('-', '_')}/{Placeholder('Key')}",
        {
            "Fn::Sub": [
                "a/${ChangedStack}/${Key}",
                {"ChangedStack": {"Fn::Join": ["_", {"Fn::Split": ["-", {"Ref": "Stack"}]}]}},
            ]
        },
        id="and that as a part of a text",
    ),
    pytest.param("${AWS::Region}/", "${AWS::Region}/", id="and needs no escape where nothing is filled in"),
    pytest.param(("a", {"b": Placeholder("C")}), ["a", {"b": {"Ref": "C"}}], id="inside of others"),
    pytest.param(True, True, id="not a text"),
]


@pytest.mark.parametrize(("value", "expected"), RENDERED)
def test_a_placeholder_comes_out_in_cloudformations_spelling(value: Any, expected: Any) -> None:
    assert rendered(value, {"the:arn": "Bucket.Arn"}) == expected


# Held against AWS's own tools


LINTED = (
    "the defaults",
    "several origins, which is another document",
    "everything else than by default",
    "everything optional",
)
"""Not the one that only looks like a substitution: cfn-lint takes it for one."""


def _written(folder: Path) -> list[Path]:
    templates = []
    for number, reason in enumerate(LINTED):
        config = CONFIGS[reason]
        for kind in (cloudformation, sam, importing):
            path = folder / f"{number}-{kind.__name__.rsplit('.', 1)[1]}.yaml"
            path.write_text(files.as_yaml(kind.template(config)), encoding="utf-8")
            templates.append(path)
    return templates


def _lint(*templates: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("cfn-lint")
    if not linter.exists():
        pytest.skip("cfn-lint is not installed")
    command = [str(linter), "--regions", *REGIONS, "--", *map(str, templates)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.slow
def test_cfn_lint_finds_nothing_in_any_template_in_any_of_these_regions(tmp_path: Path) -> None:
    found = _lint(*_written(tmp_path))
    assert (found.stdout, found.returncode) == ("", 0)


@pytest.mark.slow
def test_cfn_lint_would_find_something(tmp_path: Path) -> None:
    template = cloudformation.template(Config())
    template["Resources"]["Processor"]["Properties"]["MemorySize"] = 12
    path = tmp_path / "broken.yaml"
    path.write_text(files.as_yaml(template), encoding="utf-8")
    assert "12 is less than the minimum of 128" in _lint(path).stdout


@pytest.mark.parametrize("config", [pytest.param(config, id=reason) for reason, config in CONFIGS.items()])
def test_the_sam_translator_makes_of_the_sam_template_what_the_other_one_says(config: Config) -> None:
    parsing = pytest.importorskip("samtranslator.parser.parser", reason="aws-sam-translator is not installed")
    translating = pytest.importorskip("samtranslator.translator.translator")
    template = json.loads(json.dumps(sam.template(config)))
    function = template["Resources"]["Processor"]["Properties"]
    assert function["CodeUri"] == "processor/"
    # As `package` leaves it.
    function["CodeUri"] = "s3://code/key.zip"
    translated = translating.Translator(
        managed_policy_map={},
        sam_parser=parsing.Parser(),
        boto_session=boto3.Session(region_name="eu-west-1"),
    ).translate(template, parameter_values={"MysfitsApi": SERVICE})["Resources"]
    # SAM's own names for the alias and the version.
    (version,) = (name for name, part in translated.items() if part["Type"] == "AWS::Lambda::Version")
    text = json.dumps(cloudformation.template(config)["Resources"]).replace(
        '"ProcessorLive"', '"ProcessorAliaslive"'
    )
    ours = json.loads(re.sub(r"ProcessorVersion[0-9a-f]{12}", version, text))

    def kinds(resources: dict[str, Any]) -> list[str]:
        return sorted(part["Type"] for part in resources.values())

    assert kinds(translated) == kinds(ours)
    for part in translated.values():
        needed = part.get("DependsOn", [])
        assert set([needed] if isinstance(needed, str) else needed) <= translated.keys()
    assert "ProcessorAliaslive" in translated["ClicksApi"]["DependsOn"]
    for name, part in ours.items():
        if part["Type"] == "AWS::ApiGateway::Deployment":
            continue  # SAM calls it by a digest of its own.
        expected, found = dict(part["Properties"]), dict(translated[name]["Properties"])
        for difference in SAM_DIFFERENCES.get(part["Type"], ()):
            expected.pop(difference, None)
            found.pop(difference, None)
        assert found == expected, name


SAM_DIFFERENCES = {
    "AWS::Lambda::Function": ("Code", "Tags"),
    "AWS::ApiGateway::RestApi": ("Parameters",),
    "AWS::ApiGateway::Stage": ("DeploymentId",),
}
"""Type -> what SAM makes otherwise: code that its own tools pack, a tag of its own on the function, the
endpoint's type said a second time, a deployment that is called by a digest of its own."""


def test_an_import_knows_each_resource_by_the_primary_identifier_of_its_type() -> None:
    schemas = pytest.importorskip(
        "cfnlint.schema", reason="cfn-lint is not installed"
    ).PROVIDER_SCHEMA_MANAGER
    for region in REGIONS:
        for kind, identifier in importing.IDENTIFIERS.items():
            schema = schemas.get_resource_schema(region, kind).schema
            primary = [pointer.removeprefix("/properties/") for pointer in schema["primaryIdentifier"]]
            assert list(identifier) == primary
            assert "read" in schema["handlers"], "what CloudFormation cannot read it cannot import"


def test_an_import_takes_every_resource_keeps_every_one_and_adds_no_output() -> None:
    domain = ApiConfig(
        domain="clicks.example.com",
        certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/11111111-2222-3333-4444-555555555555",
    )
    template = importing.template(
        Config(query=QueryConfig(athena=True), alarms=AlarmsConfig(email="me@example.com"), api=domain)
    )
    assert {part["Type"] for part in template["Resources"].values()} == set(importing.IDENTIFIERS)
    assert {part["DeletionPolicy"] for part in template["Resources"].values()} == {"Retain"}
    assert "Outputs" not in template


# Files and the command


def test_the_zip_is_the_one_that_up_deploys_and_is_called_by_its_content() -> None:
    template = cloudformation.template(Config())
    written = files.cloudformation_files(template)
    key = template["Parameters"]["CodeKey"]["Default"]
    assert set(written) == {"template.yaml", key}
    assert written[key] == processor_package().zip_bytes


def test_the_folder_for_sam_holds_the_same_files_and_the_pinned_requirements() -> None:
    written = files.sam_files(sam.template(Config()))
    with zipfile.ZipFile(io.BytesIO(processor_package().zip_bytes)) as package:
        packed = {f"processor/{name}": package.read(name) for name in package.namelist()}
    assert {name: written[name] for name in packed} == packed
    assert set(written) - set(packed) == {"template.yaml", "processor/requirements.txt"}
    pinned = written["processor/requirements.txt"].decode().split()
    assert all(re.fullmatch(r"[a-z0-9-]+==[\w.]+", line) for line in pinned)
    assert any(line.startswith("requests==") for line in pinned)


def test_a_template_survives_yaml() -> None:
    for kind in (cloudformation, sam, importing):
        template = kind.template(CONFIGS["everything else than by default"])
        assert yaml.safe_load(files.as_yaml(template)) == template


def test_what_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExportError, match=r"file.*: cannot be written"):
        files.write({"template.yaml": b""}, tmp_path / "file")


def _run(*arguments: str, folder: Path) -> Any:
    config = folder / "config.yaml"
    config.write_text("stack: exported\n", encoding="utf-8")
    return CliRunner().invoke(cli, ["export", "--config", str(config), *arguments], obj=App())


@pytest.mark.parametrize("kind", ["cloudformation", "sam"])
def test_export_prints_the_template_as_yaml_or_as_json(kind: str, tmp_path: Path) -> None:
    printed = _run("--format", kind, folder=tmp_path)
    as_json = _run("--format", kind, "--json", folder=tmp_path)
    assert printed.exit_code == as_json.exit_code == 0
    module = {"cloudformation": cloudformation, "sam": sam}[kind]
    expected = module.template(replace(Config(), stack="exported"))
    assert yaml.safe_load(printed.stdout) == json.loads(as_json.stdout) == expected


def test_export_writes_the_files_and_says_which(tmp_path: Path) -> None:
    result = _run("--format", "sam", "--out", str(tmp_path / "out"), "--json", folder=tmp_path)
    paths = [Path(path) for path in json.loads(result.stdout)["files"]]
    assert all(path.is_file() for path in paths)
    assert {"template.yaml", "requirements.txt", "stream_processor.py"} <= {path.name for path in paths}


def test_everything_configurable_is_an_intrinsic_function_in_its_place() -> None:
    resources = cloudformation.template(Config())["Resources"]
    used = {json.dumps(use) for use in intrinsics(list(resources.values()))}
    assert json.dumps({"Ref": "DeliveryBufferSeconds"}) in used
    assert json.dumps({"Fn::GetAtt": ["ClicksBucket", "Arn"]}) in used
