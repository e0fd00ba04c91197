"""Identifiers of requests, traces and records, without a call of the operating system.

``uuid4`` and ``secrets`` read the random numbers of the kernel, and Python lets go of its lock for each read:
another thread runs, and the request waits for its turn. These identifiers are no secrets, so Python's own
generator is good enough; it starts with a number of the kernel.
"""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode

_generator = random.Random()  # noqa: S311, no secret depends on it


def request_id() -> str:
    """A random UUID (version 4), as of AWS's ``x-amzn-RequestId``."""
    digits = f"{_generator.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def hexadecimal(count: int) -> str:
    """``count`` random hexadecimal digits."""
    return f"{_generator.getrandbits(4 * count):0{count}x}"


def letters_and_digits(count: int) -> str:
    """``count`` random letters and digits."""
    return "".join(_generator.choices(_LETTERS_AND_DIGITS, k=count))


def url_safe(size: int) -> str:
    """``size`` random bytes in the URL-safe base64 without padding."""
    return urlsafe_b64encode(_generator.randbytes(size)).rstrip(b"=").decode("ascii")


_LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
