"""The processor: Firehose invokes the function with a batch of records, and receives the records enriched.

A record is the envelope of one request: clicks, with the request's id and time. Each click becomes one line
of JSON: the fields of the click, the attributes of the clicked item, then ``clickedAt``, ``clickId`` and
``requestId``. The environment variable CLICK holds the definition of a click (``docs/clicks.md``).

Every record is returned exactly once (F81): ``Ok`` with its lines, or ``ProcessingFailed`` (F82), so that
Firehose stores the original record under the error prefix, from where the record can be replayed. A record
fails if the record is malformed or no longer fits into the response. Nothing is ever ``Dropped``. A click on
an unknown item is delivered with null attributes and ``"enriched": false``.

Responses of the Mysfits service are cached between batches. While the service fails, older responses serve; a
batch that needs more fails as a whole, so that Firehose invokes the function again (F83).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import socket
import time
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache, lru_cache
from http.client import HTTPResponse
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, NamedTuple
from urllib.parse import quote
from weakref import ref

import requests

MAX_ANSWER_BYTES = 6_000_000  # Lambda's limit is "6 MB" (F65); this is the smaller way to read that
MAX_PAGE_BYTES = 1_000_000  # of one response of the Mysfits service
MAX_ATTRIBUTE_LENGTH = 256
CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
SPARE_SECONDS = 1.0  # of the function's timeout, kept for enriching the batch and responding
LOOKUPS_AT_ONCE = 16
IDLE_SECONDS = 30.0  # a connection unused for longer may have died while the container was frozen
RECHECK_SECONDS = (
    30.0  # "not found", and a stale entry while the service fails, are not requested again for this long
)
CACHED_ITEMS = 10_000
GROWTH_OF_AN_OK_RECORD = len('"Ok", "data": ""') - len('"ProcessingFailed"')  # and by its data
ENVELOPE = {"v", "requestId", "time", "first", "clicks"}
ENVELOPE_OPTIONS = {"definition", "gpc", "test"}
REQUEST_ID = re.compile(r"[!-~]{1,128}")  # extendedRequestId is base64; no space, no control character
ANONYMOUS = "guest"

Click = dict[str, Any]
Record = dict[str, Any]


class ServiceError(Exception):
    """The Mysfits service did not return an item; the text says why, and names no item."""


def handler(event: Mapping[str, Any], context: Any) -> dict[str, list[Record]]:
    """Lambda's entry point; raises ServiceError when the batch has to come again."""
    return processor().process(event, context.get_remaining_time_in_millis() / 1000)


@cache
def processor() -> Processor:
    """One processor for the life of the container."""
    definition = Definition(json.loads(os.environ["CLICK"]))
    return build(os.environ["MYSFITS_API"], float(os.environ["CACHE_SECONDS"]), definition)


def build(
    base_url: str, cache_seconds: float, definition: Definition, log: Callable[[str], None] = print
) -> Processor:
    """A processor that looks items up in the Mysfits service at ``base_url``."""
    service = MysfitsService(base_url, Connections(), time.time)
    return Processor(definition, Items(definition, service, cache_seconds, time.time), time.time, log)


class Definition:
    """The definition of a click, from the JSON document of CLICK.

    ``schema`` is the JSON Schema of one click, ``digest`` the name of these fields in envelopes, ``user`` the
    field of the user or None, ``gpc`` ``anonymize`` or ``ignore``, ``enrich`` the lookup: ``key``, ``path``,
    ``list`` and ``attributes``; absent without enrichment.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        schema = document["schema"]
        self._checks = {name: check_of(field) for name, field in schema["properties"].items()}
        self._required = set(schema.get("required", ()))
        self.fields = tuple(name for name in schema["properties"] if name != "clickId")
        self.known = frozenset(schema["properties"])
        self.prefixes = tuple((name, f'"{name}": ') for name in self.fields)
        self.digest: str | None = document.get("digest")
        self.user: str | None = document.get("user")
        self.anonymize = document.get("gpc") == "anonymize"
        enrich = document.get("enrich") or {}
        self.key: str | None = enrich.get("key")
        self.path: str = enrich.get("path", "")
        self.list: str = enrich.get("list", "")
        self.attributes: tuple[str, ...] = tuple(enrich.get("attributes", ()))
        self.unknown = to_json(dict.fromkeys(self.attributes) | {"enriched": False})[1:-1]

    def accepts(self, click: Any) -> bool:
        """Whether the API's model accepts ``click``."""
        if not isinstance(click, dict):
            return False
        required = 0
        for name, value in click.items():
            check = self._checks.get(name)
            if check is None or not check(value):
                return False
            required += name in self._required
        return required == len(self._required)

    def understands(self, click: Any) -> bool:
        """Whether ``click`` can be a click of another definition: scalar members, a valid ``clickId``."""
        return (
            isinstance(click, dict)
            and bool(click)
            and all(NAME.fullmatch(name) and is_scalar(value) for name, value in click.items())
            and ADDED.isdisjoint(click)
            and ("clickId" not in click or self._checks["clickId"](click["clickId"]))
        )

    def item(self, click: Click) -> str | None:
        """The clicked item, None if the click names none or the definition has no enrichment."""
        value = click.get(self.key) if self.key else None
        return None if value is None or isinstance(value, bool | float) else str(value)


def check_of(schema: Mapping[str, Any]) -> Callable[[Any], bool]:
    """A function that validates one field against its JSON Schema, in the subset of ``click.fields``."""
    kind = schema["type"]
    choices = schema.get("enum")
    if kind == "boolean":
        return lambda value: isinstance(value, bool)
    if kind == "string":
        least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
        search = pattern_of(schema["pattern"]).search if "pattern" in schema else None
        return lambda value: (
            isinstance(value, str)
            and least <= len(value) <= most
            and (search is None or search(value) is not None)
            and (choices is None or value in choices)
        )
    kinds = (int,) if kind == "integer" else (int, float)
    lowest, highest = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return lambda value: (
        isinstance(value, kinds)
        and not isinstance(value, bool)
        and lowest <= value <= highest
        and (choices is None or value in choices)
    )


def pattern_of(pattern: str) -> re.Pattern[str]:
    """A pattern of the definition; in Python, "$" also matches before a line's end, where ECMA's does not."""
    escaped = (len(pattern[:-1]) - len(pattern[:-1].rstrip("\\"))) % 2
    return re.compile(pattern[:-1] + r"\Z" if pattern.endswith("$") and not escaped else pattern, re.ASCII)


def is_scalar(value: Any) -> bool:
    """Whether ``value`` is a JSON scalar of bounded length."""
    if isinstance(value, str):
        return len(value) <= 2048
    return value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 1e308)


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
ADDED = {"clickedAt", "requestId", "test", "enriched"}


class ReadRecord(NamedTuple):
    """A record: the clicks of one request, none if the record is malformed."""

    id: str
    clicks: Sequence[Click] = ()
    at: str = ""
    """The time of the request, or of the arrival for a record without an envelope."""

    request_id: str = ""
    first: int = 0
    """The position of the first click in the original request."""

    test: bool = False


class Processor:
    """Responds to Firehose's events."""

    def __init__(
        self, definition: Definition, items: Items, clock: Callable[[], float], log: Callable[[str], None]
    ) -> None:
        self._definition = definition
        self._items = items
        self._clock = clock
        self._log = log

    def process(self, event: Mapping[str, Any], seconds_left: float) -> dict[str, list[Record]]:
        """The response to an event, within ``seconds_left``; raises ServiceError.

        Logs one line: counts and times of the batch, and nothing of the clicks.
        """
        started = self._clock()
        definition = self._definition
        batch = [read(record, definition) for record in event["records"]]
        ids = {
            item for each in batch for click in each.clicks if (item := definition.item(click)) is not None
        }
        summary: dict[str, Any] = {"invocationId": event.get("invocationId"), "records": len(batch)}
        summary |= {"clicks": sum(len(each.clicks) for each in batch), "mysfits": len(ids)}
        try:
            found = self._items.find(ids, started + seconds_left - SPARE_SECONDS)
            summary |= {"cacheHits": found.cache_hits, "stale": found.stale, "trouble": found.trouble}
            summary["unknown"] = len(ids) - len(found.attributes)
            records, failed = answer(batch, definition, found.attributes)
            summary |= {"ok": len(batch) - failed.total(), "failed": failed}
            return {"records": records}
        except ServiceError as error:
            summary["error"] = str(error)
            raise
        finally:
            summary["milliseconds"] = round((self._clock() - started) * 1000, 1)
            self._log(to_json(summary))


def read(record: Record, definition: Definition) -> ReadRecord:
    """A record's clicks; none if any part is not valid for the clicks API or Firehose (F80).

    A record without an envelope was written by version 0.1.0 or put on the stream directly. Its request id is
    computed from Firehose's record id, which stays when Firehose retries, and from the content.
    """
    record_id = record["recordId"]
    try:
        content = b64decode(record["data"], validate=True)
        document = decoded(content.decode())
        arrived = record["approximateArrivalTimestamp"]
        if isinstance(document, dict) and "v" in document and "clicks" in document:
            return read_envelope(record_id, document, definition)
        clicks = document if isinstance(document, list) else [document]
        if not all(map(definition.accepts, clicks)):
            return ReadRecord(record_id)
        digest = hashlib.sha256(str(record_id).encode("utf-8", "surrogatepass") + b"\n" + content).hexdigest()
        return ReadRecord(record_id, clicks, iso_time(arrived), digest[:32])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return ReadRecord(record_id)


def read_envelope(record_id: str, envelope: Mapping[str, Any], definition: Definition) -> ReadRecord:
    """The clicks of an envelope; none if the envelope or a click is not valid.

    Clicks of the current definition are validated as the API does. Clicks that an earlier definition
    accepted, whose digest stands in the envelope, keep their members. Raises TypeError, ValueError or
    OverflowError for a time that is none.
    """
    version, request_id, first = envelope["v"], envelope.get("requestId"), envelope.get("first")
    at: Any = envelope.get("time")
    clicks = envelope["clicks"] if isinstance(envelope["clicks"], list) else [envelope["clicks"]]
    current = envelope.get("definition") == definition.digest
    names = envelope.keys()
    if (
        version == 1
        and isinstance(request_id, str)
        and REQUEST_ID.fullmatch(request_id)
        and isinstance(first, int)
        and 0 <= first < 1_000_000
        and not any(isinstance(number, bool) for number in (version, first, at))
        and (names == ENVELOPE or (names >= ENVELOPE and names <= ENVELOPE | ENVELOPE_OPTIONS))
        and isinstance(envelope.get("gpc", True), bool)
        and isinstance(envelope.get("test", True), bool)
        and all(map(definition.accepts if current else definition.understands, clicks))
    ):
        if envelope.get("gpc"):
            clicks = anonymized(clicks, definition)
        return ReadRecord(record_id, clicks, iso_time(at), request_id, first, envelope.get("test", False))
    return ReadRecord(record_id)


def anonymized(clicks: list[Click], definition: Definition) -> list[Click]:
    """The clicks without their user, for a visitor whose browser sent ``Sec-GPC: 1``."""
    user = definition.user
    if not (definition.anonymize and user):
        return clicks
    return [click | {user: ANONYMOUS} if user in click else click for click in clicks]


def decoded(text: str) -> Any:
    """A JSON document; ValueError for a key that occurs twice: readers differ in which one counts."""
    document = json.loads(text)
    # Each key has a colon. With no colon more than keys, no key was lost: the usual case, and a fast one.
    return document if text.count(":") == count_keys(document) else CLICK_JSON.decode(text)


def count_keys(document: Any) -> int:
    """The number of keys in a record's document: in the envelope and in each click."""
    if not isinstance(document, dict):
        return (
            sum(len(each) for each in document if isinstance(each, dict)) if isinstance(document, list) else 0
        )
    clicks = document.get("clicks")
    if isinstance(clicks, dict):
        return len(document) + len(clicks)
    return len(document) + (count_keys(clicks) if isinstance(clicks, list) else 0)


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError if a key occurs twice."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


CLICK_JSON = json.JSONDecoder(object_pairs_hook=unambiguous)
# Writes ASCII only: half a surrogate pair, which JSON may hold and UTF-8 may not, goes through as it came.
to_json = json.JSONEncoder().encode


def iso_time(milliseconds: int) -> str:
    """A time in ISO 8601; raises TypeError, ValueError or OverflowError for a value that is no time."""
    return f"{iso_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=1000)  # few of a batch's clicks have a second for themselves
def iso_second(second: int) -> str:
    """A second in ISO 8601."""
    return (datetime(1970, 1, 1) + timedelta(seconds=second)).isoformat()


def answer(
    batch: Sequence[ReadRecord],
    definition: Definition,
    attributes: Mapping[str, str],
    limit: int = MAX_ANSWER_BYTES,
) -> tuple[list[Record], Counter[str]]:
    """The records to return, and how many of them failed for which reason.

    ``attributes`` holds the items that exist; ``limit`` is for the response as JSON, as Lambda sends it.
    """
    # All have failed until shown otherwise; that much always fits, for it is shorter than the event.
    records = [{"recordId": each.id, "result": "ProcessingFailed"} for each in batch]
    room = limit - len(to_json({"records": records}))
    failed: Counter[str] = Counter()
    for returned, each in zip(records, batch, strict=True):
        if not each.clicks:
            failed["malformed"] += 1
            continue
        data = b64encode(enriched(each, definition, attributes).encode()).decode()
        growth = len(data) + GROWTH_OF_AN_OK_RECORD
        if growth > room:
            failed["tooLarge"] += 1
        else:
            room -= growth
            returned["result"], returned["data"] = "Ok", data
    return records, failed


def enriched(record: ReadRecord, definition: Definition, attributes: Mapping[str, str]) -> str:
    """The lines of a record's clicks, as ``json.dumps`` would write them.

    Each ends with a newline, because Firehose puts nothing between records (F90).
    """
    item, unknown = definition.item, definition.unknown
    request_id = quoted(record.request_id)
    tail = f'"clickedAt": "{record.at}", "clickId": '
    if record.test:
        tail = f'"test": true, {tail}'
    lines = []
    for index, click in enumerate(record.clicks, record.first):
        parts = [
            prefix + (quoted(value) if isinstance(value, str) else to_json(value))
            for name, prefix in definition.prefixes
            if (value := click.get(name, MISSING)) is not MISSING
        ]
        if not click.keys() <= definition.known:
            parts += [f'"{name}": {to_json(click[name])}' for name in click if name not in definition.known]
        if definition.key:
            parts.append(attributes.get(item(click) or "", unknown))
        click_id = click.get("clickId") or f"{record.request_id}:{index}"
        lines.append(f'{{{", ".join(parts)}, {tail}{quoted(click_id)}, "requestId": {request_id}}}\n')
    return "".join(lines)


MISSING = object()


def attributes_of(item: Mapping[str, Any], names: Sequence[str]) -> str:
    """The attributes of an item as members of a line, null for one that the item lacks.

    Raises ServiceError if the item has none of them, or one that is no scalar or too long.
    """
    attributes = {name: item.get(name) for name in names}
    usable = all(
        len(value) <= MAX_ATTRIBUTE_LENGTH if isinstance(value, str) else is_scalar(value)
        for value in attributes.values()
    )
    if not usable or all(name not in item for name in names):
        raise ServiceError("an item without usable attributes")
    return to_json(attributes)[1:-1]


class Remembered(NamedTuple):
    """The attributes of an item, None if there is no such item, and when to ask again."""

    attributes: str | None
    ask_again: float


class Found(NamedTuple):
    """The items of a batch that exist, and how they were found."""

    attributes: dict[str, str]
    cache_hits: int
    stale: int
    trouble: Counter[str]


class Items:
    """The items of the Mysfits service, cached. Serves one batch at a time."""

    def __init__(
        self,
        definition: Definition,
        service: MysfitsService,
        cache_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._definition = definition
        self._service = service
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._cache: dict[str, Remembered] = {}

    def find(self, ids: Collection[str], deadline: float) -> Found:
        """Those of the items that exist; raises ServiceError if the service cannot tell of each."""
        self._forget_surplus()
        now = self._clock()
        asked = [each for each in ids if each not in self._cache or self._cache[each].ask_again <= now]
        hits = len(ids) - len(asked)
        for each in NO_SEGMENTS.intersection(asked):
            asked.remove(each)
            self._remember(each, None, RECHECK_SECONDS)
        # Half of the time: the other half is for the list.
        marker = f"{{{self._definition.key}}}"
        paths = [self._definition.path.replace(marker, segment(each)) for each in asked]
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
        return Found(attributes, hits, len(stale), reasons)

    def _learn_from_list(self, ids: Collection[str], trouble: Counter[str], deadline: float) -> None:
        """Look items up in the list of all. An item that the list lacks does not exist.

        A service may fail on an unknown id instead of returning 404, as the workshop's does. Without this
        second source, any visitor could make every batch fail by a click on an invented item.
        """
        reason: Any = "none"
        if self._definition.list:
            [page] = self._service.get([self._definition.list], deadline, lists=True)
            listed = self._listed(page)
            if listed:
                for each in ids:
                    try:
                        self._learn(each, listed.get(each))
                    except ServiceError:
                        self._learn(each, None)
                return
            reason = page if isinstance(page, ServiceError) else "unusable"
        raise ServiceError(f"the Mysfits service is in trouble: {dict(trouble)}, its list: {reason}")

    def _listed(self, page: Page) -> dict[str, Any]:
        """The items of a list by key: of an array, or of the one array in an object."""
        arrays = (
            [page]
            if isinstance(page, list)
            else [
                value
                for value in (page.values() if isinstance(page, dict) else ())
                if isinstance(value, list)
            ]
        )
        key = self._definition.key or ""
        items = arrays[0] if len(arrays) == 1 else []
        return {str(each[key]): each for each in items if isinstance(each, dict) and key in each}

    def _learn(self, item: str, page: Page) -> None:
        if isinstance(page, ServiceError):
            raise page
        if isinstance(page, list):
            raise ServiceError("an answer that is not a JSON object")
        attributes = None if page is None else attributes_of(page, self._definition.attributes)
        self._remember(item, attributes, self._cache_seconds if attributes else RECHECK_SECONDS)

    def _remember(self, item: str, attributes: str | None, seconds: float) -> None:
        self._cache.pop(item, None)  # so that the cache stays in the order of learning
        self._cache[item] = Remembered(attributes, self._clock() + min(seconds, self._cache_seconds))

    def _forget_surplus(self) -> None:
        """Bound the cache, whatever is clicked on: first goes what was not found, then what is oldest."""
        surplus = max(0, len(self._cache) - CACHED_ITEMS)
        for each in sorted(self._cache, key=lambda each: self._cache[each].attributes is not None)[:surplus]:
            del self._cache[each]


NO_SEGMENTS = frozenset(("", ".", ".."))
"""Keys that no path segment can name: a client or a proxy would resolve them to another path."""


def segment(item: str) -> str:
    """A key as one segment of a path; half a surrogate pair is quoted, too."""
    return quote(item, safe="", errors="surrogatepass")


Page = dict[str, Any] | list[Any] | ServiceError | None


class MysfitsService:
    """The Mysfits service, asked over HTTP within bounds of time and size."""

    def __init__(
        self, base_url: str, connections: requests.adapters.BaseAdapter, clock: Callable[[], float]
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connections = connections
        self._clock = clock
        self._used = clock()

    def get(self, paths: Collection[str], deadline: float, *, lists: bool = False) -> list[Page]:
        """Each path's JSON object, or array with ``lists``; None for 404; else a ServiceError."""
        if not paths:
            return []
        if self._clock() - self._used > IDLE_SECONDS:
            self._connections.close()  # the next request opens new ones
        pool = ThreadPoolExecutor(min(LOOKUPS_AT_ONCE, len(paths)))
        lookups = [pool.submit(self._get, path, deadline, lists) for path in paths]
        done, late = wait(lookups, timeout=max(0.0, deadline - self._clock()))
        pool.shutdown(wait=False, cancel_futures=True)
        if late:
            self._connections.close()
        self._used = self._clock()
        return [each.result() if each in done else ServiceError("no answer in time") for each in lookups]

    def _get(self, path: str, deadline: float, lists: bool) -> Page:
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
        if isinstance(page, dict) or (lists and isinstance(page, list)):
            return page
        return ServiceError("an answer that is not a JSON object")


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
