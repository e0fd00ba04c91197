"""The clicks API's document is valid OpenAPI and avoids API Gateway's traps."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft4Validator
from openapi_spec_validator import OpenAPIV30SpecValidator

from mysfits_stream.aws.account import Account
from mysfits_stream.config import ApiConfig, Config
from mysfits_stream.provision.resources.rest_api.comparable_view import desired_view
from mysfits_stream.provision.resources.rest_api.openapi import INTEGRATION, MODEL, ClicksApi

ACCOUNT = Account(id="123456789012", region="eu-west-1")
API = ClicksApi(
    title="clicks",
    stream_name="clicks-clicks",
    role_arn=ACCOUNT.role_arn("clicks-eu-west-1-api"),
    allowed_origins=("*",),
    preflight_max_age_seconds=3600,
    max_clicks_per_request=3,
    click=Config().definition,
    account=ACCOUNT,
)
ONE = replace(API, allowed_origins=("https://a.example",))
SEVERAL = replace(API, allowed_origins=("https://a.example", "http://localhost:8000"))
ALL = pytest.mark.parametrize("api", [API, ONE, SEVERAL], ids=["any origin", "one origin", "several origins"])

PUT = API.document()["paths"]["/clicks"]["put"]
OPTIONS = API.document()["paths"]["/clicks"]["options"]


def responses(api: ClicksApi) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each integration response with the method response that it goes into."""
    return [
        (response, operation["responses"][response["statusCode"]])
        for operation in api.document()["paths"]["/clicks"].values()
        for response in operation[INTEGRATION]["responses"].values()
    ]


@ALL
def test_is_valid_openapi(api: ClicksApi) -> None:
    document = api.document()
    OpenAPIV30SpecValidator(document).validate()
    assert json.loads(json.dumps(document)) == document


@ALL
def test_the_digest_names_the_document(api: ClicksApi) -> None:
    assert api.digest() == replace(api).digest()
    assert re.fullmatch("[0-9a-f]{16}", api.digest())
    others = [
        replace(api, title="other"),
        replace(api, stream_name="other"),
        replace(api, role_arn="other"),
        replace(api, allowed_origins=("https://other.example",)),
        replace(api, preflight_max_age_seconds=1),
        replace(api, max_clicks_per_request=4),
        replace(api, account=replace(ACCOUNT, region="us-east-1")),
    ]
    assert len({api.digest(), *(other.digest() for other in others)}) == len(others) + 1


def test_the_model_is_draft_4() -> None:
    """F101."""
    schema = API.document()["components"]["schemas"][MODEL]
    Draft4Validator.check_schema(schema)
    assert MODEL.isalnum()


CLICKS = [
    ({"userId": "u", "mysfitId": "m"}, True, "a click"),
    ({"userId": "u" * 128, "mysfitId": "A-z_9" * 12}, True, "a long click"),
    ({"userId": "ü ☃", "mysfitId": "m"}, True, "any user"),
    ([{"userId": "u", "mysfitId": "m"}] * 3, True, "as many clicks as allowed"),
    ([{"userId": "u", "mysfitId": "m"}], True, "one click in an array"),
    ([{"userId": "u", "mysfitId": "m"}] * 4, False, "too many clicks"),
    ([], False, "no clicks"),
    ([{"userId": "u", "mysfitId": "m"}, {}], False, "a click that is none among others"),
    ({}, False, "nothing"),
    ({"userId": "u"}, False, "no mysfit"),
    ({"mysfitId": "m"}, False, "no user"),
    ({"userId": "", "mysfitId": "m"}, False, "an empty user"),
    ({"userId": "u" * 129, "mysfitId": "m"}, False, "too long a user"),
    ({"userId": 5, "mysfitId": "m"}, False, "a user that is a number"),
    ({"userId": "u", "mysfitId": ""}, False, "an empty mysfit"),
    ({"userId": "u", "mysfitId": "../m"}, False, "a mysfit that is a path"),
    ({"userId": "u", "mysfitId": "m" * 65}, False, "too long a mysfit"),
    ({"userId": "u", "mysfitId": "m", "x": 1}, False, "a key too many"),
    ("click", False, "a text"),
    (None, False, "null"),
]


@pytest.mark.parametrize(
    ("body", "fits"), [pytest.param(body, fits, id=reason) for body, fits, reason in CLICKS]
)
def test_the_model_knows_a_click(body: Any, fits: bool) -> None:
    assert Draft4Validator(API.document()["components"]["schemas"][MODEL]).is_valid(body) is fits


def test_the_model_uses_only_what_api_gateway_keeps() -> None:
    """F101."""
    safe = {"type", "required", "properties", "minLength", "maxLength", "pattern", "additionalProperties"}
    click = API.click.schema()
    assert set(click) | {key for schema in click["properties"].values() for key in schema} <= safe


def test_a_body_is_required_and_validated() -> None:
    document = API.document()
    validators = document["x-amazon-apigateway-request-validators"]
    assert validators[PUT["x-amazon-apigateway-request-validator"]]["validateRequestBody"] is True
    assert PUT["requestBody"]["required"] is True


def test_nothing_but_json_gets_past_the_model() -> None:
    """F96: by default a body of another type would go to Firehose as it is."""
    assert PUT[INTEGRATION]["passthroughBehavior"] == "never"
    assert PUT[INTEGRATION]["requestTemplates"].keys() == PUT["requestBody"]["content"].keys()


def test_firehose_is_called_as_it_has_to_be() -> None:
    """F92, F93."""
    integration = PUT[INTEGRATION]
    assert (integration["type"], integration["httpMethod"]) == ("aws", "POST")
    assert integration["uri"] == "arn:aws:apigateway:eu-west-1:firehose:action/PutRecord"
    assert integration["credentials"] == API.role_arn
    # The inner quotes make it a text, not an expression.
    assert integration["requestParameters"] == {
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
    }
    template = integration["requestTemplates"]["application/json"]
    assert '{"DeliveryStreamName": "clicks-clicks", "Record": {"Data": "$util.base64Encode(' in template
    assert template.count("$input.json('$')") == 1
    assert "$input.params(" not in template.replace("$input.params().header", ""), "F143"


def test_only_success_is_told_as_success() -> None:
    """F97: patterns match Firehose's status; the default takes the rest."""
    told = {}
    for status in ("200", "400", "403", "404", "413", "429", "500", "503", "301"):
        patterns = [p for p in PUT[INTEGRATION]["responses"] if p != "default" and re.fullmatch(p, status)]
        assert len(patterns) <= 1
        told[status] = PUT[INTEGRATION]["responses"][patterns[0] if patterns else "default"]["statusCode"]
    assert told == {
        "200": "200",
        **dict.fromkeys(("400", "403", "404", "413", "429", "301"), "502"),
        **dict.fromkeys(("500", "503"), "503"),
    }


@ALL
def test_no_answer_holds_anything_of_firehoses(api: ClicksApi) -> None:
    for response, _ in responses(api):
        template = response["responseTemplates"]["application/json"]
        assert "$input.path" not in template and "$input.json" not in template
        assert "RecordId" not in template


@ALL
def test_every_answer_has_a_method_response_with_its_headers(api: ClicksApi) -> None:
    """A status without one becomes 500 (F97), a header without one is refused."""
    for response, method in responses(api):
        names = {name.rsplit(".", 1)[1] for name in response["responseParameters"]}
        assert names <= set(method["headers"])


@pytest.mark.parametrize(("api", "origin"), [(API, "'*'"), (ONE, "'https://a.example'")], ids=["any", "one"])
def test_an_origin_is_in_every_answer(api: ClicksApi, origin: str) -> None:
    """F103, F104: API Gateway's own errors included."""
    for response, _ in responses(api):
        assert response["responseParameters"]["method.response.header.Access-Control-Allow-Origin"] == origin
    for gateway in api.document()["x-amazon-apigateway-gateway-responses"].values():
        headers = gateway["responseParameters"]
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == origin


def test_of_several_origins_the_one_that_asks_is_named() -> None:
    for response, method in responses(SEVERAL):
        template = response["responseTemplates"]["application/json"]
        assert '["https://a.example", "http://localhost:8000"]' in template
        assert "$context.responseOverride.header.Access-Control-Allow-Origin = $origin" in template
        # Not both: an override and a mapping of the same header would disagree.
        assert "method.response.header.Access-Control-Allow-Origin" not in response["responseParameters"]
        assert response["responseParameters"]["method.response.header.Vary"] == "'Origin'"
        assert "Access-Control-Allow-Origin" in method["headers"]


@ALL
def test_both_kinds_of_gateway_errors_are_readable(api: ClicksApi) -> None:
    gateway = api.document()["x-amazon-apigateway-gateway-responses"]
    assert gateway.keys() == {"DEFAULT_4XX", "DEFAULT_5XX"}


def test_a_preflight_is_answered_without_calling_anybody() -> None:
    """F103, F105."""
    integration = OPTIONS[INTEGRATION]
    assert integration["type"] == "mock"
    assert json.loads(integration["requestTemplates"]["application/json"]) == {"statusCode": 200}
    headers = integration["responses"]["default"]["responseParameters"]
    assert {name.rsplit(".", 1)[1]: value for name, value in headers.items()} == {
        "Access-Control-Allow-Origin": "'*'",
        "Vary": "'Origin'",
        "Access-Control-Allow-Methods": "'OPTIONS,PUT'",
        "Access-Control-Allow-Headers": "'Content-Type'",
        "Access-Control-Max-Age": "'3600'",
    }
    assert "requestBody" not in OPTIONS and "x-amazon-apigateway-request-validator" not in OPTIONS


@ALL
def test_constant_headers_are_quoted(api: ClicksApi) -> None:
    """F92: without inner quotes they would be expressions."""
    for response, _ in responses(api):
        for value in response["responseParameters"].values():
            assert re.fullmatch(r"'[^']*'", value)


def test_the_largest_batch_fits_into_a_record() -> None:
    """F64: Firehose takes 1,000 KiB; the greatest setting allows no more."""
    largest: int = next(
        field.metadata["limit"].most
        for field in ApiConfig.__dataclass_fields__.values()
        if field.name == "max_clicks_per_request"
    )
    # A character may take six bytes as an escape of JSON, twice that beyond the basic plane.
    click = {"userId": "\U0001f98a" * 128, "mysfitId": "m" * 64}
    assert len(json.dumps([click] * largest)) < 1_024_000


def test_the_view_is_flat_and_complete() -> None:
    view = desired_view(API.document())
    assert view["Methods"].keys() == {"PUT /clicks", "OPTIONS /clicks"}
    put, options = view["Methods"]["PUT /clicks"], view["Methods"]["OPTIONS /clicks"]
    assert (put["validator"], put["models"]) == ("body", {"application/json": "Clicks"})
    assert (options["validator"], options["models"]) == (None, {})
    assert put["integration"]["type"] == "AWS" and options["integration"]["type"] == "MOCK"
    assert put["integration"]["passthroughBehavior"] == "NEVER"
    assert put["responses"].keys() == {"200", "502", "503"}
    assert view["Models"].keys() == {"Clicks"}
    assert view["GatewayResponses"].keys() == {"DEFAULT_4XX", "DEFAULT_5XX"}
    assert json.loads(json.dumps(view)) == view


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_service_is_named_in_its_partition(partition: str) -> None:
    account = replace(ACCOUNT, partition=partition)
    put = replace(API, account=account).document()["paths"]["/clicks"]["put"]
    assert put[INTEGRATION]["uri"].startswith(f"arn:{partition}:apigateway:")
