"""The processor: Firehose hands it a batch of records, it hands the same records back with enriched clicks.

A record holds one click or an array of clicks; each becomes one line of JSON that also says what its mysfit
is like. Every record comes back exactly once (F81): ``Ok`` with its lines, or ``ProcessingFailed`` (F82), by
which Firehose keeps it as it was put, under the error prefix, from where it can be replayed. That is the fate
of a record that is not what the clicks API lets through, that names a mysfit which does not exist, or that no
longer fits into the answer. Nothing is ever ``Dropped``.

What the Mysfits service said is remembered between batches. While it is in trouble, what it said last is good
enough; a batch that needs more than that fails as a whole, so that Firehose brings it again (F83).
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, lru_cache
from http.client import HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import quote
from weakref import ref

import requests

MAX_ANSWER_BYTES = 6_000_000  # Lambda's limit is "6 MB" (F65); this is the smaller way to read that
MAX_PAGE_BYTES = 1_000_000  # of one answer of the Mysfits service
MAX_ATTRIBUTE_LENGTH = 256
CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
SPARE_SECONDS = 1.0  # of the function's timeout, kept for enriching the batch and answering
LOOKUPS_AT_ONCE = 16
IDLE_SECONDS = 30.0  # a connection unused for longer may have died while the container was frozen
RECHECK_SECONDS = 30.0  # "not found", and a stale entry in time of trouble, are not asked again for this long
CACHED_MYSFITS = 10_000
GROWTH_OF_AN_OK_RECORD = len('"Ok", "data": ""') - len('"ProcessingFailed"')  # and by its data

Click = dict[str, str]
Record = dict[str, Any]
ReadRecord = tuple[str, list[Click], str]  # its id, its clicks, and when they arrived


class ServiceError(Exception):
    """The Mysfits service did not say what was asked of it; the text says why, and names no mysfit."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[Record]]:
    """Lambda's entry point; raises ServiceError when the batch has to come again."""
    return processor().process(event, context.get_remaining_time_in_millis() / 1000)


@cache
def processor() -> Processor:
    """One processor for the life of the container."""
    return build(os.environ["MYSFITS_API"], float(os.environ["CACHE_SECONDS"]))


def build(base_url: str, cache_seconds: float, log: Callable[[str], None] = print) -> Processor:
    """A processor that asks the Mysfits service at ``base_url``."""
    service = MysfitsService(base_url, Connections(), time.time)
    return Processor(Mysfits(service, cache_seconds, time.time), time.time, log)


class Processor:
    """Answers Firehose's events."""

    def __init__(self, mysfits: Mysfits, clock: Callable[[], float], log: Callable[[str], None]) -> None:
        self._mysfits = mysfits
        self._clock = clock
        self._log = log

    def process(self, event: Mapping[str, Any], seconds_left: float) -> dict[str, list[Record]]:
        """The answer to an event, within ``seconds_left``; raises ServiceError.

        Logs one line: how the batch went, and nothing that was in its clicks.
        """
        started = self._clock()
        batch = [read(record) for record in event["records"]]
        ids = {click["mysfitId"] for _, clicks, _ in batch for click in clicks}
        summary: dict[str, Any] = {"invocationId": event.get("invocationId"), "records": len(batch)}
        summary |= {"clicks": sum(len(clicks) for _, clicks, _ in batch), "mysfits": len(ids)}
        try:
            found = self._mysfits.find(ids, started + seconds_left - SPARE_SECONDS)
            summary |= {"cacheHits": found.cache_hits, "stale": found.stale, "trouble": found.trouble}
            records, failed = answer(batch, found.attributes)
            summary |= {"ok": len(batch) - failed.total(), "failed": failed}
            return {"records": records}
        except ServiceError as error:
            summary["error"] = str(error)
            raise
        finally:
            summary["milliseconds"] = round((self._clock() - started) * 1000, 1)
            self._log(to_json(summary))


def read(record: Record) -> ReadRecord:
    """What a record holds; no clicks if any of it is not what the clicks API or Firehose (F80) hands on."""
    try:
        document = CLICK_JSON.decode(b64decode(record["data"], validate=True).decode())
        arrived = iso_time(record["approximateArrivalTimestamp"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return record["recordId"], [], ""
    clicks = document if isinstance(document, list) else [document]
    return record["recordId"], clicks if all(map(is_click, clicks)) else [], arrived


def is_click(value: Any) -> bool:
    """Whether ``value`` is a click, and nothing besides."""
    return (
        isinstance(value, dict)
        and value.keys() == {"userId", "mysfitId"}
        and isinstance(user := value["userId"], str)
        and 1 <= len(user) <= 128
        and isinstance(mysfit := value["mysfitId"], str)
        and MYSFIT_ID.fullmatch(mysfit) is not None
    )


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError if a key occurs twice, for then what it says depends on the reader."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


MYSFIT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
CLICK_JSON = json.JSONDecoder(object_pairs_hook=unambiguous)
# Writes ASCII only: half a surrogate pair, which JSON may hold and UTF-8 may not, goes through as it came.
to_json = json.JSONEncoder().encode


def iso_time(milliseconds: int) -> str:
    """A time as ISO 8601 writes it; raises TypeError, ValueError or OverflowError for what is no time."""
    return f"{iso_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=1000)  # few of a batch's clicks have a second for themselves
def iso_second(second: int) -> str:
    """A second, as ISO 8601 writes it."""
    return (datetime(1970, 1, 1) + timedelta(seconds=second)).isoformat()


def answer(
    batch: Sequence[ReadRecord], attributes: Mapping[str, str], limit: int = MAX_ANSWER_BYTES
) -> tuple[list[Record], Counter[str]]:
    """The records to return, and how many of them failed for which reason.

    ``attributes`` holds the mysfits that exist; ``limit`` is for the answer as JSON, as Lambda sends it.
    """
    # All have failed until shown otherwise; that much always fits, for it is shorter than the event.
    records = [{"recordId": record_id, "result": "ProcessingFailed"} for record_id, _, _ in batch]
    room = limit - len(to_json({"records": records}))
    failed: Counter[str] = Counter()
    for returned, (_, clicks, arrived) in zip(records, batch, strict=True):
        try:
            lines = enriched(clicks, attributes, arrived)
        except KeyError:
            failed["unknownMysfit"] += 1
            continue
        data = b64encode(lines.encode()).decode()
        growth = len(data) + GROWTH_OF_AN_OK_RECORD
        if not lines:
            failed["malformed"] += 1
        elif growth > room:
            failed["tooLarge"] += 1
        else:
            room -= growth
            returned["result"], returned["data"] = "Ok", data
    return records, failed


def enriched(clicks: Iterable[Click], attributes: Mapping[str, str], at: str) -> str:
    """The lines that clicks become, as ``json.dumps`` would write them; KeyError if a mysfit does not exist.

    Each ends with a newline, because Firehose puts nothing between records (F90).
    """
    lines = [
        f'{{"userId": {to_json(click["userId"])}, {attributes[click["mysfitId"]]}, "clickedAt": "{at}"}}\n'
        for click in clicks
    ]
    return "".join(lines)


def attributes_of(mysfit_id: str, mysfit: Mapping[str, Any]) -> str:
    """The part of an enriched click that is the same for every click on a mysfit; raises ServiceError."""
    attributes = {name: mysfit.get(name) for name in ("goodevil", "lawchaos", "species")}
    for value in attributes.values():
        if not (isinstance(value, str) and len(value) <= MAX_ATTRIBUTE_LENGTH):
            raise ServiceError("a mysfit without usable attributes")
    return to_json({"mysfitId": mysfit_id, **attributes})[1:-1]


class Remembered(NamedTuple):
    """What the service said of a mysfit, None if there is no such mysfit, and when to ask again."""

    attributes: str | None
    ask_again: float


class Found(NamedTuple):
    """The mysfits of a batch that exist, and how they were found."""

    attributes: dict[str, str]
    cache_hits: int
    stale: int
    trouble: Counter[str]


class Mysfits:
    """What is known of mysfits: asked of the service, and remembered. Serves one batch at a time."""

    def __init__(self, service: MysfitsService, cache_seconds: float, clock: Callable[[], float]) -> None:
        self._service = service
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._cache: dict[str, Remembered] = {}

    def find(self, ids: Collection[str], deadline: float) -> Found:
        """Those of the mysfits that exist; raises ServiceError if that cannot be told of each."""
        self._forget_surplus()
        now = self._clock()
        asked = [each for each in ids if each not in self._cache or self._cache[each].ask_again <= now]
        # Half of the time: the other half is for the list.
        paths = [f"/mysfits/{quote(each, safe='')}" for each in asked]
        pages = self._service.get(paths, (now + deadline) / 2)
        trouble: dict[str, str] = {}
        for each, page in zip(asked, pages, strict=True):
            try:
                self._learn(each, page)
            except ServiceError as error:
                trouble[each] = str(error)
        reasons = Counter(trouble.values())
        stale = {each for each in trouble if each in self._cache and self._cache[each].attributes}
        if open_questions := trouble.keys() - stale:
            self._learn_from_list(open_questions, reasons, deadline)
        for each in stale:
            self._remember(each, self._cache[each].attributes, RECHECK_SECONDS)
        attributes = {each: known for each in ids if (known := self._cache[each].attributes)}
        return Found(attributes, len(ids) - len(asked), len(stale), reasons)

    def _learn_from_list(self, ids: Collection[str], trouble: Counter[str], deadline: float) -> None:
        """Look mysfits up in the list of all. What it does not hold does not exist.

        A service may fail on an id that it never heard of instead of answering 404, as the workshop's does.
        Without this second opinion anybody could make every batch fail by clicking on an invented mysfit.
        """
        [page] = self._service.get(["/mysfits"], deadline)
        mysfits = page.get("mysfits") if isinstance(page, dict) else None
        if not (isinstance(mysfits, list) and mysfits):
            reason = page if isinstance(page, ServiceError) else "unusable"
            raise ServiceError(f"the Mysfits service is in trouble: {dict(trouble)}, its list: {reason}")
        listed = {str(each.get("mysfitId")): each for each in mysfits if isinstance(each, dict)}
        for each in ids:
            try:
                self._learn(each, listed.get(each))
            except ServiceError:
                self._learn(each, None)

    def _learn(self, mysfit_id: str, page: Page) -> None:
        if isinstance(page, ServiceError):
            raise page
        attributes = None if page is None else attributes_of(mysfit_id, page)
        self._remember(mysfit_id, attributes, self._cache_seconds if attributes else RECHECK_SECONDS)

    def _remember(self, mysfit_id: str, attributes: str | None, seconds: float) -> None:
        self._cache.pop(mysfit_id, None)  # so that the cache stays in the order of learning
        self._cache[mysfit_id] = Remembered(attributes, self._clock() + min(seconds, self._cache_seconds))

    def _forget_surplus(self) -> None:
        """Bound the cache, whatever is clicked on: first goes what was not found, then what is oldest."""
        surplus = max(0, len(self._cache) - CACHED_MYSFITS)
        for each in sorted(self._cache, key=lambda each: self._cache[each].attributes is not None)[:surplus]:
            del self._cache[each]


Page = dict[str, Any] | ServiceError | None


class MysfitsService:
    """The Mysfits service, asked over HTTP within bounds of time and size."""

    def __init__(
        self, base_url: str, connections: requests.adapters.BaseAdapter, clock: Callable[[], float]
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connections = connections
        self._clock = clock
        self._used = clock()

    def get(self, paths: Collection[str], deadline: float) -> list[Page]:
        """What is at each path: a JSON object, None (404), or a ServiceError that says why neither."""
        if not paths:
            return []
        if self._clock() - self._used > IDLE_SECONDS:
            self._connections.close()  # the next request opens new ones
        pool = ThreadPoolExecutor(min(LOOKUPS_AT_ONCE, len(paths)))
        lookups = [pool.submit(self._get, path, deadline) for path in paths]
        done, late = wait(lookups, timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False, cancel_futures=True)
        if late:
            self._connections.close()
        self._used = self._clock()
        return [each.result() if each in done else ServiceError("no answer in time") for each in lookups]

    def _get(self, path: str, deadline: float) -> Page:
        left = deadline - self._clock()
        if left <= 0:
            return ServiceError("no time left")
        timeout = (min(CONNECT_SECONDS, left / 2), min(READ_SECONDS, left / 2))
        body = bytearray()
        try:
            request = requests.Request("GET", self._base_url + path).prepare()
            # Not through a session, which reads a redirect's body to its end, however far that is.
            with self._connections.send(request, stream=True, timeout=timeout) as response:
                for chunk in response.iter_content(1 << 16):
                    body += chunk
                    if len(body) > MAX_PAGE_BYTES:
                        return ServiceError("an answer too large")
            if response.status_code == 404:
                return None
            if response.status_code != 200:
                return ServiceError(f"HTTP {response.status_code}")
            page = json.loads(body)
        except requests.RequestException as error:
            return ServiceError(type(error).__name__)
        except (ValueError, RecursionError):
            return ServiceError("an answer that is not JSON")
        return page if isinstance(page, dict) else ServiceError("an answer that is not a JSON object")


class Connections(requests.adapters.HTTPAdapter):
    """Connections that are kept for the next request; ``close`` also ends those that a request waits on.

    A timeout of ``requests`` begins anew with each byte that arrives. Ending the connection is what keeps a
    service that lets its answer drip from holding on to a thread and a socket.
    """

    def __init__(self) -> None:
        self._asked: set[ref[socket.socket]] = set()
        super().__init__(pool_maxsize=LOOKUPS_AT_ONCE)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """The pool for a request, as it always is, except that its connections are known here once asked."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        asked, connection_class = self._asked, type(pool).ConnectionCls

        def response(connection: socket.socket, *args: Any, **options: Any) -> HTTPResponse:
            asked.add(ref(connection, asked.discard))
            return HTTPResponse(connection, *args, **options)

        def connection(**options: Any) -> Any:
            made = connection_class(**options)
            made.response_class = response
            return made

        pool.ConnectionCls = connection
        return pool

    def close(self) -> None:
        """End all connections; the next request opens new ones."""
        super().close()
        for each in self._asked.copy():
            if connection := each():
                with suppress(OSError):  # it has ended by itself
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)  # also below TLS that waits for more
