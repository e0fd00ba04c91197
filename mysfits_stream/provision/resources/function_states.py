"""States that function and alias share: transient errors, and replacement."""

from __future__ import annotations

from mysfits_stream.aws.errors import is_error, is_server_error
from mysfits_stream.provision.resource import Properties

RECREATED = "re-created since the function was made"
MISSING = "missing"

READY_BUDGET = 300.0
"""Seconds that Lambda may take to get ready, as botocore's own waiters have it (F54)."""


def replaced_for(observed: Properties) -> str:
    """The reason for which ``update`` replaces the function, versions and aliases included.

    Or empty.
    """
    role = str(observed.get("Role"))
    return role if role in (RECREATED, MISSING) else "Failed" if observed.get("State") == "Failed" else ""


def getting_ready(error: Exception) -> bool:
    """The role is not in force yet (F13, F14), or the function is still updating (F15)."""
    return (
        any(is_error(error, "InvalidParameterValueException", message=phrase) for phrase in ROLE_PHRASES)
        or any(is_error(error, "ResourceConflictException", message=phrase) for phrase in BUSY_PHRASES)
        or is_server_error(error)
    )


ROLE_PHRASES = (
    "cannot be assumed by Lambda",
    "does not have permissions",
    "throttled by EC2",
    "KMS key is invalid for CreateGrant",
)

BUSY_PHRASES = (
    "An update is in progress for resource",
    "The function is currently in the following state: Pending",
)
