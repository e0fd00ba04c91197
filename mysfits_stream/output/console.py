"""Results as JSON or for a terminal, decided in one place.

Progress and errors. Makes no call.

Results go to standard output, progress and errors to standard error; with ``--json`` standard output holds
a single document only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mysfits_stream.errors import ClickError, MysfitsStreamError
from mysfits_stream.files import new_file
from mysfits_stream.output import (
    books,
    doctor,
    files,
    local,
    logs,
    rehearsal,
    stack,
)
from mysfits_stream.output.layout import hanging, wrapped
from mysfits_stream.output.line import Line
from mysfits_stream.output.progress import PlainProgress, ProgressView
from mysfits_stream.output.stream import Stream
from mysfits_stream.output.text import many, printable

if TYPE_CHECKING:
    from mysfits_stream.books.erasing import Erasure
    from mysfits_stream.books.receipt import Verified
    from mysfits_stream.books.statement import Books
    from mysfits_stream.click_definition import Definition
    from mysfits_stream.clicks.delivered import Click, ParseProblems
    from mysfits_stream.clicks.replaying import Replay
    from mysfits_stream.codecommit import Published
    from mysfits_stream.doctor.links import Link
    from mysfits_stream.operations.adopt import Adoption
    from mysfits_stream.operations.changes import StackChanges
    from mysfits_stream.operations.clicks import Counted, Delivered
    from mysfits_stream.operations.doctor import Diagnosis
    from mysfits_stream.operations.down import Removal, Removed
    from mysfits_stream.operations.erase import Erased
    from mysfits_stream.operations.export import Export, Written
    from mysfits_stream.operations.failed import Failed
    from mysfits_stream.operations.init import Initialized
    from mysfits_stream.operations.local import LocalClouds, LocalCloudStatus, LogTail, Stopped
    from mysfits_stream.operations.logs import LogEvent, LogEvents
    from mysfits_stream.operations.plan import Plan
    from mysfits_stream.operations.query import Answer, Tables
    from mysfits_stream.operations.rehearse import Rehearsal
    from mysfits_stream.operations.replay import Replayed
    from mysfits_stream.operations.report import Report
    from mysfits_stream.operations.rollback import RolledBack
    from mysfits_stream.operations.send_test_click import TestClicks
    from mysfits_stream.operations.up import Up
    from mysfits_stream.operations.website import Site, Snippet
    from mysfits_stream.query.cache import Fetched

STANDARD_OUTPUT = "-"
"""The name of standard output as the file of a result."""


class Result(Protocol):
    """A result of an operation."""

    def document(self) -> Any:
        """The result as JSON."""


class Output:
    """Standard output and standard error, in the format of the user's options."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        self.stdout = Stream()
        self.stderr = Stream(stderr=True)

    @property
    def width(self) -> int | None:
        """The columns of the result's terminal; None for a pipe or a file."""
        return self.stdout.width

    def json(self, document: Any) -> None:
        """The document of a run with ``--json``."""
        sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")

    def line(self, text: str) -> None:
        """A line of the result, or several."""
        if not self.as_json and not self.quiet:
            self._lines([text])

    def note(self, text: str) -> None:
        """A line about the current work, not part of the result."""
        if not self.quiet:
            self.stderr.print(hanging(Line(), text, self.stderr.width).styled("dim"))

    def error(self, error: MysfitsStreamError) -> None:
        """An expected error, in one line."""
        if self.as_json:
            self.json(
                {
                    "error": {
                        "message": str(error),
                        "resource": error.resource,
                        "operation": error.operation,
                    }
                }
            )
        lines = [(Line(("Error: ", "bold red")), str(error))]
        lines += [(Line(("  also: ", "red")), other) for other in getattr(error, "__notes__", ())]
        for head, text in lines:
            self.stderr.print(hanging(head, " ".join(text.split()), self.stderr.width))

    def interrupted(self) -> None:
        """Ctrl-C, or a question answered with no."""
        if self.stderr.is_terminal:
            self.stderr.print()  # the terminal has echoed ^C
        self.stderr.print("Stopped.")

    def plan(self, planned: Plan) -> None:
        """The changes planned by ``up``."""
        self._result(planned, stack.plan(planned, self.width, verbose=self.verbose))

    def up(self, done: Up, example_click: Callable[[], Mapping[str, Any]]) -> None:
        """The changes by ``up``, and on a terminal a command that sends ``example_click``."""
        self._result(done, stack.up(done, self.width, verbose=self.verbose))
        if done.changes.endpoint and not self.as_json and not self.quiet:
            self._lines(stack.example(done, example_click()))

    def status(self, found: StackChanges) -> None:
        """The status of every resource."""
        self._result(found, stack.status(found, self.width, verbose=self.verbose))

    def adoption(self, found: Adoption, *, as_result: bool) -> None:
        """The resources that ``up --adopt`` would tag.

        With ``--quiet``, too, because a question follows.
        """
        for line in stack.adoption(found):
            self.stderr.print(printable(line))
        if as_result and self.as_json:
            self.json(found.document())

    def removal(self, removal: Removal, *, as_result: bool) -> None:
        """The resources that ``down`` will delete; with ``--json`` only as the result of a dry run."""
        if as_result or not self.as_json:
            self._result(removal, stack.removal(removal, self.width))
        for line in stack.removal_warnings(removal):
            self.note(line)

    def removed(self, removed: Removed) -> None:
        """The resources deleted and kept by ``down``."""
        self._result(removed, stack.removed(removed))

    def rolled_back(self, done: RolledBack) -> None:
        """The version that clicks run through now."""
        self._result(done, stack.rolled_back(done))

    def rehearsed(self, result: Rehearsal) -> None:
        """The comparison of two processors."""
        self._result(result, rehearsal.rehearsed(result))

    def published(self, published: Published) -> None:
        """The commit of ``publish-code``."""
        self._result(published, [stack.code(published)])

    def test_clicks(self, sent: TestClicks) -> None:
        """The outcome of each test click, and a summary line if some did not arrive."""
        from mysfits_stream.output import clicks

        self._result(sent, clicks.test_clicks(sent, self.width))
        if self.as_json:
            for each in sent.clicks:
                if each.reason:
                    self.note(f"{clicks.described(each)}: {each.status}: {each.reason}")
        elif sent.problems:
            self.error(ClickError(clicks.sent_problems(sent)))

    def clicks(self, found: Delivered, last: int | None) -> None:
        """Delivered clicks: JSON lines, or a table and bars; ``last`` limits the rows."""
        from mysfits_stream.output import clicks

        if self.as_json:
            self.click_lines(found.latest(last), found.definition)
        else:
            self._lines(clicks.clicks(found, last, self.width))
        self.parse_problems(found.problems)
        if duplicates := found.distinct.duplicates:
            self.note(f"left out: {many(duplicates, 'duplicate')}; --raw shows all")

    def counted(self, found: Counted) -> None:
        """Clicks counted by groups."""
        from mysfits_stream.output import counts

        self._answer(found, counts.counted(found, self.width))
        self.parse_problems(found.problems)
        if found.duplicates:
            self.note(f"left out: {many(found.duplicates, 'duplicate')}; --raw counts all")

    def report(self, made: Report, out: str) -> None:
        """Write a report as an HTML page to the file ``out``."""
        from mysfits_stream.output import report

        if out == STANDARD_OUTPUT:
            sys.stdout.write(report.page(made))
            self.parse_problems(made.problems)
            return
        with new_file(Path(out)) as file:
            file.write(report.page(made).encode())
        self._result(made, [f"wrote {out}: {many(made.clicks, 'click')} from {made.range}"])
        self.parse_problems(made.problems)

    def click_lines(self, found: Iterable[Click], definition: Definition) -> None:
        """One line for each click, as soon as it is read."""
        from mysfits_stream.output import clicks

        for each in found:
            if self.as_json:
                sys.stdout.write(json.dumps(each) + "\n")
                sys.stdout.flush()
            else:
                self.stdout.print(clicks.row(each, definition, self.width))

    def parse_problems(self, problems: ParseProblems) -> None:
        """The lines and objects that could not be parsed as clicks, if any."""
        if str(problems):
            self.note(f"also found: {problems}")

    def failed(self, found: Failed) -> None:
        """Failed clicks."""
        from mysfits_stream.output import clicks

        self._answer(found, clicks.failed(found, self.width))
        self.parse_problems(found.problems)

    def replaying(self, counts: Replay) -> None:
        """The progress of a replay."""
        from mysfits_stream.output import clicks

        self.note(clicks.replaying(counts))

    def replayed(self, done: Replayed) -> None:
        """The result of a replay."""
        from mysfits_stream.output import clicks

        self._result(done, clicks.replayed(done))
        self.parse_problems(done.counts.trouble)

    def audit(self, found: Books) -> None:
        """The books of the pipeline."""
        self._result(found, wrapped(books.audit(found), self.width))
        self.parse_problems(found.problems)

    def erasing(self, counts: Erasure) -> None:
        """The progress of an erasure: a line for every 100 objects."""
        if counts.objects % 100 == 0:
            self.note(books.erasing(counts))

    def erased(self, done: Erased) -> None:
        """The result of an erasure, or of its dry run."""
        self._result(done, wrapped(books.erased(done), self.width))

    def preview_of_erasure(self, found: Erased) -> None:
        """What an erasure would remove; with ``--quiet``, too, because a question follows."""
        for line in wrapped(books.erased(found), self.stderr.width):
            self.stderr.print(line)

    def verified(self, check: Verified) -> None:
        """Whether an erasure holds."""
        self._result(check, wrapped(books.verified(check), self.width))

    def query_tables(self, found: Tables) -> None:
        """The tables that SQL sees."""
        from mysfits_stream.output import query

        self._answer(found, query.tables(found, self.width))

    def query(self, answer: Answer, form: str, out: str | None) -> None:
        """The rows of a query as ``table``, ``csv`` or ``json``, or a Parquet file.

        ``out`` names a file.
        """
        from mysfits_stream.output import query

        if out == STANDARD_OUTPUT:
            query.write(answer, form, sys.stdout.buffer)
        elif out is not None:
            with new_file(Path(out)) as file:
                query.write(answer, form, file)
            self.note(f"wrote {out}")
        elif form == "table":
            self._lines(query.table(answer, self.width))
        elif answer.rows and form == "csv":
            clean = printable if self.stdout.is_terminal else str
            query.write_csv(answer.rows, sys.stdout, clean)
        elif answer.rows:
            query.write_json(answer.rows, sys.stdout)
        self.parse_problems(answer.problems)

    @contextmanager
    def fetching(self) -> Iterator[Callable[[Fetched], None]]:
        """Takes the progress of a fetch: a bar on a terminal."""
        if self.quiet or not self.stderr.is_terminal:
            yield lambda _fetched: None
            return
        from mysfits_stream.output.live_progress import FetchProgress

        progress = FetchProgress(self.stderr.console)
        try:
            yield progress
        finally:
            progress.end()

    def link(self, link: Link) -> None:
        """An examined link of the path; with ``--json`` a part of the diagnosis."""
        if not self.as_json and not self.quiet:
            self._lines(doctor.link(link, self.width))

    def diagnosis(self, diagnosis: Diagnosis) -> None:
        """The whole path; on a terminal, the links are printed already."""
        self._result(diagnosis, [doctor.verdict(diagnosis)])

    def log_events(self, found: LogEvents) -> None:
        """Log events of the stack."""
        self._answer(found, logs.events(found, self.width))

    def follow_log_events(self, found: Iterable[LogEvent]) -> None:
        """Each log event on arrival; with ``--json``, a line each."""
        for each in found:
            if self.as_json:
                sys.stdout.write(json.dumps(each.document()) + "\n")
                sys.stdout.flush()
            else:
                self._lines([logs.event(each, self.width)])

    def exported(self, exported: Export) -> None:
        """A template, as JSON or YAML; with ``--quiet``, too."""
        if self.as_json:
            self.json(exported.document())
        else:
            sys.stdout.write(exported.yaml())

    def written(self, written: Written) -> None:
        """The files of an export."""
        self._result(written, files.written(written, verbose=self.verbose))

    def initialized(self, initialized: Initialized) -> None:
        """The files of ``init``."""
        self._result(initialized, files.initialized(initialized))

    def snippet(self, snippet: Snippet) -> None:
        """The lines for a page."""
        self._result(snippet, files.snippet(snippet))

    def site(self, site: Site) -> None:
        """A published page."""
        self._result(site, files.site(site))

    def local_started(self, found: LocalCloudStatus) -> None:
        """The local cloud after ``local start``."""
        self._result(found, [local.status(found)])

    def local_status(self, found: LocalCloudStatus) -> None:
        """The local cloud, and the environment of AWS clients that use it."""
        self._result(found, [local.status(found), *local.environment(found.environment)])

    def local_clouds(self, found: LocalClouds) -> None:
        """All local clouds of the user."""
        self._result(found, local.listed(found))

    def local_stopped(self, stopped: Stopped) -> None:
        """The local cloud after ``local stop``."""
        self._result(stopped, [local.stopped(stopped)])

    def local_logs(self, tail: LogTail) -> None:
        """The end of the local cloud's log."""
        self._result(tail, tail.lines)

    @contextmanager
    def progress(self) -> Iterator[ProgressView]:
        """The progress of each resource: live on a terminal, line by line elsewhere."""
        if self.quiet:
            yield ProgressView()
        elif self.stderr.is_terminal and not self.as_json:
            from mysfits_stream.output.live_progress import live_progress

            with live_progress(self.stderr.console) as live:
                yield live
        else:
            yield PlainProgress(self.stderr.print)

    def _result(self, result: Result, lines: Iterable[str | Line]) -> None:
        if self.as_json or not self.quiet:
            self._answer(result, lines)

    def _answer(self, result: Result, lines: Iterable[str | Line]) -> None:
        """Print requested data, with ``--quiet``, too."""
        if self.as_json:
            self.json(result.document())
        else:
            self._lines(lines)

    def _lines(self, lines: Iterable[str | Line]) -> None:
        for line in lines:
            if isinstance(line, str):
                line = "\n".join(map(printable, line.split("\n")))
            self.stdout.print(line)
