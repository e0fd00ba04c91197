"""Target local uses no AWS setting of the user; the profile decides the sign-in command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from mysfits_stream.aws import session as sessions

SERVICES = ("s3", "iam", "lambda", "firehose", "apigateway", "logs", "sts", "cloudwatch")

HOSTILE = {
    "AWS_PROFILE": "gone",
    "AWS_DEFAULT_PROFILE": "gone",
    "AWS_ACCESS_KEY_ID": "theirs",
    "AWS_SECRET_ACCESS_KEY": "theirs",
    "AWS_SESSION_TOKEN": "theirs",
    "AWS_ACCOUNT_ID": "999999999999",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL_S3": "garbage",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "nonsense",
    "AWS_S3_USE_ARN_REGION": "nonsense",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/not/there",
}
"""Variables that would change a client, or break it."""

CONFIG = """
[default]
region = xx-nowhere-9
ca_bundle = /not/there
endpoint_url = http://127.0.0.1:1
retry_mode = nonsense
use_fips_endpoint = true
s3 =
    addressing_style = nonsense
"""


def variables() -> list[str]:
    """Every environment variable of botocore's settings."""
    names = [entry[1] for entry in Session.SESSION_VARIABLES.values() if entry[1]]
    return sorted({name for each in names for name in ([each] if isinstance(each, str) else each)})


def facts(session: Session) -> list[Any]:
    """All of the clients that a setting can change."""
    ready = sessions.prepared(session)
    found = []
    for service in SERVICES:
        made = sessions.client(ready, service, "http://127.0.0.1:4566", "eu-west-1")
        credentials = made._request_signer._credentials.get_frozen_credentials()
        found.append(
            (
                service,
                made.meta.endpoint_url,
                made.meta.region_name,
                {name: value for name, value in vars(made.meta.config).items() if name != "user_agent"},
                credentials,
                made._endpoint.http_session._verify,
                [*made.meta.service_model.operation_names],
            )
        )
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with AWS settings that break every session that reads them."""
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    models = tmp_path / ".aws" / "models" / "s3" / "2006-03-01"
    models.mkdir(parents=True)
    (models / "service-2.json").write_text(
        '{"metadata": {"serviceId": "S3"}, "operations": {}, "shapes": {}}'
    )
    (tmp_path / ".aws" / "config").write_text(CONFIG)
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = theirs\n")
    return tmp_path


def use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the settings in ``home`` the user's, and set every variable."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr("botocore.loaders.Loader.CUSTOMER_DATA_PATH", str(home / ".aws" / "models"))
    for name in variables():
        monkeypatch.setenv(name, "nonsense")
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / ".aws" / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / ".aws" / "credentials"))
    monkeypatch.setenv("AWS_DATA_PATH", str(home / ".aws" / "models"))


def test_no_aws_setting_of_the_user_reaches_the_local_cloud(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = facts(sessions.isolated("key", "secret"))
    use(home, monkeypatch)
    assert facts(sessions.isolated("key", "secret")) == without


def test_the_same_settings_break_an_ordinary_session(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(home, monkeypatch)
    with pytest.raises(Exception, match=r"nonsense|gone|Unable"):
        facts(Session())


SSO = "sso_session = company\nsso_account_id = 1\nsso_role_name = r\n"


@pytest.mark.parametrize(
    ("content", "profile", "command"),
    [
        ("", None, None),
        ("[default]\nregion = eu-west-1", None, None),
        (f"[default]\n{SSO}", None, "aws sso login"),
        (f"[profile work]\n{SSO}", "work", "aws sso login --profile work"),
        ("[profile work]\nsso_start_url = https://x", "work", "aws sso login --profile work"),
        ("[profile work]\nlogin_session = arn:x", "work", "aws login --profile work"),
        (
            f"[profile work]\nsource_profile = base\n[profile base]\n{SSO}",
            "work",
            "aws sso login --profile base",
        ),
        ("[profile work]\nsource_profile = work", "work", None),
        ("[profile work]\nsource_profile = gone", "work", None),
        ("[profile work]\ncredential_process = tool", "work", None),
    ],
)
def test_the_sign_in_command_is_that_of_the_profile(
    content: str, profile: str | None, command: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(f"{content}\n[sso-session company]\nsso_region = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert sessions.sign_in_command(sessions.configured(profile)) == command


def test_the_profile_of_the_environment_is_named_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(f"[profile work]\n{SSO}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert sessions.sign_in_command(sessions.configured(None)) == "aws sso login --profile work"


def test_the_known_regions_are_those_of_every_partition() -> None:
    known = sessions.known_regions()
    assert {"us-east-1", "eu-west-1", "cn-north-1", "us-gov-west-1"} <= known and "us-esat-1" not in known
