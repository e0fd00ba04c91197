"""axe-core in a page: which rules of accessibility are broken, and where."""

from __future__ import annotations

from importlib import resources
from typing import Any

AXE = resources.files("axe_playwright_python").joinpath("axe.min.js")
WIDTHS = (320, 768, 1280)
THEMES = ("light", "dark")


def violations(page: Any) -> list[str]:
    """The broken rules, each with its impact and the elements that break it."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']} ({rule['impact']}): {', '.join(str(node['target'][0]) for node in rule['nodes'])}"
        for rule in found["violations"]
    ]
