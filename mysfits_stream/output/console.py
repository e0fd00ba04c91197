"""What the user sees: documents as JSON, or as lines and tables for a person. Makes no call to anyone.

Results go to standard output, progress and errors to standard error; with ``--json`` standard output holds
one document and nothing else.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from mysfits_stream.errors import MysfitsStreamError
from mysfits_stream.output.progress import DONE, LiveProgress, PlainProgress, ProgressView

if TYPE_CHECKING:
    from mysfits_stream.cost import Breakdown
    from mysfits_stream.provision.resources.emptying import Contents

Document = Mapping[str, Any]

STATUS_STYLES = {"in-sync": "green", "drifted": "yellow", "missing": "red", "not-ours": "bold red"}
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
        sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")

    def line(self, text: str) -> None:
        """A line of the result, or several."""
        if not self.as_json and not self.quiet:
            self.console.print(Text("\n".join(map(printable, text.split("\n")))))

    def note(self, text: str) -> None:
        """A line about what happens, not part of the result."""
        if not self.quiet:
            self.aside.print(Text(printable(text), style="dim"))

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
        self.aside.print(Text.assemble(("Error: ", "bold red"), printable(" ".join(str(error).split()))))
        for other in getattr(error, "__notes__", ()):
            self.aside.print(Text.assemble(("  also: ", "red"), printable(" ".join(other.split()))))

    def interrupted(self) -> None:
        """Ctrl-C, or a question answered with no."""
        self.aside.print("Stopped.")

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
                    f"The bucket holds {many(contents.objects, 'object')} "
                    f"({many(contents.versions, 'version')}, {size(contents.bytes)}).",
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
            # The mysfit's id is the service's to choose, and the line is to be pasted into a shell.
            click = shlex.quote(json.dumps({"userId": "me", "mysfitId": mysfit}))
            url = shlex.quote(f"{endpoint}/clicks")
            self.line(f"\nendpoint  {endpoint}")
            self.line("send a click:")
            self.line(f"  curl -X PUT {url} -H 'Content-Type: application/json' -d {click}")

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


def printable(text: str) -> str:
    """Text from outside without what a terminal would obey."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def many(count: int, thing: str) -> str:
    """A number of things, in words."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


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
