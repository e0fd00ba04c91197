"""The state file: an index of the stack's resources in AWS, up to date after every change.

The state file is never an input to planning: names and the owner tag find every resource without a state
file, from another machine, too. Each target, stack, account and region has a file, so several stacks live
side by side in one directory. A file of another stack, account or region is rejected.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from mysfits_stream.errors import StateError
from mysfits_stream.files import read_own, state_errors, write_atomically
from mysfits_stream.provision.resource import Observed, Resource

VERSION = 1

Document = dict[str, Any]


class State:
    """The state file of a stack; safe to use from several threads."""

    def __init__(
        self, path: Path, *, stack: str, account: str, region: str, old_path: Path | None = None
    ) -> None:
        """Read ``path`` if the file exists.

        Raises StateError for a damaged file or a file of another stack. Without ``path``, the file of an
        earlier version at ``old_path`` is read if stack, account and region fit; the first write replaces the
        old file.
        """
        self.path = path
        self.stack = stack
        self._identity = {"stack": stack, "account": account, "region": region}
        self._lock = threading.Lock()
        self.endpoint: str | None = None
        self.resources: dict[str, dict[str, str]] = {}
        self._old_path: Path | None = None
        with state_errors(path.parent):
            exists = path.exists()
            old_exists = old_path is not None and not exists and old_path.exists()
        if exists:
            self._load()
        elif old_path and old_exists and self._identity_in(read_document(old_path)) == self._identity:
            self._old_path = old_path
            self._take(read_document(old_path))

    def record(self, resource: Resource, observed: Observed) -> None:
        """Record a resource as observed; on disk on return."""
        entry = {"type": resource.type, "id": observed.id, "arn": observed.arn}
        with self._lock:
            if self.resources.get(resource.name) != entry or not self.path.exists():
                self.resources[resource.name] = entry
                self._write()

    def forget(self, resource: Resource) -> None:
        """Forget a deleted resource; the file is deleted with the last resource."""
        with self._lock:
            if self.resources.pop(resource.name, None) is None:
                return
            if self.resources:
                self._write()
            else:
                with state_errors(self.path.parent):
                    self.path.unlink(missing_ok=True)
                    self._remove_old()

    def set_endpoint(self, endpoint: str | None) -> None:
        """Keep the base URL to which ``/clicks`` is added."""
        with self._lock:
            if endpoint != self.endpoint and self.resources:
                self.endpoint = endpoint
                self._write()

    def _load(self) -> None:
        document = read_document(self.path)
        for key, found in self._identity_in(document).items():
            ours = self._identity[key]
            if found != ours:
                raise StateError(
                    f"{self.path}: belongs to {key} {found}, and this run is for {key} {ours}. "
                    f"Choose that {key}, or work in another directory"
                )
        self._take(document)

    def _identity_in(self, document: Document) -> dict[str, str]:
        return {key: document[key] for key in self._identity}

    def _take(self, document: Document) -> None:
        self.endpoint = document["endpoint"]
        self.resources = document["resources"]

    def _remove_old(self) -> None:
        if self._old_path:
            self._old_path.unlink(missing_ok=True)
            self._old_path = None

    def _write(self) -> None:
        document: dict[str, Any] = {
            "version": VERSION,
            **self._identity,
            "endpoint": self.endpoint,
            "resources": dict(sorted(self.resources.items())),
        }
        write_atomically(self.path, json.dumps(document, indent=2) + "\n")
        with state_errors(self.path.parent):
            self._remove_old()


def file_name(target: str, *, stack: str, account: str, region: str) -> str:
    """The name of a stack's state file."""
    return f"state-{target}-{stack}-{account}-{region}.json"


def read_document(path: Path) -> Document:
    """The document in a state file.

    Raises StateError if the file is damaged or of another format.
    """
    try:
        document = json.loads(read_own(path))
        version = int(document["version"])
        if version == VERSION:
            return {
                **{key: str(document[key]) for key in ("stack", "account", "region")},
                "endpoint": document["endpoint"],
                "resources": {
                    str(name): {key: str(entry[key]) for key in ("type", "id", "arn")}
                    for name, entry in document["resources"].items()
                },
            }
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(
            f"{path}: damaged ({type(error).__name__}: {error}). Move it away: nothing is lost, "
            "the owner tags in AWS find every resource again"
        ) from error
    raise StateError(
        f"{path}: has format {version}, and this version of mysfits-stream reads format "
        f"{VERSION}. Use the version that wrote the file, or move the file away: nothing is lost, "
        "the owner tags in AWS find every resource again"
    )
