"""The state file is true after every change and crash, and never half written."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mysfits_stream.errors import StateError
from mysfits_stream.files import write_atomically
from mysfits_stream.provision.resource import Diff, Observed, Placement, Properties, Template
from mysfits_stream.provision.state import State


@dataclass(frozen=True)
class Thing:
    name: str
    desired: Properties = field(default_factory=dict)
    type: ClassVar[str] = "Test::Thing"

    @property
    def placement(self) -> Placement:
        raise AssertionError("the state file names no placement")

    def template(self) -> Template:
        return {}

    def read(self) -> Observed | None:
        return None

    def create(self) -> None: ...

    def update(self, diff: Diff) -> None: ...

    def tag(self, arn: str) -> None: ...

    def delete(self) -> None: ...

    def settle(self) -> None: ...


def state(path: Path, *old_path: Path, **changed: str) -> State:
    identity = {"stack": "clicks", "account": "123456789012", "region": "eu-west-1", **changed}
    return State(path, **identity, old_path=old_path[0] if old_path else None)


def seen(name: str) -> Observed:
    return Observed(f"id-of-{name}", f"arn:{name}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "states" / "clicks.json"


def test_what_was_recorded_is_read_again(path: Path) -> None:
    first = state(path)
    first.record(Thing("bucket"), seen("bucket"))
    first.record(Thing("api"), seen("api"))
    first.set_endpoint("https://example.com/prod")

    again = state(path)
    assert again.endpoint == "https://example.com/prod"
    assert again.resources == {
        "api": {"type": "Test::Thing", "id": "id-of-api", "arn": "arn:api"},
        "bucket": {"type": "Test::Thing", "id": "id-of-bucket", "arn": "arn:bucket"},
    }


def test_nothing_is_written_before_there_is_something_to_say(path: Path) -> None:
    empty = state(path)
    empty.set_endpoint("https://example.com/prod")
    empty.forget(Thing("bucket"))
    assert not path.exists()


def test_the_file_goes_with_the_last_resource(path: Path) -> None:
    kept = state(path)
    kept.record(Thing("a"), seen("a"))
    kept.record(Thing("b"), seen("b"))
    kept.forget(Thing("a"))
    assert json.loads(path.read_text())["resources"].keys() == {"b"}
    kept.forget(Thing("b"))
    assert list(path.parent.iterdir()) == []


def test_what_is_so_already_is_not_written_again(path: Path) -> None:
    kept = state(path)
    kept.record(Thing("a"), seen("a"))
    before = path.stat()
    kept.record(Thing("a"), seen("a"))
    assert path.stat().st_ino == before.st_ino


def test_a_file_that_somebody_removed_is_written_again(path: Path) -> None:
    kept = state(path)
    kept.record(Thing("a"), seen("a"))
    path.unlink()
    kept.record(Thing("a"), seen("a"))
    assert json.loads(path.read_text())["resources"].keys() == {"a"}


def test_several_threads_may_record_at_once(path: Path) -> None:
    kept = state(path)
    names = [f"thing-{number}" for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda name: kept.record(Thing(name), seen(name)), names))
        assert state(path).resources.keys() == set(names)
        list(pool.map(lambda name: kept.forget(Thing(name)), names[1:]))
    assert state(path).resources.keys() == {names[0]}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: "", id="empty"),
        pytest.param(lambda text: text[: len(text) // 2], id="cut off"),
        pytest.param(lambda text: "[]", id="a list"),
        pytest.param(lambda text: "{}", id="without anything"),
        pytest.param(lambda text: "null", id="null"),
        pytest.param(lambda text: "[" * 100_000, id="nested too deeply"),
        pytest.param(lambda text: text.replace('"version": 1', '"version": "one"'), id="a version in words"),
        pytest.param(lambda text: text.replace('"resources"', '"things"'), id="without resources"),
        pytest.param(lambda text: text.replace('"arn:a"', "{}").replace('"id"', '"di"'), id="without an id"),
        pytest.param(lambda text: "\x00" * len(text), id="nulls, as some file systems leave"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_lost(path: Path, damage: Callable[[str], str]) -> None:
    state(path).record(Thing("a"), seen("a"))
    path.write_text(damage(path.read_text()))
    with pytest.raises(StateError) as raised:
        state(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: damaged (") and "Move it away: nothing is lost" in text
    assert "\n" not in text


def test_a_file_that_is_no_text_is_damaged(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StateError, match="damaged"):
        state(path)


@pytest.mark.skipif(os.name != "posix", reason="links are everybody's on POSIX only")
@pytest.mark.parametrize("target", ["/dev/zero", "/etc/hosts"])
def test_a_link_is_not_read(path: Path, target: str) -> None:
    """A repository can contain a link to a device, which has no end."""
    path.parent.mkdir()
    path.symlink_to(target)
    with pytest.raises(StateError, match=r"damaged .* Move it away"):
        state(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes with names are POSIX's")
def test_what_is_no_file_or_too_long_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(StateError, match="Is not a regular file"):
        state(path)
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(StateError, match="File too large"):
        state(path)


def test_a_file_of_another_format_is_refused(path: Path) -> None:
    state(path).record(Thing("a"), seen("a"))
    path.write_text(path.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(StateError, match="has format 99, and this version of mysfits-stream reads format 1"):
        state(path)


@pytest.mark.parametrize(
    ("key", "other"), [("stack", "other"), ("account", "210987654321"), ("region", "us-east-1")]
)
def test_a_file_of_another_is_refused(path: Path, key: str, other: str) -> None:
    state(path).record(Thing("a"), seen("a"))
    before = path.read_bytes()
    with pytest.raises(StateError, match=f"belongs to {key} .*, and this run is for {key} {other}. Choose"):
        state(path, **{key: other})
    assert path.read_bytes() == before


def test_the_file_of_an_earlier_version_is_read_and_replaced_by_the_first_write(path: Path) -> None:
    old_path = path.with_name("state-aws.json")
    old = state(old_path)
    old.record(Thing("a"), seen("a"))
    old.set_endpoint("https://example.com/prod")

    kept = state(path, old_path)
    assert (kept.endpoint, [*kept.resources]) == ("https://example.com/prod", ["a"])
    assert old_path.exists() and not path.exists()
    kept.record(Thing("a"), seen("a"))
    assert not old_path.exists()
    assert (state(path, old_path).endpoint, [*kept.resources]) == ("https://example.com/prod", ["a"])


def test_the_file_of_an_earlier_version_goes_with_the_last_resource(path: Path) -> None:
    old_path = path.with_name("state-aws.json")
    state(old_path).record(Thing("a"), seen("a"))
    state(path, old_path).forget(Thing("a"))
    assert [*path.parent.iterdir()] == []


@pytest.mark.parametrize(
    ("key", "other"), [("stack", "other"), ("account", "210987654321"), ("region", "us-east-1")]
)
def test_the_file_of_an_earlier_version_that_belongs_to_another_stays(
    path: Path, key: str, other: str
) -> None:
    old_path = path.with_name("state-aws.json")
    state(old_path, **{key: other}).record(Thing("a"), seen("a"))
    before = old_path.read_bytes()
    kept = state(path, old_path)
    assert kept.resources == {}
    kept.record(Thing("b"), seen("b"))
    assert old_path.read_bytes() == before


@pytest.mark.parametrize(("text", "says"), [("[" * 100_000, "damaged"), ('{"version": 99}', "has format 99")])
def test_the_file_of_an_earlier_version_that_cannot_be_read_is_named(
    path: Path, text: str, says: str
) -> None:
    old_path = path.with_name("state-aws.json")
    old_path.parent.mkdir()
    old_path.write_text(text)
    with pytest.raises(StateError, match=f"state-aws.json: {says}"):
        state(path, old_path)


# What a process does that dies at this point of the writing, by the operating system's own means.
DYING = """
import os, sys
from pathlib import Path
from mysfits_stream.files import write_atomically

def die(event, arguments):
    if event == sys.argv[2]:
        os._exit(9)

sys.addaudithook(die)
write_atomically(Path(sys.argv[1]), "new" * 1000)
"""


@pytest.mark.parametrize("moment", ["open", "os.rename"])
def test_a_process_killed_between_writing_and_replacing_leaves_the_old_file(path: Path, moment: str) -> None:
    kept = state(path)
    kept.record(Thing("a"), seen("a"))
    died = subprocess.run([sys.executable, "-c", DYING, str(path), moment], timeout=60, check=False)
    assert died.returncode == 9
    assert state(path).resources.keys() == {"a"}
    # What it left behind disturbs nobody.
    kept.record(Thing("b"), seen("b"))
    assert state(path).resources.keys() == {"a", "b"}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(path: Path) -> None:
    write_atomically(path, "old")
    unwritable: Any = "\udc80"  # no file in UTF-8 can hold this
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, unwritable)
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda path: path.parent.write_text(""), id="a file in the directory's place"),
        pytest.param(lambda path: (path / "x").mkdir(parents=True), id="a directory in the file's place"),
        pytest.param(
            lambda path: path.parent.symlink_to("not/there"),
            id="a link that leads nowhere",
            marks=pytest.mark.skipif(os.name != "posix", reason="links are everybody's on POSIX only"),
        ),
    ],
)
def test_where_no_file_can_be_kept_is_said_in_one_line(path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    with pytest.raises(StateError) as raised:
        write_atomically(path, "text")
    assert str(raised.value).startswith(f"{path.parent}: cannot be used (")
    assert "\n" not in str(raised.value)


def test_a_directory_that_is_spoilt_on_the_way_is_said_in_one_line(path: Path) -> None:
    kept = state(path)
    kept.record(Thing("a"), seen("a"))
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        kept.record(Thing("b"), seen("b"))
    with pytest.raises(StateError, match="cannot be used"):
        kept.forget(Thing("b"))
        kept.forget(Thing("a"))


@pytest.mark.skipif(os.name != "posix", reason="links are everybody's on POSIX only")
@pytest.mark.parametrize("link", ["clicks.json", "clicks.json.new", "."])
def test_no_file_is_written_through_a_symbolic_link(path: Path, tmp_path: Path, link: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if link == ".":
        elsewhere.mkdir()
        path.parent.symlink_to(elsewhere)
        with pytest.raises(StateError, match="Is a symbolic link"):
            write_atomically(path, "text")
        assert list(elsewhere.iterdir()) == []
        return
    elsewhere.write_text("precious")
    path.parent.mkdir()
    (path.parent / link).symlink_to(elsewhere)
    write_atomically(path, "text")
    assert (elsewhere.read_text(), path.read_text(), path.is_symlink()) == ("precious", "text", False)


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_the_file_is_the_users_alone(path: Path) -> None:
    write_atomically(path, "text")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
