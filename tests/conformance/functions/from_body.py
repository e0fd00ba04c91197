"""Answers with its event's body, read as JSON."""

import json
from typing import Any


def handler(event: Any, context: Any) -> Any:
    return json.loads(event["body"])
