"""Partition projection: a table's objects, and the values of its partition columns (F212).

AWS generates partitions from ranges. Here the keys in the bucket are matched with the template, and a value
outside of its range, or off the interval, is no partition. The result is the same.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream.localcloud.athena.errors import FailedError, NotSimulatedError

_TOKEN = re.compile(r"'(?:[^']|'')*'|([A-Za-z])\1*|.", re.DOTALL)
_DIGITS = {"yyyy": "%Y", "uuuu": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_WIDTHS = {"yyyy": 4, "uuuu": 4}
_UNITS = {
    "SECONDS": dt.timedelta(seconds=1),
    "MINUTES": dt.timedelta(minutes=1),
    "HOURS": dt.timedelta(hours=1),
    "DAYS": dt.timedelta(days=1),
    "WEEKS": dt.timedelta(weeks=1),
}
_RELATIVE = re.compile(r"NOW\s*(?:(?P<sign>[+-])\s*(?P<count>\d+)\s*(?P<unit>[A-Za-z]+?)S?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """A table of the Glue Data Catalog, for a query."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Names in lower case, and Hive's types."""
    partition_keys: tuple[tuple[str, str], ...]
    location: str
    serde: str
    serde_parameters: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Table:
        """The table of a document of GetTable."""
        storage = document.get("StorageDescriptor") or {}
        serde = storage.get("SerdeInfo") or {}
        return cls(
            document["Name"],
            _typed(storage.get("Columns")),
            _typed(document.get("PartitionKeys")),
            storage.get("Location") or "",
            serde.get("SerializationLibrary") or "",
            serde.get("Parameters") or {},
            document.get("Parameters") or {},
        )

    @property
    def is_projected(self) -> bool:
        """Whether partitions follow from the parameters."""
        return self.parameters.get("projection.enabled", "false").strip().lower() == "true"


@dataclass(frozen=True)
class Location:
    """A bucket and a key prefix."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Location:
        """The location of an S3 URL."""
        match = re.fullmatch(r"s3[an]?://([^/]+)/?(.*)", url)
        if match is None:
            raise FailedError(f"INVALID_TABLE_PROPERTY: The location {url!r} is not an S3 URL")
        return cls(match[1], match[2])


def places(table: Table, now: dt.datetime) -> Partitions:
    """The locations of a table's objects. Raises FailedError for a table that AWS cannot read."""
    if not table.is_projected:
        # Without projection, only added partitions exist.
        pattern = re.compile("(?!)") if table.partition_keys else re.compile("")
        return Partitions(Location.of(_folder(table.location)), pattern, {})
    names = [name for name, _ in table.partition_keys]
    missing = [name for name in names if f"projection.{name}.type" not in table.parameters]
    if missing:
        raise FailedError(
            f"INVALID_TABLE_PROPERTY: Table {table.name} is configured for partition projection, but the "
            f"following partition columns are missing projection configuration: [{', '.join(missing)}]"
        )
    template = table.parameters.get("storage.location.template") or _folder(table.location) + "".join(
        f"{name}=${{{name}}}/" for name in names
    )
    if any(f"${{{name}}}" not in template for name in names):
        raise FailedError(
            "INVALID_TABLE_PROPERTY: The 'storage.location.template' table property must contain templates "
            "for all partition columns!"
        )
    projections = {name: _projection(table, name, now) for name in names}
    location = Location.of(_folder(template))
    pieces = re.split(r"\$\{([^}]*)\}", location.prefix)
    source, seen = "", set[str]()
    for index, piece in enumerate(pieces):
        if index % 2 == 0:
            source += re.escape(piece)
        elif piece in seen:
            source += f"(?P={piece})"
        else:
            seen.add(piece)
            source += f"(?P<{piece}>{projections[piece].pattern})"
    return Partitions(Location(location.bucket, pieces[0]), re.compile(source), projections)


@dataclass(frozen=True)
class Partitions:
    """The place of a table's objects, and how a key tells the values of the partition columns."""

    location: Location
    """Every key begins so."""
    _pattern: re.Pattern[str]
    _projections: Mapping[str, Projection]

    def values(self, key: str) -> dict[str, str] | None:
        """The partition columns of an object; None for an object outside the table (F223)."""
        if key.rpartition("/")[2].startswith(("_", ".")) or key.endswith("/"):
            return None
        rest = self._pattern.pattern and self._pattern.match(key)
        if not self._projections:
            return {} if self._pattern.match(key) else None
        if not rest:
            return None
        found: dict[str, str] = rest.groupdict()
        return found if all(self._projections[name].holds(text) for name, text in found.items()) else None


@dataclass(frozen=True)
class Projection:
    """The values of a partition column."""

    pattern: str
    form: str
    least: Any
    most: Any
    interval: Any
    choices: frozenset[str] = frozenset()

    def holds(self, text: str) -> bool:
        """Whether AWS would generate the value."""
        if self.choices:
            return text in self.choices
        value = _parsed(text, self.form)
        if value is None or not self.least <= value <= self.most:
            return False
        return not self.interval or not (value - self.least) % self.interval


def _projection(table: Table, name: str, now: dt.datetime) -> Projection:
    def given(key: str, default: str | None = None) -> str:
        value = table.parameters.get(f"projection.{name}.{key}", default)
        if value is None:
            raise FailedError(
                f"INVALID_TABLE_PROPERTY: projection.{name}.{key} is missing in table {table.name}"
            )
        return value.strip()

    kind = given("type").lower()
    if kind == "enum":
        values = [each.strip() for each in given("values").split(",")]
        return Projection("|".join(map(re.escape, values)), "", None, None, None, frozenset(values))
    bounds = [each.strip() for each in given("range").split(",")]
    if len(bounds) != 2:
        raise FailedError(f"INVALID_TABLE_PROPERTY: The range of {name} must be two values with a comma")
    if kind == "integer":
        digits = int(given("digits", "0"))
        pattern = rf"\d{{{digits}}}" if digits else r"-?\d+"
        return Projection(pattern, "", int(bounds[0]), int(bounds[1]), int(given("interval", "1")))
    if kind != "date":
        raise NotSimulatedError(f"projection type {kind}")
    form, unit = _strptime(given("format")), given("interval.unit", "DAYS").upper()
    interval = _UNITS.get(unit if unit.endswith("S") else f"{unit}S")
    least, most = (_bound(each, form, now) for each in bounds)
    span = interval and interval * int(given("interval", "1"))
    return Projection(_pattern_of(given("format")), form, least, most, span)


def _bound(text: str, form: str, now: dt.datetime) -> dt.datetime:
    relative = _RELATIVE.fullmatch(text)
    if relative is None:
        value = _parsed(text, form)
        if not isinstance(value, dt.datetime):
            raise FailedError(f"INVALID_TABLE_PROPERTY: {text!r} does not have the format of the column")
        return value
    if relative["unit"] is None:
        return _in_form(now, form)
    unit = relative["unit"].upper() + "S"
    days = {"MONTHS": 30, "YEARS": 365}.get(unit)
    step = dt.timedelta(days=days) if days else _UNITS.get(unit)
    if step is None:
        raise FailedError(f"INVALID_TABLE_PROPERTY: {text!r} has no unit of time")
    return _in_form(now + step * int(relative["count"]) * (-1 if relative["sign"] == "-" else 1), form)


def _in_form(moment: dt.datetime, form: str) -> dt.datetime:
    """The moment, truncated to the parts of a format."""
    return dt.datetime.strptime(moment.strftime(form), form).replace(tzinfo=dt.UTC)


def _parsed(text: str, form: str) -> Any:
    if not form:
        return int(text)
    try:
        return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _strptime(pattern: str) -> str:
    return "".join(_tokens(pattern, lambda letters: _DIGITS[letters], lambda text: text.replace("%", "%%")))


def _pattern_of(pattern: str) -> str:
    return "".join(_tokens(pattern, lambda letters: rf"\d{{{_WIDTHS.get(letters, 2)}}}", re.escape))


def _tokens(pattern: str, of_letters: Any, of_text: Any) -> Iterator[str]:
    for token in _TOKEN.finditer(pattern):
        if token[1]:
            if token[0] not in _DIGITS:
                raise NotSimulatedError(f"projection format {token[0]}")
            yield of_letters(token[0])
        else:
            text = token[0]
            yield of_text(text[1:-1].replace("''", "'") or "'" if text.startswith("'") else text)


def _typed(columns: Iterable[Mapping[str, Any]] | None) -> tuple[tuple[str, str], ...]:
    return tuple((column["Name"].lower(), column.get("Type", "string").lower()) for column in columns or ())


def _folder(url: str) -> str:
    return url if url.endswith("/") else f"{url}/"
