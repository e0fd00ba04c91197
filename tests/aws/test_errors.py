"""What is read from AWS's errors, whatever shape they have."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from mysfits_stream.aws.errors import is_denied, is_error


def _error(code: str, message: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(response, "Anything")


@pytest.mark.parametrize(
    "message", [None, "", "no"], ids=["null, as AWS sometimes sends it", "empty", "some"]
)
def test_a_denial_is_known_by_its_code(message: Any) -> None:
    assert is_denied(_error("AccessDeniedException", message))


def test_the_answer_to_head_has_its_status_for_a_code() -> None:
    assert is_denied(_error("403", "Forbidden"))


def test_a_phrase_is_not_found_in_a_message_that_is_null() -> None:
    assert not is_error(_error("InvalidArgumentException", None), "InvalidArgumentException", message="role")
