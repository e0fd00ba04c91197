"""Reads that do not need one another, made at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREAD_NAME = "concurrently"


def concurrently(longest: Callable[[], Any], *others: Callable[[], Any]) -> list[Any]:
    """What each of them returns, in order; the first is made in this thread.

    Raises what one of them raises, the first in order, once none is under way any more.
    """
    with ThreadPoolExecutor(len(others), thread_name_prefix=THREAD_NAME) as pool:
        under_way = [pool.submit(read) for read in others]
        return [longest(), *(read.result() for read in under_way)]
