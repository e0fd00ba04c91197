"""The reference of commands and settings is the generated one."""

from __future__ import annotations

from docs.generate import reference
from tests.support.documents import ROOT


def test_the_reference_is_the_generated_one() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == reference.document(), "run: python -m docs.generate.reference > docs/reference.md"


def test_the_reference_has_every_command_and_every_setting() -> None:
    page = reference.document()
    for command in ("up", "local start", "completion", "send-test-click"):
        assert f"\n#### {command}\n" in page
    for key in ("stack", "api.rate_limit", "click.fields", "local.behavior"):
        assert f"| `{key}` |" in page
