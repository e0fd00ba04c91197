"""Failed clicks as lines of JSON for the table ``failed_clicks``.

Read from the bucket for each query.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mysfits_stream.clicks.delivered import clicked_at
from mysfits_stream.clicks.failed import FailedClick
from mysfits_stream.files import open_private


def write(found: Iterable[FailedClick], path: Path) -> Path:
    """Write the rows of the table; bytes that are no UTF-8 are written out as ``\\xff``."""
    with open_private(path) as file:
        for each in found:
            row = {
                "errorCode": _storable(each.code),
                "errorMessage": _storable(each.message),
                "arrivedAt": clicked_at(each.arrived),
                "data": each.data.decode("utf-8", "backslashreplace"),
                "object": each.key,
            }
            file.write(json.dumps(row).encode() + b"\n")
    return path


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
