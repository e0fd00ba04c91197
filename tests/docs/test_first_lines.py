"""The check of docstrings' first lines finds a long line, wherever the docstring stands."""

from __future__ import annotations

from pathlib import Path

from tests.support import first_lines

LONG = "x" * first_lines.LIMIT
SHORT = LONG[1:]


def test_a_first_line_at_the_limit_is_found_in_module_class_and_function() -> None:
    source = f"""\
'{LONG}'
class A:
    '{LONG}'
    def b(self):
        '''{LONG}

        More.
        '''
"""
    assert list(first_lines.long_first_lines(source)) == [(1, LONG), (3, LONG), (5, LONG)]


def test_shorter_first_lines_and_long_second_lines_pass() -> None:
    assert list(first_lines.long_first_lines(f'"""{SHORT}\n\n{LONG}\n"""\n')) == []


def test_a_complaint_names_file_line_and_length(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "long.py").write_text(f'\n"""{LONG}"""\n', encoding="utf-8")
    [line] = first_lines.complaints(tmp_path)
    assert line.startswith(f"{tmp_path / 'inner' / 'long.py'}:2: 90 characters")
