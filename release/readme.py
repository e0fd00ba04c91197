"""The README of the package's metadata, in which pictures and links work outside the repository.

A release sets ``MYSFITS_STREAM_REPOSITORY``, the web address of the repository at the release's tag, such as
``https://git.example.com/shop/mysfits-stream/blob/v0.2.0``; relative links then begin with this address, and
pictures come as raw files. Without the variable, a package shows a picture's description and a link's text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

VARIABLE = "MYSFITS_STREAM_REPOSITORY"
PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)]+)\)")
LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")


def portable(text: str, repository: str | None) -> str:
    """A Markdown text without relative addresses."""
    if not repository:
        return LINK.sub(r"\1", PICTURE.sub(r"*\1*", text))
    base = repository.rstrip("/")
    text = PICTURE.sub(lambda found: f"![{found[1]}]({base}/{found[2]}?raw=true)", text)
    return LINK.sub(lambda found: f"[{found[1]}]({base}/{found[2]})", text)


class ReadmeHook(MetadataHookInterface):
    """Sets the dynamic field ``readme``."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put the portable README into the project's metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": portable(text, os.environ.get(VARIABLE)),
        }
