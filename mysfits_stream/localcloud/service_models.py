"""botocore's models of AWS's services, each read once and shared by all parts of the local cloud."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.model import ServiceModel

_models: dict[str, ServiceModel] = {}
_reading = threading.Lock()


def service_model(service: str) -> ServiceModel:
    """The model of a service, by botocore's name. Raises UnknownServiceError."""
    # At the first call, not at the start: botocore takes a quarter of a second.
    if (model := _models.get(service)) is None:
        from botocore.loaders import Loader
        from botocore.model import ServiceModel

        with _reading:
            if (model := _models.get(service)) is None:
                model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
                _models[service] = model
    return model
