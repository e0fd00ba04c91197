"""The first `up` without a local cloud, beside importing boto3 and moto alone.

From the start of the command until its line with the endpoint, in a new directory; and until its first line.
IMPORTS loads what moto has of the seven services that `up` calls. The local cloud does without moto's API
Gateway, so FEWER, which has no target, is what the local cloud itself loads.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.local_cloud import COMMAND, environment_of_a_command
from benchmarks.measure import Comparison, Machine, Target, in_turns

SEVEN = ("s3", "iam", "awslambda", "firehose", "apigateway", "logs", "sts")
IMPORTS = "import boto3 and seven of moto's backends"
FEWER = "the same without API Gateway's"
ENDPOINT, FIRST_LINE, WANTED = "first up, to its endpoint", "first up, to its first line", "wanted"
MOST, FIRST_LINE_SECONDS = 1.5, 0.2


@dataclass(frozen=True)
class Turn:
    """Seconds to the first line and to the endpoint; the same twice for an import."""

    first_line: float
    endpoint: float


def run(rounds: int = 5) -> list[Comparison]:
    """Both, from the same runs."""
    turns = in_turns(
        {
            IMPORTS: imports(*SEVEN),
            FEWER: imports(*(name for name in SEVEN if name != "apigateway")),
            ENDPOINT: first_up,
        },
        rounds=rounds,
    )
    machine, versions = Machine.here(), tuple(f"{name} {version(name)}" for name in ("boto3", "moto"))
    return [
        Comparison(
            "First `up` on a local cloud that does not run",
            machine,
            {side: [each.endpoint for each in taken] for side, taken in turns.items()},
            (Target(ENDPOINT, IMPORTS, most=MOST),),
            notes=versions,
        ),
        Comparison(
            "First `up`: its first line of output",
            machine,
            {
                WANTED: [FIRST_LINE_SECONDS] * rounds,
                FIRST_LINE: [each.first_line for each in turns[ENDPOINT]],
            },
            (Target(FIRST_LINE, WANTED, most=1),),
        ),
    ]


def imports(*backends: str) -> Callable[[], Turn]:
    """Import boto3 and moto's backends in a process of their own."""
    code = "; ".join(("import boto3", *(f"import moto.{name}.models" for name in backends)))

    def call() -> Turn:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        seconds = time.perf_counter() - began
        return Turn(seconds, seconds)

    return call


def first_up() -> Turn:
    """Bring a stack up in a new directory; the local cloud ends afterwards."""
    with tempfile.TemporaryDirectory() as scratch:
        directory, environment = Path(scratch), environment_of_a_command()
        began = time.perf_counter()
        with subprocess.Popen(
            [*COMMAND, "up", "--yes"],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said = [(time.perf_counter() - began, line) for line in process.stdout or ()]
        subprocess.run(
            [*COMMAND, "local", "stop", "--yes"],
            cwd=directory,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    if process.returncode:
        raise AssertionError("".join(line for _, line in said))
    return Turn(said[0][0], next(at for at, line in said if line.startswith("endpoint")))


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
