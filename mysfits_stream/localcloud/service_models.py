"""botocore's models of AWS's services, each read once and shared by the whole local cloud.

Texts of documentation, more than half of a model, are left out.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

KIND = "service-2"
"""The kind of botocore's files that describe operations and shapes."""

_descriptions: dict[str, dict[str, Any]] = {}
_models: dict[str, ServiceModel] = {}
_reading = threading.RLock()


def service_model(service: str) -> ServiceModel:
    """The model of a service, by botocore's name. Raises UnknownServiceError."""
    if (model := _models.get(service)) is None:
        # At the first call, not at the start: botocore takes a quarter of a second.
        from botocore.model import ServiceModel

        with _reading:
            model = _models.setdefault(service, ServiceModel(description(service), service))
    return model


def description(service: str) -> dict[str, Any]:
    """The document behind the model of a service; shared, so never to be changed."""
    with _reading:
        if service not in _descriptions:
            _descriptions[service] = data_loader().load_service_model(service, KIND)
        return _descriptions[service]


@cache
def data_loader() -> Loader:
    """The reader of botocore's files, without texts.

    The reader's list of all services takes time.
    """
    from botocore.loaders import JSONFileLoader, Loader

    class Files(JSONFileLoader):
        def _load_file(self, full_path: str, open_method: Callable[..., Any]) -> Any:
            try:
                with open_method(full_path, "rb") as file:
                    return json.loads(file.read(), object_hook=_without_text)
            except FileNotFoundError:
                return None

    class Models(Loader):
        FILE_LOADER_CLASS = Files

    return Models()


def _without_text(document: dict[str, Any]) -> dict[str, Any]:
    # A member of that name is an object.
    if isinstance(document.get("documentation"), str):
        del document["documentation"]
    return document


def extended(document: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a document with more members, which shares all unchanged members."""
    changed = {
        key: extended(document[key], value)
        if isinstance(value, dict) and isinstance(document.get(key), dict)
        else value
        for key, value in more.items()
    }
    return {**document, **changed}
