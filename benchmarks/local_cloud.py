"""The local cloud beside moto's server and MiniStack: start, memory, speed.

Memory is taken at rest, before any call; after one call; and with the same stack up. MiniStack's stack is
deployed by the same command, as if MiniStack were AWS.

A click of ours goes the whole path: PUT, mapping template, buffer, Lambda, S3. Theirs do not serve that, so
they are asked for Firehose's bare PutRecord, which is one step of it.
"""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import boto3
import requests
import yaml
from cheroot import wsgi

from benchmarks import peers
from benchmarks.load import Outcome, Task, load
from benchmarks.measure import Comparison, Machine, Target, compare_figures, in_turns
from mysfits_stream.local_site import mysfits
from mysfits_stream.localcloud.http.body import BodyReader
from mysfits_stream.localcloud.http.listener import WORKERS, Listener
from mysfits_stream.localcloud.http.messages import Environ, StartResponse, read_head, send_response
from mysfits_stream.localcloud.http.routes import LARGEST_BODY

SECONDS = 4.0
PATIENCE = 60.0
WANTED, CHEROOT, BARE, OURS, MOTO, MINISTACK = (
    "wanted",
    "cheroot's server, with nothing behind it",
    "our HTTP server, with nothing behind it",
    "ours, the whole path",
    "moto server, PutRecord",
    "MiniStack, PutRecord",
)
MEMORY_WITH_STACK = 1.5

STREAM = "clicks"
CLICK = {"userId": "8b1f5c1e-user", "mysfitId": ""}
# No limit but the machine's.
SETTINGS = {"api": {"rate_limit": 10_000, "burst_limit": 5_000}}
COMMAND = (sys.executable, "-m", "mysfits_stream")
SCOPE = "Credential=x/20261123/us-east-1/firehose/aws4_request"


@dataclass(frozen=True)
class Server:
    """An emulator that answers."""

    endpoint: str
    pid: int
    ready_seconds: float

    def client(self, service: str) -> Any:
        """A client of it."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106 - made up
        )

    def memory(self) -> float:
        """What it and its children hold of the machine's memory, in MB."""
        table = subprocess.run(
            ["ps", "-Ao", "pid=,ppid=,rss="],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        )
        rows = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
        family = {self.pid}
        while more := {pid for pid, parent, _ in rows if parent in family} - family:
            family |= more
        return sum(rss for pid, _, rss in rows if pid in family) / 1024


def run(rounds: int = 3) -> list[Comparison]:
    """All, in turns."""
    emulators = {"ours": ours, "moto server": moto, "MiniStack": ministack}
    stacks = {"ours": our_stack, "MiniStack": ministack_stack}
    not_more = (Target("ours", "MiniStack", most=1),)
    versions = tuple(peers.version(package) for package in ("moto", "ministack"))
    return [
        compare_figures(
            "Local cloud: ready to serve",
            {name: ready(start) for name, start in emulators.items()},
            unit="s",
            rounds=rounds,
            targets=not_more,
            notes=versions,
        ),
        compare_figures(
            "Local cloud: memory at rest",
            {name: resting(start) for name, start in emulators.items()},
            unit="MB",
            rounds=1,
            targets=not_more,
            notes=versions,
        ),
        compare_figures(
            "Local cloud: memory after one call",
            {name: resting(start, called=True) for name, start in emulators.items()},
            unit="MB",
            rounds=1,
            notes=("The call is ListDeliveryStreams.", *versions),
        ),
        compare_figures(
            "Local cloud: memory with the same stack up",
            {name: resting(start) for name, start in stacks.items()},
            unit="MB",
            rounds=1,
            targets=(Target("ours", "MiniStack", most=MEMORY_WITH_STACK),),
            notes=(
                "With the processes of the function, which `up` has tested.",
                "MiniStack has no PutRestApi, so its stack is without the API.",
                *versions,
            ),
        ),
        *clicks(rounds),
    ]


def ready(start: Callable[[], AbstractContextManager[Server]]) -> Callable[[], float]:
    """The seconds from the command until it serves."""

    def call() -> float:
        with start() as server:
            return server.ready_seconds

    return call


def resting(
    start: Callable[[], AbstractContextManager[Server]], *, called: bool = False
) -> Callable[[], float]:
    """What it holds at rest, before or after the first call of an AWS client."""

    def call() -> float:
        with start() as server:
            if called:
                server.client("firehose").list_delivery_streams()
            return server.memory()

    return call


def clicks(rounds: int) -> list[Comparison]:
    """Clicks per second, and how long an answer takes, with 8 connections."""
    with ExitStack() as running:
        pipeline, landed = running.enter_context(our_pipeline())
        sides = {
            CHEROOT: running.enter_context(bare(_serve_cheroot)),
            BARE: running.enter_context(bare(_serve_ours)),
            OURS: pipeline,
            MOTO: put_record(running.enter_context(moto())),
            MINISTACK: put_record(running.enter_context(ministack())),
        }
        outcomes = in_turns(sides, rounds=rounds)
    machine = Machine.here()

    def figures(pick: Callable[[Outcome], float]) -> dict[str, list[float]]:
        return {side: [pick(each) for each in found] for side, found in outcomes.items()}

    sent = sum(each.answered for each in outcomes[OURS])
    return [
        Comparison(
            "Local cloud: clicks per second, 8 connections",
            machine,
            figures(lambda each: each.per_second),
            (
                Target(OURS, MINISTACK, least=4),
                Target(OURS, MOTO, least=8),
                Target(OURS, CHEROOT, least=0.6),
            ),
            unit="/s",
            notes=(
                f"Each of our {sent:,} clicks was found in S3, enriched, once; of a turn of {SECONDS:g} s "
                f"the last landed {landed.longest:.1f} s after its end at most.",
                f"cheroot {version('cheroot')}",
                *(peers.version(package) for package in ("moto", "ministack")),
            ),
        ),
        Comparison("Local cloud: half of all answers come within", machine, figures(lambda each: each.p50)),
        Comparison("Local cloud: 99 of 100 answers come within", machine, figures(lambda each: each.p99)),
    ]


@contextmanager
def ours() -> Iterator[Server]:
    """Our local cloud, by its command, in a directory of its own."""
    with home() as (directory, environment):
        started = time.perf_counter()
        _ours("local", "start", directory=directory, environment=environment)
        seconds = time.perf_counter() - started
        state = json.loads((directory / ".mysfits-stream/local-cloud.json").read_text("utf-8"))
        yield Server(f"http://127.0.0.1:{state['port']}", state["pid"], seconds)


@contextmanager
def bare(serve: Callable[[Connection], None]) -> Iterator[Callable[[], Outcome]]:
    """A server in a process of its own that answers everything with nothing."""
    with in_a_process(serve) as url:
        task = Task(
            url=url,
            method="PUT",
            headers={"Content-Type": "application/json"},
            body=json.dumps(CLICK),
            seconds=SECONDS,
        )
        yield lambda: unrefused(load(task))


@contextmanager
def in_a_process(serve: Callable[[Connection], None]) -> Iterator[str]:
    """The base URL of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/"
    finally:
        ours.send("stop")
        process.join(PATIENCE)


def _nothing(environ: Environ, start_response: StartResponse) -> list[bytes]:
    BodyReader(environ).read(LARGEST_BODY)
    start_response("200 OK", [("Content-Length", "0")])
    return []


def _stand_in(environ: Environ, start_response: StartResponse) -> list[bytes]:
    request = read_head(environ)
    return send_response(mysfits.handle(request, request.decoded_path), request, start_response)


def _serve_ours(pipe: Connection) -> None:
    _serve(_nothing, pipe)


def _serve_mysfits(pipe: Connection) -> None:
    _serve(_stand_in, pipe)


def _serve(application: Callable[[Environ, StartResponse], list[bytes]], pipe: Connection) -> None:
    listener = Listener(application)
    listener.start(0)
    pipe.send(listener.port)
    pipe.recv()
    listener.stop()


def _serve_cheroot(pipe: Connection) -> None:
    server = wsgi.Server(("127.0.0.1", 0), _nothing, numthreads=WORKERS, request_queue_size=128)
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    pipe.send(server.bind_addr[1])
    pipe.recv()
    server.stop()
    thread.join()


@dataclass(frozen=True)
class Pipeline:
    """A stack of ours that is up, and the task of one who clicks."""

    server: Server
    bucket: str
    task: Task


@contextmanager
def our_pipeline(*, keep: bool = False) -> Iterator[tuple[Callable[[], Outcome], Landed]]:
    """A deployed stack: a function that clicks and accounts for all, and the account.

    With ``keep``, the local cloud keeps its state in a directory.
    """
    with pipeline(keep=keep) as made:
        landed = Landed(made.server.client("s3"), made.bucket)

        def call() -> Outcome:
            outcome = unrefused(load(made.task))
            landed.expect(outcome.answered)
            return outcome

        yield call, landed


@contextmanager
def pipeline(*, keep: bool = False) -> Iterator[Pipeline]:
    """A stack that is up in a local cloud, which ends with the block."""
    with home() as (directory, environment):
        if keep:
            _ours("local", "start", "--keep", "kept", directory=directory, environment=environment)
        made = json.loads(_ours("up", "--json", directory=directory, environment=environment))
        state = json.loads((directory / ".mysfits-stream/local-cloud.json").read_text("utf-8"))
        server = Server(f"http://127.0.0.1:{state['port']}", state["pid"], 0.0)
        mysfits = requests.get(f"{server.endpoint}/_mysfits/mysfits", timeout=10).json()["mysfits"]
        bucket = next(each["id"] for each in made["resources"] if each["name"] == "clicks-bucket")
        task = Task(
            url=f"{made['endpoint']}/clicks",
            method="PUT",
            headers={"Content-Type": "application/json"},
            body=json.dumps({**CLICK, "mysfitId": mysfits[0]["mysfitId"]}),
            seconds=SECONDS,
        )
        yield Pipeline(server, bucket, task)


@contextmanager
def our_stack() -> Iterator[Server]:
    """Our local cloud with a stack."""
    with pipeline() as made:
        yield made.server


@contextmanager
def ministack_stack() -> Iterator[Server]:
    """MiniStack with the same stack but the API, which it cannot import.

    A stand-in Mysfits service runs in a further process, and does not count.
    """
    with ExitStack() as running:
        server = running.enter_context(ministack())
        directory, environment = running.enter_context(settings_home())
        api = running.enter_context(in_a_process(_serve_mysfits))
        aws = {
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
        }
        options = ("--target", "aws", "--mysfits-api", api)
        done = subprocess.run(
            [*COMMAND, "up", "--yes", *options],
            cwd=directory,
            env={**environment, **aws},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode and "PutRestApi" not in done.stderr:
            raise AssertionError(done.stderr)
        yield server


class Landed:
    """The enriched clicks in a bucket, counted as they land."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._seen: set[str] = set()
        self.longest = 0.0
        """The most seconds that the last click of a turn took to land."""

    def expect(self, clicks: int) -> None:
        """Wait for so many more, no fewer and no more."""
        started = time.monotonic()
        deadline = started + PATIENCE
        found = 0
        while found < clicks:
            if time.monotonic() > deadline:
                raise AssertionError(f"{found} of {clicks} clicks landed")
            time.sleep(0.2)  # polls in another process than the delivery: a busy loop would take its core
            found += self._new()
        if found != clicks:
            raise AssertionError(f"{found} clicks landed, {clicks} were sent")
        self.longest = max(self.longest, time.monotonic() - started)

    def _new(self) -> int:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket)
        keys = {entry["Key"] for page in pages for entry in page.get("Contents", ())} - self._seen
        self._seen |= keys
        lines = [
            json.loads(line)
            for key in keys
            for line in self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().splitlines()
        ]
        if any("species" not in line for line in lines):
            raise AssertionError("a click landed that was not enriched")
        return len(lines)


@contextmanager
def home() -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory for our local cloud, ended with the block, and the environment."""
    with settings_home() as (directory, environment):
        try:
            yield directory, environment
        finally:
            _ours("local", "stop", "--yes", directory=directory, environment=environment)


@contextmanager
def settings_home() -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory with SETTINGS, and the environment to run in."""
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        (directory / "config.yaml").write_text(yaml.safe_dump(SETTINGS), "utf-8")
        yield directory, environment_of_a_command()


def environment_of_a_command() -> dict[str, str]:
    """The environment of a command of ours; each emulator here gets the same made-up key."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MYSFITS_STREAM_")}
    return {**kept, "PYTHONPATH": str(Path.cwd()), "MYSFITS_STREAM_LOCAL_ACCESS": "open"}


def _ours(*arguments: str, directory: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=directory, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout


@contextmanager
def moto() -> Iterator[Server]:
    """moto's server."""
    port = free_port()
    with _served(port, {}, peers.command("moto", "moto_server"), "-p", str(port)) as server:
        yield server


@contextmanager
def ministack() -> Iterator[Server]:
    """MiniStack."""
    port = free_port()
    with _served(port, {"GATEWAY_PORT": str(port)}, peers.command("ministack", "ministack")) as server:
        yield server


@contextmanager
def _served(port: int, settings: dict[str, str], *command: str) -> Iterator[Server]:
    endpoint = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen(
        command, env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not _answers(endpoint):
            if process.poll() is not None or time.perf_counter() - started > PATIENCE:
                raise RuntimeError(f"{command[0]} does not serve")
            time.sleep(0.02)  # polls a foreign server: a busy loop would take the core of its start
        yield Server(endpoint, process.pid, time.perf_counter() - started)
    finally:
        process.terminate()
        process.wait(10)


def _answers(endpoint: str) -> bool:
    try:
        requests.get(endpoint, timeout=5)
    except requests.ConnectionError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def put_record(server: Server) -> Callable[[], Outcome]:
    """Ask an emulator for PutRecord for a while."""
    server.client("s3").create_bucket(Bucket=STREAM)
    server.client("firehose").create_delivery_stream(
        DeliveryStreamName=STREAM,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/delivery",
            "BucketARN": f"arn:aws:s3:::{STREAM}",
        },
    )
    data = base64.b64encode(json.dumps(CLICK).encode()).decode()
    task = Task(
        url=server.endpoint,
        method="POST",
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "Firehose_20150804.PutRecord",
            "X-Amz-Date": "20261123T120000Z",
            "Authorization": f"AWS4-HMAC-SHA256 {SCOPE}, SignedHeaders=host, Signature=0",
        },
        body=json.dumps({"DeliveryStreamName": STREAM, "Record": {"Data": data}}),
        seconds=SECONDS,
    )

    def call() -> Outcome:
        return unrefused(load(task))

    return call


def unrefused(outcome: Outcome) -> Outcome:
    """The same, if every request was answered with success."""
    if outcome.refused:
        raise AssertionError(f"{outcome.refused} requests were refused")
    return outcome


def main() -> None:
    """Print the comparisons."""
    print(*run(), sep="\n\n")


if __name__ == "__main__":
    main()
