"""Files of the local cloud: regular files only, of a bounded size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mysfits_stream.localcloud import files
from mysfits_stream.localcloud.daemon.files import Files


def spoil(path: Path, kind: str) -> None:
    """Put something else than a file of ours at the path, as a repository can contain it."""
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    elif kind == "a long file":
        with path.open("wb") as file:
            file.truncate(1 << 30)
    else:
        path.symlink_to(kind)


@pytest.mark.parametrize("kind", ["/dev/zero", "/etc/hosts", "a pipe", "a directory", "a long file"])
def test_a_state_file_from_elsewhere_is_not_read(tmp_path: Path, kind: str) -> None:
    spoil(Files(tmp_path).state, kind)
    with pytest.raises(OSError, match=r"link|regular file|too large"):
        files.read_file(Files(tmp_path).state)
    assert Files(tmp_path).read_state() is None


def test_of_a_long_log_the_end_is_read(tmp_path: Path) -> None:
    log = Files(tmp_path).log
    assert Files(tmp_path).log_tail(2) == []
    spoil(log, "a long file")
    with log.open("ab") as file:
        file.write(b"\none\ntwo\nthree\n")
    assert Files(tmp_path).log_tail(2) == ["two", "three"]


@pytest.mark.parametrize("kind", ["/dev/zero", "a pipe"])
def test_a_log_from_elsewhere_is_neither_read_nor_written(tmp_path: Path, kind: str) -> None:
    spoil(Files(tmp_path).log, kind)
    with pytest.raises(OSError, match=r"link|regular file"):
        Files(tmp_path).log_tail(2)
    with pytest.raises(OSError, match=r"link|regular file|No such device"):
        files.open_file(Files(tmp_path).log, os.O_WRONLY | os.O_CREAT)


@pytest.mark.parametrize("kind", ["/dev/zero", "a pipe", "a directory", "a long file"])
def test_whatever_is_in_place_of_the_scratch_directory_is_removed(tmp_path: Path, kind: str) -> None:
    place = Files(tmp_path)
    spoil(place.scratch, kind)
    place.remove_scratch()
    assert not os.path.lexists(place.scratch)
