"""How fast `query` answers a question about a million clicks in 500 gzip objects; beside it, polars.

Each run is a process of its own, from its start to its answer. polars gets the objects by sixteen threads of
urllib into a directory, reads them with `scan_ndjson` and counts each click once, as `query` does. It keeps
nothing for the next question.
"""

from __future__ import annotations

import gzip
import json
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

from benchmarks import peers
from benchmarks.measure import Comparison, Target, compare, compare_figures
from benchmarks.slow_s3 import SlowS3, key, slow_s3

CLICKS_PER_OBJECT = 2_000
CLICKS, MANY_CLICKS = 1_000_000, 10_000_000
SPECIES = ("Griffin", "Chimera", "Troll", "Cyclops", "Mandrake", "Hydra")
SQL = "SELECT species, count(*) AS n FROM clicks GROUP BY 1 ORDER BY 1"
DAY = datetime(2026, 11, 23, tzinfo=UTC)
TIME, OBJECT = b"<time>", b"<object>"
POLARS, COLD, WARM = "polars", "query, cold", "query, warm"

POLARS_SCRIPT = """\
import concurrent.futures, pathlib, re, sys, urllib.request
import polars
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
def save(numbered):
    number, name = numbered
    (directory / f"{number}.json.gz").write_bytes(get(f"{address}/clicks/{name}"))
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    list(pool.map(save, enumerate(keys)))
clicks = polars.scan_ndjson(directory / "*.json.gz").sort("clickedAt").unique(subset="clickId", keep="first")
print(clicks.group_by("species").len().collect(engine="streaming")["len"].sum())
"""


def run(rounds: int = 3) -> list[Comparison]:
    """The time and the memory of one question, cold and warm; the memory of ten times as many clicks."""
    python = Path(peers.command("polars", "python"))
    with tempfile.TemporaryDirectory() as name, slow_s3(0.0) as s3:
        base = Path(name)
        load(s3, base, CLICKS)
        warm = base / "warm"
        inner: list[float] = [ask(s3, warm, CLICKS)["seconds"]]

        def ask_warm() -> None:
            inner.append(ask(s3, warm, CLICKS)["seconds"])

        times = compare(
            f"One question about {CLICKS:,} clicks in {CLICKS // CLICKS_PER_OBJECT} gzip objects",
            {
                POLARS: lambda: ask_polars(python, s3, base, CLICKS),
                COLD: lambda: ask_cold(s3, base, CLICKS),
                WARM: ask_warm,
            },
            rounds=rounds,
            targets=(Target(POLARS, COLD, least=1),),
            notes=(f"{peers.version('polars')}. A whole process each. Limits: cold 5 s, warm 1.2 s.",),
        )
        after_imports = f"Warm, after the imports: {statistics.median(inner[1:]):.2f} s; the limit is 0.3 s."
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
    return [times, memory]


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


def ask_polars(python: Path, s3: SlowS3, base: Path, clicks: int) -> None:
    """Answer the question with polars."""
    with fresh(base) as directory:
        done = subprocess.run(
            [str(python), "-c", POLARS_SCRIPT, s3.address, str(directory)],
            check=True,
            capture_output=True,
            text=True,
        )
    if int(done.stdout) != clicks:
        raise AssertionError(f"polars counted {done.stdout} clicks")


def ask_cold(s3: SlowS3, base: Path, clicks: int) -> dict[str, float]:
    """Answer the question without a cache."""
    with fresh(base) as directory:
        return ask(s3, directory, clicks)


def ask(s3: SlowS3, directory: Path, clicks: int) -> dict[str, float]:
    """Answer the question in a new process: the seconds after its imports, and its peak memory in MB."""
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
    from mysfits_stream.config import Config
    from mysfits_stream.operations import query
    from mysfits_stream.operations.project import Project

    query.require_duckdb()
    import duckdb  # noqa: F401 - an import, not part of the question

    project = Project(Config(region="us-east-1"), directory, SlowS3(address).target())
    _ = project.target.clients
    started = time.perf_counter()
    with query.query(
        project, SQL, "2026-11-23", "2026-11-24", confirm=lambda _: None, report=lambda _: None
    ) as found:
        total = sum(count for _, count in found.rows.values) if found.rows else 0
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": seconds,
        "clicks": total,
        "peak": peak / (1e6 if sys.platform == "darwin" else 1e3),
    }


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
