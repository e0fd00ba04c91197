"""Independent calls, made at the same time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

THREAD_NAME = "concurrently"


def concurrently(longest: Callable[[], Any], *others: Callable[[], Any]) -> list[Any]:
    """The results of all calls, in order; ``longest`` runs in this thread.

    Raises the first error in order, after every call has ended.
    """
    with ThreadPoolExecutor(len(others), thread_name_prefix=THREAD_NAME) as pool:
        under_way = [pool.submit(call) for call in others]
        return [longest(), *(call.result() for call in under_way)]
