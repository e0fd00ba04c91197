"""Statements that change the Glue Data Catalog: databases, and tables of JSON lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from mysfits_stream.localcloud.athena.errors import NotSimulatedError, RejectedError

TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
KNOWN_PROPERTIES = (
    exp.ExternalProperty,
    exp.PartitionedByProperty,
    exp.RowFormatSerdeProperty,
    exp.LocationProperty,
    exp.FileFormatProperty,
    exp.SchemaCommentProperty,
    exp.Property,
)


@dataclass(frozen=True)
class Change:
    """A change: ``CREATE_DATABASE``, ``DROP_DATABASE``, ``CREATE_TABLE`` or ``DROP_TABLE``."""

    kind: str
    database: str
    name: str
    lenient: bool
    """Whether IF EXISTS or IF NOT EXISTS stands in the statement."""
    table: dict[str, Any] | None = None
    """Glue's TableInput of a new table."""


def change_of(statement: exp.Expression, database: str) -> Change:
    """The change of a statement. Raises NotSimulatedError or RejectedError."""
    verb = "CREATE" if isinstance(statement, exp.Create) else "DROP"
    kind = str(statement.args.get("kind", "")).upper()
    lenient = bool(statement.args.get("exists"))
    # Newer versions of sqlglot list what DROP names.
    named: Any = statement.this or next(iter(statement.args.get("tables") or []), None)
    target = named.this if isinstance(named, exp.Schema) else named
    if kind in ("DATABASE", "SCHEMA"):
        if statement.args.get("properties") or statement.args.get("cascade"):
            raise NotSimulatedError(f"the statement {verb} {kind} with options")
        name = str(target.db or target.name).lower()
        return Change(f"{verb}_DATABASE", name, name, lenient)
    if kind != "TABLE":
        raise NotSimulatedError(f"the statement {verb} {kind}")
    place, name = str(target.db or database).lower(), str(target.name).lower()
    if verb == "DROP":
        return Change("DROP_TABLE", place, name, lenient)
    if statement.expression is not None:
        raise NotSimulatedError("the statement CREATE TABLE AS")
    return Change("CREATE_TABLE", place, name, lenient, _table_input(statement, named, name))


def _table_input(statement: exp.Expression, named: Any, name: str) -> dict[str, Any]:
    properties: list[Any] = (
        list(statement.args["properties"].expressions) if statement.args.get("properties") else []
    )
    for each in properties:
        if type(each) not in KNOWN_PROPERTIES:  # Property is the base class of all
            raise NotSimulatedError(f"the clause {each.sql('hive')}")
    of = {type(each): each for each in properties}
    if exp.LocationProperty not in of:
        raise RejectedError("No location was specified for table. An S3 location must be specified")
    if exp.ExternalProperty not in of:
        raise RejectedError("CREATE TABLE needs EXTERNAL, or a table type", "InvalidRequestException")
    file_format = of.get(exp.FileFormatProperty)
    if (
        file_format is not None
        and "TEXTFILE" not in file_format.sql("hive")
        and "TextInput" not in (file_format.sql("hive"))
    ):
        raise NotSimulatedError(f"the clause {file_format.sql('hive')}")
    serde = of.get(exp.RowFormatSerdeProperty)
    partitions = of.get(exp.PartitionedByProperty)
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {
            "EXTERNAL": "TRUE",
            **{each.this.name: each.args["value"].name for each in properties if type(each) is exp.Property},
        },
        "PartitionKeys": _columns(partitions.this) if partitions is not None else [],
        "StorageDescriptor": {
            "Columns": _columns(named) if isinstance(named, exp.Schema) else [],
            "Location": of[exp.LocationProperty].this.name,
            "InputFormat": TEXT_INPUT,
            "OutputFormat": TEXT_OUTPUT,
            "SerdeInfo": _serde(serde),
        },
    }


def _serde(serde: Any) -> dict[str, Any]:
    if serde is None:
        return {}
    given = serde.args.get("serde_properties")
    parameters = {each.this.name: each.args["value"].name for each in given.expressions} if given else {}
    return {"SerializationLibrary": serde.this.name, "Parameters": parameters}


def _columns(schema: Any) -> list[dict[str, str]]:
    return [
        {"Name": column.name.lower(), "Type": column.args["kind"].sql("hive").lower()}
        for column in schema.expressions
    ]
