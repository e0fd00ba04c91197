"""converge() after errors, a crash or an interruption, and its next run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from mysfits_stream.aws.waiting import Expired
from mysfits_stream.errors import ProvisionError, WaitTimeoutError
from mysfits_stream.provision.engine import (
    Action,
    Goal,
    Progress,
    converge,
)
from tests.support.converging import (
    World,
    awaited,
    down,
    end_threads,
    met,
    resources,
    state,
    up,
)

pytestmark = pytest.mark.usefixtures("no_thread_stays_behind")


class Killed(BaseException):
    """The process died here."""


def failing(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def refused(operation: str, message: str = "no", code: str = "Refused") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_what_depends_on_a_failure_is_left_alone_and_the_rest_is_finished(world: World, path: Path) -> None:
    started, failed = threading.Event(), threading.Event()

    def fail() -> None:
        awaited(started)
        raise refused("CreateFunction")

    def linger() -> None:
        started.set()
        awaited(failed)

    world.hooks["create", "role"] = fail
    world.hooks["create", "alone"] = linger
    notes: list[Progress] = []

    def notify(progress: Progress) -> None:
        notes.append(progress)
        if progress.phase == "failed":
            failed.set()

    with pytest.raises(ProvisionError) as raised:
        up(world, path, notify=notify)
    assert str(raised.value) == "role: CreateFunction: Refused: no"
    assert isinstance(raised.value.__cause__, ClientError)
    assert not {"function", "stream"} & set(world.done("create"))
    # What ran was finished, and the state file knows of it.
    assert {"alone", "logs"} >= state(path).resources.keys() >= {"alone"}
    assert Progress("role", Action.CREATE, "failed", "CreateFunction: Refused: no") in notes


def test_other_errors_are_noted_on_the_first(world: World, path: Path) -> None:
    together = threading.Barrier(2)

    def fail(operation: str) -> None:
        met(together)
        raise refused(operation)

    world.hooks["create", "role"] = lambda: fail("CreateRole")
    world.hooks["create", "alone"] = lambda: fail("CreateAlone")
    with pytest.raises(ProvisionError) as raised:
        up(world, path)
    texts = {str(raised.value), *raised.value.__notes__}
    assert texts == {"role: CreateRole: Refused: no", "alone: CreateAlone: Refused: no"}


def test_an_error_while_settling_comes_out_and_the_rest_settles(world: World, path: Path) -> None:
    world.hooks["settle", "stream"] = failing(Expired("still waiting for stream to be ACTIVE"))
    with pytest.raises(WaitTimeoutError, match="stream: settle: still waiting"):
        up(world, path)
    assert state(path).resources.keys() == {"alone", "function", "logs", "role", "stream"}


SIGN_IN = "Your credentials cannot be renewed: sign in again, then run the same command to resume"
CONFIGURE = (
    "No usable credentials: sign in again, or configure a profile (`aws configure sso` or `aws configure`; "
    "choose with --profile), then run the same command to resume"
)


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        pytest.param(
            Expired("still waiting for IAM after 120 s"),
            WaitTimeoutError,
            "alone: create: still waiting for IAM after 120 s",
            id="a wait",
        ),
        pytest.param(
            refused("CreateAlone"), ProvisionError, "alone: CreateAlone: Refused: no", id="a refusal"
        ),
        pytest.param(
            refused("CreateAlone", "User: me is not authorized to perform: a:B", "AccessDeniedException"),
            ProvisionError,
            "alone: CreateAlone: AccessDeniedException: User: me is not authorized to perform: a:B. Your IAM "
            "user or role is missing this permission; `mysfits-stream operator-policy` prints the required "
            "policy",
            id="the operator's denial, which names the action",
        ),
        pytest.param(
            refused("CreateAlone", "The security token has expired.", "ExpiredToken"),
            ProvisionError,
            "alone: CreateAlone: ExpiredToken: The security token has expired. "
            "Your credentials have expired: sign in again, then run the same command to resume",
            id="expired credentials",
        ),
        pytest.param(
            refused("HeadBucket", "Bad Request", "400"),
            ProvisionError,
            "alone: HeadBucket: 400: Bad Request. "
            "Your credentials have expired: sign in again, then run the same command to resume",
            id="expired credentials, as HEAD says it",
        ),
        pytest.param(
            refused("HeadBucket", "Forbidden", "403"),
            ProvisionError,
            "alone: HeadBucket: 403: Forbidden. It belongs to another account, or your IAM user or role is "
            "missing s3:ListBucket; `mysfits-stream operator-policy` prints the required "
            "policy",
            id="the operator's denial, as HEAD says it",
        ),
        *(
            pytest.param(error, ProvisionError, f"alone: create: {error}. {SIGN_IN}", id=type(error).__name__)
            for error in (
                TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
                SSOTokenLoadError(error_msg="it is not there"),
            )
        ),
        *(
            pytest.param(
                error, ProvisionError, f"alone: create: {text}. {CONFIGURE}", id=type(error).__name__
            )
            for error, text in (
                (
                    CredentialRetrievalError(provider="custom-process", error_msg="no"),
                    "Error when retrieving credentials from custom-process: no",
                ),
                (NoCredentialsError(), "Unable to locate credentials"),
            )
        ),
        pytest.param(
            ClientError({"Error": {}}, "CreateAlone"),
            ProvisionError,
            "alone: CreateAlone: Unknown: no message",
            id="an error without a text",
        ),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://x"),
            ProvisionError,
            'alone: create: Could not connect to the endpoint URL: "https://x". '
            "Check the region's name, your connection and proxies, and AWS_ENDPOINT_URL",
            id="no connection",
        ),
        pytest.param(
            ResponseParserError("Unable to parse response (syntax error): invalid XML\n<html>"),
            ProvisionError,
            "alone: create: unexpected response (not from AWS). Check AWS_ENDPOINT_URL and proxies",
            id="a page of somebody else's",
        ),
    ],
)
def test_foreign_errors_become_ours(
    world: World, path: Path, error: Exception, kind: type, text: str
) -> None:
    world.hooks["create", "alone"] = failing(error)
    with pytest.raises(ProvisionError) as raised:
        up(world, path)
    assert (type(raised.value), str(raised.value), raised.value.__cause__) == (kind, text, error)


def test_an_error_of_ours_comes_out_as_it_is(world: World, path: Path) -> None:
    world.hooks["create", "alone"] = failing(KeyError("a bug"))
    with pytest.raises(KeyError, match="a bug"):
        up(world, path)


NAMES = ("logs", "role", "function", "stream", "alone")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("moment", ["hooks", "late_hooks"], ids=["before", "after"])
@pytest.mark.parametrize("goal", Goal, ids=lambda goal: goal.value)
def test_a_run_that_dies(world: World, path: Path, goal: Goal, moment: str, name: str) -> None:
    """Killed before or after any resource's change: the next `up` or `down` finishes."""
    if goal is Goal.ABSENT:
        up(world, path)
    verb = "create" if goal is Goal.PRESENT else "delete"
    getattr(world, moment)[verb, name] = failing(Killed())
    with pytest.raises(Killed):
        converge(resources(world), state(path), goal=goal)
    end_threads()
    world.hooks.clear()
    world.late_hooks.clear()

    up(world, path)
    assert world.things == {thing.name: thing.seen() for thing in resources(world)}
    assert state(path).resources.keys() == set(NAMES)

    down(world, path)
    assert (world.things, path.exists()) == ({}, False)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_that_died_is_removed_with_nothing_left(world: World, path: Path, name: str) -> None:
    world.late_hooks["create", name] = failing(Killed())
    with pytest.raises(Killed):
        up(world, path)
    end_threads()
    down(world, path)
    assert (world.things, path.exists()) == ({}, False)


def test_an_interruption_comes_out_at_once_with_the_state_true(world: World, path: Path) -> None:
    released = threading.Event()
    world.hooks["create", "alone"] = lambda: awaited(released)
    world.late_hooks["create", "role"] = failing(KeyboardInterrupt())
    try:
        with pytest.raises(KeyboardInterrupt):
            up(world, path)
        assert "stream" not in world.done("create")
    finally:
        released.set()


def test_after_an_interruption_nothing_more_is_begun_or_told(world: World, path: Path) -> None:
    looking, released = threading.Event(), threading.Event()
    told: list[Progress] = []

    def look_again() -> None:
        if world.done("read").count("alone") > 1:
            looking.set()
            awaited(released)

    def interrupted() -> None:
        awaited(looking)
        raise KeyboardInterrupt

    world.hooks["read", "alone"] = look_again
    world.late_hooks["create", "role"] = interrupted
    try:
        with pytest.raises(KeyboardInterrupt):
            converge(resources(world), state(path), goal=Goal.PRESENT, notify=told.append)
        before = list(told)
    finally:
        released.set()
    end_threads()
    assert "alone" not in world.done("create")
    assert told == before
