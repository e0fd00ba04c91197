"""The section ``local`` of the configuration as settings of the local cloud."""

from __future__ import annotations

from dataclasses import asdict

from mysfits_stream.config import LocalConfig
from mysfits_stream.localcloud.settings import Settings


def settings_of(config: LocalConfig) -> Settings:
    """The settings of the local cloud, as configured."""
    return Settings(**asdict(config))
