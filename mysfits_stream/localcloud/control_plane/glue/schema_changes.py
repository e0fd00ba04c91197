"""Athena's statements that change databases and tables; the tables that queries read."""

from __future__ import annotations

from typing import Any

from mysfits_stream.localcloud.athena.ddl import Change
from mysfits_stream.localcloud.athena.errors import FailedError
from mysfits_stream.localcloud.athena.projection import Table
from mysfits_stream.localcloud.athena.statements import TableName


def found_table(name: TableName, glue: Any) -> Table:
    """The table of moto's backend; raises FailedError."""
    database = glue.databases.get(name.database)
    if database is None:
        raise FailedError(f"SCHEMA_NOT_FOUND: Schema '{name.database}' does not exist")
    if name.name not in database.tables:
        raise FailedError(
            f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{name.database}.{name.name}' does not exist"
        )
    return Table.of(database.tables[name.name].as_dict())


def apply(change: Change, glue: Any) -> None:
    """Carry out a change in moto's backend; raises FailedError."""
    if change.kind == "CREATE_DATABASE":
        _create_database(change, glue)
    elif change.database not in glue.databases:
        if not (change.lenient and change.kind.startswith("DROP")):
            raise FailedError(
                f"FAILED: SemanticException [Error 10072]: Database does not exist: {change.database}"
            )
    elif change.kind == "DROP_DATABASE":
        _drop_database(change, glue)
    elif change.kind == "DROP_TABLE":
        _drop_table(change, glue)
    else:
        _create_table(change, glue)


def _create_database(change: Change, glue: Any) -> None:
    if change.name not in glue.databases:
        glue.create_database(change.name, {"Name": change.name}, {})
    elif not change.lenient:
        raise FailedError(f"FAILED: Execution Error. Database {change.name} already exists")


def _drop_database(change: Change, glue: Any) -> None:
    if glue.databases[change.name].tables:
        raise FailedError(
            f"FAILED: Execution Error. Database {change.name} is not empty. One or more tables exist."
        )
    glue.delete_database(change.name)


def _drop_table(change: Change, glue: Any) -> None:
    if change.name in glue.databases[change.database].tables:
        glue.delete_table(change.database, change.name)
    elif not change.lenient:
        raise FailedError(f"FAILED: SemanticException [Error 10001]: Table not found {change.name}")


def _create_table(change: Change, glue: Any) -> None:
    if change.name not in glue.databases[change.database].tables:
        glue.create_table(change.database, change.name, change.table)
    elif not change.lenient:
        raise FailedError(
            "FAILED: Execution Error, return code 1 from DDLTask. AlreadyExistsException: Table "
            f"{change.name} already exists."
        )
