"""SECURITY.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "SECURITY.md").read_text("utf-8"))


def test_the_threat_model_names_its_tests() -> None:
    assert len(NAMED) > 20


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_named_test_exists(file: str, name: str) -> None:
    source = (ROOT / "tests" / file).read_text("utf-8")
    assert re.search(rf"^def {name}\(", source, re.MULTILINE)


def test_what_an_attacker_cannot_do_has_a_test() -> None:
    lines = (ROOT / "SECURITY.md").read_text("utf-8").splitlines()
    claims = [line for line in lines if line.startswith("- Cannot")]
    assert claims
    assert [line for line in claims if "::" not in line] == []
