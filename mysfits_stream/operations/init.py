"""``init``: files to begin with, which overwrite nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from mysfits_stream import config_file
from mysfits_stream.errors import ConfigError
from mysfits_stream.files import make_private, state_errors, write_atomically
from mysfits_stream.operations.options import DIRECTORY
from mysfits_stream.provision.processor_zip import REQUIREMENTS, processor_package

SCHEMA = "config.schema.json"


@dataclass(frozen=True)
class Initialized:
    """The files that ``init`` has written, and the settings that select these files."""

    paths: tuple[Path, ...]
    settings: str
    """Lines for config.yaml; empty if config.yaml itself was written."""

    def document(self) -> dict[str, Any]:
        """The files as JSON."""
        return {"files": [str(path) for path in self.paths]}


def init_config(path: Path, given: Mapping[str, str | None]) -> Initialized:
    """Write the annotated configuration with the settings that are given; raises ConfigError.

    A file that exists is never overwritten. Beside it, in the tool's own directory, the JSON Schema that the
    first line names for editors.
    """
    text = annotated()
    for name, value in given.items():
        if value is not None:
            text = _with_setting(text, name, value)
    config_file.parse(yaml.safe_load(text))
    schema = path.parent / DIRECTORY / SCHEMA
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"# yaml-language-server: $schema={DIRECTORY}/{SCHEMA}\n{text}")
    except OSError as error:
        raise _not_written(error) from None
    with state_errors(schema.parent):
        make_private(schema.parent)
        write_atomically(schema, packaged(SCHEMA))
    return Initialized((path,), "")


def reject_existing(path: Path) -> None:
    """Raise ConfigError if there is a file already."""
    if path.exists():
        raise _not_written(FileExistsError(0, "", str(path)))


def _with_setting(text: str, name: str, value: str) -> str:
    """The annotated text with another value of a top-level key, its comment in the same column."""
    written = f"{name}: {yaml.safe_dump(value).splitlines()[0]} "
    return re.sub(
        rf"^{name}:[^#\n]*(?=#)", lambda old: written.ljust(len(old[0])), text, count=1, flags=re.MULTILINE
    )


def annotated() -> str:
    """The annotated configuration with the defaults."""
    return packaged("config.yaml")


def packaged(name: str) -> str:
    """A text of the package; an editable installation has config.yaml in the folder above."""
    place = resources.files("mysfits_stream").joinpath(name)
    if not place.is_file():
        place = Path(str(resources.files("mysfits_stream"))).parent / name
    return place.read_text(encoding="utf-8")


def init_processor(directory: Path) -> Initialized:
    """Write the tool's processor and its pinned requirements into a folder; raises ConfigError.

    Writes both files or none; a file that exists is never overwritten.
    """
    package = processor_package()
    contents = {**dict(package.code), REQUIREMENTS: package.requirements}
    written: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            with (directory / name).open("xb") as file:
                written.append(directory / name)
                file.write(content)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise _not_written(error) from None
    return Initialized(tuple(written), f"processor:\n  source: {directory}\n")


def _not_written(error: OSError) -> ConfigError:
    reason = "exists already; init overwrites nothing" if isinstance(error, FileExistsError) else None
    return ConfigError(f"{error.filename}: {reason or f'cannot be written: {error.strerror}'}")
