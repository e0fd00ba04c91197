"""The end of a process: the last look for garbage is spared, except where DuckDB needs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Handlers run in reverse order: this one sees what the command's handler has done.
PROGRAM = """
import atexit, gc
atexit.register(lambda: print("frozen" if gc.get_freeze_count() else "looked through"))
{imports}
from mysfits_stream.cli import main
main(["--version"])
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("imports", "end"),
    [
        pytest.param("", "frozen", id="a command without DuckDB"),
        pytest.param(
            "import duckdb", "looked through", id="DuckDB aborts on Python 3.14 with its module left"
        ),
    ],
)
def test_garbage_is_left_at_the_end_unless_duckdb_is_there(imports: str, end: str) -> None:
    if imports:
        pytest.importorskip("duckdb")
    done = run(PROGRAM.format(imports=imports))
    assert (done.returncode, done.stdout.splitlines()[-1], done.stderr) == (0, end, "")


INTERRUPTED_BY_AN_IMPORT = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "mysfits_stream.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
{before}
from mysfits_stream.__main__ import main
sys.argv[1:] = ["--version"]
main()
"""


@pytest.mark.parametrize(
    ("before", "code", "error"),
    [
        pytest.param("", 130, "Stopped.\n", id="at a terminal"),
        pytest.param(
            "signal.signal(signal.SIGINT, signal.SIG_IGN)", 0, "", id="in the background of a shell"
        ),
    ],
)
def test_ctrl_c_while_modules_are_imported_ends_without_a_traceback(
    before: str, code: int, error: str
) -> None:
    done = run(INTERRUPTED_BY_AN_IMPORT.format(before=before))
    assert (done.returncode, done.stderr) == (code, error)
