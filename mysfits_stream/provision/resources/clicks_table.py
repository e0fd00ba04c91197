"""Glue's table ``clicks_raw``: the delivered lines, partitioned by projection.

Athena computes the partitions from the table's parameters, so that no partition has to be added (F212).
Every column is text: a line of an earlier definition, with another type, fails no query (F215).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.date_partitions import DatePartitions, partition_column
from mysfits_stream.provision.resource import (
    OWNER_TAG,
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
)
from mysfits_stream.provision.resources.bucket import Bucket
from mysfits_stream.provision.resources.clicks_database import ClicksDatabase
from mysfits_stream.provision.resources.glue_errors import EXISTS, MISSING, busy

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient

FIRST_YEAR = 2018
"""The year of the workshop: no click is older. A query lists every partition that its conditions leave."""

TEXT_INPUT = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUTPUT = "org.apache.hadoop.hive.ql.io.IgnoreKeyTextOutputFormat"
JSON_LINES = "org.openx.data.jsonserde.JsonSerDe"

KEPT = ("Description", "Owner", "Retention", "ViewOriginalText", "ViewExpandedText", "TargetTable")
"""Members that UpdateTable would remove if the call left these members out."""


@dataclass(frozen=True)
class ClicksTable:
    """A table over the objects of a delivery prefix.

    Tables have no tags: a parameter names the owner (F211).
    """

    name: str
    placement: Placement
    table_name: str
    database: ClicksDatabase
    bucket: Bucket
    columns: tuple[str, ...]
    """The members of a line, in the spelling of the definition; Glue lower-cases names (F215)."""
    partitions: DatePartitions
    type: ClassVar[str] = "AWS::Glue::Table"

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return self.placement.account.arn("glue", f"table/{self.database.database_name}/{self.table_name}")

    @property
    def partition_column(self) -> str:
        """The column with the date of the key; the name differs from every member of a line."""
        return partition_column(self.columns)

    @property
    def desired(self) -> Properties:
        """Columns, place, format and projection, and the owner."""
        return {
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": [{"Name": column.lower(), "Type": "string"} for column in self.columns],
                "Location": self.partitions.location(self.bucket.bucket_name),
                "InputFormat": TEXT_INPUT,
                "OutputFormat": TEXT_OUTPUT,
                "SerdeInfo": {
                    "SerializationLibrary": JSON_LINES,
                    # Lines that are no JSON object read as null, as `clicks` leaves them out.
                    "Parameters": {"ignore.malformed.json": "true"},
                },
            },
            "PartitionKeys": [{"Name": self.partition_column, "Type": "string"}],
            "Parameters": self._parameters(),
        }

    def template(self) -> Template:
        """The table, in the database."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "CatalogId": self.placement.account.id,
                    "DatabaseName": {"Ref": logical_id(self.database.name)},
                    "TableInput": self._input(),
                },
            }
        }

    def read(self) -> Observed | None:
        """The table of Glue, without parameters and settings that the stack does not write."""
        try:
            found = self._found()
        except ClientError as error:
            if is_error(error, MISSING):
                return None
            raise
        desired, parameters = self.desired, found.get("Parameters") or {}
        properties = {
            "TableType": found.get("TableType"),
            "StorageDescriptor": _reduced(found.get("StorageDescriptor"), desired["StorageDescriptor"]),
            "PartitionKeys": _reduced(found.get("PartitionKeys"), desired["PartitionKeys"]),
            "Parameters": _reduced(parameters, desired["Parameters"]),
        }
        return Observed(self.table_name, self.arn, properties, parameters.get(OWNER_TAG))

    def create(self) -> None:
        """Create the table with the owner mark."""
        with ignoring(EXISTS):
            self._retry(
                lambda: self._glue.create_table(
                    DatabaseName=self.database.database_name,
                    TableInput=self._input(),
                )
            )

    def update(self, diff: Diff) -> None:
        """Write the differing properties; parameters of others stay."""
        self._retry(lambda: self._write({key: self.desired[key] for key in diff}))

    def tag(self, arn: str) -> None:
        """Write the owner as a parameter; the rest stays."""
        self._retry(lambda: self._write({"Parameters": {OWNER_TAG: self.placement.owner}}))

    def delete(self) -> None:
        """Delete the table; the objects stay."""
        with ignoring(MISSING):
            self._retry(
                lambda: self._glue.delete_table(
                    DatabaseName=self.database.database_name, Name=self.table_name
                )
            )

    def settle(self) -> None:
        """Usable at once after creation."""

    @property
    def _glue(self) -> GlueClient:
        return self.placement.clients.glue

    def _parameters(self) -> dict[str, str]:
        column, partitions = self.partition_column, self.partitions
        first = partitions.first(FIRST_YEAR)
        return {
            OWNER_TAG: self.placement.owner,
            "EXTERNAL": "TRUE",
            "projection.enabled": "true",
            f"projection.{column}.type": "date",
            f"projection.{column}.format": partitions.format,
            f"projection.{column}.range": f"{first},NOW",
            f"projection.{column}.interval": "1",
            f"projection.{column}.interval.unit": partitions.unit,
            "storage.location.template": partitions.template(self.bucket.bucket_name, column),
        }

    def _input(self) -> Any:
        return {"Name": self.table_name, **self.desired}

    def _found(self) -> Any:
        return self._glue.get_table(DatabaseName=self.database.database_name, Name=self.table_name)["Table"]

    def _write(self, changed: Properties) -> None:
        found = self._found()
        members = (*KEPT, "TableType", "StorageDescriptor", "PartitionKeys", "Parameters")
        table: Any = {key: found[key] for key in members if found.get(key) is not None} | changed
        parameters = (found.get("Parameters") or {}) | changed.get("Parameters", {})
        self._glue.update_table(
            DatabaseName=self.database.database_name,
            TableInput=table | {"Name": self.table_name, "Parameters": parameters},
            # Glue keeps each version of a table else, up to a quota.
            SkipArchive=True,
        )

    def _retry(self, call: Any) -> Any:
        return retry_while(
            busy,
            call,
            self.placement.pace,
            waiting_for=f"Glue to take a change of {self.table_name}",
            advice="check that no other program changes it, and run the same command again",
        )


def _reduced(found: Any, desired: Any) -> Any:
    """``found`` with the keys of ``desired`` only; Glue adds defaults to what was written."""
    if isinstance(desired, dict) and isinstance(found, dict):
        return {key: _reduced(found[key], value) for key, value in desired.items() if key in found}
    if isinstance(desired, list) and isinstance(found, list):
        return [_reduced(item, desired[0]) for item in found]
    return found
