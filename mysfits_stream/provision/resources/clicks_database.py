"""The database of the Glue Data Catalog that holds the clicks table (F210, F211)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import ignoring, is_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.provision.resource import (
    OWNER_TAG,
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    tags_of,
)
from mysfits_stream.provision.resources.glue_errors import EXISTS, MISSING, busy

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient

KEPT = ("Description", "LocationUri", "CreateTableDefaultPermissions", "TargetDatabase", "FederatedDatabase")
"""Members that UpdateDatabase would remove if the call left these members out."""


@dataclass(frozen=True)
class ClicksDatabase:
    """A database; a parameter names the owner, too, because a template writes no tags (F211)."""

    name: str
    placement: Placement
    database_name: str
    type: ClassVar[str] = "AWS::Glue::Database"

    @property
    def arn(self) -> str:
        """The database's ARN."""
        return self.placement.account.arn("glue", f"database/{self.database_name}")

    @property
    def desired(self) -> Properties:
        """The owner, as a parameter and as a tag."""
        return {"Parameters": {OWNER_TAG: self.placement.owner}, "Tags": self.placement.tags}

    def template(self) -> Template:
        """The database, without its tags."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "CatalogId": self.placement.account.id,
                    "DatabaseInput": {
                        "Name": self.database_name,
                        "Parameters": {OWNER_TAG: self.placement.owner},
                    },
                },
            }
        }

    def read(self) -> Observed | None:
        """The database as Glue returns it; either owner mark makes the database the stack's."""
        try:
            found: Any = self._glue.get_database(Name=self.database_name)["Database"]
            tags = tags_of(self._glue.get_tags(ResourceArn=self.arn).get("Tags", {}))
        except ClientError as error:
            if is_error(error, MISSING):
                return None
            raise
        parameters = found.get("Parameters") or {}
        owner = parameters.get(OWNER_TAG)
        return Observed(
            self.database_name,
            self.arn,
            {
                "Parameters": {OWNER_TAG: owner} if owner else {},
                "Tags": self.placement.ours(tags),
            },
            tags.get(OWNER_TAG, owner),
        )

    def create(self) -> None:
        """Create the database with both owner marks."""
        with ignoring(EXISTS):
            self._retry(
                lambda: self._glue.create_database(
                    DatabaseInput={"Name": self.database_name, "Parameters": self.desired["Parameters"]},
                    Tags=self.placement.tags,
                )
            )

    def update(self, diff: Diff) -> None:
        """Write what differs; other parameters, tags and settings stay."""
        if "Tags" in diff:
            self.tag(self.arn)
        if "Parameters" in diff:
            self._retry(self._update_parameters)

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._retry(lambda: self._glue.tag_resource(ResourceArn=arn, TagsToAdd=self.placement.tags))

    def delete(self) -> None:
        """Delete the database; Glue deletes tables that others have made in it, too."""
        with ignoring(MISSING):
            self._retry(lambda: self._glue.delete_database(Name=self.database_name))

    def settle(self) -> None:
        """Usable as soon as it is made."""

    @property
    def _glue(self) -> GlueClient:
        return self.placement.clients.glue

    def _update_parameters(self) -> None:
        found: Any = self._glue.get_database(Name=self.database_name)["Database"]
        kept: Any = {key: found[key] for key in KEPT if found.get(key) is not None}
        parameters = (found.get("Parameters") or {}) | self.desired["Parameters"]
        self._glue.update_database(
            Name=self.database_name,
            DatabaseInput=kept | {"Name": self.database_name, "Parameters": parameters},
        )

    def _retry(self, call: Any) -> Any:
        return retry_while(
            busy,
            call,
            self.placement.pace,
            waiting_for=f"Glue to take a change of {self.database_name}",
            advice="check that no other program changes it, and run the same command again",
        )
