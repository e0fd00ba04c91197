"""The questions before irreversible changes: adoption, removal, overwritten files."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from mysfits_stream.commands.app import App
from mysfits_stream.errors import DataProtectedError, MysfitsStreamError, SiteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mysfits_stream.operations.down import Removal
    from mysfits_stream.operations.erase import Erased
    from mysfits_stream.query.cache import Missing


def ask_to_adopt(app: App, tag: str, *, yes: bool) -> None:
    """Ask for a typed yes.

    Raises click.Abort on refusal, MysfitsStreamError without a terminal.
    """
    if yes:
        return
    if not _can_ask(app):
        raise MysfitsStreamError("up --adopt needs confirmation; add --yes where no terminal can ask")
    click.echo(
        f"The tag {tag} makes them part of this stack: up changes them, and down deletes them.", err=True
    )
    if click.prompt("Type yes to adopt all of them", default="", show_default=False, err=True) != "yes":
        raise click.Abort


def ask_to_remove(app: App, removal: Removal, *, yes: bool, delete_data: bool) -> bool:
    """Whether clicks may be deleted, too; raises click.Abort if the answer is no.

    Raises DataProtectedError or MysfitsStreamError for a question without a terminal.
    """
    from mysfits_stream.output.stack import contents

    if removal.is_empty:
        return delete_data
    if removal.contents and removal.holds_clicks and not delete_data:
        if yes or not _can_ask(app):
            raise DataProtectedError(
                "clicks-bucket",
                "delete",
                f"it holds {contents(removal.contents)}, and --yes does not delete clicks. Add "
                "--delete-data to delete them or --keep-data to keep the bucket",
            )
        stack = app.config.stack
        typed = click.prompt(
            f"Type the stack's name, {stack}, to delete all clicks with it", default="", err=True
        )
        if typed != stack:
            raise click.Abort
        return True
    if not yes:
        if not _can_ask(app):
            raise MysfitsStreamError("down needs confirmation; add --yes where no terminal can ask")
        click.confirm("Delete these resources?", abort=True, err=True)
    return delete_data


def ask_to_erase(app: App, preview: Callable[[], Erased]) -> None:
    """Ask for the stack's name before clicks are erased; raises click.Abort if it differs.

    Raises MysfitsStreamError without a terminal.
    """
    if not _can_ask(app):
        raise MysfitsStreamError("erase needs confirmation; add --yes where no terminal can ask")
    app.out.preview_of_erasure(preview())
    stack = app.config.stack
    typed = click.prompt(f"Type the stack's name, {stack}, to erase these clicks", default="", err=True)
    if typed != stack:
        raise click.Abort


def ask_to_overwrite(app: App, places: list[str], *, yes: bool) -> None:
    """Ask before files of another origin are overwritten; raises SiteError without a terminal."""
    if yes or not places:
        return
    if not _can_ask(app):
        raise SiteError(
            f"{', '.join(places)}: exists with other content, not written by publish-site. Add --yes to "
            "overwrite, or choose another place"
        )
    for place in places:
        click.echo(f"overwrite {place}", err=True)
    click.confirm("These were not written by publish-site. Overwrite them?", abort=True, err=True)


def ask_to_run(app: App, *, yes: bool) -> Callable[[str], None]:
    """A function that asks before downloaded code runs; raises click.Abort if the answer is no.

    Raises MysfitsStreamError without a terminal.
    """

    def ask(code: str) -> None:
        if yes:
            return
        if not _can_ask(app):
            raise MysfitsStreamError(f"rehearse would run the downloaded code of {code}; add --yes to run it")
        click.confirm(f"Run the downloaded code of {code} on this machine?", abort=True, err=True)

    return ask


def ask_to_discard(app: App, clicks: int | None) -> None:
    """Ask before the local cloud's clicks are discarded; raises click.Abort on no.

    Raises MysfitsStreamError without a terminal.
    """
    from mysfits_stream.output.text import many

    if clicks == 0:
        return
    lost = "an unknown number of clicks (the local cloud does not answer)" if clicks is None else None
    lost = lost or many(clicks or 0, "click")
    if not _can_ask(app):
        raise MysfitsStreamError(
            f"local stop would discard {lost}; add --yes to discard them without a question"
        )
    click.confirm(f"Discard {lost}?", abort=True, err=True)


def ask_to_fetch(app: App, *, yes: bool) -> Callable[[Missing], None]:
    """A function that asks before a large fetch; raises click.Abort if the answer is no.

    Raises MysfitsStreamError without a terminal.
    """
    from mysfits_stream.output.text import many, size

    def ask(missing: Missing) -> None:
        what = f"{many(missing.objects, 'object')}, {size(missing.bytes)}"
        if yes:
            return
        if not _can_ask(app):
            raise MysfitsStreamError(
                f"the query has to fetch {what}; add --yes to fetch it, or a shorter range with --since"
            )
        click.confirm(f"Fetch {what}, once?", abort=True, err=True)

    return ask


def ask_for_settings(app: App) -> dict[str, str | None]:
    """The settings of a new configuration: options, and on a terminal three questions."""
    given = app.options.settings
    if _can_ask(app):
        asked = (
            ("stack", "Name of the stack", "mysfits-clicks"),
            ("target", "Target, local or aws", "local"),
            ("mysfits_api", "Base URL of your Mysfits service (empty: the local cloud's)", ""),
        )
        for name, question, default in asked:
            if not given[name]:
                answer = click.prompt(question, default=default, show_default=bool(default), err=True)
                given[name] = answer or None
    return given


def piped_input() -> Callable[[], str] | None:
    """A function that reads standard input, if a pipe or a file is connected to it."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed, or no file
        return None
    return sys.stdin.read if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) else None


def _can_ask(app: App) -> bool:
    return sys.stdin.isatty() and not app.out.as_json
