"""Answers a Lambda proxy integration with the event that it got."""

import json
from typing import Any


def handler(event: Any, context: Any) -> dict[str, Any]:
    return {"statusCode": 200, "body": json.dumps(event), "isBase64Encoded": False, "headers": {}}
