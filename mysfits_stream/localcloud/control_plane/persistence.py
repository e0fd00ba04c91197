"""Carries the control plane over a restart: resources, objects, log events and metrics, in one file.

moto's state is pickled, so a file is read only by the versions of moto and of this package that wrote it, and
only from a directory that is trusted as much as the program itself. What a delivery stream still had in its
buffers is not kept.
"""

from __future__ import annotations

import copyreg
import io
import os
import pickle
import weakref
from collections import defaultdict
from pathlib import Path
from typing import Any

import moto
from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.s3.models import s3_backends

from mysfits_stream.localcloud.version import VERSION

FILE = "local-cloud.pickle"
WRITTEN_BY = f"mysfits-stream {VERSION} with moto {moto.__version__}"


class KeepingError(Exception):
    """The kept file cannot be read here."""


def save(directory: Path, own: dict[str, Any]) -> None:
    """Write everything to the directory, whole or not at all; ``own`` is our part, plain data."""
    in_use: list[Any] = list(BackendDict._instances)  # type: ignore[misc]  # moto's own list of them
    backends = {
        (accounts.service_name, account, region): backend
        for accounts in in_use
        for account, region, backend in accounts.iter_backends()
    }
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    pickler.dispatch_table = copyreg.dispatch_table | {
        weakref.WeakValueDictionary: _reduce_weak,
        defaultdict: _reduce_default,
    }
    pickler.dump((WRITTEN_BY, backends, dict(s3_backends.bucket_accounts), own))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = directory / f"{FILE}.new"
    with unfinished.open("wb") as file:
        file.write(buffer.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(directory / FILE)


def load(directory: Path) -> dict[str, Any] | None:
    """Put back what :func:`save` wrote, into an empty control plane; our part, or None if nothing was kept.

    Raises KeepingError.
    """
    path = directory / FILE
    if not path.exists():
        return None
    try:
        written_by, backends, bucket_accounts, own = pickle.loads(path.read_bytes())  # noqa: S301, see above
    except Exception as error:  # a damaged pickle may raise anything
        raise KeepingError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
    if written_by != WRITTEN_BY:
        raise KeepingError(
            f"{path}: was written by {written_by}, this is {WRITTEN_BY}; remove it to start anew"
        )
    for (service, account, region), backend in backends.items():
        accounts: Any = get_backend(service)
        accounts[account][region] = backend
    s3_backends.bucket_accounts.update(bucket_accounts)
    kept: dict[str, Any] = own
    return kept


def _reduce_weak(value: weakref.WeakValueDictionary[Any, Any]) -> Any:
    return _weak, (dict(value),)


def _weak(items: dict[Any, Any]) -> weakref.WeakValueDictionary[Any, Any]:
    return weakref.WeakValueDictionary(items)


def _reduce_default(value: defaultdict[Any, Any]) -> Any:
    """moto's default factories are lambdas, which cannot be pickled; what they make is an empty container."""
    made = type(value.default_factory()) if value.default_factory else None
    return defaultdict, (made, dict(value))
