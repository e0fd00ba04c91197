"""What the user sees: documents as JSON, or as lines and tables for a person. Makes no call to anyone.

Results go to standard output, progress and errors to standard error; with ``--json`` standard output holds
one document and nothing else.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mysfits_stream.errors import MysfitsStreamError

if TYPE_CHECKING:
    from mysfits_stream.cost import Breakdown
    from mysfits_stream.provision.emptying import Contents
    from mysfits_stream.provision.engine import Progress

Document = Mapping[str, Any]

STATUS_STYLES = {"in-sync": "green", "drifted": "yellow", "missing": "red", "not-ours": "bold red"}
DONE = {"create": "created", "update": "updated", "delete": "deleted", "none": "unchanged"}
DOING = {"create": "creating", "update": "updating", "delete": "deleting", "none": "waiting"}
PLANNED = {"create": "+ create", "update": "~ update", "delete": "- delete", "none": "  none"}
STYLES = {"create": "green", "update": "yellow", "delete": "red", "none": "dim"}


class Output:
    """Standard output and standard error, the way the user asked for them."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose
        # What is printed may come from outside: none of it is markup.
        plain: Any = {"highlight": False, "markup": False, "emoji": False, "soft_wrap": True}
        self.console = Console(**plain)
        self.aside = Console(**plain, stderr=True)

    def json(self, document: Any) -> None:
        """The one document of a run with ``--json``."""
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")

    def line(self, text: str) -> None:
        """A line of the result."""
        if not self.as_json and not self.quiet:
            self.console.print(Text(text))

    def note(self, text: str) -> None:
        """A line about what happens, not part of the result."""
        if not self.quiet:
            self.aside.print(Text(text, style="dim"))

    def show(self, renderable: Any) -> None:
        """A table or another renderable of the result."""
        if not self.as_json and not self.quiet:
            self.console.print(renderable)

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
        self.aside.print(Text.assemble(("Error: ", "bold red"), " ".join(str(error).split())))
        for other in getattr(error, "__notes__", ()):
            self.aside.print(Text.assemble(("  also: ", "red"), " ".join(other.split())))

    def interrupted(self) -> None:
        """Ctrl-C, or a question answered with no."""
        self.aside.print("Stopped. What was done is recorded in the state file; the same command resumes.")

    def changes(self, document: Document, *, planned: bool = False) -> None:
        """What was done to each resource, or what would be."""
        if self.as_json:
            self.json(document)
            return
        words = PLANNED if planned else DONE
        for resource in document["resources"]:
            if resource["action"] != "none" or self.verbose:
                text = Text.assemble(
                    (f"{words[resource['action']]:<10}", STYLES[resource["action"]]),
                    f" {resource['name']:<16} {resource['arn'] or resource['type']}",
                )
                self.show(text)
                self._differences(resource)

    def status(self, document: Document) -> None:
        """How every resource stands, and the endpoint."""
        if self.as_json:
            self.json(document)
            return
        for resource in document["resources"]:
            status = resource["status"]
            self.show(
                Text.assemble(
                    f"{resource['name']:<16} ",
                    (f"{status:<9}", STATUS_STYLES[status]),
                    f" {resource['arn'] or resource['type']}",
                )
            )
            self._differences(resource)
        if document["endpoint"]:
            self.line(f"\nendpoint  {document['endpoint']}")

    def removal(self, document: Document, contents: Contents | None, *, as_result: bool) -> None:
        """What `down` will remove, and the clicks that would go with it."""
        if self.as_json:
            if as_result:
                self.json(document)
            return
        there = [resource for resource in document["resources"] if resource["arn"]]
        for resource in there:
            self.show(Text.assemble(("- delete ", "red"), f" {resource['name']:<16} {resource['arn']}"))
        if not there:
            self.line("There is nothing to remove.")
        if contents and contents.versions:
            self.show(
                Text(
                    f"The bucket holds {contents.objects} objects ({contents.versions} versions, "
                    f"{size(contents.bytes)}).",
                    style="bold",
                )
            )

    def cost(self, bill: Breakdown) -> None:
        """What a month of clicks costs, in one line; not part of the JSON of a plan."""
        if not self.as_json:
            parts = ", ".join(
                f"{line.item} ${line.dollars:,.2f}" for line in bill.lines if line.dollars >= 0.005
            )
            self.line(f"{bill.clicks:,.0f} clicks a month cost ${bill.total:,.2f}: {parts}")

    def removed(self, document: Document, *, kept: bool) -> None:
        """What `down` has removed, and what it has kept."""
        if self.as_json:
            self.json(document)
        count = sum(resource["action"] == "delete" for resource in document["resources"])
        left = "Nothing is left but the bucket with its clicks." if kept else "Nothing is left."
        self.line(f"{count} resources deleted. {left}")

    def endpoint(self, endpoint: str | None, mysfit: str) -> None:
        """The endpoint, and a line to paste that sends a click to it."""
        if endpoint:
            click = json.dumps({"userId": "me", "mysfitId": mysfit})
            self.line(f"\nendpoint  {endpoint}")
            self.line("send a click:")
            self.line(f"  curl -X PUT '{endpoint}/clicks' -H 'Content-Type: application/json' -d '{click}'")

    @contextmanager
    def progress(self) -> Iterator[ProgressView]:
        """What happens to each resource while it happens: live on a terminal, line by line elsewhere."""
        if self.quiet:
            yield ProgressView()
        elif self.aside.is_terminal and not self.as_json:
            live = LiveProgress()
            try:
                with Live(live, console=self.aside, refresh_per_second=8, transient=True):
                    yield live
            except BaseException:
                # What was done, and what was not, stays to be read.
                self.aside.print(live)
                raise
        else:
            yield PlainProgress(self.aside)

    def _differences(self, resource: Mapping[str, Any]) -> None:
        for key, (observed, desired) in resource["diff"].items():
            if resource["action"] == "update" or self.verbose:
                self.line(f"    {key}: {_short(observed)} -> {_short(desired)}")


class ProgressView:
    """Takes what the engine and the waits report, and shows nothing."""

    def notify(self, progress: Progress) -> None:
        """A resource went into another phase."""

    def waiting(self, name: str, text: str) -> None:
        """A resource waits for something."""


class PlainProgress(ProgressView):
    """A line for each phase, and one for each new thing that is waited for."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._started: dict[str, float] = {}
        self._waits: dict[str, str] = {}

    def notify(self, progress: Progress) -> None:
        """Print the phase, with the seconds since it began."""
        name, doing = progress.resource, DOING[progress.action.value]
        if progress.phase == "started":
            self._started[name] = self._clock()
            self._console.print(f"{name}: {doing}")
        elif progress.phase != "settling":
            elapsed = self._clock() - self._started.get(name, self._clock())
            word = DONE[progress.action.value] if progress.phase == "done" else "failed"
            self._console.print(f"{name}: {word} after {elapsed:.1f} s")

    def waiting(self, name: str, text: str) -> None:
        """Print what is waited for, once, not every second of it."""
        what = text.split(",", 1)[0]
        if self._waits.get(name) != what:
            self._waits[name] = what
            self._console.print(f"{name}: {what}")


class LiveProgress(ProgressView):
    """A table that is drawn again and again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, tuple[str, str, float, float | None]] = {}
        self._waits: dict[str, str] = {}

    def notify(self, progress: Progress) -> None:
        """Keep the phase of the resource's row."""
        now = self._clock()
        with self._lock:
            _, _, started, _ = self._rows.get(progress.resource, ("", "", now, None))
            ended = now if progress.phase in ("done", "failed") else None
            self._rows[progress.resource] = (progress.action.value, progress.phase, started, ended)
            if ended:
                self._waits.pop(progress.resource, None)

    def waiting(self, name: str, text: str) -> None:
        """Keep what the resource's row waits for."""
        with self._lock:
            self._waits[name] = text

    def __rich__(self) -> Table:
        table = Table(box=None, pad_edge=False, show_header=False)
        now = self._clock()
        with self._lock:
            for name, (action, phase, started, ended) in self._rows.items():
                word = {"done": DONE[action], "failed": "failed"}.get(phase, DOING[action])
                style = {"done": "green", "failed": "red"}.get(phase, "yellow")
                table.add_row(
                    name,
                    Text(word, style),
                    f"{(ended or now) - started:5.1f} s",
                    Text(self._waits.get(name, ""), "dim"),
                )
        return table


def size(count: float) -> str:
    """A number of bytes, for a person."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _short(value: Any, most: int = 100) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= most else text[: most - 1] + "…"
