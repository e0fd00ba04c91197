"""Validation of responses: a response that is not from AWS raises UnexpectedResponseError.

Proxies, captive portals and wrong endpoints respond in place of AWS, and connections break. botocore reads a
truncated JSON document as an empty document and copies HTML into the text of an error. ``check`` validates
every response of a session, so callers need no guard against missing members:

- a 2xx response has the announced length, is well-formed, conforms to the operation's output shape, and has
  the members in ``ALWAYS_SENT``;
- a malformed 5xx response becomes an error with the status as code, and botocore retries the call;
- a malformed 4xx response, and a redirect without headers of AWS, is unexpected.

The error's text never contains the response's body.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from http.client import responses
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from botocore.parsers import ResponseParserError, ResponseParserFactory

if TYPE_CHECKING:
    from botocore.model import OperationModel
    from botocore.session import Session

ALWAYS_SENT = {
    "apigateway.CreateDeployment": ("id",),
    "apigateway.CreateRestApi": ("id",),
    "apigateway.GetDeployments": ("items[].id",),
    "apigateway.GetGatewayResponses": ("items[].responseType",),
    "apigateway.GetModels": ("items[].name", "items[].schema"),
    "apigateway.GetRequestValidators": (
        "items[].id",
        "items[].name",
        "items[].validateRequestBody",
        "items[].validateRequestParameters",
    ),
    "apigateway.GetResources": (
        "items[].id",
        "items[].path",
        "items[].resourceMethods?{}.methodIntegration?.integrationResponses?{}.statusCode",
    ),
    "apigateway.GetRestApis": ("items[].id", "items[].createdDate"),
    "apigateway.GetStage": ("stageName", "deploymentId"),
    "apigateway.GetStages": ("item[].stageName", "item[].deploymentId"),
    "athena.GetQueryExecution": ("QueryExecution.Status.State",),
    "athena.GetQueryResults": ("ResultSet.Rows",),
    "athena.GetWorkGroup": ("WorkGroup.Name",),
    "athena.ListTagsForResource": ("Tags[].Key",),
    "athena.StartQueryExecution": ("QueryExecutionId",),
    "cloudwatch.DescribeAlarms": ("MetricAlarms[].AlarmName",),
    "cloudwatch.ListTagsForResource": ("Tags[].Key",),
    "cloudwatch.GetMetricData": (
        "MetricDataResults[].Id",
        "MetricDataResults[].Timestamps",
        "MetricDataResults[].Values",
    ),
    "codecommit.CreateCommit": ("commitId",),
    "codecommit.GetBranch": ("branch.commitId",),
    "codecommit.GetFolder": ("files[].absolutePath", "files[].blobId", "subFolders[].absolutePath"),
    "codecommit.GetRepository": ("repositoryMetadata.Arn",),
    "codecommit.ListTagsForResource": ("tags",),
    "firehose.DescribeDeliveryStream": (
        "DeliveryStreamDescription.DeliveryStreamARN",
        "DeliveryStreamDescription.DeliveryStreamStatus",
        "DeliveryStreamDescription.DeliveryStreamType",
        "DeliveryStreamDescription.Destinations[].DestinationId",
        "DeliveryStreamDescription.Destinations[].ExtendedS3DestinationDescription?.RoleARN",
        "DeliveryStreamDescription.Destinations[].ExtendedS3DestinationDescription?.ProcessingConfiguration?"
        ".Processors?[].Type",
        "DeliveryStreamDescription.Destinations[].ExtendedS3DestinationDescription?.ProcessingConfiguration?"
        ".Processors?[].Parameters?[].ParameterName",
        "DeliveryStreamDescription.Destinations[].ExtendedS3DestinationDescription?.ProcessingConfiguration?"
        ".Processors?[].Parameters?[].ParameterValue",
        "DeliveryStreamDescription.VersionId",
    ),
    "firehose.ListTagsForDeliveryStream": ("Tags[].Key",),
    "firehose.PutRecordBatch": ("FailedPutCount", "RequestResponses"),
    "glue.GetDatabase": ("Database.Name",),
    "glue.GetTable": ("Table.Name",),
    "iam.GetRole": ("Role.Arn", "Role.AssumeRolePolicyDocument", "Role.CreateDate", "Role.Tags?[].Key"),
    "iam.GetRolePolicy": ("PolicyDocument",),
    "iam.ListAttachedRolePolicies": ("AttachedPolicies[].PolicyArn",),
    "iam.ListRolePolicies": ("PolicyNames",),
    "lambda.GetAlias": ("FunctionVersion",),
    "lambda.ListVersionsByFunction": ("Versions[].Version",),
    "lambda.PublishVersion": ("Version",),
    "lambda.GetFunction": ("Configuration.FunctionArn", "Configuration.LastModified", "Configuration.Role"),
    "lambda.GetFunctionConfiguration": ("FunctionArn", "LastModified", "Role"),
    "logs.DescribeLogGroups": ("logGroups[].logGroupName",),
    "logs.DescribeLogStreams": ("logStreams[].logStreamName",),
    "logs.GetLogEvents": ("events[].message", "events[].timestamp"),
    "logs.ListTagsForResource": ("tags",),
    "resourcegroupstaggingapi.GetResources": ("ResourceTagMappingList[].ResourceARN",),
    "s3.GetBucketEncryption": ("ServerSideEncryptionConfiguration.Rules",),
    "s3.GetBucketLifecycleConfiguration": ("Rules",),
    "s3.GetBucketOwnershipControls": ("OwnershipControls.Rules",),
    "s3.GetBucketPolicy": ("Policy",),
    "s3.GetBucketTagging": ("TagSet[].Key", "TagSet[].Value"),
    "s3.GetPublicAccessBlock": ("PublicAccessBlockConfiguration",),
    "s3.ListObjectVersions": ("IsTruncated",),
    "s3.ListObjectsV2": ("IsTruncated", "Contents?[].Key", "Contents?[].LastModified", "Contents?[].Size"),
    "sts.GetCallerIdentity": ("Account", "Arn"),
}
"""Operation -> members that AWS always sends and this package reads. ``[]`` each entry of a list, ``{}`` each
value of a map, ``?`` the member may be missing."""

HTML = (b"<!doctype html", b"<html")
LAST_MOMENT = 253_402_300_799_000  # 9999-12-31T23:59:59Z, in milliseconds
IN_HEADERS = ("header", "headers", "statusCode")
JSON_PROTOCOLS = ("json", "rest-json")
TYPED_BY_PARSER = ("ListObjectVersionsOutput", "ListObjectsV2Output")
"""Output shapes of long listings, whose parser in ``fast_s3`` returns the types of the shape."""
PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "list": (list,),
    "long": (int,),
    "map": (dict,),
    "string": (str,),
    "structure": (dict,),
    "timestamp": (datetime,),
}
"""Type of a shape -> types of its parsed values."""


class UnexpectedResponseError(ResponseParserError):
    """A response that is not from AWS, or is truncated; ``detail`` is the reason."""

    def __init__(self, detail: str, operation_name: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.operation_name = operation_name


class CheckedParserFactory(ResponseParserFactory):
    """Parsers that raise UnexpectedResponseError for documents of another form."""

    def create_parser(self, protocol_name: str) -> Any:
        """The parser of a protocol."""
        parser: Any = super().create_parser(protocol_name)
        parse = parser.parse

        def checked(response: Any, shape: Any) -> Any:
            try:
                parsed = parse(response, shape)
                # botocore parses the members of a modeled error in a second step.
                if response["status_code"] >= 300 and "Error" in parsed:
                    _check_error(parsed, response["status_code"])
                elif response["status_code"] < 300 and shape and shape.name not in TYPED_BY_PARSER:
                    # Before botocore's own handlers, which decode the policies of IAM.
                    for wrong in _of_other_types(shape, parsed, ""):
                        raise UnexpectedResponseError(f"{wrong} is of another type")
                return parsed
            except UnexpectedResponseError:
                raise
            except ResponseParserError as error:
                raise UnexpectedResponseError("the document is malformed") from error
            except (
                ArithmeticError,
                AttributeError,
                LookupError,
                RuntimeError,
                TypeError,
                ValueError,
            ) as error:
                raise UnexpectedResponseError("the document is not the operation's output") from error

        parser.parse = checked
        return parser


def check(session: Session) -> None:
    """Validate the responses to all clients that the session creates from now on."""
    session.register_component("response_parser_factory", CheckedParserFactory())
    register: Any = session.register  # the stub has no type for handlers with named arguments
    # With wildcards it runs before botocore's own handler, which makes a 500 of a 200 of S3 that is no XML.
    register("before-parse.*.*", _before_parse)
    register("after-call", _after_call)
    register("after-call-error", _name_the_operation)


def _before_parse(operation_model: OperationModel, response_dict: dict[str, Any], **_: Any) -> None:
    status, headers, body = response_dict["status_code"], response_dict["headers"], response_dict["body"]
    from_aws = any(name.lower().startswith("x-amz") for name in headers)
    if 300 <= status < 400 and status != 304 and not from_aws:
        raise UnexpectedResponseError(f"a redirect, HTTP {status}")
    if operation_model.http.get("method") == "HEAD":
        if status < 500 and not from_aws and headers.get("Content-Type", "").startswith("text/html"):
            raise UnexpectedResponseError(f"an HTML page, HTTP {status}")
        return
    if not isinstance(body, bytes):
        return  # a stream checks its own length
    announced = headers.get("Content-Length", "")
    if (
        announced.isascii()
        and announced.isdigit()
        and len(body) < int(announced)
        and "Content-Encoding" not in headers
    ):
        raise UnexpectedResponseError(f"it breaks off after {len(body)} of {announced} bytes")
    fault = _malformed(operation_model, status, body)
    if fault and status >= 500:
        response_dict["body"] = b""  # botocore makes an error of the status, and retries
    elif fault:
        raise UnexpectedResponseError(f"{fault}, HTTP {status}")


def _malformed(operation: OperationModel, status: int, body: bytes) -> str | None:
    """The reason why the body is not from AWS, or None."""
    text = body.strip()
    if not text:
        return "an empty document" if status < 300 and _has_document(operation) else None
    if text[:20].lower().startswith(HTML):
        return "an HTML page"
    if status < 300 and not _has_document(operation):
        return None
    if operation.service_model.resolved_protocol in JSON_PROTOCOLS:
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            return "no JSON document"
        return None if isinstance(document, dict) else "a JSON document that is no object"
    if not text.startswith(b"<"):
        return "no XML document"
    if status >= 500:
        try:
            ElementTree.fromstring(text)  # noqa: S314, botocore parses it the same way
        except ElementTree.ParseError:
            return "no XML document"
    return None


def _has_document(operation: OperationModel) -> bool:
    """Whether the body of a response holds members of the output."""
    shape = operation.output_shape
    if shape is None:
        return False
    payload = shape.serialization.get("payload")
    if payload:
        return shape.members[payload].type_name == "structure"
    return any(member.serialization.get("location") not in IN_HEADERS for member in shape.members.values())


def _check_error(parsed: dict[str, Any], status: int) -> None:
    """Give a 5xx without a code its status as code, so that botocore retries the call.

    Any other response without a code is unexpected.

    botocore compares the code when it decides about a retry, before any later event.
    """
    error = parsed["Error"]
    if not isinstance(error, dict) or not isinstance(error.get("Code"), str):
        if status < 500:
            raise UnexpectedResponseError(f"an error without a code, HTTP {status}")
        parsed["Error"] = {"Code": str(status), "Message": responses.get(status, "")}
    elif not isinstance(error.get("Message", ""), str | None):
        error["Message"] = ""


def _after_call(http_response: Any, parsed: Any, model: OperationModel, **_: Any) -> None:
    if http_response.status_code >= 300:
        if "Error" not in parsed:
            raise UnexpectedResponseError(f"an error without a code, HTTP {http_response.status_code}")
        return
    called = f"{model.service_model.service_name}.{model.name}"
    for path in ALWAYS_SENT.get(called, ()):
        if not _holds(parsed, path, lambda value: value is not None):
            raise UnexpectedResponseError(f"{path.replace('?', '')} is missing", model.name)
    for path, is_valid in FORMS.get(called, {}).items():
        if not _holds(parsed, path, is_valid):
            raise UnexpectedResponseError(f"{path} has another form", model.name)


def _is_json(value: Any) -> bool:
    """Whether a value is a JSON object: as text, or parsed by botocore as for IAM."""
    try:
        return isinstance(value, dict) or (isinstance(value, str) and isinstance(json.loads(value), dict))
    except (ValueError, RecursionError):
        return False


def _is_time(value: Any) -> bool:
    """Whether a value is an ISO 8601 time with its offset."""
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_version(value: Any) -> bool:
    """Whether a value is the number of a function's version, or $LATEST."""
    return isinstance(value, str) and (value == "$LATEST" or (value.isascii() and value.isdigit()))


def _is_moment(value: Any) -> bool:
    """Whether a value is a time in milliseconds since the epoch."""
    return isinstance(value, int) and 0 <= value <= LAST_MOMENT


FORMS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "apigateway.GetModels": {"items[].schema": _is_json},
    "iam.GetRole": {"Role.AssumeRolePolicyDocument": _is_json},
    "iam.GetRolePolicy": {"PolicyDocument": _is_json},
    "lambda.GetFunction": {"Configuration.LastModified": _is_time},
    "lambda.GetFunctionConfiguration": {"LastModified": _is_time},
    "lambda.ListVersionsByFunction": {"Versions[].Version": _is_version},
    "lambda.PublishVersion": {"Version": _is_version},
    "logs.GetLogEvents": {"events[].timestamp": _is_moment},
    "s3.GetBucketPolicy": {"Policy": _is_json},
}
"""Operation -> members that hold a text or a number of a certain form."""


def _name_the_operation(exception: Exception, event_name: str, **_: Any) -> None:
    if isinstance(exception, UnexpectedResponseError) and not exception.operation_name:
        exception.operation_name = event_name.rpartition(".")[2]


def _holds(value: Any, path: str, condition: Callable[[Any], bool]) -> bool:
    """Whether every value at a path of ``ALWAYS_SENT`` meets the condition."""
    return _all_hold(value, path.replace("[]", ".[]").replace("{}", ".{}").split("."), condition)


def _all_hold(value: Any, path: list[str], condition: Callable[[Any], bool]) -> bool:
    if not path:
        return condition(value)
    step, *rest = path
    if value is None:
        return condition(None)
    if step in ("[]", "{}"):
        entries = value.values() if isinstance(value, dict) else value
        return all(_all_hold(entry, rest, condition) for entry in entries)
    found = value.get(step.removesuffix("?"))
    return step.endswith("?") if found is None and rest else _all_hold(found, rest, condition)


def _of_other_types(shape: Any, value: Any, path: str) -> Iterator[str]:
    """The paths of values of another type than the shape's."""
    kind: str = shape.type_name
    wanted = PYTHON_TYPES.get(kind)
    if value is None or wanted is None or (kind == "structure" and shape.is_document_type):
        return
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        yield path or "the document"
        return
    inside: Any = value
    if kind == "structure":
        members = shape.members
        for name, found in inside.items():
            if name in members:
                yield from _of_other_types(members[name], found, f"{path}.{name}".lstrip("."))
    elif kind == "list":
        for entry in inside:
            yield from _of_other_types(shape.member, entry, f"{path}[]")
    elif kind == "map":
        for entry in inside.values():
            yield from _of_other_types(shape.value, entry, f"{path}{{}}")
