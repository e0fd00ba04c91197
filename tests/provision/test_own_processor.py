"""The user's processor: packed reproducibly, or refused in one line."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mysfits_stream.config import ProcessorConfig
from mysfits_stream.config_file import load
from mysfits_stream.errors import ConfigError
from mysfits_stream.operations.init import init_processor
from mysfits_stream.provision import own_processor, wheels
from mysfits_stream.provision.own_processor import handler_name, package_of
from mysfits_stream.provision.processor_zip import Package, processor_package
from mysfits_stream.provision.wheels import Environment

HANDLER = "def handler(event, context):\n    return {'records': []}\n"
UNREACHABLE = "http://127.0.0.1:9/simple"


def packed(source: Path, cache: Path | None = None, **settings: Any) -> Package:
    return package_of(ProcessorConfig(source=str(source), **settings), cache or source.parent / "cache")


def names(package: Package) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as archive:
        return archive.namelist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a handler."""
    source = tmp_path / "own"
    source.mkdir()
    (source / "stream_processor.py").write_text(HANDLER)
    return source


def test_the_same_folder_gives_the_same_bytes_wherever_and_whenever(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "another place"
    for place in (folder, other):
        (place / "data").mkdir(parents=True)
        (place / "data" / "prices.json").write_text("{}")
        (place / "stream_processor.py").write_text(HANDLER)
    os.utime(other / "stream_processor.py", (1, 1))
    assert packed(folder).zip_bytes == packed(other).zip_bytes
    assert names(packed(folder)) == ["data/prices.json", "stream_processor.py"]


def test_hidden_files_caches_and_environments_are_left_out(folder: Path) -> None:
    for name in (".env", ".git/config", "__pycache__/a.pyc", "venv/pyvenv.cfg", "venv/lib.py", "old.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("secret")
    assert names(packed(folder)) == ["stream_processor.py"]


def test_a_module_is_a_processor_too(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(HANDLER)
    (tmp_path / "beside.py").write_text("not packed")
    package = packed(tmp_path / "shop.py")
    assert names(package) == ["shop.py"]
    assert handler_name(ProcessorConfig(source="x/shop.py")) == "shop.handler"


@pytest.mark.parametrize(
    ("settings", "handler"),
    [
        ({}, "stream_processor.handler"),
        ({"source": "own"}, "stream_processor.handler"),
        ({"source": "own", "handler": "shop.clicks.run"}, "shop.clicks.run"),
        ({"source": "own/shop.py", "handler": "shop.run"}, "shop.run"),
    ],
)
def test_the_handler_is_configured_or_follows_from_the_source(settings: Any, handler: str) -> None:
    assert handler_name(ProcessorConfig(**settings)) == handler


def test_the_source_is_relative_to_the_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("processor: {source: own}\n")
    assert load(tmp_path / "config.yaml").processor.source == str(tmp_path / "own")


@pytest.mark.parametrize(
    "code",
    [
        "from elsewhere import handler",
        "import handler",
        "handler = lambda event, context: None",
        "handler: object = print",
        "try:\n    from fast import handler\nexcept ImportError:\n    def handler(event, context): ...\n",
        "if True:\n    def handler(event, context): ...\n",
        "from elsewhere import *",
        "class handler: ...",
        "(first, handler) = (1, print)",
    ],
)
def test_whatever_defines_the_handler_will_do(folder: Path, code: str) -> None:
    (folder / "stream_processor.py").write_text(code)
    assert names(packed(folder)) == ["stream_processor.py"]


def write(name: str, content: bytes | str) -> Callable[[Path], object]:
    def into(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return into


def sparse(name: str, size: int) -> Callable[[Path], object]:
    def into(folder: Path) -> None:
        with (folder / name).open("wb") as file:
            file.truncate(size)

    return into


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no handler": (write("stream_processor.py", "x = 1"), "defines no 'handler'"),
    "a handler in a function": (
        write("stream_processor.py", "def outer():\n    def handler(e, c): ...\n"),
        "defines no 'handler'",
    ),
    "an async handler": (write("stream_processor.py", "async def handler(e, c): ..."), "is async"),
    "no module": (lambda folder: (folder / "stream_processor.py").unlink(), "no module stream_processor.py"),
    "broken code": (
        write("stream_processor.py", "x = 1\ndef handler(:"),
        "stream_processor.py line 2: syntax",
    ),
    "broken code beside": (write("shop/prices.py", "x ="), "shop/prices.py line 1: syntax error"),
    "code with a NUL": (write("stream_processor.py", b"x = 1\0"), "null bytes"),
    "code in no encoding": (write("stream_processor.py", b"# \xff\nx = '\xff'"), "syntax error"),
    "code nested too deep": (write("stream_processor.py", "-" * 100_000 + "1"), "stream_processor.py"),
    "a link out of the folder": (
        lambda folder: (folder / "hosts").symlink_to("/etc/hosts"),
        "hosts is a link out of the folder",
    ),
    "a folder linked from outside": (lambda folder: (folder / "etc").symlink_to("/etc"), "link out of"),
    "a folder linked to itself": (lambda folder: (folder / "loop").symlink_to(folder), "a link to a folder"),
    "a link to nowhere": (lambda folder: (folder / "gone").symlink_to("nowhere"), "leads nowhere"),
    "a pipe": (lambda folder: os.mkfifo(folder / "pipe"), "not a regular file"),
    "requirements without a version": (write("requirements.txt", "requests\n"), "'requests' is not pinned"),
    "more than Lambda unpacks": (sparse("model.bin", 262_144_001), "250 MB"),
    "a larger zip than Lambda takes": (sparse("model.bin", 52_428_800), "less than 50 MB"),
}


@pytest.mark.parametrize(("harm", "complaint"), BAD.values(), ids=BAD)
def test_a_source_that_cannot_run_gets_one_line(
    folder: Path, harm: Callable[[Path], object], complaint: str
) -> None:
    harm(folder)
    with pytest.raises(ConfigError) as raised:
        packed(folder)
    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(("processor.source: ", str(folder)))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [("nowhere", "does not exist"), ("text.txt", "neither a folder nor"), ("empty", "no module")],
)
def test_a_source_that_is_none_gets_one_line(tmp_path: Path, source: str, complaint: str) -> None:
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=complaint):
        packed(tmp_path / source)


def test_a_link_that_stays_in_the_folder_is_packed_as_a_file(folder: Path) -> None:
    (folder / "again.py").symlink_to("stream_processor.py")
    with zipfile.ZipFile(io.BytesIO(packed(folder).zip_bytes)) as archive:
        assert archive.read("again.py") == HANDLER.encode()


@pytest.mark.parametrize(
    "line",
    [
        *("requests", "requests>=2", "requests==2.*", "requests~=2.0", "-r other.txt", "-e .", "./local"),
        *("requests @ https://example.com/r.whl", "--index-url https://example.com", "requests==2,<3"),
    ],
)
def test_a_requirement_without_a_pin_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(ConfigError, match=r"own/requirements.txt line 2: .* is not pinned"):
        wheels.pinned(f"# packages\n{line}\n".encode(), "own/requirements.txt")


def test_pins_have_names_versions_markers_and_hashes() -> None:
    text = (
        "requests[socks]==2.32.3 ; python_version > '3.8'  # why\n\n"
        "Typing_Extensions==4.12.2 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n"
    )
    assert wheels.pinned(text.encode(), "r") == {"requests": "2.32.3", "typing-extensions": "4.12.2"}
    with pytest.raises(ConfigError, match="line 2: a is pinned twice"):
        wheels.pinned(b"a==1\na==2\n", "r")


def wheel(directory: Path, name: str, tag: str = "py3-none-any", requires: str = "") -> None:
    """A wheel of version 1.0 with one module."""
    info = f"{name}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    directory.mkdir(exist_ok=True)
    with zipfile.ZipFile(directory / f"{name}-1.0-{tag}.whl", "w") as archive:
        archive.writestr(f"{name}/__init__.py", f"TAG = {tag!r}\n")
        archive.writestr(f"{name}-1.0.data/scripts/{name}", "#!python\n")
        archive.writestr(f"{name}-1.0.data/purelib/{name}_more.py", "")
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only index that pip knows."""
    directory = tmp_path / "index"
    directory.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return directory


@pytest.mark.slow
def test_pinned_requirements_are_packed_and_fetched_once(
    folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel(index, "plain")
    (folder / "requirements.txt").write_text("plain==1.0\n")
    first = packed(folder)
    assert names(first) == [
        "plain-1.0.dist-info/METADATA",
        "plain-1.0.dist-info/WHEEL",
        "plain/__init__.py",
        "plain_more.py",
        "stream_processor.py",
    ]
    assert (first.sources, first.requirements) == (("plain==1.0",), b"plain==1.0\n")
    monkeypatch.setenv("PIP_FIND_LINKS", os.devnull)
    assert packed(folder).zip_bytes == first.zip_bytes
    with pytest.raises(ConfigError, match=r"no wheel of plain==1\.0 for python3\.13 on arm64"):
        packed(folder, folder.parent / "empty cache")


@pytest.mark.slow
def test_compiled_code_is_taken_for_the_configured_architecture_and_runtime(
    folder: Path, index: Path
) -> None:
    for tag in (
        "cp313-cp313-manylinux_2_28_aarch64",
        "cp312-cp312-manylinux2014_x86_64",
        "cp312-cp312-manylinux_2_39_aarch64",
    ):
        wheel(index, "fast", tag)
    (folder / "requirements.txt").write_text("fast==1.0\n")
    [arm] = wheels.wheels(b"fast==1.0", "r", Environment("python3.13", "arm64"), folder.parent / "cache")
    [intel] = wheels.wheels(b"fast==1.0", "r", Environment("python3.12", "x86_64"), folder.parent / "cache")
    assert (arm.name, intel.name) == (
        "fast-1.0-cp313-cp313-manylinux_2_28_aarch64.whl",
        "fast-1.0-cp312-cp312-manylinux2014_x86_64.whl",
    )
    with pytest.raises(ConfigError, match=r"no wheel of fast==1\.0 for python3\.12 on arm64"):
        packed(folder, runtime="python3.12")


@pytest.mark.slow
def test_what_a_requirement_requires_has_to_be_pinned_too(folder: Path, index: Path) -> None:
    wheel(index, "outer", requires="inner")
    wheel(index, "inner")
    (folder / "requirements.txt").write_text("outer==1.0\n")
    with pytest.raises(ConfigError, match=r"not pinned; add inner==1\.0$"):
        packed(folder)
    assert not any((folder.parent / "cache").iterdir())


@pytest.mark.slow
def test_a_module_with_the_name_of_a_package_is_refused(folder: Path, index: Path) -> None:
    wheel(index, "plain")
    (folder / "requirements.txt").write_text("plain==1.0\n")
    (folder / "plain.py").write_text("")
    with pytest.raises(ConfigError, match=r"plain\.py .* has the name of a package"):
        packed(folder)


@pytest.mark.slow
def test_pip_without_a_network_gets_one_line(
    folder: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", UNREACHABLE)
    monkeypatch.setenv("PIP_RETRIES", "0")
    (folder / "requirements.txt").write_text("plain==1.0\n")
    with pytest.raises(ConfigError, match="pip cannot reach the package index") as raised:
        packed(folder)
    assert "\n" not in str(raised.value)


def test_a_damaged_wheel_in_the_cache_gets_one_line(tmp_path: Path) -> None:
    (tmp_path / "plain-1.0-py3-none-any.whl").write_bytes(b"PK broken")
    for read in (wheels.contents, wheels.unpacked_size):
        with pytest.raises(ConfigError, match="remove its directory"):
            read(tmp_path / "plain-1.0-py3-none-any.whl")


def test_a_wheel_with_a_path_out_of_it_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("../../evil.py", "")
    with pytest.raises(ConfigError, match="outside of the wheel"):
        wheels.contents(tmp_path / "evil-1.0-py3-none-any.whl")


def test_init_writes_a_copy_of_the_processor_and_overwrites_nothing(tmp_path: Path) -> None:
    written = init_processor(tmp_path / "own")
    package = processor_package()
    assert [path.name for path in written.paths] == ["stream_processor.py", "requirements.txt"]
    assert written.paths[0].read_bytes() == dict(package.code)["stream_processor.py"]
    assert set(wheels.pinned(written.paths[1].read_bytes(), "r")) >= {"requests", "urllib3", "certifi"}
    written.paths[0].unlink()
    with pytest.raises(ConfigError, match=r"requirements\.txt: exists already; init overwrites nothing"):
        init_processor(tmp_path / "own")
    assert not written.paths[0].exists(), "both files or none"


def test_without_a_source_the_processor_is_the_tools_own() -> None:
    assert package_of(ProcessorConfig()) is processor_package()
    assert own_processor.HANDLER == "stream_processor.handler"
