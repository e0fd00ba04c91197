"""Errors of AWS: predicates on codes and messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError


def is_error(error: BaseException, *codes: str, message: str = "") -> bool:
    """Whether AWS answered with one of these codes, and with a text that contains ``message``.

    Codes are compared as AWS sends them: much of what AWS returns is not in botocore's models (F41).
    """
    return (
        isinstance(error, ClientError)
        and error.response["Error"].get("Code") in codes
        and message in (error.response["Error"].get("Message") or "")
    )


def is_server_error(error: BaseException) -> bool:
    """Whether AWS itself failed: an empty 500 may come in the middle of anything (F4)."""
    if not isinstance(error, ClientError):
        return False
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500


def is_denied(error: BaseException) -> bool:
    """Whether the operator's own permissions do not suffice; never worth a retry (F132)."""
    # The answer to HEAD has no body, so that its code is the status (F40).
    return is_error(error, "AccessDenied", "AccessDeniedException", "UnauthorizedException", "403")


def retry_after(error: Exception) -> float | None:
    """The seconds that AWS asks us to wait, from the Retry-After header (F21, F61)."""
    if not isinstance(error, ClientError):
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = headers.get("retry-after", "")
    return float(value) if value.isdigit() else None


@contextmanager
def ignoring(*codes: str) -> Iterator[None]:
    """Go on if AWS answers with one of these codes: what was asked for is so already."""
    try:
        yield
    except ClientError as error:
        if not is_error(error, *codes):
            raise
