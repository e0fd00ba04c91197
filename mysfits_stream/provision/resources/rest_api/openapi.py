"""The clicks API as an OpenAPI document: the model of a click, and the integration. Pure.

API Gateway imports the document, an export shows the document, and drift is a difference from the document.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mysfits_stream.aws.account import Account
from mysfits_stream.click_definition import Definition

Document = dict[str, Any]

MODEL = "Clicks"
VALIDATOR = "body"
INTEGRATION = "x-amazon-apigateway-integration"
POLICY = "x-amazon-apigateway-policy"

CORS_HEADERS = ("Access-Control-Allow-Origin", "Vary")

ANSWERS = {
    # selectionPattern is a regular expression on Firehose's HTTP status (F97).
    "200": ("200", {"status": "accepted"}),
    r"5\d{2}": ("503", {"message": "The click could not be stored for now; try again"}),
    "default": ("502", {"message": "The click could not be stored"}),
}
"""Firehose's status -> the browser's status and body; success is what says so, and no id leaves the API."""


@dataclass(frozen=True)
class ClicksApi:
    """The parameters of the document."""

    title: str
    stream_name: str
    role_arn: str
    allowed_origins: tuple[str, ...]
    preflight_max_age_seconds: int
    max_clicks_per_request: int
    click: Definition
    account: Account
    allowed_headers: tuple[str, ...] = ()
    """Request headers that pages may send beside Content-Type."""
    resource_policy: Mapping[str, Any] | None = None
    """The policy of who may call the API; None leaves the policy of the live API as it is."""

    @property
    def description(self) -> str:
        """The API's description; the title is the stack's name."""
        return f"Clicks of the mysfits-stream stack {self.title}"

    def document(self) -> Document:
        """The whole API."""
        return {
            "openapi": "3.0.1",
            "info": {"title": self.title, "description": self.description, "version": "1"},
            **({POLICY: self.resource_policy} if self.resource_policy else {}),
            "paths": {"/clicks": {"put": self._put(), "options": self._options()}},
            "components": {"schemas": {MODEL: self._schema()}},
            "x-amazon-apigateway-request-validators": {
                VALIDATOR: {"validateRequestBody": True, "validateRequestParameters": False}
            },
            "x-amazon-apigateway-gateway-responses": {
                # Only with these can a page read the answers that API Gateway itself gives (F104).
                kind: {
                    "responseParameters": {
                        f"gatewayresponse.header.{name}": value
                        for name, value in self._gateway_cors().items()
                    }
                }
                for kind in ("DEFAULT_4XX", "DEFAULT_5XX")
            },
        }

    def digest(self) -> str:
        """A name for the document; equal APIs have equal names."""
        text = json.dumps(self.document(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _schema(self) -> Document:
        click = self.click.schema()
        return {
            "oneOf": [
                click,
                {"type": "array", "items": click, "minItems": 1, "maxItems": self.max_clicks_per_request},
            ],
        }

    def _put(self) -> Document:
        return {
            "operationId": "putClicks",
            "x-amazon-apigateway-request-validator": VALIDATOR,
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{MODEL}"}}},
            },
            "responses": {status: self._method_response(CORS_HEADERS) for status, _ in ANSWERS.values()},
            INTEGRATION: {
                "type": "aws",
                # Firehose is always POSTed to, whatever the browser sends (F92).
                "httpMethod": "POST",
                "uri": (
                    f"arn:{self.account.partition}:apigateway:{self.account.region}:firehose:action/PutRecord"
                ),
                "credentials": self.role_arn,
                # Anything but JSON would skip both the model and the template (F96).
                "passthroughBehavior": "never",
                "requestParameters": {
                    "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
                },
                "requestTemplates": {"application/json": self._mapping_template()},
                "responses": {
                    pattern: self._integration_response(status, json.dumps(body), {})
                    for pattern, (status, body) in ANSWERS.items()
                },
            },
        }

    def _mapping_template(self) -> str:
        """PutRecord: the request's clicks in an envelope with the request's id, time and flags.

        The client can choose ``$context.requestId``, and not the extended id (F142). ``$input.params(name)``
        would read the query string first (F143), so the headers are compared one by one, in any case; a
        header decides an ``#if`` and is never written. ``$q`` stands for a quotation mark inside a quoted
        string.
        """
        members = [
            "{$q^v$q^: 1",
            "$q^requestId$q^: $q^$context.extendedRequestId$q^",
            "$q^time$q^: $context.requestTimeEpoch",
            "$q^first$q^: 0",
            *([f"$q^definition$q^: $q^{self.click.digest}$q^"] if self.click.digest else []),
        ]
        envelope = ", ".join(members).replace("$q^", "${q}")
        flags = {"gpc": "sec-gpc", "test": "x-mysfits-test"}
        return (
            """#set($q = '"')"""
            + "".join(f'#set(${flag} = "")' for flag in flags)
            + "#set($headers = $input.params().header)"
            "#foreach($name in $headers.keySet())#if($headers.get($name) == '1')"
            + "".join(
                f"#if($name.toLowerCase() == '{header}')#set(${flag} = \", ${{q}}{flag}${{q}}: true\")#end"
                for flag, header in flags.items()
            )
            + "#end#end"
            # The clicks stay data: a text that was inserted is not read as a template again.
            "#set($clicks = $input.json('$'))"
            # The stream by name: its ARN would be authorised as another resource (F93).
            f'{{"DeliveryStreamName": "{self.stream_name}", "Record": {{"Data": '
            f'"$util.base64Encode("{envelope}$gpc$test, ${{q}}clicks${{q}}: ${{clicks}}}}")"}}}}'
        )

    def _options(self) -> Document:
        preflight = {
            "Access-Control-Allow-Methods": "'OPTIONS,PUT'",
            "Access-Control-Allow-Headers": f"'{','.join(('Content-Type', *self.allowed_headers))}'",
            "Access-Control-Max-Age": f"'{self.preflight_max_age_seconds}'",
        }
        return {
            "operationId": "preflightClicks",
            "responses": {"200": self._method_response((*CORS_HEADERS, *preflight))},
            INTEGRATION: {
                "type": "mock",
                "passthroughBehavior": "never",
                "requestTemplates": {"application/json": '{"statusCode": 200}'},
                "responses": {"default": self._integration_response("200", "", preflight)},
            },
        }

    def _method_response(self, headers: Iterable[str]) -> Document:
        return {
            "description": "An answer that a page of an allowed origin can read",
            "headers": {name: {"schema": {"type": "string"}} for name in headers},
        }

    def _integration_response(self, status: str, template: str, headers: dict[str, str]) -> Document:
        several = len(self.allowed_origins) > 1
        static = {"Vary": "'Origin'"} if several else self._static_cors()
        return {
            "statusCode": status,
            "responseTemplates": {
                "application/json": (self._matching_origin() if several else "") + template
            },
            "responseParameters": {
                f"method.response.header.{name}": value for name, value in {**static, **headers}.items()
            },
        }

    def _static_cors(self) -> dict[str, str]:
        return {"Access-Control-Allow-Origin": f"'{self.allowed_origins[0]}'", "Vary": "'Origin'"}

    def _matching_origin(self) -> str:
        """The template echoes the request's origin if allowed: a header holds a single origin."""
        allowed = ", ".join(f'"{origin}"' for origin in self.allowed_origins)
        return (
            "#set($origin = $input.params('origin'))"
            "#if($origin == '')#set($origin = $input.params('Origin'))#end"
            f"#foreach($allowed in [{allowed}])#if($origin == $allowed)"
            "#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)"
            "#end#end"
        )

    def _gateway_cors(self) -> dict[str, str]:
        """Headers of API Gateway's own errors.

        The templates of the errors have no conditions: with several origins, any page can read the
        errors. The errors hold no data, and the preflight stops a foreign page before the request.
        """
        if len(self.allowed_origins) > 1:
            return {"Access-Control-Allow-Origin": "method.request.header.Origin", "Vary": "'Origin'"}
        return self._static_cors()
