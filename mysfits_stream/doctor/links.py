"""The result of examining a link, and the advice for an error code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mysfits_stream.aws.errors import FOREIGN, advice, message, operation

OK, WARNING, BROKEN, UNKNOWN = "ok", "warning", "broken", "unknown"

REPAIR = "run `mysfits-stream status` to see the differences, and `mysfits-stream up` to repair them"
REPLAY = "`mysfits-stream failed` shows the clicks; after a repair, `mysfits-stream replay` replays them"

ADVICE = {
    "Lambda.AssumeRoleAccessDenied": f"Firehose may not assume the delivery role; {REPAIR}",
    "Lambda.InvokeAccessDenied": f"the delivery role may not invoke the processor; {REPAIR}",
    "Lambda.ResourceNotFound": f"the processor is gone; {REPAIR}",
    "Lambda.FunctionTimedOut": "is the Mysfits service slow? Otherwise raise processor.timeout_seconds",
    "Lambda.FunctionError": "the processor raises an error; see its log",
    "Lambda.InvokeLimitExceeded": "the account's Lambda concurrency is used up; request a higher quota",
    "Lambda.ProcessingFailedStatus": "invalid clicks, or clicks on mysfits unknown to the Mysfits service",
    "Lambda.MissingRecordId": f"the function is not this stack's processor; {REPAIR}",
    "Lambda.JsonProcessingException": f"the function is not this stack's processor; {REPAIR}",
    "S3.AccessDenied": f"the delivery role may not write to the clicks bucket; {REPAIR}",
    "S3.NoSuchBucket": f"the clicks bucket is gone; Firehose keeps trying for a day; {REPAIR}",
}
"""Error code -> what it means and what to do (F82)."""

SINGLE_RECORDS = frozenset({"Lambda.ProcessingFailedStatus"})
"""Codes that speak of single records, and not of the link."""


@dataclass(frozen=True)
class Link:
    """A link of the path: a name, a state, a detail and advice."""

    name: str
    status: str
    """``ok``, ``warning`` (it works, and something deserves a look), ``broken`` or ``unknown``."""
    detail: str
    advice: str = ""

    def document(self) -> dict[str, str]:
        """The link as a JSON object."""
        return {"link": self.name, "status": self.status, "detail": self.detail, "advice": self.advice}


def examined(name: str, look: Callable[[], Iterator[Link] | list[Link]]) -> Iterator[Link]:
    """The links found by ``look``; a link is ``unknown`` if AWS denies the read."""
    try:
        yield from look()
    except FOREIGN as error:
        called = operation(error)
        yield Link(name, UNKNOWN, f"{called}: {message(error)}" if called else message(error), advice(error))


def advice_for(code: str) -> str:
    """The advice for an error code of Firehose."""
    return ADVICE.get(code, "see the delivery stream's and the processor's logs")
