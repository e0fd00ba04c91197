"""``make pictures``: the README's pictures, of a stack on the local cloud."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURES = Path(__file__).parents[1] / "pictures"
CHROMIUM = "/usr/bin/chromium"
COLUMNS = 118
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

Run = Callable[..., str]
"""Runs the command line and returns what it printed."""


@contextlib.contextmanager
def stack() -> Iterator[Run]:
    """A stack of its own on a local cloud of its own, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as directory:
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("MYSFITS_STREAM_")
        } | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}

        def run(*arguments: str) -> str:
            command = [sys.executable, "-m", "mysfits_stream", "--target", "local", *arguments]
            done = subprocess.run(  # noqa: S603 - our own command
                command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True, check=True
            )
            return done.stdout

        try:
            run("up")
            yield run
        finally:
            run("local", "stop", "--yes")


def page(endpoint: str) -> None:
    """The website after some clicks, once all of them have landed."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        tab = browser.new_page(viewport={"width": 1120, "height": 690}, reduced_motion="reduce")
        tab.goto(f"{endpoint}/_site/")
        favourites = ("Tumbledown", "Pim and Pom", "Orla", "Pim and Pom", "Tumbledown", "Pim and Pom")
        visited = (*favourites, "Brambleweft", "Notary Vex")
        for number, name in enumerate(visited, start=1):
            look_at(tab, name)
            tab.get_by_text(f"{number} enriched click").wait_for()
        tab.evaluate("document.activeElement.blur()")
        tab.mouse.move(0, 0)
        tab.evaluate("scrollTo(0, 0)")
        tab.screenshot(path=PICTURES / "page.png")
        browser.close()


def look_at(tab: Page, name: str) -> None:
    """Open a profile, and close it again."""
    tab.get_by_role("button", name=name).click()
    tab.get_by_role("dialog", name=name).wait_for()
    tab.keyboard.press("Escape")


def terminal(name: str, command: str, printed: str) -> None:
    """A command and what it printed, colours and all, as a drawing of a terminal."""
    # The fonts are whatever the reader has: a picture fetches nothing.
    drawing = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ mysfits-stream {command}", style="bold"))
    console.print(Text.from_ansi(printed), soft_wrap=True)
    svg = console.export_svg(title="mysfits-stream", code_format=drawing, unique_id=name)
    (PICTURES / f"{name}.svg").write_text(svg)


def main() -> None:
    """Take every picture."""
    PICTURES.mkdir(exist_ok=True)
    with stack() as run:
        page(json.loads(run("local", "status", "--json"))["endpoint"])
        for command in ("status", "clicks"):
            terminal(command, command, run(command))


if __name__ == "__main__":
    main()
