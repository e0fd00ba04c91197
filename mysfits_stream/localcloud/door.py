"""The port of a local cloud: answers health at once, loads the cloud at another request.

Loading imports moto and botocore, which takes most of a second and most of the memory. A local cloud that
nobody has called yet needs neither.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar

from mysfits_stream.localcloud.front import CLOSE, Front
from mysfits_stream.localcloud.http.host_guard import AllowedCallers
from mysfits_stream.localcloud.http.listener import Listener
from mysfits_stream.localcloud.http.messages import (
    Environ,
    Response,
    StartResponse,
    json_response,
    read_head,
    send_response,
)
from mysfits_stream.localcloud.http.refusals import Cut
from mysfits_stream.localcloud.http.routes import MEGABYTE, Route, RouteTable
from mysfits_stream.localcloud.settings import ACCOUNT, Settings
from mysfits_stream.localcloud.version import VERSION

log = logging.getLogger(__name__)

HEALTH, STOP = "/_local/health", "/_local/stop"
WITHOUT_CLOUD = {("GET", HEALTH), ("POST", STOP)}
"""Requests that do not load the cloud: method and path."""


class Served(Protocol):
    """What a door needs of a cloud."""

    @property
    def front(self) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
        """The WSGI application of all routes."""

    def begin(self) -> None:
        """Begin the background work."""


Cloud = TypeVar("Cloud", bound=Served)


class DoorClosedError(Exception):
    """The local cloud ends and is not loaded any more."""


class Door(Generic[Cloud]):
    """The listener of a local cloud. Safe to use from several threads.

    ``make`` makes the cloud for this door. ``on_stop`` is called for a request to stop before the cloud is
    loaded.
    """

    def __init__(
        self,
        settings: Settings,
        make: Callable[[Door[Cloud]], Cloud],
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self.identity = os.urandom(8).hex()
        self.access_key_id = f"LKIA{os.urandom(8).hex().upper()}"
        """The access key id of AWS clients, with ``access: private``; any secret key will do."""
        self._make = make
        self._on_stop = on_stop
        self._lock = threading.Lock()
        self._cloud: Cloud | None = None
        self._closed = False
        self._started_at = self._last_request_at = time.monotonic()
        self._listener = Listener(self)
        self._without_cloud = Front(
            RouteTable(
                (
                    Route(
                        "health",
                        HEALTH,
                        lambda request: json_response(200, self.health(settings)),
                        needs_access_key=False,
                    ),
                    Route("stop", STOP, lambda request: self._request_stop(), max_body=MEGABYTE),
                )
            ),
            lambda: allowed_callers(settings, self.access_key_id),
            lambda routed: routed.answer(),
        )

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; raises Cut where the connection is to end."""
        self._last_request_at = time.monotonic()
        if self._cloud is None:
            head = read_head(environ)
            if (head.method, head.decoded_path) in WITHOUT_CLOUD:
                return self._without_cloud(environ, start_response)
        try:
            front = (self._cloud or self.load()).front
        except DoorClosedError:
            raise Cut from None
        except Exception:  # a fault in a request must not end the worker; the next request loads again
            log.exception("loading the local cloud")
            response = json_response(500, {"message": "the local cloud cannot be loaded; see its log"}, CLOSE)
            return send_response(response, read_head(environ), start_response)
        return front(environ, start_response)

    def start(self, port: int) -> None:
        """Listen on 127.0.0.1 and serve in threads; OSError if the port is taken."""
        with self._lock:
            self._listener.start(port)
            if self._cloud:
                self._cloud.begin()

    def load(self) -> Cloud:
        """The cloud, made by the first call; further callers wait.

        Raises DoorClosedError, and the errors of ``make``.
        """
        with self._lock:
            if self._cloud is None:
                if self._closed:
                    raise DoorClosedError
                cloud = self._make(self)
                if self._listener.is_listening:
                    cloud.begin()
                self._cloud = cloud
            return self._cloud

    def load_soon(self) -> None:
        """Load the cloud in a thread: a client will need the cloud, and is not ready for calls yet."""
        threading.Thread(target=self._load_quietly, name="load", daemon=True).start()

    def _load_quietly(self) -> None:
        try:
            self.load()
        except DoorClosedError:
            return
        except Exception:  # the next request tries again, and gets the error
            log.exception("loading the local cloud")

    @property
    def cloud(self) -> Cloud | None:
        """The cloud; None before the first request that needs the cloud."""
        return self._cloud

    def stop(self) -> None:
        """Stop listening; returns once pending requests are answered and no load is running."""
        closed, self._closed = self._closed, True
        if not closed:
            self._listener.stop()
        with self._lock:
            pass

    @property
    def is_listening(self) -> bool:
        """Whether the door was started."""
        return self._listener.is_listening

    @property
    def port(self) -> int:
        """The port of the listener."""
        return self._listener.port

    @property
    def endpoint(self) -> str:
        """The base URL, for AWS clients and for browsers."""
        return f"http://127.0.0.1:{self.port}"

    def idle_seconds(self) -> float:
        """Seconds since the last request."""
        return time.monotonic() - self._last_request_at

    def health(self, settings: Settings, keep_error: str | None = None) -> dict[str, Any]:
        """The document of the health route."""
        return {
            "status": "ready",
            "identity": self.identity,
            "pid": os.getpid(),
            "version": VERSION,
            "account": ACCOUNT,
            "uptime": round(time.monotonic() - self._started_at, 3),
            "loaded": self._cloud is not None,
            "settings": asdict(settings),
            "keep_error": keep_error,
        }

    def _request_stop(self) -> Response:
        self._on_stop()
        return json_response(202, {})


def allowed_callers(settings: Settings, access_key_id: str) -> AllowedCallers:
    """The callers of closed routes by the settings."""
    return AllowedCallers(settings.allowed_origins, access_key_id if settings.access == "private" else None)
