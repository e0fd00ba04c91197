"""The Athena workgroup: where results go, and how much a query may read (F217, F218)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_error, is_server_error
from mysfits_stream.aws.waiting import retry_while
from mysfits_stream.provision.resource import (
    Diff,
    Observed,
    Placement,
    Properties,
    Template,
    logical_id,
    owner_of,
    tag_list,
    tags_of,
)
from mysfits_stream.provision.resources.bucket import Bucket

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient

ENGINE = "Athena engine version 3"


@dataclass(frozen=True)
class QueryWorkgroup:
    """A workgroup with enforced settings: a client cannot choose a place or a limit."""

    name: str
    placement: Placement
    workgroup_name: str
    bucket: Bucket
    results_prefix: str
    scan_limit_bytes: int
    type: ClassVar[str] = "AWS::Athena::WorkGroup"

    @property
    def arn(self) -> str:
        """The workgroup's ARN."""
        return self.placement.account.arn("athena", f"workgroup/{self.workgroup_name}")

    @property
    def desired(self) -> Properties:
        """Results in the clicks bucket of this account, the limit, the engine, and the tags."""
        return {
            "State": "ENABLED",
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {
                "OutputLocation": f"s3://{self.bucket.bucket_name}/{self.results_prefix}",
                "ExpectedBucketOwner": self.placement.account.id,
            },
            "ManagedQueryResultsConfiguration": {"Enabled": False},
            "BytesScannedCutoffPerQuery": self.scan_limit_bytes,
            "EngineVersion": {"SelectedEngineVersion": ENGINE},
            "Tags": self.placement.tags,
        }

    def template(self) -> Template:
        """The workgroup, which is deleted with its history of queries."""
        return {
            logical_id(self.name): {
                "Type": self.type,
                "Properties": {
                    "Name": self.workgroup_name,
                    "State": "ENABLED",
                    "RecursiveDeleteOption": True,
                    "WorkGroupConfiguration": self._configuration(),
                    "Tags": tag_list(self.placement.tags),
                },
            }
        }

    def read(self) -> Observed | None:
        """The workgroup as Athena returns it."""
        try:
            found: Any = self._athena.get_work_group(WorkGroup=self.workgroup_name)["WorkGroup"]
            tags = tags_of(self._tags())
        except ClientError as error:
            if _missing(error):
                return None
            raise
        configuration = found.get("Configuration") or {}
        results = configuration.get("ResultConfiguration") or {}
        managed = configuration.get("ManagedQueryResultsConfiguration") or {}
        engine = configuration.get("EngineVersion") or {}
        return Observed(
            self.workgroup_name,
            self.arn,
            {
                "State": found.get("State"),
                "EnforceWorkGroupConfiguration": configuration.get("EnforceWorkGroupConfiguration"),
                "ResultConfiguration": {
                    key: results[key] for key in ("OutputLocation", "ExpectedBucketOwner") if key in results
                },
                "ManagedQueryResultsConfiguration": {"Enabled": managed.get("Enabled", False)},
                "BytesScannedCutoffPerQuery": configuration.get("BytesScannedCutoffPerQuery"),
                "EngineVersion": {"SelectedEngineVersion": engine.get("SelectedEngineVersion")},
                "Tags": self.placement.ours(tags),
            },
            owner_of(tags),
        )

    def create(self) -> None:
        """Create the workgroup with its tags."""
        try:
            self._retry(
                lambda: self._athena.create_work_group(
                    Name=self.workgroup_name,
                    Configuration=self._configuration(),  # type: ignore[arg-type]
                    Tags=tag_list(self.placement.tags),
                )
            )
        except ClientError as error:
            if not is_error(error, INVALID, message="already"):
                raise

    def update(self, diff: Diff) -> None:
        """Write the differing settings."""
        if "Tags" in diff:
            self.tag(self.arn)
        changed = {RENAMED.get(key, key): self.desired[key] for key in diff if key not in ("State", "Tags")}
        if changed or "State" in diff:
            # Settings of a disabled workgroup can be written in the call that enables it.
            self._retry(
                lambda: self._athena.update_work_group(
                    WorkGroup=self.workgroup_name,
                    ConfigurationUpdates=changed,  # type: ignore[arg-type]
                    **({"State": "ENABLED"} if "State" in diff else {}),  # type: ignore[arg-type]
                )
            )

    def tag(self, arn: str) -> None:
        """Write the tags; TagResource keeps the others."""
        self._retry(lambda: self._athena.tag_resource(ResourceARN=arn, Tags=tag_list(self.placement.tags)))

    def delete(self) -> None:
        """Delete the workgroup with its history and saved queries; results in the bucket stay."""
        try:
            self._retry(
                lambda: self._athena.delete_work_group(
                    WorkGroup=self.workgroup_name, RecursiveDeleteOption=True
                )
            )
        except ClientError as error:
            if not _missing(error):
                raise

    def settle(self) -> None:
        """Usable as soon as it is made."""

    @property
    def _athena(self) -> AthenaClient:
        return self.placement.clients.athena

    def _configuration(self) -> Properties:
        """The settings of a new workgroup; managed results are off by default."""
        apart = ("State", "Tags", "ManagedQueryResultsConfiguration")
        return {key: value for key, value in self.desired.items() if key not in apart}

    def _tags(self) -> list[Any]:
        pages = self._athena.get_paginator("list_tags_for_resource").paginate(ResourceARN=self.arn)
        return [tag for page in pages for tag in page["Tags"]]

    def _retry(self, call: Any) -> Any:
        return retry_while(
            is_server_error,
            call,
            self.placement.pace,
            waiting_for=f"Athena to take a change of {self.workgroup_name}",
            advice="run the same command again",
        )


INVALID = "InvalidRequestException"

RENAMED = {
    "ResultConfiguration": "ResultConfigurationUpdates",
    "ManagedQueryResultsConfiguration": "ManagedQueryResultsConfigurationUpdates",
}
"""How UpdateWorkGroup calls settings."""


def _missing(error: Exception) -> bool:
    """The workgroup does not exist (F217)."""
    return is_error(error, INVALID, message="not found") or is_error(error, "ResourceNotFoundException")
