"""Lambda's checks of a function's configuration and code, beyond the model's constraints."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from mysfits_stream.localcloud.awslambda.function import LambdaError

NOT_CONFIGURED = (
    "Lambda was unable to configure your environment variables because the environment variables you have "
    "provided"
)
MAX_ENVIRONMENT = 4 * 1024
MAX_UNPACKED = 262_144_000
# Lambda's own, which a function cannot set.
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
DEPRECATED = frozenset({"python2.7", "python3.6", "python3.7", "python3.8"})  # F54


def check_function(given: dict[str, Any]) -> None:
    """Raises LambdaError with AWS's words for an invalid configuration."""
    runtime = given.get("Runtime")
    if given.get("PackageType", "Zip") == "Zip" and not (runtime and given.get("Handler")):
        raise _invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    if runtime in DEPRECATED:
        raise _invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda "
            "functions. We recommend you use a supported runtime while creating or updating functions."
        )
    variables: dict[str, str] = (given.get("Environment") or {}).get("Variables") or {}
    if reserved := sorted(RESERVED & set(variables)):
        raise _invalid(
            f"{NOT_CONFIGURED} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    # The limit is the length of the variables as JSON.
    if len(json.dumps(variables, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_ENVIRONMENT:
        raise _invalid(f"{NOT_CONFIGURED} exceeded the 4KB limit.")


def unpackable(code: bytes) -> bool:
    """Whether the code is a zip file. Raises LambdaError if the unpacked code is too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        return False
    if size > MAX_UNPACKED:
        raise _invalid(f"Unzipped size must be smaller than {MAX_UNPACKED} bytes")
    return True


def _invalid(message: str) -> LambdaError:
    return LambdaError("InvalidParameterValueException", message, 400)
