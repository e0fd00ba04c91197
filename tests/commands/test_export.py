"""``export`` and ``publish-code`` on a local cloud, and their parts in ``up`` and ``down``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.config import Config
from mysfits_stream.config_file import load
from mysfits_stream.errors import ConfigError, MysfitsStreamError, ProvisionError
from mysfits_stream.export import importing, sam
from mysfits_stream.localcloud.aws_behavior.faults import FaultRule
from mysfits_stream.provision.policies import trusting
from mysfits_stream.provision.processor_zip import processor_package
from mysfits_stream.provision.resource import OWNER_TAG
from tests.support.deployment import Deployment

pytestmark = pytest.mark.slow


class Commands:
    """The command line in a directory, with a deployment's local cloud as its target."""

    def __init__(self, deployment: Deployment, directory: Path, **settings: Any) -> None:
        self.target = deployment.target
        self.path = directory / "config.yaml"
        self.path.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.codecommit = deployment.target.client("codecommit")

    @property
    def config(self) -> Config:
        """What config.yaml says."""
        return load(self.path)

    def run(self, command: str, *arguments: str) -> Result:
        """Run one command; an expected error is the result's exception."""
        app = App()
        app.target = self.target
        return CliRunner().invoke(
            cli, [command, "--config", str(self.path), *arguments], obj=app, standalone_mode=False
        )

    def json(self, command: str, *arguments: str) -> Any:
        """What a command prints with --json."""
        result = self.run(command, "--json", *arguments)
        assert result.exception is None, result.output
        return json.loads(result.stdout)

    def file(self, path: str) -> bytes:
        """A file at the tip of the repository."""
        content: bytes = self.codecommit.get_file(repositoryName="clicks-code", filePath=path)["fileContent"]
        return content


def test_publish_code_commits_the_source_the_requirements_and_the_template_once(
    deployment: Deployment, tmp_path: Path
) -> None:
    commands = Commands(deployment, tmp_path)
    first = commands.json("publish-code", "--repository", "clicks-code")
    second = commands.json("publish-code", "--repository", "clicks-code")
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["commit_id"] == second["commit_id"]
    assert sorted(first["put"]) == [
        "processor/requirements.txt",
        "processor/stream_processor.py",
        "template.yaml",
    ]
    assert yaml.safe_load(commands.file("template.yaml")) == sam.template(commands.config)
    assert commands.file("processor/requirements.txt").decode().split() == [*processor_package().sources]
    source = Path(sam.__file__).parents[1] / "lambda_src" / "stream_processor.py"
    assert commands.file("processor/stream_processor.py") == source.read_bytes()


def test_publish_code_shows_the_commit(deployment: Deployment, tmp_path: Path) -> None:
    commands = Commands(deployment, tmp_path, code_repository="clicks-code")
    assert "branch main: committed" in commands.run("publish-code").stdout
    again = commands.run("publish-code").stdout
    tip = commands.codecommit.get_branch(repositoryName="clicks-code", branchName="main")["branch"]
    assert f"unchanged since {tip['commitId']}" in again


def test_publish_code_has_to_know_the_repository(deployment: Deployment, tmp_path: Path) -> None:
    result = Commands(deployment, tmp_path).run("publish-code")
    assert isinstance(result.exception, ConfigError)
    assert "--repository NAME" in str(result.exception)


def test_up_commits_what_it_deploys_where_a_repository_is_configured(
    deployment: Deployment, tmp_path: Path
) -> None:
    commands = Commands(deployment, tmp_path, code_repository="clicks-code")
    first = commands.json("up")["code"]
    assert first["changed"]
    assert commands.json("up")["code"] == {**first, "changed": False, "put": [], "deleted": []}
    commands.path.write_text("code_repository: clicks-code\ndelivery: {buffer_seconds: 300}\n")
    assert commands.json("up")["code"]["put"] == ["template.yaml"]


@pytest.mark.parametrize("command", ["up", "plan", "publish-code"])
def test_a_region_without_codecommit_is_said_before_any_change(
    deployment: Deployment, tmp_path: Path, command: str
) -> None:
    commands = Commands(deployment, tmp_path, code_repository="clicks-code")
    account = replace(deployment.target.account, region="eu-central-2")
    commands.target = replace(deployment.target, account=account)
    deployment.calls.clear()
    assert "CodeCommit is not offered in eu-central-2" in str(commands.run(command).exception)
    assert deployment.calls == []


def test_a_commit_that_fails_does_not_hide_that_the_stack_is_up(
    deployment: Deployment, tmp_path: Path
) -> None:
    deployment.cloud.cloud.faults.add(
        FaultRule("CreateCommit", code="KMSKeyDisabledException", message="no key")
    )
    said = str(Commands(deployment, tmp_path, code_repository="clicks-code").run("up").exception)
    assert said.startswith(
        f"the stack is up at {deployment.clicks_url.removesuffix('/clicks')}, but its code"
    )
    assert "no key" in said
    assert set(deployment.statuses().values()) == {"in-sync"}


def test_a_repository_that_stays_does_not_hide_that_the_stack_is_gone(
    deployment: Deployment, tmp_path: Path
) -> None:
    commands = Commands(deployment, tmp_path, code_repository="clicks-code")
    commands.json("up")
    deployment.cloud.cloud.faults.add(
        FaultRule("DeleteRepository", code="AccessDeniedException", message="not you")
    )
    said = str(commands.run("down", "--yes", "--delete-repository").exception)
    assert said.startswith("the stack is gone, but repository clicks-code is not: ")
    assert "not you" in said


def test_no_example_is_asked_for_where_nobody_reads_it(deployment: Deployment, tmp_path: Path) -> None:
    nowhere = Commands(deployment, tmp_path)
    nowhere.target = replace(nowhere.target, mysfits_api="http://127.0.0.1:1")
    assert "check mysfits_api" in nowhere.run("up").stderr
    for option in ("--json", "--quiet"):
        assert "check mysfits_api" not in nowhere.run("up", option).stderr


def test_up_commits_nothing_where_none_is(deployment: Deployment, tmp_path: Path) -> None:
    assert "code" not in Commands(deployment, tmp_path).json("up")
    assert "CreateCommit" not in deployment.calls


def test_down_keeps_the_repository_unless_told_otherwise(deployment: Deployment, tmp_path: Path) -> None:
    commands = Commands(deployment, tmp_path, code_repository="clicks-code")
    commands.json("up")
    commands.json("down", "--yes")
    assert commands.file("template.yaml")
    commands.json("up")
    commands.json("down", "--yes", "--delete-repository")
    with pytest.raises(commands.codecommit.exceptions.RepositoryDoesNotExistException):
        commands.file("template.yaml")


def test_down_deletes_no_repository_that_is_not_configured(deployment: Deployment, tmp_path: Path) -> None:
    result = Commands(deployment, tmp_path).run("down", "--yes", "--delete-repository")
    assert isinstance(result.exception, MysfitsStreamError)
    assert "code_repository" in str(result.exception)


def test_export_import_writes_the_template_and_who_is_who(deployment: Deployment, tmp_path: Path) -> None:
    commands = Commands(deployment, tmp_path)
    commands.json("up")
    commands.json("export", "--format", "import", "--out", str(tmp_path / "out"))
    entries = json.loads((tmp_path / "out" / "resources-to-import.json").read_text())
    template = yaml.safe_load((tmp_path / "out" / "template.yaml").read_text())
    assert [entry["LogicalResourceId"] for entry in entries] == list(template["Resources"])
    service = template["Parameters"].pop("MysfitsApi")["Default"]
    assert service == f"{deployment.cloud.endpoint}/_mysfits"
    expected = importing.template(commands.config)
    del expected["Parameters"]["MysfitsApi"]
    assert template == expected
    assert commands.json("export", "--format", "import")["resourcesToImport"] == entries
    deployment.calls.clear()
    assert "--out DIR" in str(commands.run("export", "--format", "import").exception)
    assert not deployment.calls
    fault = FaultRule("GetStage", code="AccessDeniedException", message="not you", status=403)
    deployment.cloud.cloud.faults.add(fault)
    refused = commands.run("export", "--format", "import", "--out", str(tmp_path / "out")).exception
    assert isinstance(refused, ProvisionError)
    assert "GetStage: AccessDeniedException" in str(refused)


def _untagged_role(deployment: Deployment) -> str:
    """A role of the stack's name that is nobody's; its ARN."""
    made = deployment.target.clients.iam.create_role(
        RoleName=deployment.names.api_role,
        AssumeRolePolicyDocument=json.dumps(trusting("apigateway.amazonaws.com")),
    )
    return made["Role"]["Arn"]


def _owners(deployment: Deployment) -> list[str]:
    tags = deployment.target.clients.iam.list_role_tags(RoleName=deployment.names.api_role)["Tags"]
    return [tag["Value"] for tag in tags if tag["Key"] == OWNER_TAG]


def test_up_adopts_only_when_told_so(deployment: Deployment, tmp_path: Path) -> None:
    commands, arn = Commands(deployment, tmp_path), _untagged_role(deployment)
    assert arn in str(commands.run("up").exception)
    looked = commands.run("up", "--adopt", "--dry-run")
    assert (looked.return_value, _owners(deployment)) == (2, [])
    assert arn in looked.stderr
    would = json.loads(commands.run("up", "--adopt", "--dry-run", "--json").stdout)
    assert would == {"adopt": [{"name": "api-role", "arn": arn}]}
    unanswered = commands.run("up", "--adopt")
    assert "add --yes where no terminal can ask" in str(unanswered.exception)
    assert _owners(deployment) == []


def test_up_adopts_names_each_arn_and_brings_it_into_line(deployment: Deployment, tmp_path: Path) -> None:
    commands, arn = Commands(deployment, tmp_path), _untagged_role(deployment)
    result = commands.run("up", "--adopt", "--yes")
    assert result.exception is None
    assert arn in result.stderr
    assert _owners(deployment) == [deployment.config.stack]
    assert set(deployment.statuses().values()) == {"in-sync"}
