"""Runs a function's process, and kills all descendants when the function ends.

Started by ``process.py`` as ``python -I -S -u supervisor.py``, followed by bootstrap, channel, lifeline, SDK
directory and unreadable files. The function runs in a child process. Processes started by the function stay
descendants of the supervisor, in any session, because on Linux the supervisor adopts orphans
(PR_SET_CHILD_SUBREAPER). The end of the function, or of the lifeline, which ends with the local cloud, ends
all descendants.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from typing import NoReturn

PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 1000


def main() -> None:
    """Start the function in a child, and end with the function's exit status."""
    bootstrap, channel, lifeline = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        # A session of its own, so that no signal to the function's group ends this process.
        os.setsid()
        sys.argv = [bootstrap, channel, *sys.argv[4:]]
        with open(bootstrap, encoding="utf-8") as source:  # noqa: PTH123 - pathlib is slow to import
            code = compile(source.read(), bootstrap, "exec")
        exec(code, {"__name__": "__main__", "__file__": bootstrap})  # noqa: S102 - our own file
    else:
        os.close(int(channel))
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        status = _wait(child, lifeline)
        kill_descendants()
        _exit_as(status)


def _wait(child: int, lifeline: int) -> int | None:
    """Wait for the end of the child or of the lifeline.

    Returns the child's wait status, None if running.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        # Adopted orphans end, too, and have to be collected.
        while ended := _collect():
            if ended[0] == child:
                return ended[1]
        ready, _, _ = select.select([lifeline, woken], [], [])
        if lifeline in ready:
            return None
        os.read(woken, 4096)


def _collect() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def kill_descendants() -> None:
    """Kill all descendants of the supervisor, also while descendants start new processes."""
    stopped: set[int] = set()
    for _ in range(ROUNDS):
        # Stopped from the top down: a stopped parent neither starts others nor collects its children, so
        # the pids of its children cannot become those of other programs.
        found = _descendants() - stopped
        if not found:
            break
        for pid in found:
            _signal(pid, signal.SIGSTOP)
        stopped |= found
    for pid in stopped:
        _signal(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _descendants() -> set[int]:
    parents: dict[int, int] = {}
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                state, parent = stat.read().rpartition(b")")[2].split()[:2]
                if state != b"Z":
                    parents[int(name)] = int(parent)
    found: set[int] = set()
    level = {os.getpid()}
    while level := {pid for pid, parent in parents.items() if parent in level}:
        found |= level
    return found


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _exit_as(status: int | None) -> NoReturn:
    """End as the function ended, by a signal or by an exit status."""
    if status is not None and os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if status is not None else 0)


if __name__ == "__main__":
    main()
