"""The exported files in the hands of the AWS CLI, run for real against the local cloud.

Only when asked for: set MYSFITS_STREAM_AWS_CLI to the path of an ``aws`` command, or to ``install`` for one
in an environment of its own. The session's fixture takes such variables away, so it is read before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
import yaml

from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation, files, sam
from tests.conftest import CloudUnderTest
from tests.deployment import Deployment

ASKED_FOR = os.environ.get("MYSFITS_STREAM_AWS_CLI", "")

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not ASKED_FOR, reason="MYSFITS_STREAM_AWS_CLI names no AWS CLI"),
]


@pytest.fixture(scope="module")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if ASKED_FOR != "install":
        return Path(ASKED_FOR)
    folder = tmp_path_factory.mktemp("awscli")
    venv.create(folder, with_pip=True)
    subprocess.run([folder / "bin" / "pip", "install", "--quiet", "awscli"], check=True, timeout=600)
    return folder / "bin" / "aws"


def run(aws_cli: Path, cloud: CloudUnderTest, *arguments: str) -> str:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # Not --endpoint-url: `package` has a client for S3 that does not listen to it.
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_DEFAULT_REGION": cloud.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [str(aws_cli), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


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
    aws_cli: Path, local_cloud: CloudUnderTest, kind: str, bucket: str, tmp_path: Path
) -> None:
    template = written(kind, tmp_path)
    # More than 51,200 bytes would have to come from S3.
    assert template.stat().st_size < 51_200
    output = run(
        aws_cli, local_cloud, "cloudformation", "validate-template", "--template-body", f"file://{template}"
    )
    assert "made by mysfits-stream" in output


@pytest.mark.parametrize("kind", FORMATS)
def test_package_accepts_it_and_uploads_what_it_refers_to(
    aws_cli: Path, local_cloud: CloudUnderTest, kind: str, bucket: str, tmp_path: Path
) -> None:
    template, packaged = written(kind, tmp_path), tmp_path / "packaged.yaml"
    arguments = ["--template-file", str(template), "--s3-bucket", bucket, "--output-template-file"]
    run(aws_cli, local_cloud, "cloudformation", "package", *arguments, str(packaged))
    document: Any = yaml.safe_load(packaged.read_text(encoding="utf-8"))
    if kind == "cloudformation":
        assert document == cloudformation.template(Config())
    else:
        uri = document["Resources"]["Processor"]["Properties"]["CodeUri"]
        assert uri.startswith(f"s3://{bucket}/")
        key = uri.removeprefix(f"s3://{bucket}/")
        assert local_cloud.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 100_000


def test_the_two_commands_of_the_documentation_deploy_the_template(
    aws_cli: Path, local_cloud: CloudUnderTest, deployment: Deployment, bucket: str, tmp_path: Path
) -> None:
    template = written("cloudformation", tmp_path)
    (package,) = tmp_path.glob("processor-*.zip")
    run(aws_cli, local_cloud, "s3", "cp", str(package), f"s3://{bucket}/")
    parameters = [f"CodeBucket={bucket}", f"MysfitsApi={local_cloud.endpoint}/_mysfits"]
    arguments = ["--template-file", str(template), "--stack-name", "clicks"]
    arguments += ["--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides", *parameters]
    run(aws_cli, local_cloud, "cloudformation", "deploy", *arguments)
    statuses = deployment.statuses()
    assert statuses.pop("clicks-api") == "drifted"
    assert set(statuses.values()) == {"in-sync"}
