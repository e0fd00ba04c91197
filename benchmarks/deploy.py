"""How near a first `up` comes to AWS's limit, and what a no-op `up` costs.

Against a local cloud in a process of its own, whose calls take 80 ms and whose roles, functions and streams
take AWS's typical times, ten times as fast.
"""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.session import Session

from benchmarks.critical_path import Recorder, critical_path
from benchmarks.measure import Comparison, Machine, Target, compare, in_turns
from benchmarks.slow_cloud import CALL_SECONDS, SCALE, reset, slow_cloud
from mysfits_stream.aws.account import Account
from mysfits_stream.aws.session import prepared
from mysfits_stream.aws.waiting import Interrupt
from mysfits_stream.config import Config
from mysfits_stream.provision import stack
from mysfits_stream.provision.engine import Goal, converge, survey
from mysfits_stream.provision.processor_zip import HANDLER, Package, processor_package, zipped
from mysfits_stream.provision.resource import Resource
from mysfits_stream.provision.resources.function import Function
from mysfits_stream.provision.state import State
from mysfits_stream.target import LOCAL_INVOKE_URL
from mysfits_stream.target import Target as Place

PATH, OURS, LINE = "critical path", "first up", "straight line"
CHAIN, UP, STATUS = "longest chain of reads", "up", "status"
READS = ("Describe", "Get", "Head", "List")


class Deployer:
    """One stack on the slow cloud, through the deployer's own code."""

    def __init__(self, endpoint: str, directory: Path, package: Callable[[], Package] | None = None) -> None:
        self.recorder = Recorder()
        core = Session()
        core.set_credentials("x", "x")
        called: Any = self.recorder.called  # the stubs know no handler with named parameters
        core.register("after-call", called)
        self.config = Config(stack="shop")
        self.place = Place(
            name="local",
            account=Account("123456789012", "us-east-1"),
            session=prepared(core),
            endpoint_url=endpoint,
            invoke_url=LOCAL_INVOKE_URL,
            mysfits_api=f"{endpoint}/_mysfits",
            interrupt=Interrupt(),
            time_scale=SCALE,
        )
        self.resources: list[Resource] = [
            replace(each, package=package) if package and isinstance(each, Function) else each
            for each in stack.build(
                self.config,
                self.place.account,
                self.place.clients,
                mysfits_api=f"{endpoint}/_mysfits",
                answers=self.place.answers,
                pace=self.place.pace,
            )
        ]
        self.state = State(
            directory / "state.json", stack=self.config.stack, account="123456789012", region="us-east-1"
        )

    def up(self) -> None:
        """Converge to present."""
        converge(self.resources, self.state, goal=Goal.PRESENT, notify=self.recorder.notified)

    def status(self) -> None:
        """Read and decide."""
        survey(self.resources, Goal.PRESENT, self.config.stack)

    def straight(self) -> None:
        """What `up` asks, one resource after the other."""
        for resource in self.resources:
            resource.read()
        for resource in self.resources:
            resource.read()
            resource.create()
            resource.read()
            resource.settle()

    def reads(self) -> dict[str, tuple[int, int]]:
        """Logical name -> calls for a read of the resource, and how many in a chain."""
        found = {}
        for resource in self.resources:
            self.recorder.log.clear()
            resource.read()
            found[resource.name] = len(self.recorder.operations()), self.recorder.chain()
        self.recorder.log.clear()
        return found


def run(rounds: int = 3) -> list[Comparison]:
    """The first `up`, then what is asked of a stack that is as configured."""
    with slow_cloud() as endpoint, tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        return [first(endpoint, home, rounds), unchanged(endpoint, home, rounds)]


def first(endpoint: str, home: Path, rounds: int) -> Comparison:
    """The first `up` beside its critical path, and beside the same calls in a straight line."""
    runs = iter(range(1_000))

    def fresh() -> Deployer:
        reset(endpoint)
        directory = home / f"first-{next(runs)}"
        directory.mkdir()
        return Deployer(endpoint, directory)

    def ours() -> tuple[float, float]:
        deployer = fresh()
        surveyed = max(chain for _, chain in deployer.reads().values())
        started = time.perf_counter()
        deployer.up()
        seconds = time.perf_counter() - started
        return seconds, critical_path(deployer.resources, surveyed, deployer.recorder.counts())

    def line() -> tuple[float, float]:
        deployer = fresh()
        started = time.perf_counter()
        deployer.straight()
        return time.perf_counter() - started, 0.0

    taken = in_turns({OURS: ours, LINE: line}, rounds=rounds)
    return Comparison(
        f"Deploy: the first `up`, {CALL_SECONDS * 1000:g} ms a call, AWS's waits {SCALE:g} times as fast",
        Machine.here(),
        {
            PATH: [path for _, path in taken[OURS]],
            OURS: [seconds for seconds, _ in taken[OURS]],
            LINE: [seconds for seconds, _ in taken[LINE]],
        },
        (Target(OURS, PATH, most=1.15), Target(LINE, OURS, least=1)),
    )


def unchanged(endpoint: str, home: Path, rounds: int) -> Comparison:
    """`up` and `status` of an unchanged stack, beside the longest chain of reads."""
    reset(endpoint)
    directory = home / "unchanged"
    directory.mkdir()
    deployer = Deployer(endpoint, directory)
    deployer.up()
    reads = deployer.reads()
    longest = max(chain for _, chain in reads.values())
    compared = compare(
        "Deploy: nothing to do, in a process that runs already",
        {
            # The sleep is the baseline: the latency of the longest chain of calls, without any work.
            CHAIN: lambda: time.sleep(longest * CALL_SECONDS),  # stands for reads, one after the other
            UP: deployer.up,
            STATUS: deployer.status,
        },
        rounds=rounds,
        targets=(Target(UP, CHAIN, most=1.5), Target(STATUS, CHAIN, most=1.5)),
    )
    if written := writes(deployer.recorder.operations()):
        raise AssertionError(f"with nothing to do, {written} were called")
    wanted = sum(calls for calls, _ in reads.values())
    for command in (deployer.up, deployer.status):
        deployer.recorder.log.clear()
        command()
        if (made := len(deployer.recorder.operations())) != wanted:
            raise AssertionError(f"{made} reads were made in place of {wanted}")
    each = ", ".join(f"{name} {calls} in {chain}" for name, (calls, chain) in reads.items())
    return replace(
        compared,
        notes=(
            f"Reads: {wanted}, no write. Of each resource, and how many of them one after the other: {each}.",
            f"After a change of the processor's code alone `up` writes: {code_only(endpoint, directory)}.",
        ),
    )


def code_only(endpoint: str, directory: Path) -> str:
    """The writes of an `up` after a change of the code, which must be one."""
    package = processor_package()
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    entries[HANDLER] += b"# changed\n"
    changed = replace(package, zip_bytes=zipped(entries))
    deployer = Deployer(endpoint, directory, lambda: changed)
    deployer.up()
    written = writes(deployer.recorder.operations())
    if written != ["UpdateFunctionCode"]:
        raise AssertionError(f"after a change of the code, {written} were called")
    return written[0]


def writes(operations: Sequence[str]) -> list[str]:
    """Those that change something."""
    return [operation for operation in operations if not operation.startswith(READS)]


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
