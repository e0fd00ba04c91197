"""Where the stack lives: a boto3 session, an endpoint and an invoke URL, for AWS or for the local cloud.

This is the seam: nothing below it knows which of the two it talks to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws import fast_s3
from mysfits_stream.aws.account import Account, Clients, own_buckets_only
from mysfits_stream.aws.waiting import Interrupt, Pace
from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError, TargetError

if TYPE_CHECKING:
    import boto3
    from botocore.session import Session

AWS_INVOKE_URL = "https://{api_id}.execute-api.{region}.{dns_suffix}/{stage}"
LOCAL_INVOKE_URL = "{endpoint}/restapis/{api_id}/{stage}/_user_request_"
LOCAL_REGION = "us-east-1"
LOCAL_SECRET = "local"  # noqa: S105, the local cloud checks the access key id only

PREFLIGHT_TIMEOUT = 10.0


@dataclass(frozen=True)
class Target:
    """An account in a region, how to reach it, and the time that it lives in."""

    name: str
    account: Account
    session: boto3.Session
    endpoint_url: str | None
    invoke_url: str
    """A template with {api_id}, {region}, {stage} and {dns_suffix}."""
    mysfits_api: str | None
    """The base URL of the Mysfits service, if one is known."""
    interrupt: Interrupt
    time_scale: float = 1.0
    """How many of the target's seconds pass in one of ours."""
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def clients(self) -> Clients:
        """All that the deployer needs; who needs one only asks for that one."""
        return Clients(
            s3=self.own_buckets,
            iam=self.client("iam"),
            function=self.client("lambda"),
            firehose=self.client("firehose"),
            apigateway=self.client("apigateway"),
            logs=self.client("logs"),
        )

    def client(self, service: str) -> Any:
        """The client of a service, built when first asked for; call it in the main thread (F72)."""
        if service not in self._clients:
            self._clients[service] = _client(self.session, service, self.endpoint_url, self.account.region)
        return self._clients[service]

    @cached_property
    def own_buckets(self) -> Any:
        """A client of S3 that works on buckets of this account only."""
        s3 = _client(self.session, "s3", self.endpoint_url, self.account.region)
        own_buckets_only(s3, self.account.id)
        return s3

    @property
    def pace(self) -> Pace:
        """The pace of waits; ``interrupt`` ends every sleep.

        Sleeps are as short as the target's time is fast. Budgets pass in our own seconds all the same: a busy
        laptop does not get faster with the target's time.
        """
        return Pace(
            sleep=lambda seconds: self.interrupt.sleep(seconds / self.time_scale),
            clock=time.monotonic,
        )

    def endpoint(self, api_id: str, stage: str) -> str:
        """The base URL of a deployed API, to which ``/clicks`` is added."""
        return self.invoke_url.format(
            endpoint=self.endpoint_url,
            api_id=api_id,
            stage=stage,
            region=self.account.region,
            dns_suffix=self.account.dns_suffix,
        )

    def answers(self, api_id: str, stage: str) -> bool:
        """Whether the data plane serves the preflight of ``/clicks`` at this stage by now."""
        import requests

        url = f"{self.endpoint(api_id, stage)}/clicks"
        preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}
        try:
            return requests.options(url, headers=preflight, timeout=PREFLIGHT_TIMEOUT).ok
        except requests.RequestException:
            # A new host name may not resolve yet: that is one way of not answering.
            return False


def connect(config: Config, directory: Path, report: Callable[[str], None] = lambda text: None) -> Target:
    """The target that is configured, its account asked for; starts the local cloud if that is the target.

    ``report`` gets warnings of the local cloud, and a line about each long wait for it.

    Raises TargetError with what is wrong with credentials, region, endpoint or local cloud.
    """
    return _connect_local(config, directory, report) if config.target == "local" else _connect_aws(config)


def _connect_local(config: Config, directory: Path, report: Callable[[str], None]) -> Target:
    try:
        from mysfits_stream.local_site import daemon
        from mysfits_stream.local_site.settings import settings_of
    except ImportError as error:
        raise TargetError(
            f"target local needs a package that is not installed ({error.name}); "
            "run: pip install 'mysfits-stream[local]'"
        ) from error
    from botocore.session import Session

    running = daemon.ensure(directory, settings_of(config.local), report=report)
    # Nothing of the user's AWS settings is looked at, so that none can break or leak into a local run.
    core = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    core.set_credentials(running.access_key_id, LOCAL_SECRET)
    session = boto3_session(core)
    region = config.region or LOCAL_REGION
    return Target(
        name="local",
        account=_account(session, core, running.endpoint, region),
        session=session,
        endpoint_url=running.endpoint,
        invoke_url=config.invoke_url or LOCAL_INVOKE_URL,
        mysfits_api=config.mysfits_api or f"{running.endpoint}/_mysfits",
        interrupt=Interrupt(),
        time_scale=running.time_scale,
    )


def _connect_aws(config: Config) -> Target:
    from botocore.exceptions import BotoCoreError, ProfileNotFound
    from botocore.session import Session

    core = Session(profile=config.profile)
    try:
        session = boto3_session(core)
        # botocore itself reads AWS_DEFAULT_REGION only; every other SDK, and the AWS CLI, this one first.
        region = config.region or os.environ.get("AWS_REGION") or session.region_name
    except ProfileNotFound as error:
        raise TargetError(f"{error}. Choose another with --profile, or run: aws configure sso") from error
    except BotoCoreError as error:
        raise TargetError(f"your AWS settings cannot be used: {' '.join(str(error).split())}") from error
    if not region:
        raise TargetError("no region: set region in config.yaml, --region or AWS_REGION")
    return Target(
        name="aws",
        account=_account(session, core, None, region),
        session=session,
        endpoint_url=None,
        invoke_url=config.invoke_url or AWS_INVOKE_URL,
        mysfits_api=config.mysfits_api,
        interrupt=Interrupt(),
    )


def boto3_session(core: Session) -> boto3.Session:
    """A session that reads the times in AWS's answers fast: a listing says one for each object."""
    import boto3

    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=fast_s3.moment)
    return boto3.Session(botocore_session=core)


def mysfits_api(target: Target) -> str:
    """The base URL of the Mysfits service; raises ConfigError where none is known."""
    if target.mysfits_api is None:
        raise ConfigError(
            "mysfits_api: not set; target aws needs the base URL of your Mysfits service (it serves /mysfits)"
        )
    return target.mysfits_api.rstrip("/")


def _account(session: boto3.Session, core: Session, endpoint_url: str | None, region: str) -> Account:
    from botocore.parsers import ResponseParserError

    sts = _client(session, "sts", endpoint_url, region)
    try:
        with _explained(region):
            identity = sts.get_caller_identity()
        account, partition = identity["Account"], identity["Arn"].split(":")[1]
    except (ResponseParserError, LookupError) as error:
        there = sts.meta.endpoint_url
        raise TargetError(f"{there} does not answer as AWS does; check AWS_ENDPOINT_URL") from error
    suffixes = {
        known["id"]: known["outputs"]["dnsSuffix"] for known in core.get_data("partitions")["partitions"]
    }
    return Account(
        id=account,
        region=region,
        partition=partition,
        dns_suffix=suffixes.get(partition, "amazonaws.com"),
    )


def _client(session: boto3.Session, service: str, endpoint_url: str | None, region: str) -> Any:
    from botocore.config import Config as ClientConfig

    # Another endpoint than AWS's serves no host name for each bucket.
    elsewhere = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3")
    with _explained(region):
        client: Any = session.client(
            service,  # type: ignore[call-overload]
            region_name=region,
            endpoint_url=endpoint_url,
            config=ClientConfig(
                retries={"mode": "standard", "max_attempts": 4},
                connect_timeout=10,
                max_pool_connections=32,
                user_agent_extra="mysfits-stream",
                s3={"addressing_style": "path" if elsewhere else "auto"},
            ),
        )
    if service == "s3":
        fast_s3.speed_up(client)
    return client


@contextmanager
def _explained(region: str) -> Iterator[None]:
    """What is wrong with credentials, region or endpoint, as an error of ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise TargetError(_no_identity(error, region)) from error
    except (ValueError, TypeError, AttributeError, OSError) as error:
        # Not every setting is checked by botocore: what it names may not be there, or be no URL or JSON.
        raise TargetError(
            f"your AWS settings cannot be used: {type(error).__name__}: {' '.join(str(error).split())}. "
            "Check AWS_ENDPOINT_URL, and your profile's credential_process and files"
        ) from error


def _no_identity(error: Exception, region: str) -> str:
    from botocore import exceptions

    expired = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return f"no AWS credentials: {error}. Run `aws configure sso` or `aws configure`, or set --profile"
    if isinstance(error, exceptions.EndpointConnectionError | exceptions.ConnectTimeoutError):
        return f"cannot reach AWS in region {region}: {error}. Check the region's name and your connection"
    if isinstance(
        error, exceptions.SSOError | exceptions.UnauthorizedSSOTokenError | exceptions.TokenRetrievalError
    ):
        return f"the SSO session has ended: {error}. Run: aws sso login"
    if isinstance(error, exceptions.ClientError):
        details = error.response["Error"]
        text = f"{details.get('Code')}: {details.get('Message')}".rstrip(".")
        if details.get("Code") in expired:
            return f"the AWS credentials have expired ({text}). Sign in again and repeat the command"
        if details.get("Code") == "InvalidClientTokenId":
            return (
                f"AWS refuses these credentials in {region} ({text}). Is the region enabled for the account?"
            )
        return f"AWS does not say who we are: {text}"
    return f"AWS does not say who we are: {' '.join(str(error).split())}"
