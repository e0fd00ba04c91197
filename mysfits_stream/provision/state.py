"""The state file: an index of what the stack's resources are in AWS, true after every single change.

It is never an input to planning: names and the owner tag find everything without it, from a colleague's
machine too. It says which account, region and stack this directory has worked with, so that a run against
another one is refused before it touches anything.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from mysfits_stream.errors import StateError
from mysfits_stream.files import state_errors, write_atomically
from mysfits_stream.provision.resource import Observed, Resource

VERSION = 1


class State:
    """The state file of one stack; safe to use from several threads."""

    def __init__(self, path: Path, *, stack: str, account: str, region: str) -> None:
        """Read ``path`` if it exists; raises StateError if it is damaged or another stack's."""
        self.path = path
        self.stack = stack
        self._identity = {"stack": stack, "account": account, "region": region}
        self._lock = threading.Lock()
        self.endpoint: str | None = None
        self.resources: dict[str, dict[str, str]] = {}
        with state_errors(path.parent):
            exists = path.exists()
        if exists:
            self._load()

    def record(self, resource: Resource, observed: Observed) -> None:
        """The resource exists, as observed; on disk when this returns."""
        entry = {"type": resource.type, "id": observed.id, "arn": observed.arn}
        with self._lock:
            if self.resources.get(resource.name) != entry or not self.path.exists():
                self.resources[resource.name] = entry
                self._write()

    def forget(self, resource: Resource) -> None:
        """The resource is gone; the file goes with the last one."""
        with self._lock:
            if self.resources.pop(resource.name, None) is None:
                return
            if self.resources:
                self._write()
            else:
                with state_errors(self.path.parent):
                    self.path.unlink(missing_ok=True)

    def set_endpoint(self, endpoint: str | None) -> None:
        """Keep the base URL to which ``/clicks`` is added."""
        with self._lock:
            if endpoint != self.endpoint and self.resources:
                self.endpoint = endpoint
                self._write()

    def _load(self) -> None:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            version = int(document["version"])
            identity = {key: document[key] for key in self._identity}
            self.endpoint = document["endpoint"]
            self.resources = {
                str(name): {key: str(entry[key]) for key in ("type", "id", "arn")}
                for name, entry in document["resources"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StateError(
                f"{self.path}: damaged ({type(error).__name__}: {error}). Move it away: nothing is lost, "
                "the owner tags in AWS find every resource again"
            ) from error
        if version != VERSION:
            raise StateError(
                f"{self.path}: has format {version}, and this version of mysfits-stream reads format "
                f"{VERSION}. Use the version that wrote the file, or move the file away: nothing is lost, "
                "the owner tags in AWS find every resource again"
            )
        for key, ours in self._identity.items():
            if identity[key] != ours:
                raise StateError(
                    f"{self.path}: belongs to {key} {identity[key]}, and this run is for {key} {ours}. "
                    f"Choose that {key}, or work in another directory"
                )

    def _write(self) -> None:
        document: dict[str, Any] = {
            "version": VERSION,
            **self._identity,
            "endpoint": self.endpoint,
            "resources": dict(sorted(self.resources.items())),
        }
        write_atomically(self.path, json.dumps(document, indent=2) + "\n")
