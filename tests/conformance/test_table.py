"""The table counts pytest's results: expected failures as failed, skipped as not run."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.cloud import load
from tests.conformance.table import table

TEMPLATE = "test_a_template_renders_as_recorded"


def report(folder: Path, name: str, *tests: tuple[str, str]) -> Path:
    cases = "".join(f'<testcase name="{test}">{outcome}</testcase>' for test, outcome in tests)
    path = folder / name
    path.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    return path


def test_cases_are_counted_by_group_and_emulator(tmp_path: Path) -> None:
    control_plane = f"test_a_rest_api_answers_as_recorded[{load('control_plane.json')[0]['id']}]"
    ours = report(
        tmp_path,
        "ours.xml",
        (f"{TEMPLATE}[a]", ""),
        (f"{TEMPLATE}[b]", '<skipped type="pytest.xfail"/>'),
        (control_plane, ""),
        ("test_that_is_no_case", "<failure/>"),
    )
    other = report(
        tmp_path,
        "other.xml",
        (f"{TEMPLATE}[a]", '<skipped type="pytest.skip"/>'),
        (f"{TEMPLATE}[b]", "<failure/>"),
        (control_plane, "<error/>"),
    )
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table({"ours": ours, "other": other}).splitlines()
    ]
    assert rows[0] == ["", "cases", "ours", "other"]
    assert ["mapping templates", "2", "1 / 2", "0 / 1"] in rows
    assert ["control plane of REST APIs", "1", "1 / 1", "0 / 1"] in rows
    assert rows[-1] == ["all", "3", "2 / 3", "0 / 2"]
