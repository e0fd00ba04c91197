"""Errors that end a query, and errors that end the request for a query."""

from __future__ import annotations


class NotSimulatedError(Exception):
    """The statement asks for more than the local cloud simulates; the text names the construct."""


class RejectedError(Exception):
    """Athena rejects the request: no query is started. ``code`` is AWS's."""

    def __init__(self, message: str, code: str = "InvalidRequestException") -> None:
        super().__init__(message)
        self.code = code


class FailedError(Exception):
    """The query ends as FAILED; the text is the reason, for example ``TABLE_NOT_FOUND: …``."""


class CancelledError(Exception):
    """The query ends as CANCELLED; the text is the reason."""
