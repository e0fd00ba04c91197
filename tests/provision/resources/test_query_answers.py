"""Database, table and workgroup against known answers of Glue and Athena (F210-F218)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.config import Config, QueryConfig
from mysfits_stream.date_partitions import date_partitions
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.bucket import Bucket
from mysfits_stream.provision.resources.clicks_database import ClicksDatabase
from mysfits_stream.provision.resources.clicks_table import ClicksTable
from mysfits_stream.provision.resources.query_workgroup import QueryWorkgroup
from mysfits_stream.retention import Expiry
from tests.support.answers import EMPTY_500, error, ok
from tests.support.clock import Time
from tests.support.scripted import ACCOUNT, Scripted, placement

OWNER = "mysfits-clicks"
MISSING = error(400, "EntityNotFoundException", "Database mysfits_clicks not found.")
BUSY = error(400, "ConcurrentModificationException", "Table is being modified concurrently")
NO_WORKGROUP = error(400, "InvalidRequestException", "WorkGroup is not found.")
LAKE_FORMATION = error(
    400,
    "AccessDeniedException",
    "Insufficient Lake Formation permission(s): Required Create Database on Catalog",
)


def database(aws: Scripted, time: Time | None = None) -> ClicksDatabase:
    return ClicksDatabase("clicks-database", placement(aws, time), "mysfits_clicks")


def table(aws: Scripted, time: Time | None = None) -> ClicksTable:
    placed = placement(aws, time)
    return ClicksTable(
        name="clicks-table",
        placement=placed,
        table_name="clicks_raw",
        database=database(aws),
        bucket=bucket(aws),
        columns=("userId", "datehour"),
        partitions=date_partitions("firehose/"),
    )


def bucket(aws: Scripted) -> Bucket:
    results = Expiry("expire_athena_results_days", "athena-results/", 7)
    return Bucket("clicks-bucket", placement(aws), "clicks", 30, 7, expiries=(results,))


def workgroup(aws: Scripted, time: Time | None = None) -> QueryWorkgroup:
    return QueryWorkgroup(
        "query-workgroup", placement(aws, time), OWNER, bucket(aws), "athena-results/", 10 * 2**30
    )


def found_table(aws: Scripted, **changed: Any) -> Any:
    """The table with what Glue adds."""
    desired = table(aws).desired
    storage = desired["StorageDescriptor"] | {
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SortColumns": [],
        "StoredAsSubDirectories": False,
    }
    parameters = desired["Parameters"] | {"transient_lastDdlTime": "1700000000"}
    return {
        "Name": "clicks_raw",
        "DatabaseName": "mysfits_clicks",
        **desired,
        "StorageDescriptor": storage,
        "Parameters": parameters,
        "Retention": 0,
        "VersionId": "1",
        **changed,
    }


def test_a_table_with_what_glue_adds_reads_in_sync() -> None:
    aws = Scripted()
    aws = Scripted(GetTable=ok(Table=found_table(aws)))
    observed = table(aws).read()
    assert observed and (observed.properties, observed.owner) == (table(aws).desired, OWNER)


def test_the_partition_column_has_a_name_that_no_column_has() -> None:
    assert table(Scripted()).partition_column == "datehour_"
    assert "projection.datehour_.type" in table(Scripted()).desired["Parameters"]


def test_a_change_of_the_table_keeps_what_others_wrote_and_leaves_no_version() -> None:
    found = found_table(Scripted(), Description="theirs", TableType="VIRTUAL_VIEW")
    aws = Scripted(GetTable=ok(Table=found), UpdateTable=[BUSY, ok()])
    table(aws).update({"TableType": ("VIRTUAL_VIEW", "EXTERNAL_TABLE")})
    asked = aws.asked("UpdateTable")[-1]
    assert asked["SkipArchive"] is True
    assert asked["TableInput"]["Description"] == "theirs"
    assert asked["TableInput"]["TableType"] == "EXTERNAL_TABLE"
    assert asked["TableInput"]["Parameters"] == found["Parameters"]
    assert "VersionId" not in asked["TableInput"]


def test_a_table_of_nobody_is_adopted_by_its_parameter() -> None:
    found = found_table(Scripted(), Parameters={"classification": "json"})
    aws = Scripted(GetTable=ok(Table=found), UpdateTable=ok())
    assert getattr(table(aws).read(), "owner", "") is None
    table(aws).tag(table(aws).arn)
    assert aws.asked("UpdateTable")[0]["TableInput"]["Parameters"] == {
        "classification": "json",
        OWNER_TAG: OWNER,
    }


def test_a_database_from_a_template_has_no_tags_and_is_ours_by_its_parameter() -> None:
    """F211."""
    aws = Scripted(
        GetDatabase=ok(Database={"Name": "mysfits_clicks", "Parameters": {OWNER_TAG: OWNER}}),
        GetTags=ok(Tags={}),
        TagResource=ok(),
    )
    observed = database(aws).read()
    assert observed and observed.owner == OWNER and observed.properties["Tags"] == {}
    database(aws).update({"Tags": ({}, {OWNER_TAG: OWNER})})
    assert aws.asked("TagResource") == [{"ResourceArn": database(aws).arn, "TagsToAdd": {OWNER_TAG: OWNER}}]


def test_a_tag_of_another_stack_counts_more_than_the_parameter() -> None:
    aws = Scripted(
        GetDatabase=ok(Database={"Name": "mysfits_clicks", "Parameters": {OWNER_TAG: OWNER}}),
        GetTags=ok(Tags={OWNER_TAG: "another"}),
    )
    assert getattr(database(aws).read(), "owner", "") == "another"


def test_a_change_of_the_database_keeps_its_other_settings() -> None:
    permissions = [{"Principal": {"DataLakePrincipalIdentifier": "me"}, "Permissions": ["ALL"]}]
    aws = Scripted(
        GetDatabase=ok(
            Database={
                "Name": "mysfits_clicks",
                "Description": "theirs",
                "CreateTableDefaultPermissions": permissions,
                "Parameters": {"more": "theirs"},
            }
        ),
        UpdateDatabase=ok(),
    )
    database(aws).update({"Parameters": ({}, {OWNER_TAG: OWNER})})
    assert aws.asked("UpdateDatabase")[0]["DatabaseInput"] == {
        "Name": "mysfits_clicks",
        "Description": "theirs",
        "CreateTableDefaultPermissions": permissions,
        "Parameters": {"more": "theirs", OWNER_TAG: OWNER},
    }


def test_what_passes_by_itself_is_waited_out_and_a_denial_is_not() -> None:
    time = Time()
    aws = Scripted(CreateDatabase=[EMPTY_500, BUSY, ok()])
    database(aws, time).create()
    assert len(aws.calls) == 3 and time.slept
    aws = Scripted(CreateDatabase=LAKE_FORMATION)
    with pytest.raises(ClientError, match="Lake Formation"):
        database(aws).create()
    assert len(aws.calls) == 1


def test_what_is_gone_is_deleted() -> None:
    aws = Scripted(DeleteDatabase=MISSING, DeleteTable=MISSING, DeleteWorkGroup=NO_WORKGROUP)
    database(aws).delete()
    table(aws).delete()
    workgroup(aws).delete()
    assert aws.names() == ["DeleteDatabase", "DeleteTable", "DeleteWorkGroup"]


def test_a_workgroup_that_is_missing_reads_none_and_other_mistakes_are_errors() -> None:
    assert workgroup(Scripted(GetWorkGroup=NO_WORKGROUP)).read() is None
    other = error(400, "InvalidRequestException", "Invalid name")
    with pytest.raises(ClientError, match="Invalid name"):
        workgroup(Scripted(GetWorkGroup=other)).read()
    with pytest.raises(ClientError, match="Invalid name"):
        workgroup(Scripted(CreateWorkGroup=other)).create()
    with pytest.raises(ClientError, match="Invalid name"):
        workgroup(Scripted(DeleteWorkGroup=other)).delete()


def test_results_that_athena_manages_are_drift_and_are_turned_off() -> None:
    configuration = {
        "EnforceWorkGroupConfiguration": True,
        "ManagedQueryResultsConfiguration": {"Enabled": True},
        "BytesScannedCutoffPerQuery": 10 * 2**30,
        "EngineVersion": {
            "SelectedEngineVersion": "Athena engine version 3",
            "EffectiveEngineVersion": "Athena engine version 3",
        },
        "ResultConfiguration": {
            "OutputLocation": "s3://clicks/athena-results/",
            "ExpectedBucketOwner": ACCOUNT.id,
        },
    }
    aws = Scripted(
        GetWorkGroup=ok(WorkGroup={"Name": OWNER, "State": "ENABLED", "Configuration": configuration}),
        ListTagsForResource=[
            ok(Tags=[{"Key": "a", "Value": "b"}], NextToken="more"),
            ok(Tags=[{"Key": OWNER_TAG, "Value": OWNER}]),
        ],
        UpdateWorkGroup=ok(),
    )
    group = workgroup(aws)
    observed = group.read()
    assert observed and observed.owner == OWNER
    differing = {key for key, value in group.desired.items() if observed.properties[key] != value}
    assert differing == {"ManagedQueryResultsConfiguration"}
    group.update(dict.fromkeys(differing, (None, None)))
    assert aws.asked("UpdateWorkGroup") == [
        {
            "WorkGroup": OWNER,
            "ConfigurationUpdates": {"ManagedQueryResultsConfigurationUpdates": {"Enabled": False}},
        }
    ]


def test_results_expire_by_a_rule_of_their_own() -> None:
    rules = bucket(Scripted()).desired["LifecycleConfiguration"]["Rules"]
    first, second = rules
    assert (first["ID"], second["ID"]) == ("expire-what-is-no-longer-current", "expire-athena-results")
    assert second["Filter"] == {"Prefix": "athena-results/"} and second["Expiration"] == {"Days": 7}
    without = replace(bucket(Scripted()), expiries=())
    # The rule that stays keeps its place, so that a difference shows the new rule alone.
    assert without.desired["LifecycleConfiguration"]["Rules"] == [first]


def test_a_scan_limit_below_athenas_least_cannot_be_configured() -> None:
    least = Config(query=QueryConfig(athena=True, scan_limit_gb=0.01)).query.scan_limit_gb
    assert least * 2**30 >= 10 * 2**20
