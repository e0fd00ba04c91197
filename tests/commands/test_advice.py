"""The same cause has the same advice in every command that calls AWS."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    CredentialRetrievalError,
    EndpointProviderError,
    LoginRefreshRequired,
    NoCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from mysfits_stream.aws import session as sessions
from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Interrupt
from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.config import Config, QueryConfig
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.target import AWS_INVOKE_URL, Target
from tests.support.answers import Answer, error, rendered
from tests.support.deployment import LOADER
from tests.support.scripted import Body

COMMANDS = (
    "up",
    "up --adopt --yes",
    "plan",
    "status",
    "down --yes --delete-data",
    "send-test-click",
    "clicks",
    "failed",
    "replay",
    "doctor",
    "snippet",
    "publish-site --out site",
    "publish-code",
    "export --format import --out templates",
    "clicks --by species",
    "query 'SELECT count(*) FROM clicks'",
    "query --on athena --yes 'SELECT count(*) FROM clicks'",
    "audit",
    "erase --user x --dry-run",
    "erase --user x --yes",
    "logs",
    "rehearse --yes",
    "rollback",
)
NO_CALL = {"completion", "init", "local", "operator-policy"}
"""Commands that call no operation of AWS but the identity's."""

PROFILE = """
[profile work]
sso_session = company
sso_account_id = 123456789012
sso_role_name = operator
[sso-session company]
sso_region = eu-west-1
sso_start_url = https://company.awsapps.com/start
"""
SIGN_IN = "sign in again with `aws sso login --profile work`"

CAUSES: dict[str, tuple[Answer | Exception, str]] = {
    "expired credentials": (
        error(400, "ExpiredToken", "The security token has expired"),
        f"Your credentials have expired: {SIGN_IN}, then run the same command to resume",
    ),
    "an SSO session that has ended": (
        UnauthorizedSSOTokenError(),
        f"Your credentials cannot be renewed: {SIGN_IN}, then run the same command to resume",
    ),
    "a token that cannot be renewed": (
        TokenRetrievalError(provider="sso", error_msg="It ended"),
        f"Your credentials cannot be renewed: {SIGN_IN}, then run the same command to resume",
    ),
    "a console session that has ended": (
        LoginRefreshRequired(),
        f"Your credentials cannot be renewed: {SIGN_IN}, then run the same command to resume",
    ),
    "no credentials": (NoCredentialsError(), f"No usable credentials: {SIGN_IN}, or configure a profile"),
    "a program that prints no credentials": (
        CredentialRetrievalError(provider="custom-process", error_msg="exit code 1"),
        f"No usable credentials: {SIGN_IN}, or configure a profile",
    ),
    "a denial": (
        error(403, "AccessDenied", "is not authorized to perform this"),
        "Your IAM user or role is missing this permission; "
        "`mysfits-stream operator-policy` prints the required policy",
    ),
    "a key that AWS does not know": (
        error(403, "UnrecognizedClientException", "The security token is invalid"),
        "Check the access key of your profile, and that the region is enabled for the account",
    ),
    "a region that is not enabled": (
        error(403, "OptInRequired", "You are not subscribed to this region"),
        "Check the access key of your profile, and that the region is enabled for the account",
    ),
    "a wrong secret": (
        error(403, "SignatureDoesNotMatch", "The signature does not match"),
        "Check the secret access key of your profile, and this computer's clock",
    ),
    "a wrong clock": (
        error(403, "InvalidSignatureException", "Signature expired: 20261126T000000Z is now earlier"),
        "Set this computer's clock",
    ),
    "another region": (
        error(400, "AuthorizationHeaderMalformed", "the region is wrong; expecting 'eu-north-1'"),
        "The resource is in another region: check region in config.yaml, --region and AWS_REGION",
    ),
    "an endpoint that does not resolve": (
        EndpointProviderError(msg="no endpoint"),
        "Check the region's name, your connection and proxies, and AWS_ENDPOINT_URL",
    ),
    "a page of a proxy": (
        Answer(status=403, headers={"body": "<!DOCTYPE html><html><b>\x1b[31mno</b></html>"}),
        "unexpected response (not from AWS): an HTML page, HTTP 403. Check AWS_ENDPOINT_URL and proxies",
    ),
}


class FailingTarget:
    """A target of the profile ``work``, whose every call of AWS fails for ``cause``."""

    def __init__(self, directory: Path) -> None:
        self.cause: Answer | Exception = CAUSES["a denial"][0]
        (directory / "aws-config").write_text(PROFILE)
        self._core = sessions.isolated("key", "secret")
        self._core.register_component("data_loader", LOADER)
        self._core.set_config_variable("config_file", str(directory / "aws-config"))
        self._core.set_config_variable("profile", "work")
        register: Any = self._core.register
        register("before-send", self._fail)
        self.target = Target(
            name="aws",
            account=Account("123456789012", "eu-west-1"),
            session=sessions.prepared(self._core),
            endpoint_url=None,
            invoke_url=AWS_INVOKE_URL,
            mysfits_api="http://127.0.0.1:9",
            interrupt=Interrupt(),
        )

    def _fail(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        if isinstance(self.cause, Exception):
            raise self.cause
        if page := self.cause.headers.get("body"):
            html = HTTPHeaders.from_dict({"Content-Type": "text/html"})
            return AWSResponse(request.url, self.cause.status, html, Body(page.encode()))
        service, name = event_name.split(".")[1:]
        service = {"api-gateway": "apigateway", "cloudwatch-logs": "logs"}.get(service, service)
        headers, body = rendered(self.cause, self._core.get_service_model(service).operation_model(name))
        return AWSResponse(request.url, self.cause.status, HTTPHeaders.from_dict(headers), Body(body))


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> FailingTarget:
    """One target for all cases; making its clients takes longer than a case."""
    return FailingTarget(tmp_path_factory.mktemp("failing"))


def test_each_command_that_calls_aws_is_in_the_table() -> None:
    assert {command.split()[0] for command in COMMANDS} == set(cli.commands) - NO_CALL


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_has_the_same_advice_in_every_command(
    command: str, cause: str, failing: FailingTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failing.cause, says = CAUSES[cause]
    app = App()
    app.target = failing.target
    app.config = Config(target="aws", profile="work", code_repository="code")
    if "athena" in command:
        app.config = replace(app.config, query=QueryConfig(athena=True))
    with pytest.raises(MysfitsStreamError) as raised:
        cli.main(shlex.split(command), prog_name="mysfits-stream", standalone_mode=False, obj=app)
    line = str(raised.value)
    assert says in line
    assert not {"\n", "\x1b", "<"} & set(line)
