"""Books and erasures for a terminal. Makes no call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mysfits_stream.output.text import many, printable

if TYPE_CHECKING:
    from mysfits_stream.books.erasing import Erasure
    from mysfits_stream.books.receipt import Verified
    from mysfits_stream.books.statement import Books, Suspect
    from mysfits_stream.operations.erase import Erased


def audit(books: Books) -> Iterator[str]:
    """The sums, whether the settled books close, and what does not."""
    totals, until = books.totals, f"{books.settled_until:%Y-%m-%d %H:%M} UTC"
    yield f"From {books.since:%Y-%m-%d %H:%M} to {books.until:%Y-%m-%d %H:%M} UTC, settled until {until}."
    width = len(f"{max(totals.document().values())}")
    for count, what in (
        (totals.accepted, "records accepted by the stream (a record holds the clicks of a request)"),
        (totals.processed, "processed; a replayed record counts again"),
        (totals.delivered, "stored"),
        (totals.failed, "failed; mysfits-stream failed shows them"),
        (totals.replayed, "failed and were replayed"),
        (totals.under_way, "under way"),
        (totals.erased, "erased"),
    ):
        yield f"  {count:>{width}}  {what}"
    expired = books.expired if books.expired and books.expired.at_most else None
    if expired:
        yield (
            f"Objects from before {expired.before:%Y-%m-%d %H:%M} UTC may have expired by a lifecycle rule: "
            f"{many(expired.at_most, 'record')} missing there. "
            "Expired and lost records cannot be distinguished."
        )
    if books.failing_since:
        yield f"Deliveries to S3 fail since {books.failing_since:%H:%M} UTC; mysfits-stream doctor says why."
    if books.closes:
        of = "settled record" if not expired else f"settled record since {expired.before:%Y-%m-%d %H:%M} UTC"
        yield f"The books close: every {of} is stored, failed or erased. No record is stored twice."
    for suspect in books.suspects:
        yield printable(_suspect(suspect))


def _suspect(suspect: Suspect) -> str:
    least, most = suspect.at_least, suspect.at_most
    count = f"{least}" if least == most else f"{least} to {most}"
    thing = {"lost": "record", "surplus": "record"}.get(suspect.kind, "click") + ("s" if count != "1" else "")
    what = {
        "lost": f"{count} {thing} lost",
        "surplus": f"{count} {thing} too many",
        "repeated": f"{count} repeated {thing}",
        "incomplete": f"{count} {thing} missing in the requests",
    }[suspect.kind]
    ids = f": {', '.join(suspect.ids)}" if suspect.ids else ""
    minute = f"{suspect.minute:%Y-%m-%d %H:%M} UTC"
    return f"{minute}  {what}, likeliest at the {suspect.link} ({suspect.reason}){ids}"


def erased(done: Erased) -> Iterator[str]:
    """What was erased or would be, and what stays."""
    counts, would = done.counts, done.counts.dry_run
    person = printable(f"{done.person.field}={done.person.value}")
    verb, before = "Would erase" if would else "Erased", f"{done.cut_off:%Y-%m-%d %H:%M:%S} UTC"
    yield f"{verb} {person}, accepted before {before}:"
    for line in _found(counts):
        yield f"  {line}"
    if counts.others:
        yield (
            f"Deleted old versions held {many(counts.others, 'click')} of others that no current object has."
        )
    if counts.current.later:
        yield f"{many(counts.current.later, 'click')} from after the cut-off stay."
    for key, reason in counts.unreadable.items():
        yield printable(f"Not {'examined' if would else 'erased'}: {key} cannot be read ({reason}).")
    if done.held:
        yield "Firehose still holds records from before the cut-off (deliveries to S3 fail): run erase again."
    if done.receipt:
        yield f"Receipt: {done.receipt}"
    if not would:
        yield "Athena keeps the text of queries for 45 days; a query that names the person is not erased."


def _found(counts: Erasure) -> Iterator[str]:
    current = counts.current
    yield f"{many(current.clicks, 'delivered click')}"
    yield f"{many(current.failed - counts.replayed, 'failed click')}, {counts.replayed} replayed"
    if current.raw + counts.noncurrent.raw:
        yield f"{many(current.raw, 'record')} that cannot be parsed"
    yield f"{many(counts.noncurrent.removed, 'click')} in old versions"
    if counts.results:
        yield f"{many(counts.results, 'version')} of Athena's results"
    read = f"read: {many(counts.versions, 'version')} of {many(counts.objects, 'object')}"
    yield read if counts.dry_run else f"{read}; {counts.rewritten} rewritten, {counts.deleted} deleted"


def erasing(counts: Erasure) -> str:
    """The progress of an erasure."""
    return f"{many(counts.objects, 'object')} read, {many(len(counts.changed), 'version')} erased"


def verified(check: Verified) -> Iterator[str]:
    """Whether an erasure holds, and why not."""
    receipt, found = check.receipt, check.found
    if check.holds:
        yield f"Nothing is left of the erased value of {receipt.field}."
    if not receipt.complete:
        yield "The receipt is of an erasure that was stopped or incomplete; run the same erase again."
    if found.current.removed or found.noncurrent.removed:
        yield "Clicks are left:"
        for line in _found(found):
            yield f"  {line}"
    for version in check.remaining:
        yield printable(f"An old version is there again: {version}")
    for key, reason in found.unreadable.items():
        yield printable(f"Not examined: {key} cannot be read ({reason}).")
    if check.changed_since:
        yield (
            f"{many(check.changed_since, 'rewritten object')} changed or went since, as after another "
            "erasure or a replay; what is stored now was searched again."
        )
    if found.current.later:
        yield (
            f"{many(found.current.later, 'click')} of this value, accepted after the cut-off "
            f"{receipt.cut_off:%Y-%m-%d %H:%M:%S} UTC, {'is' if found.current.later == 1 else 'are'} stored."
        )
    if not check.searched_raw:
        yield "Records that cannot be parsed were not searched: that needs --user or --where."
