"""The target of a stack, AWS or the local cloud: session, endpoint and invoke URL.

No module below this module distinguishes AWS and the local cloud.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws import session as sessions
from mysfits_stream.aws.account import Account, Clients, own_buckets_only
from mysfits_stream.aws.concurrently import concurrently
from mysfits_stream.aws.errors import reason, translated
from mysfits_stream.aws.waiting import Interrupt, Pace
from mysfits_stream.config import Config
from mysfits_stream.errors import ConfigError, TargetError

if TYPE_CHECKING:
    from botocore.session import Session

    from mysfits_stream.localcloud.daemon import Running

AWS_INVOKE_URL = "https://{api_id}.execute-api.{region}.{dns_suffix}/{stage}"
LOCAL_INVOKE_URL = "{endpoint}/restapis/{api_id}/{stage}/_user_request_"
LOCAL_REGION = "us-east-1"
LOCAL_ACCOUNT = "123456789012"
NOWHERE = "http://127.0.0.1:9"  # the discard port
LOCAL_SECRET = "local"  # noqa: S105, the local cloud checks the access key id only

PREFLIGHT_TIMEOUT = 10.0

OWN_BUCKETS = "s3, for buckets of this account"
"""Key of the client of S3 that is made before the account is known."""
DEPLOYER = ("iam", "lambda", "firehose", "apigateway", "logs", "resourcegroupstaggingapi")
"""The services of the deployer beside S3."""

NO_REGION = "no region: set region in config.yaml, --region or AWS_REGION"
NO_CREDENTIALS = "no credentials: run aws configure sso or aws login, or set AWS_PROFILE"
NO_SERVICE = (
    "mysfits_api: not set; target aws needs the base URL of your Mysfits service (it serves /mysfits), "
    "in config.yaml or with --mysfits-api"
)


@dataclass(frozen=True)
class Target:
    """An account in a region, with session, endpoints and time scale."""

    name: str
    account: Account
    session: Session
    endpoint_url: str | None
    invoke_url: str
    """A template with {api_id}, {region}, {stage} and {dns_suffix}."""
    mysfits_api: str | None
    """The base URL of the Mysfits service, if one is known."""
    interrupt: Interrupt
    page: str | None = None
    """The address of the page that the target serves itself, if any."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The variables with which another AWS client uses the target; empty if the user's own are enough."""
    time_scale: float = 1.0
    """How many of the target's seconds pass in one of ours."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def clients(self) -> Clients:
        """The clients of the deployer; ``client`` builds a single client."""
        return Clients(
            s3=self.own_buckets,
            iam=self.client("iam"),
            function=self.client("lambda"),
            firehose=self.client("firehose"),
            apigateway=self.client("apigateway"),
            logs=self.client("logs"),
            s3control=lambda: self.client("s3control"),
        )

    def client(self, service: str) -> Any:
        """The client of a service, built on first use; call in the main thread (F72)."""
        if service not in self._clients:
            self._clients[service] = _client(self.session, service, self.endpoint_url, self.account.region)
        return self._clients[service]

    @cached_property
    def own_buckets(self) -> Any:
        """A client of S3 for buckets of this account only."""
        s3 = self._clients.pop(OWN_BUCKETS, None)
        s3 = s3 or _client(self.session, "s3", self.endpoint_url, self.account.region)
        own_buckets_only(s3, self.account.id)
        return s3

    @property
    def pace(self) -> Pace:
        """The pace of waits; ``interrupt`` ends every sleep.

        Sleeps are divided by the time scale. Budgets are real seconds: a busy machine does not get faster
        with the target's time.
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
        """Whether the data plane serves the preflight of ``/clicks`` at a stage."""
        import requests

        from mysfits_stream import bounded_http

        url = f"{self.endpoint(api_id, stage)}/clicks"
        preflight = {"Origin": "https://example.com", "Access-Control-Request-Method": "PUT"}
        try:
            response = bounded_http.send("OPTIONS", url, headers=preflight, seconds=PREFLIGHT_TIMEOUT)
        except requests.RequestException:
            # A new host name may not resolve yet: that is one way of not answering.
            return False
        return response.status < 400


def connect(
    config: Config,
    directory: Path,
    report: Callable[[str], None] = lambda text: None,
    running: Running | None = None,
    beside: Callable[[], object] | None = None,
) -> Target:
    """The configured target; the account of AWS is from sts:GetCallerIdentity.

    Starts the local cloud unless ``running`` is given. ``report`` gets warnings of the local cloud, and a
    line about each long wait for it. With ``beside``, on AWS, the clients of the deployer are made while the
    call is under way, and ``beside`` is called.

    Raises TargetError with what is wrong with credentials, region, endpoint or local cloud.
    """
    if config.target == "local":
        return _connect_local(config, directory, report, running)
    return _connect_aws(config, beside)


def absent_local_cloud(config: Config) -> Target:
    """The target of a local cloud that does not run.

    Its clients must not be called. Raises ConfigError.
    """
    region = _local_region(config)
    core = sessions.isolated("none", LOCAL_SECRET)
    return Target(
        name="local",
        account=_local_account(core, region),
        session=sessions.prepared(core),
        endpoint_url=NOWHERE,
        invoke_url=config.invoke_url or LOCAL_INVOKE_URL,
        mysfits_api=config.mysfits_api or f"{NOWHERE}/_mysfits",
        interrupt=Interrupt(),
    )


def _local_region(config: Config) -> str:
    region = config.region or LOCAL_REGION
    if region not in (known := sessions.known_regions()):
        raise ConfigError(f"region: {region} is no region of AWS{_similar(region, known)}")
    return region


def _connect_local(
    config: Config, directory: Path, report: Callable[[str], None], running: Running | None
) -> Target:
    try:
        from mysfits_stream.local_site import PAGE, daemon
        from mysfits_stream.local_site.settings import settings_of
    except ImportError as error:
        raise TargetError(
            f"target local needs a package that is not installed ({error.name}); "
            "run: pip install 'mysfits-stream[local]'"
        ) from error

    region = _local_region(config)

    running = running or daemon.ensure(directory, settings_of(config.local), report=report, load=True)
    # No AWS setting of the user is read, so none can break a local run or leak into it.
    core = sessions.isolated(running.access_key_id, LOCAL_SECRET)
    session = sessions.prepared(core)
    return Target(
        name="local",
        account=_local_account(core, region),
        session=session,
        endpoint_url=running.endpoint,
        invoke_url=config.invoke_url or LOCAL_INVOKE_URL,
        mysfits_api=config.mysfits_api or f"{running.endpoint}/_mysfits",
        page=f"{running.endpoint}{PAGE}",
        environment=sessions.environment(running.endpoint, running.access_key_id, LOCAL_SECRET, region),
        interrupt=Interrupt(),
        time_scale=running.time_scale,
    )


def _connect_aws(config: Config, beside: Callable[[], object] | None) -> Target:
    from botocore.exceptions import BotoCoreError, ProfileNotFound

    core = sessions.configured(config.profile)
    try:
        core.get_scoped_config()  # raises for an unknown profile, also where no setting is read from it
        session = sessions.prepared(core)
        # botocore itself reads AWS_DEFAULT_REGION only; every other SDK, and the AWS CLI, this one first.
        region = config.region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
    except ProfileNotFound as error:
        raise TargetError(f"{error}. Choose another with --profile, or run: aws configure sso") from error
    except BotoCoreError as error:
        raise TargetError(f"your AWS settings cannot be used: {reason(error)}") from error
    missing = _missing(config, region, core)
    if len(missing) > 1:
        raise TargetError(f"target aws lacks {len(missing)} settings: {'; '.join(missing)}")
    if not region:
        raise TargetError(NO_REGION)
    account, clients = _account(session, core, region, beside)
    return Target(
        name="aws",
        account=account,
        session=session,
        endpoint_url=None,
        invoke_url=config.invoke_url or AWS_INVOKE_URL,
        mysfits_api=config.mysfits_api,
        interrupt=Interrupt(),
        _clients=clients,
    )


def _missing(config: Config, region: str | None, core: Session) -> list[str]:
    """What target aws lacks, each with its remedy, so that a new user reads all at once."""
    from botocore.exceptions import BotoCoreError

    try:
        has_credentials = core.get_credentials() is not None
    except (BotoCoreError, ValueError, TypeError, AttributeError, OSError):
        has_credentials = True  # credentials that do not work have an error of their own
    return [
        *([] if region else [NO_REGION]),
        *([] if has_credentials else [NO_CREDENTIALS]),
        *([] if config.mysfits_api else [NO_SERVICE]),
    ]


def mysfits_api(target: Target) -> str:
    """The base URL of the Mysfits service; raises ConfigError if unknown."""
    if target.mysfits_api is None:
        raise ConfigError(NO_SERVICE)
    return target.mysfits_api.rstrip("/")


def _account(
    session: Session, core: Session, region: str, beside: Callable[[], object] | None
) -> tuple[Account, dict[str, Any]]:
    """The account, and with ``beside`` the clients of the deployer, made meanwhile.

    The call is made in this thread, which Ctrl-C interrupts. All clients are made in one other thread, as a
    session is not thread-safe (F72). A provider of credentials may make a client in this thread: botocore
    guards its components.
    """
    sts = _client(session, "sts", None, region)
    clients: dict[str, Any] = {}

    def prepare() -> None:
        clients[OWN_BUCKETS] = _client(session, "s3", None, region)
        clients.update({each: _client(session, each, None, region) for each in DEPLOYER})
        if beside:
            beside()

    with _explained(region):
        identity = concurrently(sts.get_caller_identity, prepare)[0] if beside else sts.get_caller_identity()
    # The ARN of a service that is not AWS may have another form.
    partition = [*identity["Arn"].split(":"), ""][1] or "aws"
    return _account_of(core, identity["Account"], region, partition), clients


def _local_account(core: Session, region: str) -> Account:
    """The account of every local cloud; no call, which would wait until moto is loaded."""
    return _account_of(core, LOCAL_ACCOUNT, region, core.get_partition_for_region(region))


def _account_of(core: Session, account_id: str, region: str, partition: str) -> Account:
    suffixes = {
        known["id"]: known["outputs"]["dnsSuffix"] for known in core.get_data("partitions")["partitions"]
    }
    return Account(
        id=account_id,
        region=region,
        partition=partition,
        dns_suffix=suffixes.get(partition, "amazonaws.com"),
    )


def _client(session: Session, service: str, endpoint_url: str | None, region: str) -> Any:
    with _explained(region):
        return sessions.client(session, service, endpoint_url, region)


@contextmanager
def _explained(region: str) -> Iterator[None]:
    """Errors of credentials, region or endpoint, as TargetError with advice."""

    def become(_: str, why: str) -> TargetError:
        known = sessions.known_regions()
        similar = (
            "" if region in known else f". {region} is no region that is known here{_similar(region, known)}"
        )
        return TargetError(
            f"cannot determine the AWS identity in {region} (sts:GetCallerIdentity): {why}{similar}"
        )

    try:
        with translated(become):
            yield
    except (ValueError, TypeError, AttributeError, OSError) as error:
        # botocore does not check every setting: a file or program may be missing, a value no URL or JSON.
        raise TargetError(
            f"your AWS settings cannot be used: {type(error).__name__}: {' '.join(str(error).split())}. "
            "Check AWS_ENDPOINT_URL, and your profile's credential_process and files"
        ) from error


def _similar(region: str, known: Collection[str]) -> str:
    transposed = [each for each in known if sorted(each) == sorted(region)]
    found = transposed or get_close_matches(region, known, n=1, cutoff=0.8)
    return f"; did you mean {found[0]}?" if found else ""
