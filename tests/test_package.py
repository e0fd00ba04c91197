"""The package: built, checked, installed into an empty environment, and run."""

from __future__ import annotations

import re
import site
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs.generate import licenses
from mysfits_stream import __version__
from mysfits_stream.localcloud.version import VERSION
from release.readme import portable

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
REPOSITORY = "https://git.example.com/shop/stream/blob/v1"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the sdist and the wheel."""
    directory = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(directory), str(ROOT))
    return directory


def run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_an_index_accepts_sdist_and_wheel(dist: Path) -> None:
    printed = run(sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(dist.iterdir())))
    assert printed.count("PASSED") == 2


@pytest.mark.slow
def test_the_wheel_carries_licence_types_and_data_and_no_test(dist: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"mysfits_stream-{__version__}.dist-info/METADATA").decode()
    assert {"mysfits_stream/py.typed", "mysfits_stream/web/clicks.js", "mysfits_stream/config.yaml"} <= names
    assert f"mysfits_stream-{__version__}.dist-info/licenses/LICENSE" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]
    assert "License-Expression: Apache-2.0" in metadata
    assert "](docs/" not in metadata


@pytest.mark.slow
def test_the_sdist_has_what_the_tests_need(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"tests/conftest.py", "requirements/dev.txt", "Makefile", "LICENSE", "config.yaml"} <= names
    assert not [name for name in names if "cache" in name.split("/")[0]]


@pytest.mark.slow
def test_the_installed_wheel_runs_in_an_empty_environment(dist: Path, tmp_path: Path) -> None:
    home = tmp_path / "empty"
    run(sys.executable, "-m", "venv", "--without-pip", str(home))
    python = home / "bin" / "python"
    target = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(target)  # noqa: S202 - the wheel that this test has built
    # The dependencies of this environment, after the wheel; the network is not for tests.
    others = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (target / "dependencies.pth").write_text("\n".join(others), encoding="utf-8")
    command = "import sys; from mysfits_stream.cli import main; main(sys.argv[1:])"
    assert run(str(python), "-P", "-c", command, "--version", cwd=tmp_path).split()[-1] == __version__
    exported = run(str(python), "-P", "-c", command, "export", "--format", "sam", cwd=tmp_path)
    assert yaml.safe_load(exported)["Transform"].startswith("AWS::Serverless")
    where = run(
        str(python), "-P", "-c", "import mysfits_stream; print(mysfits_stream.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(home)


def test_pictures_and_links_of_the_readme_work_outside_the_repository() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    released = portable(text, REPOSITORY)
    addresses = re.findall(r"\]\(([^)]+)\)", released)
    assert addresses
    assert all(address.startswith(("https://", "#")) for address in addresses)
    assert f"]({REPOSITORY}/docs/pictures/page.png?raw=true)" in released
    assert f"]({REPOSITORY}/docs/commands.md)" in released
    alone = portable(text, None)
    assert not re.findall(r"\]\((?!https?:|#)", alone)
    assert "continuous integration" in alone, "the text of a link stays"


def test_the_changelog_begins_with_this_version_and_says_what_kind_each_change_is() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+)", text, re.MULTILINE)
    assert versions[0] == __version__ == VERSION
    latest = text.partition("\n## ")[2].partition("\n## ")[0]
    kinds = re.findall(r"^### (.+)$", latest, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert len(kinds) == len(set(kinds))


def workflow(name: str) -> Any:
    return yaml.safe_load((WORKFLOWS / name).read_text(encoding="utf-8"))


def test_ci_runs_every_python_that_the_package_names() -> None:
    pythons = workflow("ci.yml")["jobs"]["check"]["strategy"]["matrix"]["python"]
    named = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    )
    assert pythons == named
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in pythons


def test_a_release_is_one_tag_and_stores_no_token() -> None:
    text = (WORKFLOWS / "release.yml").read_text(encoding="utf-8")
    release = workflow("release.yml")
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in text
    assert release["jobs"]["publish"]["needs"] == "build"


@pytest.mark.parametrize("name", ["ci.yml", "release.yml"])
def test_each_make_target_of_a_workflow_exists(name: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    called = re.findall(
        r"run: make ([a-z -]+)$", (WORKFLOWS / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    assert called
    assert {word for words in called for word in words.split()} <= set(targets)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the page lists what Python 3.11 installs")
def test_the_licences_of_dependencies_are_listed() -> None:
    assert (ROOT / "docs" / "licenses.md").read_text(encoding="utf-8") == licenses.document()


def test_target_local_is_refused_on_windows_in_one_line(tmp_path: Path) -> None:
    code = (
        "import sys, mysfits_stream.cli as cli, mysfits_stream.output.console\n"
        "sys.platform = 'win32'\n"
        "cli.main(['local', 'list'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: target local does not run on Windows; run mysfits-stream in WSL, or name --target aws\n"
    )
