"""A processor that follows a script in its environment or in each record."""

import base64
import json
import os
import sys
import time
from typing import Any


def handler(event: Any, context: Any) -> Any:
    """Answer with the entries that each record lists; ``same`` stands for its own id."""
    mode = os.environ.get("MODE")
    if mode == "raise":
        raise KeyError("mysfitId")
    if mode == "exit":
        sys.exit(1)
    if mode == "sleep":
        time.sleep(60)
    if mode == "nothing":
        return None
    if mode == "no-records":
        return {"statusCode": 200}
    if mode == "too-large":
        return "x" * 7_000_000
    answers = []
    for record in event["records"]:
        for entry in json.loads(base64.b64decode(record["data"]))["answer"]:
            answer = dict(entry)
            if answer.get("recordId") == "same":
                answer["recordId"] = record["recordId"]
            if isinstance(answer.get("data"), str):
                answer["data"] = base64.b64encode(answer["data"].encode()).decode()
            answers.append(answer)
    return {"records": answers}
