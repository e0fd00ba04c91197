"""Refusals of Firehose's control plane."""

from __future__ import annotations


class ServiceError(Exception):
    """A rejected request; ``code`` is AWS's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> ServiceError:
    """The error for an invalid value."""
    return ServiceError("InvalidArgumentException", message)
