"""Sessions and clients of botocore: common retries, fast times, validated responses.

Every error carries the command that renews the session's credentials (``aws/errors.py``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mysfits_stream.aws import fast_get, fast_s3
from mysfits_stream.aws.errors import SIGN_IN

if TYPE_CHECKING:
    from botocore.session import Session


def preload() -> None:
    """Import what a session and its clients need, while another process starts."""
    import botocore.client  # noqa: F401

    from mysfits_stream.aws import lean, responses  # noqa: F401


def configured(profile: str | None) -> Session:
    """A session with the user's AWS settings: environment, ``~/.aws`` and an optional profile."""
    from mysfits_stream.aws import lean

    return lean.session(profile)


def isolated(access_key_id: str, secret_access_key: str) -> Session:
    """A session without the user's AWS settings: no ``AWS_*`` variable, nothing of ``~/.aws``."""
    from botocore.configprovider import ConstantProvider
    from botocore.session import Session

    from mysfits_stream.aws import lean

    files = {"config_file": os.devnull, "credentials_file": os.devnull}
    session = lean.session(
        session_vars={
            # (key in the config file, environment variable, default, conversion)
            name: (None, None, files.get(name, default), convert)
            for name, (_, _, default, convert) in Session.SESSION_VARIABLES.items()
        }
    )
    settings = session.get_component("config_store")
    for section in ("s3", "proxies_config"):  # their environment variables are not among the above
        settings.set_config_provider(section, ConstantProvider(value={}))
    session.register_component("data_loader", lean.built_in())
    session.set_credentials(access_key_id, secret_access_key)
    return session


def prepared(core: Session) -> Session:
    """The session, from now on with validated responses and annotated errors."""
    from mysfits_stream.aws import responses

    responses.check(core)
    # A listing has a time for each object.
    core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=fast_s3.moment)
    _annotate_errors(core)
    return core


LAMBDA_READ_SECONDS = 310
"""Longer than the processor's longest timeout, so that Lambda and not the client ends a smoke test."""


def client(session: Session, service: str, endpoint_url: str | None, region: str) -> Any:
    """A client of a service; build all clients in a single thread (F72)."""
    from botocore.config import Config

    # An endpoint that is not AWS's serves no host name for each bucket.
    elsewhere = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL_S3")
    made: Any = session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            retries={"mode": "standard", "max_attempts": 4},
            connect_timeout=10,
            read_timeout=LAMBDA_READ_SECONDS if service == "lambda" else 60,
            max_pool_connections=32,
            user_agent_extra="mysfits-stream",
            s3={"addressing_style": "path" if elsewhere else "auto"},
        ),
    )
    if service == "s3":
        fast_s3.speed_up(made)
        fast_get.install(made)
    return made


def known_regions() -> frozenset[str]:
    """Every region of every partition in botocore's data."""
    from mysfits_stream.aws import lean

    partitions = lean.built_in().load_data("partitions")["partitions"]
    return frozenset(region for partition in partitions for region in partition["regions"])


def has_service(service: str, region: str) -> bool:
    """Whether botocore's data lists an endpoint of the service in the region."""
    from mysfits_stream.aws import lean

    partitions = lean.built_in().load_data("endpoints")["partitions"]
    return any(
        region in partition["services"].get(service, {}).get("endpoints", {}) for partition in partitions
    )


def sign_in_command(core: Session) -> str | None:
    """The command that renews the session's credentials, or None."""
    profile = core.profile
    chosen = f" --profile {profile}" if profile and profile != "default" else ""
    settings = core.full_config.get("profiles", {})
    seen = set()
    name = profile or "default"
    # A profile that assumes a role uses the credentials of its source profile.
    while name in settings and name not in seen:
        if {"sso_session", "sso_start_url"} & settings[name].keys():
            return f"aws sso login{chosen}"
        if "login_session" in settings[name]:
            return f"aws login{chosen}"
        seen.add(name)
        name = settings[name].get("source_profile", "")
        chosen = f" --profile {name}"
    return None


def _annotate_errors(core: Session) -> None:
    """Add the command that renews the credentials to each error, for the translator."""

    def after_call(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
        if http_response.status_code >= 300:
            parsed.setdefault("ResponseMetadata", {})[SIGN_IN] = sign_in_command(core)

    def after_error(exception: Exception, **_: Any) -> None:
        if hasattr(exception, "kwargs"):  # every exception of botocore has them
            exception.kwargs[SIGN_IN] = sign_in_command(core)

    register: Any = core.register  # the stub has no type for handlers with named arguments
    register("after-call", after_call)
    register("after-call-error", after_error)


def environment(endpoint: str, access_key_id: str, secret: str, region: str) -> dict[str, str]:
    """The environment variables with which any AWS client uses an endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": region,
    }
