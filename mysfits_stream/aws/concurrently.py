"""Independent reads, made at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREAD_NAME = "concurrently"


def concurrently(longest: Callable[[], Any], *others: Callable[[], Any]) -> list[Any]:
    """The results of all reads, in order; ``longest`` runs in this thread.

    Raises the first error in order, after every read has ended.
    """
    with ThreadPoolExecutor(len(others), thread_name_prefix=THREAD_NAME) as pool:
        under_way = [pool.submit(read) for read in others]
        return [longest(), *(read.result() for read in under_way)]
