"""``make`` with a Python that is too old, or another one than that of ``.venv``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(MAKE is None, reason="this system has no make"),
]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which the installation only writes a line."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "dev.txt").touch()
    (tmp_path / "requirements" / "install.py").write_text("print('installed')")
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MAKE), "--no-print-directory", ".venv/.ready", *arguments],
        cwd=clone,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def python(clone: Path, name: str, version: str) -> str:
    """A Python of a version, whose environments hold the Python that runs the tests; its path."""
    path = clone / name
    path.write_text(
        f'#!/bin/sh\n[ "$1" = -c ] && echo {version} /usr && exit\n'
        f'mkdir -p .venv/bin && ln -s "{sys.executable}" .venv/bin/python\n'
    )
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_too_old_is_named_in_one_line(clone: Path) -> None:
    old = python(clone, "python3.9", "3.9.16")
    done = make(clone, f"PYTHON={old}")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == (
        f"{old} is Python 3.9.16, and 3.11 or newer is needed; install one, then: make PYTHON=python3.12"
    )
    assert not (clone / ".venv").exists()
    missing = make(clone, "PYTHON=/nowhere/python3")
    assert missing.stderr.startswith("/nowhere/python3: not found, or not a Python 3; install Python 3.11")


def test_the_environment_is_made_anew_only_for_another_python(clone: Path) -> None:
    here, other = python(clone, "python3.11", "3.11.9"), python(clone, "python3.12", "3.12.1")
    assert "installed" in make(clone, f"PYTHON={here}").stdout
    assert "installed" not in make(clone, f"PYTHON={here}").stdout
    # Without PYTHON= the environment stays, whatever python3 is.
    assert "installed" not in make(clone).stdout
    assert "installed" in make(clone, f"PYTHON={other}").stdout
    assert "installed" not in make(clone, f"PYTHON={other}").stdout
    # The Python of the environment is gone, as after an upgrade.
    (clone / ".venv" / "bin" / "python").unlink()
    assert "installed" in make(clone, f"PYTHON={here}").stdout
