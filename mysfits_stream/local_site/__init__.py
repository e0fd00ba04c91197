"""The local cloud with the project's routes: the page, its feed and the Mysfits service."""

import sys

from mysfits_stream.errors import TargetError

if sys.platform == "win32":
    # File locks, process groups and signals of the local cloud are POSIX.
    raise TargetError("target local does not run on Windows; run mysfits-stream in WSL, or name --target aws")

PAGE = "/_site/"
"""The path of the page on the local cloud."""
