"""The user's processor from ``processor.source``: a module, or a folder with requirements.

The package holds the files of the folder and the wheels of ``requirements.txt``; the same input gives the
same bytes. Code that cannot run on Lambda is a ConfigError before anything is deployed.
"""

from __future__ import annotations

import ast
import os
import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from mysfits_stream.config import ProcessorConfig
from mysfits_stream.errors import ConfigError
from mysfits_stream.provision import wheels
from mysfits_stream.provision.processor_zip import (
    REQUIREMENTS,
    Package,
    processor_package,
    zipped,
)
from mysfits_stream.provision.wheels import Environment

HANDLER = "stream_processor.handler"
"""The handler of the tool's processor, and the default for a folder."""

CACHE = Path(".mysfits-stream") / "packages"

MOST_ZIPPED = 52_428_800
MOST_UNPACKED = 262_144_000
"""Bytes of a function's package, as zip in a request and unpacked (F65, F180)."""

_one_at_a_time = threading.Lock()


def handler_name(processor: ProcessorConfig) -> str:
    """The handler, ``module.function``, as Lambda needs the name."""
    if processor.handler:
        return processor.handler
    source = processor.source or ""
    return f"{PurePosixPath(source).stem}.handler" if source.endswith(".py") else HANDLER


def package_of(processor: ProcessorConfig, cache: Path = CACHE, *, here: bool = False) -> Package:
    """The package of the configured processor: the user's own, or the tool's.

    ``cache`` is the directory for downloaded wheels. With ``here``, compiled modules fit this machine, which
    runs the functions of the local cloud. Raises ConfigError for a source that cannot run.
    """
    with _one_at_a_time:
        if processor.source:
            return _packed(processor, Path(processor.source), cache, here)
        return processor_package()


def _packed(processor: ProcessorConfig, source: Path, cache: Path, here: bool) -> Package:
    files = dict(_files(source))
    requirements = files.pop(REQUIREMENTS, b"")
    _check_code(files, source, handler_name(processor), processor.runtime)
    environment = Environment(processor.runtime, processor.architecture, here)
    found = wheels.wheels(requirements, f"{source / REQUIREMENTS}", environment, cache)
    _check_size(sum(map(len, files.values())) + sum(map(wheels.unpacked_size, found)), source)
    entries: dict[str, bytes] = {}
    for wheel in found:
        entries |= wheels.contents(wheel)
    _check_names(files, entries, source)
    package = zipped(entries | files)
    if len(package) >= MOST_ZIPPED:
        raise _too_large(len(package), source)
    sources = ["==".join(wheels.distribution_of(wheel)) for wheel in found]
    return Package(package, tuple(sources), tuple(files.items()), requirements)


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """The files of a module or a folder by path in the package; raises ConfigError."""
    try:
        if source.is_file():
            if source.suffix != ".py":
                raise ConfigError(f"processor.source: {source} is neither a folder nor a Python module (.py)")
            yield source.name, _content(source, source.parent.resolve())
            return
        if not source.is_dir():
            raise ConfigError(f"processor.source: {source} does not exist; `init --processor DIR` writes one")
        found = sorted(_walk(source, source.resolve()))
        _check_size(sum(path.stat().st_size for path in found), source)
        for path in found:
            yield path.relative_to(source).as_posix(), _content(path, source.resolve())
    except OSError as error:
        raise ConfigError(f"processor.source: {error.filename}: cannot be read: {error.strerror}") from None


def _walk(folder: Path, top: Path) -> Iterator[Path]:
    """The files to pack; without hidden ones, caches of Python and virtual environments."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name == "__pycache__" or entry.name.endswith(".pyc"):
            continue
        _reject_link(path, top)
        if entry.is_dir():
            if entry.is_symlink():
                raise ConfigError(
                    f"processor.source: {path} is a link to a folder; put the folder itself there"
                )
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path, top)
        else:
            yield path


def _content(path: Path, top: Path) -> bytes:
    """The content of a regular file that lies in the folder, links included."""
    _reject_link(path, top)
    if not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(f"processor.source: {path} is not a regular file; remove the file")
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise ConfigError(f"processor.source: {str(path)!r}: the name is not text; rename the file") from None
    return path.read_bytes()


def _reject_link(path: Path, top: Path) -> None:
    """Raise ConfigError for a symbolic link that leads out of the folder, or nowhere."""
    if not path.is_symlink():
        return
    if not path.exists():
        raise ConfigError(f"processor.source: {path} is a link that leads nowhere; remove the link")
    if not path.resolve().is_relative_to(top):
        raise ConfigError(
            f"processor.source: {path} is a link out of the folder; copy the file into the folder"
        )


def _check_code(files: dict[str, bytes], source: Path, handler: str, runtime: str) -> None:
    """Raise ConfigError for a module that does not parse, and for a missing handler."""
    parsed = {
        name: _parsed(content, name, source, runtime)
        for name, content in files.items()
        if name.endswith(".py")
    }
    module, _, function = handler.rpartition(".")
    path = module.replace(".", "/")
    tree = parsed.get(f"{path}.py") or parsed.get(f"{path}/__init__.py")
    if tree is None:
        raise ConfigError(
            f"processor.source: {source} has no module {path}.py for the handler {handler}; name "
            "another with processor.handler, such as my_processor.handler"
        )
    kind = _binding(tree.body, function)
    if kind is None:
        raise ConfigError(
            f"processor.source: {path}.py defines no {function!r}, the handler {handler}; write "
            f"def {function}(event, context), or name another with processor.handler"
        )
    if kind is ast.AsyncFunctionDef:
        raise ConfigError(
            f"processor.source: {handler} is async, and Lambda calls no async handlers; use def"
        )


def _parsed(content: bytes, name: str, source: Path, runtime: str) -> ast.Module:
    minor = int(runtime.removeprefix("python3."))
    where = f"processor.source: {source / name if source.is_dir() else source}"
    try:
        return ast.parse(content, name, feature_version=(3, min(minor, sys.version_info.minor)))
    except SyntaxError as error:
        older = sys.version_info.minor < minor
        here = f"Python 3.{sys.version_info.minor}"
        hint = f" ({here} parsed it; for newer syntax, run the tool with {runtime})" if older else ""
        raise ConfigError(f"{where} line {error.lineno or 1}: syntax error: {error.msg}{hint}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise ConfigError(f"{where}: not a Python module: {error or type(error).__name__}") from None


def _binding(statements: list[ast.stmt], name: str) -> type[ast.AST] | None:
    """The type of the statement that binds a name at a module's top; None without a statement."""
    found: type[ast.AST] | None = None
    for statement in statements:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names = [statement.name]
            case ast.Import() | ast.ImportFrom():
                names = [(alias.asname or alias.name).partition(".")[0] for alias in statement.names]
                names += [name] if "*" in names else []
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
                names = [
                    each.id
                    for each in ast.walk(statement)
                    if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
                ]
            case _:
                names = []
                for block in ("body", "orelse", "handlers", "finalbody"):
                    for inner in getattr(statement, block, []):
                        inside = getattr(inner, "body", [inner]) if block == "handlers" else [inner]
                        found = _binding(inside, name) or found
        if name in names:
            found = type(statement)
    return found


def _check_names(files: dict[str, bytes], packages: dict[str, bytes], source: Path) -> None:
    """Raise ConfigError for a module of the folder that hides a package of the requirements."""
    tops = {_top(name) for name in packages if not name.split("/")[0].endswith(".dist-info")}
    for name in files:
        if _top(name) in tops:
            raise ConfigError(
                f"processor.source: {name} in {source} has the name of a package in "
                f"{REQUIREMENTS}; rename one"
            )


def _top(name: str) -> str:
    top, _, rest = name.partition("/")
    return top if rest else top.partition(".")[0] if top.endswith((".py", ".so")) else top


def _check_size(size: int, source: Path) -> None:
    if size > MOST_UNPACKED:
        raise ConfigError(
            f"processor.source: {source} takes {size / 1e6:,.0f} MB unpacked, and Lambda allows 250 MB "
            f"({MOST_UNPACKED:,} bytes); leave files or requirements out"
        )


def _too_large(size: int, source: Path) -> ConfigError:
    return ConfigError(
        f"processor.source: the zip of {source} takes {size / 1e6:,.0f} MB, and Lambda takes less than 50 MB "
        f"({MOST_ZIPPED:,} bytes, not compressed); leave files or requirements out"
    )
