"""With ``keep``, every accepted record comes back once, whenever the local cloud is killed."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests

from mysfits_stream.localcloud.files import KeepingError
from mysfits_stream.localcloud.firehose.journal import DamagedError, Journal, Put, read
from mysfits_stream.localcloud.server import LocalCloud
from mysfits_stream.localcloud.settings import Settings
from tests.localcloud.test_server import click_pipeline
from tests.support.clock import Clock
from tests.support.cloud import CloudUnderTest

PUT = Put("eu-west-1", "clicks", 1.5, 1000, (b"a", b"b"))


class Kept:
    """A local cloud that persists its state; a kill leaves the directory as it is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = Clock()
        self.cloud = self.started(directory)
        self.under_test = CloudUnderTest(self.cloud, self.clock)

    def started(self, directory: Path) -> LocalCloud:
        settings = Settings(time_scale=1, access="open")
        cloud = LocalCloud(settings, now=self.clock, background=False, keep=directory)
        cloud.start()
        return cloud

    def kill(self, copy: Path) -> None:
        """Go on with the files of this moment; later work of the killed process is lost."""
        shutil.copytree(self.directory, copy)
        self.cloud.stop()
        self.directory = copy
        self.cloud = self.started(copy)
        self.under_test = CloudUnderTest(self.cloud, self.clock)

    def click(self, url: str, user: str) -> int:
        path = url.removeprefix(url[: url.index("/restapis")])
        click = {"userId": user, "mysfitId": "m-1"}
        return requests.put(f"{self.cloud.endpoint}{path}", json=click, timeout=10).status_code

    def deliver(self) -> None:
        for _ in range(3):
            self.under_test.advance(60)

    def users(self) -> list[str]:
        s3 = self.under_test.client("s3")
        found = s3.list_objects_v2(Bucket="clicks").get("Contents", [])
        bodies = [s3.get_object(Bucket="clicks", Key=each["Key"])["Body"].read() for each in found]
        return sorted(json.loads(line)["userId"] for body in bodies for line in body.splitlines())


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    made = Kept(tmp_path / "kept")
    yield made
    made.cloud.stop()


def test_clicks_since_the_last_save_come_back_after_a_kill(kept: Kept, tmp_path: Path) -> None:
    url = click_pipeline(kept.under_test)
    assert [kept.click(url, user) for user in "abc"] == [200] * 3
    kept.kill(tmp_path / "killed")
    assert kept.click(url, "d") == 200
    kept.deliver()
    assert kept.users() == ["a", "b", "c", "d"]


@pytest.mark.parametrize("seconds", [0, 60, 120], ids=["buffered", "processed", "delivered"])
@pytest.mark.parametrize("saved", [False, True])
def test_a_kill_at_any_stage_neither_loses_nor_doubles_a_click(
    kept: Kept, tmp_path: Path, seconds: int, saved: bool
) -> None:
    url = click_pipeline(kept.under_test)
    assert [kept.click(url, user) for user in "ab"] == [200] * 2
    for _ in range(seconds // 60):
        kept.under_test.advance(60)
    if saved:
        kept.cloud.save()
    assert kept.click(url, "c") == 200
    kept.kill(tmp_path / "killed")
    kept.kill(tmp_path / "killed again")
    kept.deliver()
    assert kept.users() == ["a", "b", "c"]


def test_records_in_buffers_come_back_after_a_stop(kept: Kept) -> None:
    url = click_pipeline(kept.under_test)
    assert kept.click(url, "a") == 200
    kept.cloud.stop()
    kept.cloud = kept.started(kept.directory)
    kept.under_test = CloudUnderTest(kept.cloud, kept.clock)
    kept.deliver()
    assert kept.users() == ["a"]


def test_a_click_that_cannot_be_kept_is_not_accepted(kept: Kept, tmp_path: Path) -> None:
    url = click_pipeline(kept.under_test)
    assert kept.click(url, "a") == 200
    kept.cloud.firehose.journal = full_disk
    assert kept.click(url, "b") == 502
    kept.kill(tmp_path / "killed")
    kept.deliver()
    assert kept.users() == ["a"]


def full_disk(put: Put) -> None:
    raise OSError(28, "No space left on device")


def test_two_local_clouds_do_not_keep_in_one_directory(kept: Kept) -> None:
    with pytest.raises(KeepingError, match="another local cloud keeps its resources there"):
        kept.started(kept.directory)


@pytest.mark.parametrize("change", ["removed", "renamed", "linked"])
def test_a_directory_that_is_gone_is_made_again_with_everything(
    kept: Kept, tmp_path: Path, change: str
) -> None:
    url = click_pipeline(kept.under_test)
    assert kept.click(url, "a") == 200
    kept.cloud.save()
    if change == "removed":
        shutil.rmtree(kept.directory)
    else:
        kept.directory.rename(tmp_path / "elsewhere")
    if change == "linked":
        (tmp_path / "other").mkdir()
        kept.directory.symlink_to("other")
    kept.cloud.save()
    assert kept.click(url, "b") == 200
    with pytest.raises(KeepingError, match="another local cloud keeps its resources there"):
        kept.started(kept.directory)
    kept.kill(tmp_path / "killed")
    kept.deliver()
    assert kept.users() == ["a", "b"]


def test_a_directory_that_another_local_cloud_has_taken_is_left_to_it(kept: Kept, tmp_path: Path) -> None:
    kept.directory.rename(tmp_path / "elsewhere")
    other = kept.started(kept.directory)
    try:
        with pytest.raises(KeepingError, match="another local cloud keeps its resources there"):
            kept.cloud.save()
    finally:
        other.stop()
    kept.cloud.save()


@pytest.mark.parametrize("damage", [b"x" * 100, b"\x00\x00\x00\x05\x00\x00\x00\x00hello", b"\xff" * 8])
def test_a_damaged_journal_is_refused_and_not_skipped(tmp_path: Path, damage: bytes) -> None:
    written = journal(tmp_path)
    written.append(PUT)
    place = written.length
    written.close()
    [path] = tmp_path.iterdir()
    path.write_bytes(path.read_bytes() + damage)
    entries = read(tmp_path, 0)
    assert next(entries) == PUT
    with pytest.raises(DamagedError, match=f"damaged at byte {place}; move the file away"):
        next(entries)


def journal(directory: Path) -> Journal:
    made = Journal(directory)
    made.begin_next()
    return made


def test_the_journal_gives_back_what_was_appended_in_order(tmp_path: Path) -> None:
    written = journal(tmp_path)
    written.append(PUT)
    second = written.begin_next()
    written.append(Put("eu-west-1", "clicks", 1.5, 2000, (b"c",)))
    written.close()
    assert [put.arrived for put in read(tmp_path, 0)] == [1000, 2000]
    assert [put.arrived for put in read(tmp_path, second)] == [2000]
    written.remove_before(second)
    assert [put.arrived for put in read(tmp_path, 0)] == [2000]


@pytest.mark.parametrize("cut", range(1, 30))
def test_an_entry_that_a_kill_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    written = journal(tmp_path)
    written.append(PUT)
    whole = written.length
    written.append(PUT)
    written.close()
    [path] = tmp_path.iterdir()
    os.truncate(path, whole + cut)
    assert list(read(tmp_path, 0)) == [PUT]


def test_a_change_that_a_save_has_missed_is_saved_later(kept: Kept, tmp_path: Path) -> None:
    plane = kept.cloud.control_plane
    answer = plane.rest_apis.handle

    def save_first(request: Any) -> Any:
        # The change has begun, and is not there yet.
        kept.cloud.save()
        return answer(request)

    plane.rest_apis.handle = save_first  # type: ignore[method-assign]
    api = kept.under_test.client("apigateway").create_rest_api(name="clicks")["id"]
    kept.cloud.save()
    kept.kill(tmp_path / "killed")
    assert kept.under_test.client("apigateway").get_rest_api(restApiId=api)["name"] == "clicks"
