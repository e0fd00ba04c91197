"""Every AWS call of every command, held against the policy that ``operator-policy`` prints."""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import boto3
import pytest
from botocore.session import Session

from mysfits_stream.aws.account import Account
from mysfits_stream.aws.waiting import Interrupt
from mysfits_stream.cli import cli
from mysfits_stream.commands.app import App
from mysfits_stream.config import (
    AlarmsConfig,
    ApiConfig,
    BucketConfig,
    Config,
    DeliveryConfig,
    IamConfig,
    ProcessorConfig,
    QueryConfig,
)
from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.local_site.cloud import local_cloud
from mysfits_stream.localcloud import iam
from mysfits_stream.localcloud.settings import Settings
from mysfits_stream.provision.operator_policy import MOST_CHARACTERS, operator_policies, size
from mysfits_stream.provision.stack import Names
from mysfits_stream.target import LOCAL_INVOKE_URL, Target
from tests.support.in_process import ACCOUNT_ID

REGION = "eu-west-1"
ACCOUNT = Account(ACCOUNT_ID, REGION)
CONFIG = Config(
    region=REGION,
    code_repository="clicks-code",
    tags=(("CostCenter", "42"),),
    iam=IamConfig("/team/", f"arn:aws:iam::{ACCOUNT_ID}:policy/boundary"),
    query=QueryConfig(athena=True),
    alarms=AlarmsConfig(email="me@example.com"),
)
CHANGED = replace(
    CONFIG,
    processor=ProcessorConfig(memory_mb=512, architecture="x86_64"),
    delivery=DeliveryConfig(buffer_seconds=61),
    api=ApiConfig(rate_limit=10, allowed_origins=("https://www.example.com",)),
    query=QueryConfig(athena=True, scan_limit_gb=20),
    alarms=AlarmsConfig(email="you@example.com", quiet_minutes=30),
)


@dataclass(frozen=True)
class Needed:
    """A permission of a call: action, resource, and the condition keys from AWS."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


@dataclass
class Recorder:
    """Hears of every request before it is sent."""

    needed: set[Needed] = field(default_factory=set)
    _parameters: dict[str, Any] = field(default_factory=dict)

    def note(self, params: dict[str, Any], model: Any, context: Any, **_: Any) -> None:
        context["given"] = params

    def sent(self, request: Any, event_name: str, **_: Any) -> None:
        service, operation = event_name.split(".")[1:]
        given = request.context["given"]
        path = urlsplit(request.url).path
        self.needed |= set(permissions(service, operation, given, f"{request.method} {path}"))


def permissions(service: str, operation: str, given: Any, line: str) -> Iterator[Needed]:
    """What a call is authorized against, by AWS's service authorization reference."""
    if service == "iam":
        role = ACCOUNT.role_arn(CONFIG.iam.path.lstrip("/") + given["RoleName"])
        bounded = operation in ("CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary")
        boundary = CONFIG.iam.permissions_boundary
        context = (("iam:PermissionsBoundary", boundary),) if bounded and boundary else ()
        yield Needed(f"iam:{operation}", role, context)
        if given.get("Tags"):
            yield Needed("iam:TagRole", role)
    elif service == "s3":
        yield from of_s3(operation, given)
    elif service == "lambda":
        function = ACCOUNT.arn("lambda", f"function:{given['FunctionName']}")
        version = f":{given['Qualifier']}" if given.get("Qualifier") else ""
        action = "InvokeFunction" if operation == "Invoke" else operation
        yield Needed(f"lambda:{action}", f"{function}{version}")
        if given.get("Tags"):
            yield Needed("lambda:TagResource", function)
        if operation == "GetFunction":
            yield Needed("lambda:ListTags", function)  # as its answer shows them
        if given.get("Role"):
            yield passing(given["Role"], "lambda.amazonaws.com")
    elif service == "firehose":
        stream = ACCOUNT.arn("firehose", f"deliverystream/{given['DeliveryStreamName']}")
        yield Needed(f"firehose:{operation}", stream)
        if given.get("Tags"):
            yield Needed("firehose:TagDeliveryStream", stream)
        for member in ("ExtendedS3DestinationConfiguration", "ExtendedS3DestinationUpdate"):
            if member in given:
                yield passing(given[member]["RoleARN"], "firehose.amazonaws.com")
    elif service == "api-gateway":
        verb, path = line.split()
        owned = (("aws:ResourceTag/mysfits-stream:stack", CONFIG.stack),)
        of_one = verb != "GET" and path.startswith("/restapis/")
        yield Needed(
            f"apigateway:{verb}", f"arn:aws:apigateway:{REGION}::{unquote(path)}", owned if of_one else ()
        )
        if given.get("tags"):
            # A tag on creation is authorized as a request to /tags of its own.
            tagged = quote(f"arn:aws:apigateway:{REGION}::{path}/*", safe="")
            yield Needed("apigateway:PUT", f"arn:aws:apigateway:{REGION}::/tags/{tagged}")
        if operation == "PutRestApi":
            yield passing(
                ACCOUNT.role_arn(CONFIG.iam.path.lstrip("/") + NAMES.api_role), "apigateway.amazonaws.com"
            )
    elif service == "cloudwatch-logs":
        yield from of_logs(operation, given)
    elif service == "codecommit":
        repository = given.get("resourceArn") or ACCOUNT.arn("codecommit", given["repositoryName"])
        yield Needed(f"codecommit:{operation}", repository)
        if given.get("tags"):
            yield Needed("codecommit:TagResource", repository)
    elif service == "glue":
        yield from of_glue(operation, given)
    elif (service == "cloudwatch" and "Alarm" in operation) or given.get("ResourceARN", "").startswith(
        "arn:aws:cloudwatch"
    ):
        names = given.get("AlarmNames") or [given.get("AlarmName", "")]
        for name in [given["ResourceARN"].rsplit(":", 1)[1]] if "ResourceARN" in given else names:
            yield Needed(f"cloudwatch:{operation}", ACCOUNT.arn("cloudwatch", f"alarm:{name}"))
            if given.get("Tags") and operation == "PutMetricAlarm":
                yield Needed("cloudwatch:TagResource", ACCOUNT.arn("cloudwatch", f"alarm:{name}"))
    elif service == "sns":
        topic = given.get("TopicArn") or given.get("ResourceArn") or ACCOUNT.arn("sns", given.get("Name", ""))
        yield Needed(f"sns:{operation}", given.get("SubscriptionArn") or topic)
        if given.get("Tags") and operation == "CreateTopic":
            yield Needed("sns:TagResource", topic)
    elif service == "athena":
        workgroup = ACCOUNT.arn("athena", f"workgroup/{NAMES.workgroup}")
        yield Needed(f"athena:{operation}", workgroup)
        if given.get("Tags"):
            yield Needed("athena:TagResource", workgroup)
    else:
        prefix = {"resource-groups-tagging-api": "tag"}.get(service, service)
        yield Needed(f"{prefix}:{operation}", "*")


def of_s3(operation: str, given: Any) -> Iterator[Needed]:
    bucket = ACCOUNT.bucket_arn(given["Bucket"])
    action = f"s3:{S3_ACTIONS.get(operation, operation)}"
    if operation == "DeleteObjects":
        for each in given["Delete"]["Objects"]:
            action = "s3:DeleteObjectVersion" if "VersionId" in each else "s3:DeleteObject"
            yield Needed(action, f"{bucket}/{each['Key']}")
        return
    if operation in ("GetObject", "HeadObject", "DeleteObject") and "VersionId" in given:
        action = f"s3:{S3_ACTIONS.get(operation, operation)}Version"
    yield Needed(action, f"{bucket}/{given['Key']}" if "Key" in given else bucket)
    if "Tagging" in given and "Key" in given:
        yield Needed("s3:PutObjectTagging", f"{bucket}/{given['Key']}")
    if given.get("CreateBucketConfiguration", {}).get("Tags"):
        yield Needed("s3:TagResource", bucket)
    if operation == "CopyObject":
        yield Needed("s3:GetObject", ACCOUNT.bucket_arn(given["CopySource"]))


def of_glue(operation: str, given: Any) -> Iterator[Needed]:
    """A catalog call is authorized for the catalog and for each resource that it concerns."""
    if arn := given.get("ResourceArn"):
        yield Needed(f"glue:{operation}", arn)
        return
    table = given.get("Name") if "DatabaseName" in given else given.get("TableInput", {}).get("Name")
    database = given.get("DatabaseName") or given.get("Name") or given["DatabaseInput"]["Name"]
    concerned = ["catalog", f"database/{database}"]
    if table or "TableInput" in given:
        concerned.append(f"table/{database}/{table or given['TableInput']['Name']}")
    if operation == "DeleteDatabase":
        concerned += [f"table/{database}/clicks_raw", f"userDefinedFunction/{database}/any"]
    for resource in concerned:
        yield Needed(f"glue:{operation}", ACCOUNT.arn("glue", resource))
    if given.get("Tags"):
        yield Needed("glue:TagResource", ACCOUNT.arn("glue", f"database/{database}"))


def of_logs(operation: str, given: Any) -> Iterator[Needed]:
    name = given.get("logGroupName") or given.get("logGroupNamePrefix") or given.get("resourceArn", "")
    group = name if name.startswith("arn:") else ACCOUNT.arn("logs", f"log-group:{name}")
    if operation == "DescribeLogGroups":
        group = ACCOUNT.arn("logs", "log-group::log-stream:")
    yield Needed(f"logs:{operation}", group)
    if given.get("tags"):
        yield Needed("logs:TagResource", group)


def passing(role: str, service: str) -> Needed:
    return Needed("iam:PassRole", role, (("iam:PassedToService", service),))


# Operations whose action in IAM is called otherwise.
S3_ACTIONS = {
    "CopyObject": "PutObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}

NAMES = Names.of(CONFIG, ACCOUNT)

# What the policy allows although no command of this test calls it -> why.
NOT_MET = {
    "sns:Unsubscribe": "for a confirmed address that changed; nobody confirms on the local cloud",
    "athena:StopQueryExecution": "for Ctrl-C",
    **{
        f"s3:{action}": "Athena calls S3 with the caller's permissions (F221)"
        for action in (
            "AbortMultipartUpload",
            "GetBucketLocation",
            "ListBucketMultipartUploads",
            "ListMultipartUploadParts",
        )
    },
    "sts:GetCallerIdentity": "asked once, while the target is connected",
}


@dataclass
class Operator:
    """Somebody who runs commands, heard by a recorder."""

    target: Target
    directory: Path

    def run(self, *arguments: str, config: Config = CONFIG) -> int:
        app = App()
        app.config, app.target, app.directory = config, self.target, self.directory
        code = cli.main([*arguments, "--quiet"], standalone_mode=False, obj=app)
        return code if isinstance(code, int) else 0


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def operator(recorder: Recorder, tmp_path: Path) -> Iterator[Operator]:
    cloud = local_cloud(Settings(time_scale=300, access="open"))
    cloud.start()
    administrator = boto3.client(
        "iam", REGION, endpoint_url=cloud.endpoint, aws_access_key_id="test", aws_secret_access_key="test"
    )
    administrator.create_policy(PolicyName="boundary", PolicyDocument=ANYTHING)
    core: Any = Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    core.set_credentials("test", "test")
    core.register("before-parameter-build.*.*", recorder.note)
    core.register("before-send.*.*", recorder.sent)
    target = Target(
        name="aws",
        account=ACCOUNT,
        session=core,
        endpoint_url=cloud.endpoint,
        invoke_url=LOCAL_INVOKE_URL,
        mysfits_api=f"{cloud.endpoint}/_mysfits",
        interrupt=Interrupt(),
        time_scale=300,
    )
    try:
        yield Operator(target, tmp_path)
    finally:
        cloud.stop()


def spoil(target: Target) -> None:
    """Let everything that can drift do so, by other hands than the operator's."""
    clients = target.clients
    role = NAMES.api_role
    clients.iam.put_role_policy(RoleName=role, PolicyName="more", PolicyDocument=ANYTHING)
    clients.iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    clients.iam.update_assume_role_policy(RoleName=role, PolicyDocument=ANYONE)
    clients.logs.delete_log_group(logGroupName=NAMES.processor_logs)
    clients.logs.create_log_group(logGroupName=NAMES.processor_logs)
    clients.firehose.stop_delivery_stream_encryption(DeliveryStreamName=NAMES.stream)
    clients.iam.delete_role_permissions_boundary(RoleName=role)
    clients.s3.delete_bucket_tagging(Bucket=NAMES.bucket)
    clients.function.put_function_concurrency(FunctionName=NAMES.function, ReservedConcurrentExecutions=0)
    glue, athena = target.client("glue"), target.client("athena")
    glue.update_database(Name=NAMES.database, DatabaseInput={"Name": NAMES.database})
    glue.untag_resource(
        ResourceArn=ACCOUNT.arn("glue", f"database/{NAMES.database}"), TagsToRemove=["mysfits-stream:stack"]
    )
    athena.untag_resource(
        ResourceARN=ACCOUNT.arn("athena", f"workgroup/{NAMES.workgroup}"), TagKeys=["mysfits-stream:stack"]
    )
    table = glue.get_table(DatabaseName=NAMES.database, Name="clicks_raw")["Table"]
    kept = {key: table[key] for key in ("Name", "TableType", "StorageDescriptor", "PartitionKeys")}
    glue.update_table(DatabaseName=NAMES.database, TableInput=kept)


def fail_clicks(target: Target) -> None:
    """Leave two records where Firehose leaves those that the processor could not enrich (F86)."""
    now = datetime.now(UTC)
    record = {
        "rawData": base64.b64encode(b'{"userId": "guest", "mysfitId": "m"}').decode(),
        "errorCode": "Lambda.ProcessingFailedStatus",
        "errorMessage": "ProcessingFailed status set for record",
        "attemptsMade": 1,
        "arrivalTimestamp": int(now.timestamp() * 1000),
        "attemptEndingTimestamp": int(now.timestamp() * 1000),
        "lambdaARN": ACCOUNT.arn("lambda", f"function:{NAMES.function}"),
    }
    name = f"{NAMES.stream}-1-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
    target.clients.s3.put_object(
        Bucket=NAMES.bucket,
        Key=f"processing-failed/{now:%Y/%m/%d/%H}/{name}",
        Body=f"{json.dumps(record)}\n".encode() * 2,
    )


GUESTS: Any = {"Body": b'{"userId": "guest"}\n{"userId": "bob"}\n', "Tagging": "kind=clicks"}
ANYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
ANYONE = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "ec2.amazonaws.com"}}]}'
)


@pytest.mark.slow
def test_no_command_does_what_the_policy_does_not_allow(operator: Operator, recorder: Recorder) -> None:
    commands: list[Callable[[], int]] = [
        lambda: operator.run("up"),
        lambda: operator.run("status"),
        lambda: operator.run("plan"),
        lambda: operator.run("send-test-click", "--timeout", "60"),
        lambda: operator.run("clicks"),
        lambda: operator.run("failed"),
        lambda: operator.run("replay", "--dry-run"),
        lambda: operator.run("doctor"),
        lambda: operator.run("query", "--on", "athena", "--format", "json", "SELECT count(*) FROM clicks"),
        lambda: operator.run("logs"),
        lambda: operator.run("audit"),
        lambda: operator.run("up", config=CHANGED),
    ]
    for command in commands:
        assert command() == 0
    heard = set(recorder.needed)
    spoil(operator.target)
    fail_clicks(operator.target)
    recorder.needed = heard
    assert operator.run("replay", "--limit", "1") == 0
    assert operator.run("replay") == 0
    assert operator.run("up", "--adopt", "--yes") == 0
    operator.target.clients.s3.put_object(Bucket=NAMES.bucket, Key="firehose/1", **GUESTS)
    assert operator.run("erase", "--user", "guest", "--yes") == 0
    assert operator.run("down", "--yes", "--delete-data", "--delete-repository") == 0

    policies = operator_policies(CONFIG, ACCOUNT, ["erase"])
    refused = [
        needed
        for needed in recorder.needed
        if iam.evaluate(policies, needed.action, needed.resource, dict(needed.context))
        is not iam.Decision.ALLOW
    ]
    assert refused == []
    allowed = {
        action for policy in policies for statement in policy["Statement"] for action in statement["Action"]
    }
    unmet = allowed - {needed.action for needed in recorder.needed}
    assert sorted(unmet) == sorted(NOT_MET), f"allowed, and not needed: {sorted(unmet)}"


def actions(config: Config, *purposes: str) -> set[str]:
    return {
        action
        for policy in operator_policies(config, ACCOUNT, purposes)
        for statement in policy["Statement"]
        for action in statement["Action"]
    }


@pytest.mark.parametrize(
    ("config", "added"),
    [
        pytest.param(Config(code_repository="code"), "codecommit:CreateCommit", id="a repository"),
        pytest.param(
            Config(iam=IamConfig(permissions_boundary="arn:aws:iam::aws:policy/ReadOnlyAccess")),
            "iam:PutRolePermissionsBoundary",
            id="a boundary",
        ),
        pytest.param(
            Config(bucket=BucketConfig(kms_key=ACCOUNT.arn("kms", "key/1"))),
            "kms:GenerateDataKey",
            id="a key",
        ),
    ],
)
def test_permissions_follow_the_settings(config: Config, added: str) -> None:
    assert added not in actions(Config())
    assert added in actions(config)


def test_permissions_of_erase_are_printed_on_request_only() -> None:
    added = actions(CONFIG, "erase") - actions(CONFIG)
    assert added == {"s3:GetObjectVersion", "s3:GetObjectTagging", "s3:PutObjectTagging"}


def test_writes_go_to_apis_of_the_stack_only() -> None:
    policies = operator_policies(CONFIG, ACCOUNT)
    api = ACCOUNT.rest_api_arn("abc123")

    def decided(action: str, resource: str, owner: str | None) -> iam.Decision:
        context = {"aws:ResourceTag/mysfits-stream:stack": owner} if owner else {}
        return iam.evaluate(policies, f"apigateway:{action}", resource, context)

    for verb in ("POST", "PUT", "PATCH", "DELETE"):
        assert decided(verb, api, CONFIG.stack) is iam.Decision.ALLOW
        assert decided(verb, api, "another") is iam.Decision.IMPLICIT_DENY
        assert decided(verb, api, None) is iam.Decision.IMPLICIT_DENY
    assert decided("GET", api, None) is iam.Decision.ALLOW
    tags = f"arn:aws:apigateway:{REGION}::/tags/x"
    assert [verb for verb in ("GET", "PUT", "DELETE") if decided(verb, tags, None) is iam.Decision.ALLOW] == [
        "PUT"
    ]


def test_execution_logs_can_be_deleted_and_nothing_else() -> None:
    group = ACCOUNT.arn("logs", "log-group:API-Gateway-Execution-Logs_abc/prod")
    policies = operator_policies(CONFIG, ACCOUNT)
    for action in ("DeleteLogGroup", "PutRetentionPolicy", "GetLogEvents", "CreateLogGroup"):
        expected = iam.Decision.ALLOW if action == "DeleteLogGroup" else iam.Decision.IMPLICIT_DENY
        assert iam.evaluate(policies, f"logs:{action}", group) is expected


def test_each_document_fits_a_managed_policy() -> None:
    assert len(operator_policies(Config(), ACCOUNT)) == 1
    long = Config(
        stack="s" * 32,
        code_repository="r" * 100,
        iam=IamConfig("/" + "p" * 400 + "/", f"arn:aws:iam::{ACCOUNT_ID}:policy/" + "b" * 400),
        bucket=BucketConfig(kms_key=ACCOUNT.arn("kms", "key/1")),
    )
    several = operator_policies(long, ACCOUNT)
    assert len(several) > 1
    assert all(size(policy) <= MOST_CHARACTERS for policy in several)
    assert sum(len(policy["Statement"]) for policy in several) == len(
        {json.dumps(statement) for policy in several for statement in policy["Statement"]}
    )


def trust(operator: Operator, text: str, capsys: pytest.CaptureFixture[str]) -> Any:
    assert operator.run("operator-policy", "--trust", text) == 0
    return json.loads(capsys.readouterr().out)


def test_the_trust_policy_admits_one_repository_alone(
    operator: Operator, capsys: pytest.CaptureFixture[str]
) -> None:
    [statement] = trust(operator, "github:example/shop", capsys)["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/{issuer}"}
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{issuer}:aud": "sts.amazonaws.com",
            f"{issuer}:sub": [
                "repo:example/shop:pull_request",
                "repo:example/shop:ref:refs/heads/main",
            ],
        }
    }


@pytest.mark.parametrize(
    "text",
    [
        "example/shop",
        "github:example",
        "github:*/shop",
        "github:example/*",
        "github:a/b:c",
        "gitlab:a/b",
        "github:a/..",
    ],
)
def test_no_wildcard_and_no_other_service_is_trusted(operator: Operator, text: str) -> None:
    with pytest.raises(MysfitsStreamError, match="expected github:OWNER/REPO, for example"):
        operator.run("operator-policy", "--trust", text)
