"""The drifts of the contract suite as data: a resource, a property, and a change by hand."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mysfits_stream.aws.account import Account, Clients
from mysfits_stream.config import AlarmsConfig, ApiConfig, Config, IamConfig, QueryConfig
from mysfits_stream.provision import policies
from mysfits_stream.provision.processor_zip import processor_package
from mysfits_stream.provision.resource import OWNER_TAG
from mysfits_stream.provision.resources.alarm import COMPARED

STACK = Config().stack
ACCOUNT = Account(id="123456789012", region="eu-west-1")
CONFIG = Config(
    tags=(("CostCenter", "42"),),
    iam=IamConfig(path="/team/", permissions_boundary="arn:aws:iam::aws:policy/PowerUserAccess"),
    query=QueryConfig(athena=True),
    alarms=AlarmsConfig(email="me@example.com"),
    api=ApiConfig(domain="clicks.example.com", certificate_arn=ACCOUNT.arn("acm", "certificate/1")),
)
"""The defaults, what an organisation asks of every resource, and the optional resources."""
OTHER_ROLE = ACCOUNT.role_arn("somebody-elses")
TRUST = json.dumps(policies.trusting("lambda.amazonaws.com"))
POLICY = json.dumps(policies.api_permissions("*"))


def other_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("stream_processor.py", "def handler(event, context): ...\n")
    return buffer.getvalue()


def configure(c: Clients, **changed: Any) -> None:
    c.function.update_function_configuration(FunctionName=f"{STACK}-processor", **changed)


def publish(c: Clients, code: bytes) -> str:
    """Publish a version with this code by hand, and put the function's own code back."""
    name = f"{STACK}-processor"
    c.function.update_function_code(FunctionName=name, ZipFile=code)
    version = c.function.publish_version(FunctionName=name)["Version"]
    c.function.update_function_code(FunctionName=name, ZipFile=processor_package().zip_bytes)
    return version


def point(c: Clients, version: str) -> None:
    c.function.update_alias(FunctionName=f"{STACK}-processor", Name="live", FunctionVersion=version)


def publish_configured(c: Clients, **changed: Any) -> None:
    """Point the alias to a version with another configuration; restore the function's."""
    name = f"{STACK}-processor"
    kept = c.function.get_function_configuration(FunctionName=name)
    configure(c, **changed)
    point(c, c.function.publish_version(FunctionName=name)["Version"])
    configure(c, **{key: kept[key] for key in changed})  # type: ignore[literal-required]


def redirect(c: Clients, **changed: Any) -> None:
    """Change the stream's destination."""
    name = f"{STACK}-clicks"
    found = c.firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    c.firehose.update_destination(
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=found["VersionId"],
        DestinationId=found["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate=changed,  # type: ignore[arg-type]
    )


def add_processor(c: Clients) -> None:
    found = c.firehose.describe_delivery_stream(DeliveryStreamName=f"{STACK}-clicks")
    destination: Any = found["DeliveryStreamDescription"]["Destinations"][0][
        "ExtendedS3DestinationDescription"
    ]
    processing = destination["ProcessingConfiguration"]
    processing["Processors"].append({"Type": "AppendDelimiterToRecord"})
    redirect(c, ProcessingConfiguration=processing)


def api_id(c: Clients) -> str:
    return c.apigateway.get_rest_apis()["items"][0]["id"]


def path_id(c: Clients, path: str = "/clicks") -> str:
    found = c.apigateway.get_resources(restApiId=api_id(c))["items"]
    return next(item["id"] for item in found if item["path"] == path)


def patch_stage(c: Clients, path: str, value: str) -> None:
    operations: Any = [{"op": "replace", "path": path, "value": value}]
    c.apigateway.update_stage(restApiId=api_id(c), stageName="prod", patchOperations=operations)


def stage_of_an_earlier_name(c: Clients) -> None:
    found = c.apigateway.get_stage(restApiId=api_id(c), stageName="prod")
    deployment, tags = found["deploymentId"], {OWNER_TAG: STACK}
    c.apigateway.create_stage(restApiId=api_id(c), stageName="old", deploymentId=deployment, tags=tags)


def deploy(c: Clients) -> None:
    made = c.apigateway.create_deployment(restApiId=api_id(c), description="by hand")
    patch_stage(c, "/deploymentId", made["id"])


def patch_api(c: Clients, path: str, value: str, op: str = "replace") -> None:
    operations: Any = [{"op": op, "path": path, "value": value}]
    c.apigateway.update_rest_api(restApiId=api_id(c), patchOperations=operations)


def resurrect(c: Clients, group: str) -> None:
    """What late log events do (F77)."""
    c.logs.delete_log_group(logGroupName=group)
    c.logs.create_log_group(logGroupName=group)


def attach(c: Clients, role: str) -> None:
    made = c.iam.create_policy(
        PolicyName="by-hand",
        PolicyDocument=POLICY,
    )
    c.iam.attach_role_policy(RoleName=role, PolicyArn=made["Policy"]["Arn"])


DOMAIN = "clicks.example.com"
BUCKET = f"{STACK}-{ACCOUNT.id}-{ACCOUNT.region}"
PROCESSOR_LOGS = f"/aws/lambda/{STACK}-processor"
DELIVERY_LOGS = f"/aws/kinesisfirehose/{STACK}-clicks"


def role_drifts(kind: str) -> list[tuple[str, str, Callable[[Clients], Any]]]:
    role = f"{STACK}-{ACCOUNT.region}-{kind}"
    return [
        (
            f"{kind}-role",
            "AssumeRolePolicyDocument",
            lambda c: c.iam.update_assume_role_policy(
                RoleName=role, PolicyDocument=TRUST.replace("lambda", "ec2")
            ),
        ),
        (
            f"{kind}-role",
            "Policies",
            lambda c: c.iam.put_role_policy(
                RoleName=role,
                PolicyName="by-hand",
                PolicyDocument=POLICY,
            ),
        ),
        (
            f"{kind}-role",
            "Policies",
            lambda c: c.iam.delete_role_policy(RoleName=role, PolicyName="permissions"),
        ),
        (f"{kind}-role", "ManagedPolicyArns", lambda c: attach(c, role)),
        (
            f"{kind}-role",
            "PermissionsBoundary",
            lambda c: c.iam.delete_role_permissions_boundary(RoleName=role),
        ),
        (
            f"{kind}-role",
            "PermissionsBoundary",
            lambda c: c.iam.put_role_permissions_boundary(
                RoleName=role, PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess"
            ),
        ),
        (
            f"{kind}-role",
            "Tags",
            lambda c: c.iam.tag_role(RoleName=role, Tags=[{"Key": "CostCenter", "Value": "7"}]),
        ),
    ]


def log_drifts(name: str, group: str) -> list[tuple[str, str, Callable[[Clients], Any]]]:
    return [
        (
            name,
            "RetentionInDays",
            lambda c: c.logs.put_retention_policy(logGroupName=group, retentionInDays=7),
        ),
        (name, "RetentionInDays", lambda c: c.logs.delete_retention_policy(logGroupName=group)),
        (name, "Tags", lambda c: resurrect(c, group)),
        (
            name,
            "Tags",
            lambda c: c.logs.untag_resource(
                resourceArn=ACCOUNT.arn("logs", f"log-group:{group}"), tagKeys=["CostCenter"]
            ),
        ),
    ]


DATABASE, TABLE = STACK.replace("-", "_"), "clicks_raw"


def change_table(c: Clients, change: Callable[[Any], Any]) -> None:
    """What somebody changes of the clicks table."""
    found: Any = c.glue.get_table(DatabaseName=DATABASE, Name=TABLE)["Table"]
    kept = ("Name", "TableType", "StorageDescriptor", "PartitionKeys", "Parameters")
    table = {key: found[key] for key in kept}
    change(table)
    c.glue.update_table(DatabaseName=DATABASE, TableInput=table)  # type: ignore[arg-type]


def change_workgroup(c: Clients, **updates: Any) -> None:
    c.athena.update_work_group(WorkGroup=STACK, ConfigurationUpdates=updates)  # type: ignore[arg-type]


QUIET = f"{STACK}-quiet"
TOPIC_ARN = ACCOUNT.arn("sns", f"{STACK}-alarms")


def change_alarm(c: Clients, **changed: Any) -> None:
    """What somebody changes of an alarm: PutMetricAlarm replaces all settings."""
    [found] = c.cloudwatch.describe_alarms(AlarmNames=[QUIET])["MetricAlarms"]
    given: Any = {key: found[key] for key in COMPARED if key in found}  # type: ignore[literal-required]
    if "Metrics" in changed:
        # Metric math excludes a metric of the alarm's own.
        for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period"):
            given.pop(key, None)
    c.cloudwatch.put_metric_alarm(AlarmName=QUIET, **(given | changed))


ALARM_CHANGES: dict[str, Any] = {
    "AlarmDescription": "another",
    "ActionsEnabled": False,
    "AlarmActions": [],
    "OKActions": [],
    "InsufficientDataActions": [TOPIC_ARN],
    "Namespace": "AWS/Lambda",
    "MetricName": "Invocations",
    "Dimensions": [],
    "Statistic": "Maximum",
    "Period": 60,
    "Metrics": [
        {"Id": "watched", "Expression": "IF(HOUR(records) < 12, records, 1)", "ReturnData": True},
        {
            "Id": "records",
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": "Invocations"},
                "Period": 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        },
    ],
    "EvaluationPeriods": 2,
    "DatapointsToAlarm": 2,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "ignore",
}


def alarm_drifts() -> Iterator[tuple[str, str, Callable[[Clients], Any]]]:
    for key, value in ALARM_CHANGES.items():
        # More datapoints than periods are refused.
        changes = {key: value, "EvaluationPeriods": 2} if key == "DatapointsToAlarm" else {key: value}
        yield "alarm-quiet", key, lambda c, changes=changes: change_alarm(c, **changes)  # type: ignore[misc]
    yield (
        "alarm-quiet",
        "Tags",
        lambda c: c.cloudwatch.untag_resource(
            ResourceARN=ACCOUNT.arn("cloudwatch", f"alarm:{QUIET}"), TagKeys=["CostCenter"]
        ),
    )


def drop_subscriptions(c: Clients) -> None:
    """A topic made anew has the tags and no subscription."""
    c.sns.delete_topic(TopicArn=TOPIC_ARN)
    tags: Any = [{"Key": OWNER_TAG, "Value": STACK}, {"Key": "CostCenter", "Value": "42"}]
    c.sns.create_topic(Name=f"{STACK}-alarms", Tags=tags)


DRIFTS: Sequence[tuple[str, str, Callable[[Clients], Any]]] = [
    *alarm_drifts(),
    ("alarm-topic", "Subscription", drop_subscriptions),
    ("alarm-topic", "Tags", lambda c: c.sns.untag_resource(ResourceArn=TOPIC_ARN, TagKeys=["CostCenter"])),
    (
        "delivery-logs",
        "MetricFilter",
        lambda c: c.logs.put_metric_filter(
            logGroupName=DELIVERY_LOGS,
            filterName="failed-records",
            filterPattern='{ $.errorCode = "Another" }',
            metricTransformations=[{"metricName": "m", "metricNamespace": "n", "metricValue": "2"}],
        ),
    ),
    (
        "clicks-bucket",
        "VersioningConfiguration",
        lambda c: c.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"}),
    ),
    (
        "clicks-bucket",
        "PublicAccessBlockConfiguration",
        lambda c: c.s3.delete_public_access_block(Bucket=BUCKET),
    ),
    ("clicks-bucket", "OwnershipControls", lambda c: c.s3.delete_bucket_ownership_controls(Bucket=BUCKET)),
    (
        "clicks-bucket",
        "BucketEncryption",
        lambda c: c.s3.put_bucket_encryption(
            Bucket=BUCKET,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
            },
        ),
    ),
    ("clicks-bucket", "LifecycleConfiguration", lambda c: c.s3.delete_bucket_lifecycle(Bucket=BUCKET)),
    (
        "clicks-bucket",
        "Tags",
        lambda c: c.s3.put_bucket_tagging(
            Bucket=BUCKET, Tagging={"TagSet": [{"Key": OWNER_TAG, "Value": STACK}]}
        ),
    ),
    ("clicks-bucket", "BucketPolicy", lambda c: c.s3.delete_bucket_policy(Bucket=BUCKET)),
    *log_drifts("processor-logs", PROCESSOR_LOGS),
    *log_drifts("delivery-logs", DELIVERY_LOGS),
    (
        "delivery-logs",
        "LogStreams",
        lambda c: c.logs.delete_log_stream(logGroupName=DELIVERY_LOGS, logStreamName="S3Delivery"),
    ),
    *role_drifts("processor"),
    *role_drifts("delivery"),
    *role_drifts("api"),
    (
        "processor",
        "CodeSha256",
        lambda c: c.function.update_function_code(FunctionName=f"{STACK}-processor", ZipFile=other_zip()),
    ),
    (
        "processor",
        "Architectures",
        lambda c: c.function.update_function_code(
            FunctionName=f"{STACK}-processor",
            ZipFile=processor_package().zip_bytes,
            Architectures=["x86_64"],
        ),
    ),
    ("processor", "Runtime", lambda c: configure(c, Runtime="python3.12")),
    ("processor", "Handler", lambda c: configure(c, Handler="other.handler")),
    ("processor", "MemorySize", lambda c: configure(c, MemorySize=128)),
    ("processor", "Timeout", lambda c: configure(c, Timeout=3)),
    ("processor", "Role", lambda c: configure(c, Role=OTHER_ROLE)),
    ("processor", "Environment", lambda c: configure(c, Environment={"Variables": {"MYSFITS_API": "x"}})),
    ("processor", "LoggingConfig", lambda c: configure(c, LoggingConfig={"LogGroup": "/other"})),
    (
        "processor",
        "ReservedConcurrentExecutions",
        lambda c: c.function.put_function_concurrency(
            FunctionName=f"{STACK}-processor", ReservedConcurrentExecutions=0
        ),
    ),
    (
        "processor",
        "Tags",
        lambda c: c.function.untag_resource(
            Resource=ACCOUNT.arn("lambda", f"function:{STACK}-processor"), TagKeys=["CostCenter"]
        ),
    ),
    ("processor-live", "CodeSha256", lambda c: point(c, publish(c, other_zip()))),
    ("processor-live", "CodeSha256", lambda c: point(c, "$LATEST")),
    ("processor-live", "Runtime", lambda c: publish_configured(c, Runtime="python3.12")),
    ("processor-live", "Handler", lambda c: publish_configured(c, Handler="other.handler")),
    ("processor-live", "MemorySize", lambda c: publish_configured(c, MemorySize=128)),
    ("processor-live", "Timeout", lambda c: publish_configured(c, Timeout=3)),
    ("processor-live", "Role", lambda c: publish_configured(c, Role=OTHER_ROLE)),
    (
        "processor-live",
        "Environment",
        lambda c: publish_configured(c, Environment={"Variables": {"MYSFITS_API": "x"}}),
    ),
    (
        "processor-live",
        "LoggingConfig",
        lambda c: publish_configured(c, LoggingConfig={"LogGroup": "/other"}),
    ),
    (
        "delivery-stream",
        "Tags",
        lambda c: c.firehose.untag_delivery_stream(
            DeliveryStreamName=f"{STACK}-clicks", TagKeys=["CostCenter"]
        ),
    ),
    (
        "clicks-api",
        "Tags",
        lambda c: c.apigateway.untag_resource(
            resourceArn=ACCOUNT.rest_api_arn(api_id(c)), tagKeys=["CostCenter"]
        ),
    ),
    (
        "clicks-api",
        "StageTags",
        lambda c: c.apigateway.untag_resource(
            resourceArn=f"{ACCOUNT.rest_api_arn(api_id(c))}/stages/prod", tagKeys=["CostCenter"]
        ),
    ),
    ("delivery-stream", "RoleARN", lambda c: redirect(c, RoleARN=OTHER_ROLE)),
    ("delivery-stream", "BucketARN", lambda c: redirect(c, BucketARN="arn:aws:s3:::other")),
    ("delivery-stream", "Prefix", lambda c: redirect(c, Prefix="other/")),
    (
        "delivery-stream",
        "ErrorOutputPrefix",
        lambda c: redirect(c, ErrorOutputPrefix="other/!{firehose:error-output-type}/"),
    ),
    (
        "delivery-stream",
        "BufferingHints",
        lambda c: redirect(c, BufferingHints={"IntervalInSeconds": 300, "SizeInMBs": 5}),
    ),
    ("delivery-stream", "CompressionFormat", lambda c: redirect(c, CompressionFormat="GZIP")),
    (
        "delivery-stream",
        "CloudWatchLoggingOptions",
        lambda c: redirect(c, CloudWatchLoggingOptions={"Enabled": False}),
    ),
    ("delivery-stream", "CustomTimeZone", lambda c: redirect(c, CustomTimeZone="Europe/Vienna")),
    ("delivery-stream", "FileExtension", lambda c: redirect(c, FileExtension=".json")),
    (
        "delivery-stream",
        "EncryptionConfiguration",
        lambda c: redirect(
            c,
            EncryptionConfiguration={
                "KMSEncryptionConfig": {"AWSKMSKeyARN": ACCOUNT.arn("kms", "key/by-hand")},
            },
        ),
    ),
    ("delivery-stream", "OtherProcessors", add_processor),
    ("delivery-stream", "Processor", lambda c: redirect(c, ProcessingConfiguration={"Enabled": False})),
    (
        "delivery-stream",
        "DeliveryStreamEncryption",
        lambda c: c.firehose.stop_delivery_stream_encryption(DeliveryStreamName=f"{STACK}-clicks"),
    ),
    (
        "clicks-api",
        "Methods",
        lambda c: c.apigateway.delete_method(
            restApiId=api_id(c), resourceId=path_id(c), httpMethod="OPTIONS"
        ),
    ),
    (
        "clicks-api",
        "Methods",
        lambda c: c.apigateway.update_integration(
            restApiId=api_id(c),
            resourceId=path_id(c),
            httpMethod="PUT",
            patchOperations=[{"op": "replace", "path": "/passthroughBehavior", "value": "WHEN_NO_MATCH"}],
        ),
    ),
    (
        "clicks-api",
        "Methods",
        lambda c: c.apigateway.put_method(
            restApiId=api_id(c), resourceId=path_id(c), httpMethod="GET", authorizationType="NONE"
        ),
    ),
    (
        "clicks-api",
        "Models",
        lambda c: c.apigateway.update_model(
            restApiId=api_id(c),
            modelName="Clicks",
            patchOperations=[{"op": "replace", "path": "/schema", "value": "{}"}],
        ),
    ),
    (
        "clicks-api",
        "RequestValidators",
        lambda c: c.apigateway.create_request_validator(restApiId=api_id(c), name="by-hand"),
    ),
    (
        "clicks-api",
        "GatewayResponses",
        lambda c: c.apigateway.delete_gateway_response(restApiId=api_id(c), responseType="DEFAULT_4XX"),
    ),
    (
        "clicks-api",
        "EndpointConfiguration",
        lambda c: patch_api(c, "/endpointConfiguration/types/REGIONAL", "EDGE"),
    ),
    *[
        (
            "clicks-domain",
            key,
            lambda c, path=path, value=value: c.apigateway.update_domain_name(
                domainName=DOMAIN, patchOperations=[{"op": "replace", "path": path, "value": value}]
            ),
        )
        for key, path, value in (
            ("RegionalCertificateArn", "/regionalCertificateArn", ACCOUNT.arn("acm", "certificate/other")),
            ("SecurityPolicy", "/securityPolicy", "TLS_1_0"),
        )
    ],
    (
        "clicks-domain",
        "BasePathMappings",
        lambda c: c.apigateway.create_base_path_mapping(
            domainName=DOMAIN, basePath="other", restApiId=api_id(c), stage="prod"
        ),
    ),
    (
        "clicks-domain",
        "BasePathMappings",
        lambda c: c.apigateway.delete_base_path_mapping(domainName=DOMAIN, basePath="(none)"),
    ),
    (
        "clicks-domain",
        "BasePathMappings",
        lambda c: c.apigateway.update_base_path_mapping(
            domainName=DOMAIN,
            basePath="(none)",
            patchOperations=[
                {
                    "op": "replace",
                    "path": "/restapiId",
                    "value": c.apigateway.create_rest_api(name="another")["id"],
                }
            ],
        ),
    ),
    (
        "clicks-domain",
        "Tags",
        lambda c: c.apigateway.untag_resource(
            resourceArn=f"arn:aws:apigateway:{ACCOUNT.region}::/domainnames/{DOMAIN}", tagKeys=["CostCenter"]
        ),
    ),
    ("clicks-api", "Description", lambda c: patch_api(c, "/description", "Mine")),
    ("clicks-api", "BinaryMediaTypes", lambda c: patch_api(c, "/binaryMediaTypes/*~1*", "", op="add")),
    ("clicks-api", "MinimumCompressionSize", lambda c: patch_api(c, "/minimumCompressionSize", "0")),
    ("clicks-api", "ApiKeySourceType", lambda c: patch_api(c, "/apiKeySource", "AUTHORIZER")),
    ("clicks-api", "DisableExecuteApiEndpoint", lambda c: patch_api(c, "/disableExecuteApiEndpoint", "true")),
    ("clicks-api", "Deployment", deploy),
    ("clicks-api", "Stage", lambda c: c.apigateway.delete_stage(restApiId=api_id(c), stageName="prod")),
    ("clicks-api", "OtherStages", stage_of_an_earlier_name),
    ("clicks-api", "MethodSettings", lambda c: patch_stage(c, "/*/*/throttling/rateLimit", "5")),
    ("clicks-api", "MethodSettings", lambda c: patch_stage(c, "/~1clicks/PUT/throttling/rateLimit", "5")),
    (
        "clicks-api",
        "Duplicates",
        lambda c: c.apigateway.create_rest_api(name=STACK, tags={OWNER_TAG: STACK}),
    ),
    (
        "clicks-database",
        "Parameters",
        lambda c: c.glue.update_database(Name=DATABASE, DatabaseInput={"Name": DATABASE}),
    ),
    (
        "clicks-database",
        "Tags",
        lambda c: c.glue.untag_resource(
            ResourceArn=ACCOUNT.arn("glue", f"database/{DATABASE}"), TagsToRemove=["CostCenter"]
        ),
    ),
    ("clicks-table", "TableType", lambda c: change_table(c, lambda t: t.update(TableType="VIRTUAL_VIEW"))),
    (
        "clicks-table",
        "StorageDescriptor",
        lambda c: change_table(c, lambda t: t["StorageDescriptor"]["Columns"].pop()),
    ),
    (
        "clicks-table",
        "PartitionKeys",
        lambda c: change_table(c, lambda t: t["PartitionKeys"].append({"Name": "day", "Type": "string"})),
    ),
    (
        "clicks-table",
        "Parameters",
        lambda c: change_table(c, lambda t: t["Parameters"].update({"projection.enabled": "false"})),
    ),
    (
        "query-workgroup",
        "State",
        lambda c: c.athena.update_work_group(WorkGroup=STACK, State="DISABLED"),
    ),
    (
        "query-workgroup",
        "EnforceWorkGroupConfiguration",
        lambda c: change_workgroup(c, EnforceWorkGroupConfiguration=False),
    ),
    (
        "query-workgroup",
        "ResultConfiguration",
        lambda c: change_workgroup(c, ResultConfigurationUpdates={"OutputLocation": "s3://another/"}),
    ),
    (
        "query-workgroup",
        "ResultConfiguration",
        lambda c: change_workgroup(c, ResultConfigurationUpdates={"RemoveExpectedBucketOwner": True}),
    ),
    (
        "query-workgroup",
        "BytesScannedCutoffPerQuery",
        lambda c: change_workgroup(c, RemoveBytesScannedCutoffPerQuery=True),
    ),
    (
        "query-workgroup",
        "EngineVersion",
        lambda c: change_workgroup(c, EngineVersion={"SelectedEngineVersion": "AUTO"}),
    ),
    (
        "query-workgroup",
        "Tags",
        lambda c: c.athena.untag_resource(
            ResourceARN=ACCOUNT.arn("athena", f"workgroup/{STACK}"), TagKeys=["CostCenter"]
        ),
    ),
]

UNSIMULATED = "not simulated by the local cloud; see test"
CANNOT_DRIFT = {
    ("processor", "State"): "only Lambda itself can fail a function",
    ("clicks-domain", "EndpointConfiguration"): "a regional name stays regional in the local cloud",
    ("clicks-domain", "MutualTlsAuthentication"): f"{UNSIMULATED}_clicks_domain_answers.py",
    ("processor-live", "State"): "only Lambda itself can fail a version",
    ("processor-live", "Architectures"): "an update of the code changes it together with the code",
    ("processor-live", "RoutingConfig"): f"{UNSIMULATED}_alias_answers.py",
    ("delivery-stream", "DeliveryStreamStatus"): "only Firehose itself can fail a stream",
    ("delivery-stream", "DeliveryStreamType"): "a stream keeps its type for life",
    ("delivery-stream", "S3BackupMode"): "once enabled, a backup cannot be disabled (F53)",
    ("delivery-stream", "DataFormatConversionConfiguration"): f"{UNSIMULATED}_delivery_stream_answers.py",
    **{
        (name, key): f"{UNSIMULATED}_function_answers.py"
        for name in ("processor", "processor-live")
        for key in ("Layers", "VpcConfig", "DeadLetterConfig", "FileSystemConfigs", "EphemeralStorage")
    },
    ("clicks-api", "CanarySetting"): f"{UNSIMULATED}_rest_api_answers.py",
    ("processor-logs", "LogStreams"): "none is wanted beforehand",
    ("query-workgroup", "ManagedQueryResultsConfiguration"): f"{UNSIMULATED}_query_workgroup_answers.py",
    **{(f"{kind}-role", "Path"): "a role keeps its path" for kind in ("processor", "delivery", "api")},
}
