"""Identifiers of requests, traces and records, without a call of the operating system.

``uuid4`` and ``secrets`` read the random numbers of the kernel, and Python lets go of its lock for each read:
another thread runs, and the request waits for its turn. These identifiers are no secrets, so Python's own
generator is good enough; it starts with a number of the kernel.
"""

from __future__ import annotations

import random
import uuid
from base64 import urlsafe_b64encode

_generator = random.Random()  # noqa: S311, no secret depends on it


def request_id() -> str:
    """A random UUID (version 4), as of AWS's ``x-amzn-RequestId``."""
    digits = f"{_generator.getrandbits(128) & _OTHER_BITS | _VERSION_4:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def hexadecimal(count: int) -> str:
    """``count`` random hexadecimal digits."""
    return f"{_generator.getrandbits(4 * count):0{count}x}"


def letters_and_digits(count: int) -> str:
    """``count`` random letters and digits."""
    return _generator.randbytes(count).translate(_LETTERS_AND_DIGITS).decode("ascii")


def url_safe(size: int) -> str:
    """``size`` random bytes in the URL-safe base64 without padding."""
    return urlsafe_b64encode(_generator.randbytes(size)).rstrip(b"=").decode("ascii")


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LETTERS_AND_DIGITS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))
"""The letter or digit of each byte; eight letters come a quarter more often than the others."""
_VERSION_4 = uuid.UUID("00000000-0000-4000-8000-000000000000").int
_OTHER_BITS = ~uuid.UUID("00000000-0000-f000-c000-000000000000").int
