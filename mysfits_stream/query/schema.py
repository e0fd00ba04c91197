"""The tables of SQL, and their columns in the spelling of the click's definition.

Each column is made from the text of a JSON scalar, on every engine alike: text unchanged, a number or a
boolean as in JSON, NULL for null and for a missing member. A field has the type of the definition.
The definition gives attributes no type, so an attribute is VARCHAR: ``CAST(price AS DOUBLE)``. A value of an
earlier definition that does not fit the type is NULL.
"""

from __future__ import annotations

from dataclasses import dataclass

from mysfits_stream import click_definition
from mysfits_stream.click_definition import Definition

VARCHAR, BIGINT, DOUBLE, BOOLEAN, TIMESTAMPTZ = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMPTZ"

TYPES = {"string": VARCHAR, "integer": BIGINT, "number": DOUBLE, "boolean": BOOLEAN, "time": TIMESTAMPTZ}
"""Type of a member in the definition -> type of the column in DuckDB."""

CLICKS, CLICKS_RAW, FAILED_CLICKS = "clicks", "clicks_raw", "failed_clicks"


@dataclass(frozen=True)
class Column:
    """A column of a table. ``name`` is the member of the stored line.

    SQL ignores the name's case.
    """

    name: str
    type: str
    """DuckDB's name of the type."""

    origin: str
    """``field``, ``attribute``, or ``added`` by the processor."""

    absent: str | None = None
    """The SQL literal for a line without the member; None for NULL."""

    @property
    def quoted(self) -> str:
        """The name as a quoted SQL identifier: a field may have the name of a keyword."""
        return f'"{self.name}"'


# The processor writes "test" for test clicks only, and "enriched" for clicks on an unknown key only.
ABSENT = {"test": "false", "enriched": "true"}

ADDED = tuple(
    Column(name, TYPES[kind], "added", ABSENT.get(name)) for name, kind in click_definition.ADDED.items()
)
"""Columns that the processor adds. Lines of version 0.1.0 have no ``clickId`` and no ``requestId``."""

FAILED_COLUMNS = (
    Column("errorCode", VARCHAR, "added"),
    Column("errorMessage", VARCHAR, "added"),
    Column("arrivedAt", TIMESTAMPTZ, "added"),
    Column("data", VARCHAR, "added"),
    Column("object", VARCHAR, "added"),
)
"""Columns of ``failed_clicks``: a failed record, its content as text, and the key of the error object."""


def columns(definition: Definition) -> tuple[Column, ...]:
    """The columns of ``clicks`` and ``clicks_raw``: fields, attributes, added members."""
    fields = [Column(field.name, TYPES[field.type], "field") for field in definition.fields]
    attributes = [Column(name, VARCHAR, "attribute") for name in definition.attributes]
    return (*fields, *attributes, *ADDED)
