"""Gateway responses: the answers of API Gateway without an integration.

Every type has a default status and body. An API may customise single types, and ``DEFAULT_4XX`` and
``DEFAULT_5XX`` for all other types (F104).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_TEMPLATES = {"application/json": '{"message":$context.error.messageString}'}

# With a capital letter where the type has no template of the user: as recorded of resource policies (F147).
ACCESS_DENIED_TEMPLATES = {"application/json": '{"Message":$context.error.messageString}'}

# Type -> (status, error type, message). The two defaults have no status of their own.
TYPES: dict[str, tuple[int, str, str]] = {
    "ACCESS_DENIED": (403, "AccessDeniedException", "Access Denied"),
    "API_CONFIGURATION_ERROR": (500, "InternalServerErrorException", "Internal server error"),
    "AUTHORIZER_CONFIGURATION_ERROR": (500, "AuthorizerConfigurationException", "Internal server error"),
    "AUTHORIZER_FAILURE": (500, "AuthorizerConfigurationException", "Internal server error"),
    "BAD_REQUEST_BODY": (400, "BadRequestException", "Invalid request body"),
    "BAD_REQUEST_PARAMETERS": (400, "BadRequestException", "Missing required request parameters"),
    "DEFAULT_4XX": (0, "", ""),
    "DEFAULT_5XX": (0, "", ""),
    "EXPIRED_TOKEN": (403, "ExpiredTokenException", "The security token included in the request is expired"),
    "INTEGRATION_FAILURE": (504, "InternalServerErrorException", "Network error communicating with endpoint"),
    "INTEGRATION_TIMEOUT": (504, "InternalServerErrorException", "Endpoint request timed out"),
    "INVALID_API_KEY": (403, "ForbiddenException", "Forbidden"),
    "INVALID_SIGNATURE": (403, "InvalidSignatureException", "Invalid signature"),
    "MISSING_AUTHENTICATION_TOKEN": (
        403,
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    ),
    "QUOTA_EXCEEDED": (429, "LimitExceededException", "Limit Exceeded"),
    "REQUEST_TOO_LARGE": (413, "BadRequestException", "Request Too Long"),
    "RESOURCE_NOT_FOUND": (404, "NotFoundException", "Not Found"),
    "THROTTLED": (429, "TooManyRequestsException", "Too Many Requests"),
    "UNAUTHORIZED": (401, "UnauthorizedException", "Unauthorized"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "BadRequestException", "Unsupported Media Type"),
    "WAF_FILTERED": (403, "ForbiddenException", "Forbidden"),
}

_NAME = r"((?:context|stageVariables|method\.request)(?:\.[A-Za-z0-9_-]+)+)"
_VARIABLE = re.compile(rf"\$(?:\{{{_NAME}\}}|{_NAME})")


def definition(kind: str, customised: Mapping[str, Any]) -> dict[str, Any]:
    """The gateway response as in GetGatewayResponse, customised or generated from the defaults."""
    if kind in customised:
        return dict(customised[kind])
    status = TYPES[kind][0]
    family = customised.get("DEFAULT_5XX" if status >= 500 else "DEFAULT_4XX") if status else None
    shown = {
        "responseType": kind,
        "responseParameters": dict(family["responseParameters"]) if family else {},
        "responseTemplates": dict(family["responseTemplates"]) if family else dict(DEFAULT_TEMPLATES),
        "defaultResponse": True,
    }
    if status:
        shown["statusCode"] = (family and family.get("statusCode")) or str(status)
    return shown


Value = Callable[[str], Any]


@dataclass(frozen=True)
class GatewayResponse:
    """A compiled gateway response."""

    kind: str
    status: int
    headers: tuple[tuple[str, str], ...]
    templates: tuple[tuple[str, str], ...]

    def answer(self, accept: str, value: Value) -> tuple[int, dict[str, str], str]:
        """Status, headers and body.

        ``value`` reads an expression, for example ``context.requestId``.
        """
        media_type, template = next(
            ((kind, text) for kind, text in self.templates if kind in accept), self.templates[0]
        )
        headers = {"Content-Type": media_type}
        for name, source in self.headers:
            found = source[1:-1] if source[:1] == source[-1:] == "'" else value(source)
            if found not in (None, ""):
                headers[name] = str(found)
        body = _VARIABLE.sub(lambda match: _shown(value(match[1] or match[2])), template)
        return self.status, headers, body


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def compile_gateway_responses(customised: Mapping[str, Any]) -> dict[str, GatewayResponse]:
    """The gateway responses of all types for an API with customised types."""
    compiled = {}
    for kind, (status, _, _) in TYPES.items():
        shown = definition(kind, customised)
        if kind == "ACCESS_DENIED" and shown.get("responseTemplates") == DEFAULT_TEMPLATES:
            shown["responseTemplates"] = ACCESS_DENIED_TEMPLATES
        compiled[kind] = GatewayResponse(
            kind,
            int(shown.get("statusCode") or status or 500),
            tuple(
                (name.removeprefix("gatewayresponse.header."), source)
                for name, source in (shown.get("responseParameters") or {}).items()
            ),
            tuple((shown.get("responseTemplates") or DEFAULT_TEMPLATES).items()),
        )
    return compiled


@dataclass(frozen=True)
class Refusal(Exception):
    """A request ends with a gateway response.

    ``message`` and ``status`` replace the values of the type, ``reason`` is for the execution log only, and
    ``details`` is ``$context.error.validationErrorString``.
    """

    kind: str
    message: str = ""
    reason: str = ""
    details: str = ""
    status: int = 0

    @property
    def text(self) -> str:
        """The message of the answer."""
        return self.message or TYPES[self.kind][2]

    @property
    def error_type(self) -> str:
        """The value of the header x-amzn-ErrorType."""
        return TYPES[self.kind][1]

    def error(self) -> dict[str, str]:
        """``$context.error``."""
        return {
            "message": self.text,
            "messageString": json.dumps(self.text, ensure_ascii=False),
            "responseType": self.kind,
            # The value is put between quotes by the templates that use it, so AWS escapes it.
            "validationErrorString": json.dumps(self.details, ensure_ascii=False)[1:-1],
        }
