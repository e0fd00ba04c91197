"""The project's texts: their code blocks, command lines, YAML snippets and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = tuple(
    sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks" / "RESULTS.md"])
)
COMMAND = re.compile(r"(?:\$ )?((?:[A-Z_]+=\S+ )*mysfits-stream(?: .*)?)$")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A code block: its document, first line's number, language ("" if none is said) and lines."""

    document: Path
    line: int
    language: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The block as one text."""
        return "\n".join(self.lines) + "\n"

    @property
    def place(self) -> str:
        """Document and line, for messages."""
        return f"{self.document.relative_to(ROOT)}:{self.line}"


def blocks(document: Path) -> Iterator[Block]:
    """The fenced and the indented code blocks of a document, in their order."""
    lines = document.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = re.match(r"( *)```(\w*)$", lines[number])
        begin = number + 1 if fence else number
        if fence:
            end = next(i for i in range(begin, len(lines)) if lines[i].strip() == "```")
            indent = len(fence[1])
            yield Block(document, begin + 1, fence[2], tuple(line[indent:] for line in lines[begin:end]))
            number = end + 1
        elif lines[number].startswith("    ") and (number == 0 or not lines[number - 1].strip()):
            end = begin
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield Block(document, begin + 1, "", tuple(line[4:] for line in lines[begin:end]))
            number = end
        else:
            number += 1


def command_lines(document: Path) -> Iterator[tuple[str, str]]:
    """Each line of a code block that runs the tool: place, and line without comment."""
    for block in blocks(document):
        for offset, line in enumerate(block.lines):
            if found := COMMAND.match(line):
                text = re.split(r"\s{2,}#|\s#\s", found[1])[0].strip()
                yield f"{document.relative_to(ROOT)}:{block.line + offset}", text


def links(document: Path) -> Iterator[str]:
    """The addresses of links and pictures outside code blocks."""
    text = document.read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for found in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
        yield found[1] or found[2]


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as repository sites make them."""
    made: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", document.read_text(encoding="utf-8"), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in made:
            number += 1
        made.add(name)
    return made
