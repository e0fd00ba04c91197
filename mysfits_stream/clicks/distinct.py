"""Each click once: the earliest of its duplicates, in whatever order they are read.

A browser's retry, a retry of Firehose and a replay store a click again, in an object of a later hour even if
the click is the earlier one. So all clicks are read before the first is passed on; meanwhile they wait in a
temporary file, which exists on disk only for large results. Memory holds one bit for each click and a share
of the ids.
"""

from __future__ import annotations

import hashlib
import marshal
import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from tempfile import SpooledTemporaryFile, gettempdir
from typing import IO, Any

from mysfits_stream.errors import ClickError

Click = dict[str, Any]

SHARES = 64
"""Files that the ids are distributed over; one share at a time is sorted in memory."""

BYTES_IN_MEMORY = 16_000_000
SHARE_BYTES_IN_MEMORY = 64_000
ENTRY = struct.Struct(">16s32sQ")
"""Of a click in its share: a digest of the id, ``clickedAt`` as text, and the position; sorts by time."""

LENGTH = struct.Struct(">I")
REMEMBERED = 1_000_000
"""Ids that ``followed`` compares with: 100 MB at most, for clicks without end."""


@dataclass
class Distinct:
    """Leaves out duplicates, and counts them."""

    duplicates: int = 0
    _seen: dict[int, None] = field(default_factory=dict, repr=False)

    def clicks(self, found: Iterable[Click]) -> Iterator[Click]:
        """The clicks in their order, of each ``clickId`` the earliest by ``clickedAt``.

        A click without an id, of version 0.1.0, counts as itself. Raises ClickError if the temporary files
        find no room.
        """
        with _no_room(), ExitStack() as files:
            waiting: IO[bytes] = files.enter_context(SpooledTemporaryFile(BYTES_IN_MEMORY))
            shares: list[IO[bytes]] = [
                files.enter_context(SpooledTemporaryFile(SHARE_BYTES_IN_MEMORY)) for _ in range(SHARES)
            ]
            count = _write(found, waiting, shares)
            left_out = bytearray(count // 8 + 1)
            for share in shares:
                for position in _later_duplicates(share):
                    left_out[position >> 3] |= 1 << (position & 7)
                    self.duplicates += 1
            waiting.seek(0)
            for position in range(count):
                [length] = LENGTH.unpack(waiting.read(LENGTH.size))
                content = waiting.read(length)
                if not left_out[position >> 3] >> (position & 7) & 1:
                    yield marshal.loads(content)  # noqa: S302 - our own file, without a name

    def followed(self, found: Iterable[Click]) -> Iterator[Click]:
        """The clicks as they come, each ``clickId`` at its first occurrence.

        For clicks without end.
        """
        for click in found:
            click_id = click.get("clickId")
            if isinstance(click_id, str):
                identity = hash(click_id)
                if identity in self._seen:
                    self.duplicates += 1
                    continue
                self._seen[identity] = None
                if len(self._seen) > REMEMBERED:
                    for forgotten in list(islice(self._seen, REMEMBERED // 2)):
                        del self._seen[forgotten]
            yield click


def _write(found: Iterable[Click], waiting: IO[bytes], shares: list[IO[bytes]]) -> int:
    """Write the clicks to ``waiting`` and their ids to ``shares``.

    Returns the number of clicks.
    """
    count = 0
    for count, click in enumerate(found, 1):
        content = marshal.dumps(click)
        waiting.write(LENGTH.pack(len(content)) + content)
        click_id = click.get("clickId")
        if isinstance(click_id, str):
            digest = hashlib.blake2b(click_id.encode("utf-8", "surrogatepass"), digest_size=16).digest()
            at = str(click.get("clickedAt")).encode("utf-8", "surrogatepass")
            shares[digest[0] % SHARES].write(ENTRY.pack(digest, at, count - 1))
    return count


def _later_duplicates(share: IO[bytes]) -> Iterator[int]:
    """The positions of all clicks of a share but the earliest of each id."""
    share.seek(0)
    content = share.read()
    entries = sorted(content[at : at + ENTRY.size] for at in range(0, len(content), ENTRY.size))
    for _, same in groupby(map(ENTRY.unpack, entries), key=itemgetter(0)):
        yield from (position for _, _, position in islice(same, 1, None))


@contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ClickError(
            f"temporary files in {gettempdir()} cannot be used ({error.strerror or error}); set TMPDIR to a "
            "directory with room, or add --raw"
        ) from error
