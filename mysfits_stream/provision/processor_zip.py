"""The processor's zip, built in memory from the handler and its installed requirements.

Equal input gives equal bytes on any machine: entries are sorted, dated alike and stored, not
deflated, as versions of zlib compress differently. Compiled modules are left out: the rest runs on any
Lambda architecture, packed on any machine.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email import message_from_string
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from mysfits_stream import lambda_src
from mysfits_stream.errors import ProvisionError

HANDLER = "stream_processor.py"
REQUIREMENTS = "requirements.txt"

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip entry can have."""

READABLE = 0o100644 << 16
COMPILED = (".so", ".pyd", ".dylib")


@dataclass(frozen=True)
class Package:
    """The function's code: the zip and its contents."""

    zip_bytes: bytes
    sources: tuple[str, ...]
    """The distributions in it, as ``name==version``."""

    code: tuple[tuple[str, bytes], ...] = ()
    """The processor's own files by path, without packages."""

    requirements: bytes = b""
    """The text of requirements.txt."""

    @property
    def sha256(self) -> str:
        """Base64 of the zip's SHA-256, as Lambda reports it in CodeSha256."""
        return base64.b64encode(hashlib.sha256(self.zip_bytes).digest()).decode()


@cache
def processor_package() -> Package:
    """The package of the processor; built once a process."""
    source = Path(lambda_src.__file__).parent
    handler = (source / HANDLER).read_bytes()
    entries = {HANDLER: handler}
    requirements = (source / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    found = list(_closure(_names(requirements)))
    if missed := below_floor(requirements, {each.name: each.version for each in found}):
        quoted = " ".join(f"'{requirement}'" for requirement in missed)
        raise ProvisionError(
            "processor",
            "package",
            f"installed versions have known vulnerabilities; run: pip install {quoted}",
        )
    for each in found:
        entries.update(_modules(each))
    sources = sorted(f"{each.name}=={each.version}" for each in found)
    pinned = "".join(f"{source}\n" for source in sources)
    return Package(zipped(entries), tuple(sources), ((HANDLER, handler),), pinned.encode())


def below_floor(requirements: Iterable[str], installed: Mapping[str, str]) -> list[str]:
    """The requirements ``name>=version`` with an older installed version."""
    versions = {_normal(name): version for name, version in installed.items()}
    floors = (line.strip().split(">=") for line in requirements if ">=" in line)
    return [
        f"{name}>={floor}"
        for name, floor in floors
        if _normal(name) in versions and _release(versions[_normal(name)]) < _release(floor)
    ]


def zipped(entries: dict[str, bytes]) -> bytes:
    """A zip of the files; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, EPOCH)
            info.create_system = 3
            info.external_attr = READABLE
            archive.writestr(info, entries[name])
    return buffer.getvalue()


@dataclass(frozen=True)
class _Installed:
    """An installed distribution.

    importlib parses the metadata again for each property.
    """

    name: str
    version: str
    files: tuple[PurePosixPath, ...]
    distribution: Distribution


def _closure(names: Iterable[str]) -> Iterator[_Installed]:
    """The distributions of the names and of all requirements, without extras."""
    waiting, seen = list(names), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            dist = distribution(name)
        except PackageNotFoundError:
            raise ProvisionError(
                "processor", "package", f"{name} is not installed; run: pip install {name}"
            ) from None
        # The description below the headers is long, and takes long to parse.
        headers = (dist.read_text("METADATA") or "").partition("\n\n")[0]
        metadata = message_from_string(headers) if headers else dist.metadata
        files = tuple(dist.files or ())
        yield _Installed(metadata["Name"], metadata["Version"], files, dist)
        # The requirements of an egg-info directory are in a file of their own.
        required = (metadata.get_all("Requires-Dist") if headers else dist.requires) or ()
        waiting.extend(_names(line for line in required if "extra ==" not in line))


def _names(requirements: Iterable[str]) -> list[str]:
    matches = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line.strip()) for line in requirements)
    return [_normal(match.group()) for match in matches if match]


def _normal(name: str) -> str:
    """The name of a distribution as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without zeros at the end: 2.7.0 equals 2.7."""
    found = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(number) for number in found.group().split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _modules(dist: _Installed) -> dict[str, bytes]:
    """The distribution's importable files and licences.

    Raises ProvisionError if it is not pure Python.
    """
    paths = {path for path in dist.files if _belongs(path)}
    for path in dist.files:
        stem = path.name.split(".")[0]
        # mypyc's shared helper has no source of its own; the modules that use it do.
        if (
            path.suffix in COMPILED
            and not stem.endswith("__mypyc")
            and path.with_name(f"{stem}.py") not in paths
        ):
            raise ProvisionError(
                "processor", "package", f"{dist.name} {dist.version} needs the compiled module {path}"
            )
    locate = dist.distribution.locate_file
    return {str(path): locate(str(path)).read_bytes() for path in paths}  # type: ignore[attr-defined]


def _belongs(path: PurePosixPath) -> bool:
    if ".." in path.parts or path.is_absolute() or "__pycache__" in path.parts or path.suffix in COMPILED:
        return False
    if path.parts[0].endswith(".dist-info"):
        return "licenses" in path.parts or path.name.upper().startswith(("LICENSE", "NOTICE"))
    return len(path.parts) > 1 or path.suffix == ".py"
