"""Administration below ``/_local/``: health, settings, faults, reset and stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from mysfits_stream.localcloud.aws_behavior import Faults, as_documents, read_rules
from mysfits_stream.localcloud.http.messages import Request, Response, json_response
from mysfits_stream.localcloud.settings import Settings

PATH = r"/_local/(?P<path>.*)"
HEALTH_PATH = r"/_local/(?P<path>health)"


class Administration:
    """Answers requests below ``/_local/`` with the functions of the constructor.

    ``stop`` returns why the local cloud cannot end now.
    """

    def __init__(
        self,
        *,
        health: Callable[[], dict[str, Any]],
        settings: Callable[[], Settings],
        change: Callable[[Settings], None],
        faults: Faults,
        reset: Callable[[], None],
        stop: Callable[[], str | None] | None,
    ) -> None:
        self._health = health
        self._settings = settings
        self._change = change
        self._faults = faults
        self._reset = reset
        self._stop = stop

    def __call__(self, request: Request, path: str) -> Response:
        """Answer one request for ``path`` below ``/_local/``."""
        match request.method, path:
            case "GET", "health":
                return json_response(200, self._health())
            case "PUT", "settings":
                return self._change_settings(request)
            case "GET", "faults":
                return self._rules()
            case "POST", "faults":
                return self._add_rules(request)
            case "DELETE", "faults":
                self._faults.clear()
                return self._rules()
            case "POST", "reset":
                self._reset()
                return json_response(200, {})
            case "POST", "stop" if self._stop:
                refusal = self._stop()
                return json_response(507, {"message": refusal}) if refusal else json_response(202, {})
        return json_response(404, {"message": f"no such administration: {request.method} {request.path}"})

    def _change_settings(self, request: Request) -> Response:
        """Change some settings; a running local cloud keeps its port."""
        now = self._settings()
        try:
            wanted = now.changed({**request.json(), "port": now.port})
        except (TypeError, ValueError) as error:
            return json_response(400, {"message": str(error)})
        self._change(wanted)
        return json_response(200, asdict(wanted))

    def _rules(self) -> Response:
        return json_response(200, {"rules": as_documents(self._faults.rules)})

    def _add_rules(self, request: Request) -> Response:
        try:
            self._faults.add(*read_rules(request.json()))
        except ValueError as error:
            return json_response(400, {"message": str(error)})
        return self._rules()
