"""Tools to be measured beside, each in an environment under ``build/peers``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOME = Path("build/peers")

REQUIREMENTS = {
    "awscli": "awscli",
    "aws-sam-cli": "aws-sam-cli",
    "chalice": "chalice",
    "duckdb-extension-httpfs": "duckdb-extension-httpfs",
    "ministack": "ministack",
    "moto": "moto[server]",
    "polars": "polars",
}
"""Package -> what is installed; the newest, as its results say."""


def command(package: str, name: str) -> str:
    """The path of a peer's command; its package is installed first if it is not there."""
    return str(_programs(package) / name)


def version(package: str) -> str:
    """A peer's name and version."""
    python = _programs(package) / "python"
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return f"{package} {done.stdout.strip()}"


def _programs(package: str) -> Path:
    """The directory of a peer's programs. Installs the package if this was not done yet."""
    environment = (HOME / package).absolute()
    done = environment / "installed"
    if not done.exists():
        print(f"installing {package}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = str(environment / "bin/python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENTS[package]], check=True)
        done.touch()
    return environment / "bin"
