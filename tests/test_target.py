"""The target says who and where we are, or in one line why it cannot."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.session import Session

from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Interrupt, Interrupted
from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError, TargetError
from mysfits_stream.target import AWS_INVOKE_URL, LOCAL_INVOKE_URL, Target, connect, mysfits_api

AWS = Config(target="aws", region="eu-west-1")


def identity(arn: str) -> str:
    return (
        "<GetCallerIdentityResponse><GetCallerIdentityResult>"
        f"<Arn>{arn}</Arn><UserId>me</UserId><Account>{arn.split(':')[4]}</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>"
    )


def refusal(code: str, message: str) -> str:
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"


@pytest.fixture
def server() -> Iterator[Any]:
    """Something on this machine that answers every request with ``status`` and ``body``."""
    told = SimpleNamespace(
        status=200,
        body=identity("arn:aws:iam::123456789012:user/me"),
        requests=[],
        before=lambda: None,
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer()

        def do_OPTIONS(self) -> None:
            self._answer()

        def _answer(self) -> None:
            told.before()
            told.requests.append((self.command, self.path, dict(self.headers)))
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body.encode())

        def log_message(self, *_: Any) -> None:
            """Not to the test's output."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{listening.server_port}"
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    listening.shutdown()
    listening.server_close()
    thread.join(10)


@pytest.fixture
def account_at(server: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The server in place of AWS, by botocore's own settings."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return server


def addressing(s3: Any) -> Any:
    return s3.meta.config.s3["addressing_style"]


def target(**changed: Any) -> Target:
    made = Target(
        name="aws",
        account=Account("123456789012", "eu-west-1"),
        session=Session(),
        endpoint_url=None,
        invoke_url=AWS_INVOKE_URL,
        mysfits_api=None,
        interrupt=Interrupt(),
    )
    return replace(made, **changed)


@pytest.mark.parametrize(
    ("arn", "region", "suffix"),
    [
        ("arn:aws:iam::123456789012:user/me", "eu-west-1", "amazonaws.com"),
        ("arn:aws:sts::123456789012:assumed-role/admin/me", "us-east-1", "amazonaws.com"),
        ("arn:aws-cn:iam::123456789012:user/me", "cn-north-1", "amazonaws.com.cn"),
        ("arn:aws-us-gov:iam::123456789012:user/me", "us-gov-west-1", "amazonaws.com"),
        ("arn:aws-unheard-of:iam::123456789012:user/me", "eu-west-1", "amazonaws.com"),
    ],
)
def test_the_partition_and_its_suffix_follow_from_who_we_are(
    account_at: Any, tmp_path: Path, arn: str, region: str, suffix: str
) -> None:
    """F114."""
    account_at.body = identity(arn)
    found = connect(replace(AWS, region=region), tmp_path)
    assert found.account == Account("123456789012", region, arn.split(":")[1], suffix)
    assert found.endpoint("abc", "prod") == f"https://abc.execute-api.{region}.{suffix}/prod"


def test_the_deployer_is_prepared_while_aws_tells_the_identity(account_at: Any, tmp_path: Path) -> None:
    """F72: in one other thread, as Ctrl-C interrupts a call in the thread of the command."""
    prepared = threading.Event()
    waited: list[bool] = []
    threads: list[str] = []
    account_at.before = lambda: waited.append(prepared.wait(30))

    def beside() -> None:
        threads.append(threading.current_thread().name)
        prepared.set()

    found = connect(AWS, tmp_path, beside=beside)
    assert (waited, threads) == ([True], ["concurrently_0"])
    made = found.clients
    assert (made.iam, made.s3) == (found.client("iam"), found.own_buckets)


@pytest.mark.parametrize(
    ("code", "message", "says"),
    [
        ("ExpiredToken", "The security token included in the request is expired", "have expired"),
        (
            "InvalidClientTokenId",
            "The security token is invalid.",
            "that the region is enabled for the account",
        ),
        (
            "SignatureDoesNotMatch",
            "The signature we calculated does not match.",
            "check the secret access key of your profile",
        ),
    ],
)
def test_what_aws_says_of_our_credentials_is_one_line(
    account_at: Any, tmp_path: Path, code: str, message: str, says: str
) -> None:
    account_at.status, account_at.body = 403, refusal(code, message)
    with pytest.raises(TargetError) as raised:
        connect(AWS, tmp_path)
    assert says.lower() in str(raised.value).lower() and code in str(raised.value)
    assert "\n" not in str(raised.value)


SSO = "sso_account_id = 123456789012\nsso_role_name = me\n"
BAD_PROFILES = {
    "cannot be parsed": ("region", "Unable to parse config file"),
    "names a profile that is not there": ("source_profile = gone\nrole_arn = arn", "gone"),
    "names a program that is not there": ("credential_process = /not/there", "/not/there"),
    "names a program that prints no JSON": (
        f'credential_process = {sys.executable} -c ""',
        "JSONDecodeError",
    ),
    "names a program that prints no object": (
        f"credential_process = {sys.executable} -c print(1)",
        "credential_process",
    ),
    "names a program that fails": (
        f"credential_process = {sys.executable} -c exit(1)",
        "Error when retrieving credentials from custom-process",
    ),
    "names a token that is not there": (
        "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /not/there",
        "/not/there",
    ),
    # Signing with such a session needs awscrt, which is not among the test's packages.
    "signs in with aws login": (
        "login_session = arn:aws:iam::123456789012:user/me",
        "Install the package for `aws login`: pip install 'mysfits-stream[login]'",
    ),
    "waits for a sign-in": (
        f"{SSO}sso_region = eu-west-1\nsso_start_url = https://example.com",
        "cannot be renewed: sign in again with `aws sso login --profile broken`",
    ),
    "waits for a sign-in to a session": (
        f"{SSO}sso_session = s\n[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.com",
        "sign in again with `aws sso login --profile broken`, then run the same command",
    ),
}


@pytest.mark.parametrize(("content", "says"), BAD_PROFILES.values(), ids=BAD_PROFILES)
def test_a_profile_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, says: str) -> None:
    (tmp_path / "aws-config").write_text(f"[profile broken]\n{content}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(TargetError) as raised:
        connect(replace(AWS, profile="broken"), tmp_path)
    assert says in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("url", ["garbage", "http://[::1"])
def test_an_endpoint_that_is_no_url(
    account_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)
    with pytest.raises(TargetError, match="Check AWS_ENDPOINT_URL"):
        connect(AWS, tmp_path).clients  # noqa: B018, building them is what fails


@pytest.mark.parametrize("body", ["<html><body>Welcome</body></html>", "Welcome"], ids=["a page", "text"])
def test_an_endpoint_where_something_else_answers(account_at: Any, tmp_path: Path, body: str) -> None:
    account_at.body = body
    with pytest.raises(
        TargetError, match=r"unexpected response \(not from AWS\): .* Check AWS_ENDPOINT_URL and proxies"
    ):
        connect(AWS, tmp_path)


@pytest.mark.parametrize(
    ("environment", "region"),
    [
        ({"AWS_DEFAULT_REGION": "ap-south-1"}, "ap-south-1"),
        ({"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        ({"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "ap-south-1"}, "eu-north-1"),
    ],
    ids=["botocore's variable", "everybody else's", "both"],
)
def test_the_region_may_come_from_the_users_aws_settings(
    account_at: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    region: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert connect(replace(AWS, region=None), tmp_path).account.region == region
    assert connect(AWS, tmp_path).account.region == "eu-west-1"


@pytest.mark.parametrize(
    ("region", "similar"),
    [
        ("us-esat-1", "; did you mean us-east-1?"),
        ("eu-wset-3", "; did you mean eu-west-3?"),
        ("zz-top-9", ""),
    ],
)
def test_a_mistyped_region_is_named_on_both_targets(
    account_at: Any, tmp_path: Path, region: str, similar: str
) -> None:
    with pytest.raises(ConfigError) as local:
        connect(Config(target="local", region=region), tmp_path)
    assert str(local.value) == f"region: {region} is no region of AWS{similar}"
    account_at.status, account_at.body = 403, refusal("InvalidClientTokenId", "The token is invalid")
    with pytest.raises(TargetError) as aws:
        connect(replace(AWS, region=region), tmp_path)
    assert str(aws.value).endswith(f"{region} is no region that is known here{similar}")


def test_another_emulator_needs_no_other_switch(account_at: Any, tmp_path: Path) -> None:
    template = "http://localhost:4566/restapis/{api_id}/{stage}/_user_request_"
    found = connect(replace(AWS, invoke_url=template), tmp_path)
    assert found.endpoint("abc", "prod") == "http://localhost:4566/restapis/abc/prod/_user_request_"
    # It serves no host name for each bucket.
    assert addressing(found.client("s3")) == "path"


def test_the_clients_are_those_of_the_target_and_built_once() -> None:
    here = target(account=Account("1", "ap-south-1"))
    assert here.clients is here.clients
    built = [client for client in vars(here.clients).values() if hasattr(client, "meta")]
    services = {client.meta.service_model.service_name for client in built}
    assert services == {"s3", "iam", "lambda", "firehose", "apigateway", "logs"}
    assert here.clients.firehose.meta.region_name == "ap-south-1"
    assert addressing(here.clients.s3) == "auto"


@pytest.mark.parametrize(
    ("status", "answers"), [(200, True), (204, True), (403, False), (404, False), (500, False)]
)
def test_a_stage_answers_once_its_preflight_succeeds(server: Any, status: int, answers: bool) -> None:
    """F34."""
    server.status, server.body = status, ""
    there = target(endpoint_url=server.url, invoke_url=LOCAL_INVOKE_URL)
    assert there.answers("abc", "prod") is answers
    command, path, headers = server.requests[0]
    assert (command, path) == ("OPTIONS", "/restapis/abc/prod/_user_request_/clicks")
    assert headers["Access-Control-Request-Method"] == "PUT"


def test_a_stage_that_cannot_be_reached_does_not_answer() -> None:
    assert not target(invoke_url="http://127.0.0.1:9/{api_id}/{stage}").answers("abc", "prod")


def test_sleeps_are_as_short_as_the_targets_time_is_fast_and_end_at_an_interrupt() -> None:
    slept: list[float] = []

    class Recorder(Interrupt):
        def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            super().sleep(0)

    there = target(time_scale=100.0, interrupt=Recorder())
    there.pace.sleep(50)
    assert slept == [0.5]
    there.interrupt.set()
    with pytest.raises(Interrupted):
        there.pace.sleep(3600)


def test_a_mysfits_service_is_asked_for_where_none_is_known() -> None:
    assert mysfits_api(target(mysfits_api="https://mysfits.example.com/")) == "https://mysfits.example.com"
    with pytest.raises(ConfigError, match="mysfits_api: not set; target aws needs"):
        mysfits_api(target())


def test_every_call_about_a_bucket_names_the_account_that_must_own_it() -> None:
    sent: list[dict[str, Any]] = []
    core = Session()
    core.set_credentials("x", "x")
    target = Target(
        "aws", Account("123456789012", "eu-west-1"), core, "http://127.0.0.1:9", "", None, Interrupt()
    )
    s3 = target.clients.s3

    def keep(params: dict[str, Any], **_: Any) -> Any:
        sent.append(params["headers"])
        return SimpleNamespace(status_code=200), {}

    s3.meta.events.register("before-call.s3", keep)
    s3.list_object_versions(Bucket="b")
    s3.delete_object(Bucket="b", Key="k")
    s3.copy_object(Bucket="b", Key="k", CopySource={"Bucket": "b", "Key": "j"})
    assert [headers["x-amz-expected-bucket-owner"] for headers in sent] == ["123456789012"] * 3
    assert sent[2]["x-amz-source-expected-bucket-owner"] == "123456789012"
