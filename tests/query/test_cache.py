"""The cache: fetched once, never stale, whole after a crash, private, bounded."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from mysfits_stream.errors import StateError
from mysfits_stream.query import cache as caching
from mysfits_stream.query import parts
from mysfits_stream.query.cache import remove
from tests.support.asking import Asking
from tests.support.clicks_bucket import NOON, Clock, MemoryS3, enriched, key, lines

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
COUNT = "SELECT count(*) FROM clicks"
USERS = 'SELECT "userId" FROM clicks ORDER BY 1'


@pytest.fixture
def asking(tmp_path: Path) -> Asking:
    """Three hours with two objects each."""
    found = Asking(MemoryS3(Clock(NOON + 3 * HOUR)), tmp_path)
    for hour in range(3):
        for number in range(2):
            at = NOON + hour * HOUR + number * MINUTE
            found.s3.objects[key(at)] = lines(
                enriched(at, f"u{hour}{number}", clickId=f"click-{hour}{number}")
            )
    return found


def test_an_object_is_fetched_once(asking: Asking) -> None:
    assert asking.ask(COUNT) == [(6,)]
    assert sorted(asking.fetched()) == sorted(asking.s3.objects)
    assert asking.ask(USERS) == [(f"u{hour}{number}",) for hour in range(3) for number in range(2)]
    assert asking.fetched() == []


def test_only_new_objects_are_fetched(asking: Asking) -> None:
    asking.ask(COUNT)
    asking.fetched()
    late = key(NOON + 5 * MINUTE)
    asking.s3.objects[late] = lines(enriched(NOON, "late"))
    assert asking.ask(COUNT) == [(7,)]
    assert asking.fetched() == [late]


def test_a_range_fetches_its_objects_less_the_buffers_and_an_hour_up_to_now(asking: Asking) -> None:
    # 14:30 less six minutes of buffers and an hour: the hour of 13:24, as a whole.
    assert asking.ask(COUNT, NOON + timedelta(hours=2, minutes=30)) == [(0,)]
    assert sorted(asking.fetched()) == sorted(each for each in asking.s3.objects if "/12/" not in each)


def test_a_replaced_object_is_fetched_again(asking: Asking) -> None:
    asking.ask(COUNT)
    asking.fetched()
    replaced = key(NOON)
    asking.s3.objects[replaced] = lines(enriched(NOON, "other"), enriched(NOON, "another"))
    assert ("u00",) not in (found := asking.ask(USERS))
    assert {("other",), ("another",)} <= set(found)
    assert replaced in asking.fetched()
    assert not any(b"u00" in path.read_bytes() for path in asking.files())


def test_clicks_of_a_deleted_object_are_gone_from_the_answer_and_from_the_disk(asking: Asking) -> None:
    asking.ask(COUNT)
    for each in [each for each in asking.s3.objects if "/13/" in each]:
        del asking.s3.objects[each]
    assert asking.ask(COUNT) == [(4,)]
    assert not any("2026112313" in path.name for path in asking.files())


def test_an_object_that_is_replaced_between_list_and_get_is_read_again(asking: Asking) -> None:
    """The file knows the ETag of the content that it holds, not of the content that was listed."""
    first = key(NOON)
    content = asking.s3.objects[first]
    get = asking.s3.get_object

    def replace_and_get(Bucket: str, Key: str) -> object:
        if Key == first:
            asking.s3.objects[first] = lines(enriched(NOON, "between"))
        return get(Bucket, Key)

    asking.s3.get_object = replace_and_get  # type: ignore[method-assign]
    assert ("between",) in asking.ask(USERS)
    asking.s3.get_object = get  # type: ignore[method-assign]
    asking.s3.objects[first] = content
    assert ("u00",) in asking.ask(USERS)


def test_another_definition_makes_the_files_again(asking: Asking) -> None:
    from dataclasses import replace

    asking.ask(COUNT)
    asking.fetched()
    asking.definition = replace(asking.definition, fields=asking.definition.fields[:1])
    assert asking.ask(COUNT) == [(6,)]
    assert len(asking.fetched()) == 6
    assert len(asking.files()) == 3


def test_a_closed_hour_becomes_one_file_and_an_open_hour_has_few(asking: Asking) -> None:
    for number in range(12):
        at = NOON + 2 * HOUR + (number + 10) * MINUTE
        asking.s3.objects[key(at)] = lines(enriched(at, f"n{number}"))
        asking.ask(COUNT)
        assert len(asking.files()) <= 3 + caching.MOST_OPEN_PARTS
    asking.s3.clock.at = NOON + 3 * HOUR + caching.CLOSED_AFTER
    asking.fetched()
    assert asking.ask(COUNT) == [(18,)]
    assert asking.fetched() == []
    assert len(asking.files()) == 3


def test_a_crash_between_a_merge_and_its_end_counts_no_click_twice(asking: Asking) -> None:
    asking.ask(COUNT)
    at = NOON + 10 * MINUTE
    asking.s3.objects[key(at)] = lines(enriched(at, "v0"))
    asking.ask(COUNT)
    merged_from = {path: path.read_bytes() for path in asking.files()}
    asking.s3.clock.at += caching.CLOSED_AFTER
    assert asking.ask(COUNT) == [(7,)]
    for path, content in merged_from.items():  # as if they had not been deleted
        path.write_bytes(content)
    assert asking.ask(COUNT) == [(7,)]
    assert len(asking.files()) == 3


def test_a_damaged_file_is_made_again(asking: Asking) -> None:
    asking.ask(COUNT)
    asking.fetched()
    damaged, cut, _ = asking.files()
    damaged.write_bytes(b"PAR1 and no more")
    cut.write_bytes(cut.read_bytes()[:-20])
    assert asking.ask(COUNT) == [(6,)]
    assert len(asking.fetched()) == 4


def test_files_are_private_and_nothing_of_a_query_is_left(asking: Asking) -> None:
    asking.ask(COUNT)
    directory = asking.cache.directory
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.glob("*.parquet")} == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [path for path in directory.iterdir() if path.name.startswith("run-")] == []


def test_what_a_killed_query_left_is_deleted_and_a_running_querys_files_stay(asking: Asking) -> None:
    asking.ask(COUNT)
    directory = asking.cache.directory
    killed, running = directory / "run-killed", directory / "run-running"
    for each in (killed, running):
        each.mkdir()
        (each / "lines.json").write_text("clicks")
    with FileLock(running / "lock"):
        asking.ask(COUNT)
        assert not killed.exists()
        assert running.exists()
    asking.ask(COUNT)
    assert not running.exists()


def test_queries_at_once_give_the_same_answer(asking: Asking) -> None:
    found: list[object] = []

    def ask() -> None:
        other = Asking(asking.s3, asking.directory)
        found.append(other.ask(COUNT))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[(6,)]] * 4
    assert len(asking.fetched()) == 6


def test_a_query_goes_on_when_its_files_are_deleted_by_another(asking: Asking) -> None:
    from mysfits_stream.query import engine
    from tests.support.clicks_bucket import clicks_bucket

    cache = asking.cache
    with parts.connection() as duck, cache.directory_of_run() as run:
        select = engine.checked(duck, COUNT)
        now = asking.s3.clock.at
        snapshot = cache.snapshot(duck, run, clicks_bucket(asking.s3), None, now, asking.problems)
        for path in cache.directory.glob("*.parquet"):
            path.unlink()
        with engine.opened(duck, snapshot, cache.columns, None, now, None) as opened:
            assert list(opened.run(select).values) == [(6,)]


def test_the_files_that_were_used_least_recently_go_first(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking.ask(COUNT)
    for path in asking.files():
        os.utime(path, (0, 0))
    size = sum(path.stat().st_size for path in asking.cache.directory.glob("*.parquet"))
    monkeypatch.setattr(caching, "MOST_BYTES", size - 1)
    asking.ask(COUNT, NOON + timedelta(hours=2, minutes=30))
    assert {path.name[:10] for path in asking.files()} == {"2026112313", "2026112314"}
    asking.fetched()
    assert asking.ask(COUNT) == [(6,)]
    assert all("/12/" in each for each in asking.fetched())


def test_a_cache_larger_than_the_limit_still_answers(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "MOST_BYTES", 0)
    assert asking.ask(COUNT) == [(6,)]
    assert list(asking.cache.directory.glob("*.parquet")) == []


@pytest.mark.parametrize("level", ["cache", "cache/stack"])
def test_a_symbolic_link_in_place_of_a_directory_is_rejected(
    asking: Asking, tmp_path: Path, level: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = asking.directory / level
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(StateError, match="symbolic link"):
        asking.ask(COUNT)
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_a_file_is_replaced_and_its_destination_untouched(
    asking: Asking, tmp_path: Path
) -> None:
    asking.ask(COUNT)
    destination = tmp_path / "destination"
    parts = list(asking.cache.directory.glob("*.parquet"))
    shutil.copyfile(parts[0], destination)
    before = destination.read_bytes()
    for part in parts:
        part.unlink()
        part.symlink_to(destination)
    assert asking.ask(COUNT) == [(6,)]
    assert destination.read_bytes() == before
    assert not any(path.is_symlink() for path in asking.cache.directory.iterdir())


def test_a_question_before_the_fetch_may_stop_it(asking: Asking) -> None:
    from dataclasses import replace

    class Refused(Exception):
        pass

    def refuse(missing: caching.Missing) -> None:
        raise Refused(missing)

    cache = replace(asking.cache, confirm=refuse)
    from tests.support.clicks_bucket import clicks_bucket

    with (
        parts.connection() as duck,
        cache.directory_of_run() as run,
        pytest.raises(Refused) as raised,
    ):
        cache.snapshot(duck, run, clicks_bucket(asking.s3), None, asking.s3.clock.at, asking.problems)
    size = sum(map(len, asking.s3.objects.values()))
    assert raised.value.args == (caching.Missing(6, size),)
    assert asking.fetched() == []


def test_progress_counts_objects_and_bytes(asking: Asking) -> None:
    asking.ask(COUNT)
    [wanted] = asking.fetches
    assert wanted == caching.Missing(6, sum(map(len, asking.s3.objects.values())))
    assert [each.objects for each in asking.progress] == [1, 2, 3, 4, 5, 6]
    assert asking.progress[-1].bytes == wanted.bytes


def test_removal_deletes_one_stacks_cache_and_then_the_folder(asking: Asking, tmp_path: Path) -> None:
    asking.ask(COUNT)
    other = asking.cache.directory.with_name("other")
    other.mkdir()
    remove(asking.cache.directory)
    assert not asking.cache.directory.exists()
    assert other.exists()
    remove(other)
    remove(other)
    assert not other.parent.exists()


def test_removal_does_not_follow_a_link(asking: Asking, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("x")
    asking.cache.directory.parent.mkdir()
    asking.cache.directory.symlink_to(elsewhere)
    remove(asking.cache.directory)
    assert (elsewhere / "precious").exists()
    assert not asking.cache.directory.is_symlink()


@pytest.mark.parametrize(
    "prefix", ["", "!{timestamp:dd}/x/", "year=!{timestamp:yyyy}/month=!{timestamp:MM}/"]
)
def test_other_prefixes_list_what_they_name(tmp_path: Path, prefix: str) -> None:
    from mysfits_stream.clicks import prefixes

    found = Asking(MemoryS3(Clock(NOON + HOUR)), tmp_path)
    folder = prefixes.of_hour(prefixes.delivered_pattern(prefix), NOON)
    found.s3.objects[folder + key(NOON).rpartition("/")[2]] = lines(enriched(NOON, "u"))
    assert found.ask(COUNT, prefix=prefix) == [(1,)]


def test_removal_waits_for_a_query_that_updates_the_cache(asking: Asking) -> None:
    asking.ask(COUNT)
    directory = asking.cache.directory
    with FileLock(directory / "lock"):
        thread = threading.Thread(target=remove, args=[directory])
        thread.start()
        (directory / "late.parquet").write_bytes(b"read before the removal")
    thread.join(10)
    assert not directory.exists()


def test_a_link_in_place_of_the_lock_keeps_its_destination(asking: Asking, tmp_path: Path) -> None:
    asking.ask(COUNT)
    precious = tmp_path / "precious"
    precious.write_text("x")
    lock = asking.cache.directory / "lock"
    lock.unlink()
    lock.symlink_to(precious)
    asking.ask(COUNT)
    assert precious.read_text() == "x"
    assert not lock.is_symlink()


def test_work_that_does_not_fit_into_memory_is_done_with_more(tmp_path: Path) -> None:
    from mysfits_stream.config import Config
    from mysfits_stream.query import schema

    written = tmp_path / "lines"
    clicks = [enriched(NOON, f"{n}" * 9, clickId=f"click-{n:06}") for n in range(20_000)]
    written.write_bytes(lines(*clicks))
    with parts.connection(memory="3MB") as duck:
        parts.spill_into(duck, tmp_path)
        files = parts.PartFiles(duck, schema.columns(Config().definition))
        made = files.write(written, tmp_path / "p.parquet", frozenset({("k", "e")}), len(clicks), 0)
        limit = duck.execute("SELECT current_setting('memory_limit')").fetchone()
    assert made == len(clicks)
    assert limit == ("953.6 MiB",)


def test_no_progress_bar_of_duckdb_joins_the_result() -> None:
    with parts.connection() as duck:
        found = duck.execute("SELECT current_setting('enable_progress_bar')").fetchone()
    assert found == (False,)
