"""A processor that delivers the event it was given."""

import base64
import json
from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Deliver the event, and the record beside it."""
    return {
        "records": [
            {
                "recordId": record["recordId"],
                "result": "Ok",
                "data": base64.b64encode(json.dumps({"event": event, "record": record}).encode()).decode(),
            }
            for record in event["records"]
        ]
    }
