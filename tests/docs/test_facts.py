"""docs/aws.md explains every fact about AWS that the code cites by number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FACTS = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
ROWS = [line for line in FACTS.splitlines() if re.match(r"\| \*\*F\d", line)]
NUMBERS = [re.findall(r"F\d+[a-c]?", row)[0] for row in ROWS]

# Three digits begin with 1 to 3, and not ruff's F401, which has no meaning of this kind.
CITATION = re.compile(r"\b(F(?:[123]\d\d|\d{1,2})[a-c]?)\b")


def citations(path: Path) -> list[str]:
    return CITATION.findall(path.read_text(encoding="utf-8"))


def test_every_number_is_explained_once() -> None:
    assert len(NUMBERS) > 100
    assert sorted(NUMBERS) == sorted(set(NUMBERS))


@pytest.mark.parametrize("row", ROWS, ids=NUMBERS)
def test_a_fact_has_a_source_and_a_confidence(row: str) -> None:
    source, confidence = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)][-3:-1]
    assert source
    assert re.fullmatch(r"[HML](([/–]|, )[HML](–[HML])?)?|–", confidence), row


@pytest.mark.parametrize("folder", ["mysfits_stream", "tests", "benchmarks"])
def test_every_fact_that_the_code_cites_is_explained(folder: str) -> None:
    unknown = {
        f"{path.relative_to(ROOT)}: {number}"
        for path in (ROOT / folder).rglob("*.py")
        for number in citations(path)
        if number not in NUMBERS
    }
    assert not unknown


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_every_fact_that_a_page_cites_is_explained(page: Path) -> None:
    assert set(citations(page)) <= set(NUMBERS)
