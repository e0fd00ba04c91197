"""Faults on request: an error, a delay or a lost response for calls of an operation.

A rule in the format of the administration:

    {"operation": "CreateFunction", "times": 2, "status": 503, "code": "ServiceException", "message": "…",
     "retry_after": 30, "delay_seconds": 1.5, "cut": "before" | "after", "resource": "…", "skip": 0}
    {"operation": "CreateDeliveryStream", "later": "why the stream ends in CREATING_FAILED"}

Only ``operation`` is required. Without status, code, cut and later failure, a rule only delays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mysfits_stream.localcloud.http.calls import Call
from mysfits_stream.localcloud.http.messages import Response
from mysfits_stream.localcloud.http.refusals import EMPTY_500, Cut, refused


class RuleError(ValueError):
    """An invalid rule."""


@dataclass(frozen=True)
class FaultRule:
    """The fault of the next ``times`` calls of an operation, after ``skip`` successful calls."""

    operation: str
    times: int = 1
    skip: int = 0
    resource: str | None = None
    """Only calls about the resource of this name; None for all."""
    code: str = ""
    message: str = ""
    status: int | None = None
    retry_after: float | None = None
    delay_seconds: float = 0.0
    """In AWS's seconds."""
    cut: str | None = None
    """``before`` or ``after`` the call has its effect."""
    later: str = ""
    """The call is accepted, and what it starts fails for this reason."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> FaultRule:
        """The rule of a JSON object; raises RuleError."""
        known = {field.name for field in fields(cls)}
        if unknown := set(document) - known:
            raise RuleError(f"{', '.join(sorted(unknown))}: unknown; a rule has {', '.join(sorted(known))}")
        if not isinstance(document.get("operation"), str):
            raise RuleError("operation: a rule names the operation that it is for")
        if document.get("cut") not in (None, "before", "after"):
            raise RuleError(f'cut: is "before" or "after", not {document["cut"]!r}')
        for name in ("times", "skip", "status", "retry_after", "delay_seconds"):
            value = document.get(name)
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or value < 0
            ):
                raise RuleError(f"{name}: is a number, and not {value!r}")
        return cls(**document)

    @property
    def fails(self) -> bool:
        """Whether the call returns an error."""
        return self.status is not None or bool(self.code)

    def response(self, call: Call) -> Response:
        """The error."""
        if not self.code:
            return replace(EMPTY_500, status=int(self.status or 500))
        status = int(self.status or 400)
        return refused(call, status, self.code, self.message, retry_after=self.retry_after)


class Faults:
    """The active rules; safe to use from several threads.

    ``sleep`` takes AWS's seconds; ``fail_later`` lets the transition of a call fail for a reason.
    """

    def __init__(
        self,
        sleep: Callable[[float], None],
        fail_later: Callable[[Call, str], None] = lambda call, reason: None,
    ) -> None:
        self._sleep = sleep
        self._fail_later = fail_later
        self._lock = threading.Lock()
        self._rules: list[FaultRule] = []

    @property
    def rules(self) -> list[FaultRule]:
        """The rules with remaining calls."""
        with self._lock:
            return list(self._rules)

    def add(self, *rules: FaultRule) -> None:
        """Add rules after the earlier rules."""
        with self._lock:
            self._rules += rules

    def clear(self) -> None:
        """Let nothing happen any more."""
        with self._lock:
            self._rules.clear()

    def around(self, call: Call, answer: Callable[[], Response]) -> Response:
        """Handle a call by the first matching rule; raises Cut for an ended connection."""
        rule = self._take(call)
        if rule is None:
            return answer()
        if rule.delay_seconds:
            self._sleep(rule.delay_seconds)
        if rule.cut == "before":
            raise Cut
        if rule.cut == "after":
            answer()
            raise Cut
        if rule.fails:
            return rule.response(call)
        response = answer()
        if rule.later and response.status < 300:
            self._fail_later(call, rule.later)
        return response

    def _take(self, call: Call) -> FaultRule | None:
        with self._lock:
            for index, rule in enumerate(self._rules):
                if rule.operation != call.operation or rule.resource not in (None, call.resource):
                    continue
                if rule.skip:
                    self._rules[index] = replace(rule, skip=rule.skip - 1)
                    return None
                left = replace(rule, times=rule.times - 1)
                self._rules[index : index + 1] = [left] if left.times > 0 else []
                return rule
        return None


def read_rules(document: Any) -> list[FaultRule]:
    """The rules of a JSON document: a rule or a list of rules; raises RuleError."""
    documents: Iterable[Any] = document if isinstance(document, list) else [document]
    rules = []
    for each in documents:
        if not isinstance(each, Mapping):
            raise RuleError(f"a rule is an object, not {each!r}")
        rules.append(FaultRule.of(each))
    return rules


def as_documents(rules: Iterable[FaultRule]) -> list[dict[str, Any]]:
    """Rules as JSON."""
    return [asdict(rule) for rule in rules]
