"""The processor: a function that Firehose invokes to enrich a batch of records.

A record is the envelope of a request: clicks, with the request's id and time. Each click becomes a line
of JSON: the fields of the click, the attributes of the clicked item, then ``clickedAt``, ``clickId`` and
``requestId``. The environment variable CLICK holds the definition of a click (``docs/clicks.md``).

Every record is returned exactly once (F81): ``Ok`` with its lines, or ``ProcessingFailed`` (F82), so that
Firehose stores the original record under the error prefix for a replay. A record fails if malformed or too
large for the response. Nothing is ever ``Dropped``. A click on an unknown item is delivered with null
attributes and ``"enriched": false``.

Responses of the Mysfits service are cached between batches. While the service fails, older responses serve; a
batch with further items fails as a whole, so that Firehose invokes the function again (F83).
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import socket
import time
from binascii import a2b_base64, b2a_base64
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
MEMBERS_OF_AN_ENVELOPE = len(("v", "requestId", "time", "first", "clicks"))
OPTIONS_OF_AN_ENVELOPE = ("definition", "gpc", "test")
is_request_id = re.compile(r"[!-~]{1,128}").fullmatch  # extendedRequestId is base64; no space, no control
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
    """The processor, a singleton for the life of the container."""
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

    ``schema`` is the JSON Schema of a click, ``digest`` the name of the fields in envelopes, ``user`` the
    field of the user or None, ``gpc`` ``anonymize`` or ``ignore``, ``enrich`` the lookup: ``key``, ``path``,
    ``list`` and ``attributes``; absent without enrichment.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        schema = document["schema"]
        required = schema.get("required", ())
        fields = {name: field for name, field in schema["properties"].items() if name != "clickId"}
        self._fields = tuple(
            (name, f'"{name}": ', check_of(field), name in required) for name, field in fields.items()
        )
        self._known = frozenset(fields)
        self._is_click_id = check_of(schema["properties"]["clickId"])
        self.digest: str | None = document.get("digest")
        self.user: str | None = document.get("user")
        self.anonymize = document.get("gpc") == "anonymize"
        enrich = document.get("enrich") or {}
        self.key: str | None = enrich.get("key")
        self.path: str = enrich.get("path", "")
        self.list: str = enrich.get("list", "")
        self.attributes: tuple[str, ...] = tuple(enrich.get("attributes", ()))
        self.unknown = (
            to_json(dict.fromkeys(self.attributes) | {"enriched": False})[1:-1] + ", " if enrich else ""
        )

    def written(self, click: Click) -> str:
        """The fields of a click as members of a line, in the order of the definition.

        Each member ends with a comma.

        Raises ValueError or TypeError for a click that the API's model rejects.
        """
        members = []
        for name, prefix, accepts, required in self._fields:
            if name in click:
                value = click[name]
                if not accepts(value):
                    raise ValueError(name)
                members.append(
                    f"{prefix}{quoted(value)}, " if type(value) is str else f"{prefix}{to_json(value)}, "
                )
            elif required:
                raise ValueError(name)
        if len(members) < len(click) and not (
            len(members) + 1 == len(click) and self._is_click_id(click.get("clickId"))
        ):
            raise ValueError("a member too many")
        return "".join(members)

    def written_of_another(self, click: Click, *, gpc: bool) -> str:
        """The members of a click of an earlier definition; fields of the current definition first.

        With ``gpc``, each text unknown to the current definition may be the user, and becomes ``guest``.
        Raises ValueError or TypeError for members that no definition accepts.
        """
        others = {name: value for name, value in click.items() if name not in self._known}
        click_id = others.pop("clickId", MISSING)
        if (
            not click
            or not ADDED.isdisjoint(click)
            or not (click_id is MISSING or self._is_click_id(click_id))
        ):
            raise ValueError("not a click")
        if gpc and self.anonymize:
            others = {name: ANONYMOUS if isinstance(value, str) else value for name, value in others.items()}
        members = {name: click[name] for name, *_ in self._fields if name in click} | others
        if not all(NAME.fullmatch(name) and is_scalar(value) for name, value in members.items()):
            raise ValueError("not a click")
        return to_json(members)[1:-1] + ", " if members else ""


def check_of(schema: Mapping[str, Any]) -> Callable[[Any], object]:
    """A function that validates a field by its JSON Schema, in the subset of ``click.fields``.

    The function returns a true value for a valid field; else the function returns a false value or raises
    TypeError.
    """
    kind = schema["type"]
    choices = schema.get("enum")
    if kind == "boolean":
        return lambda value: type(value) is bool
    if kind == "string":
        return frozenset(choices).__contains__ if choices else text_check(schema)
    kinds = (int,) if kind == "integer" else (int, float)
    lowest, highest = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    return lambda value: (
        type(value) in kinds and lowest <= value <= highest and (choices is None or value in choices)
    )


def text_check(schema: Mapping[str, Any]) -> Callable[[str], object]:
    """One compiled expression for length and pattern.

    A match takes a tenth of the time of a function.
    """
    length = f"{{{schema.get('minLength', 0)},{schema.get('maxLength', '')}}}"
    if "pattern" not in schema:
        return re.compile(f"(?s:.{length})").fullmatch
    pattern = pattern_of(schema["pattern"])
    found = pattern if pattern.startswith("^") else f"(?s:.*?)(?:{pattern})"
    return re.compile(f"(?=(?s:.{length})\\Z){found}", re.ASCII).match


def pattern_of(pattern: str) -> str:
    """A pattern of the definition, compiled for Python.

    In Python, "$" also matches before a line's end; in ECMA it does not.
    """
    escaped = (len(pattern[:-1]) - len(pattern[:-1].rstrip("\\"))) % 2
    return pattern[:-1] + r"\Z" if pattern.endswith("$") and not escaped else pattern


def is_scalar(value: Any) -> bool:
    """Whether ``value`` is a JSON scalar of bounded length."""
    if isinstance(value, str):
        return len(value) <= 2048
    return value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 1e308)


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
ADDED = {"clickedAt", "requestId", "test", "enriched"}


Line = tuple[str, str | None, str]
"""A stored line but for the attributes: the part before them, the clicked item, the part behind."""


class ReadRecord(NamedTuple):
    """A record with the lines of a request's clicks; empty for a malformed record."""

    id: str
    lines: Sequence[Line] = ()


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

        Logs a line with counts and times of the batch, and nothing of the clicks.
        """
        started = self._clock()
        definition = self._definition
        batch = [read(record, definition) for record in event["records"]]
        ids = {item for each in batch for _, item, _ in each.lines if item is not None}
        summary: dict[str, Any] = {"invocationId": event.get("invocationId"), "records": len(batch)}
        summary |= {"clicks": sum(len(each.lines) for each in batch), "mysfits": len(ids)}
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
    """A record's lines; empty if any part is not valid for the clicks API or Firehose (F80).

    A record without an envelope was written by version 0.1.0 or put on the stream directly. Its request id is
    computed from the content and from Firehose's record id, unchanged in retries by Firehose.
    """
    record_id = record["recordId"]
    try:
        content = a2b_base64(record["data"], strict_mode=True)
        text = content.decode().strip(" \t\n\r")
        document, end = from_json(text)
        if end != len(text):
            raise ValueError("more than one document")
        arrived = record["approximateArrivalTimestamp"]
        if type(document) is dict and "v" in document and "clicks" in document:
            return ReadRecord(record_id, read_envelope(text, document, definition))
        digest = hashlib.sha256(str(record_id).encode("utf-8", "surrogatepass") + b"\n" + content).hexdigest()
        return ReadRecord(
            record_id, lines_of(document, 0, text, definition, at=iso_time(arrived), request_id=digest[:32])
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return ReadRecord(record_id)


def read_envelope(text: str, envelope: Mapping[str, Any], definition: Definition) -> list[Line]:
    """The lines of an envelope.

    For an invalid envelope or click, raises an error caught by ``read``.

    Clicks of the current definition are validated as in the API. Clicks of an earlier definition, with its
    digest in the envelope, keep their members.
    """
    request_id, at, first = envelope["requestId"], envelope["time"], envelope["first"]
    flags = envelope
    if len(envelope) > MEMBERS_OF_AN_ENVELOPE:
        flags = {name: envelope[name] for name in OPTIONS_OF_AN_ENVELOPE if name in envelope}
        if any(type(flags.get(name, True)) is not bool for name in ("gpc", "test")):
            raise TypeError("a flag is true or false")
        if len(envelope) != MEMBERS_OF_AN_ENVELOPE + len(flags):
            raise ValueError("an envelope with other members")
    if (
        type(envelope["v"]) is not int
        or envelope["v"] != 1
        or not is_request_id(request_id)
        or type(at) is not int
        or type(first) is not int
        or not 0 <= first < 1_000_000
    ):
        raise ValueError("not an envelope that this version reads")
    return lines_of(
        envelope["clicks"],
        len(envelope),
        text,
        definition,
        at=iso_time(at),
        request_id=request_id,
        first=first,
        is_current=flags.get("definition") == definition.digest,
        gpc=flags.get("gpc", False),
        test=flags.get("test", False),
    )


def lines_of(
    clicks: Any,
    keys: int,
    text: str,
    definition: Definition,
    *,
    at: str,
    request_id: str,
    first: int = 0,
    is_current: bool = True,
    gpc: bool = False,
    test: bool = False,
) -> list[Line]:
    """The lines of a click or of an array of clicks, complete except for the attributes.

    ``keys`` is the number of keys in ``text``, the whole record, outside the clicks. Raises ValueError or
    TypeError for an invalid click, and for a repeated key, whose value depends on the reader.
    """
    key, user = definition.key, definition.user if gpc and definition.anonymize else None
    middle = (
        f'"test": true, "clickedAt": "{at}", "clickId": ' if test else f'"clickedAt": "{at}", "clickId": '
    )
    end = f', "requestId": {quoted(request_id)}}}\n'
    lines = []
    for index, click in enumerate(clicks if type(clicks) is list else (clicks,), first):
        if type(click) is not dict:
            raise TypeError("a click is an object")
        keys += len(click)
        if user in click:
            click[user] = ANONYMOUS
        begin = definition.written(click) if is_current else definition.written_of_another(click, gpc=gpc)
        item = click.get(key)
        if item is not None and type(item) is not str:
            item = str(item) if type(item) is int else None
        click_id = click.get("clickId")
        click_id = f'"{click_id}"' if click_id else quoted(f"{request_id}:{index}")
        lines.append((f"{{{begin}", item, f"{middle}{click_id}{end}"))
    # Each key has a colon. With no colon more than keys, no key was lost: the usual case, and a fast one.
    if text.count(":") != keys:
        UNAMBIGUOUS_JSON.decode(text)
    return lines


def unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError if a key occurs twice."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key occurs twice")
    return found


UNAMBIGUOUS_JSON = json.JSONDecoder(object_pairs_hook=unambiguous)
from_json = json.JSONDecoder().raw_decode  # without the tests of json.loads for each of its options
# Writes ASCII only: half a surrogate pair, which JSON may hold and UTF-8 may not, goes through as it came.
to_json = json.JSONEncoder().encode


def iso_time(milliseconds: int) -> str:
    """A time in ISO 8601; raises TypeError, ValueError or OverflowError for an invalid time."""
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
    """The records to return, and counts of the failed records by reason.

    ``attributes`` holds the existing items; ``limit`` is for the response as JSON, as Lambda sends JSON.
    """
    # All have failed until shown otherwise; that much always fits, for it is shorter than the event.
    records = [{"recordId": each.id, "result": "ProcessingFailed"} for each in batch]
    room = limit - len(to_json({"records": records}))
    failed: Counter[str] = Counter()
    unknown = definition.unknown
    for returned, (_, lines) in zip(records, batch, strict=True):
        if not lines:
            failed["malformed"] += 1
            continue
        # Each line ends with a newline, because Firehose puts nothing between records (F90).
        text = "".join([f"{begin}{attributes.get(item or '', unknown)}{end}" for begin, item, end in lines])
        data = b2a_base64(text.encode(), newline=False).decode()
        growth = len(data) + GROWTH_OF_AN_OK_RECORD
        if growth > room:
            failed["tooLarge"] += 1
        else:
            room -= growth
            returned["result"], returned["data"] = "Ok", data
    return records, failed


MISSING = object()


def attributes_of(item: Mapping[str, Any], names: Sequence[str]) -> str:
    """The attributes of an item as members of a line, null if missing.

    Each member ends with a comma.

    Raises ServiceError if the item has no attribute, or an attribute is not scalar or too long.
    """
    attributes = {name: item.get(name) for name in names}
    usable = all(
        len(value) <= MAX_ATTRIBUTE_LENGTH if isinstance(value, str) else is_scalar(value)
        for value in attributes.values()
    )
    if not usable or all(name not in item for name in names):
        raise ServiceError("an item without usable attributes")
    return to_json(attributes)[1:-1] + ", "


class Remembered(NamedTuple):
    """The attributes of an item, None for an unknown item, and the time of expiry."""

    attributes: str | None
    ask_again: float


class Found(NamedTuple):
    """The existing items of a batch, and counts of the lookups."""

    attributes: dict[str, str]
    cache_hits: int
    stale: int
    trouble: Counter[str]


class Items:
    """The items of the Mysfits service, cached. Serves a batch at a time."""

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
        """The existing items among ``ids``.

        Raises ServiceError unless the service answers for each.
        """
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
        """Look items up in the list of all items. An item missing in the list does not exist.

        A service may fail on an unknown id instead of returning 404, as the workshop's does. Without the
        list, any visitor could make every batch fail by a click on an invented item.
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
        """The items of a list by key: of an array, or of the only array in an object."""
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
        """Bound the size of the cache: delete unknown items first, then the oldest items."""
        surplus = max(0, len(self._cache) - CACHED_ITEMS)
        for each in sorted(self._cache, key=lambda each: self._cache[each].attributes is not None)[:surplus]:
            del self._cache[each]


NO_SEGMENTS = frozenset(("", ".", ".."))
"""Keys that no path segment can name: a client or a proxy would resolve them to another path."""


def segment(item: str) -> str:
    """A key as a segment of a path; half a surrogate pair is quoted, too."""
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
    """Connections that are kept for the next request; ``close`` also ends connections in use.

    A timeout of ``requests`` begins anew with each byte that arrives. Ending the connection frees the thread
    and the socket of a service that sends its answer byte by byte.
    """

    def __init__(self) -> None:
        self._asked: set[ref[socket.socket]] = set()
        super().__init__(pool_maxsize=LOOKUPS_AT_ONCE)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """The pool for a request, registered for ``close``."""
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
