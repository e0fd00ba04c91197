"""Errors of AWS and botocore: predicates, and the one translation into a line with advice.

Every command translates here, so a cause has the same advice everywhere. Resources use the predicates to
decide about retries; AWS's phrases stand at the foot of each resource's file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from mysfits_stream.errors import MysfitsStreamError

FOREIGN = (BotoCoreError, ClientError, ResponseParserError)
"""Exceptions that a call of AWS raises."""

SIGN_IN = "SignInCommand"
"""Key of the command that renews the session's credentials, set on each error by ``aws/session.py``."""

UNEXPECTED = "unexpected response (not from AWS)"

EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "400")
"""Codes of expired credentials; a response to HEAD has no body, so its code is the status 400 (F40)."""
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedException", "UnauthorizedOperation", "403")
"""Codes of a denial by the operator's own policies; 403 is the response to HEAD (F40)."""
REJECTED_KEY = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "AuthFailure")
REJECTED_SIGNATURE = ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature")
CLOCK = ("RequestTimeTooSkewed", "RequestInTheFuture")
REGION_DISABLED = ("OptInRequired", "RegionDisabledException", "InvalidRegion")
OTHER_REGION = (
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
)
THROTTLED = (
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
)

SIGNED_OUT = (exceptions.LoginError, exceptions.SSOError, exceptions.TokenRetrievalError)
NO_CREDENTIALS = (
    exceptions.CredentialRetrievalError,
    exceptions.NoAuthTokenError,
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
)
UNREACHABLE = (
    exceptions.BaseEndpointResolverError,
    exceptions.ConnectionError,
    exceptions.EndpointProviderError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    exceptions.InvalidRegionError,
)

OF_ATHENA = (
    (
        "Lake Formation",
        "an administrator of the data lake has to grant this in Lake Formation (to create and use the "
        "database); IAM policies alone do not suffice",
    ),
    (
        "Unable to verify/create output bucket",
        "your IAM user or role is missing s3:GetBucketLocation, s3:ListBucket or s3:PutObject on the clicks "
        "bucket; `mysfits-stream operator-policy` prints the required policy",
    ),
    ("No output location provided", "run `mysfits-stream up`, which sets the workgroup's place for results"),
    ("WorkGroup is not found", "run `mysfits-stream up`, which makes the workgroup"),
    ("is disabled", "run `mysfits-stream up`, which enables the workgroup"),
    (
        "Bytes scanned limit was exceeded",
        "choose a shorter range with --since and --until, or raise query.scan_limit_gb and run `up`",
    ),
    ("SCHEMA_NOT_FOUND", "run `mysfits-stream up`, which makes the database"),
    ("TABLE_NOT_FOUND", "run `mysfits-stream up`, which makes the table"),
    (
        "INVALID_TABLE_PROPERTY",
        "the table's partition projection has changed: `mysfits-stream up` restores it",
    ),
    ("HIVE_BAD_DATA", "the table's types have changed: `mysfits-stream up` restores them"),
    ("HIVE_CURSOR_ERROR", "an object below the delivery prefix is not of the stack: move it away"),
    (
        "HIVE_CANNOT_OPEN_SPLIT",
        "an object below the delivery prefix cannot be read: check that it is not archived, and your "
        "permissions (s3:GetObject, and kms:Decrypt with a key of your own)",
    ),
    (
        "glue:Get",
        "your IAM user or role is missing this permission; `mysfits-stream operator-policy` prints the "
        "required policy",
    ),
    (
        "Access Denied",
        "your IAM user or role may not read the clicks or write results; `mysfits-stream operator-policy` "
        "prints the required policy",
    ),
)
"""Phrase of Glue or Athena -> advice; the first that fits counts."""

CHECK_NETWORK = "check the region's name, your connection and proxies, and AWS_ENDPOINT_URL"
OPERATOR_POLICY = "`mysfits-stream operator-policy` prints the required policy"
RESUME = "then run the same command to resume"

Become = Callable[[str, str], MysfitsStreamError]
"""(operation, reason with advice) -> the error of this package."""


def is_error(error: BaseException, *codes: str, message: str = "") -> bool:
    """Whether AWS returned any of ``codes``, and a message that contains ``message``.

    Codes are compared as AWS sends them: botocore's models lack many codes (F41).
    """
    return (
        isinstance(error, ClientError)
        and _details(error).get("Code") in codes
        and message in (_details(error).get("Message") or "")
    )


def is_server_error(error: BaseException) -> bool:
    """Whether the response was a 5xx: an empty 500 is possible for any call (F4)."""
    if not isinstance(error, ClientError):
        return False
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500


def is_denied(error: BaseException) -> bool:
    """Whether the operator's own permissions do not suffice; never worth a retry (F132)."""
    return is_error(error, *DENIED)


def retry_after(error: Exception) -> float | None:
    """Seconds that AWS demands before the next attempt, from the Retry-After header (F21, F61)."""
    if not isinstance(error, ClientError):
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    value = headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None


@contextmanager
def ignoring(*codes: str) -> Iterator[None]:
    """Continue if AWS returns any of ``codes``: the requested state exists already."""
    try:
        yield
    except ClientError as error:
        if not is_error(error, *codes):
            raise


@contextmanager
def translated(become: Become, verb: str = "", extra: Mapping[str, str] | None = None) -> Iterator[None]:
    """Raise errors of AWS and botocore as errors of this package.

    ``become`` makes the error. ``verb`` replaces the operation if the error has no operation. ``extra`` maps
    error codes to additional advice of the caller.
    """
    try:
        yield
    except FOREIGN as error:
        text = reason(error)
        more = (extra or {}).get(_code(error))
        raise become(operation(error) or verb, f"{text}. {more}" if more else text) from error


def operation(error: Exception) -> str:
    """The failed operation, for example ``GetFunction``; empty if unknown."""
    return str(getattr(error, "operation_name", ""))


def reason(error: Exception) -> str:
    """The text of an error of AWS or botocore, with advice where known."""
    said, help_text = message(error), advice(error)
    return f"{said}. {help_text[0].upper()}{help_text[1:]}" if help_text else said


def message(error: Exception) -> str:
    """The text of an error of AWS or botocore in one line, without a final stop."""
    if isinstance(error, ResponseParserError):
        # botocore puts the response's body into its own text: markup from a proxy, and megabytes of it.
        detail = getattr(error, "detail", "")
        return f"{UNEXPECTED}: {detail}" if detail else UNEXPECTED
    if isinstance(error, ClientError):
        details = _details(error)
        text = f"{details.get('Code', 'Unknown')}: {details.get('Message') or 'no message'}"
    else:
        text = str(error)
    return " ".join(text.split()).rstrip(".")


def advice(error: Exception) -> str:
    """Advice on an error of AWS or botocore; empty if unknown."""
    if isinstance(error, ResponseParserError):
        return "check AWS_ENDPOINT_URL and proxies"
    if isinstance(error, ClientError):
        return _advice_by_code(error)
    if isinstance(error, SIGNED_OUT):
        return f"your credentials cannot be renewed: {_sign_in(error)}, {RESUME}"
    if isinstance(error, NO_CREDENTIALS):
        return (
            f"no usable credentials: {_sign_in(error)}, or configure a profile (`aws configure sso` or "
            f"`aws configure`; choose with --profile), {RESUME}"
        )
    if isinstance(error, exceptions.MissingDependencyException):
        return "install the package for `aws login`: pip install 'mysfits-stream[login]'"
    if isinstance(error, UNREACHABLE):
        return CHECK_NETWORK
    return ""


def _advice_by_code(error: ClientError) -> str:
    if is_error(error, *EXPIRED):
        return f"your credentials have expired: {_sign_in(error)}, {RESUME}"
    if is_error(error, *CLOCK) or is_error(error, *REJECTED_SIGNATURE, message="Signature expired"):
        return "set this computer's clock: AWS rejects requests with a time wrong by minutes"
    if is_error(error, *REJECTED_SIGNATURE):
        return "check the secret access key of your profile, and this computer's clock"
    if is_error(error, *REJECTED_KEY, *REGION_DISABLED):
        return "check the access key of your profile, and that the region is enabled for the account"
    if is_error(error, *OTHER_REGION):
        return "the resource is in another region: check region in config.yaml, --region and AWS_REGION"
    if is_error(error, "403"):
        # The response to HEAD is the same for another account's bucket and for a denial (F131).
        return (
            "it belongs to another account, or your IAM user or role is missing s3:ListBucket; "
            f"{OPERATOR_POLICY}"
        )
    if is_error(error, "InvalidRequestException") or is_error(error, *DENIED, message="Lake Formation"):
        return athena_advice(str(_details(error).get("Message") or ""))
    if is_denied(error):
        return f"your IAM user or role is missing this permission; {OPERATOR_POLICY}"
    if is_error(error, *THROTTLED) or is_server_error(error):
        return "AWS throttles or fails; run the same command again in a few minutes"
    return ""


def athena_advice(text: str) -> str:
    """Advice on an error text of Glue, Athena or a query; empty if unknown (F216-F225)."""
    return next((advice for phrase, advice in OF_ATHENA if phrase in text), "")


def _sign_in(error: Exception) -> str:
    command = _annotations(error).get(SIGN_IN)
    return f"sign in again with `{command}`" if command else "sign in again"


def _annotations(error: Exception) -> Mapping[str, Any]:
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {})
    return getattr(error, "kwargs", {})


def _details(error: ClientError) -> Mapping[str, Any]:
    return error.response.get("Error", {})


def _code(error: Exception) -> str:
    return str(_details(error).get("Code", "")) if isinstance(error, ClientError) else ""
