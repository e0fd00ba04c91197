"""The books of a time range: sums, minutes, and open differences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mysfits_stream.clicks.delivered import ParseProblems, clicked_at


@dataclass(frozen=True)
class Minute:
    """A minute of the books; ``balance`` is the running difference of both sides."""

    at: datetime
    incoming: int
    api_at_most: int
    """Requests without errors: preflights are among these."""
    processed: int
    delivered: int
    stored: int
    failed: int
    erased: int
    """Records that an erasure removed; negative where an erased error line became several error lines."""
    balance: int

    def document(self) -> dict[str, Any]:
        """The minute as JSON."""
        return {
            "minute": clicked_at(self.at),
            "incomingRecords": self.incoming,
            "apiRequestsAtMost": self.api_at_most,
            "processedRecords": self.processed,
            "deliveredRecords": self.delivered,
            "storedRecords": self.stored,
            "failedRecords": self.failed,
            "erasedRecords": self.erased,
            "balance": self.balance,
        }


@dataclass(frozen=True)
class Suspect:
    """Misplaced records: ``lost``, ``surplus``, ``repeated`` or ``incomplete``."""

    kind: str
    minute: datetime
    at_least: int
    at_most: int
    link: str
    """The likeliest link: ``processor``, ``delivery`` or ``bucket``."""
    reason: str
    ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The suspect as JSON."""
        return {
            "kind": self.kind,
            "minute": clicked_at(self.minute),
            "atLeast": self.at_least,
            "atMost": self.at_most,
            "link": self.link,
            "reason": self.reason,
            "ids": list(self.ids),
            "objects": list(self.keys),
        }


@dataclass(frozen=True)
class Totals:
    """Sums over the whole range, in records; ``duplicates`` in clicks."""

    accepted: int
    processed: int
    delivered: int
    failed: int
    replayed: int
    under_way: int
    duplicates: int
    erased: int = 0

    def document(self) -> dict[str, int]:
        """The sums as JSON."""
        return {
            "accepted": self.accepted,
            "processed": self.processed,
            "delivered": self.delivered,
            "failed": self.failed,
            "replayed": self.replayed,
            "underWay": self.under_way,
            "duplicates": self.duplicates,
            "erased": self.erased,
        }


@dataclass(frozen=True)
class Expired:
    """Missing records among those that may have expired: expired, or lost before."""

    before: datetime
    at_most: int

    def document(self) -> dict[str, Any]:
        """The bound as JSON."""
        return {"before": clicked_at(self.before), "atMost": self.at_most}


@dataclass(frozen=True)
class Books:
    """The books of a time range."""

    since: datetime
    until: datetime
    settled_until: datetime
    minutes: tuple[Minute, ...]
    totals: Totals
    suspects: tuple[Suspect, ...]
    problems: ParseProblems
    failing_since: datetime | None = None
    """Since when deliveries to S3 fail; None if they succeed."""
    expired: Expired | None = None
    """None if no object of the range can have expired."""

    @property
    def closes(self) -> bool:
        """Whether the settled books close."""
        return not self.suspects

    def document(self) -> dict[str, Any]:
        """The books as JSON; docs/commands.md is the contract."""
        return {
            "since": clicked_at(self.since),
            "until": clicked_at(self.until),
            "settledUntil": clicked_at(self.settled_until),
            "minutes": [minute.document() for minute in self.minutes],
            "totals": self.totals.document(),
            "closes": self.closes,
            "suspects": [suspect.document() for suspect in self.suspects],
            "expired": self.expired.document() if self.expired else None,
        }
