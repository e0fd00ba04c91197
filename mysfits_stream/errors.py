"""The expected errors.

MysfitsStreamError          the text is a single line: the problem, the place, the advice
├── ConfigError             config.yaml, an option or an environment variable
├── StateError              the state file: unreadable, or of another stack; or no place to keep it
├── TargetError             credentials, region, endpoint, or the local cloud itself
├── ClickError              a click that was refused, or did not arrive
├── QueryError              SQL that cannot be run, or not over these tables
├── SiteError               a page that cannot be filled in or published
├── ExportError             a template or a commit that cannot be made
└── ProvisionError          AWS refused, or did not finish, an operation on one resource
    ├── NotOwnedError       the resource exists and does not carry this stack's owner tag
    ├── DataProtectedError  the resource holds clicks, and nobody said to delete them
    └── WaitTimeoutError    AWS did not get ready within the budget

Errors of AWS and botocore are translated once, in ``aws/errors.py``, and expected errors are printed
once, in ``cli.main``. Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations


class MysfitsStreamError(Exception):
    """An expected error; ``str(error)`` is the text for the user."""

    resource: str | None = None
    operation: str | None = None


class ConfigError(MysfitsStreamError):
    """A setting is unknown, of the wrong type or out of range; the message names the setting."""


class StateError(MysfitsStreamError):
    """The state file cannot be read or kept, or belongs to another account, region or stack."""


class TargetError(MysfitsStreamError):
    """The target cannot be reached or used: credentials, region, endpoint or local cloud."""


class ClickError(MysfitsStreamError):
    """A click was refused, or did not arrive in time."""


class QueryError(MysfitsStreamError):
    """A query is not allowed or cannot be run; the message names the place in the SQL if known."""


class SiteError(MysfitsStreamError):
    """A page cannot be filled in or published."""


class ExportError(MysfitsStreamError):
    """A template or a commit cannot be made."""


class ProvisionError(MysfitsStreamError):
    """One operation on one resource failed.

    ``resource`` is the logical name, ``operation`` the failed AWS operation or verb, and ``reason`` AWS's
    message with advice where known.
    """

    def __init__(self, resource: str, operation: str, reason: str) -> None:
        super().__init__(f"{resource}: {operation}: {reason}")
        self.resource = resource
        self.operation = operation
        self.reason = reason


class NotOwnedError(ProvisionError):
    """A resource has the stack's name without the owner tag: never changed, never deleted."""


class DataProtectedError(ProvisionError):
    """The resource holds clicks, and no option allows to delete clicks."""


class WaitTimeoutError(ProvisionError):
    """AWS did not get ready within the budget; the reason contains advice."""
