"""API Gateway's errors: code, status and message."""

from __future__ import annotations

from typing import Any

STATUS = {
    "BadRequestException": 400,
    "NotSimulated": 400,
    "ValidationException": 400,
    "ConflictException": 409,
    "NotFoundException": 404,
    "TooManyRequestsException": 429,
}


class ApiError(Exception):
    """An error answer of the control plane."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.code]


def bad_request(message: str) -> ApiError:
    """400."""
    return ApiError("BadRequestException", message)


def conflict(message: str) -> ApiError:
    """409."""
    return ApiError("ConflictException", message)


def not_found(message: str) -> ApiError:
    """404."""
    return ApiError("NotFoundException", message)


def not_simulated(what: str) -> ApiError:
    """400 for a part of a request that the local cloud would ignore."""
    return ApiError("NotSimulated", f"{what} is not simulated by the local cloud")


def invalid_enum(value: Any, member: str, choices: list[str]) -> ApiError:
    """400 for a value outside the member's enumeration."""
    return bad_request(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy enum value set: [{', '.join(choices)}]"
    )
