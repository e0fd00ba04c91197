"""The control plane: what AWS would store, kept by moto in this process.

This package alone imports moto. A request is answered by moto's own application; in front of it stands one
mend per service for what moto drops or gets wrong. The data plane reads in process, through the methods of
:class:`ControlPlane`, what was provisioned, and writes objects, log events and metrics the same way.

moto keeps its state in module globals, so a process has one control plane; :meth:`ControlPlane.reset` empties it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from mysfits_stream.localcloud.wire import Handler, Request, Response, json_response, run_wsgi, to_environ

ACCOUNT = "123456789012"

# A mend sees every request to its service, and asks moto for the answer when it wants one.
Mend = Callable[[Request, Handler], Response]


class ControlPlane:
    """AWS's control plane in one process; safe to call from several threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self.mends = self._new_mends()

    def _new_mends(self) -> dict[str, Mend]:
        """The mends by SigV4 service name, each with empty state of its own."""
        return {}

    def handle(self, request: Request) -> Response:
        """Answer one request of an AWS client."""
        if request.path.startswith("/moto-api"):
            # moto's own switches would change its state behind the mends' backs.
            return json_response(404, {"message": "not part of the local cloud"})
        with self.lock:
            mend = self.mends.get(request.service)
            return mend(request, self._ask_moto) if mend else self._ask_moto(request)

    def _ask_moto(self, request: Request) -> Response:
        return run_wsgi(self._moto, to_environ(request))

    def backend(self, service: str, region: str, account: str = ACCOUNT) -> Any:
        """moto's backend of a regional service, or of a global one (iam, s3, sts) by partition (``aws``)."""
        accounts: Any = get_backend(service)  # type: ignore[arg-type]
        return accounts[account][region]

    def reset(self) -> None:
        """Forget everything, as a new account."""
        with self.lock:
            BackendDict.reset()
            self.mends = self._new_mends()
