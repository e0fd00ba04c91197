"""``rehearse``: delivered clicks through deployed and local code, compared.

Both run on this machine, in the processes of the local cloud's Lambda runtime, on the same events, with the
same recorded answers of the Mysfits service. Nothing is written to AWS.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from mysfits_stream import bounded_http, prices, processor_contract
from mysfits_stream.clicks import rebuilding
from mysfits_stream.clicks.rebuilding import Rebuilt
from mysfits_stream.errors import ClickError
from mysfits_stream.localcloud import Function, FunctionRunner
from mysfits_stream.operations.clicks import delivered_clicks
from mysfits_stream.operations.pipeline import translated
from mysfits_stream.operations.project import PACKAGES, Project
from mysfits_stream.operations.recorded_service import RecordedService
from mysfits_stream.processor_contract import ContractError, Outcome, Record
from mysfits_stream.provision.own_processor import package_of
from mysfits_stream.target import mysfits_api

if TYPE_CHECKING:
    from collections.abc import Sequence

MB = 1024 * 1024
MOST_IDS = 1000
"""Ids that are listed of each kind; all are counted."""

DOWNLOAD_SECONDS, MOST_ZIP = 120.0, 60 * MB
CLICKS = 1_000_000
"""The number of clicks for which costs are stated."""


@dataclass(frozen=True)
class Candidate:
    """One of the two processors: code and settings."""

    label: str
    function: Function
    architecture: str


@dataclass
class Measured:
    """What one processor did with the batches."""

    label: str
    batches: int = 0
    first: float = 0.0
    """Seconds of the first batch: connections and caches are cold."""
    seconds: float = 0.0
    longest: float = 0.0
    """Seconds of all batches but the first, and of the longest of them."""
    bytes: int = 0
    failed: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    """Error of a batch, or broken rule of Firehose's contract -> batches."""

    @property
    def mean(self) -> float:
        """Seconds of a batch: without the first, if there are others."""
        return self.seconds / (self.batches - 1) if self.batches > 1 else self.first

    def document(self) -> dict[str, Any]:
        """The measures as JSON."""
        return {
            "code": self.label,
            "batches": self.batches,
            "secondsPerBatch": round(self.mean, 4),
            "longestBatch": round(self.longest or self.first, 4),
            "bytes": self.bytes,
            "failed": self.failed,
            "problems": self.problems,
        }


@dataclass
class Ids:
    """Click ids of one kind: the first of them, and the count of all."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, found: Iterable[str]) -> None:
        """Count the ids."""
        for each in found:
            self.count += 1
            if len(self.first) < MOST_IDS:
                self.first.append(each)


@dataclass
class Rehearsal:
    """The result; ``failing`` clicks fail with the new code only."""

    before: Measured
    after: Measured
    cost_before: float = 0.0
    cost_after: float = 0.0
    """US dollars of Lambda for a million clicks, at the speed of this machine."""
    same: int = 0
    changed: Ids = field(default_factory=Ids)
    failing: Ids = field(default_factory=Ids)
    service_failures: dict[str, str] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Whether any click comes out otherwise, or the new code breaks the contract."""
        return bool(self.changed.count or self.failing.count or self.after.problems)

    def document(self) -> dict[str, Any]:
        """The result as JSON; clicks by id only."""
        return {
            "same": self.same,
            "changed": {"count": self.changed.count, "clickIds": self.changed.first},
            "failing": {"count": self.failing.count, "clickIds": self.failing.first},
            "before": {**self.before.document(), "dollarsPerMillionClicks": round(self.cost_before, 4)},
            "after": {**self.after.document(), "dollarsPerMillionClicks": round(self.cost_after, 4)},
            "serviceWithoutAnswer": len(self.service_failures),
        }


def rehearse(
    project: Project, since: str | None, event: Path | None, confirm: Callable[[str], None]
) -> Rehearsal:
    """Rehearse the clicks since a time, or the records of an event file.

    ``confirm`` receives a description of downloaded code before that code runs, and raises to refuse. Raises
    ClickError.
    """
    with translated(project):
        deployed = _deployed(project)
    config = project.config.processor
    package = package_of(config, project.directory / PACKAGES, here=True)
    live = project.build().processor_live
    if deployed.function.code_sha256 not in (package.sha256, live.function.package().sha256):
        confirm(
            f"version {deployed.function.version} of {deployed.function.name} "
            f"(SHA-256 {deployed.function.code_sha256})"
        )
    variables = dict(live.function.environment)
    candidate = Candidate(
        "this directory",
        Function(
            name=deployed.function.name,
            arn=deployed.function.arn,
            handler=live.function.handler,
            runtime=live.function.runtime,
            zip_bytes=package.zip_bytes,
            environment=variables,
            timeout=float(live.function.timeout_seconds),
            memory_mb=live.function.memory_mb,
            role_arn="",
            log_group="",
            code_sha256=package.sha256,
        ),
        live.function.architecture,
    )
    click = json.loads(deployed.function.environment.get("CLICK") or "{}")
    records = _of_event(event) if event else _of_bucket(project, since or "1h", click)
    service = deployed.function.environment.get("MYSFITS_API") or mysfits_api(project.target)
    with RecordedService(service) as recorded:
        result = compare(
            _with_service(deployed, recorded.url),
            _with_service(candidate, recorded.url),
            rebuilding.batches(records, config.buffer_mb * MB),
            live.stream_arn,
        )
        result.service_failures = dict(recorded.failures)
    return result


def compare(
    before: Candidate, after: Candidate, batches: Iterable[Sequence[Rebuilt]], stream_arn: str
) -> Rehearsal:
    """Run every batch through both processors, at the same time, and compare the lines."""
    result = Rehearsal(Measured(before.label), Measured(after.label))
    clicks = 0
    with (
        FunctionRunner(before.function) as old,
        FunctionRunner(after.function) as new,
        ThreadPoolExecutor(2) as pool,
    ):
        for number, (batch, payload) in enumerate(_ahead(_events(batches, stream_arn))):
            ids = [each.record.id for each in batch]
            running = pool.submit(_invoked, old, payload, ids, result.before, number)
            fresh = _invoked(new, payload, ids, result.after, number)
            _count(result, batch, running.result(), fresh)
            clicks += sum(len(each.ids) for each in batch)
    result.cost_before = _cost(before, result.before, clicks)
    result.cost_after = _cost(after, result.after, clicks)
    if not clicks:
        raise ClickError("there are no clicks to rehearse; give an earlier --since, or --event FILE")
    return result


def _deployed(project: Project) -> Candidate:
    """The version that clicks run through, with the code as Lambda keeps it."""
    live = project.build(needs_service=False).processor_live
    alias = live.find()
    if alias is None:
        raise ClickError(
            f"stack {project.config.stack} has no alias {live.alias_name} yet; run: mysfits-stream up"
        )
    answer: Any = project.target.clients.function.get_function(
        FunctionName=live.function.function_name, Qualifier=alias["FunctionVersion"]
    )
    found = answer["Configuration"]
    zip_bytes = _downloaded(answer["Code"]["Location"])
    if base64.b64encode(hashlib.sha256(zip_bytes).digest()).decode() != found["CodeSha256"]:
        raise ClickError("the downloaded code is not the version's: its SHA-256 differs; try again")
    function = Function(
        name=live.function.function_name,
        arn=live.function.arn,
        handler=found["Handler"],
        runtime=found["Runtime"],
        zip_bytes=zip_bytes,
        environment=found.get("Environment", {}).get("Variables", {}),
        timeout=float(found["Timeout"]),
        memory_mb=found["MemorySize"],
        role_arn="",
        log_group="",
        code_sha256=found["CodeSha256"],
        version=found["Version"],
    )
    return Candidate(f"version {function.version}", function, found.get("Architectures", ["x86_64"])[0])


def _downloaded(location: str) -> bytes:
    try:
        response = bounded_http.send("GET", location, seconds=DOWNLOAD_SECONDS, most=MOST_ZIP)
    except (requests.RequestException, OSError) as error:
        raise ClickError(
            f"the deployed code cannot be downloaded: {type(error).__name__}: {error}"
        ) from error
    if response.status != 200:
        raise ClickError(f"the deployed code cannot be downloaded: HTTP {response.status}")
    return response.body


def _of_bucket(project: Project, since: str, click: dict[str, Any]) -> Iterator[Rebuilt]:
    return rebuilding.rebuilt(delivered_clicks(project, since, None).clicks, click)


def _of_event(path: Path) -> Iterator[Rebuilt]:
    """The records of an event of Firehose in a file. Raises ClickError."""
    try:
        document = json.loads(path.read_bytes())
        records = [
            Record(
                str(entry["recordId"]),
                base64.b64decode(entry["data"], validate=True),
                int(entry.get("approximateArrivalTimestamp", 0)),
            )
            for entry in document["records"]
        ]
    except OSError as error:
        raise ClickError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ClickError(
            f"{path}: is not an event of Firehose ({type(error).__name__}: {error}); expected "
            '{"records": [{"recordId": "1", "data": "<base64>", "approximateArrivalTimestamp": 0}]}'
        ) from error
    if len({record.id for record in records}) < len(records):
        raise ClickError(f"{path}: a recordId occurs twice")
    return (Rebuilt(record, (record.id,)) for record in records)


def _events(
    batches: Iterable[Sequence[Rebuilt]], stream_arn: str
) -> Iterator[tuple[Sequence[Rebuilt], bytes]]:
    for number, batch in enumerate(batches):
        records = [each.record for each in batch]
        yield batch, processor_contract.event(records, stream_arn, f"rehearsal-{number}")


def _ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The items, of which one is made while the one before is in use."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = pool.submit(next, items, end)
            yield item


def _invoked(
    runner: FunctionRunner, payload: bytes, ids: Sequence[str], measured: Measured, number: int
) -> dict[str, Outcome]:
    """The outcomes by record id; empty for a batch that failed as a whole."""
    invocation = runner.invoke(payload)
    measured.batches += 1
    if not number:
        measured.first = invocation.seconds
    else:
        measured.seconds += invocation.seconds
        measured.longest = max(measured.longest, invocation.seconds)
    measured.bytes += len(invocation.payload)
    try:
        if invocation.error:
            raise ContractError(_error(invocation.payload))
        return processor_contract.outcomes(invocation.payload, ids)
    except ContractError as error:
        measured.problems[str(error)] = measured.problems.get(str(error), 0) + 1
        return {}


FAILED = Outcome("ProcessingFailed")


def _count(
    result: Rehearsal, batch: Sequence[Rebuilt], old: dict[str, Outcome], new: dict[str, Outcome]
) -> None:
    for each in batch:
        was, now = old.get(each.record.id, FAILED), new.get(each.record.id, FAILED)
        result.before.failed += len(each.ids) if was.result == "ProcessingFailed" else 0
        result.after.failed += len(each.ids) if now.result == "ProcessingFailed" else 0
        if was == now:
            result.same += len(each.ids)
        elif now.result == "ProcessingFailed":
            result.failing.add(each.ids)
        else:
            differing = _differing(each, was, now)
            result.changed.add(differing)
            result.same += len(each.ids) - len(differing)


def _differing(each: Rebuilt, was: Outcome, now: Outcome) -> list[str]:
    """The ids of clicks whose lines differ; all of a record if its lines cannot be matched."""
    lines, others = was.data.splitlines(), now.data.splitlines()
    if was.result != now.result or not len(lines) == len(others) == len(each.ids):
        return list(each.ids)
    return [click_id for click_id, a, b in zip(each.ids, lines, others, strict=True) if a != b]


def _cost(candidate: Candidate, measured: Measured, clicks: int) -> float:
    if not clicks:
        return 0.0
    gb_seconds = measured.mean * measured.batches * candidate.function.memory_mb / 1024
    price = prices.LAMBDA_GB_SECONDS[candidate.architecture]
    total = price.dollars(gb_seconds) + prices.LAMBDA_REQUESTS.dollars(measured.batches)
    return total / clicks * CLICKS


def _error(payload: bytes) -> str:
    try:
        document = json.loads(payload)
        return f"{document['errorType']}: {' '.join(str(document.get('errorMessage')).split())[:300]}"
    except (ValueError, KeyError, TypeError):
        return "the function failed"


def _with_service(candidate: Candidate, url: str) -> Candidate:
    environment = {**candidate.function.environment, "MYSFITS_API": url}
    return replace(candidate, function=replace(candidate.function, environment=environment))
