"""Lines, tables and progress for people; JSON has standard output to itself."""

from __future__ import annotations

import io
import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
from rich.console import Console

from mysfits_stream.errors import MysfitsStreamError, ProvisionError
from mysfits_stream.operations.changes import ResourceChange, StackChanges
from mysfits_stream.operations.down import Removal
from mysfits_stream.operations.plan import Plan
from mysfits_stream.operations.up import Up
from mysfits_stream.output.console import Output
from mysfits_stream.output.live_progress import FetchProgress, LiveProgress
from mysfits_stream.output.progress import PlainProgress, fetch_line
from mysfits_stream.output.text import size
from mysfits_stream.provision.engine import Action, Phase, Progress, Status
from mysfits_stream.provision.resources.emptying import Contents
from mysfits_stream.query.cache import Fetched, Missing
from tests.support.clock import Clock


def _resource(name: str, status: Status, action: Action, **diff: Any) -> ResourceChange:
    arn = None if status == "missing" else f"arn:aws:x:{name}"
    return ResourceChange(name, "T", name, arn, status, action, diff)


CHANGES = StackChanges(
    stack="s",
    target="local",
    account="123456789012",
    region="us-east-1",
    endpoint="https://api.example.com/prod",
    resources=(
        _resource("bucket", "in-sync", Action.NONE),
        _resource("role", "missing", Action.CREATE),
        _resource("function", "drifted", Action.UPDATE, Timeout=(3, 60)),
    ),
)


def test_status_has_a_line_for_each_resource_and_one_for_each_difference(capsys: Any) -> None:
    Output().status(CHANGES)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["bucket", "in-sync", "arn:aws:x:bucket"],
        ["role", "missing", "T"],
        ["function", "drifted", "arn:aws:x:function"],
        ["Timeout:", "3", "->", "60"],
        [],
        ["endpoint", "https://api.example.com/prod"],
    ]


def test_changes_leave_out_what_does_not_change(capsys: Any) -> None:
    Output().plan(Plan(CHANGES))
    out = capsys.readouterr().out
    assert "+ create" in out
    assert "~ update" in out
    assert "bucket" not in out


def test_verbose_leaves_nothing_out(capsys: Any) -> None:
    Output(verbose=True).up(Up(CHANGES, 1.0), lambda: {})
    assert "unchanged  bucket" in capsys.readouterr().out


def test_json_has_standard_output_to_itself(capsys: Any) -> None:
    out = Output(as_json=True)
    out.note("on the way")
    out.line("a line")
    out.up(Up(CHANGES, 1.0), lambda: pytest.fail("no example is printed"))
    printed = capsys.readouterr()
    assert json.loads(printed.out) == CHANGES.document()
    assert printed.err == "on the way\n"


@pytest.mark.parametrize(
    ("error", "document"),
    [
        (MysfitsStreamError("no"), {"message": "no", "resource": None, "operation": None}),
        (
            ProvisionError("role", "CreateRole", "no"),
            {"message": "role: CreateRole: no", "resource": "role", "operation": "CreateRole"},
        ),
    ],
    ids=["of no resource", "of one"],
)
def test_an_error_is_one_line_and_one_document(capsys: Any, error: MysfitsStreamError, document: Any) -> None:
    Output(as_json=True).error(error)
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"error": document}
    assert printed.err == f"Error: {error}\n"


def test_other_errors_of_the_same_run_follow(capsys: Any) -> None:
    error = ProvisionError("role", "CreateRole", "no")
    error.add_note("bucket: CreateBucket:\nno")
    Output().error(error)
    assert capsys.readouterr().err.splitlines()[1] == "  also: bucket: CreateBucket: no"


def test_what_comes_from_outside_is_no_markup(capsys: Any) -> None:
    Output().line("[red]not red[/red] :smile:")
    Output().error(MysfitsStreamError("[bold]x[/bold]"))
    printed = capsys.readouterr()
    assert printed.out == "[red]not red[/red] :smile:\n"
    assert printed.err == "Error: [bold]x[/bold]\n"


def test_a_removal_says_how_many_clicks_there_are(capsys: Any) -> None:
    contents = Contents(objects=2, versions=3, bytes=4_500)
    Output().removal(Removal(CHANGES, False, contents, None), as_result=False)
    out = capsys.readouterr().out
    assert "The bucket holds 2 objects (3 versions, 4.5 kB)." in out
    assert "role" not in out


def test_the_endpoint_comes_with_a_line_to_paste(capsys: Any) -> None:
    Output().up(Up(CHANGES, 1.0), lambda: {"userId": "me", "mysfitId": "m-1"})
    [line] = [line for line in capsys.readouterr().out.splitlines() if "curl" in line]
    assert "curl -X PUT https://api.example.com/prod/clicks " in line
    assert '\'{"userId": "me", "mysfitId": "m-1"}\'' in line


def test_whatever_a_mysfit_is_called_the_line_to_paste_is_one_command(capsys: Any) -> None:
    mysfit = "x'; touch here; $(touch there) `touch everywhere`"
    Output().up(Up(CHANGES, 1.0), lambda: {"userId": "me", "mysfitId": mysfit})
    [line] = [line for line in capsys.readouterr().out.splitlines() if "curl" in line]
    *_, data = shlex.split(line)
    assert json.loads(data) == {"userId": "me", "mysfitId": mysfit}


def test_a_pipe_does_without_rich() -> None:
    code = (
        "import sys\n"
        "from mysfits_stream.errors import MysfitsStreamError\n"
        "from mysfits_stream.output.console import Output\n"
        "from tests.output.test_layout import RESULTS\n"
        "for name in [name for name in sys.modules if name.partition('.')[0] == 'rich']:\n"
        "    del sys.modules[name]\n"
        "sys.modules['rich'] = None\n"
        "for show in RESULTS.values():\n    show(Output())\n"
        "Output().note('on the way')\n"
        "Output().error(MysfitsStreamError('no'))\n"
        "with Output().progress() as progress:\n    progress.waiting('stream', 'waiting for IAM')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.splitlines()[-3:] == ["on the way", "Error: no", "stream: waiting for IAM"]
    assert done.returncode == 0


def test_nothing_from_outside_moves_the_cursor(capsys: Any) -> None:
    hostile = "a\x1b[31m\u009b2J\u202eb"
    Output().line(hostile)
    Output().note(hostile)
    error = MysfitsStreamError(hostile)
    error.add_note(hostile)
    Output().error(error)
    printed = capsys.readouterr()
    assert printed.out == "a\\x1b[31m\\x9b2J\\u202eb\n"
    assert (printed.out + printed.err).isascii()
    assert "\x1b" not in printed.err


def _steps(view: Any, clock: Clock) -> None:
    steps: list[tuple[str, Phase]] = [("role", "started"), ("stream", "started"), ("role", "settling")]
    for name, phase in steps:
        view.notify(Progress(name, Action.CREATE, phase))
    for elapsed in (0, 2):
        view.waiting("stream", f"waiting for IAM [x], {elapsed} s of 120 s")
    clock.now = 3.25
    view.notify(Progress("role", Action.CREATE, "done"))
    view.notify(Progress("stream", Action.CREATE, "failed", "CreateDeliveryStream: Refused: no \x1b[x]"))


def test_plain_progress_writes_out_control_characters() -> None:
    """With --json, progress is plain on a terminal, too, and a wait may quote a service."""
    lines: list[str] = []
    PlainProgress(lines.append).waiting("stream", "waiting for \x1b[31mred\x9b")
    assert lines == ["stream: waiting for \\x1b[31mred\\x9b"]


def test_plain_progress_says_each_wait_once_with_the_time_that_all_took() -> None:
    lines: list[str] = []
    clock = Clock(0.0)
    _steps(PlainProgress(lines.append, clock), clock)
    assert lines == [
        "role: creating",
        "stream: creating",
        "stream: waiting for IAM [x]",
        "role: created after 3.2 s",
        "stream: failed after 3.2 s: CreateDeliveryStream: Refused: no \\x1b[x]",
    ]


def test_live_progress_has_a_row_for_each_resource() -> None:
    console, clock = Console(file=io.StringIO(), width=100), Clock(0.0)
    view = LiveProgress(clock)
    view.notify(Progress("stream", Action.DELETE, "started"))
    view.waiting("stream", "waiting for buffered clicks, 4 s of 180 s")
    clock.now = 4.0
    console.print(view)
    assert console.file.getvalue().split() == [  # type: ignore[attr-defined]
        *("stream", "deleting", "4.0", "s"),
        *["waiting", "for", "buffered", "clicks,", "4", "s", "of", "180", "s"],
    ]


def test_live_progress_says_at_once_why_a_resource_failed() -> None:
    console, clock = Console(file=io.StringIO(), width=100), Clock(0.0)
    view = LiveProgress(clock)
    _steps(view, clock)
    console.print(view)
    rows = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert rows[1].split(maxsplit=4) == [
        *("stream", "failed", "3.2", "s"),
        "CreateDeliveryStream: Refused: no \\x1b[x]",
    ]


def test_a_fetch_shows_a_bar_with_objects_bytes_and_rate() -> None:
    console, clock = Console(file=io.StringIO(), width=70, force_terminal=True), Clock(0.0)
    progress, wanted = FetchProgress(console, clock), Missing(4, 8_000_000)
    progress(Fetched(1, 2_000_000, wanted))
    clock.now = 2.0
    progress(Fetched(3, 6_000_000, wanted))
    progress(Fetched(4, 8_000_000, wanted))
    progress.end()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", console.file.getvalue())  # type: ignore[attr-defined]
    assert "4 of 4 objects, 8 MB of 8 MB, 4 MB/s" in shown
    assert fetch_line(Fetched(3, 6_000_000, wanted), 2.0) == "3 of 4 objects, 6 MB of 8 MB, 3 MB/s"
    bars = [progress._bar(Fetched(n, n, wanted), 1.0, 70).plain for n in (1, 4)]
    assert [round(bar.count("█") / (bar.count("█") + bar.count("░")), 1) for bar in bars] == [0.2, 1.0]
    assert max(map(len, bars)) <= 70


def test_a_fetch_without_a_terminal_shows_no_bar(capsys: Any) -> None:
    with Output().fetching() as progress:
        progress(Fetched(1, 1, Missing(2, 2)))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (2_340_000, "2.34 MB"), (5e13, "50 TB")],
)
def test_sizes_are_for_people(count: float, text: str) -> None:
    assert size(count) == text
