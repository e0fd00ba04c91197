"""The processor's zip has the same bytes everywhere, is whole, and runs on any machine."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from mysfits_stream.provision.processor_zip import EPOCH, _closure, processor_package, zipped

PACKAGE = processor_package()

# -I -S: no site-packages, no user directory, no PYTHON* variables. What imports, is in the zip.
ISOLATED = [sys.executable, "-I", "-S", "-B", "-c"]


@pytest.fixture(scope="module")
def archive() -> Iterator[zipfile.ZipFile]:
    with zipfile.ZipFile(io.BytesIO(PACKAGE.zip_bytes)) as opened:
        yield opened


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, archive: zipfile.ZipFile) -> Path:
    """As Lambda unpacks it."""
    directory = tmp_path_factory.mktemp("task")
    archive.extractall(directory)
    return directory


def run(code: str, unpacked: Path, *arguments: str) -> str:
    script = f"import sys; sys.path.insert(0, sys.argv[1]); {code}"
    done = subprocess.run(
        [*ISOLATED, script, str(unpacked), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"MYSFITS_API": "http://127.0.0.1:9", "CACHE_SECONDS": "300"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_handler_imports_from_the_zip_alone(unpacked: Path) -> None:
    told = run("import stream_processor; print(callable(stream_processor.handler))", unpacked)
    assert told.strip() == "True"


def test_everything_that_it_imports_is_in_the_zip_or_the_standard_library(unpacked: Path) -> None:
    code = (
        "import stream_processor, json; print(json.dumps({n: m.__file__ for n, m in sys.modules.items() "
        "if getattr(m, '__file__', None) and '.' not in n and n not in sys.stdlib_module_names}))"
    )
    found = json.loads(run(code, unpacked))
    assert {"requests", "urllib3", "idna", "certifi", "charset_normalizer"} <= found.keys()
    assert [path for path in found.values() if not path.startswith(str(unpacked))] == []


def test_the_root_certificates_are_there(unpacked: Path) -> None:
    """Without them not one HTTPS request of the processor would work."""
    told = run("import requests.certs, os; print(os.path.getsize(requests.certs.where()))", unpacked)
    assert int(told) > 100_000


def test_every_module_of_the_zip_compiles(archive: zipfile.ZipFile) -> None:
    modules = [name for name in archive.namelist() if name.endswith(".py")]
    assert len(modules) > 50
    for name in modules:
        compile(archive.read(name), name, "exec", dont_inherit=True)


def test_nothing_is_compiled(archive: zipfile.ZipFile) -> None:
    """It runs on arm64 and x86_64, and on any Python."""
    compiled = (".so", ".pyd", ".dylib", ".pyc", ".pyo", ".dll", ".exe")
    assert [name for name in archive.namelist() if name.endswith(compiled) or "__pycache__" in name] == []
    assert [
        name for name in archive.namelist() if archive.read(name)[:4] in (b"\x7fELF", b"MZ\x90\x00")
    ] == []


def test_every_file_of_the_distributions_is_there_unchanged(archive: zipfile.ZipFile) -> None:
    import requests

    directory = Path(requests.__file__).parent
    for path in directory.rglob("*.py"):
        name = f"requests/{path.relative_to(directory).as_posix()}"
        assert archive.read(name) == path.read_bytes()


def test_licences_go_along(archive: zipfile.ZipFile) -> None:
    """Who distributes these distributions has to."""
    licences = {name.split("-")[0] for name in archive.namelist() if ".dist-info/" in name}
    assert licences == {"requests", "urllib3", "idna", "certifi", "charset_normalizer"}


def test_nothing_of_this_machine_is_in_it(archive: zipfile.ZipFile) -> None:
    assert [name for name in archive.namelist() if name.startswith(("/", "..")) or "\\" in name] == []
    tops = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" not in name}
    assert tops == {"stream_processor.py", "requests", "urllib3", "idna", "certifi", "charset_normalizer"}
    assert [name for name in archive.namelist() if name.endswith(("RECORD", "direct_url.json"))] == []


def test_entries_are_sorted_dated_alike_stored_and_readable(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {EPOCH}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    # Lambda runs the code as another user.
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert {entry.create_system for entry in entries} == {3}


def test_another_process_with_other_hashes_and_another_zone_packs_the_same_bytes(tmp_path: Path) -> None:
    code = "from mysfits_stream.provision.processor_zip import processor_package as p; print(p().sha256)"
    for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=environment,
            cwd=tmp_path,
        )
        assert done.stdout.strip() == PACKAGE.sha256


def test_the_order_of_the_files_does_not_matter() -> None:
    files = {"b.py": b"b", "a/c.py": b"c", "a.py": b"a"}
    assert zipped(files) == zipped(dict(reversed(files.items())))
    assert zipped(files) != zipped({**files, "a.py": b"other"})


def test_the_digest_is_lambdas() -> None:
    expected = base64.b64encode(hashlib.sha256(PACKAGE.zip_bytes).digest()).decode()
    assert PACKAGE.sha256 == expected


def test_the_sources_are_named_with_their_versions() -> None:
    assert f"requests=={version('requests')}" in PACKAGE.sources
    assert list(PACKAGE.sources) == sorted(PACKAGE.sources)
    assert {source.split("==")[0].replace("-", "_") for source in PACKAGE.sources} == {
        "requests",
        "urllib3",
        "idna",
        "certifi",
        "charset_normalizer",
    }


def test_it_is_small_enough_to_be_sent_in_one_call() -> None:
    """F65: 50 MB by way of the API."""
    assert len(PACKAGE.zip_bytes) < 5_000_000


def test_requirements_of_an_egg_info_directory_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian's packages and older installations have them."""
    for name, required in (("an-egg", "another-egg>=1\n\n[tests]\npytest\n"), ("another-egg", "")):
        directory = tmp_path / f"{name.replace('-', '_')}-1.0.egg-info"
        directory.mkdir()
        (directory / "PKG-INFO").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (directory / "requires.txt").write_text(required)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [found.name for found in _closure(["an-egg"])] == ["an-egg", "another-egg"]
