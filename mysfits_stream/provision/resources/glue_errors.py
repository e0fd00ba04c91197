"""Errors of the Glue Data Catalog, for the database and for the table (F216)."""

from __future__ import annotations

from mysfits_stream.aws.errors import is_error, is_server_error

MISSING = "EntityNotFoundException"
"""The database or the table does not exist, or the database of the table."""

EXISTS = "AlreadyExistsException"


def busy(error: Exception) -> bool:
    """Another change is under way, or Glue timed out."""
    passing = ("ConcurrentModificationException", "OperationTimeoutException")
    return is_error(error, *passing) or is_server_error(error)
