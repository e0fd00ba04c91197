"""The exported files in the hands of the AWS CLI, run for real against the local cloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation, files, sam
from tests.support.aws_cli import ASKED_FOR, REASON, AwsCli
from tests.support.cloud import CloudUnderTest
from tests.support.deployment import Deployment

pytestmark = [pytest.mark.emulator, pytest.mark.skipif(not ASKED_FOR, reason=REASON)]


@pytest.fixture(scope="module")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> AwsCli:
    return AwsCli.asked_for(tmp_path_factory.mktemp("awscli"))


@pytest.fixture
def bucket(local_cloud: CloudUnderTest) -> str:
    local_cloud.client("s3").create_bucket(
        Bucket="packages", CreateBucketConfiguration={"LocationConstraint": local_cloud.region}
    )
    return "packages"


FORMATS = [
    pytest.param("cloudformation", id="cloudformation, whose zip is uploaded as it is"),
    pytest.param("sam", id="sam, whose folder is packed by package"),
]


def written(kind: str, folder: Path) -> Path:
    if kind == "sam":
        files.write(files.sam_files(sam.template(Config())), folder)
    else:
        files.write(files.cloudformation_files(cloudformation.template(Config())), folder)
    return folder / files.TEMPLATE


@pytest.mark.parametrize("kind", FORMATS)
def test_validate_template_accepts_it(
    aws_cli: AwsCli, local_cloud: CloudUnderTest, kind: str, bucket: str, tmp_path: Path
) -> None:
    template = written(kind, tmp_path)
    # More than 51,200 bytes would have to come from S3.
    assert template.stat().st_size < 51_200
    output = aws_cli.run(
        local_cloud, "cloudformation", "validate-template", "--template-body", f"file://{template}"
    )
    assert "made by mysfits-stream" in output


@pytest.mark.parametrize("kind", FORMATS)
def test_package_accepts_it_and_uploads_what_it_refers_to(
    aws_cli: AwsCli, local_cloud: CloudUnderTest, kind: str, bucket: str, tmp_path: Path
) -> None:
    template, packaged = written(kind, tmp_path), tmp_path / "packaged.yaml"
    arguments = ["--template-file", str(template), "--s3-bucket", bucket, "--output-template-file"]
    aws_cli.run(local_cloud, "cloudformation", "package", *arguments, str(packaged))
    document: Any = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    if kind == "cloudformation":
        assert document == cloudformation.template(Config())
    else:
        uri = document["Resources"]["Processor"]["Properties"]["CodeUri"]
        assert uri.startswith(f"s3://{bucket}/")
        key = uri.removeprefix(f"s3://{bucket}/")
        assert local_cloud.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 100_000


def test_the_two_commands_of_the_documentation_deploy_the_template(
    aws_cli: AwsCli, local_cloud: CloudUnderTest, deployment: Deployment, bucket: str, tmp_path: Path
) -> None:
    template = written("cloudformation", tmp_path)
    (package,) = tmp_path.glob("processor-*.zip")
    aws_cli.run(local_cloud, "s3", "cp", str(package), f"s3://{bucket}/")
    parameters = [f"CodeBucket={bucket}", f"MysfitsApi={local_cloud.endpoint}/_mysfits"]
    arguments = ["--template-file", str(template), "--stack-name", "clicks"]
    arguments += ["--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides", *parameters]
    aws_cli.run(local_cloud, "cloudformation", "deploy", *arguments)
    statuses = deployment.statuses()
    assert statuses.pop("clicks-api") == "drifted"
    assert set(statuses.values()) == {"in-sync"}
