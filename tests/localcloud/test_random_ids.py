"""Identifiers have the shape of AWS's, and no two are equal."""

from __future__ import annotations

import base64
import uuid

from mysfits_stream.localcloud import random_ids


def test_a_request_id_is_a_random_uuid() -> None:
    for _ in range(100):
        identifier = random_ids.request_id()
        assert str(uuid.UUID(identifier)) == identifier
        assert uuid.UUID(identifier).version == 4
        assert uuid.UUID(identifier).variant == uuid.RFC_4122


def test_identifiers_have_the_length_that_is_wanted() -> None:
    assert len(random_ids.hexadecimal(24)) == 24
    assert int(random_ids.hexadecimal(24), 16) < 16**24
    assert random_ids.letters_and_digits(15).isalnum()
    assert len(base64.urlsafe_b64decode(random_ids.url_safe(162))) == 162


def test_no_two_identifiers_are_equal() -> None:
    assert len({random_ids.request_id() for _ in range(1000)}) == 1000
    assert len({random_ids.url_safe(162) for _ in range(1000)}) == 1000
