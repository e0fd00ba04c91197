"""``audit`` and ``erase``: the commands about the books of the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mysfits_stream.commands import questions
from mysfits_stream.commands.app import FILE, App, global_options, pass_app
from mysfits_stream.commands.help import command

if TYPE_CHECKING:
    from pathlib import Path

DIFFERS = 2
"""Exit code of books that do not close, and of an erasure that does not hold."""


@command(
    "audit",
    section="Diagnosis",
    examples=("mysfits-stream audit", "mysfits-stream audit --since 7d --json"),
)
@click.option(
    "--since",
    default="1d",
    show_default=True,
    metavar="WHEN",
    help="Start of the time range: 15m, 1h or 7d ago, or an ISO 8601 time; 14 days at most.",
)
@global_options
@pass_app
def audit(app: App, since: str) -> int:
    """Check that each accepted click is stored, once.

    Compares CloudWatch's count of records that came in with the records in the bucket. Records that are
    younger than both buffers, the processor's retries and five minutes are still on their way.

    Exit code 2 if older records differ: the output names the minutes, the likeliest link and the ids of
    clicks that are stored more than once.
    """
    from mysfits_stream.operations.audit import audit

    found = audit(app.standing_project, since)
    app.out.audit(found)
    return 0 if found.closes else DIFFERS


@command(
    "erase",
    section="Clicks",
    examples=(
        "mysfits-stream erase --user u-7f3a --dry-run",
        "mysfits-stream erase --user u-7f3a --receipt erased.json",
        "mysfits-stream erase --verify erased.json",
    ),
)
@click.option("--user", metavar="ID", help="Erase the clicks of this user.")
@click.option(
    "--where",
    metavar="FIELD=VALUE",
    help="Erase the clicks with this value of a field, for example visitorId=v-1.",
)
@click.option("--dry-run", is_flag=True, help="Count the clicks without erasing them.")
@click.option("--yes", "-y", is_flag=True, help="Skip the confirmation.")
@click.option(
    "--receipt",
    metavar="FILE",
    type=FILE,
    help="Write a receipt: a salted hash of the value, the cut-off, the objects with their digests.",
)
@click.option(
    "--verify",
    metavar="RECEIPT",
    type=FILE,
    help="Look for erased clicks again. Exit code 2 if any is left.",
)
@global_options
@pass_app
def erase(
    app: App,
    user: str | None,
    where: str | None,
    dry_run: bool,
    yes: bool,
    receipt: Path | None,
    verify: Path | None,
) -> int:
    """Erase the clicks of one person from all versions of objects.

    Deletes the clicks that were accepted before the command began: delivered, failed and replayed clicks in
    current and old versions, the query cache and Athena's results. Records that cannot be parsed and contain
    the value are deleted whole. The command waits for the stream's buffers. up and replay are locked out
    meanwhile.

    A killed run leaves no half-written object; run the command again to resume. Exit code 1 if an object
    cannot be read, or if Firehose still holds records from before the cut-off.
    """
    from mysfits_stream.operations import erase

    if verify is not None:
        if dry_run or yes or receipt:
            raise click.UsageError("--verify reads only: remove --dry-run, --yes and --receipt")
        is_named = user is not None or where is not None
        person = erase.find_person(app.standing_project, user, where) if is_named else None
        verified = erase.verify(app.standing_project, verify, person)
        app.out.verified(verified)
        return 0 if verified.holds else DIFFERS
    if dry_run and receipt:
        raise click.UsageError("--dry-run erases nothing: remove --receipt")
    person = erase.find_person(app.standing_project, user, where)
    if dry_run:
        app.out.erased(erase.preview(app.standing_project, person))
        return 0
    if not yes:
        questions.ask_to_erase(app, lambda: erase.preview(app.standing_project, person))
    done = erase.erase(app.standing_project, person, receipt_path=receipt, report=app.out.erasing)
    app.out.erased(done)
    return 0 if done.is_complete else 1


COMMANDS = (audit, erase)
