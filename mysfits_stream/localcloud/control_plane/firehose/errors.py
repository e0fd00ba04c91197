"""Refusals of Firehose's control plane."""

from __future__ import annotations


class ServiceError(Exception):
    """A request that is refused: ``code`` is AWS's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> ServiceError:
    """A value that Firehose does not accept."""
    return ServiceError("InvalidArgumentException", message)
