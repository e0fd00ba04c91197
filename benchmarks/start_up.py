"""How fast the command line and its clients start, beside click and other tools."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import peers
from benchmarks.measure import Comparison, Target, compare
from mysfits_stream.aws.account import Account
from mysfits_stream.aws.session import prepared
from mysfits_stream.aws.waiting import Interrupt
from mysfits_stream.target import Target as Place

FLOOR, VERSION, HELP = "python -c 'import click'", "mysfits-stream --version", "mysfits-stream --help"
OTHERS = {
    "aws --version": ("awscli", "aws"),
    "chalice --version": ("chalice", "chalice"),
    "sam --version": ("aws-sam-cli", "sam"),
}
SERVICES = ("s3", "iam", "lambda", "firehose", "apigateway", "logs")
SIX, SHARED, ONE = "six clients, a session each", "the deployer's six", "the one that `clicks` needs"


def run(rounds: int = 7) -> list[Comparison]:
    """Whole processes, and the making of clients in one."""
    others = {side: runs(peers.command(*command), "--version") for side, command in OTHERS.items()}
    ours = str(Path(sys.executable).with_name("mysfits-stream"))
    starts = compare(
        "Start-up",
        {
            FLOOR: runs(sys.executable, "-c", "import click"),
            VERSION: runs(ours, "--version"),
            HELP: runs(ours, "--help"),
            **others,
        },
        rounds=rounds,
        targets=(
            Target(VERSION, FLOOR, most=1.6),
            Target(HELP, FLOOR, most=1.6),
            *(Target(other, VERSION, least=1) for other in others),
        ),
        notes=tuple(peers.version(package) for package, _ in OTHERS.values()),
    )
    clients = compare(
        "AWS clients of one command",
        {SIX: apart, SHARED: lambda: concurrently(*SERVICES), ONE: lambda: concurrently("s3")},
        rounds=rounds,
        targets=(Target(SIX, SHARED, least=2), Target(SHARED, ONE, least=1.3)),
    )
    return [starts, clients]


def runs(*command: str) -> Callable[[], None]:
    """Run a command to its end."""

    # An installed package is compiled, and so is this tree after the first run.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}

    def call() -> None:
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
        )

    return call


def apart() -> None:
    """Make each client as if there were no other."""
    for service in SERVICES:
        place().client(service)


def concurrently(*services: str) -> None:
    """Make clients as a command does."""
    shared = place()
    for service in services:
        shared.client(service)


def place() -> Place:
    """Somewhere that is never called."""
    from botocore.session import Session

    core = Session()
    core.set_credentials("x", "x")
    return Place(
        name="local",
        account=Account("123456789012", "us-east-1"),
        session=prepared(core),
        endpoint_url="http://127.0.0.1:9",
        invoke_url="",
        mysfits_api=None,
        interrupt=Interrupt(),
    )


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
