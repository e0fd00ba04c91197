"""A second Ctrl-C during the first ends the command without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.end_to_end.conftest import TIMEOUT, Shell

pytestmark = pytest.mark.slow

INTERRUPTED_WITH_A_THREAD_THAT_STAYS = """
import os, signal, threading
from mysfits_stream.cli import cli, main

@cli.command()
def wait():
    threading.Thread(target=threading.Event().wait, args=(60,)).start()
    os.kill(os.getpid(), signal.SIGINT)

main(["wait"])
"""


def test_a_second_interrupt_ends_the_command_at_once(shell: Shell) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED_WITH_A_THREAD_THAT_STAYS],
        cwd=shell.directory,
        env=shell.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr
    assert any("Stopped." in line for line in running.stderr)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=TIMEOUT)
    assert (running.returncode, said) == (130, "")
