"""Creation times of roles: the local cloud's time, to the second.

moto uses the machine's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from mysfits_stream.localcloud.http.messages import Handler, Request, Response


class RoleTimes:
    """An override in front of moto's IAM; ``backend`` gives moto's backend for a region."""

    def __init__(self, backend: Callable[[str], Any], now: Callable[[], float]) -> None:
        self._backend = backend
        self._now = now

    def __call__(self, request: Request, ask_moto: Handler) -> Response:
        """Handle a request."""
        answer = ask_moto(request)
        if request.operation == "CreateRole" and answer.status == 200:
            [name] = parse_qs(request.body.decode())["RoleName"]
            role = self._backend(request.region).get_role(name)
            role.create_date = datetime.fromtimestamp(int(self._now()), UTC).replace(tzinfo=None)
        return answer
