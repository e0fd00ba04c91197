"""Settings of the local cloud: validated alone, and the same as in the configuration."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from mysfits_stream.config import LocalConfig
from mysfits_stream.local_site.settings import settings_of
from mysfits_stream.localcloud.settings import Settings, SettingsError

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"port": 65536}, "port: must be a whole number between 0 and 65535, found 65536"),
    ({"port": 1.5}, "port: must be a whole number"),
    ({"port": True}, "port: must be a whole number"),
    ({"time_scale": 0}, "time_scale: must be a number between 1 and 100000, found 0"),
    ({"time_scale": "fast"}, "time_scale: must be a number"),
    ({"time_scale": float("nan")}, "time_scale: must be a number"),
    ({"behavior": "none"}, "behavior: must be one of instant, aws, found 'none'"),
    ({"behavior": []}, "behavior: must be one of instant, aws"),
    ({"seed": -1}, "seed: must be a whole number"),
    ({"moods": "aws"}, "moods: unknown setting; known settings: port, time_scale"),
]


@pytest.mark.parametrize(("values", "message"), WRONG, ids=[str(values) for values, _ in WRONG])
def test_a_wrong_setting_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings().changed(values)
    assert str(error.value).startswith(message)


def test_the_configuration_has_the_same_settings_and_defaults() -> None:
    assert asdict(settings_of(LocalConfig())) == asdict(Settings())
