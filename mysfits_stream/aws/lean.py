"""Sessions of botocore that start fast: where this tool differs from botocore, and why.

- Data of services: botocore looks into 400 directories for the name of each service, and parses JSON into an
  OrderedDict. ``ModelLoader`` trusts the name of a directory and parses into a dict, which keeps the order.
- Events: botocore compares each event of each client with a hundred former names of services. Handlers still
  register under either name; the clients emit the present name alone. Handlers that write botocore's
  documentation are left out: each client copies all handlers.

Search paths, extras, handlers, signatures, retries and parsers stay botocore's. docs/performance.md has the
figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS
from botocore.hooks import HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader, create_loader
from botocore.session import Session


class DictLoader(JSONFileLoader):
    """Parses a file into plain dicts."""

    def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
        try:
            with open_method(full_path, "rb") as file:
                return json.loads(file.read())
        except FileNotFoundError:
            return None


class ModelLoader(Loader):
    """Finds the data of a service without a look at all other services."""

    FILE_LOADER_CLASS = DictLoader

    def list_available_services(self, type_name: str) -> list[str]:
        """The directories of the search paths; botocore checks for data of the type later."""
        return self._directories

    @cached_property
    def _directories(self) -> list[str]:
        paths = [Path(path) for path in self.search_paths]
        return sorted({each.name for path in paths if path.is_dir() for each in path.iterdir()})


def session(profile: str | None = None, session_vars: Any = None) -> Session:
    """A session with botocore's handlers; clients skip the search for services' former names."""
    hooks = HierarchicalEmitter()
    made = Session(session_vars, hooks, profile=profile)
    made.register_component("event_emitter", hooks)
    for name, handler, *_ in BUILTIN_HANDLERS:
        if name.startswith("docs."):
            made.unregister(name, handler)
    made.lazy_register_component("data_loader", lambda: configured(made.get_config_variable("data_path")))
    return made


def built_in() -> ModelLoader:
    """The data of the botocore package, without the models in ``~/.aws``."""
    return ModelLoader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


def configured(data_path: str | None) -> ModelLoader:
    """The data of the botocore package, of ``~/.aws/models``, and of the setting ``data_path``."""
    paths = create_loader(data_path).search_paths
    return ModelLoader(extra_search_paths=paths, include_default_search_paths=False)
