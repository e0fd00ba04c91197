"""Conversions between text and binary payloads (F146).

The media type of a payload decides whether the payload is text or binary; ``contentHandling`` decides on the
conversion. A mapping template renders text only.
"""

from __future__ import annotations

import base64
import binascii

from mysfits_stream.localcloud.velocity.values import MappingError

TO_BINARY, TO_TEXT = "CONVERT_TO_BINARY", "CONVERT_TO_TEXT"


def is_binary(media_type: str, binary_media_types: tuple[str, ...]) -> bool:
    """Whether a media type is among the binary media types of an API."""
    return "*/*" in binary_media_types or media_type in binary_media_types


def decoded(text: str) -> bytes:
    """base64 -> bytes; raises MappingError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MappingError(f"Unable to base64 decode the body: {error}") from error


def request_text(body: bytes, *, binary: bool, handling: str | None) -> str:
    """The text of a request for a template; raises MappingError for a binary payload."""
    if binary and handling != TO_TEXT:
        raise MappingError("Request body must be text to be transformed by a template")
    return base64.b64encode(body).decode("ascii") if binary else body.decode("utf-8", "replace")


def converted_request(body: bytes, *, binary: bool, handling: str | None) -> bytes:
    """The payload of a request without a template."""
    if binary:
        return base64.b64encode(body) if handling == TO_TEXT else body
    return decoded(body.decode("utf-8", "replace")) if handling == TO_BINARY else body


def response_text(body: bytes, *, binary: bool, handling: str | None) -> str:
    """The text of an integration's response for a template; raises MappingError."""
    if binary and handling == TO_BINARY:
        raise MappingError("Response body must be text to be transformed by a template")
    return base64.b64encode(body).decode("ascii") if binary else body.decode("utf-8", "replace")


def converted_response(body: bytes, *, binary: bool, handling: str | None, accepts_binary: bool) -> bytes:
    """The payload of an integration's response without a template."""
    to_binary = handling == TO_BINARY or (handling is None and accepts_binary)
    if binary:
        return body if to_binary else base64.b64encode(body)
    return decoded(body.decode("utf-8", "replace")) if to_binary else body
