"""The types of queries: the Glue database and table, and Athena's workgroup."""

from __future__ import annotations

from mysfits_stream.localcloud.control_plane.cloudformation.provided import Provided
from mysfits_stream.localcloud.control_plane.moto_state import CloudFormationModel


class Database(Provided, CloudFormationModel):
    """A database; CloudFormation gives a database no tags (F211)."""

    TYPE = "AWS::Glue::Database"
    NAME = "DatabaseName"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create or update the database."""
        given = {"CatalogId": self.properties["CatalogId"], "DatabaseInput": self.properties["DatabaseInput"]}
        if self.exists:
            self.call("glue", "update_database", Name=self.physical_resource_id, **given)
            return
        self.call("glue", "create_database", **given)
        self.physical_resource_id = self.properties["DatabaseInput"]["Name"]

    def remove(self) -> None:
        """Delete the database."""
        self.call("glue", "delete_database", Name=self.physical_resource_id)


class Table(Provided, CloudFormationModel):
    """A table."""

    TYPE = "AWS::Glue::Table"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create or update the table."""
        given = {key: self.properties[key] for key in ("CatalogId", "DatabaseName", "TableInput")}
        self.call("glue", "update_table" if self.exists else "create_table", **given)
        self.physical_resource_id = self.properties["TableInput"]["Name"]

    def remove(self) -> None:
        """Delete the table."""
        self.call(
            "glue",
            "delete_table",
            DatabaseName=self.properties["DatabaseName"],
            Name=self.physical_resource_id,
        )


class WorkGroup(Provided, CloudFormationModel):
    """A workgroup."""

    TYPE = "AWS::Athena::WorkGroup"
    NAME = "Name"
    ATTRIBUTES = ()

    def put(self) -> None:
        """Create or update the workgroup."""
        name, settings = self.physical_resource_id, dict(self.properties.get("WorkGroupConfiguration", {}))
        state = self.properties.get("State", "ENABLED")
        if not self.exists:
            tags = self.properties.get("Tags", [])
            self.call("athena", "create_work_group", Name=name, Configuration=settings, Tags=tags)
            if state == "ENABLED":
                return
            settings = {}
        if results := settings.pop("ResultConfiguration", None):
            settings["ResultConfigurationUpdates"] = results
        self.call("athena", "update_work_group", WorkGroup=name, ConfigurationUpdates=settings, State=state)

    def remove(self) -> None:
        """Delete the workgroup."""
        recursively = str(self.properties.get("RecursiveDeleteOption", False)).lower() == "true"
        self.call(
            "athena",
            "delete_work_group",
            WorkGroup=self.physical_resource_id,
            RecursiveDeleteOption=recursively,
        )
