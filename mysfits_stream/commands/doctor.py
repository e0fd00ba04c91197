"""``doctor``: the path of a click, hop by hop."""

from __future__ import annotations

import click

from mysfits_stream.commands.app import App, global_options, pass_app
from mysfits_stream.commands.help import command


@command(
    section="Diagnosis",
    examples=("mysfits-stream doctor", "mysfits-stream doctor --send"),
)
@click.option(
    "--since",
    default="1h",
    show_default=True,
    metavar="WHEN",
    help="Start of the time range for metrics and logs: 15m, 1h or 7d ago.",
)
@click.option(
    "--send",
    is_flag=True,
    help="Send a real click. Without it, an invalid click checks that the API validates requests.",
)
@global_options
@pass_app
def doctor(app: App, since: str, send: bool) -> int:
    """Find the broken link of a click's path.

    Checks every link from the browser to S3, and prints how to repair it. Exit code 1 if a link is broken.
    """
    from mysfits_stream.operations.doctor import examine

    diagnosis = examine(app.standing_project, since=since, send=send, report=app.out.link)
    app.out.diagnosis(diagnosis)
    return 1 if diagnosis.broken else 0


COMMANDS = (doctor,)
