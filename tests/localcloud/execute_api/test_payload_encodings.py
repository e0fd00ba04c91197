"""Text and binary payloads: each row of API Gateway's conversion tables (F146)."""

from __future__ import annotations

import pytest

from mysfits_stream.localcloud.execute_api import payload_encodings as encodings
from mysfits_stream.localcloud.velocity.values import MappingError

PICTURE = bytes(range(256))
BASE64 = "AAECAwQFBgcICQoLDA0ODw=="
BYTES = bytes(range(16))
BINARY, TEXT = encodings.TO_BINARY, encodings.TO_TEXT


@pytest.mark.parametrize(
    ("body", "binary", "handling", "converted"),
    [
        (b"text", False, None, b"text"),
        (b"text", False, TEXT, b"text"),
        (BASE64.encode(), False, BINARY, BYTES),
        (BYTES, True, None, BYTES),
        (BYTES, True, TEXT, BASE64.encode()),
        (BYTES, True, BINARY, BYTES),
    ],
)
def test_a_request_is_converted(body: bytes, binary: bool, handling: str | None, converted: bytes) -> None:
    assert encodings.converted_request(body, binary=binary, handling=handling) == converted


@pytest.mark.parametrize(
    ("body", "binary", "handling", "accepts_binary", "converted"),
    [
        (b"text", False, None, False, b"text"),
        (b"text", False, TEXT, True, b"text"),
        (BASE64.encode(), False, None, True, BYTES),
        (BASE64.encode(), False, BINARY, False, BYTES),
        (BYTES, True, None, False, BASE64.encode()),
        (BYTES, True, TEXT, True, BASE64.encode()),
        (BYTES, True, None, True, BYTES),
        (BYTES, True, BINARY, False, BYTES),
    ],
)
def test_a_response_is_converted(
    body: bytes, binary: bool, handling: str | None, accepts_binary: bool, converted: bytes
) -> None:
    found = encodings.converted_response(
        body, binary=binary, handling=handling, accepts_binary=accepts_binary
    )
    assert found == converted


def test_a_template_renders_text_or_base64() -> None:
    assert encodings.request_text(b"text", binary=False, handling=BINARY) == "text"
    assert encodings.request_text(BYTES, binary=True, handling=TEXT) == BASE64
    assert encodings.response_text(b"text", binary=False, handling=None) == "text"
    assert encodings.response_text(BYTES, binary=True, handling=None) == BASE64


@pytest.mark.parametrize("handling", [None, BINARY])
def test_a_template_renders_no_binary_request(handling: str | None) -> None:
    with pytest.raises(MappingError, match="must be text"):
        encodings.request_text(PICTURE, binary=True, handling=handling)


def test_a_template_renders_no_binary_response_that_stays_binary() -> None:
    with pytest.raises(MappingError, match="must be text"):
        encodings.response_text(PICTURE, binary=True, handling=BINARY)


def test_text_that_is_not_base64_cannot_become_binary() -> None:
    with pytest.raises(MappingError, match="Unable to base64 decode"):
        encodings.decoded("not base64!")
