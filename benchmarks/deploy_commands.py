"""A no-op deployment as a command, beside CloudFormation's and Chalice's.

All of them against the same local cloud, 80 ms a call: our stack, the template that we export of it, and as
near to it as Chalice comes, an API with one function behind it. Then our commands with calls that take no
time, answered from a record, beside the import of boto3.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import yaml

from benchmarks import peers
from benchmarks.deploy import Deployer
from benchmarks.measure import Comparison, Target, compare
from benchmarks.recorded_cloud import recorded_cloud
from benchmarks.slow_cloud import CALL_SECONDS, LASTING, Durations, slow_cloud
from mysfits_stream.config import Config
from mysfits_stream.export import cloudformation, files

UP, STATUS = "mysfits-stream up", "mysfits-stream status"
CALLS = "what its calls take by themselves"
BOTO3 = "python -c 'import boto3'"
AT_ONCE, LATER = "aws cloudformation deploy, change set at once", "aws cloudformation deploy"
CHALICE = "chalice deploy"
CHANGE_SET_SECONDS = 1.0
CODE_BUCKET = "code"

CHALICE_APP = """\
from chalice import Chalice

app = Chalice(app_name="shop")


@app.route("/clicks", methods=["PUT"])
def click():
    return app.current_request.json_body
"""
CHALICE_CONFIG = """\
{"version": "2.0", "app_name": "shop", "stages": {"dev": {"api_gateway_stage": "api"}}}
"""


def run(rounds: int = 3) -> list[Comparison]:
    """Deploy each once, then again and again."""
    with (
        slow_cloud() as endpoint,
        slow_cloud(Durations(change_set=CHANGE_SET_SECONDS)) as later,
        tempfile.TemporaryDirectory() as home,
    ):
        here = Path(home)
        sides = {
            UP: command(endpoint, *our_project(here / "ours", endpoint, "up")),
            STATUS: command(endpoint, *our_project(here / "ours", endpoint, "status")),
            AT_ONCE: command(endpoint, *our_template(here / "at-once", endpoint)),
            LATER: command(later, *our_template(here / "later", later)),
            CHALICE: command(endpoint, *chalice_project(here / "chalice")),
        }
        for side in sides.values():
            side()
        ours = Deployer(endpoint, here).reads()
        # GetCallerIdentity comes first, then every resource is read at once.
        calls = 1 + max(chain for _, chain in ours.values())
        # The sleep is the baseline: the latency of the longest chain of calls, without any work.
        # The side of the calls alone: as long as they take, one after the other.
        sides = {CALLS: lambda: time.sleep(calls * CALL_SECONDS), **sides}
        for template in here.glob("*/template.yaml"):
            # The same template by another text: moto refuses to look at the very same one.
            template.write_text(template.read_text("utf-8") + "\n", "utf-8")
        return [
            compare(
                f"Deploy: commands with nothing to do, {CALL_SECONDS * 1000:g} ms a call",
                sides,
                rounds=rounds,
                targets=(
                    *(Target(theirs, ours, least=3) for theirs in (LATER, CHALICE) for ours in (UP, STATUS)),
                    *(Target(ours, CALLS, most=2.0) for ours in (UP, STATUS)),
                ),
                notes=(
                    "AWS makes change sets in the background. `aws` looks at once whether one is made, and "
                    "then every 5 s: on AWS it meets that pause (F140), here with a change set that takes "
                    f"{CHANGE_SET_SECONDS:g} s.",
                    "`chalice` waits with boto3's `function_updated`, which pauses for 5 s, after each of "
                    f"its two updates; AWS takes some {LASTING['lambda', 'update']:g} s for one (F54).",
                    *(peers.version(package) for package in ("awscli", "chalice")),
                ),
            ),
            without_latency(rounds),
        ]


def without_latency(rounds: int) -> Comparison:
    """Our commands with nothing to do and recorded responses, beside importing boto3."""
    with (
        slow_cloud(Durations(call=0.0, assumable=0.0, lasting={})) as cloud,
        recorded_cloud(cloud) as endpoint,
        tempfile.TemporaryDirectory() as home,
    ):
        ours = Path(home) / "ours"
        command(cloud, *our_project(ours, cloud, "up"))()
        sides = {side: command(endpoint, *our_project(ours, cloud, side.split()[1])) for side in (UP, STATUS)}
        boto = command(endpoint, ours, [sys.executable, "-c", "import boto3"])
        return compare(
            "Deploy: commands with nothing to do, calls that take no time",
            {BOTO3: boto, **sides},
            rounds=rounds,
            targets=tuple(Target(side, BOTO3, most=1.6) for side in (UP, STATUS)),
        )


def command(endpoint: str, directory: Path, arguments: list[str]) -> Callable[[], None]:
    """Run a command against a slow cloud, as if that were AWS."""
    environment = {
        # An installed package is compiled, and so is this tree after the first run.
        **{
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AWS_", "MYSFITS_", "PYTHON"))
        },
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def call() -> None:
        done = subprocess.run(
            arguments, cwd=directory, env=environment, capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            raise RuntimeError(f"{arguments} failed: {done.stdout}{done.stderr}")

    return call


def our_project(directory: Path, endpoint: str, verb: str) -> tuple[Path, list[str]]:
    """Our stack, as if the slow cloud were AWS."""
    directory.mkdir(exist_ok=True)
    settings = {
        "stack": "shop",
        "target": "aws",
        "region": "us-east-1",
        "mysfits_api": f"{endpoint}/_mysfits",
        "invoke_url": f"{endpoint}/restapis/{{api_id}}/{{stage}}/_user_request_",
    }
    (directory / "config.yaml").write_text(yaml.safe_dump(settings), "utf-8")
    return directory, [str(Path(sys.executable).with_name("mysfits-stream")), verb]


def our_template(directory: Path, endpoint: str) -> tuple[Path, list[str]]:
    """The exported template, its code uploaded."""
    directory.mkdir()
    template = cloudformation.template(Config(stack="from-a-template"))
    s3 = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - made up
    )
    s3.create_bucket(Bucket=CODE_BUCKET)
    for name, content in files.cloudformation_files(template).items():
        s3.put_object(Bucket=CODE_BUCKET, Key=name, Body=content)
    (directory / "template.yaml").write_text(files.as_yaml(template), "utf-8")
    deploy = [
        "cloudformation",
        "deploy",
        "--stack-name",
        "from-a-template",
        "--template-file",
        "template.yaml",
    ]
    # All of them: moto takes a default that is left out for a change.
    given = {name: definition.get("Default", "") for name, definition in template["Parameters"].items()}
    given |= {"CodeBucket": CODE_BUCKET, "MysfitsApi": f"{endpoint}/_mysfits"}
    overrides = [f"{name}={value}" for name, value in given.items()]
    permission = ["--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides", *overrides]
    empty = ["--no-fail-on-empty-changeset"]
    return directory, [peers.command("awscli", "aws"), *deploy, *empty, *permission]


def chalice_project(directory: Path) -> tuple[Path, list[str]]:
    """An API with one function behind it."""
    (directory / ".chalice").mkdir(parents=True)
    (directory / "app.py").write_text(CHALICE_APP, "utf-8")
    (directory / "requirements.txt").write_text("", "utf-8")
    (directory / ".chalice/config.json").write_text(CHALICE_CONFIG, "utf-8")
    return directory, [peers.command("chalice", "chalice"), "deploy"]


def main() -> None:
    """Print the comparison."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
