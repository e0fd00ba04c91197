"""The pinned requirements of a processor, as wheels that pip downloads once into a cache.

Only wheels: a source distribution would run its build on the user's machine, and for the wrong architecture.
The wheels fit the function's architecture and runtime, or the machine that runs the local cloud.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mysfits_stream.errors import ConfigError
from mysfits_stream.files import state_errors

PIN = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\s*\[[^\]]*\])?\s*==\s*(?P<version>[A-Za-z0-9.!+_-]+)\s*"
    r"(;[^#]*?)?(\s+--hash=\S+)*"
)
"""``name==version``, with extras, markers and hashes; ``==1.*`` pins nothing."""

PIP_SECONDS = 600
NO_NETWORK = re.compile(
    r"Max retries|NewConnectionError|ConnectTimeout|Connection (refused|reset|aborted)|ProxyError|"
    r"Read timed out|name resolution|Network is unreachable|SSLError",
    re.IGNORECASE,
)
GLIBC = {"python3.11": 26}
"""The minor version of glibc 2 of Amazon Linux 2; later runtimes have Amazon Linux 2023 (F181)."""

GLIBC_OF_AL2023 = 34
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
LEGACY = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
OLDEST = {"aarch64": 17, "x86_64": 5}


@dataclass(frozen=True)
class Environment:
    """Where wheels run: a Lambda function, or with ``here`` this machine, for the local cloud."""

    runtime: str
    architecture: str
    here: bool = False

    def __str__(self) -> str:
        if self.here:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"python{version} on this machine ({sys.platform}, {platform.machine()})"
        return f"{self.runtime} on {self.architecture}"

    @property
    def directory(self) -> str:
        """The part of a directory's name that tells this environment from others."""
        if not self.here:
            return f"{self.runtime}-{self.architecture}"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return f"{sys.implementation.name}{version}-{sys.platform}-{platform.machine()}"

    def pip_options(self) -> list[str]:
        """The options with which pip selects the wheels of this environment; none for this machine."""
        if self.here:
            return []
        machine, newest = MACHINES[self.architecture], GLIBC.get(self.runtime, GLIBC_OF_AL2023)
        options = ["--implementation", "cp", "--python-version", self.runtime.removeprefix("python")]
        for minor in range(newest, OLDEST[machine] - 1, -1):
            options += ["--platform", f"manylinux_2_{minor}_{machine}"]
            if minor in LEGACY:
                options += ["--platform", f"{LEGACY[minor]}_{machine}"]
        return [*options, "--platform", f"linux_{machine}"]


def requirement_lines(content: bytes, where: str) -> Iterator[tuple[int, str]]:
    """The line number and text of each requirement, without comments; raises ConfigError."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: cannot be read: {error}") from None
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        first = first if begun else number
        if line.endswith("\\"):
            begun += line[:-1] + " "
            continue
        if requirement := (begun + line).strip():
            yield first, requirement
        begun = ""
    if begun.strip():
        yield first, begun.strip()


def pinned(content: bytes, where: str) -> dict[str, str]:
    """The normal names of the requirements and their versions.

    Raises ConfigError for one without a pin.
    """
    found: dict[str, str] = {}
    for number, line in requirement_lines(content, where):
        match = PIN.fullmatch(line)
        if not match:
            raise ConfigError(
                f"{where} line {number}: {line!r} is not pinned; write name==version, such as "
                "requests==2.32.3, without options and URLs"
            )
        name = normal(match["name"])
        if found.setdefault(name, match["version"]) != match["version"] and ";" not in line:
            raise ConfigError(f"{where} line {number}: {name} is pinned twice, to different versions")
    return found


def wheels(content: bytes, where: str, environment: Environment, cache: Path) -> list[Path]:
    """The wheels of pinned requirements, downloaded once; raises ConfigError or StateError.

    A directory of the cache is complete: its name holds a digest of the requirements, and the directory gets
    this name after the download.
    """
    pins = pinned(content, where)
    if not pins:
        return []
    digest = hashlib.sha256(content).hexdigest()[:16]
    directory = cache / f"{environment.directory}-{digest}"
    with state_errors(cache):
        if not directory.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache) as name:
                unfinished = Path(name)
                (unfinished / "wheels").mkdir()
                _download(content, where, environment, unfinished)
                _check_all_pinned(unfinished, pins, where)
                try:
                    (unfinished / "wheels").rename(directory)
                except OSError:
                    if not directory.is_dir():  # else another run has downloaded the same
                        raise
        return sorted(directory.glob("*.whl"))


def contents(wheel: Path) -> dict[str, bytes]:
    """The importable files of a wheel by path; raises ConfigError for a damaged one.

    Scripts are left out: they begin with the path of an interpreter.
    """
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(wheel) as archive:
            for info in archive.infolist():
                path = _installed(PurePosixPath(info.filename))
                if path is None or info.is_dir():
                    continue
                if path.is_absolute() or ".." in path.parts:
                    raise ConfigError(f"{wheel.name}: the file {info.filename!r} lies outside of the wheel")
                found[str(path)] = archive.read(info)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError) as error:
        raise ConfigError(f"{wheel}: cannot be read ({error}); remove its directory, and run again") from None
    return found


def unpacked_size(wheel: Path) -> int:
    """The bytes of a wheel's files."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise ConfigError(f"{wheel}: cannot be read ({error}); remove its directory, and run again") from None


def distribution_of(wheel: Path) -> tuple[str, str]:
    """The normal name and the version of a wheel, from its file name."""
    name, version, *_ = wheel.name.split("-")
    return normal(name), version


def normal(name: str) -> str:
    """The name of a distribution as package indexes compare names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(path: PurePosixPath) -> PurePosixPath | None:
    """The path of a wheel's file once it is installed.

    None for a file that a function does not need.
    """
    top = path.parts[0] if path.parts else ""
    if top.endswith(".data"):
        if len(path.parts) < 3 or path.parts[1] not in ("purelib", "platlib"):
            return None
        return PurePosixPath(*path.parts[2:])
    if top.endswith(".dist-info") and path.name.startswith("RECORD"):
        return None
    return None if "__pycache__" in path.parts else path


def _download(content: bytes, where: str, environment: Environment, directory: Path) -> None:
    requirements = directory / "requirements.txt"
    requirements.write_bytes(content)
    # Python's own pip, and the user's own index, proxy and certificates.
    command = [sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check"]
    command += ["--retries", "2", "--only-binary", ":all:", "--dest", str(directory / "wheels")]
    command += [*environment.pip_options(), "--requirement", str(requirements)]
    variables = {**os.environ, "PYTHONSAFEPATH": "1", "PIP_NO_COLOR": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that runs us
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_SECONDS,
            check=False,
            env=variables,
            cwd=directory,
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"{where}: pip did not finish within {PIP_SECONDS} s; try again") from None
    if done.returncode:
        raise ConfigError(f"{where}: {_reason(done.stderr + done.stdout, environment)}")


def _reason(output: str, environment: Environment) -> str:
    """Why pip failed, in one line with advice."""
    if "No module named pip" in output:
        return "packing requirements takes pip, which this Python lacks; run: python -m ensurepip"
    if NO_NETWORK.search(output):
        return "pip cannot reach the package index; connect once, then the cache has the wheels"
    if missing := re.search(r"No matching distribution found for ([^\s(]+)", output):
        return (
            f"no wheel of {missing[1]} for {environment}; choose another version, or another "
            "processor.architecture or processor.runtime"
        )
    if "DO NOT MATCH THE HASHES" in output:
        return "a wheel does not match its --hash; pin the hashes again, or do not trust the index"
    errors = [line.strip() for line in output.splitlines() if line.startswith("ERROR:")]
    return f"pip failed: {(errors or output.split(chr(10)))[0].removeprefix('ERROR: ').strip()[:300]}"


def _check_all_pinned(unfinished: Path, pins: dict[str, str], where: str) -> None:
    """Raise ConfigError with the lines to add, for a transitive requirement without a pin."""
    found = dict(map(distribution_of, sorted((unfinished / "wheels").glob("*.whl"))))
    missing = [f"{name}=={version}" for name, version in sorted(found.items()) if name not in pins]
    if missing:
        raise ConfigError(f"{where}: requirements of requirements are not pinned; add {', '.join(missing)}")
