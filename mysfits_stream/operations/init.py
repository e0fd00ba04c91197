"""``init``: files to begin with, which overwrite nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mysfits_stream.errors import ConfigError
from mysfits_stream.provision.processor_zip import REQUIREMENTS, processor_package


@dataclass(frozen=True)
class Initialized:
    """The files that ``init`` has written, and the settings that select these files."""

    paths: tuple[Path, ...]
    settings: str
    """Lines for config.yaml."""

    def document(self) -> dict[str, Any]:
        """The files as JSON."""
        return {"files": [str(path) for path in self.paths]}


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
        reason = "exists already; init overwrites nothing" if isinstance(error, FileExistsError) else None
        raise ConfigError(f"{error.filename}: {reason or f'cannot be written: {error.strerror}'}") from None
    return Initialized(tuple(written), f"processor:\n  source: {directory}\n")
