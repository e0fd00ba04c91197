"""How fast `query` answers about a million clicks in 500 objects, beside peers.

Each run is a process of its own, from its start to its answer. polars gets the objects by sixteen threads of
urllib into a directory, and reads them with `scan_ndjson`. DuckDB reads the objects' URLs with its extension
httpfs. Both count each click once, as `query` does, and keep nothing for the next question.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from benchmarks import peers
from benchmarks.measure import Comparison, Target, compare, compare_figures
from benchmarks.slow_s3 import SlowS3, key, slow_s3
from mysfits_stream.config import Config
from mysfits_stream.operations import query
from mysfits_stream.operations.project import Project

CLICKS_PER_OBJECT = 2_000
CLICKS, MANY_CLICKS = 1_000_000, 10_000_000
SPECIES = ("Griffin", "Chimera", "Troll", "Cyclops", "Mandrake", "Hydra")
SQL = "SELECT species, count(*) AS n FROM clicks GROUP BY 1 ORDER BY 1"
DAY = datetime(2026, 11, 23, tzinfo=UTC)
SINCE, UNTIL = "2026-11-23", "2026-11-24"
RANGE = ("--since", SINCE, "--until", UNTIL)
ROOT = Path(__file__).parent.parent
TIME, OBJECT = b"<time>", b"<object>"
POLARS, HTTPFS, COLD, WARM = "polars", "DuckDB with httpfs", "query, cold", "query, warm"
ANSWERED, WANTED = "from the click to the answer", "wanted"

LISTING = """\
import concurrent.futures, pathlib, re, sys, urllib.request
address, directory = sys.argv[1], pathlib.Path(sys.argv[2])
def get(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()
page = f"{address}/clicks?list-type=2&prefix=firehose/2026/11/23/"
listing = get(page).decode()
keys = re.findall("<Key>(.*?)</Key>", listing)
while found := re.search("<NextContinuationToken>(.*?)<", listing):
    listing = get(f"{page}&continuation-token={found[1]}").decode()
    keys += re.findall("<Key>(.*?)</Key>", listing)
"""
POLARS_SCRIPT = """\
import polars
def save(numbered):
    number, name = numbered
    (directory / f"{number}.json.gz").write_bytes(get(f"{address}/clicks/{name}"))
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    list(pool.map(save, enumerate(keys)))
clicks = polars.scan_ndjson(directory / "*.json.gz").sort("clickedAt").unique(subset="clickId", keep="first")
print(clicks.group_by("species").len().collect(engine="streaming")["len"].sum())
"""
HTTPFS_SCRIPT = """\
import duckdb, duckdb_extension_httpfs
[httpfs] = pathlib.Path(duckdb_extension_httpfs.__file__).parent.glob("extensions/*/httpfs.duckdb_extension")
duck = duckdb.connect()
duck.execute(f"LOAD '{httpfs}'")
duck.execute("SET force_download = true; SET enable_progress_bar = false")
urls = ", ".join(f"'{address}/clicks/{name}'" for name in keys)
columns = "columns={species: 'VARCHAR', clickedAt: 'VARCHAR', clickId: 'VARCHAR'}"
clicks = f"read_json([{urls}], format='newline_delimited', compression='gzip', {columns})"
once = f"FROM {clicks} QUALIFY row_number() OVER (PARTITION BY clickId ORDER BY clickedAt) = 1"
counts = duck.execute(f"SELECT species, count(*) FROM ({once}) GROUP BY 1").fetchall()
print(sum(count for _, count in counts))
"""


def run(rounds: int = 3) -> list[Comparison]:
    """Time and memory of a question, cold and warm; memory of ten times the clicks."""
    polars = Path(peers.command("polars", "python"))
    duckdb = Path(peers.command("duckdb-extension-httpfs", "python"))
    with tempfile.TemporaryDirectory() as name, slow_s3(0.0) as s3:
        base = Path(name)
        load(s3, base, CLICKS)
        warm = base / "warm"
        command(s3, warm)
        times = compare(
            f"One question about {CLICKS:,} clicks in {CLICKS // CLICKS_PER_OBJECT} gzip objects",
            {
                POLARS: lambda: ask_peer(polars, POLARS_SCRIPT, s3, base),
                HTTPFS: lambda: ask_peer(duckdb, HTTPFS_SCRIPT, s3, base),
                COLD: lambda: command_without_cache(s3, base),
                WARM: lambda: command(s3, warm),
            },
            rounds=rounds,
            targets=(Target(POLARS, COLD, least=1), Target(HTTPFS, COLD, least=1)),
            notes=(
                f"{peers.version('polars')}, {peers.version('duckdb-extension-httpfs')}. "
                "A whole process each: ours is the command. Limits: cold 5 s, warm 1.2 s.",
            ),
        )
        inner = [ask(s3, warm / ".mysfits-stream", CLICKS)["seconds"] for _ in range(rounds + 2)]
        after_imports = f"Warm, after the imports: {statistics.median(inner):.2f} s; the limit is 0.3 s."
        times = replace(times, notes=(*times.notes, after_imports))
        few = ask_cold(s3, base, CLICKS)["peak"]
        load(s3, base, MANY_CLICKS)
        few_name, many_name = f"{CLICKS:,} clicks", f"{MANY_CLICKS:,} clicks"
        many = ask_cold(s3, base, MANY_CLICKS)["peak"]
        memory = compare_figures(
            "One question, cold: the peak memory of the process",
            {many_name: lambda: many, few_name: lambda: few},
            unit="MB",
            rounds=1,
            targets=(Target(many_name, few_name, most=1.2),),
            notes=("The limit is 300 MB.",),
        )
    return [times, memory, from_a_click(rounds)]


def from_a_click(rounds: int) -> Comparison:
    """The seconds from a click on the local cloud to the answer that counts the click."""
    from benchmarks.local_cloud import pipeline  # slow to import, and no part of the other questions

    with tempfile.TemporaryDirectory() as name, pipeline() as made:
        project = Project(Config(region="us-east-1"), Path(name), SlowS3(made.server.endpoint).target())
        numbers = itertools.count(1)

        def click() -> float:
            wanted, started = next(numbers), time.perf_counter()
            requests.put(
                made.task.url, made.task.body, headers=made.task.headers, timeout=10
            ).raise_for_status()
            while counted(project, None, None) < wanted:
                time.sleep(0.05)  # the local cloud delivers meanwhile
            return time.perf_counter() - started

        return compare_figures(
            "A click on the local cloud, until SQL counts it",
            {ANSWERED: click, WANTED: lambda: 2.0},
            unit="s",
            rounds=rounds,
            targets=(Target(ANSWERED, WANTED, most=1),),
            notes=("The buffers of 60 s and 60 s take 1 s, 120 times as fast as on AWS.",),
        )


def load(s3: SlowS3, base: Path, clicks: int) -> None:
    """Fill the stand-in with this many clicks of a day."""
    with fresh(base) as directory:
        names = {}
        chance = random.Random(clicks)  # noqa: S311 - repeatable, not secret
        objects = clicks // CLICKS_PER_OBJECT
        pattern = template(chance)
        for number in range(objects):
            started = DAY + timedelta(days=1) * number / objects
            path = directory / f"{number}.gz"
            # Each object has clicks and ids of its own; making each line anew would take minutes.
            text = pattern.replace(TIME, f"{started:%Y-%m-%dT%H:%M:%S}".encode())
            path.write_bytes(gzip.compress(text.replace(OBJECT, b"%08x" % chance.getrandbits(32)), 1))
            names[f"{key(started.hour, number)}.gz"] = str(path)
        s3.load(names)


def template(chance: random.Random) -> bytes:
    """An object with placeholders for its time and for the first digits of its ids."""
    lines = []
    for number in range(CLICKS_PER_OBJECT):
        kind = chance.randrange(6)
        lines.append(
            b'{"userId": "visitor-%d", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0a%d", '
            b'"goodevil": "good", "lawchaos": "lawful", "species": "%s", "name": "Name %d", '
            b'"clickedAt": "%s.%03dZ", "clickId": "%s%024x", "requestId": "%s%08x="}\n'
            % (
                *(chance.randrange(50_000), kind, SPECIES[kind].encode(), kind, TIME, number % 1000),
                *(OBJECT, chance.getrandbits(96), OBJECT, chance.getrandbits(32)),
            )
        )
    return b"".join(lines)


def ask_peer(python: Path, script: str, s3: SlowS3, base: Path) -> None:
    """Answer the question with another tool."""
    with fresh(base) as directory:
        done = subprocess.run(
            [str(python), "-c", LISTING + script, s3.address, str(directory)],
            check=True,
            capture_output=True,
            text=True,
        )
    if int(done.stdout) != CLICKS:
        raise AssertionError(f"the peer counted {done.stdout} clicks")


def command_without_cache(s3: SlowS3, base: Path) -> None:
    """Answer the question by the command, in a new directory."""
    with fresh(base) as directory:
        command(s3, directory)


def command(s3: SlowS3, directory: Path) -> None:
    """Answer the question by the command, as a user of target aws types it."""
    directory.mkdir(exist_ok=True)
    options = ["--target", "aws", "--region", "us-east-1", "--mysfits-api", s3.address, "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "mysfits_stream", *options, "query", SQL, *RANGE],
        check=True,
        capture_output=True,
        text=True,
        cwd=directory,
        env={
            **os.environ,
            "AWS_ENDPOINT_URL": s3.address,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_CONFIG_FILE": os.devnull,
            "PYTHONPATH": str(ROOT),
        },
    )
    counted = sum(row["n"] for row in json.loads(done.stdout))
    if counted != CLICKS:
        raise AssertionError(f"the command counted {counted} clicks")


def ask_cold(s3: SlowS3, base: Path, clicks: int) -> dict[str, float]:
    """Answer the question without a cache."""
    with fresh(base) as directory:
        return ask(s3, directory, clicks)


def ask(s3: SlowS3, directory: Path, clicks: int) -> dict[str, float]:
    """Answer in a new process: the seconds after the imports, and the peak in MB."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.query", "--child", s3.address, str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    if found["clicks"] != clicks:
        raise AssertionError(f"query counted {found['clicks']} clicks")
    return found


def answer(address: str, directory: Path) -> dict[str, float]:
    """What the command does between its options and its output, in this process."""
    query.require_duckdb()
    import duckdb  # noqa: F401 - imports are no part of the question

    import mysfits_stream.query.engine  # noqa: F401

    project = Project(Config(region="us-east-1"), directory, SlowS3(address).target())
    _ = project.target.clients
    started = time.perf_counter()
    total = counted(project, SINCE, UNTIL)
    return {"seconds": time.perf_counter() - started, "clicks": total, "peak": peak_memory()}


def peak_memory() -> float:
    """The most memory that this process has held, in MB."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    # Linux counts the parent's memory at the fork into ru_maxrss, but not into this.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def counted(project: Project, since: str | None, until: str | None) -> int:
    """The clicks that the question counts."""
    with query.query(project, SQL, since, until, confirm=lambda _: None, report=lambda _: None) as found:
        return sum(count for _, count in found.rows.values) if found.rows else 0


@contextmanager
def fresh(base: Path) -> Iterator[Path]:
    """An empty directory, deleted at the end of the block."""
    made = Path(tempfile.mkdtemp(dir=base))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def main(arguments: list[str]) -> None:
    """Print the comparisons, or answer the question in a process of its own."""
    if arguments[:1] == ["--child"]:
        print(json.dumps(answer(arguments[1], Path(arguments[2]))))
    else:
        print(*run(), sep="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
