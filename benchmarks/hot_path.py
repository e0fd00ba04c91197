"""A click's way through the local cloud without the network, step by step.

``python -m benchmarks.hot_path`` prints the whole profile too.
"""

from __future__ import annotations

import cProfile
import itertools
import json
import pstats
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.deploy import Deployer
from benchmarks.measure import Comparison, Target, compare
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud.execute_api import handler
from mysfits_stream.localcloud.http.messages import Environ
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings

ANEW, ONCE = "model and template compiled for each click", "compiled once"
CLICKS = 5_000
CLICK = {"userId": "8b1f5c1e-user", "mysfitId": "4e53920c-505a-4a90-a694-b9300791f0ae"}

STEPS = {
    "the model": ("request_validation.py", "check_body"),
    "the templates": ("template.py", "render"),
    "the role and what it may do": ("instant.py", "role", "aws_service_calls.py", "_may"),
    "PutRecord": ("operations.py", "put"),
}
"""A step of the click's way, and the functions that make it: file, name, file, name, …"""


def run(rounds: int = 5) -> list[Comparison]:
    """The click as served, beside one whose API is compiled for it, and the steps."""
    with clicking() as (click, compile_api):

        def anew() -> None:
            compile_api()
            click()

        shares = ", ".join(f"{step} {share:.0%}" for step, share in steps(profile(click)).items())
        return [
            compare(
                "Local cloud: a click without the network",
                {ANEW: anew, ONCE: click},
                rounds=rounds,
                targets=(Target(ANEW, ONCE, least=5),),
                notes=(f"Of its time under a profiler: {shares}.",),
            )
        ]


@contextmanager
def clicking() -> Iterator[tuple[Callable[[], None], Callable[[], object]]]:
    """A stack that is up in this process: what clicks once, and what compiles its API once."""
    # A second for each look at the clock, so that no click is throttled.
    cloud = local_cloud(Settings(access="open"), now=map(float, itertools.count()).__next__, background=False)
    cloud.start()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            deployer = Deployer(cloud.endpoint, Path(scratch))
            deployer.up()
        [api] = cloud.control_plane.rest_apis.dump()["apis"].values()
        [stage] = api["stages"].values()
        snapshot = api["deployments"][stage["deploymentId"]]["snapshot"]
        url = urlsplit(f"{deployer.place.endpoint(api['id'], stage['stageName'])}/clicks")
        yield (
            lambda: put(cloud, url.netloc, url.path),
            lambda: handler.compile(snapshot, deployer.place.account.id, api["region"]),
        )
    finally:
        cloud.stop()


def put(cloud: LocalCloud, host: str, path: str) -> None:
    """One click, as the server hands it over."""
    body = json.dumps(CLICK).encode()
    environ: Environ = {
        "REQUEST_METHOD": "PUT",
        "REQUEST_URI": path,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": host,
        "wsgi.input": BytesIO(body),
    }
    answers: list[str] = []
    cloud.front(environ, lambda status, headers: answers.append(status))
    if answers != ["200 OK"]:
        raise AssertionError(f"a click was answered with {answers}")


def profile(click: Callable[[], None]) -> pstats.Stats:
    """Where the time of many clicks goes."""
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(CLICKS):
        click()
    profiler.disable()
    return pstats.Stats(profiler)


def steps(stats: pstats.Stats) -> dict[str, float]:
    """The share of each step; raises AssertionError for a renamed function."""
    measured: Any = stats  # its stubs do not know what it holds
    seconds = {
        (Path(file).name, function): figures[3] for (file, _, function), figures in measured.stats.items()
    }
    whole = seconds[Path(__file__).name, put.__name__]
    shares = {}
    for step, parts in STEPS.items():
        named = list(zip(parts[::2], parts[1::2], strict=True))
        if missing := [each for each in named if each not in seconds]:
            raise AssertionError(f"{step}: {missing} were not called")
        shares[step] = sum(seconds[each] for each in named) / whole
    return shares


def main() -> None:
    """Print the comparison, and the functions that take most of the time."""
    print(*run(), sep="\n\n", end="\n\n")
    with clicking() as (click, _):
        profile(click).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()
