"""``make soak``: clicks at full rate through a local cloud while things go wrong.

    python -m benchmarks.soak --seconds 600 --write docs/reliability.md

Fifty connections send clicks. Meanwhile commands are killed, clients stay silent, functions die, the role
loses S3, nothing can be written to the disk, the wall clock jumps, and ``up``, ``status`` and ``plan`` run.
At the end each accepted click must be delivered or failed, by identity, once. Memory, threads and open files
of the local cloud are measured over the second half; delivered objects are counted and deleted on the way.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import requests

from benchmarks.measure import Machine
from benchmarks.soak_cloud import CLOCK_FILE
from mysfits_stream.localcloud import daemon
from mysfits_stream.localcloud.settings import Settings

CONNECTIONS = 50
SAMPLE_SECONDS = 5.0
CHAOS_SECONDS = 4.0
DRAIN_SECONDS = 120.0
MEMORY_SLOPE = 1.0  # MB a minute
FLAT = 5.0
"""The most that the median number of threads or open files may grow within the second half."""
LISTENING = "0A"  # the state of a listening socket in /proc/net/tcp
CONFIG = "api: {rate_limit: 10000, burst_limit: 5000}\nlocal: {access: open}\n"
COMMAND = (sys.executable, "-m", "benchmarks.soak_cloud")
TOOL = (sys.executable, "-m", "mysfits_stream")


@dataclass
class Soak:
    """One local cloud under load, and what happened to the clicks."""

    folder: Path
    running: daemon.Running
    endpoint: str = ""
    bucket: str = ""
    delivered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    samples: list[tuple[float, float, int, int]] = field(default_factory=list)
    """Seconds, memory in MB, threads, open files without the connections of clients."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why records failed, and how many."""
    chaos: Counter[str] = field(default_factory=Counter)
    tracebacks: list[str] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - no secret

    def client(self, service: str) -> Any:
        """A client of the local cloud."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.running.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.running.access_key_id,
            aws_secret_access_key="x",  # noqa: S106 - made up
        )

    def tool(self, *arguments: str, kill_after: float | None = None) -> str:
        """Run a command of the tool, or kill it on the way; its output."""
        process = subprocess.Popen(
            [*TOOL, *arguments], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            out, err = process.communicate(timeout=kill_after or 300)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
        if "Traceback" in err:
            self.tracebacks.append(f"{' '.join(arguments)}: {err.splitlines()[-1]}")
        return out

    def collect(self) -> None:
        """Count the clicks in the bucket, and delete their objects."""
        s3 = self.client("s3")
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket):
            versions = page.get("Versions", [])
            for version in versions:
                body = s3.get_object(Bucket=self.bucket, Key=version["Key"])["Body"].read()
                for line in body.decode().splitlines():
                    self._count(json.loads(line))
            if versions:
                keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in versions]
                s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})

    def _count(self, found: dict[str, Any]) -> None:
        if "rawData" in found:
            self.reasons[f"{found.get('errorCode')}: {found.get('errorMessage')}"[:120]] += 1
            raw = json.loads(base64.b64decode(found["rawData"]))
            self.failed.update(each["userId"] for each in (raw if isinstance(raw, list) else [raw]))
        else:
            self.delivered[found["userId"]] += 1

    def sample(self, seconds: float) -> None:
        """Measure the local cloud."""
        status = Path(f"/proc/{self.running.pid}/status").read_text(encoding="ascii")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        memory = int(fields["VmRSS"].split()[0]) / 1024
        files = open_files(self.running.pid, self.running.port)
        self.samples.append((seconds, memory, int(fields["Threads"]), files))


def open_files(pid: int, port: int) -> int:
    """Open files of a server, without the connections, which vary with load."""
    process = Path(f"/proc/{pid}")
    rows = [row.split() for row in (process / "net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    connections = {
        f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{port:04X}") and row[3] != LISTENING
    }
    found = 0
    for file in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(file.readlink()) not in connections
    return found


def kill_a_command(soak: Soak) -> None:
    """kill -9 of a command at a random moment."""
    soak.tool(
        soak.chance.choice(("status", "plan", "up", "clicks")), kill_after=soak.chance.uniform(0.05, 1.5)
    )


def run_a_command(soak: Soak) -> None:
    """``up``, ``status`` or ``plan`` beside the clicks."""
    soak.tool(soak.chance.choice(("up", "status", "plan")))


def stay_silent(soak: Soak) -> None:
    """A hundred clients that send nothing, half a head or half a body."""
    head = b"PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as connections:
        for number in range(100):
            address = ("127.0.0.1", soak.running.port)
            connection = connections.enter_context(socket.create_connection(address, timeout=10))
            connection.sendall(head[: (0, 20, len(head))[number % 3]])
        time.sleep(2)  # the connections stay open meanwhile


def kill_a_function(soak: Soak) -> None:
    """kill -9 of the processes of all functions."""
    for entry in Path("/proc").iterdir():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == str(soak.running.pid) and b"supervisor.py" in (entry / "cmdline").read_bytes():
                for child in (entry / "task" / entry.name / "children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
        except (OSError, IndexError):
            continue


def refuse_s3(soak: Soak) -> None:
    """Firehose's role may not write objects for a while."""
    iam = soak.client("iam")
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    role = next(each["RoleName"] for each in iam.list_roles()["Roles"] if "delivery" in each["RoleName"])
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="refuse", PolicyDocument=document)
    try:
        time.sleep(3)  # the fault lasts for several deliveries
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="refuse")


def fill_the_disk(soak: Soak) -> None:
    """No file of the local cloud can grow for a while, as on a full disk."""
    limits = resource.prlimit(soak.running.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(soak.running.pid, resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        time.sleep(3)  # the fault lasts for several deliveries
    finally:
        resource.prlimit(soak.running.pid, resource.RLIMIT_FSIZE, limits)


def set_the_clock(soak: Soak) -> None:
    """The wall clock jumps by up to an hour."""
    offset = soak.chance.choice((-3600.0, -60.0, 0.0, 60.0, 3600.0))
    (soak.folder / ".mysfits-stream" / CLOCK_FILE).write_text(str(offset))


CHAOS: tuple[Callable[[Soak], None], ...] = (
    kill_a_command,
    run_a_command,
    stay_silent,
    kill_a_function,
    refuse_s3,
    fill_the_disk,
    set_the_clock,
)


def trouble(soak: Soak, ended: threading.Event) -> None:
    """One piece of chaos after the other, in a random order that a seed fixes."""
    while not ended.wait(CHAOS_SECONDS):
        piece = soak.chance.choice(CHAOS)
        try:
            piece(soak)
        except Exception as error:  # the soak goes on, and the result names every failed piece
            soak.tracebacks.append(f"{piece.__name__}: {type(error).__name__}: {error}")
        soak.chaos[piece.__name__] += 1


def slope(samples: list[tuple[float, float]]) -> float:
    """Growth a minute of a figure, by linear regression over seconds."""
    if len(samples) < 3:
        return 0.0
    return statistics.linear_regression(*zip(*samples, strict=True)).slope * 60


def growth_of_level(figures: Sequence[float]) -> float:
    """Growth of the median from the first to the last third: no single peak counts."""
    third = len(figures) // 3
    return statistics.median(figures[-third:]) - statistics.median(figures[:third]) if third else 0.0


def read_results(file: Path) -> dict[str, set[str]]:
    """The clicks by outcome: accepted (+), refused (-), without an answer (?)."""
    outcomes: dict[str, set[str]] = {"+": set(), "-": set(), "?": set()}
    for line in file.read_text("ascii").splitlines():
        outcomes[line[0]].add(line[1:])
    return outcomes


def run(folder: Path, seconds: float, seed: int) -> tuple[dict[str, Any], list[str]]:
    """Soak a local cloud in a folder; its figures, and what was wrong."""
    (folder / "config.yaml").write_text(CONFIG)
    place = folder / ".mysfits-stream"
    running = daemon.ensure(place, Settings(access="open"), COMMAND, keep=folder / "kept")
    soak = Soak(folder, running, chance=random.Random(seed))  # noqa: S311 - no secret
    try:
        made = json.loads(soak.tool("up", "--json"))
        soak.endpoint = f"{made['endpoint']}/clicks"
        soak.bucket = next(each["id"] for each in made["resources"] if each["name"] == "clicks-bucket")
        mysfits = requests.get(f"{running.endpoint}/_mysfits/mysfits", timeout=10).json()["mysfits"]
        results = folder / "results"
        started = time.monotonic()
        ended = threading.Event()
        troubling = threading.Thread(target=trouble, args=(soak, ended))
        clients = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.soak_clients",
                soak.endpoint,
                mysfits[0]["mysfitId"],
                str(CONNECTIONS),
                results,
            ],
            stdin=subprocess.PIPE,
        )
        troubling.start()
        while (passed := time.monotonic() - started) < seconds:
            soak.sample(passed)
            soak.collect()
            # Samples at equal distances; the clients run in another process.
            # Samples are taken at equal distances.
            time.sleep(max(0.0, SAMPLE_SECONDS - (time.monotonic() - started - passed)))
        clients.communicate(timeout=120)
        ended.set()
        troubling.join()
        outcomes = read_results(results)
        drained_at = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < drained_at and outcomes["+"] - soak.delivered.keys() - soak.failed.keys():
            soak.collect()
            time.sleep(1)  # between two listings of the bucket
    finally:
        daemon.stop(place)
    return judge(soak, outcomes, seconds)


def judge(soak: Soak, outcomes: dict[str, set[str]], seconds: float) -> tuple[dict[str, Any], list[str]]:
    """The figures of a soak, and what breaks the promise."""
    accepted = outcomes["+"]
    arrived = soak.delivered.keys() | soak.failed.keys()
    last = [each for each in soak.samples if each[0] >= seconds / 2]
    growth = slope([(at, memory) for at, memory, _, _ in last])
    threads, files = ([each[index] for each in last] for index in (2, 3))
    figures = {
        "seconds": f"{seconds:g}",
        "clicks accepted": f"{len(accepted):,}",
        "a second": f"{len(accepted) / seconds:,.0f}",
        "delivered": f"{len(soak.delivered):,}",
        "failed": f"{len(soak.failed.keys() - soak.delivered.keys()):,}",
        "failed because": "; ".join(f"{reason} ({count:,})" for reason, count in soak.reasons.most_common(5))
        or "-",
        "refused, or without an answer": f"{len(outcomes['-']):,}, {len(outcomes['?']):,}",
        "accepted and lost": len(accepted - arrived),
        "never sent": len(arrived - accepted - outcomes["?"] - outcomes["-"]),
        "refused and delivered all the same": len(arrived & outcomes["-"]),
        "delivered more than once": sum(count > 1 for count in soak.delivered.values()),
        "memory, MB": f"{last[0][1]:.0f} to {last[-1][1]:.0f}" if last else "-",
        "memory's growth, MB a minute": f"{growth:.2f}",
        "threads": f"{min(threads)} to {max(threads)}" if threads else "-",
        "open files": f"{min(files)} to {max(files)}" if files else "-",
        "chaos": ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in sorted(soak.chaos.items())),
    }
    wrong = [name for name in ("accepted and lost", "never sent") if figures[name]]
    if growth >= MEMORY_SLOPE:
        wrong.append(f"memory grows by {growth:.2f} MB a minute")
    for name, figure in (("threads", threads), ("open files", files)):
        if (grown := growth_of_level(figure)) > FLAT:
            wrong.append(f"{name} grow by {grown:g}")
    return figures, [*wrong, *soak.tracebacks]


def main() -> int:
    """Soak, print the figures, and write them where told; exit status 1 if a promise is broken."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--write", type=Path)
    given = options.parse_args()
    os.environ["PYTHONPATH"] = str(Path.cwd())
    machine = Machine.here()
    with tempfile.TemporaryDirectory() as folder:
        figures, wrong = run(Path(folder), given.seconds, given.seed)
    table = "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in figures.items())])
    print(table, *wrong, sep="\n")
    if given.write:
        text = given.write.read_text("utf-8")
        head, mark, _ = text.partition("## The last soak\n")
        given.write.write_text(f"{head}{mark}\n{machine}; seed {given.seed}.\n\n{table}\n", "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
