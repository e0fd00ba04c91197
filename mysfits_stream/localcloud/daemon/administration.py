"""Requests of commands to a running local cloud: health, settings, stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from mysfits_stream.localcloud.daemon.files import DaemonError, Running

ANSWER_SECONDS = 5.0
SAVE_SECONDS = 60.0  # the local cloud writes its ``keep`` directory before it answers


def health(running: Running, seconds: float = ANSWER_SECONDS) -> dict[str, Any] | None:
    """The health of the local cloud.

    None without an answer, or for another program at the port.
    """
    try:
        document = requests.get(f"{running.endpoint}/_local/health", timeout=max(seconds, 0.1)).json()
    except (requests.RequestException, ValueError, RecursionError):
        return None
    found = document if isinstance(document, dict) else {}
    return found if found.get("identity") == running.identity else None


def read(running: Running, path: str) -> dict[str, Any] | None:
    """The JSON object of a route for the access key; None without an answer."""
    try:
        answer = requests.get(f"{running.endpoint}{path}", headers=_signed(running), timeout=SAVE_SECONDS)
        document = answer.json() if answer.ok else None
    except (requests.RequestException, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def change_settings(running: Running, wanted: Mapping[str, object]) -> dict[str, Any]:
    """Change settings of the local cloud; returns all settings. Raises DaemonError."""
    try:
        answer = requests.put(
            f"{running.endpoint}/_local/settings", json=wanted, headers=_signed(running), timeout=SAVE_SECONDS
        )
        answer.raise_for_status()
        settings: dict[str, Any] = answer.json()
    except requests.RequestException as error:
        raise DaemonError(f"the local cloud does not take its settings: {error}") from error
    return settings


def request_stop(running: Running) -> bool:
    """Request the end of the local cloud.

    False without an answer. Raises DaemonError on refusal.
    """
    if health(running) is None:
        return False
    try:
        answer = requests.post(
            f"{running.endpoint}/_local/stop", headers=_signed(running), timeout=SAVE_SECONDS
        )
    except requests.RequestException:
        return False
    if answer.status_code == requests.codes.insufficient_storage:
        raise DaemonError(str(answer.json()["message"]))
    return answer.ok


def _signed(running: Running) -> dict[str, str]:
    """The headers of a request to the administration, with the access key."""
    return {"Authorization": f"Bearer {running.access_key_id}"}
