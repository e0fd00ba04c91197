"""``docs/design.md`` against the tree: its layout, and its reasons for long modules."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "mysfits_stream"
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
MOST_LINES = 300
INDENT = 2


def section(title: str) -> str:
    return DESIGN.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def layout() -> list[Path]:
    """The files and folders in the tree of the design."""
    tree = (
        section("Layout, and who may import whom").partition("    mysfits_stream/\n")[2].partition("\n\n")[0]
    )
    found: list[Path] = []
    parents = {0: PACKAGE}
    for line in tree.splitlines():
        text = line[4:]
        depth = (len(text) - len(text.lstrip())) // INDENT
        if depth > len(parents):
            continue  # the second line of an explanation
        for name in re.match(r"(?:\S+(?:\.py|/)\s*)*", text.lstrip())[0].split():  # type: ignore[index]
            found.append(parents[depth - 1] / name)
            if name.endswith("/"):
                parents[depth] = found[-1]
    return found


def test_what_the_layout_names_exists() -> None:
    found = layout()
    assert len(found) > 50
    assert [str(path) for path in found if not path.exists()] == []


def test_the_layout_names_each_part_of_the_tool_of_the_deployer_and_of_the_local_cloud() -> None:
    named = set(layout())
    parts = [
        path
        for folder in (PACKAGE, PACKAGE / "provision", PACKAGE / "localcloud")
        for path in folder.iterdir()
        if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
    ]
    assert {path.name for path in parts if path not in named and not path.name.startswith("__")} == set()


def test_each_long_module_has_its_reason() -> None:
    lines = {
        str(path.relative_to(PACKAGE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in PACKAGE.rglob("*.py")
    }
    reasons = set(re.findall(r"^\| `([^`]+)` \|", section("Modules over 300 lines"), re.MULTILINE))
    assert {name for name, count in lines.items() if count > MOST_LINES} - reasons == set()
    assert reasons <= lines.keys()
