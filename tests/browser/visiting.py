"""Who visits a page, and what they saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

PATIENCE = 20_000
"""Milliseconds after which an expectation about a page has failed."""


@dataclass
class Visitor:
    """A browser of its own: one page, and what it complained about and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> Page:
        """Note what ``page`` says and asks for."""
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("console", self._heard)
        page.on("request", lambda request: self.requested.append(request.url))
        return page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    @property
    def hosts(self) -> set[str | None]:
        """Every host that was asked for anything."""
        return {urlsplit(url).hostname for url in self.requested if not url.startswith(("data:", "blob:"))}
