"""Every command, with each operation's response replaced by a response not from AWS.

A command then ends with code 0, 1 or 2 and at most one line of error: no traceback, no markup, no wrong
conclusion.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.operations.options import DIRECTORY
from tests.support.deployment import ACCOUNT, Deployment
from tests.support.scripted import Body
from tests.support.without_sockets import received

HTML = b"<!DOCTYPE html><html><head><title>x</title></head><body>\x1b[31mnginx</body></html>"
Wire = tuple[int, dict[str, str], bytes]
Fault = Callable[[Wire], Wire]


def truncated(share: float) -> Fault:
    """The body breaks off; the length that was announced is the whole one's."""
    return lambda wire: (wire[0], {**wire[1], "Content-Length": str(len(wire[2]))}, _part(wire[2], share))


def replaced(status: int, body: bytes, kind: str = "application/json") -> Fault:
    """Something else in place of the response."""
    return lambda _: (status, {"Content-Type": kind, "Content-Length": str(len(body))}, body)


def retyped(wire: Wire) -> Wire:
    """The response with a wrong content type and charset."""
    headers = {name: value for name, value in wire[1].items() if name.lower() != "content-type"}
    return wire[0], {**headers, "Content-Type": "text/html; charset=utf-16"}, wire[2]


def delayed(wire: Wire) -> Wire:
    """The response comes after the read timeout."""
    raise ReadTimeoutError(endpoint_url="http://aws")


def nulls(wire: Wire) -> Wire:
    """Each member is null, or each element empty."""
    document = _document(wire[2])
    if document is None:
        return wire[0], {}, re.sub(rb">[^<]+<", b"><", wire[2])
    return wire[0], {}, json.dumps(dict.fromkeys(document)).encode()


def other_types(wire: Wire) -> Wire:
    """Each member has another type."""
    document = _document(wire[2])
    if document is None:
        return wire[0], {}, wire[2].replace(b"<member>", b"<member><x/>")
    changed = {name: 5 if isinstance(value, dict | list) else [value] for name, value in document.items()}
    return wire[0], {}, json.dumps(changed).encode()


FAULTS: dict[str, Fault] = {
    "cut at the begin": truncated(0),
    "cut in the middle": truncated(0.5),
    "cut before the end": truncated(0.98),
    "{}": replaced(200, b"{}"),
    "[]": replaced(200, b"[]"),
    "null": replaced(200, b"null"),
    "nothing": replaced(200, b""),
    "a page": replaced(200, HTML, "text/html"),
    "a page with 403": replaced(403, HTML, "text/html"),
    "a page with 503": replaced(503, HTML, "text/html"),
    "a redirect": replaced(302, b""),
    "another content type": retyped,
    "after the timeout": delayed,
    "nulls": nulls,
    "other types": other_types,
}

READING = (
    "plan",
    "status",
    "send-test-click --no-wait --mysfit x",
    "clicks",
    "failed",
    "replay --dry-run",
    "doctor",
    "snippet",
    "publish-site --out site",
    "export --format import --out templates",
    "clicks --by species",
    "query 'SELECT count(*) FROM clicks'",
    "audit",
    "erase --user x --dry-run",
    "logs",
    "rehearse --yes",
    "rollback",
)
NO_CALL = {"completion", "init", "local", "operator-policy"}
"""Commands that call no operation of AWS but the identity's."""

SAMPLE = 6
"""Of how many operations of a reading command the responses are broken, unless all cases are asked for."""

MEMBERS = 20
"""Each so many-th member of a response is left out, unless all cases are asked for."""


@dataclass
class Proxy:
    """Between the commands and the local cloud: breaks the first response to one operation."""

    cloud: LocalCloud
    asked: list[str] = field(default_factory=list)
    operation: str = ""
    fault: Fault = field(default=lambda wire: wire)
    done: bool = False

    def __call__(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        operation = ".".join(event_name.split(".")[1:])
        self.asked.append(operation)
        response = self.cloud.handle(received(request))
        body = b"" if request.method == "HEAD" else response.body
        wire: Wire = response.status, dict(response.headers), body
        if operation == self.operation and not self.done:
            self.done = True
            wire = self.fault(wire)
        return AWSResponse(request.url, wire[0], HTTPHeaders.from_dict(wire[1]), Body(wire[2]))

    def breaking(self, operation: str, fault: Fault) -> None:
        """Break the next response to this operation."""
        self.operation, self.fault, self.done = operation, fault, False


@dataclass
class Commands:
    """Commands against the local cloud, through the proxy."""

    deployment: Deployment
    proxy: Proxy
    capsys: pytest.CaptureFixture[str]

    def run(self, command: str) -> tuple[int, str]:
        """The exit code, and what a person is shown. Fails if there is more than a line of error."""
        app = App()
        app.target = self.deployment.target
        app.config = replace(self.deployment.config, code_repository="code")
        try:
            code = (
                cli.main(shlex.split(command), prog_name="mysfits-stream", standalone_mode=False, obj=app)
                or 0
            )
        except MysfitsStreamError as error:
            app.out.error(error)
            code = 1
        shown = self.capsys.readouterr()
        text = shown.out + shown.err
        assert not {"\x1b", "\ufffd"} & set(text) and "<html" not in text.lower()
        return int(code), text

    def operations(self, command: str) -> list[str]:
        """The operations that a command calls."""
        self.proxy.asked.clear()
        self.run(command)
        return list(dict.fromkeys(self.proxy.asked))

    def begin(self, command: str) -> None:
        """Begin as before `up`, with nothing; or as before `down`, after an `up`."""
        cloud = self.deployment.cloud
        region = self.deployment.region
        state = Path(DIRECTORY) / f"state-local-{self.deployment.config.stack}-{ACCOUNT}-{region}.json"
        state.unlink(missing_ok=True)
        cloud.cloud.reset()
        if command != "up":
            cloud.make_once("up", state, lambda: self.run("up"))
            # A snapshot has no repositories.
            assert self.run("publish-code")[0] == 0


@pytest.fixture
def commands(
    deployment: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Commands:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    proxy = Proxy(deployment.cloud.cloud)
    register: Any = deployment.target.session.register
    register("before-send", proxy)
    return Commands(deployment, proxy, capsys)


def test_each_command_that_calls_aws_is_tried() -> None:
    tried = {command.split()[0] for command in READING} | {"up", "down"}
    # The code is published by `up` of these tests, too.
    assert tried == set(cli.commands) - NO_CALL - {"publish-code"}


@pytest.fixture
def all_cases(request: pytest.FixtureRequest) -> bool:
    """Whether every case runs, as in ``make matrix``, or a sample of them."""
    return bool(request.config.getoption("--all-cases"))


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(3))
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_ends_in_a_line(
    commands: Commands, command: str, turn: int, all_cases: bool
) -> None:
    """Each operation of each command meets three faults.

    ``tests/aws`` has all faults for each protocol. The sample is a few operations of each command with a
    third of the faults. Most commands read the whole stack: the next command takes the next operations.
    """
    place = READING.index(command)
    if not all_cases and turn != place % 3:
        pytest.skip("a third of the faults is the sample; `make matrix` runs all")
    commands.deployment.deploy()
    wanted = commands.run(command)
    faults = [*FAULTS.values()]
    operations = list(enumerate(commands.operations(command), place))
    if not all_cases:
        begin = place * SAMPLE % len(operations)
        operations = (operations * 2)[begin : begin + min(SAMPLE, len(operations))]
    for number, operation in operations:
        commands.proxy.breaking(operation, faults[(number + 5 * turn) % len(faults)])
        code, text = commands.run(command)
        assert commands.proxy.done
        if code == 1 and wanted[0] != 1 and command != "doctor":
            assert "Error: " in text, (operation, text)
        if (code, command) == (2, "status"):
            # What could not be read is neither missing nor another's.
            assert "missing" not in text and "not-ours" not in text, (operation, text)


@pytest.fixture(scope="module")
def known() -> dict[str, list[str]]:
    """Command -> the operations that it calls, noted at its first run in this process."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_command_that_changes_ends_in_a_line_and_can_be_resumed(
    commands: Commands, fault: str, all_cases: bool, known: dict[str, list[str]]
) -> None:
    for command in ("up", "down --yes --delete-data"):
        if command not in known:
            commands.begin(command)
            known[command] = commands.operations(command)
        # Each operation meets one of the faults in this run, and each fault in all runs.
        for number, operation in enumerate(known[command]):
            if number % len(FAULTS) != list(FAULTS).index(fault) or (number >= len(FAULTS) and not all_cases):
                continue
            commands.begin(command)
            commands.proxy.breaking(operation, FAULTS[fault])
            code, text = commands.run(command)
            assert code == 0 or "Error: " in text, (operation, text)
            assert commands.run(command)[0] == 0, operation


@pytest.mark.slow
@pytest.mark.parametrize(("command", "begin"), [("status", 0), ("doctor", 1)])
def test_a_single_member_that_is_left_out_ends_in_a_line_at_most(
    commands: Commands, command: str, begin: int, all_cases: bool
) -> None:
    """As another emulator leaves members out.

    The sample is each twentieth member of each third response.
    """
    commands.deployment.deploy()
    tracebacks = {}
    operations = commands.operations(command)
    for operation in operations if all_cases else operations[begin::3]:
        paths: list[tuple[str, ...]] = [()]
        number = 0
        while number < len(paths):

            def leave_out(wire: Wire, number: int = number, paths: Any = paths) -> Wire:
                document = _document(wire[2])
                if document is None:
                    return wire
                paths[:] = dict.fromkeys(_paths(document))
                return wire[0], {}, json.dumps(_without(document, paths[number])).encode()

            commands.proxy.breaking(operation, leave_out)
            try:
                commands.run(command)
            except Exception as error:
                tracebacks[f"{operation} without {'.'.join(paths[number])}"] = repr(error)
            number += 1 if all_cases else MEMBERS
    assert not tracebacks


def _part(body: bytes, share: float) -> bytes:
    return body[: int(len(body) * share)]


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _paths(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of each member; all entries of a list have one path."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield (*path, name)
            yield from _paths(inside, (*path, name))
    elif isinstance(value, list):
        for inside in value:
            yield from _paths(inside, (*path, "[]"))


def _without(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_without(inside, path[1:]) for inside in value]
    if not isinstance(value, dict):
        return value
    if len(path) == 1:
        return {name: inside for name, inside in value.items() if name != path[0]}
    return {name: _without(inside, path[1:]) if name == path[0] else inside for name, inside in value.items()}
