"""Operations that are not simulated: refused by name in the service's protocol."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import moto
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import OperationModel
from botocore.parsers import create_parser

from mysfits_stream import localcloud
from mysfits_stream.localcloud import simulated
from mysfits_stream.localcloud.http.calls import identify
from mysfits_stream.localcloud.http.members import BOTOCORE_NAMES, service_model
from mysfits_stream.localcloud.http.messages import Request, Response
from mysfits_stream.localcloud.simulated.operations import OF_EVERY_OPERATION
from tests.support.cloud import CloudUnderTest

CASES = [
    pytest.param(service, operation, id=f"{service}-{operation}")
    for service in simulated.services()
    for operation in simulated.operations(service)
]
SAMPLES = {
    "string": "text",
    "integer": 3,
    "long": 3,
    "float": 1.5,
    "double": 1.5,
    "boolean": True,
    "timestamp": "2026-01-01T00:00:00Z",
    "blob": b"bytes",
}


def sample(shape: Any, path: tuple[str, ...] = ()) -> Any:
    """A value of a shape: what is required, and the member at the path."""
    if shape.type_name == "structure":
        members = {name: sample(shape.members[name]) for name in shape.required_members}
        return members | ({path[0]: sample(shape.members[path[0]], path[1:])} if path else {})
    if shape.type_name == "list":
        return [sample(shape.member, path)]
    if shape.type_name == "map":
        return {"key": sample(shape.value)}
    enum: list[str] = shape.metadata.get("enum") or []
    return enum[-1] if enum else SAMPLES[shape.type_name]


def leaves(shape: Any, path: tuple[str, ...] = (), seen: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths to all scalars and maps of a shape."""
    if shape.type_name == "list":
        yield from leaves(shape.member, path, seen)
    elif shape.type_name == "structure" and (shape.members or not path):
        if shape.name not in seen:
            for name, member in shape.members.items():
                yield from leaves(member, (*path, name), (*seen, shape.name))
    else:
        yield path


@cache
def client(service: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials("key", "secret")
    return session.create_client(
        BOTOCORE_NAMES.get(service, service),
        region_name="eu-west-1",
        endpoint_url="http://localhost",
        config=Config(parameter_validation=False, s3={"addressing_style": "path"}),
    )


def within(members: Any, path: str) -> bool:
    """Whether a member below the path is simulated."""
    return any(each.startswith(f"{path}.") for each in members)


def request_of(service: str, operation: OperationModel, parameters: dict[str, Any]) -> Request:
    """The request that botocore's client would send."""
    made = client(service)
    context: dict[str, Any] = {"client_region": "eu-west-1", "client_config": made.meta.config}
    context |= {"has_streaming_input": operation.has_streaming_input, "auth_type": operation.auth_type}
    prepared = made._convert_to_request_dict(parameters, operation, "http://localhost", context)
    signed: AWSPreparedRequest = made._endpoint.create_request(prepared, operation)
    url = urlsplit(signed.url)
    headers = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in signed.headers.items()
    }
    body: Any = signed.body or b""
    content = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else body
    return Request(signed.method, url.path, url.query, headers, content)


def error_of(service: str, operation: OperationModel, response: Response) -> dict[str, Any]:
    """The error as botocore reads it."""
    parser: Any = create_parser(operation.service_model.resolved_protocol)
    headers = {name.lower(): value for name, value in response.headers.items()}
    parsed: dict[str, Any] = parser.parse(
        {"status_code": response.status, "headers": headers, "body": response.body, "context": {}},
        operation.output_shape,
    )
    return {**parsed["Error"], "status": response.status}


def refusal(service: str, request: Request) -> Response | None:
    return simulated.refusal(service, identify(request), request)


@pytest.mark.parametrize(("service", "operation"), CASES)
def test_each_member_of_the_model_is_simulated_or_refused(service: str, operation: str) -> None:
    model = service_model(service).operation_model(operation)
    known = simulated.simulated_members(service, operation) or {}
    assert model.input_shape is not None or not known
    for path in leaves(model.input_shape) if model.input_shape else ():
        prefixes = [".".join(path[:length]) for length in range(1, len(path) + 1)]
        covering = next((prefix for prefix in prefixes if prefix in known), None)
        request = request_of(service, model, sample(model.input_shape, path))
        assert getattr(identify(request), "operation", None) == operation
        answer = refusal(service, request)
        if covering is None:
            assert answer is not None, path
            if request.method != "HEAD":
                error = error_of(service, model, answer)
                assert (error["Code"], error["status"]) == ("NotSimulated", 400)
                shown = next((each for each in prefixes[:-1] if not within(known, each)), prefixes[-1])
                assert re.search(
                    rf"^{service}:{operation}: (.*, )?{re.escape(shown)}(,.*)? (is|are) not ",
                    error["Message"],
                )
        elif known[covering] is None and answer is not None:
            # Another, required member is refused.
            assert ".".join(path) not in answer.body.decode()


SOURCES = [*Path(localcloud.__file__).parent.rglob("*.py")]
SOURCES.remove(Path(simulated.__file__).with_name("operations.py"))
PACKAGES = {"lambda": "awslambda", "monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
"""moto's name for a service where the name differs from the credential scope."""


@cache
def words(service: str) -> frozenset[str]:
    motos = Path(moto.__file__).parent / PACKAGES.get(service, service)
    text = "".join(path.read_text() for path in [*SOURCES, *motos.rglob("*.py")])
    return frozenset(re.findall(r"[\w-]+", text))


@pytest.mark.parametrize(("service", "operation"), CASES)
def test_some_code_reads_each_simulated_member(service: str, operation: str) -> None:
    every = (OF_EVERY_OPERATION.get(service) or "").split()
    for path, values in (simulated.simulated_members(service, operation) or {}).items():
        # A member with one accepted value asks for what happens anyway.
        if path in every or values is not None:
            continue
        member: Any = service_model(service).operation_model(operation).input_shape
        for name in path.split("."):
            member = member.member if member.type_name == "list" else member
            member = member.members[name]
        wire = member.serialization.get("name", name)
        snake = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
        assert {name, snake, wire, wire.lower()} & words(service), path


@pytest.mark.parametrize(
    ("service", "call", "parameters"),
    [
        ("iam", "simulate_principal_policy", {"PolicySourceArn": "a" * 20, "ActionNames": ["s3:GetObject"]}),
        ("s3", "put_bucket_website", {"Bucket": "clicks", "WebsiteConfiguration": {}}),
        ("lambda", "publish_layer_version", {"LayerName": "l", "Content": {"ZipFile": b"zip"}}),
        ("logs", "delete_metric_filter", {"logGroupName": "g", "filterName": "f"}),
        ("apigateway", "create_api_key", {"name": "key"}),
        ("apigateway", "get_usage_plans", {}),
        ("cloudwatch", "put_dashboard", {"DashboardName": "d", "DashboardBody": "{}"}),
        ("cloudformation", "list_types", {}),
        ("codecommit", "list_branches", {"repositoryName": "r"}),
        ("sts", "get_federation_token", {"Name": "name"}),
        ("resourcegroupstaggingapi", "get_compliance_summary", {}),
        # moto's services, with operations that moto does not have.
        ("dynamodb", "list_contributor_insights", {}),
        ("sqs", "list_message_move_tasks", {"SourceArn": "arn:aws:sqs:eu-west-1:123456789012:q"}),
        ("sns", "list_origination_numbers", {}),
    ],
)
def test_an_operation_that_is_not_simulated_is_refused_once(
    local_cloud: CloudUnderTest, service: str, call: str, parameters: dict[str, Any]
) -> None:
    made = local_cloud.client(service)
    with pytest.raises(ClientError) as caught:
        getattr(made, call)(**parameters)
    error: Any = caught.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotSimulated", 400)
    assert error["ResponseMetadata"]["RetryAttempts"] == 0
    assert made.meta.method_to_api_mapping[call] in error["Error"]["Message"]


def test_a_stream_to_another_destination_is_refused_whole(local_cloud: CloudUnderTest) -> None:
    firehose = local_cloud.client("firehose")
    with pytest.raises(
        ClientError, match="firehose:CreateDeliveryStream: HttpEndpointDestinationConfiguration is not"
    ):
        firehose.create_delivery_stream(
            DeliveryStreamName="other",
            HttpEndpointDestinationConfiguration={
                "EndpointConfiguration": {"Url": "https://example.com"},
                "S3Configuration": {
                    "RoleARN": "arn:aws:iam::123456789012:role/r",
                    "BucketARN": "arn:aws:s3:::b",
                },
            },
        )
    assert firehose.list_delivery_streams()["DeliveryStreamNames"] == []


def test_a_value_that_asks_for_nothing_is_accepted() -> None:
    request = Request("POST", "/2015-03-31/functions", "", {"authorization": CREDENTIAL}, NOTHING_ASKED)
    assert refusal("lambda", request) is None


CREDENTIAL = "AWS4-HMAC-SHA256 Credential=key/20260101/eu-west-1/lambda/aws4_request"
NOTHING_ASKED = b"""{
    "FunctionName": "f",
    "Layers": [],
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": false},
    "DeadLetterConfig": {},
    "SnapStart": {"ApplyOn": "None"},
    "PackageType": "Zip"
}"""


def test_a_member_that_the_model_does_not_have_is_refused() -> None:
    body = b'{"FunctionName": "f", "LatestInvention": {"On": true}}'
    request = Request("POST", "/2015-03-31/functions", "", {"authorization": CREDENTIAL}, body)
    answer = refusal("lambda", request)
    assert answer is not None and b"lambda:CreateFunction: LatestInvention is not simulated" in answer.body
