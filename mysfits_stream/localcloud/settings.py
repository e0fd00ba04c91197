"""The settings of one local cloud, validated when they are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

ACCOUNT = "123456789012"
"""The AWS account of every local cloud."""

MAX_PORT = 65535
TIME_SCALES = (1, 100000)
MAX_SEED = 2**31
BEHAVIORS = ("instant", "aws")
ACCESS = ("private", "open")
ORIGIN = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+")


class SettingsError(ValueError):
    """A setting has a wrong type or a value out of range.

    The message begins with the setting's name.
    """


@dataclass(frozen=True)
class Settings:
    """How a local cloud listens and behaves. Raises SettingsError.

    ``port`` 0 takes any free port. ``time_scale`` divides buffer intervals, retries and pauses: 1 is the pace
    of AWS. ``behavior`` "aws" adds AWS's delays, throttling and eventual consistency, drawn from ``seed``.
    Pages of ``allowed_origins`` may call AWS's services and the administration. With ``access`` "private",
    callers need the access key id of this local cloud; "open" serves every user of the machine.
    """

    port: int = 0
    time_scale: float = 120
    behavior: str = "instant"
    seed: int = 1
    allowed_origins: tuple[str, ...] = ()
    access: str = "private"

    def __post_init__(self) -> None:
        _check_number("port", self.port, int, 0, MAX_PORT)
        _check_number("time_scale", self.time_scale, (int, float), *TIME_SCALES)
        _check_number("seed", self.seed, int, 0, MAX_SEED)
        _check_choice("behavior", self.behavior, BEHAVIORS)
        _check_choice("access", self.access, ACCESS)
        if not isinstance(self.allowed_origins, tuple):
            raise SettingsError(f"allowed_origins: must be a list of origins, found {self.allowed_origins!r}")
        for origin in self.allowed_origins:
            if not isinstance(origin, str) or not ORIGIN.fullmatch(origin):
                raise SettingsError(
                    f"allowed_origins: must be origins such as http://localhost:8000, found {origin!r}"
                )

    def changed(self, values: Mapping[str, Any]) -> Settings:
        """A copy with other values, as a JSON document gives them. Raises SettingsError."""
        known = [f.name for f in fields(self)]
        for name in values:
            if name not in known:
                raise SettingsError(f"{name}: unknown setting; known settings: {', '.join(known)}")
        lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return replace(self, **{**values, **lists})


def _check_number(name: str, value: Any, kinds: Any, least: float, most: float) -> None:
    # bool is a subclass of int.
    valid: bool = isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most
    if not valid:
        kind = "a whole number" if kinds is int else "a number"
        raise SettingsError(f"{name}: must be {kind} between {least:g} and {most:g}, found {value!r}")


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"{name}: must be one of {', '.join(choices)}, found {value!r}")
