"""The count of pro-forms that ``make lint`` limits."""

from __future__ import annotations

from pathlib import Path

from tests.support.pro_forms import counted, excesses, pro_forms, words

SOURCE = '''"""What it is, in this module."""

TEXT = """that other text is no docstring"""


class Thing:
    """One of those."""

    async def run(self):
        """Run there; don't stop."""
        # which comment
'''


def test_words_are_those_of_the_docstrings_of_modules_classes_and_functions() -> None:
    expected = "what it is in this module one of those run there don't stop"
    assert sorted(words(SOURCE)) == sorted(expected.split())


def test_pro_forms_are_counted() -> None:
    assert pro_forms(words(SOURCE)) == len(["what", "it", "this", "one", "those", "there"])


def test_each_package_counts_by_itself_and_so_does_each_module_beside_the_packages(tmp_path: Path) -> None:
    root = tmp_path / "product"
    inner = root / "part" / "inner"
    inner.mkdir(parents=True)
    (root / "one.py").write_text('"""It."""')
    (root / "part" / "two.py").write_text('"""Plain words."""')
    (root / "part" / "three.py").write_text('"""More."""')
    (inner / "four.py").write_text(f'"""{"Words " * 97}and which of those."""')
    assert {name: len(found) for name, found in counted(root).items()} == {
        "product/one.py": 1,
        "product/part": 3,
        "product/part/inner": 101,
    }
    [line] = excesses(root)
    assert line.startswith("product/one.py: 100.0% of the docstrings")
