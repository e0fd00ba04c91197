"""Answers a Lambda proxy integration in every form that the request's path asks for."""

from typing import Any

RESULTS: dict[str, Any] = {
    "no-body": {"statusCode": 200},
    "only-headers": {"statusCode": 200, "headers": {"test-header": "value"}},
    "wrong-format": {"statusCode": 200, "wrongValue": "value"},
    "empty-response": {},
}


def handler(event: Any, context: Any) -> Any:
    return RESULTS[event["path"].strip("/")]
