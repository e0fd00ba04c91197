"""The global options of a run, and the configuration and the directory by the options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mysfits_stream.errors import ConfigError, StateError

if TYPE_CHECKING:
    from pathlib import Path

    from mysfits_stream.config import Config

ENVIRONMENT = "MYSFITS_STREAM_"
LOCAL_ACCESS = f"{ENVIRONMENT}LOCAL_ACCESS"
DIRECTORY = ".mysfits-stream"
"""Holds the state files, the lock and the local cloud's files; next to the configuration."""

CACHE = "cache"
"""The folder below DIRECTORY with the cached clicks of all stacks."""


@dataclass(frozen=True)
class Options:
    """The global options, from the command line or from the environment.

    None for absent options.
    """

    config: str | None = None
    stack: str | None = None
    target: str | None = None
    region: str | None = None
    profile: str | None = None
    mysfits_api: str | None = None
    json: bool | None = None
    quiet: bool | None = None
    verbose: bool | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """Option -> the environment variable that its value comes from, for error messages."""

    @property
    def settings(self) -> dict[str, str | None]:
        """The options that override settings of the configuration, by the setting's name."""
        return {
            "stack": self.stack,
            "target": self.target,
            "region": self.region,
            "profile": self.profile,
            "mysfits_api": self.mysfits_api,
        }


def load_config(options: Options, warn: Callable[[str], None], section: str | None = None) -> Config:
    """The configuration with options and environment applied.

    ``warn`` takes warnings. Raises ConfigError.

    With ``section`` only the section of the file is read, and all others have their defaults.
    """
    from pathlib import Path

    from mysfits_stream import config_file

    file = Path(options.config) if options.config else None
    loaded = config_file.load(file, warn=warn, section=section)
    given = {**options.settings, "local.access": os.environ.get(LOCAL_ACCESS) or None}
    variables = {"local.access": LOCAL_ACCESS, **options.variables}
    for name, value in given.items():
        try:
            loaded = config_file.override(loaded, {name: value})
        except ConfigError as error:
            variable = variables.get(name)
            raise ConfigError(f"{variable}: {error}" if variable else str(error)) from None
    return loaded


def state_directory(options: Options) -> Path:
    """The directory of the configuration's files.

    Raises StateError if the working directory is gone.
    """
    from pathlib import Path

    try:
        return (Path(options.config).parent if options.config else Path()).absolute() / DIRECTORY
    except FileNotFoundError:
        raise StateError("the working directory was deleted; change to another directory") from None
