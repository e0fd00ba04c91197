"""Install this project and its pinned requirements into the Python that runs this file; show the progress.

pip's own lines are shown only where the installation fails.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINNED = ROOT / "requirements" / "dev.txt"
PIP = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check"]
STEPS = (
    [*PIP, "--require-hashes", "-r", str(PINNED)],
    [*PIP, "--no-deps", "--no-build-isolation", "-e", str(ROOT)],
)


def main() -> int:
    """Run both steps; returns the exit code of the first that fails."""
    total = sum("==" in line for line in PINNED.read_text(encoding="utf-8").splitlines())
    live = sys.stdout.isatty()
    collected = 0
    print(f"Installing {total} packages into .venv (once) ...", flush=True)
    for step in STEPS:
        lines: list[str] = []
        with subprocess.Popen(  # noqa: S603 - our own command
            step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as pip:
            for line in pip.stdout or ():
                lines.append(line)
                if line.startswith("Collecting "):
                    collected += 1
                    if live or collected % 20 == 0:
                        print(f"  {collected} of {total}", end="\r" if live else "\n", flush=True)
        if pip.returncode:
            print("".join(lines[-20:]), file=sys.stderr)
            return pip.returncode
    print(f"  {total} of {total}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
