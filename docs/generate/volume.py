"""Measures commands over many clicks: ``python -m docs.generate.volume 10000``.

Each number of clicks has a local cloud of its own with a deployed stack. A tenth of the clicks, at most
MOST_SENT, goes through the whole path; all of them are then put into the bucket as objects of one day, as
Firehose delivers them with ``compression: GZIP``. The commands run as a user runs them. The results go to
``volume.json`` beside this file, from which ``scale.py`` makes the tables of ``docs/scale.md``.

CPU seconds are compared, not seconds: other work on the machine changes these less. Runs on Linux, since
``/proc`` has the CPU seconds of the local cloud.
"""

from __future__ import annotations

import gzip
import http.client
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3

from benchmarks.measure import Machine

OUT = Path(__file__).with_name("volume.json")
DAY = datetime(2026, 11, 23, tzinfo=UTC)
CLICKS_PER_OBJECT = 2_000
PERSON, PERSON_EVERY = "person-1", 20
"""The person whose clicks are erased, and how many objects there are for each with the person's click."""

MOST_SENT, CLICKS_PER_REQUEST = 100_000, 40
SPECIES = ("Griffin", "Chimera", "Troll", "Cyclops", "Mandrake", "Hydra")
SQL = "SELECT species, count(*) AS clicks FROM clicks GROUP BY 1 ORDER BY 2 DESC"
DURING = ("--since", "2026-11-23", "--until", "2026-11-24")
COMMANDS = {
    "`clicks --by`": ("clicks", "--by", "species", *DURING),
    "`query`, first": ("query", SQL, *DURING),
    "`query`, again": ("query", SQL, *DURING),
    "`erase`": ("erase", "--user", PERSON, "--yes"),
}
CONFIG = "delivery: {compression: GZIP}\napi: {rate_limit: 10000, burst_limit: 5000}\nlocal: {access: open}\n"


def measured(clicks: int) -> dict[str, Any]:
    """The cost of each command over this many clicks, and of the local cloud that has them."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "config.yaml").write_text(CONFIG, encoding="utf-8")
        up = json.loads(run(directory, "up", "--yes", "--json")[0])
        try:
            cloud = json.loads(run(directory, "local", "status", "--json")[0])
            found: dict[str, Any] = {"clicks": clicks, "commands": {}}
            found["cloud_mb_empty"] = memory_mb(cloud["pid"])
            found["sent"] = sent = min(MOST_SENT, clicks // 10)
            found["send_cpu"] = send(up["endpoint"], sent, cloud["pid"])
            found["objects"] = fill(up, cloud["endpoint"], clicks)
            found["cloud_mb"] = memory_mb(cloud["pid"])
            for title, arguments in COMMANDS.items():
                text, cpu, peak = run(directory, *arguments, "--json")
                check(title, json.loads(text), clicks)
                found["commands"][title] = {"cpu": round(cpu, 2), "mb": round(peak)}
        finally:
            run(directory, "local", "stop", "--yes")
    return found


def run(directory: Path, *arguments: str) -> tuple[str, float, float]:
    """Output, CPU seconds and peak memory in MB of a command; raises if it fails."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "mysfits_stream", *arguments], cwd=directory, stdout=out
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(arguments)}: exit code {process.returncode}")
        out.seek(0)
        return out.read().decode(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def send(endpoint: str, clicks: int, pid: int) -> float:
    """CPU seconds of the local cloud for clicks from the API to the bucket."""
    began = cpu_seconds(pid)
    place = urlsplit(f"{endpoint}/clicks")
    connection = http.client.HTTPConnection(place.netloc)
    body = json.dumps(
        [{"userId": "visitor-1", "mysfitId": "7d1c5b1e-2f60-4f0a-9a53-0b6a3f1d8c01"}] * CLICKS_PER_REQUEST
    )
    for _ in range(clicks // CLICKS_PER_REQUEST):
        connection.request("PUT", place.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the API answers {answer.status}")
    connection.close()
    settle(pid)
    return round(cpu_seconds(pid) - began, 2)


def settle(pid: int) -> None:
    """Wait until the local cloud has delivered its buffers: no work for two seconds."""
    before, quiet = cpu_seconds(pid), 0
    while quiet < 4:
        time.sleep(0.5)
        now = cpu_seconds(pid)
        quiet = quiet + 1 if now - before < 0.05 else 0
        before = now


def fill(up: dict[str, Any], endpoint: str, clicks: int) -> int:
    """Put the clicks into the bucket as objects of a day; returns their number."""
    key = {"aws_access_key_id": "LKIAEXAMPLE", "aws_secret_access_key": "local"}
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=up["region"], **key)
    bucket = next(each["id"] for each in up["resources"] if each["name"] == "clicks-bucket")
    chance = random.Random(clicks)  # noqa: S311 - repeatable, not secret
    objects = clicks // CLICKS_PER_OBJECT
    for number in range(objects):
        started = DAY + timedelta(days=1) * number / objects
        name = f"{up['stack']}-clicks-1-{started:%Y-%m-%d-%H-%M-%S}-{chance.getrandbits(128):032x}"
        s3.put_object(
            Bucket=bucket,
            Key=f"firehose/{started:%Y/%m/%d/%H}/{name}.gz",
            Body=gzip.compress(content(number, started, chance), 1),
        )
    return objects


def content(number: int, started: datetime, chance: random.Random) -> bytes:
    """The lines of one object."""
    lines = []
    for at in range(CLICKS_PER_OBJECT):
        kind = chance.randrange(6)
        visitor = f"visitor-{chance.randrange(50_000)}"
        lines.append(
            f'{{"userId": "{PERSON if at == 0 and number % PERSON_EVERY == 0 else visitor}", '
            f'"mysfitId": "4e53920c-505a-4a90-a694-b9300791f0a{kind}", "goodevil": "good", '
            f'"lawchaos": "lawful", "species": "{SPECIES[kind]}", "name": "Name {kind}", '
            f'"clickedAt": "{started:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z", '
            f'"clickId": "{number:08x}{chance.getrandbits(96):024x}", '
            f'"requestId": "{number:08x}{at:07x}="}}\n'
        )
    return "".join(lines).encode()


def check(title: str, found: Any, clicks: int) -> None:
    """Raise AssertionError unless a command has seen all clicks."""
    if title == "`erase`":
        total, expected = found["clicks"], math.ceil(clicks / CLICKS_PER_OBJECT / PERSON_EVERY)
    else:
        total, expected = sum(row["clicks"] for row in found), clicks
    if total != expected:
        raise AssertionError(f"{title}: {total:,} clicks, not {expected:,}")


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its children, also of the children that have ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text().rpartition(") ")
        except OSError:  # the process has ended meanwhile
            continue
        fields = rest.split()
        if stat.parent.name == str(pid):
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == str(pid):
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> int:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


if __name__ == "__main__":
    rows = [measured(int(each)) for each in sys.argv[1:]]
    document = {"machine": str(Machine.here()), "rows": rows}
    OUT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
