"""A processor that does with each record what the record says."""

import base64
import json
from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Answer each record by its ``do``."""
    answers = []
    for record in event["records"]:
        wanted = json.loads(base64.b64decode(record["data"]))
        answer = {"recordId": record["recordId"], "result": wanted["do"]}
        if wanted["do"] == "mismatch":
            answer = {"recordId": "somebody-else", "result": "Ok"}
        if answer["result"] == "Ok":
            answer["data"] = base64.b64encode(f"<{wanted['id']}>".encode()).decode()
        answers.append(answer)
    return {"records": answers}
