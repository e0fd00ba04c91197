"""Clicks, failed clicks and the hops of the path, for a person. Makes no call to anyone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

STATUS_STYLES = {"delivered": "green", "accepted": "green"}


def test_click(click: dict[str, Any]) -> Iterator[Text]:
    """What became of a test click, hop by hop."""
    status, hops = click["status"], click["hops"]
    yield Text.assemble(
        (status, STATUS_STYLES.get(status, "bold red")), f"  {click['userId']} on {click['mysfitId']}"
    )
    steps = [
        ("accepted by the API", hops["acceptedSeconds"] and f"after {hops['acceptedSeconds']:.2f} s"),
        ("arrived at the stream", hops["clickedAt"] and f"at {hops['clickedAt']}"),
        ("object in S3", click["object"]),
        ("total", f"{click['seconds']:.2f} s"),
    ]
    for name, said in steps:
        if said:
            yield Text(f"  {name:<22} {said}")
    if click["reason"]:
        yield Text.assemble(("  reason                 ", ""), (click["reason"], "yellow"))
    if click["record"]:
        yield Text(json.dumps(click["record"], ensure_ascii=False), style="bold")


def problems(clicks: Sequence[dict[str, Any]]) -> str:
    """How many clicks did not arrive, by what became of them; empty if all did."""
    bad = [click["status"] for click in clicks if click["status"] not in STATUS_STYLES]
    counts = {status: bad.count(status) for status in dict.fromkeys(bad)}
    return ", ".join(f"{count} {status}" for status, count in counts.items())
