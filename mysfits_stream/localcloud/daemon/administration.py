"""Requests of commands to a running local cloud: health, settings, stop."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mysfits_stream.localcloud.daemon.files import DaemonError, Running

ANSWER_SECONDS = 5.0
SAVE_SECONDS = 60.0  # the local cloud writes its ``keep`` directory before it answers
INSUFFICIENT_STORAGE = 507


def health(running: Running, seconds: float = ANSWER_SECONDS) -> dict[str, Any] | None:
    """The health of the local cloud.

    None without an answer, or for another program at the port.
    """
    found = _document(_send(running, "GET", "/_local/health", seconds=max(seconds, 0.1)))
    return found if found and found.get("identity") == running.identity else None


def read(running: Running, path: str) -> dict[str, Any] | None:
    """The JSON object of a route for the access key; None without an answer."""
    return _document(_send(running, "GET", path))


def change_settings(running: Running, wanted: Mapping[str, object]) -> dict[str, Any]:
    """Change settings of the local cloud; returns all settings. Raises DaemonError."""
    answer = _send(running, "PUT", "/_local/settings", json.dumps(wanted))
    settings = _document(answer)
    if settings is None:
        raise DaemonError(f"the local cloud does not take its settings: {_reason(answer)}")
    return settings


def request_stop(running: Running) -> bool:
    """Request the end of the local cloud.

    False without an answer. Raises DaemonError on refusal.
    """
    if health(running) is None:
        return False
    answer = _send(running, "POST", "/_local/stop")
    if answer is None:
        return False
    status, body = answer
    if status == INSUFFICIENT_STORAGE:
        raise DaemonError(str(json.loads(body)["message"]))
    return status < 400


def _send(
    running: Running, method: str, path: str, body: str | None = None, seconds: float = SAVE_SECONDS
) -> tuple[int, bytes] | None:
    """Status and body of the answer; None without an answer. The access key goes along."""
    # At first use: a command starts the process before this takes its time.
    from http.client import HTTPConnection, HTTPException

    headers = {"Authorization": f"Bearer {running.access_key_id}"}
    connection = HTTPConnection("127.0.0.1", running.port, timeout=seconds)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _reason(answer: tuple[int, bytes] | None) -> str:
    """Why there is no document: the message of the answer, or the answer."""
    if answer is None:
        return "no answer"
    text = answer[1].decode("utf-8", "replace")
    try:
        return str(json.loads(text)["message"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return f"HTTP {answer[0]} {text}".strip()


def _document(answer: tuple[int, bytes] | None) -> dict[str, Any] | None:
    """The JSON object of an answer; None for an error or another program's answer."""
    if answer is None or answer[0] >= 400:
        return None
    try:
        document = json.loads(answer[1])
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
