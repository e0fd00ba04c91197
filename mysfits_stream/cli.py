"""``mysfits-stream``: parse, call, print.

The one place where errors become messages and exit codes.

Exit codes: 0 done or healthy; 1 an error, in one line; 2 for ``status`` and ``plan`` when something differs;
130 after Ctrl-C.
"""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import re
import signal
import sys
from typing import NoReturn

import click

from mysfits_stream import __version__
from mysfits_stream.commands import (
    books,
    clicks,
    completion,
    doctor,
    export,
    init,
    local,
    logs,
    query,
    rehearse,
    stack,
    website,
)
from mysfits_stream.commands.app import App, global_options, read_json_option
from mysfits_stream.commands.help import Group
from mysfits_stream.errors import MysfitsStreamError

INTERRUPTED = 130
LOOPBACK = "127.0.0.1"
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")

UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EFBIG, errno.EIO, errno.EDQUOT)
"""Why standard output cannot be written to: closed, full, read-only, too large, gone, or beyond a quota."""

RARELY = (500_000, 20, 100)
"""When to look for garbage: a command makes many objects that stay (models, listings), and ends."""


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    examples=("mysfits-stream up", "mysfits-stream send-test-click", "mysfits-stream clicks --follow"),
)
@global_options
@click.version_option(__version__, prog_name="mysfits-stream")
def cli() -> None:
    """A serverless click pipeline, on AWS or on your laptop.

    PUT /clicks -> API Gateway -> Firehose -> Lambda -> S3: create, monitor, test and delete the pipeline.
    """


for command in (
    *stack.COMMANDS,
    *clicks.COMMANDS,
    *books.COMMANDS,
    *query.COMMANDS,
    *doctor.COMMANDS,
    *logs.COMMANDS,
    *rehearse.COMMANDS,
    *website.COMMANDS,
    *export.COMMANDS,
    *completion.COMMANDS,
    *init.COMMANDS,
    local.local,
):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit."""
    gc.set_threshold(*RARELY)
    atexit.register(_leave_garbage)
    _harden_stdio()
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename:
            raise
        # What is left to say has nowhere to go, at the interpreter's end neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            click.echo(f"Error: standard output cannot be written to: {error.strerror}", err=True)
        code = 1
    sys.exit(code)


def _leave_garbage() -> None:
    """Spare the last look for garbage, which takes a tenth of a second: the process ends.

    Not with DuckDB: its destructors run after the interpreter's end, and abort the process on Python 3.14
    unless the interpreter has deleted DuckDB's module before.
    """
    if "duckdb" not in sys.modules:
        gc.freeze()


NO_NUMBER = re.compile(r"is not a valid (integer|float)( range)?$")
KINDS = {"integer": "whole number", "float": "number"}
"""Click's types of numbers, in words."""


def _run(arguments: list[str]) -> int:
    """Carry out a command, print what went wrong, and return the exit code."""
    app = App()
    try:
        code = cli.main(arguments, prog_name="mysfits-stream", standalone_mode=False, obj=app)
    except MysfitsStreamError as error:
        app.out.error(error)
        return 1
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        read_json_option(app, arguments)
        context = getattr(error, "ctx", None)
        message = " ".join(error.format_message().split()).rstrip(".")
        message = NO_NUMBER.sub(lambda found: f"is not a {KINDS[found[1]]}", message)
        see = " See" if message.endswith("?") else "; see"  # click may end with a suggestion
        advice = f"{see} `{context.command_path} --help`" if context else ""
        app.out.error(MysfitsStreamError(message + advice))
        return 1
    except (click.Abort, KeyboardInterrupt):
        # A second Ctrl-C, or a wrapper that sends two, would end the next lines in a traceback.
        signal.signal(signal.SIGINT, _end_at_once)
        app.out.interrupted()
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _end_at_once(*_: object) -> NoReturn:
    os._exit(INTERRUPTED)


def _harden_stdio() -> None:
    # Closed by the shell: `>&-`, `2>&-`.
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal or a pipe that is not UTF-8 shows what it cannot as \u2603, and ends nothing.
            stream.reconfigure(errors="backslashreplace")
    if not os.environ.get("COLUMNS", "80").strip("0"):
        del os.environ["COLUMNS"]  # a terminal of an unknown width, where nothing would fit
    if any(name in os.environ for name in PROXIES):
        # The local cloud is on this machine: no proxy leads to it.
        past = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
        if past != "*":
            os.environ["no_proxy"] = f"{past},{LOOPBACK}" if past else LOOPBACK
